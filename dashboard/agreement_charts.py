"""Charts of judges held against clinicians: forests of coefficients, tables of scores, differences, single models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import altair as alt

from spinebench.evaluators.agreement import Agreement, BlandAltman, MarginalShift
from spinebench.evaluators.agreement.scored_pairs import ScoredPair
from spinebench.evaluators.estimate import Estimate

BLUE, SKY, ORANGE, GREEN, GREY = "#0072B2", "#56B4E9", "#D55E00", "#009E73", "#7F7F7F"
"""Of the palette of Okabe and Ito (2008), which is told apart with any colour vision; GREY reads on light and dark."""
CELL = "cell"
"""Name of the selection in charts whose marks open their cases, and of the field that it gives."""

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
        legend=alt.Legend(orient="bottom", labelLimit=260) if len(kinds) > 1 else None,
    )
    shape = alt.Shape(
        "kind:N",
        title=None,
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]),
        legend=alt.Legend(orient="bottom", labelLimit=260) if len(kinds) > 1 else None,
    )
    bars = base.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("low:Q", title=x_title, scale=scale), x2="high:Q", color=colour, tooltip=tooltip
    )
    points = base.mark_point(filled=True, size=95, opacity=1).encode(
        x=alt.X("value:Q", title=x_title, scale=scale), color=colour, shape=shape, tooltip=tooltip
    )
    texts = base.mark_text(align="left", baseline="middle", fontSize=12, color=GREY).encode(
        x=alt.value(alt.expr("width + 10")), text="text:N"
    )
    layers: list[alt.Chart] = []
    if ceiling is not None and ceiling.low is not None:
        band = alt.InlineData(values=[{"low": ceiling.low, "high": ceiling.high, "value": ceiling.value}])
        layers.append(
            alt.Chart(band)
            .mark_rect(color=GREY, opacity=0.18)
            .encode(x=alt.X("low:Q", title=x_title, scale=scale), x2="high:Q")
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
    drawn: alt.LayerChart = (
        alt.layer(*layers, bars, points, texts)
        .properties(
            title=_title(title, subtitle),
            height=alt.Step(20 if _several(marks) else 28),
            padding={"right": 10, "left": 5, "top": 5, "bottom": 5},
        )
        .configure_view(stroke=None)
    )
    return drawn


def shift_heat_map(shift: MarginalShift, *, judge: str, title: str, subtitle: str) -> LayerChart:
    """How often each pair of scores was given: clinicians' lower median across, judge down, agreement on the
    diagonal. A click gives `CELL`, as `cell_of` makes it."""
    values = [_number(value) for value in shift.scale]
    rows = [
        {
            "judge": _number(given),
            "clinicians": _number(median),
            "n": count,
            "share": count / shift.n if shift.n else 0.0,
            "agree": given == median,
            CELL: cell_of(median, given),
        }
        for given, counts in zip(shift.scale, shift.counts, strict=True)
        for median, count in zip(shift.scale, counts, strict=True)
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "clinicians:O", sort=values, title="clinicians, lower median (score)", axis=alt.Axis(labelAngle=0)
        ),
        y=alt.Y("judge:O", sort=values[::-1], title=f"{judge} (score)"),
        tooltip=[
            alt.Tooltip("clinicians:O", title="clinicians, lower median"),
            alt.Tooltip("judge:O", title=judge),
            alt.Tooltip("n:Q", title="traces"),
            alt.Tooltip("share:Q", title="of all", format=".0%"),
        ],
    )
    chosen = alt.selection_point(name=CELL, fields=[CELL], on="click", empty=False)
    cells = (
        base.mark_rect(cursor="pointer", strokeWidth=2)
        .encode(
            color=alt.Color("n:Q", title="traces", scale=alt.Scale(scheme="blues", domainMin=0)),
            stroke=alt.condition("datum.agree", alt.value(ORANGE), alt.value("transparent")),
        )
        .add_params(chosen)
    )
    most = max((count for counts in shift.counts for count in counts), default=0)
    numbers = base.mark_text(fontSize=14).encode(
        text="n:Q",
        color=alt.condition(f"datum.n > {most / 2}", alt.value("white"), alt.value("black")),
    )
    return alt.layer(cells, numbers).properties(title=_title(title, subtitle), height=alt.Step(48))


def bland_altman_chart(
    pairs: Sequence[ScoredPair], found: BlandAltman, *, judge: str, title: str, subtitle: str
) -> LayerChart:
    """Difference of judge and clinicians' mean over the mean of both; equal points are one disc, its area their
    number. A click gives `CELL`."""
    rows = _discs(
        (((one.judge + one.clinicians_mean) / 2, one.judge - one.clinicians_mean), one) for one in pairs
    )
    lines: list[dict[str, object]] = [{"at": 0.0, "line": "no difference"}]
    if found.bias is not None:
        lines.append({"at": found.bias, "line": f"bias {found.bias:+.2f}"})
    if found.limits is not None:
        lines += [{"at": at, "line": f"95 % of differences {found.limits[0]:+.2f} to {found.limits[1]:+.2f}"}
                  for at in found.limits]  # fmt: skip
    names = list(dict.fromkeys(str(line["line"]) for line in lines))
    y_title = "judge less clinicians' mean (points)"
    layers: list[alt.Chart] = []
    if found.interval is not None:
        layers.append(
            alt.Chart(alt.InlineData(values=[{"low": found.interval.low, "high": found.interval.high}]))
            .mark_rect(color=BLUE, opacity=0.15)
            .encode(y=alt.Y("low:Q", title=y_title), y2="high:Q")
        )
    layers.append(
        alt.Chart(alt.InlineData(values=lines))
        .mark_rule(strokeWidth=1.8)
        .encode(
            y=alt.Y("at:Q", title=y_title),
            color=alt.Color(
                "line:N",
                title=None,
                scale=alt.Scale(domain=names, range=[GREY, BLUE, ORANGE][: len(names)]),
                legend=alt.Legend(orient="bottom", labelLimit=300),
            ),
            strokeDash=alt.StrokeDash(
                "line:N",
                title=None,
                scale=alt.Scale(domain=names, range=[[1, 0], [1, 0], [6, 4]][: len(names)]),
                legend=None,
            ),
        )
    )
    points = _disc_chart(rows, "mean of both (score)", y_title, alt.Scale(zero=False), None)
    return alt.layer(*layers, points).properties(title=_title(title, f"{judge}; {subtitle}"), height=460)


def model_scatter(
    pairs: Sequence[ScoredPair], scale: Sequence[float], *, model: str, judge: str
) -> LayerChart:
    """One model's traces: judge over the clinicians' mean, with the line of equal scores. A click gives `CELL`."""
    ends = [scale[0] - 0.3, scale[-1] + 0.3]
    axis = alt.Scale(domain=ends, nice=False)
    rows = _discs(((one.clinicians_mean, one.judge), one) for one in pairs)
    diagonal = (
        alt.Chart(alt.InlineData(values=[{"x": end, "y": end} for end in ends]))
        .mark_line(color=GREY, strokeDash=[5, 4])
        .encode(x=alt.X("x:Q", scale=axis), y=alt.Y("y:Q", scale=axis))
    )
    points = _disc_chart(rows, "clinicians' mean (score)", f"{judge} (score)", axis, axis, list(scale))
    return alt.layer(diagonal, points).properties(title=_title(model, f"n = {len(pairs)} traces"), height=380)


def cell_of(x: float, y: float) -> str:
    """How a place of a chart is named when it is clicked."""
    return f"{x:.6g}|{y:.6g}"


def _discs(placed: Iterable[tuple[tuple[float, float], ScoredPair]]) -> list[dict[str, object]]:
    places: dict[tuple[float, float], list[ScoredPair]] = {}
    for place, pair in placed:
        places.setdefault(place, []).append(pair)
    return [
        {
            "x": x,
            "y": y,
            "n": len(found),
            "models": ", ".join(sorted({one.model for one in found})),
            CELL: cell_of(x, y),
        }
        for (x, y), found in sorted(places.items())
    ]


def _disc_chart(
    rows: list[dict[str, object]],
    x_title: str,
    y_title: str,
    x_scale: alt.Scale,
    y_scale: alt.Scale | None,
    ticks: list[float] | None = None,
) -> alt.Chart:
    axis = alt.Axis() if ticks is None else alt.Axis(values=ticks, format="d")
    y_axis = alt.Axis() if ticks is None else alt.Axis(values=ticks, format="d")
    chosen = alt.selection_point(name=CELL, fields=[CELL], on="click", empty=False)
    y = alt.Y("y:Q", title=y_title, axis=y_axis)
    if y_scale is not None:
        y = alt.Y("y:Q", title=y_title, axis=y_axis, scale=y_scale)
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_circle(color=SKY, opacity=0.85, cursor="pointer", stroke=GREY, strokeWidth=0.5)
        .encode(
            x=alt.X("x:Q", title=x_title, scale=x_scale, axis=axis),
            y=y,
            size=alt.Size("n:Q", legend=None, scale=alt.Scale(domainMin=0, range=[0, 90 * _most(rows)])),
            tooltip=[
                alt.Tooltip("x:Q", title=x_title, format=".2f"),
                alt.Tooltip("y:Q", title=y_title, format="+.2f" if ticks is None else ".0f"),
                alt.Tooltip("n:Q", title="traces"),
                alt.Tooltip("models:N", title="models"),
            ],
        )
        .add_params(chosen)
    )
    return drawn


def _most(rows: list[dict[str, object]]) -> float:
    """For a size scale on which one trace has the same area on every chart, up to 12 of them at one place."""
    return min(max((float(str(row["n"])) for row in rows), default=1.0), 12.0)


def _several(marks: Sequence[ForestMark]) -> bool:
    return len({mark.label for mark in marks}) < len(marks)


def _number(value: float) -> str:
    return f"{value:g}"


def _title(text: str, subtitle: str) -> alt.TitleParams:
    return alt.TitleParams(text, subtitle=subtitle, anchor="start", subtitleColor=GREY)
