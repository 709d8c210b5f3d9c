"""Scores of reports drawn: the dimensions of each model as a heat map, the sections as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from spinebench.dashboard.case_opening import CasesOfMark, picking, show_linked_chart
from spinebench.dashboard.interval_chart import GREY, IntervalMark, interval_chart
from spinebench.dashboard.model_colours import model_colour
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.invisible import written_out
from spinebench.evaluators.report_formula import FULL_MARKS, points_per_value
from spinebench.evaluators.report_results import LevelAwareScores

_PARTS = {
    "text": "Text questions: share right",
    "image": "Image questions: share right",
    "report": "Reports: mean points",
    "overall": "Overall: weighted by the counts scored",
}
_CELL = 44
_DARK = 0.62
"""From this part of the scale on a cell is dark, and its figures white."""


def score_charts(models: Sequence[LevelAwareScores]) -> list[alt.LayerChart]:
    """One chart for each of text, image, reports and overall that some model has a score in, in points of 100."""
    found = []
    for part, title in _PARTS.items():
        estimates = [(one.model, _part(one, part)) for one in models]
        if all(estimate.value is None for _, estimate in estimates):
            continue
        found.append(
            interval_chart(
                [_mark(model, estimate) for model, estimate in estimates],
                title=title,
                x_title="points of 100, 95 % interval",
            )
        )
    return found


def dimension_heat_map(
    models: Sequence[LevelAwareScores],
    names: Mapping[str, str],
    scale: Sequence[int],
    cases: CasesOfMark,
    *,
    key: str,
) -> None:
    """Draw each dimension's mean of each model, its colour on the whole scale of the rubric; a click on a cell asks
    `cases` with its `row` and `dimension`. A dimension without a score has no cell."""
    low, high = min(scale), max(scale)
    rows = [
        {
            "row": one.model,
            "label": written_out(one.model),
            "dimension": dimension,
            "name": names.get(dimension, dimension),
            "mean": estimate.value,
            "part": (estimate.value - low) / (high - low),
            "low": estimate.interval.low if estimate.interval else None,
            "high": estimate.interval.high if estimate.interval else None,
            "n": estimate.n,
            "figure": f"{estimate.value:.2f}",
            "size": f"n {estimate.n:,}",
            "said": f"{written_out(one.model)}, {names.get(dimension, dimension)}: {estimate.value:.2f}",
        }
        for one in models
        for dimension, estimate in one.report.dimensions.items()
        if estimate.value is not None
    ]
    if not rows:
        return
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "name:N",
            title=None,
            sort=list(names.values()),
            axis=alt.Axis(
                orient="top", labelAngle=-35, labelLimit=220, labelOverlap=False, ticks=False, domain=False
            ),
        ),
        y=alt.Y(
            "label:N",
            title=None,
            sort=[written_out(one.model) for one in models],
            axis=alt.Axis(labelLimit=260, labelOverlap=False, ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="model"),
            alt.Tooltip("name:N", title="dimension"),
            alt.Tooltip("mean:Q", format=".2f"),
            alt.Tooltip("low:Q", title="95 % from", format=".2f"),
            alt.Tooltip("high:Q", title="to", format=".2f"),
            alt.Tooltip("n:Q", title="reports"),
        ],
    )
    cells = (
        base.mark_rect(cursor="pointer")
        .encode(
            description=alt.Description("said:N"),
            color=alt.Color(
                "mean:Q",
                title="mean score",
                scale=alt.Scale(scheme="blues", domain=[low, high]),
                legend=alt.Legend(
                    orient="bottom", gradientLength=240, values=list(scale), format="d", titleLimit=240
                ),
            ),
        )
        .add_params(picking("row", "dimension"))
    )
    ink = alt.ColorValue("black", condition={"test": f"(datum.part >= {_DARK})", "value": "white"})
    means = base.mark_text(fontSize=13, dy=-6, cursor="pointer", aria=False).encode(
        text=alt.Text("figure:N"), color=ink
    )
    sizes = base.mark_text(fontSize=10, dy=9, cursor="pointer", aria=False).encode(
        text=alt.Text("size:N"), color=ink
    )
    chart = alt.layer(
        cells, means, sizes, title=f"Dimensions: mean score from {low} to {high}", height=alt.Step(_CELL)
    )
    show_linked_chart(chart, cases, key=key)


def section_bars(
    models: Sequence[LevelAwareScores], names: Mapping[str, str], scale: Sequence[int]
) -> alt.LayerChart | None:
    """Each section's mean of each model as a bar with its interval, in points of 100; None without a score."""
    points = float(points_per_value(max(scale)))
    rows = [
        {
            "model": written_out(one.model),
            "section": names.get(section, section),
            "points": points * estimate.value,
            "low": points * estimate.interval.low if estimate.interval else None,
            "high": points * estimate.interval.high if estimate.interval else None,
            "n": estimate.n,
        }
        for one in models
        for section, estimate in one.report.sections.items()
        if estimate.value is not None
    ]
    if not rows:
        return None
    shown = [
        name
        for name in map(written_out, (one.model for one in models))
        if name in {one["model"] for one in rows}
    ]
    title = "points of 100, 95 % interval"
    axis = alt.Scale(domain=[0, FULL_MARKS])
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("section:N", title=None, sort=list(names.values()), axis=alt.Axis(labelLimit=260)),
        yOffset=alt.YOffset("model:N", sort=shown),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("section:N"),
            alt.Tooltip("points:Q", format=".1f"),
            alt.Tooltip("low:Q", title="95 % from", format=".1f"),
            alt.Tooltip("high:Q", title="to", format=".1f"),
            alt.Tooltip("n:Q", title="reports"),
        ],
    )
    bars = base.mark_bar(opacity=0.85).encode(
        x=alt.X("points:Q", title=title, scale=axis), color=model_colour(shown)
    )
    lines = base.mark_rule(strokeWidth=2, color=GREY).encode(
        x=alt.X("low:Q", title=title, scale=axis), x2=alt.X2("high:Q")
    )
    counts = [int(str(one["n"])) for one in rows]
    fewest, most = min(counts), max(counts)
    n = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    chart = alt.layer(bars, lines, title=f"Sections: points of 100 (n = {n} reports)", height=alt.Step(16))
    assert isinstance(chart, alt.LayerChart)
    return chart


def _part(one: LevelAwareScores, part: str) -> Estimate:
    scores = one.scores
    return {
        "text": scores.text.of_asked,
        "image": scores.image.of_asked,
        "report": scores.report,
        "overall": scores.overall,
    }[part]


def _mark(model: str, estimate: Estimate) -> IntervalMark:
    interval, counts = estimate.interval, estimate.denominators
    note = f"n {estimate.n:,}"
    if counts is not None:
        note += f", {counts.asked - counts.answered:,} unanswered"
    return IntervalMark(
        label=written_out(model),
        value=None if estimate.value is None else estimate.value / FULL_MARKS,
        low=None if interval is None else interval.low / FULL_MARKS,
        high=None if interval is None else interval.high / FULL_MARKS,
        n=estimate.n,
        note=note,
    )
