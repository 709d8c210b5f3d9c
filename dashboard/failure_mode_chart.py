"""How often each failure mode of reasoning occurs in each model's traces, of one audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never

import altair as alt

from spinebench.dashboard.case_opening import CasesOfMark, picking, show_linked_chart
from spinebench.dashboard.model_colours import model_colour
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.reasoning import ALL_MODELS, FailurePrevalence

Figure = Literal["corrected", "judge", "clinicians"]
_FEW = 10
"""As many labels as `spinebench calibrate` wants for an interval that is not rough."""


def estimate_of(one: FailurePrevalence, figure: Figure) -> Estimate:
    """The estimate that a figure is: corrected by the clinicians, as the judge marks, as clinicians do."""
    match figure:
        case "corrected":
            return one.corrected
        case "judge":
            return one.judge
        case "clinicians":
            return one.clinicians
        case _:
            assert_never(figure)


def doubts(estimates: Sequence[Estimate]) -> list[str]:
    """What the chart does not show of its points: how many have no interval, how many rest on few traces."""
    points = [one for one in estimates if one.value is not None]
    bare = sum(one.interval is None for one in points)
    few = sum(one.n < _FEW for one in points)
    return [
        f"{n} of {len(points)} points {said}"
        for n, said in (
            (
                bare,
                "have no interval, from fewer than two traces or from marks that are all the same: no findings.",
            ),
            (few, f"rest on fewer than {_FEW} traces: rough."),
        )
        if n
    ]


def failure_mode_chart(
    found: Sequence[FailurePrevalence], figure: Figure, models: Sequence[str], cases: CasesOfMark
) -> None:
    """Draw the shares with their intervals; a click on a point asks `cases` with its mode and model. Undefined ones
    are left out: the caller says which."""
    rows = [
        {
            "mode": one.mode,
            "label": one.mode.replace("_", " "),
            "model": one.model,
            "share": estimate.value,
            "low": estimate.interval.low if estimate.interval else None,
            "high": estimate.interval.high if estimate.interval else None,
            "n": estimate.n,
        }
        for one in found
        if one.model != ALL_MODELS
        for estimate in (estimate_of(one, figure),)
        if estimate.value is not None
    ]
    if not rows:
        return
    sizes = [int(str(one["n"])) for one in rows]
    fewest, most = min(sizes), max(sizes)
    n = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    title = f"share of traces with the mode (n = {n} for each model)"
    shown = [model for model in models if model in {one["model"] for one in rows}]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("label:N", title=None, axis=alt.Axis(labelLimit=260)),
        yOffset=alt.YOffset("model:N", sort=shown),
        color=model_colour(shown),
        tooltip=[
            alt.Tooltip("mode:N"),
            alt.Tooltip("model:N"),
            alt.Tooltip("share:Q", format=".1%"),
            alt.Tooltip("low:Q", title="95 % from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
            alt.Tooltip("n:Q", title="traces"),
        ],
    )
    lines = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2=alt.X2("high:Q"))
    points = (
        base.mark_point(filled=True, size=90, opacity=1, cursor="pointer")
        .encode(x=alt.X("share:Q", title=title, axis=alt.Axis(format="%", tickCount=8)))
        .add_params(picking("mode", "model"))
    )
    chart = alt.layer(
        lines,
        points,
        title=f"Failure modes by model: {figure}, with 95 % intervals",
        height=alt.Step(14),
    )
    show_linked_chart(chart, cases, key=f"failure modes {figure}")
