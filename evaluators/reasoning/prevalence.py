"""How often each failure mode occurs: as the judge marks it, as clinicians do, and corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, MarkRow
from spinebench.evaluators.calibration.binary import PER_CLASS, rogan_gladen
from spinebench.evaluators.calibration.corrected import Corrected
from spinebench.evaluators.calibration.units import Domain, Frame, Weighed, clinician_mean, judge_mean, weigh
from spinebench.evaluators.calibration.votes import Coverage, Values, check_judge, mark_values
from spinebench.evaluators.clustered import FloatArray
from spinebench.evaluators.estimate import Estimate, undefined
from spinebench.evaluators.proportions import Bounds, z_quantile
from spinebench.evaluators.reasoning.wrong_reason import ALL_MODELS, corrected_shares
from spinebench.records import Record

_SHARE = Bounds(0.0, 1.0)


class JudgeAccuracy(Record):
    """How a judge's marks of one mode stand to the clinicians', over the rated traces of all models, weighted.

    A trace that half of its clinicians mark counts half in either class.
    """

    sensitivity: float | None
    specificity: float | None
    n_positive: float
    """Effective number of traces that clinicians mark (Kish)."""
    n_negative: float


class FailurePrevalence(Record):
    """The share of a model's traces with one failure mode, of those that were asked about it."""

    mode: str
    model: str
    """A model, or `all models`."""
    judge: Estimate
    clinicians: Estimate
    """The average clinician's share."""
    corrected: Corrected
    """By prediction-powered inference on the marks: the one to quote."""
    rogan_gladen: Estimate
    """The judge's share corrected by its sensitivity and specificity over all models; from 30 per class."""
    accuracy: JudgeAccuracy
    coverage: Coverage
    warnings: tuple[str, ...] = ()


def failure_prevalence(
    rows: AuditRows, *, mode: str | None = None, judge: str | None = None, level: float = 0.95
) -> tuple[FailurePrevalence, ...]:
    """Per failure mode: every model, then all models together. All shares stand for the frame.

    The judges mark a trace if more than half of their votes do; a tie does not. Traces whose task is not asked about a
    mode are in no denominator. Tuning traces are left out. Raises `UsageError` for an unknown mode or judge.
    """
    z_quantile(level)
    check_judge(rows, judge)
    of_mode: dict[str, list[MarkRow]] = {}
    for row in rows.marks:
        of_mode.setdefault(row.mode, []).append(row)
    modes = sorted(of_mode)
    if mode is not None and mode not in modes:
        raise UsageError(f"failure mode {mode!r}: expected one of {modes}; leave it out for all of them")
    frame = Frame.of(rows)
    domains: dict[frozenset[str], dict[str, Domain]] = {}
    found: list[FailurePrevalence] = []
    for name in modes if mode is None else [mode]:
        marks = of_mode[name]
        # Modes that are asked about the same traces share their domains.
        asked = frozenset({row.trace_id for row in marks})
        if asked not in domains:
            domains[asked] = _domains(frame, asked)
        found += _of_mode(domains[asked], mark_values(marks, judge), name, level)
    return tuple(found)


def _domains(frame: Frame, asked: frozenset[str]) -> dict[str, Domain]:
    """The traces of each model among those asked about, then of all models; empty where there are none."""
    of_model = {
        model: frame.part(own)
        for model, traces in sorted(frame.by_model.items())
        if (own := [row for row in traces if row.trace_id in asked])
    }
    if of_model:
        of_model[ALL_MODELS] = frame.part([row for row in frame.traces if row.trace_id in asked])
    return of_model


def _of_mode(
    domains: Mapping[str, Domain], values: Values, mode: str, level: float
) -> list[FailurePrevalence]:
    if not domains:
        return []
    models = [model for model in domains if model != ALL_MODELS]
    samples = {model: weigh(domain, values) for model, domain in domains.items()}
    name = f"share of traces with {mode}"
    corrected = corrected_shares(samples, models, name, level)
    accuracy = judge_accuracy([samples[model] for model in models], values)
    found = []
    for model, sample in samples.items():
        label = f"{name}, {model}"
        raw = judge_mean(label, sample, limits=_SHARE, binary=True, level=level)
        found.append(
            FailurePrevalence(
                mode=mode,
                model=model,
                judge=raw,
                clinicians=clinician_mean(label, sample, limits=_SHARE, binary=True, level=level),
                corrected=corrected[model],
                rogan_gladen=_rogan_gladen(label, raw, accuracy, level),
                accuracy=accuracy,
                coverage=domains[model].coverage(values),
                warnings=sample.warnings,
            )
        )
    return found


def judge_accuracy(samples: Sequence[Weighed], values: Values) -> JudgeAccuracy:
    """Sensitivity and specificity over the rated and judged traces of several models, each trace weighted by its
    inverse inclusion probability (raw shares would be those of the traces that were referred for a reason).
    None where a class is empty.
    """
    marked, clinician, weight = [], [], []
    for sample in samples:
        for row, label, one in zip(sample.rated, sample.labels, sample.raters_only, strict=True):
            if row.trace_id in values.judge:
                marked.append(values.judge[row.trace_id])
                clinician.append(float(label))
                weight.append(float(one))
    f, y, w = (np.array(column, dtype=np.float64) for column in (marked, clinician, weight))
    positive, negative = w * y, w * (1 - y)
    return JudgeAccuracy(
        sensitivity=float(positive @ f / positive.sum()) if positive.sum() > 0 else None,
        specificity=float(negative @ (1 - f) / negative.sum()) if negative.sum() > 0 else None,
        n_positive=_effective(w, y),
        n_negative=_effective(w, 1 - y),
    )


def _effective(weights: FloatArray, shares: FloatArray) -> float:
    """Kish's effective number of units, each counted by its share in the class."""
    squares = float((np.square(weights) * shares).sum())
    return float((weights * shares).sum()) ** 2 / squares if squares > 0 else 0.0


def _rogan_gladen(name: str, raw: Estimate, accuracy: JudgeAccuracy, level: float) -> Estimate:
    label = f"{name}, Rogan-Gladen"
    if raw.value is None:
        return undefined(label, raw.reason or "no judge marks")
    if (
        accuracy.sensitivity is None
        or accuracy.specificity is None
        or min(accuracy.n_positive, accuracy.n_negative) < PER_CLASS
    ):
        return undefined(
            label,
            f"{accuracy.n_positive:.0f} traces with and {accuracy.n_negative:.0f} without it by clinicians "
            f"(effective numbers): {PER_CLASS} of each are needed",
            n=raw.n,
        )
    effective = raw.n_effective or float(raw.n)
    return rogan_gladen(
        raw.value * effective,
        effective,
        sensitivity=accuracy.sensitivity,
        specificity=accuracy.specificity,
        n_positive=accuracy.n_positive,
        n_negative=accuracy.n_negative,
        level=level,
        name=label,
    )
