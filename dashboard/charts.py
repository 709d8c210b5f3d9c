"""Charts on a page, handed to Streamlit as plain specifications.

Altair holds every part of a chart against its schema, twice, which takes more time than all else that an answered
click does. The charts' code is held against the schema where `checked` says so: in the tests; the server does without.
It also names the class of each channel (`x2=alt.X2("high:Q")`, not `x2="high:Q"`): for a bare text or dictionary
altair searches all its classes, 7 ms each time.
And layers are put together with their title and height at once (`alt.layer(a, b, title=...)`): each `+` and
`.properties` copies all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import streamlit as st
from altair.utils import schemapi
from streamlit.delta_generator import DeltaGenerator

AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart
_MARKS = "marks of charts"


def leave_unchecked() -> None:
    """From now on charts of this process are not held against the schema."""
    schemapi.disable_debug_mode()


def checked() -> bool:
    """Whether charts of this process are held against the schema, as they are unless it was told otherwise."""
    return bool(schemapi.DEBUG_MODE)


def mark_charts(*marks: str) -> None:
    """From now on charts of this page say so below their titles: a chart is saved without the page's warnings.

    Every page with charts calls this before it draws one, without marks where its charts bear their own.
    """
    st.session_state[_MARKS] = ", ".join(marks)


def chart_columns(n: int, *, least: int, key: str) -> Sequence[DeltaGenerator]:
    """Columns for charts, one at least; where that leaves a column fewer than `least` pixels, they stand below each
    other, those of one call in their order. `key` is their name on the page.

    Streamlit's own are as narrow as the window makes them, and a chart without room for its names and figures has
    none for what it draws.
    """
    key = re.sub(r"[^A-Za-z0-9-]", "-", key)
    st.html(
        f"<style>.st-key-{key} [data-testid=stHorizontalBlock] {{ flex-wrap: wrap; }}"
        f".st-key-{key} [data-testid=stColumn] {{ min-width: min(100%, {least}px); }}</style>"
    )
    return st.container(key=key).columns(max(n, 1))


def names_width(names: Iterable[str]) -> int:
    """Pixels that the longest of the names takes beside a chart; beyond 260 it is cut there."""
    return min(7 * max(map(len, names), default=0), 260)


def right_of_all() -> alt.XValue:
    """Where a text stands right of all that a chart draws."""
    return alt.XValue(alt.expr("width + 10"))  # type: ignore[no-untyped-call]


def show_chart(chart: AnyChart, *, key: str | None = None) -> None:
    """Draw a chart as wide as its place. Its data are inline: of a data frame altair would refuse 5,000 rows."""
    st.vega_lite_chart(spec=_spec(chart), width="stretch", key=key)


def show_clickable(
    chart: AnyChart, selection: str, *, key: str, clicked: Callable[[], None] | None = None
) -> None:
    """Draw a chart with marks that can be clicked, which its parameter `selection` takes; see `clicked_marks`. After a
    click the page is drawn again, and `clicked` is called before."""
    st.vega_lite_chart(
        spec=_spec(chart), on_select=clicked or "rerun", selection_mode=selection, key=key, width="stretch"
    )


def clicked_marks(selection: str, *, key: str) -> Sequence[Mapping[str, Any]]:
    """The fields of the mark that was clicked last in the chart with this key, in a list; [] without a click."""
    return list(st.session_state[key]["selection"].get(selection) or [])


def _spec(chart: AnyChart) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict(validate=checked())
    marks = str(st.session_state.get(_MARKS, ""))
    if marks and "title" in spec:
        title = spec["title"] if isinstance(spec["title"], dict) else {"text": spec["title"]}
        said = title.get("subtitle") or []
        above = [said] if isinstance(said, str) else list(said)
        spec["title"] = {"subtitleColor": "#7F7F7F", **title, "subtitle": [*above, marks]}
    return spec
