"""From a mark in a chart or a row in a table to the cases behind it.

A click is answered before anything of the page is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import altair as alt
import streamlit as st

from spinebench.dashboard import navigation
from spinebench.dashboard.case_links import cases_url
from spinebench.dashboard.charts import AnyChart, clicked_marks, show_clickable

_PICKED = "picked"

Filters = Mapping[str, str | Iterable[str] | None]
"""Of cases, as `cases_url` takes them."""
CasesOfMark = Callable[[Mapping[str, str]], Filters]
"""From a mark's fields to the cases behind it."""


def picking(*fields: str) -> alt.Parameter:
    """The parameter that a chart needs for `show_linked_chart`, with the fields of a mark that tell its cases."""
    return alt.selection_point(name=_PICKED, fields=list(fields), on="click", empty=False)


def show_linked_chart(chart: AnyChart, cases: CasesOfMark, *, key: str) -> None:
    """Draw a chart whose marks open their cases. A click beside the marks, or on one that lacks a field, opens none."""

    def opened() -> None:
        marks = clicked_marks(_PICKED, key=key)
        if marks and all(value is not None for value in marks[0].values()):
            _open(cases({name: str(value) for name, value in marks[0].items()}))

    show_clickable(chart, _PICKED, key=key, clicked=opened)


def show_linked_table(
    table: Mapping[str, list[object]], cases: Callable[[int], Filters], *, key: str
) -> None:
    """Draw a table whose rows, numbered from 0, open their cases."""
    show_selectable_table(table, lambda row: _open(cases(row)), key=key)


def show_selectable_table(
    table: Mapping[str, list[object]],
    selected: Callable[[int], None],
    *,
    key: str,
    height: int | Literal["auto"] = "auto",
) -> None:
    """Draw a table; `selected` is called with the number of the row, from 0, that is selected, before the page is
    drawn again."""

    def picked() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            selected(int(rows[0]))

    st.dataframe(
        table,
        on_select=picked,
        selection_mode="single-row",
        key=key,
        hide_index=True,
        placeholder="–",
        width="stretch",
        height=height,
    )


def _open(filters: Filters) -> None:
    navigation.leave_for("cases", parse_qs(urlsplit(cases_url(**filters)).query))
