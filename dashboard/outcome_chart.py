"""Outcome shares per model: one stacked bar each, one chart per task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import altair as alt

from spinebench.dashboard.case_opening import CasesOfMark, picking, show_linked_chart
from spinebench.evaluators.invisible import written_out
from spinebench.evaluators.localization import OUTCOMES as LOCALIZATION_OUTCOMES
from spinebench.records import Outcome, Task

# Okabe and Ito's colours (2008), told apart by colour-blind readers; grey for what is no answer.
_COLOURS = {
    Outcome.CORRECT_DISEASE: "#009E73",
    Outcome.CORRECT_HEALTHY: "#56B4E9",
    Outcome.HEALTHY_MISDIAGNOSED: "#D55E00",
    Outcome.DISEASE_MISSED: "#E69F00",
    Outcome.DISEASE_CONFUSED: "#CC79A7",
    Outcome.NOT_ANSWERED: "#999999",
    Outcome.EXACT: "#009E73",
    Outcome.MISSED_LEVELS: "#E69F00",
    Outcome.EXTRA_LEVELS: "#D55E00",
    Outcome.SHIFTED: "#0072B2",
    Outcome.MIXED: "#CC79A7",
    Outcome.DISJOINT: "#F0E442",
}
_ORDER = {
    Task.DIAGNOSIS: (
        Outcome.CORRECT_DISEASE,
        Outcome.CORRECT_HEALTHY,
        Outcome.HEALTHY_MISDIAGNOSED,
        Outcome.DISEASE_MISSED,
        Outcome.DISEASE_CONFUSED,
        Outcome.NOT_ANSWERED,
    ),
    Task.LOCALIZATION: LOCALIZATION_OUTCOMES,
}
_ROW_HEIGHT = 34
_LABELLED = 0.06
"""Parts narrower than this share of the bar have no room for their figure; the tooltip has it."""


def outcome_chart(
    counts: Mapping[tuple[str, str, str, str, str], int], task: Task, cases: CasesOfMark
) -> None:
    """Draw the outcomes of one task; a click on a part asks `cases` with its model, persona, condition and outcome.

    `counts` are answers by model, persona, image condition, task and outcome. Draws nothing without answers of the
    task.
    """
    found = {key: n for key, n in counts.items() if key[3] == task}
    if not found:
        return
    rows = _parts(found, task)
    order = _ORDER[task]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("bar:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)),
        x=alt.X(
            "start:Q", title="share of asked questions", axis=alt.Axis(format="%"), scale={"domain": [0, 1]}
        ),
        tooltip=[
            alt.Tooltip("bar:N", title="model"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("n:Q", title="answers"),
            alt.Tooltip("n_asked:Q", title="of asked"),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    bars = (
        base.mark_bar(cursor="pointer")
        .encode(
            x2=alt.X2("end:Q"),
            color=alt.Color(
                "outcome:N",
                title="outcome",
                scale=alt.Scale(domain=[*map(str, order)], range=[_COLOURS[one] for one in order]),
                legend=alt.Legend(
                    orient="bottom",
                    direction="horizontal",
                    columns=3,
                    labelLimit=200,
                    labelExpr="replace(datum.label, /_/g, ' ')",
                ),
            ),
        )
        .add_params(picking("model", "persona", "condition", "outcome"))
    )
    figures = (
        base.transform_filter(alt.datum.share >= _LABELLED)
        .mark_text(fontSize=12, color="black", cursor="pointer")
        .encode(x=alt.X("middle:Q"), text=alt.Text("share:Q", format=".0%"))
    )
    chart = alt.layer(
        bars, figures, title=f"Outcomes, {task}: share of asked questions", height=alt.Step(_ROW_HEIGHT)
    )
    show_linked_chart(chart, cases, key=f"outcomes {task}")


def _parts(counts: Mapping[tuple[str, str, str, str, str], int], task: Task) -> list[dict[str, object]]:
    """One row per part of a bar, with where it starts and ends."""
    asked: Counter[tuple[str, str, str]] = Counter()
    parts: defaultdict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for (model, persona, condition, _, outcome), n in counts.items():
        asked[model, persona, condition] += n
        parts[model, persona, condition][outcome] = n
    rows: list[dict[str, object]] = []
    for key, n_by_outcome in parts.items():
        names = [
            value for place, value in enumerate(key) if not place or len({one[place] for one in parts}) > 1
        ]
        before = 0
        for outcome in _ORDER[task]:
            n = n_by_outcome.get(outcome, 0)
            if n:
                rows.append(
                    {
                        "bar": f"{written_out(', '.join(names))} (n = {asked[key]:,})",
                        "model": key[0],
                        "persona": key[1],
                        "condition": key[2],
                        "outcome": str(outcome),
                        "n": n,
                        "n_asked": asked[key],
                        "share": n / asked[key],
                        "start": before / asked[key],
                        "middle": (before + n / 2) / asked[key],
                        "end": (before + n) / asked[key],
                    }
                )
            before += n
    return rows
