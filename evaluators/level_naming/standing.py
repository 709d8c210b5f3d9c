"""How a level is spoken of: asserted, doubted, denied, called normal, of the past, or only mentioned."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_NO_SCOPE_BREAK = re.compile(r"\s*,?\s*(?:and |as well as )?(?:or|nor)\b")


def standing(
    text: str, sentence: Sentence, clause: Clause, unit: Unit, below: Sequence[Clause] = ()
) -> Standing:
    """The standing of a unit in its clause. `below`: clauses that stand under it where it is a heading."""
    before = text[clause.start : unit.start]
    near = before[-60:]
    if words.HISTORY_LINE.match(text, _line_start(text, sentence.start)):
        return Standing.PRIOR
    if sentence.ending == "?":
        asked = words.ASKING.search(text, sentence.start, sentence.end)
        return Standing.MENTIONED if asked else Standing.UNCERTAIN
    if words.CONDITION.search(before):
        return Standing.MENTIONED
    if words.REJECTED.search(near):
        return Standing.NEGATED
    if words.COMPARED.search(near) or words.LANDMARK_BEFORE.search(near):
        return Standing.MENTIONED
    if clause.excepted:
        return Standing.ASSERTED
    if _of_the_past(text, clause, unit):
        return Standing.PRIOR
    return _by_findings(text, sentence, clause, unit, below)


def _by_findings(
    text: str, sentence: Sentence, clause: Clause, unit: Unit, below: Sequence[Clause]
) -> Standing:
    denied = scopes(text, clause)
    if any(low <= unit.start < high for low, high in denied):
        return Standing.NEGATED
    behind = words.DENIED_BEHIND.search(text, unit.end, clause.end)
    if behind and not words.DOUBT.search(text, clause.start, clause.end):
        return Standing.NEGATED
    doubt = words.DOUBT.search(text, clause.start, clause.end) is not None
    for place in (clause, *below):
        if _found(text, place, unit):
            return Standing.UNCERTAIN if doubt else Standing.ASSERTED
    if words.LANDMARK.search(text, clause.start, clause.end) or _of_conus(text, sentence, clause, unit):
        return Standing.MENTIONED
    places = (clause, *below)
    if any(_denied(text, place) for place in places):
        return Standing.NEGATED
    if any(words.NORMAL.search(text, place.start, place.end) for place in places):
        return Standing.NORMAL
    return Standing.UNCERTAIN if doubt else Standing.ASSERTED


def _of_conus(text: str, sentence: Sentence, clause: Clause, unit: Unit) -> bool:
    """Whether the level only says where the cord ends."""
    first = unit is clause.units[0]
    return first and words.CONUS.search(text, sentence.start, clause.end) is not None


def _denied(text: str, clause: Clause) -> bool:
    """Whether the clause denies something other than a level (*not L4/5*)."""
    return any(
        not any(
            end <= unit.start and words.REJECTED.search(text[max(0, unit.start - 60) : unit.start])
            for unit in clause.units
        )
        for _, end in words.denials(text, clause.start, clause.end)
    )


def _found(text: str, clause: Clause, unit: Unit) -> bool:
    """Whether the clause has a finding outside what it denies."""
    denied = scopes(text, clause)
    if words.DENIED_BEHIND.search(text, clause.start, clause.end) and clause.start > unit.start:
        return False
    return any(
        not any(low <= match.start() < high for low, high in denied)
        for match in words.FINDING.finditer(text, clause.start, clause.end)
    )


def scopes(text: str, clause: Clause) -> list[tuple[int, int]]:
    """The ranges that the denials of a clause reach: to its end, or to a comma behind which something new is said."""
    found: list[tuple[int, int]] = []
    for start, end in words.denials(text, clause.start, clause.end):
        if found and start < found[-1][1]:
            continue
        chinese = words.CHINESE.match(text, start) is not None
        found.append((start, _reach(text, clause, end, chinese=chinese)))
    return found


def _reach(text: str, clause: Clause, start: int, *, chinese: bool) -> int:
    commas = [
        match.start()
        for match in re.finditer(",", text[start : clause.end])
        if not any(unit.start < start + match.start() < unit.end for unit in clause.units)
    ]
    edges = [start + comma for comma in commas] + [clause.end]
    for comma, following in zip(edges, edges[1:], strict=False):
        if chinese:
            return comma
        if words.ORS.search(text, comma, clause.end):
            continue
        if words.FINDING.search(text, comma, following) or words.PREDICATE_VERB.search(
            text, comma, following
        ):
            return comma
    return clause.end


def _of_the_past(text: str, clause: Clause, unit: Unit) -> bool:
    later = [one.start for one in clause.units if one.start >= unit.end]
    if words.PRIOR_BEHIND.search(text, unit.end, min(later, default=clause.end)):
        return True
    return any(
        not _NOW.search(text, match.end(), unit.start)
        for match in words.PRIOR_BEFORE.finditer(text, clause.start, unit.start)
    )


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", max(0, place - 2000), place) + 1 if "\n" in text[max(0, place - 2000) : place] else (
        place if place > 2000 else 0
    )
