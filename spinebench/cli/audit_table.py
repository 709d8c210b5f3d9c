"""The results of an audit as tables for a person, and as NDJSON records for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinebench.cli.console import emit, print_table, put

if TYPE_CHECKING:
    from spinebench.audit_records import AuditSpec, AuditStatus
    from spinebench.audits.results import AuditCell, AuditResults, JudgeUse
    from spinebench.evaluators.estimate import Estimate
    from spinebench.evaluators.planning import RatingPlan


def emit_audit(spec: AuditSpec, status: AuditStatus | None, results: AuditResults) -> None:
    """One record of the audit, one per model and task, one per judge."""
    known = {} if status is None else status.model_dump(mode="json")
    emit(
        {
            "type": "audit",
            **known,
            "audit_id": spec.audit_id,
            "runs": list(spec.sample.run_ids),
            "n_traces": results.n_traces,
            "n_reviewed": results.n_reviewed,
            "n_referred": results.n_referred,
            "simulated": spec.simulated,
            "partial": spec.partial,
        }
    )
    for cell in results.cells:
        emit({"type": "audit_cell", "audit_id": spec.audit_id, **cell.model_dump(mode="json")})
    for one in results.panel:
        emit({"type": "panel_votes", "audit_id": spec.audit_id, **one.model_dump(mode="json")})
    for judge in results.judges:
        emit({"type": "judge", "audit_id": spec.audit_id, **judge.model_dump(mode="json")})


def print_audit(spec: AuditSpec, status: AuditStatus | None, results: AuditResults) -> None:
    """The judges' means with their n, then what the judges used."""
    marks = [
        *(["SIMULATION"] if spec.simulated else []),
        *(["PARTIAL"] if spec.partial else []),
        *(
            [f"{status.n_done}/{status.n_planned} judgements"]
            if status and status.n_done < status.n_planned
            else []
        ),
    ]
    _print_cells(f"Audit {spec.audit_id}" + (f"  [{', '.join(marks)}]" if marks else ""), results.cells)
    worth = [
        f"{one.dimension}: {one.votes.value:.1f} of {one.votes.n_raters}"
        for one in results.panel
        if one.votes.value is not None
    ]
    if worth:
        put("Votes that the panel of judges is worth, at least (those who score alike count less):\n")
        per_line = 1 if len(worth) <= _SIDE_BY_SIDE else 5
        for start in range(0, len(worth), per_line):
            put(f"  {', '.join(worth[start : start + per_line])}\n")
        put("\n")
    if results.judges:
        _print_judges(results.judges)


_SIDE_BY_SIDE = 4
"""Dimensions up to which each has a column; more of them have a row each, and the models the columns."""


def _print_cells(title: str, cells: Sequence[AuditCell]) -> None:
    names = list(dict.fromkeys(one.dimension for cell in cells for one in cell.dimensions))
    beside = names if len(names) <= _SIDE_BY_SIDE else []
    with_judges = any(cell.n_judgements for cell in cells)
    print_table(
        (
            "model",
            "task",
            "traces",
            *(name.replace("_", "\n") for name in beside),
            *(("scored", "un-\nparsed", "refused", "failed") if with_judges else ()),
            "referred",
        ),
        [
            (
                cell.model,
                cell.task.value,
                f"{cell.n_traces}" + (f" ({cell.n_tuning} tuning)" if cell.n_tuning else ""),
                *(_score(_means(cell).get(name)) for name in beside),
                *_judged(cell),
                f"{cell.n_referred}/{cell.n_traces}",
            )
            for cell in cells
        ],
        title=title,
        caption="Drawn for clinicians; no judge was asked."
        if not with_judges
        else f"{_MEANS if beside else ''}Scored of planned judgements. What has no score is in no mean.",
        keys=2,
    )
    if names and not beside:
        for task in dict.fromkeys(cell.task for cell in cells if cell.dimensions):
            _print_dimensions(task.value, [cell for cell in cells if cell.task is task])


_MEANS = (
    "Judges' scores, uncorrected: mean of the panel's median with 95 % interval, weighted to all answers of the "
    "model and task; n of the mean in brackets. "
)


def _print_dimensions(task: str, cells: Sequence[AuditCell]) -> None:
    """A row per dimension, a column per model."""
    names = list(dict.fromkeys(one.dimension for cell in cells for one in cell.dimensions))
    means = [_means(cell) for cell in cells]
    print_table(
        (f"{task}, dimension", *(cell.model for cell in cells)),
        [(name, *(_score(of_model.get(name)) for of_model in means)) for name in names],
        caption=_MEANS.rstrip(),
    )


def _means(cell: AuditCell) -> dict[str, Estimate]:
    return {one.dimension: one.mean for one in cell.dimensions}


def _judged(cell: AuditCell) -> tuple[object, ...]:
    if not cell.n_judgements:
        return ()
    return (f"{cell.n_scored}/{cell.n_judgements}", cell.n_unparsed, cell.n_refused, cell.n_failed)


def _score(estimate: Estimate | None) -> str | None:
    """`3.9 [3.1–4.6] (10)`, or None where it is undefined or not asked for."""
    if estimate is None or estimate.value is None:
        return None
    interval = estimate.interval
    shown = "" if interval is None else f" [{interval.low:.1f}–{interval.high:.1f}]"
    return f"{estimate.value:.2f}{shown} ({estimate.n})"


def _print_judges(judges: Sequence[JudgeUse]) -> None:
    print_table(
        (
            "judge",
            "scored",
            "un-\nparsed",
            "failed",
            "replies",
            "reused",
            "input\ntokens",
            "output\ntokens",
            "cost",
        ),
        [
            (
                judge.judge,
                f"{judge.n_scored}/{judge.n_judgements}",
                judge.n_unparsed,
                judge.n_failed,
                judge.n_replies,
                judge.n_reused,
                None if judge.input_tokens is None else f"{judge.input_tokens:,}",
                None if judge.output_tokens is None else f"{judge.output_tokens:,}",
                "unknown" if judge.cost_usd is None else f"${judge.cost_usd:,.4f}",
            )
            for judge in judges
        ],
        title="What the judges used",
        caption=(
            "Scored of all judgements so far, all sittings of the audit; the examinees' own use is that of their runs. "
            "Reused replies cost nothing."
        ),
    )


def print_rating_plan(plan: RatingPlan) -> None:
    """What the ratings of a plan buy, by group."""
    print_table(
        ("group", "rated\ntraces", "detectable\nbias", "mean ±", "kappa interval\nwidth"),
        [
            (
                cell.group,
                cell.n,
                _points(cell.detectable_bias),
                _points(cell.mean_half_width),
                _points(cell.kappa_width),
            )
            for cell in plan.cells
        ],
        title=f"{plan.n_ratings} ratings: {plan.n_models} models x {plan.n_tasks} tasks x {plan.per_cell} traces x "
        f"{plan.raters} clinicians",
        caption=(
            f"Points of the scale, at {100 * plan.power:.0f} % power and {100 * plan.level:.0f} % level, if "
            f"differences of judge and clinician have SD {plan.sd:g} and kappa is {plan.kappa:g}: plans, not results."
        ),
    )


def _points(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
