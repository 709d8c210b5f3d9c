"""Charts of a judge held against clinicians, trace by trace: tables of scores, differences, single models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import altair as alt

from spinebench.dashboard.forest_chart import BLUE, GREY, ORANGE, SKY, LayerChart, chart_title
from spinebench.evaluators.agreement import BlandAltman, MarginalShift
from spinebench.evaluators.agreement.scored_pairs import ScoredPair

CELL = "cell"
"""Name of the selection in charts whose marks open their cases, and of the field that it gives."""


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
            stroke=alt.StrokeValue("transparent", condition={"test": "datum.agree", "value": ORANGE}),
        )
        .add_params(chosen)
    )
    most = max((count for counts in shift.counts for count in counts), default=0)
    numbers = base.mark_text(fontSize=14).encode(
        text=alt.Text("n:Q"),
        color=alt.ColorValue("black", condition={"test": f"datum.n > {most / 2}", "value": "white"}),
    )
    return alt.layer(cells, numbers, title=chart_title(title, subtitle), height=alt.Step(48))


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
            .encode(y=alt.Y("low:Q", title=y_title), y2=alt.Y2("high:Q"))
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
                legend=alt.Legend(orient="bottom", direction="vertical", labelLimit=300),
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
    return alt.layer(*layers, points, title=chart_title(title, f"{judge}; {subtitle}"), height=460)


def model_scatter(
    pairs: Sequence[ScoredPair], scale: Sequence[float], *, model: str, judge: str, subtitle: str
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
    return alt.layer(diagonal, points, title=chart_title(model, subtitle), height=380)


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


def _number(value: float) -> str:
    return f"{value:g}"
