"""Figures with their intervals side by side, and what answering without looking gives drawn in behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt

from spinebench.dashboard.charts import right_of_all

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"
"""Of the palette of Okabe and Ito (2008), which is told apart with any colour vision; GREY reads on light and dark."""


@dataclass(frozen=True)
class IntervalMark:
    """One figure: a share between 0 and 1 (or a difference of shares), None where it is undefined."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""
    """What else is said at the end of the bar, beside the figure."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What a click on the mark tells, by the names that `picking` was given."""


@dataclass(frozen=True)
class ReferenceLine:
    """A value that the figures are to be read against, e.g. chance."""

    name: str
    value: float


def interval_chart(
    marks: Sequence[IntervalMark],
    references: Sequence[ReferenceLine] = (),
    *,
    title: str,
    x_title: str,
    subtitle: str = "",
    picking: alt.Parameter | None = None,
) -> alt.LayerChart:
    """Points with interval bars in percent, one row per mark in the order given, from 0 to 100.

    References of one value share a line. `picking` makes the points clickable (see `case_opening.picking`).
    A mark without a value keeps its row, with `undefined` beside it. At least one mark is needed.
    """
    rows = [
        {
            "label": mark.label,
            "percent": None if mark.value is None else 100 * mark.value,
            "low": None if mark.low is None else 100 * mark.low,
            "high": None if mark.high is None else 100 * mark.high,
            "figure": _figure(mark),
            "at_the_end": _figure(mark) + (f", {mark.note}" if mark.note else ""),
            "n": mark.n,
            **mark.fields,
        }
        for mark in marks
    ]
    x = alt.X("percent:Q", title=x_title, scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=6))
    y = alt.Y(
        "label:N",
        sort=[mark.label for mark in marks],
        title=None,
        axis=alt.Axis(labelLimit=260, domain=False, ticks=False, labelPadding=8),
    )
    tooltip = [
        alt.Tooltip("label:N", title="model"),
        alt.Tooltip("figure:N", title="percent, 95 % interval"),
        alt.Tooltip("n:Q", title="n"),
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    bars = base.mark_rule(strokeWidth=3, color=BLUE).encode(
        x=alt.X("low:Q", title=x_title, scale=alt.Scale(domain=[0, 100])),
        x2=alt.X2("high:Q"),
        tooltip=tooltip,
    )
    points = base.mark_point(filled=True, size=110, color=BLUE, opacity=1).encode(x=x, tooltip=tooltip)
    if picking is not None:
        points = points.add_params(picking)
    # The colour of the text is the theme's, which Streamlit sets for axis labels alone: a grey reads on both.
    texts = base.mark_text(align="left", baseline="middle", fontSize=12, color=GREY).encode(
        x=right_of_all(), text=alt.Text("at_the_end:N")
    )
    layers: list[alt.Chart] = []
    if references:
        lines = alt.InlineData(values=_lines(references))
        layers.append(
            alt.Chart(lines)
            .mark_rule(strokeDash=[5, 4], strokeWidth=1.5)
            .encode(
                x=alt.X("at:Q"),
                color=alt.Color(
                    "name:N",
                    title="without looking",
                    sort=None,
                    scale=alt.Scale(range=[ORANGE, GREEN, PINK, GREY]),
                    legend=alt.Legend(orient="bottom", direction="vertical", labelLimit=300),
                ),
                tooltip=[alt.Tooltip("name:N"), alt.Tooltip("at:Q", title="percent", format=".1f")],
            )
        )
    chart = alt.layer(
        *layers,
        bars,
        points,
        texts,
        title=alt.TitleParams(title, subtitle=subtitle, anchor="start", subtitleColor=GREY),
        height=alt.Step(30),
        view=alt.ViewBackground(stroke=None),
    )
    assert isinstance(chart, alt.LayerChart)  # alt.layer's type says facets too, which these are not
    return chart


def _lines(references: Sequence[ReferenceLine]) -> list[dict[str, object]]:
    names: dict[float, list[str]] = {}
    for one in references:
        names.setdefault(round(100 * one.value, 6), []).append(one.name)
    return [{"at": at, "name": f"{' = '.join(together)}: {at:.1f}"} for at, together in sorted(names.items())]


def _figure(mark: IntervalMark) -> str:
    if mark.value is None:
        return "undefined"
    text = f"{100 * mark.value:.1f}"
    if mark.low is not None and mark.high is not None:
        text += f" [{100 * mark.low:.0f} to {100 * mark.high:.0f}]"
    return text
