"""How often healthy images are answered with a disease, by where the images are from."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from spinebench.dashboard.case_opening import CasesOfMark, picking, show_linked_chart
from spinebench.dashboard.model_colours import model_colour
from spinebench.evaluators.healthy import HealthyMisdiagnosis
from spinebench.evaluators.invisible import written_out


def healthy_chart(
    rates: Sequence[HealthyMisdiagnosis], by: str, models: Sequence[str], cases: CasesOfMark
) -> None:
    """Draw the rates by one column with exact intervals; a click on a point asks `cases` with its model and value."""
    asked = _asked(rates, by)
    rows = [
        {
            "model": one.model,
            "value": one.value,
            "row": f"{written_out(one.value)} (n = {asked[one.value]})",
            "rate": estimate.value,
            "low": estimate.interval.low if estimate.interval else None,
            "high": estimate.interval.high if estimate.interval else None,
            "count": estimate.count,
            "n": estimate.n,
            "n_clusters": estimate.n_clusters,
        }
        for one in rates
        if one.by == by
        for estimate in (one.rate.of_asked,)
    ]
    if not rows:
        return
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("row:N", title=None, axis=alt.Axis(labelLimit=200, labelOverlap=False)),
        yOffset=alt.YOffset("model:N", sort=list(models)),
        color=model_colour(models),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("value:N", title=by),
            alt.Tooltip("count:Q", title="misdiagnosed"),
            alt.Tooltip("n:Q", title="of healthy images asked"),
            alt.Tooltip("n_clusters:Q", title="studies"),
            alt.Tooltip("rate:Q", format=".1%"),
            alt.Tooltip("low:Q", title="95 % from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
        ],
    )
    across = alt.X(
        "rate:Q", title="misdiagnosed, share of n", axis=alt.Axis(format="%"), scale={"domain": [0, 1]}
    )
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale={"domain": [0, 1]}, title="misdiagnosed, share of n"), x2=alt.X2("high:Q")
    )
    points = (
        base.mark_point(filled=True, size=110, opacity=1, cursor="pointer")
        .encode(x=across)
        .add_params(picking("model", "value"))
    )
    chart = alt.layer(lines, points, title=f"Healthy misdiagnosed, by {by}", height=alt.Step(20))
    show_linked_chart(chart, cases, key=f"healthy by {by}")


def _asked(rates: Sequence[HealthyMisdiagnosis], by: str) -> dict[str, str]:
    """How many healthy images each value stands for: one number, or from fewest to most where models differ."""
    found: dict[str, set[int]] = {}
    for one in rates:
        if one.by == by:
            found.setdefault(one.value, set()).add(one.rate.of_asked.n)
    return {
        value: f"{min(n):,}" if len(n) == 1 else f"{min(n):,} to {max(n):,}" for value, n in found.items()
    }
