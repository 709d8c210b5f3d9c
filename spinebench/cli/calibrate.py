"""`spinebench calibrate`: the judge corrected by clinicians, and what is said about reasoning."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spinebench.evaluators.calibration import CalibrationReport
    from spinebench.evaluators.estimate import Estimate
    from spinebench.evaluators.reasoning import FailurePrevalence, WrongReason

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
def calibrate(
    audit: Annotated[
        list[str] | None,
        typer.Argument(metavar="AUDIT", help="Audit ids or their beginnings; none: the latest audit."),
    ] = None,
    *,
    dimension: Annotated[
        str | None, typer.Option("--dimension", help="One dimension of the rubric; default: all.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", help="One judge; default: the median of the panel.")
    ] = None,
    details: Annotated[
        bool,
        typer.Option("--details", help="Every model's reasons and failure modes, curves, notes and claims."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the folds of the calibration curve.")] = 0,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Correct the judge's scores by the clinicians' few: corrected mean per model beside the raw one, right answers
    with wrong reasons, failure modes, and what may be claimed.

    Example: spinebench calibrate --dimension clinical_rationality
    """
    from spinebench.audits.rows import audit_rows
    from spinebench.cli.console import emit, say
    from spinebench.cli.named import at, named_audit
    from spinebench.evaluators.calibration import calibration_report
    from spinebench.evaluators.reasoning import failure_prevalence, right_for_wrong_reason
    from spinebench.store.workspace import Workspace

    place = Workspace(workspace)
    audit_ids = [named_audit(place, name).audit_id for name in audit or ["latest"]]
    rows = audit_rows(place, audit_ids)
    report = calibration_report(rows, dimension=dimension, judge=judge, seed=seed)
    reasons = right_for_wrong_reason(rows, dimension=dimension, judge=judge)
    modes = failure_prevalence(rows, judge=judge)
    if json:
        head = report.model_dump(mode="json", exclude={"models", "tasks"})
        emit({"type": "calibration", "audit_ids": audit_ids, **head})
        mark = {
            "audit_ids": audit_ids,
            "judge": report.judge,
            "simulated": report.simulated,
            "stale": report.stale,
        }
        for model in report.models:
            emit({"type": "corrected_mean", **mark, **_fields(model.model_dump(mode="json"))})
        for task in report.tasks:
            emit({"type": "calibrated_task", **mark, **task.model_dump(mode="json")})
        for reason in reasons:
            emit({"type": "right_for_wrong_reason", **mark, **reason.model_dump(mode="json")})
        for mode in modes:
            emit({"type": "failure_prevalence", **mark, **_fields(mode.model_dump(mode="json"))})
        return 0
    if details:
        _print_means(", ".join(audit_ids), report)
        _print_reasons(report, reasons)
        _print_modes(report, modes)
        _print_claims(report)
    else:
        _print_summary(", ".join(audit_ids), report)
        _print_pooled(report, reasons, modes)
    if not any(row.coverage.n_rated for row in report.models):
        say(
            f"To correct the judge, have traces rated. Next: spinebench rate packets {audit_ids[0]}{at(workspace)}"
        )
    return 0


def _fields(dumped: dict[str, object]) -> dict[str, object]:
    """The record's own `judge` is an estimate; the judge's name has that key in every line of the command."""
    return {("judge_raw" if key == "judge" else key): value for key, value in dumped.items()}


def figure(estimate: Estimate, *, percent: bool = False) -> str | None:
    """`3.80 [2.80 to 4.80]`, in percent `42 [31 to 54]`, or None where it is undefined."""
    if estimate.value is None:
        return None
    scale, digits = (100.0, 0) if percent else (1.0, 2)
    text = f"{scale * estimate.value:.{digits}f}"
    if estimate.interval is not None:
        text += (
            f" [{scale * estimate.interval.low:.{digits}f} to {scale * estimate.interval.high:.{digits}f}]"
        )
    return text


def _marks(report: CalibrationReport) -> str:
    marks = [
        *(["SIMULATION"] if report.simulated else []),
        *([f"STALE: {'; '.join(report.stale)}"] if report.stale else []),
        *([] if report.locked else ["NOT LOCKED"]),
    ]
    return f"  [{', '.join(marks)}]" if marks else ""


def _print_means(audits: str, report: CalibrationReport) -> None:
    from spinebench.cli.console import print_table

    for task in report.tasks:
        rows = [
            (
                row.model,
                figure(row.judge),
                figure(row.clinicians),
                figure(row.corrected) or f"none: {row.corrected.reason}",
                f"{row.coverage.n_rated}/{row.coverage.n_judged}/{row.coverage.n_drawn}/{row.coverage.n_frame}",
                None if row.corrected.lam is None else f"{row.corrected.lam:.2f}",
            )
            for row in report.models
            if (row.dimension, row.task) == (task.dimension, task.task)
        ]
        print_table(
            ("model", "judge, raw", "clinicians alone", "corrected", "rated/judged/drawn/frame", "lambda"),
            rows,
            title=f"{task.dimension}, {task.task}: mean score {task.scale[0]}-{task.scale[-1]}, audit {audits}"
            f"{_marks(report)}",
            caption=f"Judge: {report.judge}. {100 * report.level:g} % intervals; all means stand for the frame."
            + _curve(task.curve.reason, task.curve.rmse_judge, task.curve.rmse_out_of_fold),
        )
        _print_notes(report, task.dimension, task.task)


def _print_summary(audits: str, report: CalibrationReport) -> None:
    """All corrected means in one table, and in a line each what they lack."""
    from spinebench.cli.console import print_table, put

    rows: list[tuple[object, ...]] = []
    for task in report.tasks:
        rows.append((f"{task.task}, {task.dimension}", "", "", "", ""))
        rows += [
            (
                f"  {row.model}",
                figure(row.judge),
                figure(row.clinicians),
                figure(row.corrected),
                f"{row.coverage.n_rated}/{row.coverage.n_judged}",
            )
            for row in report.models
            if (row.dimension, row.task) == (task.dimension, task.task)
        ]
    print_table(
        ("mean score", "judge, raw", "clinicians alone", "corrected", "rated/judged"),
        rows,
        title=f"Corrected scores, audit {audits}{_marks(report)}",
        caption=f"Judge: {report.judge}. {100 * report.level:g} % intervals; all means stand for all answers of the "
        "model, not for the drawn ones alone. Corrected: the judge's mean, moved by what clinicians gave more or less "
        "on the rated traces.",
    )
    corrected = [row for row in report.models if row.corrected.value is not None]
    rough = sum(row.coverage.n_rated < 10 for row in corrected)
    if rough:
        put(f"{rough} of {len(corrected)} corrected means rest on fewer than 10 rated traces: rough.\n")
    lacking = Counter(row.corrected.reason for row in report.models if row.corrected.value is None)
    for reason, n in lacking.items():
        put(f"{n} of {len(report.models)} have no corrected mean: {reason}.\n")
    for warning in report.warnings:
        put(f"note: {warning}\n")


def _print_pooled(
    report: CalibrationReport, reasons: Sequence[WrongReason], modes: Sequence[FailurePrevalence]
) -> None:
    """Right for the wrong reason and failure modes, over all models."""
    from spinebench.cli.console import print_table, put
    from spinebench.evaluators.reasoning import ALL_MODELS

    if not reasons and not modes:  # free text under a rubric without failure modes
        return
    print_table(
        ("percent", "judge, raw", "clinicians alone", "corrected", "rated/judged"),
        [
            (
                f"low {reason.dimension}, if right",
                figure(reason.low_if_correct_judge, percent=True),
                figure(reason.low_if_correct_clinicians, percent=True),
                figure(reason.low_if_correct, percent=True),
                f"{reason.coverage_correct.n_rated}/{reason.coverage_correct.n_judged}",
            )
            for reason in reasons
            if reason.model == ALL_MODELS
        ]
        + [
            (
                f"failure mode {row.mode}",
                figure(row.judge, percent=True),
                figure(row.clinicians, percent=True),
                figure(row.corrected, percent=True),
                f"{row.coverage.n_rated}/{row.coverage.n_judged}",
            )
            for row in modes
            if row.model == ALL_MODELS
        ],
        title=f"Right for the wrong reason, and failure modes, {ALL_MODELS}{_marks(report)}",
        caption="Low: below 40 % of the scale (1 and 2 of 1-5).",
    )
    put("Each model, calibration curves, notes, and what may be claimed: --details.\n\n")


def _curve(reason: str | None, before: float | None, after: float | None) -> str:
    if reason is not None or before is None or after is None:
        return f" No calibration curve: {reason}."
    return (
        f" Calibration curve: error {before:.2f} raw, {after:.2f} calibrated (root mean square, out of fold)."
    )


def _print_notes(report: CalibrationReport, dimension: str, task: str) -> None:
    from spinebench.cli.console import print_table

    notes = [
        (row.model, note)
        for row in report.models
        if (row.dimension, row.task) == (dimension, task)
        for note in dict.fromkeys((*row.warnings, *row.corrected.warnings))
    ]
    if notes:
        print_table(("model", "note"), notes)


def _print_reasons(report: CalibrationReport, reasons: Sequence[WrongReason]) -> None:
    from spinebench.cli.console import print_table

    for name in dict.fromkeys(reason.dimension for reason in reasons):
        print_table(
            (
                "model",
                "low if right: judge",
                "clinicians",
                "corrected",
                "low if wrong: judge",
                "right and low/mid/high, judge",
                "right: rated/judged",
            ),
            [
                (
                    reason.model,
                    figure(reason.low_if_correct_judge, percent=True),
                    figure(reason.low_if_correct_clinicians, percent=True),
                    figure(reason.low_if_correct, percent=True),
                    figure(reason.low_if_wrong_judge, percent=True),
                    "/".join(
                        "–" if cell.judge.value is None else f"{100 * cell.judge.value:.0f}"
                        for cell in reason.cells
                        if cell.correct
                    ),
                    f"{reason.coverage_correct.n_rated}/{reason.coverage_correct.n_judged}",
                )
                for reason in reasons
                if reason.dimension == name
            ],
            title=f"Right for the wrong reason, {name}: percent{_marks(report)}",
            caption="Low: below 40 % of the scale (1 and 2 of 1-5). Shares stand for the frame.",
        )


def _print_modes(report: CalibrationReport, modes: Sequence[FailurePrevalence]) -> None:
    from spinebench.cli.console import print_table

    if not modes:
        return
    print_table(
        ("failure mode", "model", "judge", "clinicians", "corrected", "Rogan-Gladen", "rated/judged/drawn"),
        [
            (
                row.mode,
                row.model,
                figure(row.judge, percent=True),
                figure(row.clinicians, percent=True),
                figure(row.corrected, percent=True),
                figure(row.rogan_gladen, percent=True),
                f"{row.coverage.n_rated}/{row.coverage.n_judged}/{row.coverage.n_drawn}",
            )
            for row in modes
        ],
        title=f"Failure modes: percent of traces{_marks(report)}",
        caption="Rogan-Gladen from 30 rated traces with and without the mode on; values are never cut to 0-100.",
    )


def _print_claims(report: CalibrationReport) -> None:
    from spinebench.cli.console import print_table

    rows = [(f"{task.dimension}, {task.task}", claim) for task in report.tasks for claim in task.claims]
    if rows:
        print_table(("figure", "what may be claimed"), rows)
    for warning in report.warnings:
        print_table(("note",), [(warning,)])
