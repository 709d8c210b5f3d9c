"""How localizations go wrong: hits per level, and by how many levels answers are shifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from spinebench.dashboard.case_opening import CasesOfMark, picking, show_linked_chart
from spinebench.evaluators.localization import LevelRates

_FIGURES = ("sensitivity", "specificity")
_COLOURS = ("#0072B2", "#D55E00")


def level_chart(levels: Sequence[LevelRates], model: str, cases: CasesOfMark) -> None:
    """Draw sensitivity and specificity per level; a click on a point asks `cases` with its `level` and `figure`."""
    rows = [
        {
            "level": one.level,
            "figure": figure,
            "rate": rate.value,
            "low": rate.interval.low if rate.interval else None,
            "high": rate.interval.high if rate.interval else None,
            "count": rate.count,
            "n": rate.n,
            "label": f"{rate.count}/{rate.n}",
        }
        for one in levels
        for figure, rate in zip(_FIGURES, (one.sensitivity.of_asked, one.specificity.of_asked), strict=True)
        if rate.value is not None
    ]
    if not rows:
        return
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("level:N", title="level", sort=[one.level for one in levels]),
        yOffset=alt.YOffset("figure:N", sort=list(_FIGURES)),
        color=alt.Color(
            "figure:N",
            title=None,
            scale=alt.Scale(domain=list(_FIGURES), range=list(_COLOURS)),
            legend=alt.Legend(orient="bottom", labelLimit=240),
        ),
        tooltip=[
            alt.Tooltip("level:N"),
            alt.Tooltip("figure:N"),
            alt.Tooltip("count:Q", title="hits"),
            alt.Tooltip("n:Q", title="of questions"),
            alt.Tooltip("rate:Q", format=".1%"),
            alt.Tooltip("low:Q", title="95 % from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
        ],
    )
    title = "share of asked questions"
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, scale={"domain": [0, 1.12]}), x2=alt.X2("high:Q")
    )
    points = (
        base.mark_point(filled=True, size=110, opacity=1, cursor="pointer")
        .encode(
            x=alt.X(
                "rate:Q",
                title=title,
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
                scale={"domain": [0, 1.12]},
            )
        )
        .add_params(picking("level", "figure"))
    )
    sizes = base.mark_text(align="left", fontSize=11).encode(x=alt.XDatum(1.02), text=alt.Text("label:N"))
    chart = alt.layer(lines, points, sizes, title=f"Hits per level, {model} (hits/n)", height=alt.Step(20))
    show_linked_chart(chart, cases, key=f"levels {model}")


def shift_chart(
    counts: Mapping[tuple[str, int], int], n_asked: Mapping[str, int], cases: CasesOfMark
) -> None:
    """Draw how many answers are off by how many levels throughout; a click on a cell asks `cases` with its model and
    shift."""
    if not counts:
        return
    rows = [
        {
            "model": model,
            "row": f"{model} (n = {n_asked[model]:,})",
            "shift": f"{shift:+d}",
            "by": shift,
            "n": n,
            "share": n / n_asked[model],
        }
        for (model, shift), n in counts.items()
    ]
    widest = max(abs(shift) for _, shift in counts)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "shift:N",
            title="shift in levels, caudal positive",
            scale=alt.Scale(domain=[f"{by:+d}" for by in range(-widest, widest + 1) if by]),
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y("row:N", title=None, axis=alt.Axis(labelLimit=320)),
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("shift:N"),
            alt.Tooltip("n:Q", title="answers"),
            alt.Tooltip("share:Q", title="of asked", format=".1%"),
        ],
    )
    cells = (
        base.mark_rect(cursor="pointer")
        .encode(color=alt.Color("n:Q", title="answers", scale=alt.Scale(scheme="oranges", domainMin=0)))
        .add_params(picking("model", "shift"))
    )
    figures = base.mark_text(fontSize=12, color="black", cursor="pointer").encode(text=alt.Text("n:Q"))
    chart = alt.layer(
        cells,
        figures,
        title="Uniform shifts: answers with all levels off by the same number",
        height=alt.Step(34),
    )
    show_linked_chart(chart, cases, key="shifts")
