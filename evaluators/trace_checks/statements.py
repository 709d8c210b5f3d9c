"""A trace as sentences and clauses, and which of them say that something is not so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from spinebench.evaluators.extraction.text import PlainText, plain, spoken

_MOST = 3_000
"""Sentences looked at, from the end."""
_LONGEST = 2_000
"""Characters of a sentence; longer ones are cut into several."""
_SENTENCE_END = re.compile(r"\n+|(?<=[.!?;])\s+(?=[^a-z\s])|(?<=[。！？；])")
_CLAUSE_END = re.compile(
    r"[,;:()]|\s(?:but|however|whereas|while|although|though|yet|because|since|despite|except|unlike|compared"
    r"|rather|instead|versus|vs\.?|than|so|and (?:the|there|this|it|at|no))(?=\s)"
)

DENIAL = re.compile(
    r"\b(?:no|not|never|without|neither|nor|none|cannot|absent|absence|lack\w*|exclud\w+|eliminat\w+"
    r"|reject\w*"
    r"|rul(?:es?|ed|ing)(?: \w+){0,2} out|unlikely|against|implausible|incorrect|wrong|fails?|negative"
    r"|unsupported|inconsistent"
    r"|argues? against|dismiss\w*|discard\w*|rather than|instead of|other than|less (?:likely|consistent"
    r"|fitting|typical))\b"
    r"|n't\b"
)
"""Words that deny what stands in their clause, in small letters."""
SUPPOSITION = re.compile(
    r"\b(?:would|could|should|might|may|if|whether|recommend\w*|order\w*|obtain\w*|needs?|needed|required?"
    r"|further"
    r"|additional\w*|confirm\w*|correlat\w+|follow[- ]?up|ideally|in general|generally|typically|usually"
    r"|often"
    r"|gold standard|modality of choice|such as|e\.g|for example|suggested|helpful|useful|better|prior"
    r"|previous|earlier"
    r"|previously|outside (?:ct|mri?|study|film|image|report)|according to|by history|reportedly|vignette"
    r"|in (?:many|most|some) (?:patients|people|adults|cases)"
    r"|unavailable|available|missing|expect\w*|suppos\w+|hypothetical\w*|question)\b"
)
"""Words of what is not said of this image as it is."""
_NOT_DENIED = re.compile(
    r"\bnot only\b|\bno doubt\b|\bwithout (?:a )?doubt\b|\bcannot be (?:ignored|missed|overlooked)\b"
)


@dataclass(frozen=True)
class Statement:
    """A sentence of a trace, or a clause of one, in plain form."""

    text: str
    """Small letters."""
    start: int
    """Place in the plain text."""

    @property
    def denies(self) -> bool:
        return DENIAL.search(_NOT_DENIED.sub(" ", self.text)) is not None

    @property
    def asks(self) -> bool:
        return self.text.rstrip(" )\"'*").endswith("?")

    @property
    def supposes(self) -> bool:
        return self.asks or SUPPOSITION.search(self.text) is not None

    def clauses(self) -> Iterator[Statement]:
        """The parts between commas, brackets and words that turn the thought, each with the word that begins it."""
        place = 0
        for match in _CLAUSE_END.finditer(self.text):
            if match.start() > place:
                yield Statement(self.text[place : match.start()], self.start + place)
            place = match.start() if match.group()[0].isspace() else match.end()
        if place < len(self.text):
            yield Statement(self.text[place:], self.start + place)


@dataclass(frozen=True)
class Said:
    """One text of a trace in plain form, with its sentences in order."""

    source: str
    body: PlainText
    sentences: tuple[Statement, ...]

    def quote(self, start: int, end: int) -> str:
        """The passage as it was written, at most 300 characters."""
        return self.source[slice(*self.body.original(start, end))].strip()[:300]


def said(text: str, ranges: list[tuple[int, int]] | None = None) -> Said:
    """A text, or these ranges of it, as sentences. Linear in its length."""
    body = plain(text, ranges)
    flat = body.flat
    found: list[Statement] = []
    place = 0
    for match in _SENTENCE_END.finditer(body.text):
        found += _cut(flat, place, match.start())
        place = match.end()
    found += _cut(flat, place, len(flat))
    return Said(text, body, tuple(found[-_MOST:]))


def _cut(flat: str, start: int, end: int) -> Iterator[Statement]:
    for begin in range(start, end, _LONGEST):
        part = flat[begin : min(end, begin + _LONGEST)]
        if part.strip():
            yield Statement(part, begin)


def outside_thinking(text: str) -> list[tuple[int, int]]:
    """The ranges of a reply outside its thinking blocks."""
    return spoken(text)[0]
