"""The confusion matrix of diseases as a heat map, and the pairs that are confused most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt

from spinebench.dashboard.case_opening import CasesOfMark, picking, show_linked_chart
from spinebench.dashboard.error_data import NOT_ANSWERED
from spinebench.evaluators.invisible import written_out
from spinebench.records import Outcome, Task
from spinebench.terms import DISEASES, HEALTHY

_CELL = 38
_DARK = 0.55
"""From this share on a cell is dark, and its figures white."""


@dataclass(frozen=True)
class ConfusedPair:
    """One disease (or Healthy) answered as another."""

    gold: str
    answered: str
    n: int
    n_gold: int
    """Questions with this gold label, not answered ones among them."""


def confused_pairs(counts: Mapping[tuple[str, str], int]) -> list[ConfusedPair]:
    """Every wrong pair that occurs, the most frequent first; what was not answered is no pair."""
    of_gold = _of_gold(counts)
    pairs = [
        ConfusedPair(gold, answered, n, of_gold[gold])
        for (gold, answered), n in counts.items()
        if gold != answered and answered != NOT_ANSWERED and n
    ]
    return sorted(pairs, key=lambda pair: (-pair.n, -pair.n / pair.n_gold, pair.gold, pair.answered))


def case_filters(gold: str, answered: str) -> dict[str, str]:
    """The cases behind one cell, as filters of `cases_url`."""
    filters = {"task": str(Task.DIAGNOSIS), "disease": gold}
    if answered == NOT_ANSWERED:
        return {**filters, "outcome": str(Outcome.NOT_ANSWERED)}
    if gold == answered:
        healthy = gold == HEALTHY
        return {**filters, "outcome": str(Outcome.CORRECT_HEALTHY if healthy else Outcome.CORRECT_DISEASE)}
    if answered == HEALTHY:  # by its outcome: a Healthy option may be worded otherwise
        return {**filters, "outcome": str(Outcome.DISEASE_MISSED)}
    return {**filters, "answered": answered}


def confusion_matrix(counts: Mapping[tuple[str, str], int], cases: CasesOfMark, *, title: str) -> None:
    """Draw the heat map; a click on a cell asks `cases` with its `gold` and `answered` label.

    Rows are gold labels, shares are of the row; Healthy stands apart from the diseases in both directions, and what
    was not answered from both.
    """
    of_gold = _of_gold(counts)
    gold = sorted(of_gold, key=_place)
    answered = sorted({*of_gold, *(label for _, label in counts)} - {NOT_ANSWERED}, key=_place)
    names = {label: f"{written_out(label)} (n = {of_gold[label]:,})" for label in gold}
    rows = [
        {
            "gold": label,
            "answered": given,
            "row": names[label],
            "column": written_out(given),
            "n": n,
            "n_gold": of_gold[label],
            "share": n / of_gold[label],
            "figures": f"{n:,}",
            "percent": f"{n / of_gold[label]:.0%}",
            "right": label == given,
            "said": f"{written_out(label)}, answered {written_out(given)}: {n:,}",
        }
        for (label, given), n in counts.items()
        if n
    ]
    across = [written_out(label) for label in _apart([*answered, NOT_ANSWERED])]
    down = [names.get(label, label) for label in _apart(gold)]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "column:N",
            title="answered",
            scale=alt.Scale(domain=across),
            axis=alt.Axis(
                orient="top", labelAngle=-35, labelLimit=190, labelOverlap=False, ticks=False, domain=False
            ),
        ),
        y=alt.Y(
            "row:N",
            title="gold",
            scale=alt.Scale(domain=down),
            axis=alt.Axis(labelLimit=260, labelOverlap=False, ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("row:N", title="gold"),
            alt.Tooltip("column:N", title="answered"),
            alt.Tooltip("n:Q", title="answers"),
            alt.Tooltip("n_gold:Q", title="of this gold"),
            alt.Tooltip("share:Q", title="share of the row", format=".1%"),
        ],
    )
    cells = (
        base.mark_rect(cursor="pointer", strokeWidth=2)
        .encode(
            description=alt.Description("said:N"),
            color=alt.Color(
                "share:Q",
                title="share of the row",
                scale=alt.Scale(scheme="blues", domain=[0, 1]),
                legend=alt.Legend(format="%", orient="bottom"),
            ),
            stroke=alt.StrokeValue("transparent", condition={"test": "datum.right", "value": "#009E73"}),
        )
        .add_params(picking("gold", "answered"))
    )
    ink = alt.ColorValue("black", condition={"test": f"(datum.share >= {_DARK})", "value": "white"})
    shares = base.mark_text(fontSize=12, dy=-6, cursor="pointer", aria=False).encode(
        text=alt.Text("percent:N"), color=ink
    )
    numbers = base.mark_text(fontSize=10, dy=8, cursor="pointer", aria=False).encode(
        text=alt.Text("figures:N"), color=ink
    )
    chart = alt.layer(cells, shares, numbers, title=title, height=alt.Step(_CELL))
    show_linked_chart(chart, cases, key="confusion matrix")


def _of_gold(counts: Mapping[tuple[str, str], int]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for (gold, _), n in counts.items():
        totals[gold] += n
    return totals


def _place(label: str) -> tuple[int, str]:
    """Diseases in the order of the vocabulary, then unknown ones, then Healthy."""
    if label in DISEASES:
        return (DISEASES.index(label), "")
    return (len(DISEASES) + (label == HEALTHY), label)


def _apart(labels: list[str]) -> list[str]:
    """The labels with an empty band before Healthy and before what was not answered."""
    found: list[str] = []
    for label in labels:
        if label in (HEALTHY, NOT_ANSWERED) and found:
            found.append(" " * (1 + labels.index(label)))  # each its own name: equal ones would be one band
        found.append(label)
    return found
