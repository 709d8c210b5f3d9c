"""A forest: figures with intervals, one row each, in front of the interval of what they can be expected to reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal, TypeAlias

import altair as alt

from spinebench.dashboard.charts import right_of_all, show_chart
from spinebench.evaluators.agreement import Agreement, BlandAltman
from spinebench.evaluators.estimate import Estimate

BLUE, SKY, ORANGE, GREEN, GREY = "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#7F7F7F"
"""Of the palette of Okabe and Ito (2008), which is told apart with any colour vision; GREY reads on light and dark."""

LayerChart: TypeAlias = alt.LayerChart | alt.FacetChart
"""What altair says that layers become."""
Kind = Literal[
    "clinicians with each other",
    "judge with clinicians",
    "judge with one clinician",
    "judge, raw",
    "clinicians alone",
    "corrected",
]
_COLOURS: dict[Kind, str] = {
    "clinicians with each other": GREY,
    "judge with clinicians": BLUE,
    "judge with one clinician": GREEN,
    "judge, raw": ORANGE,
    "clinicians alone": GREY,
    "corrected": BLUE,
}
_SHAPES: dict[Kind, str] = {
    "clinicians with each other": "diamond",
    "judge with clinicians": "circle",
    "judge with one clinician": "triangle-up",
    "judge, raw": "square",
    "clinicians alone": "diamond",
    "corrected": "circle",
}


@dataclass(frozen=True)
class ForestMark:
    """One figure of a forest; a value of None keeps its row and says why."""

    label: str
    kind: Kind
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    @classmethod
    def of(cls, label: str, kind: Kind, found: Agreement | BlandAltman | Estimate) -> ForestMark:
        """From a figure of a report."""
        value = found.bias if isinstance(found, BlandAltman) else found.value
        n = found.n if isinstance(found, Estimate) else found.n_units
        interval = found.interval
        low, high = (interval.low, interval.high) if interval is not None else (None, None)
        return cls(label, kind, value, low, high, n, found.reason)

    @property
    def text(self) -> str:
        """`0.48 [0.31 to 0.62], n = 21`, or that it is undefined."""
        if self.value is None:
            return f"undefined, n = {self.n}"
        span = "" if self.low is None or self.high is None else f" [{self.low:.2f} to {self.high:.2f}]"
        return f"{self.value:.2f}{span}, n = {self.n}"


def forest(
    marks: Sequence[ForestMark],
    *,
    title: str,
    subtitle: str,
    x_title: str,
    domain: tuple[float, float],
    line_at: float | None = 0.0,
    ceiling: ForestMark | None = None,
) -> LayerChart:
    """Figures with intervals, one row each in the order given; behind them the ceiling's interval as a band.

    `domain` is widened where an interval reaches beyond it. At least one mark is needed.
    """
    ends = [end for mark in marks for end in (mark.value, mark.low, mark.high) if end is not None]
    span = [min([domain[0], *ends]), max([domain[1], *ends])]
    scale = alt.Scale(domain=span, nice=False, zero=False)
    kinds = list(dict.fromkeys(mark.kind for mark in marks))
    rows = [
        {
            "label": mark.label,
            "kind": mark.kind,
            "value": mark.value,
            "low": mark.low,
            "high": mark.high,
            "text": mark.text,
            "n": mark.n,
            "reason": mark.reason or "",
        }
        for mark in marks
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "label:N",
            sort=list(dict.fromkeys(mark.label for mark in marks)),
            title=None,
            axis=alt.Axis(labelLimit=280, domain=False, ticks=False, labelPadding=8),
        )
    )
    if len(kinds) > 1:
        base = base.encode(yOffset=alt.YOffset("kind:N", sort=kinds)) if _several(marks) else base
    tooltip = [
        alt.Tooltip("label:N", title="of"),
        alt.Tooltip("kind:N", title="figure"),
        alt.Tooltip("text:N", title="value, 95 % interval"),
        alt.Tooltip("reason:N", title="why undefined"),
    ]
    colour = alt.Color(
        "kind:N",
        title=None,
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[_COLOURS[kind] for kind in kinds]),
        legend=alt.Legend(orient="bottom", direction="vertical", labelLimit=260) if len(kinds) > 1 else None,
    )
    shape = alt.Shape(
        "kind:N",
        title=None,
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]),
        legend=alt.Legend(orient="bottom", direction="vertical", labelLimit=260) if len(kinds) > 1 else None,
    )
    bars = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("low:Q", title=x_title, scale=scale), x2=alt.X2("high:Q"), color=colour, tooltip=tooltip
    )
    points = base.mark_point(filled=True, size=95, opacity=1).encode(
        x=alt.X("value:Q", title=x_title, scale=scale), color=colour, shape=shape, tooltip=tooltip
    )
    texts = base.mark_text(align="left", baseline="middle", fontSize=12, color=GREY).encode(
        x=right_of_all(), text=alt.Text("text:N")
    )
    layers: list[alt.Chart] = []
    if ceiling is not None and ceiling.low is not None:
        band = alt.InlineData(values=[{"low": ceiling.low, "high": ceiling.high, "value": ceiling.value}])
        layers.append(
            alt.Chart(band)
            .mark_rect(color=GREY, opacity=0.18)
            .encode(x=alt.X("low:Q", title=x_title, scale=scale), x2=alt.X2("high:Q"))
        )
        layers.append(
            alt.Chart(band)
            .mark_rule(color=GREY, strokeDash=[5, 4])
            .encode(x=alt.X("value:Q", title=x_title, scale=scale))
        )
    if line_at is not None:
        layers.append(
            alt.Chart(alt.InlineData(values=[{"at": line_at}]))
            .mark_rule(color=GREY)
            .encode(x=alt.X("at:Q", title=x_title, scale=scale))
        )
    drawn: alt.LayerChart = alt.layer(
        *layers,
        bars,
        points,
        texts,
        title=chart_title(title, subtitle),
        height=alt.Step(20 if _several(marks) else 28),
        padding={"right": 10, "left": 5, "top": 5, "bottom": 5},
    ).configure_view(stroke=None)
    return drawn


def chart_title(text: str, subtitle: str) -> alt.TitleParams:
    """A title with what the figures are of, and how many, below it."""
    # What is wider than the chart would be cut, and the mark of a simulation with it.
    return alt.TitleParams(text, subtitle=wrap(subtitle, 52), anchor="start", subtitleColor=GREY)


def simulated_mark(simulated: bool) -> str:
    """What a subtitle ends with where its figures are simulated; "" where they are not."""
    return "; SIMULATION" if simulated else ""


def draw(chart: LayerChart) -> None:
    """Show a chart as wide as its place."""
    show_chart(chart)


def _several(marks: Sequence[ForestMark]) -> bool:
    return len({mark.label for mark in marks}) < len(marks)
