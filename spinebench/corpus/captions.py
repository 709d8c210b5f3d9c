"""Numbers of figures as captions and sentences write them, English and Chinese."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from spinebench.records import Record

_NUMBER: Final = r"(?:[Ss]?\d{1,3}(?:[-.]\d{1,3})?|[IVX]{1,5}(?![A-Za-z]))"
_PART: Final = r"(?:\s?\([A-Ha-h]\)|(?:[A-Ha-h](?:\s?[-–,]\s?[A-Ha-h])*)(?![A-Za-z]))?"
_ID: Final = rf"(?P<number>{_NUMBER})(?P<part>{_PART})"
_ENGLISH: Final = (
    r"(?P<more>(?:Supplementary|Supplemental|Appendix)\s)?\b(?:Figures?|Figs?\.?|FIGURES?|FIGS?\.?)\s?"
)
_CHINESE: Final = r"(?P<more>附|补充)?图\s?"
_CAPTION_EN: Final = re.compile(rf"{_ENGLISH}{_ID}(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
_CAPTION_ZH: Final = re.compile(rf"{_CHINESE}{_ID}(?P<rest>.*)", re.DOTALL)
_STARTS: Final = re.compile(r"\s*(?:[.:|。．：、—–]|-\s)")
"""What stands between a figure's number and its caption's text."""
_SENTENCE_ZH: Final = re.compile(r"\s*(?:所示|中|显示|示[^\s]|可见|表明|展示|说明|为|是|和|与|及|至|，)")
_MENTION: Final = re.compile(
    rf"(?:(?<![A-Za-z])(?P<more>(?:Supplementary|Supplemental|Appendix)\s)?(?:Figures?|Figs?\.?)\s?|"
    rf"(?P<more_zh>附|补充)?图\s?)(?P<first>{_NUMBER}{_PART})",
    re.IGNORECASE,
)
_NEXT: Final = re.compile(
    rf"(?P<joint>\s?(?:,\s?and|,|&|and(?=\s)|、|和|与|及|[-–—~～]|to(?=\s)|through(?=\s)|至|到)\s?)"
    rf"(?:Figures?\s?|Figs?\.?\s?|图\s?)?(?P<id>{_NUMBER}{_PART})",
    re.IGNORECASE,
)
_SPLIT: Final = re.compile(rf"({_NUMBER})({_PART})", re.IGNORECASE)
_RANGES: Final = frozenset("-–—~～") | {"to", "through", "至", "到"}
_FILE: Final = re.compile(
    r"(?<![A-Za-z])(?:figure|fig|图)[\s_.-]*0*(\d{1,3}(?:-\d{1,3})?)([a-h])?(?![0-9A-Za-z])", re.I
)
_LONGEST_RANGE: Final = 50


class Label(Record):
    """The number of a figure: `2`, `1-2`, `s1`; and its part, `a`, where one is named."""

    number: str
    part: str = ""

    def means(self, other: Label) -> bool:
        """Whether a mention of one may be of the other: the same number, and no different part."""
        return self.number == other.number and (not self.part or not other.part or self.part == other.part)

    def __str__(self) -> str:
        return f"{self.number}{self.part}"


def caption_label(text: str) -> Label | None:
    """The figure whose caption a text is; None for a sentence that only mentions one (`Figure 3 shows ...`)."""
    text = unicodedata.normalize("NFKC", text).strip()
    if match := _CAPTION_EN.match(text):
        rest = match["rest"]
        begins = rest.strip()[:1]
        if not rest.strip() or _STARTS.match(rest) or (rest[:1].isspace() and _begins_caption(begins)):
            return _label(match["number"], match["part"], more=match["more"])
        return None
    if (match := _CAPTION_ZH.match(text)) is None:
        return None
    rest = match["rest"]
    if _SENTENCE_ZH.match(rest) or (
        rest[:1] and not (_STARTS.match(rest) or rest[0].isspace() or _han(rest[0]))
    ):
        return None
    return _label(match["number"], match["part"], more=match["more"])


def mentions(text: str) -> frozenset[Label]:
    """All figures that a text names, lists and ranges resolved: `Figs. 2 and 4`, `图1、图3`, `Figures 2–4`.

    A range of a hyphen after one number, `Figure 1-2`, is the number of a chapter and a figure.
    """
    return frozenset(_mentions(unicodedata.normalize("NFKC", text)))


def label_of_file(name: str) -> Label | None:
    """The figure that a file's name gives, e.g. `fig_03a.png`."""
    match = _FILE.search(name)
    return None if match is None else Label(number=match[1], part=(match[2] or "").lower())


def _mentions(text: str) -> Iterator[Label]:
    at = 0
    while (match := _MENTION.search(text, at)) is not None:
        more = match["more"] or match["more_zh"]
        last = _split(match["first"], more)
        yield last
        at = match.end()
        while (following := _NEXT.match(text, at)) is not None:
            one = _split(following["id"], more)
            if following["joint"].strip().lower() in _RANGES:
                yield from _between(last, one)
            yield one
            last, at = one, following.end()


def _between(first: Label, last: Label) -> Iterator[Label]:
    if first.number.isdigit() and last.number.isdigit():
        low, high = int(first.number), int(last.number)
        if high - low <= _LONGEST_RANGE:
            for number in range(low + 1, high):
                yield Label(number=str(number))


def _split(text: str, more: str | None) -> Label:
    match = _SPLIT.fullmatch(text)
    assert match is not None, text
    return _label(match[1], match[2], more=more)


def _label(number: str, part: str | None, *, more: str | None) -> Label:
    number = number.lower().replace(".", "-")
    letters = re.findall(r"[a-h]", (part or "").lower())
    # `2a-c` and `2a, b` are of the whole figure: no single part of it is meant.
    one = letters[0] if len(letters) == 1 else ""
    return Label(number=f"s{number}" if more and not number.startswith("s") else number, part=one)


def _begins_caption(character: str) -> bool:
    return character.isupper() or character.isdigit() or character == "(" or _han(character)


def _han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
