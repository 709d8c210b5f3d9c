"""Sentences and clauses of a folded text: how far a word that is said of a level reaches."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spinebench.evaluators.level_naming import vocabulary as words
from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.expressions import Expression

_LONGEST = 800
"""A sentence is cut behind so many characters: nothing said so far away is said of a level, and time stays linear."""

_NEAR = 200
_END = re.compile(
    r"[!?。;]+|\n|(?<=[a-z)])\.(?=[a-z])|(?<=[a-z]{3})\.(?=\d)"
    r"|(?<!\bvs)(?<!\bno)(?<!e\.g)(?<!i\.e)(?<!approx)\.(?=\s|$|[一-鿿\"')\]])"
)
_WRAPPED = re.compile(
    r"(?:,|\b(?:at|of|in|the|and|or|to|from|a|an|no|without|with|on|is|are|by|for|left|right))$"
)
_DELIMITER = re.compile(r", ?| and (?!/)|(?:与|和|及)(?=[^,。]{0,40}[一-鿿])")


@dataclass(frozen=True, slots=True)
class Unit:
    """Levels of which the same is said: an expression, or a part of a list that ends before something new is said."""

    levels: tuple[tuple[str, Kind, int, int], ...]
    start: int
    end: int


@dataclass(slots=True)
class Clause:
    """One stretch of text in which every finding is said of every level."""

    start: int
    end: int
    units: list[Unit] = field(default_factory=list)
    excepted: bool = False
    """It names what the rest of the sentence does not hold for: *except at L5/S1*."""
    telling: bool = False
    """It holds a finding, a denial or a word for normal."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence or line; `line` counts lines, so that what stands below a heading can be told."""

    start: int
    end: int
    line: int
    ending: str


def sentences(text: str, taken: Sequence[Expression], capital: Callable[[int], bool]) -> Iterator[Sentence]:
    """All sentences of a folded text, none of which ends within an expression."""
    starts = [one.start for one in taken]
    start = line = 0
    for match in _END.finditer(text):
        place = match.start()
        before = bisect_left(starts, place) - 1
        if before >= 0 and taken[before].end > place:
            continue
        follows = match.end()
        run_on = match.group() == "." and text[follows : follows + 1].isalpha()
        if run_on and text[follows : follows + 1].isascii() and not capital(follows):
            continue
        if match.group() == "\n":
            lower = text[follows : follows + 1].isascii() and text[follows : follows + 1].isalpha()
            if (lower and not capital(follows)) or _WRAPPED.search(text, max(start, place - 12), place):
                continue
        yield from _cut(text, start, match.end(), line, match.group()[-1])
        line += match.group() == "\n"
        start = match.end()
    if start < len(text):
        yield from _cut(text, start, len(text), line, "")


def _cut(text: str, start: int, end: int, line: int, ending: str) -> Iterator[Sentence]:
    while end - start > _LONGEST:
        space = max(text.rfind(mark, start, start + _LONGEST) for mark in (" ", ","))
        middle = space + 1 if space > start else start + _LONGEST
        yield Sentence(start, middle, line, "")
        start = middle
    yield Sentence(start, end, line, ending)


def units(text: str, sentence: Sentence, expression: Expression) -> Iterator[Unit]:
    """The expression as one unit, or as two where a comma in it ends one statement and begins the next.

    *No herniation at L3/4, L4/5 disc bulge*; *Unlike L3/4, L4/5 shows a herniation*.
    """
    levels = expression.levels
    if _comma(text, levels, last=False) == 0:
        yield Unit(levels, expression.start, expression.end)
        return
    before = text[max(sentence.start, expression.start - _NEAR) : expression.start]
    after = text[expression.end : min(sentence.end, expression.end + _NEAR)]
    cut = 0
    aside = words.COMPARED.search(before[-60:]) or words.LANDMARK_BEFORE.search(before[-60:])
    if aside and words.PREDICATE_VERB.search(after[:40]):
        cut = _comma(text, levels, last=False)
    elif words.denials(before, 0, len(before)):
        head = after.split(",")[0]
        found = words.FINDING.search(head)
        denied = words.denials(head, 0, found.start()) if found else []
        if found and not denied and not words.PREDICATE_VERB.search(head[: found.start()]):
            cut = _comma(text, levels, last=True)
    for group in (levels[:cut], levels[cut:]):
        if group:
            yield Unit(group, min(one[2] for one in group), max(one[3] for one in group))


def _comma(text: str, levels: tuple[tuple[str, Kind, int, int], ...], *, last: bool) -> int:
    """How many levels stand before a bare comma of the list: its first, or with `last` the one before the end."""
    places = [
        i
        for i, (one, other) in enumerate(pairwise(levels), 1)
        if one[3] <= other[2] and text[one[3] : other[2]].strip() == ","
    ]
    if not places:
        return 0
    if not last:
        return places[0]
    return places[-1] if levels[places[-1]][2:] == levels[-1][2:] else 0


def clauses(text: str, sentence: Sentence, said: Sequence[Unit]) -> list[Clause]:
    """The clauses of a sentence, each with its units."""
    pieces = _pieces(text, sentence, said)
    starts = [unit.start for unit in said]
    found: list[Clause] = []
    hard = True
    for start, end, boundary, excepted in pieces:
        inside = list(said[bisect_left(starts, start) : bisect_left(starts, end)])
        piece = Clause(start, end, inside, excepted, _says_something(text, start, end))
        if found and not hard and not boundary and _same(text, found[-1], piece):
            found[-1].end = end
            found[-1].units += inside
            found[-1].telling |= piece.telling
        else:
            found.append(piece)
        hard = excepted
    return found


def _pieces(text: str, sentence: Sentence, said: Sequence[Unit]) -> list[tuple[int, int, bool, bool]]:
    """Start, end, whether a new clause begins for certain, whether it is an exception."""
    starts = [unit.start for unit in said]

    def free(place: int) -> bool:
        before = bisect_left(starts, place) - 1
        return before < 0 or said[before].end <= place

    cuts: dict[int, tuple[bool, bool]] = {}
    for match in _DELIMITER.finditer(text, sentence.start, sentence.end):
        if free(match.start()):
            cuts.setdefault(match.start(), (False, False))
    for match in words.CONTRAST.finditer(text, sentence.start, sentence.end):
        cuts[match.start()] = (True, False)
    for match in words.EXCEPT.finditer(text, sentence.start, sentence.end):
        cuts[match.start()] = (True, True)
        close = (
            words.EXCEPT_CLOSES.search(text, match.end(), sentence.end)
            if words.CHINESE.match(match.group())
            else _next_comma(text, match.end(), sentence.end, free)
        )
        if close is not None:
            cuts[close.end()] = (True, False)
            for place in [place for place in cuts if match.start() < place < close.end()]:
                del cuts[place]
    places = sorted(place for place in cuts if sentence.start < place < sentence.end)
    edges = [sentence.start, *places, sentence.end]
    return [(low, high, *cuts.get(low, (False, False))) for low, high in pairwise(edges) if low < high]


def _next_comma(text: str, start: int, end: int, free: Callable[[int], bool]) -> re.Match[str] | None:
    for match in re.compile(r"[,:]").finditer(text, start, end):
        if free(match.start()):
            return match
    return None


def _same(text: str, before: Clause, piece: Clause) -> bool:
    """Whether a piece behind a comma or *and* goes on with what the clause before it says."""
    body = text[piece.start : piece.end].lstrip(" ,")
    if words.OTHERS.match(body):
        return False
    if not piece.units:
        return True
    if not before.units:
        if not piece.telling or not before.telling:
            return True
        cue = words.denials(text, before.start, before.end)
        listed = words.ORS.search(text, piece.start, piece.units[0].start)
        return bool(cue and listed)
    if re.match(r"(?:and )?(?:or|nor)\b|或", body):
        return True
    return not piece.telling or not before.telling


def _says_something(text: str, start: int, end: int) -> bool:
    for pattern in (words.FINDING, words.NORMAL, words.PRIOR_BEHIND):
        if pattern.search(text, start, end):
            return True
    return bool(words.denials(text, start, end))
