"""Text in the form in which quotes are compared, with the way back to the text as it was written.

What is folded, and why: a judge copies a passage through a tokenizer and a JSON string, so white space, case, the
kind of quotation mark or dash, markdown emphasis and invisible characters do not survive reliably, and none of them
changes what the passage says. Words, digits, signs and their order do, and are never folded; `10²` is not `102`.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from spinebench.evaluators.invisible import ESCAPED, INVISIBLE

MARKS = "⟦⟧"
"""Put around passages that address the judge (see `steering.neutralized`)."""
BAR = "│"
"""Put before lines that imitate a header (see `steering.neutralized`)."""

HARMLESS = {"<": "‹", ">": "›", "[": "［", "]": "］", "`": "ˋ"}
"""Characters of delimiters, and what stands for them where they are made harmless."""
_RESTORED = {harmless: char for char, harmless in HARMLESS.items()}

_SAME: dict[str, str] = {
    **dict.fromkeys("“”„‟«»「」『』〝〞″＂", '"'),
    **dict.fromkeys("‘’‚‛′´ʼ", "'"),
    **dict.fromkeys("‐‑‒–—―−⁃﹣－", "-"),
    **dict.fromkeys("•‣◦▪●∙·", "•"),
    "…": "...",
    "\x85": " ",
}
_DROPPED = re.compile(f"{ESCAPED.pattern}|{INVISIBLE.pattern}|[{MARKS}{BAR}]")
_CLUSTER = re.compile(r".[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a]*", re.DOTALL)
_STARS = re.compile(r"\*+|_+|`+")


@dataclass(frozen=True)
class Folded:
    """A folded text; character i of it comes from `starts[i]` to `ends[i]` of the original."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The half-open range of the original behind a range of the folded text, which is not empty."""
        return self.starts[start], self.ends[end - 1]

    def place(self, original: int) -> int:
        """How many folded characters begin at or before a place of the original."""
        return bisect_right(self.starts, original)


@lru_cache(maxsize=16_384)
def _plain(cluster: str) -> str:
    """One character with its combining marks in comparison form."""
    same = _SAME.get(cluster)
    if same is not None:
        return same
    # Compatibility forms (full width, ligatures) are the same letters; superscripts and fractions are other numbers.
    form: Literal["NFC", "NFKC"] = "NFC" if unicodedata.category(cluster[0]) == "No" else "NFKC"
    plain = unicodedata.normalize(form, unicodedata.normalize(form, cluster).casefold())
    return "".join(_SAME.get(char, char) for char in plain)


@lru_cache(maxsize=32)
def fold(text: str, *, lines: bool = False) -> Folded:
    """`text` in comparison form: linear in its length.

    One space for every run of white space (with `lines`, a line break for a run that holds one), none at the ends.
    """
    if text.isascii() and _DROPPED.search(text) is None:  # every character is its own form
        pieces = [(char, place, place + 1) for place, char in enumerate(text.lower())]
        return _spaced(_without_emphasis(pieces), lines=lines)
    pieces = []
    place = 0
    kept: list[tuple[str, int]] = []
    for match in _DROPPED.finditer(text):
        kept.append((text[place : match.start()], place))
        place = match.end()
    kept.append((text[place:], place))
    # Clusters may reach over what was dropped: an invisible character must not part a letter from its accent.
    joined = "".join(part for part, _ in kept)
    origins: list[int] = [begin + i for part, begin in kept for i in range(len(part))]
    joined = "".join(_RESTORED.get(char, char) for char in joined)
    for match in _CLUSTER.finditer(joined):
        start, end = match.span()
        for char in _plain(match.group()):
            pieces.append((char, origins[start], origins[end - 1] + 1))
    return _spaced(_without_emphasis(pieces), lines=lines)


def _without_emphasis(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Without `**`, `_` and backticks; a single `*` or `_` between letters or digits is a sign and stays."""
    text = "".join(char for char, _, _ in pieces)
    if not any(mark in text for mark in "*_`"):
        return pieces
    kept: list[tuple[str, int, int]] = []
    place = 0
    for match in _STARS.finditer(text):
        a, b = match.span()
        single = b == a + 1 and text[a] != "`"
        if single and text[a - 1 : a].isalnum() and text[b : b + 1].isalnum():
            continue
        kept += pieces[place:a]
        place = b
    return kept + pieces[place:]


def _spaced(pieces: list[tuple[str, int, int]], *, lines: bool) -> Folded:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for char, start, end in pieces:
        if not char.isspace():
            chars.append(char)
        elif chars and chars[-1] not in " \n":
            chars.append("\n" if lines and char in "\n\r\u2028\u2029" else " ")
        else:
            if chars and lines and char in "\n\r\u2028\u2029":
                chars[-1] = "\n"
            if chars:
                ends[-1] = end
            continue
        starts.append(start)
        ends.append(end)
    if chars and chars[-1] in " \n":
        chars.pop(), starts.pop(), ends.pop()
    return Folded("".join(chars), tuple(starts), tuple(ends))
