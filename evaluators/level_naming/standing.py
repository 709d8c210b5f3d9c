"""How a level is spoken of: asserted, doubted, denied, called normal, of the past, or only mentioned."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from spinebench.evaluators.level_naming import vocabulary as words
from spinebench.evaluators.level_naming.clauses import Clause, Sentence, Unit


class Standing(StrEnum):
    """What a text says of a level it names."""

    ASSERTED = "asserted"
    """Something is found there; also a bare answer, `L4/L5`."""
    UNCERTAIN = "uncertain"
    """Something may be found there."""
    NEGATED = "negated"
    """A finding is denied there, or another level is said instead."""
    NORMAL = "normal"
    """Said to be normal and nothing else."""
    PRIOR = "prior"
    """Of the past: an operation or finding that the history holds."""
    MENTIONED = "mentioned"
    """A landmark, the reach of the images, the level compared with, a question or a condition."""


NAMED = frozenset({Standing.ASSERTED, Standing.UNCERTAIN})
"""Standings that count as naming a level."""

_NOW = re.compile(r"\b(?:with|now|new|recurrent|currently|shows?|above|below)\b|现|目前|今")
_NEAR = 60
_MANY = 2000


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a clause says, read once for all its levels."""

    scopes: tuple[tuple[int, int], ...]
    """Ranges that its denials reach, in order and apart."""
    finds: bool
    """It has a finding outside them."""
    denies: bool
    """It denies something other than a level (*not L4/5*)."""
    doubts: bool
    normal: bool
    landmark: bool
    denied_behind: int
    """Where the last *is not seen* begins; -1 without one."""
    condition: int | None
    """Where the first *if* begins."""
    past: tuple[int, ...]
    """Where words such as *previously* end."""
    whole: Standing | None
    """The standing of every level, where the line or the question decides."""

    def denied(self, place: int) -> bool:
        """Whether a place lies within the reach of a denial."""
        i = bisect_right(self.scopes, (place, _FAR)) - 1
        return i >= 0 and place < self.scopes[i][1]


_FAR = 1 << 62


def spoken(text: str, sentence: Sentence, clause: Clause) -> Spoken:
    """What a clause of a sentence says."""
    low, high = clause.start, clause.end
    cues = words.denials(text, low, high)
    scopes = _scopes(text, clause, cues)
    starts = [start for start, _ in scopes]

    def free(place: int) -> bool:
        i = bisect_right(starts, place) - 1
        return i < 0 or place >= scopes[i][1]

    rejecting = set()
    for unit in clause.units:
        found = words.REJECTED.search(text, max(low, unit.start - _NEAR), unit.start)
        if found is not None:
            rejecting.add(found.start())
    behind = [match.start() for match in words.DENIED_BEHIND.finditer(text, low, high)]
    condition = words.CONDITION.search(text, low, high)
    return Spoken(
        scopes=scopes,
        finds=any(free(match.start()) for match in words.FINDING.finditer(text, low, high)),
        denies=any(start not in rejecting for start, _ in cues),
        doubts=words.DOUBT.search(text, low, high) is not None,
        normal=words.NORMAL.search(text, low, high) is not None,
        landmark=words.LANDMARK.search(text, low, high) is not None,
        denied_behind=max(behind, default=-1),
        condition=None if condition is None else condition.start(),
        past=tuple(match.end() for match in words.PRIOR_BEFORE.finditer(text, low, high)),
        whole=_whole(text, sentence),
    )


def _whole(text: str, sentence: Sentence) -> Standing | None:
    if words.HISTORY_LINE.match(text, _line_start(text, sentence.start)):
        return Standing.PRIOR
    if sentence.ending == "?":
        asked = words.ASKING.match(text, sentence.start, sentence.end)
        return Standing.MENTIONED if asked else Standing.UNCERTAIN
    return None


def standing(
    text: str, sentence: Sentence, clause: Clause, unit: Unit, said: Spoken, below: Sequence[Spoken] = ()
) -> Standing:
    """The standing of a unit in its clause. `below`: what stands under it where it is a heading."""
    if said.whole is not None:
        return said.whole
    if said.condition is not None and said.condition < unit.start:
        return Standing.MENTIONED
    near = max(clause.start, unit.start - _NEAR)
    if words.REJECTED.search(text, near, unit.start):
        return Standing.NEGATED
    for pattern in (words.COMPARED, words.LANDMARK_BEFORE):
        if pattern.search(text, near, unit.start):
            return Standing.MENTIONED
    if clause.excepted:
        return Standing.ASSERTED
    if _of_the_past(text, clause, unit, said):
        return Standing.PRIOR
    return _by_findings(text, sentence, clause, unit, said, below)


def _by_findings(
    text: str, sentence: Sentence, clause: Clause, unit: Unit, said: Spoken, below: Sequence[Spoken]
) -> Standing:
    if said.denied(unit.start):
        return Standing.NEGATED
    if said.denied_behind >= unit.end and not said.doubts:
        return Standing.NEGATED
    if said.finds or any(one.finds and one.denied_behind < 0 for one in below):
        return Standing.UNCERTAIN if said.doubts else Standing.ASSERTED
    if said.landmark or _of_conus(text, sentence, clause, unit):
        return Standing.MENTIONED
    if said.denies or any(one.denies for one in below):
        return Standing.NEGATED
    if said.normal or any(one.normal for one in below):
        return Standing.NORMAL
    return Standing.UNCERTAIN if said.doubts else Standing.ASSERTED


def _of_conus(text: str, sentence: Sentence, clause: Clause, unit: Unit) -> bool:
    """Whether the level only says where the cord ends."""
    return unit is clause.units[0] and words.CONUS.search(text, sentence.start, clause.end) is not None


def _of_the_past(text: str, clause: Clause, unit: Unit, said: Spoken) -> bool:
    later = bisect_right(clause.units, unit.start, key=lambda one: one.start)
    end = clause.units[later].start if later < len(clause.units) else clause.end
    if words.PRIOR_BEHIND.search(text, unit.end, end):
        return True
    i = bisect_right(said.past, unit.start) - 1
    return i >= 0 and not _NOW.search(text, said.past[i], unit.start)


def _scopes(text: str, clause: Clause, cues: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The ranges that the denials of a clause reach: to its end, or to a comma behind which something new is said."""
    if not cues:
        return ()
    found: list[tuple[int, int]] = []
    edges = _commas(text, clause)
    for start, end in cues:
        if not found or start >= found[-1][1]:
            found.append(
                (start, _reach(text, edges, clause.end, end, words.CHINESE.match(text, start) is not None))
            )
    return tuple(found)


def _commas(text: str, clause: Clause) -> list[int]:
    """The commas of a clause outside the lists of its levels, then its end."""
    starts = [unit.start for unit in clause.units]
    found = []
    for match in re.compile(",").finditer(text, clause.start, clause.end):
        i = bisect_right(starts, match.start()) - 1
        if i < 0 or clause.units[i].end <= match.start():
            found.append(match.start())
    return [*found, clause.end]


def _reach(text: str, edges: Sequence[int], clause_end: int, start: int, chinese: bool) -> int:
    first = bisect_right(edges, start - 1)
    last_or = -1
    for match in words.ORS.finditer(text, start, clause_end):
        last_or = match.start()
    for comma, following in zip(edges[first:], edges[first + 1 :], strict=False):
        if chinese:
            return comma
        if last_or >= comma:
            continue
        for pattern in (words.FINDING, words.PREDICATE_VERB):
            if pattern.search(text, comma, following):
                return comma
    return clause_end


def _line_start(text: str, place: int) -> int:
    """Where the line of a place begins; of a very long line, the place itself."""
    found = text.rfind("\n", max(0, place - _MANY), place)
    return found + 1 if found >= 0 else (0 if place <= _MANY else place)
