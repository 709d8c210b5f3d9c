"""Results of runs: the graded answers out of the database, summarized and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinebench.errors import DataError
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.results import ModelSummary, summarize
from spinebench.runs.plan import Gate
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


def missed_gates(gates: Sequence[Gate], results: Sequence[ModelSummary]) -> list[str]:
    """One line for each gate that a result misses; an undefined figure misses its gate."""
    lines = []
    for gate in gates:
        concerned = [result for result in results if gate.model in (None, result.model)]
        if not concerned:
            lines.append(f"{gate.metric} of {gate.model}: no such model in the run")
        for result in concerned:
            value, reason = _metric(gate, result)
            if value is None or value < gate.at_least:
                shown = f"undefined ({reason})" if value is None else f"{value:.4f}"
                lines.append(f"{gate.metric} of {result.model}: {shown}, expected at least {gate.at_least}")
    return lines


def _metric(gate: Gate, result: ModelSummary) -> tuple[float | None, str | None]:
    estimate: Estimate | None
    match gate.metric:
        case "overall":
            estimate = result.overall.of_asked
        case "diagnosis_accuracy":
            estimate = result.diagnosis.accuracy.of_asked if result.diagnosis else None
        case "localization_accuracy":
            estimate = result.localization.accuracy.of_asked if result.localization else None
        case "answered_share":
            counts = result.denominators
            return (counts.answered / counts.asked, None) if counts.asked else (None, "nothing was asked")
    if estimate is None:
        return None, "no such questions in the run"
    return estimate.value, estimate.reason
