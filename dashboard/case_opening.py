"""From a mark in a chart or a row in a table to the cases behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, urlsplit

import altair as alt
import streamlit as st

from spinebench.dashboard import navigation
from spinebench.dashboard.case_links import cases_url
from spinebench.dashboard.charts import clicked_marks

_PICKED = "picked"


def open_cases(**filters: str | Iterable[str] | None) -> None:
    """Leave this page for the cases that the filters of `cases_url` leave."""
    st.switch_page(navigation.page("cases"), query_params=parse_qs(urlsplit(cases_url(**filters)).query))


def picking(*fields: str) -> alt.Parameter:
    """The parameter that a chart needs so that `picked_in` tells which mark was clicked, by these fields."""
    return alt.selection_point(name=_PICKED, fields=list(fields), on="click", empty=False)


def picked_in(chart: alt.Chart | alt.LayerChart, *, key: str) -> Mapping[str, object] | None:
    """Draw a chart whose marks open something; the fields of the mark clicked just now, or None.

    A click beside the marks, or on one that lacks a field, is none.
    """
    marks = clicked_marks(chart, _PICKED, key=key)
    if not marks or any(value is None for value in marks[0].values()):
        return None
    return dict(marks[0])


def picked_row(table: Mapping[str, list[object]], *, key: str) -> int | None:
    """Draw a table whose rows open something; the number of the row selected just now, or None."""
    event = st.dataframe(
        table,
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        hide_index=True,
        placeholder="–",
        width="stretch",
    )
    rows = event["selection"]["rows"]
    return int(rows[0]) if rows else None
