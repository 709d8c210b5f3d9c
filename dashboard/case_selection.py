"""The cases that the filters leave: what the query is asked, and which stand beside the one that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from spinebench.dashboard.case_filters import CaseFilters
from spinebench.dashboard.case_search import TextSearch, search_of
from spinebench.dashboard.workspace_data import DataStamp, data_stamp, rows
from spinebench.store.database import Parameter

PAGE = 25
"""Cases of the list that are shown at once."""
_PAGES_AT_ONCE = 4
"""Pages that are read at once: one costs the database as much as several."""
_AROUND = 12
"""Cases on either side that are read at once, so that going on from case to case asks the database seldom."""
_SEARCHING_S = 0.3
_KEPT = "cases around the open one"

Parameters = dict[str, Parameter]


@dataclass(frozen=True)
class Selection:
    """What the query `cases` is asked for; a text that is looked for is replaced by the cases found so far."""

    parameters: Parameters
    search: TextSearch | None = None


@dataclass(frozen=True)
class Place:
    """Where a case stands in a selection, from 1, and the names of those beside it; None at the ends."""

    place: int
    n_cases: int
    previous: str | None
    following: str | None


@dataclass(frozen=True)
class _Stretch:
    """Cases that follow on each other, in one selection and one state of the data."""

    parameters: Parameters
    stamp: DataStamp | None
    names: list[str]
    first: int
    n_cases: int

    def place_of(self, name: str) -> Place | None:
        """None where the case is not among these, or one beside it is not known."""
        if name not in self.names:
            return None
        at = self.names.index(name)
        place = self.first + at
        if (at == 0 and place > 1) or (at == len(self.names) - 1 and place < self.n_cases):
            return None
        return Place(
            place,
            self.n_cases,
            self.names[at - 1] if at else None,
            self.names[at + 1] if at + 1 < len(self.names) else None,
        )


def selection(filters: CaseFilters) -> Selection:
    """What the filters leave. A search for a text goes on for a moment; raises `SpinebenchError`."""
    parameters = filters.parameters()
    if not filters.text:
        return Selection(parameters)
    search = search_of(parameters)
    search.go_on(for_s=_SEARCHING_S)
    found: Parameters = {**parameters, "text": None, "cases": list(search.found)}
    return Selection(found, search)


def case_name(row: dict[str, object]) -> str:
    """`<run id>/<answer id>`, as addresses and audits name a case."""
    return f"{row['run_id']}/{row['answer_id']}"


def cases_on_page(parameters: Parameters, number: int) -> list[dict[str, object]]:
    """A page of the list, from 1: rows of the query `cases`; [] beyond the last. Raises `SpinebenchError`."""
    first = (number - 1) * PAGE - _before(number)
    return _pages_around(parameters, number)[first : first + PAGE]


def remember_list(parameters: Parameters, number: int) -> None:
    """Keep a page of the list and those read with it, so that a case opened from it knows those beside it."""
    found = _pages_around(parameters, number)
    if found:
        _keep(parameters, found, first=_before(number) + 1, n_cases=int(str(found[0]["n_cases"])))


def place_of(parameters: Parameters, name: str) -> Place | None:
    """Where a case stands in a selection; None where it does not belong to it. Raises `SpinebenchError`."""
    known = st.session_state.get(_KEPT)
    if isinstance(known, _Stretch) and (known.parameters, known.stamp) == (parameters, data_stamp()):
        place = known.place_of(name)
        if place is not None:
            return place
    run_id, _, answer_id = name.partition("/")
    found = rows("cases", **parameters, at_run=run_id, at_answer=answer_id, before=_AROUND, size=_AROUND)
    names = [case_name(row) for row in found]
    if name not in names:
        return None
    first = int(str(found[0]["place"])) - names.index(name)
    return _keep(parameters, found, first=first, n_cases=int(str(found[0]["n_cases"]))).place_of(name)


def _keep(
    parameters: Parameters, found: Sequence[dict[str, object]], *, first: int, n_cases: int
) -> _Stretch:
    stretch = _Stretch(parameters, data_stamp(), [case_name(row) for row in found], first, n_cases)
    st.session_state[_KEPT] = stretch
    return stretch


def _pages_around(parameters: Parameters, number: int) -> list[dict[str, object]]:
    """The pages that are read together with this one."""
    return rows("cases", **parameters, size=PAGE * _PAGES_AT_ONCE, skip=_before(number))


def _before(number: int) -> int:
    """Cases before `_pages_around`."""
    return (number - 1) // _PAGES_AT_ONCE * _PAGES_AT_ONCE * PAGE
