"""Replay of the pathology benchmark's results table (arXiv 2510.12267)."""

from __future__ import annotations

from spinebench.evaluators.published.cells import (
    CheckedCell,
    Contradiction,
    Replay,
    half_up,
    named,
    printed,
    weighted_mean,
)
from spinebench.evaluators.published.tables import ResultsTable

RULE = "unweighted mean of sdd_acc and sll_acc"


def replay_pathology(table: ResultsTable) -> Replay:
    """Overall = mean of the two task accuracies; the other cells are measurements."""
    cells, contradictions = [], []
    for row, values in table.rows.items():
        cell = {name: printed(text, table.decimals) for name, text in named(table.columns, values).items()}
        overall = weighted_mean([cell["sdd_acc"], cell["sll_acc"]])
        shown, recomputed = float(cell["overall"].value), half_up(overall.value, table.decimals)
        wrong = not overall.touches(cell["overall"])
        cells.append(
            CheckedCell(
                table="results",
                row=row,
                cell="overall",
                rule=RULE,
                printed=shown,
                recomputed=(recomputed,),
                contradicts=wrong,
            )
        )
        if wrong:
            contradictions.append(
                Contradiction(
                    table="results",
                    row=row,
                    cells=("overall",),
                    printed=(shown,),
                    recomputed=((recomputed,),),
                    reason=RULE,
                )
            )
    return Replay(
        benchmark=table.benchmark,
        source=f"{table.paper}: {table.where}",
        cells=tuple(cells),
        contradictions=tuple(contradictions),
        remarks=(
            "sdd_acc, sll_acc, sll_precision and sll_recall are measurements: nothing to recompute them from",
        ),
    )
