"""Results of runs: the graded answers out of the database, summarized and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinebench.errors import DataError
from spinebench.evaluators.results import ModelSummary, summarize
from spinebench.runs.gate_figures import run_figures
from spinebench.runs.gates import GateFigure, missed, parse_gate
from spinebench.store.ingest import ingest
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from spinebench.evaluators.comparison import Comparison


def graded_table(workspace: Workspace, run_ids: Sequence[str]) -> pa.Table:
    """The `graded` view of some runs, one row per answer, after taking in what their journals have newly."""
    import pyarrow as pa

    for run_id in run_ids:
        ingest(workspace, run_id)
    return pa.concat_tables([workspace.query("graded", run_id=run_id) for run_id in run_ids])


def run_results(workspace: Workspace, run_id: str) -> tuple[ModelSummary, ...]:
    """One summary per model, persona, image condition and option-order family of a run; () before an answer.

    In the order in which the plan names them.
    """
    spec = workspace.run(run_id).spec()

    def place(result: ModelSummary) -> tuple[int, int, int]:
        return (
            spec.models.index(result.model),
            spec.personas.index(result.persona),
            [condition.value for condition in spec.image_conditions].index(result.image_condition),
        )

    return tuple(sorted(summarize(graded_table(workspace, [run_id])), key=place))


def compare_models(
    workspace: Workspace,
    run_ids: Sequence[str],
    *,
    models: Sequence[str] | None = None,
    by: Sequence[str] = ("model",),
    against_best: bool = False,
    seed: int = 0,
) -> Comparison:
    """Paired comparison of the models of some runs on the questions they share.

    Raises `DataError` where the runs hold no answers, `UsageError` for an unknown model.
    """
    from spinebench.evaluators.comparison import compare as compare_graded

    table = graded_table(workspace, run_ids)
    if table.num_rows == 0:
        raise DataError(
            f"answers of {', '.join(run_ids)!r}: expected at least one; finish a run with 'spinebench resume'"
        )
    return compare_graded(table, models, by=by, against="best" if against_best else "all", seed=seed)


def missed_gates(
    gates: Sequence[str], results: Sequence[ModelSummary], *, audit: Sequence[GateFigure] = ()
) -> list[str]:
    """One line for each figure that misses one of the gates, which are texts (see `runs/gates.py`).

    `audit` are the figures of the audit that belongs to the run; without them a gate on one is missed. An
    undefined figure misses its gate.
    """
    figures = (*run_figures(results), *audit)
    return [one.line for one in missed([parse_gate(text) for text in gates], figures)]
