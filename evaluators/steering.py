"""Text that tries to steer its judge: found, named, made harmless for the prompt. The stored trace stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from spinebench.evaluators.folding import BAR, HARMLESS, MARKS, Folded, fold
from spinebench.evaluators.invisible import out_of_place, written_out
from spinebench.evaluators.steering_disguises import spelt_out, unescaped, unpacked
from spinebench.evaluators.steering_patterns import (
    DELIMITERS,
    ROLES,
    SCORES,
    UPPER_DELIMITER,
    Kind,
    compiled,
)
from spinebench.evaluators.steering_starts import orders
from spinebench.records import Record

__all__ = ["Kind", "Passage", "find_steering", "neutralized"]

_MOST = 200
"""Passages told of one text: hostile text could hold any number, and nobody reads beyond."""
_MOST_CHARACTERS = 400
_PATTERNS = {
    Kind.DELIMITER: compiled(DELIMITERS),
    Kind.SCORE: compiled(SCORES),
    Kind.ROLE: compiled(ROLES),
}
_UPPER = re.compile(UPPER_DELIMITER)
_CLOSING = re.compile(">{3,}")
_MOST_BEFORE = 80
_FENCE = re.compile(r"^[ \t>]{0,12}(`{3,}|~{3,})", re.MULTILINE)
_MIXED = re.compile(r"\b(?=\w{0,40}[a-z])(?=\w{0,40}[а-яѐ-џα-ω])[a-zа-яѐ-џα-ω]{3,40}\b")
_LOOKS = str.maketrans("аеорсухіјѕԁһӏпԛѡαοιυνρκτ", "aeopcyxijsdhlnqwaoiuvpkt")
_SMALL_CAPITALS = str.maketrans("ᴀʙᴄᴅᴇғɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz")
_STRUCK = re.compile(r"[\u0300-\u036f\u20d0-\u20ff]")
"""Marks that no letter took up when it was folded: strokes through letters, heaps of accents."""
_TAG = re.compile(r"<(?=[/|!?<｜A-Za-z])")
_TAG_END = re.compile(r"(?<=[/|!?>｜A-Za-z\"'\]-])>|(?<=>)>")
_BRACKETED = re.compile(
    r"\[(/?(?:INST|SYS|SYSTEM|ASSISTANT|USER|DEVELOPER|JUDGE|ADMIN|AVAILABLE_TOOLS|TOOL_\w+)[^\[\]\n]{0,40})\]",
    re.I,
)
_FENCED = re.compile(r"`{3,}")
_BREAK = "⟨U+2060⟩"
"""Stands between the characters of something that must not be read as one word; `folding` leaves it out."""


class Passage(Record):
    """A passage that addresses the judge, imitates the prompt, scores itself or hides."""

    span: tuple[int, int]
    """Half-open range of the text."""
    kind: Kind
    text: str
    """As it stands, invisible characters written out, at most 400 characters."""


@lru_cache(maxsize=64)
def find_steering(text: str) -> tuple[Passage, ...]:
    """The passages of `text` that try to steer a judge, in order, overlapping ones of a kind as one; at most 200.

    Found through invisible characters, emphasis, full-width letters, line breaks, look-alike letters of other
    alphabets, character references, digits for letters, base64 and hexadecimal. Finding one is a flag, no proof of
    intent; not finding one proves nothing. Linear in the length.
    """
    folded = _looked_through(fold(text, lines=True))
    found = [*_found(folded)]
    for spelt in spelt_out(folded):
        found += _orders(spelt)
    plain = unescaped(text)
    if plain is not None:
        found += _found(_looked_through(plain))
    for span, words in unpacked(text):
        if any(orders(fold(words).text)):
            found.append((*span, Kind.INSTRUCTION))
    found += [(*match.span(), Kind.DELIMITER) for match in _UPPER.finditer(text)]
    found += [(*span, Kind.DELIMITER) for span in _closing(text)]
    fences = list(_FENCE.finditer(text))
    if len(fences) % 2:  # a fence that ends what the trace stands in, or swallows what follows
        found.append((*fences[-1].span(1), Kind.DELIMITER))
    found += [(start, end, Kind.INVISIBLE) for start, end in out_of_place(text)]
    return tuple(
        Passage(span=(start, end), kind=kind, text=written_out(text[start:end][:_MOST_CHARACTERS]))
        for start, end, kind in _merged(found)[:_MOST]
    )


def _found(folded: Folded) -> Iterator[tuple[int, int, Kind]]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(folded.text):
            if match.group().strip():
                yield (*folded.original(*match.span()), kind)
    yield from _orders(folded)


def _orders(folded: Folded) -> Iterator[tuple[int, int, Kind]]:
    # The same words over a line break are the same instruction.
    for text in dict.fromkeys((folded.text, folded.text.replace("\n", " "))):
        for start, end in orders(text):
            yield (*folded.original(start, end), Kind.INSTRUCTION)


def _closing(text: str) -> Iterator[tuple[int, int]]:
    """Three or more `>`, each with what stands before it on its line, at most 80 characters."""
    for match in _CLOSING.finditer(text):
        before = text[max(0, match.start() - _MOST_BEFORE) : match.start()]
        begin = max(before.rfind(mark) for mark in "<>\n") + 1
        yield match.start() - len(before) + begin, match.end()


def _looked_through(folded: Folded) -> Folded:
    """Words that mix alphabets, as they look: `іgnоrе` with Cyrillic letters is `ignore`."""
    text = _MIXED.sub(lambda match: match.group().translate(_LOOKS), folded.text.translate(_SMALL_CAPITALS))
    if _STRUCK.search(text) is None:
        return Folded(text, folded.starts, folded.ends)
    kept = [place for place, char in enumerate(text) if not _STRUCK.match(char)]
    return Folded(
        "".join(text[place] for place in kept),
        tuple(folded.starts[place] for place in kept),
        tuple(folded.ends[place] for place in kept),
    )


def _merged(found: list[tuple[int, int, Kind]]) -> list[tuple[int, int, Kind]]:
    merged: list[tuple[int, int, Kind]] = []
    for start, end, kind in sorted(found, key=lambda one: (one[2], one[0], one[1])):
        if merged and merged[-1][2] is kind and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), kind)
        else:
            merged.append((start, end, kind))
    return sorted(merged)


def neutralized(text: str, *, boundary: str) -> str:
    """`text` as data for the inside of a prompt: nothing in it can end its delimiters or pass for a turn.

    Invisible characters and controls are written out (`⟨U+200B⟩`). Angle brackets of anything like a tag or special
    token, brackets of `[INST]` and its kin, and fences get harmless look-alikes; lines that imitate a header or the
    start or end of a part begin with `│`; words to the judge and self-given scores stand in `⟦⟧`; `boundary` (not
    empty, told apart without regard to case) does not occur. `fold` takes every one of these back, so that
    `fold(neutralized(text, ...)).text == fold(text).text`: what is quoted from here is found in the trace.
    """
    marks: list[tuple[int, int, str]] = []
    for passage in find_steering(text):
        start, end = passage.span
        match passage.kind:
            case Kind.INSTRUCTION | Kind.SCORE:
                marks += [(start, 1, MARKS[0]), (end, 0, MARKS[1])]
            case Kind.ROLE | Kind.DELIMITER if not text[text.rfind("\n", 0, start) + 1 : start].strip():
                marks.append((start, 1, f"{BAR} "))
            case _:
                pass
    harmless = _harmless(text)
    pieces: list[str] = []
    place = 0
    for at, _, mark in sorted(marks):
        pieces += [written_out(harmless[place:at]), mark]
        place = at
    pieces.append(written_out(harmless[place:]))
    return _without(boundary, "".join(pieces))


def _harmless(text: str) -> str:
    """The text with the characters of delimiters replaced one by one, so that places in it stay the same."""
    text = _TAG.sub(HARMLESS["<"], text)
    text = _TAG_END.sub(HARMLESS[">"], text)
    text = _BRACKETED.sub(rf"{HARMLESS['[']}\1{HARMLESS[']']}", text)
    return _FENCED.sub(lambda match: HARMLESS["`"] * len(match.group()), text)


def _without(boundary: str, text: str) -> str:
    """The text with every occurrence of the boundary broken up."""
    if not boundary:
        return text
    return re.sub(
        re.escape(boundary), lambda match: "".join(char + _BREAK for char in match.group()), text, flags=re.I
    )
