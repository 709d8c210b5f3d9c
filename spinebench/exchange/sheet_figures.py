"""Statistics of an audit and its runs as the figures that reporting sheets quote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from spinebench.evaluators.agreement import Agreement, AgreementReport
from spinebench.evaluators.agreement.report import DimensionAgreement, JudgeAgreement
from spinebench.evaluators.calibration import CalibratedModel, CalibrationReport
from spinebench.evaluators.comparison import Comparison
from spinebench.evaluators.estimate import Estimate, Interval
from spinebench.evaluators.reasoning import FailurePrevalence
from spinebench.evaluators.reasoning.wrong_reason import ALL_MODELS
from spinebench.evaluators.results import ModelSummary
from spinebench.exchange.audit_facts import SheetFigure, Topic


class _Measured(Protocol):
    """What a figure with an interval of its own has, beside its value."""

    @property
    def reason(self) -> str | None: ...
    @property
    def interval(self) -> Interval | None: ...
    @property
    def n_units(self) -> int: ...


def agreement_figures(report: AgreementReport) -> tuple[SheetFigure, ...]:
    """Clinicians among themselves, each judge with them, and raters with themselves; () where nobody rated."""
    return tuple(
        figure for one in report.dimensions if one.clinicians for figure in _of_dimension(one)
    ) + tuple(figure for one in report.dimensions for figure in _repeated(one))


def calibration_figures(report: CalibrationReport) -> tuple[SheetFigure, ...]:
    """Mean scores per model: corrected by clinicians; the judges' own where no clinician rated."""
    return tuple(_mean(one, report.judge, rated=report.n_clinicians > 0) for one in report.models)


def failure_figures(found: Sequence[FailurePrevalence]) -> tuple[SheetFigure, ...]:
    """Share of each failure mode over all models: corrected, or as the judges mark it where that is undefined."""
    figures = []
    for one in found:
        if one.model != ALL_MODELS:
            continue
        corrected = one.corrected.value is not None
        found_by = one.corrected if corrected else one.judge
        unit = "rated traces" if corrected else "traces, as judges mark it, uncorrected"
        figures.append(
            _of_estimate("failure_modes", "share of traces", f"{one.mode}, all models", found_by, unit)
        )
    return tuple(figures)


def accuracy_figures(results: Sequence[ModelSummary]) -> tuple[SheetFigure, ...]:
    """Accuracy per model and task, unanswered counted as wrong, on normal images where such were asked."""
    normal = [result for result in results if result.image_condition == "normal"] or list(results)
    figures = []
    for result in normal:
        tasks = (
            ("diagnosis", result.diagnosis),
            ("localization", result.localization),
            ("knowledge", result.knowledge),
        )
        for task, summary in tasks:
            if summary is not None:
                found = summary.accuracy.of_asked
                figures.append(
                    _of_estimate("accuracy", f"{task} accuracy", _arm(result, normal), found, "questions")
                )
    return tuple(figures)


def comparison_figures(comparison: Comparison) -> tuple[SheetFigure, ...]:
    """Differences of accuracy between models on the questions they share."""
    return tuple(
        _of_estimate(
            "comparison",
            scope.scope + _tested(pair.p_adjusted, comparison.adjustment),
            f"accuracy of {pair.first} less {pair.second}",
            pair.difference,
            "questions",
        )
        for scope in comparison.scopes
        for pair in scope.pairs
    )  # fmt: skip


def _tested(p_adjusted: float | None, adjustment: str) -> str:
    if p_adjusted is None:
        return ""
    shown = "p < 0.001" if p_adjusted < 0.001 else f"p = {p_adjusted:.3f}"
    return f" ({shown}, {adjustment.capitalize()} for several comparisons)"


def _of_dimension(one: DimensionAgreement) -> Iterator[SheetFigure]:
    about = f"{one.dimension}, {one.task}"
    for name, found in (
        ("Krippendorff's alpha (ordinal)", one.ceiling.alpha),
        ("mean kappa (quadratic weights)", one.ceiling.mean_kappa),
        ("Gwet's AC2 (quadratic weights)", one.ceiling.ac2),
        ("ICC(A,1)", one.ceiling.icc),
        ("exact agreement", one.ceiling.exact),
        ("agreement within one level", one.ceiling.within_one),
    ):
        yield _of_agreement("agreement_clinicians", name, f"clinicians with each other, {about}", found)
    for judge in one.judges:
        yield from _of_judge(judge, about)


def _of_judge(judge: JudgeAgreement, about: str) -> Iterator[SheetFigure]:
    with_them = f"{judge.judge} with clinicians, {about}"
    for name, found in (
        ("mean kappa (quadratic weights)", judge.panel.judge_clinician),
        ("Krippendorff's alpha (ordinal)", judge.panel.alpha_with_judge),
        ("exact agreement", judge.exact),
        ("agreement within one level", judge.within_one),
    ):
        yield _of_agreement("agreement_judge", name, with_them, found)
    yield _measured(
        "agreement_judge",
        "bias in points (Bland-Altman)",
        with_them,
        judge.differences.bias,
        judge.differences,
    )
    yield _of_agreement(
        "comparison",
        "mean kappa less that of clinicians with each other",
        with_them,
        judge.panel.difference,
    )
    yield _measured(
        "comparison",
        "order of models (Kendall's tau-b)",
        with_them,
        judge.ranking.tau,
        judge.ranking,
    )


def _repeated(one: DimensionAgreement) -> Iterator[SheetFigure]:
    for rater in one.repeatability:
        about = f"{rater.rater} with itself, {one.dimension}, {one.task}"
        yield _of_agreement("repeatability", "same score when asked again", about, rater.identical)
        yield _of_agreement("repeatability", "kappa (quadratic weights)", about, rater.kappa)


def _mean(one: CalibratedModel, judge: str, *, rated: bool) -> SheetFigure:
    group = f"{one.model}, {one.task}"
    if rated:
        name = f"{one.dimension}, {judge} corrected by clinicians"
        return _of_estimate("corrected", name, group, one.corrected, "rated traces")
    return _of_estimate("corrected", f"{one.dimension}, {judge}, uncorrected", group, one.judge, "traces")


def _of_agreement(topic: Topic, name: str, group: str, found: Agreement) -> SheetFigure:
    by = f", by {found.resampling_unit}"
    return _figure(topic, name, group, found.value, found.reason, found.interval, found.n_units, "traces", by)


def _measured(topic: Topic, name: str, group: str, value: float | None, found: _Measured) -> SheetFigure:
    return _figure(topic, name, group, value, found.reason, found.interval, found.n_units, "traces")


def _of_estimate(topic: Topic, name: str, group: str, found: Estimate, unit: str) -> SheetFigure:
    return _figure(topic, name, group, found.value, found.reason, found.interval, found.n, unit)


def _figure(
    topic: Topic,
    name: str,
    group: str,
    value: float | None,
    reason: str | None,
    interval: Interval | None,
    n: int,
    unit: str,
    resampled: str = "",
) -> SheetFigure:
    return SheetFigure(
        topic=topic,
        name=name,
        group=group,
        value=value,
        reason=reason,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        level=0.95 if interval is None else interval.level,
        method=None if interval is None else interval.method + resampled,
        n=n,
        unit=unit,
    )


def _arm(result: ModelSummary, results: Sequence[ModelSummary]) -> str:
    """The model, with what tells its results apart."""
    parts = [result.model]
    for what, field in (("persona", "persona"), ("options", "option_order"), ("images", "image_condition")):
        if len({getattr(one, field) for one in results if one.model == result.model}) > 1:
            parts.append(f"{what} {getattr(result, field)}")
    return ", ".join(parts)
