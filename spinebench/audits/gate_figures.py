"""The figures of an audit that gates can be set on, computed only where a gate asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from spinebench.audit_records import Judgement, JudgementStatus
from spinebench.audits.rows import audit_rows
from spinebench.evaluators.proportions import wilson
from spinebench.runs.gates import Gate, GateFigure, missed, parse_gate
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    from spinebench.evaluators.agreement.report import AgreementReport, DimensionAgreement, JudgeAgreement
    from spinebench.evaluators.audit_rows import AuditRows

_OF_CALIBRATION = {"judge_mean", "clinician_mean", "corrected_mean"}
_OF_REASONING = {"right_for_wrong_reason", "failure_mode_prevalence"}
_OF_JUDGEMENTS = {"judge_unparsed_share"}
_OF_JUDGES_ALONE = {*_OF_JUDGEMENTS, "judge_mean", "kappa_judge_repeats"}
"""The others need clinicians' ratings."""


def missed_audit_gates(gates: Sequence[str], folder: AuditFolder, workspace: Workspace) -> list[str]:
    """One line for each figure of an audit that misses one of the gates, which are texts (see `runs/gates.py`).

    What needs clinicians is undefined, and misses its gate, until they have rated.
    """
    read = [gate for gate in map(parse_gate, gates) if gate.of_audit]
    return [one.line for one in missed(read, tuple(_figures(read, folder, workspace)))]


def commands_behind(gates: Sequence[str]) -> list[str]:
    """The commands that print the figures which these gates are on, with what lies behind them; in a fixed order."""
    metrics = {gate.metric for gate in map(parse_gate, gates) if gate.of_audit}
    of_calibrate = _OF_CALIBRATION | _OF_REASONING
    return [
        command
        for command, wanted in (
            ("agree", metrics - of_calibrate - _OF_JUDGEMENTS),
            ("calibrate", metrics & of_calibrate),
        )
        if wanted
    ]


def _figures(gates: Sequence[Gate], folder: AuditFolder, workspace: Workspace) -> Iterator[GateFigure]:
    wanted = {gate.metric for gate in gates}
    if wanted & _OF_JUDGEMENTS:
        yield from _unparsed(folder.judgements())
    if wanted <= _OF_JUDGEMENTS:
        return
    rows = audit_rows(workspace, [folder.audit_id])
    if all(row.source != "clinician" for row in rows.scores):
        yield from _before_ratings(gates)
        wanted &= _OF_JUDGES_ALONE
    if wanted & _OF_CALIBRATION:
        yield from _means(rows)
    if wanted & _OF_REASONING:
        yield from _reasoning(rows, wanted)
    of_agreement = wanted - _OF_JUDGEMENTS - _OF_CALIBRATION - _OF_REASONING
    if of_agreement:
        from spinebench.evaluators.agreement import agreement_report

        dimensions = _dimensions([gate for gate in gates if gate.metric in of_agreement], rows)
        yield from _agreement(agreement_report(rows, seed=folder.spec().seed, dimensions=dimensions))


def _dimensions(gates: Sequence[Gate], rows: AuditRows) -> list[str] | None:
    """The dimensions that the gates name, since a report on one takes seconds; None for all, if one names none."""
    named = [set((gate.part or "").split("/")) & set(rows.scales) for gate in gates]
    return sorted(set().union(*named)) if all(named) else None


def _before_ratings(gates: Sequence[Gate]) -> Iterator[GateFigure]:
    """One figure per gate on clinicians, not one for each model and dimension that would be undefined alike."""
    asked = {(gate.metric, gate.model, gate.part) for gate in gates if gate.metric not in _OF_JUDGES_ALONE}
    for metric, model, part in sorted(asked, key=str):
        yield GateFigure(
            metric=metric, value=None, reason="no clinician has rated yet", model=model, part=part
        )


def _unparsed(judgements: Sequence[Judgement]) -> Iterator[GateFigure]:
    for judge in sorted({one.key.judge for one in judgements}):
        own = [one for one in judgements if one.key.judge == judge]
        n = sum(one.status is JudgementStatus.UNPARSED for one in own)
        bounds = wilson(n, len(own))
        yield GateFigure(
            metric="judge_unparsed_share",
            value=n / len(own),
            low=bounds.low,
            high=bounds.high,
            n=len(own),
            model=judge,
        )


def _means(rows: AuditRows) -> Iterator[GateFigure]:
    from spinebench.evaluators.calibration.report import calibration_report

    for one in calibration_report(rows).models:
        part = f"{one.dimension}/{one.task}"
        for metric, estimate in (
            ("judge_mean", one.judge),
            ("clinician_mean", one.clinicians),
            ("corrected_mean", one.corrected),
        ):
            yield GateFigure.of(metric, estimate, model=one.model, part=part)


def _reasoning(rows: AuditRows, wanted: set[str]) -> Iterator[GateFigure]:
    from spinebench.evaluators.reasoning.prevalence import failure_prevalence
    from spinebench.evaluators.reasoning.wrong_reason import ALL_MODELS, LOWEST, right_for_wrong_reason

    if "right_for_wrong_reason" in wanted:
        for table in right_for_wrong_reason(rows):
            yield GateFigure.of(
                "right_for_wrong_reason",
                table.low_if_correct,
                model=None if table.model == ALL_MODELS else table.model,
                part=None if table.dimension == LOWEST else table.dimension,
            )
    if "failure_mode_prevalence" in wanted:
        for one in failure_prevalence(rows):
            yield GateFigure.of(
                "failure_mode_prevalence",
                one.corrected,
                model=None if one.model == ALL_MODELS else one.model,
                part=one.mode,
            )


def _agreement(report: AgreementReport) -> Iterator[GateFigure]:
    for one in report.dimensions:
        yield from _ceiling(one)
        for judge in one.judges:
            yield from _judge(judge, f"{one.dimension}/{one.task}")


def _ceiling(one: DimensionAgreement) -> Iterator[GateFigure]:
    part = f"{one.dimension}/{one.task}"
    for metric, figure in (
        ("alpha_clinicians", one.ceiling.alpha),
        ("kappa_clinicians", one.ceiling.mean_kappa),
        ("ac2_clinicians", one.ceiling.ac2),
        ("exact_clinicians", one.ceiling.exact),
        ("within_one_clinicians", one.ceiling.within_one),
    ):
        yield GateFigure.of(metric, figure, part=part)
    for repeated in one.repeatability:
        metric = "kappa_judge_repeats" if repeated.source == "judge" else "kappa_clinician_repeats"
        yield GateFigure.of(metric, repeated.kappa, model=repeated.rater, part=part)


def _judge(judge: JudgeAgreement, part: str) -> Iterator[GateFigure]:
    name = judge.judge
    for metric, figure in (
        ("alpha_judge_vs_clinicians", judge.panel.alpha_with_judge),
        ("kappa_judge_vs_clinicians", judge.panel.judge_clinician),
        ("exact_judge_vs_clinicians", judge.exact),
        ("within_one_judge_vs_clinicians", judge.within_one),
    ):
        yield GateFigure.of(metric, figure, model=name, part=part)
    for pair in judge.each:
        yield GateFigure.of(
            "ac2_judge_vs_clinicians", pair.ac2, model=name, part=part, about=f"clinician {pair.clinician}"
        )
    test = judge.alternative_annotator
    for metric, value in (
        ("winning_rate", test.winning_rate),
        ("advantage_probability", test.advantage_probability),
    ):
        yield GateFigure(
            metric=metric, value=value, reason=test.reason, n=test.n_units, model=name, part=part
        )
    for metric, value, found in (
        ("ranking_tau", judge.ranking.tau, judge.ranking),
        ("judge_bias", judge.differences.bias, judge.differences),
    ):
        interval = found.interval
        yield GateFigure(
            metric=metric,
            value=value,
            reason=found.reason,
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            n=found.n_units,
            model=name,
            part=part,
        )
