"""The calibration report of an audit: the judge's mean, the clinicians', and the corrected one, per model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinebench.evaluators.audit_rows import AuditRows
from spinebench.evaluators.calibration.claims import claims
from spinebench.evaluators.calibration.corrected import Corrected, no_value
from spinebench.evaluators.calibration.isotonic import IsotonicCalibration, isotonic
from spinebench.evaluators.calibration.two_phase import two_phase_means
from spinebench.evaluators.calibration.units import (
    Domain,
    Frame,
    Weighed,
    clinician_mean,
    judge_mean,
    weigh,
)
from spinebench.evaluators.calibration.votes import (
    PANEL,
    Coverage,
    Values,
    check_dimension,
    check_judge,
    clinicians_of,
    score_values,
)
from spinebench.evaluators.clustered import FloatArray
from spinebench.evaluators.estimate import Estimate, undefined
from spinebench.evaluators.proportions import Bounds, z_quantile
from spinebench.records import Record


class CalibratedModel(Record):
    """One model on one dimension of one task."""

    dimension: str
    task: str
    model: str
    judge: Estimate
    """The judge's mean as it is, weighted to the frame."""
    clinicians: Estimate
    """The clinicians' mean from the rated traces alone, weighted to the frame."""
    corrected: Corrected
    """The one to quote: the judge's mean corrected by the clinicians' labels."""
    in_sample_judge: Estimate
    """Unweighted, over the drawn traces; stands for nothing beyond them."""
    in_sample_clinicians: Estimate
    """Unweighted, over the rated traces."""
    coverage: Coverage
    warnings: tuple[str, ...] = ()


class CalibratedTask(Record):
    """What the models of one task share on one dimension."""

    dimension: str
    task: str
    scale: tuple[int, ...]
    n_labels: int
    n_models: int
    """With at least one label."""
    half_width: float | None
    """Median half width of the corrected intervals; None without any."""
    curve: IsotonicCalibration
    """Over the labels of all models."""
    claims: tuple[str, ...]
    """What may and may not be said at this n."""


class CalibrationReport(Record):
    """The judge held against clinicians, per dimension, task and model."""

    judge: str
    """`panel median`, or the one judge the report is about."""
    level: float
    models: tuple[CalibratedModel, ...]
    tasks: tuple[CalibratedTask, ...]
    n_clinicians: int
    stale: tuple[str, ...]
    locked: bool
    simulated: bool
    seed: int
    """Of the folds of the calibration curve."""
    warnings: tuple[str, ...] = ()


def calibration_report(
    rows: AuditRows,
    *,
    level: float = 0.95,
    dimension: str | None = None,
    judge: str | None = None,
    seed: int = 0,
) -> CalibrationReport:
    """Per dimension, task and model: the judge's mean, the clinicians' and the corrected one, with intervals.

    The judge's value of a trace is the median of the panel's votes, or of one judge's where `judge` names it; the
    clinicians' is the mean of their scores, the adjudicated score where there is one. All means but those called
    in-sample are weighted by inclusion probability. Tuning traces are left out. A model without labels has no
    corrected mean, with the reason. Raises `UsageError` for an unknown dimension or judge.
    """
    z_quantile(level)
    check_judge(rows, judge)
    check_dimension(rows, dimension)
    frame = Frame.of(rows)
    tasks = sorted({row.task for row in frame.traces})
    n_clinicians = len(clinicians_of(rows))
    models: list[CalibratedModel] = []
    summaries: list[CalibratedTask] = []
    for name in sorted(rows.scales) if dimension is None else [dimension]:
        values = score_values(rows, name, judge)
        asked = {row.trace_id for row in rows.scores if row.dimension == name}
        for task in tasks:
            # A task that has not this dimension is in none of its rows.
            if any(row.task == task and row.trace_id in asked for row in frame.traces):
                samples = _samples(frame, values, task)
                found = _models(frame, values, samples, name, task, rows.scales[name], level)
                models += found
                summaries.append(_summary(rows, values, samples, found, name, task, seed))
    warnings = []
    if not rows.locked and n_clinicians:
        warnings.append("ratings are not locked: figures may still change")
    if not n_clinicians:
        warnings.append("no clinician has rated: only the judge's own means can be shown")
    if not models:
        warnings.append("no validation trace has a score on these dimensions")
    return CalibrationReport(
        judge=judge or PANEL,
        level=level,
        models=tuple(models),
        tasks=tuple(summaries),
        n_clinicians=n_clinicians,
        stale=rows.stale,
        locked=rows.locked,
        simulated=any(row.simulated for row in frame.traces),
        seed=seed,
        warnings=tuple(warnings),
    )


_Samples = dict[str, tuple[Domain, Weighed]]


def _samples(frame: Frame, values: Values, task: str) -> _Samples:
    found = {}
    for model in sorted({row.model for row in frame.traces if row.task == task}):
        domain = frame.of_model(model, task)
        found[model] = (domain, weigh(domain, values))
    return found


def _models(
    frame: Frame,
    values: Values,
    samples: _Samples,
    dimension: str,
    task: str,
    scale: Sequence[int],
    level: float,
) -> list[CalibratedModel]:
    limits = Bounds(float(scale[0]), float(scale[-1]))
    corrected = two_phase_means(
        {model: sample.judged for model, (_, sample) in samples.items() if sample.undefined is None},
        limits=limits,
        level=level,
        name=f"mean clinician score, judge corrected, {dimension}, {task}",
    )
    found = []
    for model, (domain, sample) in samples.items():
        label = f"{dimension}, {task}: {model}"
        undrawn = frame.undrawn(model, task)
        warnings = list(sample.warnings)
        if undrawn:
            warnings.append(f"{undrawn} traces of the frame lie in strata from which none was drawn")
        rated = [values.clinician[row.trace_id] for row in domain.traces if row.trace_id in values.clinician]
        found.append(
            CalibratedModel(
                dimension=dimension,
                task=task,
                model=model,
                judge=judge_mean(
                    f"mean judge score, {label}", sample, limits=limits, binary=False, level=level
                ),
                clinicians=clinician_mean(
                    f"mean clinician score, labels alone, {label}",
                    sample,
                    limits=limits,
                    binary=False,
                    level=level,
                ),
                corrected=corrected.get(model)
                or no_value(
                    f"mean clinician score, judge corrected, {label}",
                    sample.undefined or "no labels",
                    n=len(sample.rated),
                    n_judged=len(sample.judged.judge),
                ),
                in_sample_judge=_in_sample(f"in-sample mean judge score, {label}", sample.judged.judge),
                in_sample_clinicians=_in_sample(f"in-sample mean clinician score, {label}", rated),
                coverage=domain.coverage(values),
                warnings=tuple(warnings),
            )
        )
    return found


def _summary(
    rows: AuditRows,
    values: Values,
    samples: _Samples,
    found: Sequence[CalibratedModel],
    dimension: str,
    task: str,
    seed: int,
) -> CalibratedTask:
    numbers = [sample.judged.n_rated for _, sample in samples.values()]
    halves = [
        (one.corrected.interval.high - one.corrected.interval.low) / 2
        for one in found
        if one.corrected.interval is not None
    ]
    half_width = float(np.median(halves)) if halves else None
    return CalibratedTask(
        dimension=dimension,
        task=task,
        scale=rows.scales[dimension],
        n_labels=sum(numbers),
        n_models=sum(number > 0 for number in numbers),
        half_width=half_width,
        curve=_curve(values, samples, seed),
        claims=claims(
            labels=numbers,
            half_width=half_width,
            pooled=any(one.corrected.lam_from not in (None, "given") for one in found),
            n_clinicians=len(clinicians_of(rows)),
            stale=rows.stale,
            locked=rows.locked,
            simulated=any(domain.simulated for domain, _ in samples.values()),
        ),
    )


def _curve(values: Values, samples: _Samples, seed: int) -> IsotonicCalibration:
    """Over the rated and judged traces of all models, each weighted to its model's frame."""
    labels, judge, weights, clusters = [], [], [], []
    for _, sample in samples.values():
        for row, label, weight in zip(sample.rated, sample.labels, sample.raters_only, strict=True):
            if row.trace_id in values.judge:
                labels.append(label)
                judge.append(values.judge[row.trace_id])
                weights.append(weight)
                clusters.append(row.cluster)
    return isotonic(labels, judge, weights=weights, clusters=clusters, seed=seed)


def _in_sample(name: str, values: Sequence[float] | FloatArray) -> Estimate:
    """An unweighted mean: no interval, for it is an estimate of nothing."""
    if len(values) == 0:
        return undefined(name, "no scores")
    return Estimate(
        name=name,
        value=float(np.mean(values)),
        n=len(values),
        n_clusters=0,
        warnings=("in-sample: unweighted, stands for these traces only",),
    )
