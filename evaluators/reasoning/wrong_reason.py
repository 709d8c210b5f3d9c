"""Right for the wrong reason: how good the reasoning is behind right and behind wrong answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from spinebench.evaluators.audit_rows import AuditRows
from spinebench.evaluators.calibration.corrected import Corrected, no_value
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
    Coverage,
    Values,
    check_dimension,
    check_judge,
    score_values,
)
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.proportions import Bounds, z_quantile
from spinebench.records import Record

Band = Literal["low", "mid", "high"]
BANDS: tuple[Band, ...] = ("low", "mid", "high")
ALL_MODELS = "all models"
LOWEST = "lowest dimension"
"""Not a dimension: the worst of all dimensions a trace is scored on, each in parts of its own scale."""
_SHARE = Bounds(0.0, 1.0)
_EDGE = 0.4
"""Below 40 % of the scale's length reasoning is low, above 60 % high: 1 and 2, 3, 4 and 5 of 1..5; 1, 3, 5 of
1, 3, 5."""


class ReasoningCell(Record):
    """The share of all traces that are right (or wrong) with reasoning of one band."""

    correct: bool
    band: Band
    judge: Estimate
    clinicians: Estimate


class WrongReason(Record):
    """Correctness by reasoning of one model on one dimension. Shares stand for the frame."""

    dimension: str
    model: str
    """A model, or `all models`: every trace of the frame alike."""
    cells: tuple[ReasoningCell, ...]
    """Six; per source their shares add up to 1."""
    low_if_correct_judge: Estimate
    """P(reasoning low | answer right): right for the wrong reason, as the judge sees it."""
    low_if_correct_clinicians: Estimate
    low_if_correct: Corrected
    """The one to quote: the judge's share corrected by the clinicians' labels."""
    low_if_wrong_judge: Estimate
    """P(reasoning low | answer wrong), beside it."""
    low_if_wrong_clinicians: Estimate
    coverage: Coverage
    coverage_correct: Coverage
    """The denominators of the shares given a right answer."""
    warnings: tuple[str, ...] = ()


def right_for_wrong_reason(
    rows: AuditRows,
    *,
    dimension: str | None = None,
    judge: str | None = None,
    level: float = 0.95,
) -> tuple[WrongReason, ...]:
    """One table per dimension (and for the lowest of a trace's dimensions) and model, then all models together.

    A trace's judge value is the panel's median, its clinician value the mean of the clinicians; the bands are those
    of the declared scale. Shares are Hajek's, weighted by inclusion probability, with Wilson's interval on the
    effective number of traces. Tuning traces are left out. Raises `UsageError` for an unknown dimension or judge.
    """
    z_quantile(level)
    check_judge(rows, judge)
    check_dimension(rows, dimension)
    frame = Frame.of(rows)
    places = {
        name: _places(score_values(rows, name, judge), rows.scales[name])
        for name in (sorted(rows.scales) if dimension is None else [dimension])
    }
    if dimension is None and len(places) > 1:
        places[LOWEST] = _lowest(list(places.values()))
    found: list[WrongReason] = []
    for name, values in places.items():
        asked = {*values.judge, *values.clinician, *values.unparsed, *values.not_assessed}
        models = sorted(
            {row.model for row in frame.traces if row.trace_id in asked and row.correct is not None}
        )
        found += _tables(frame, values, name, models, asked, level) if models or not asked else []
    return tuple(found)


def band_of(place: float) -> Band:
    """The band of a score given as its place on the scale, 0 lowest and 1 highest."""
    return "low" if place < _EDGE else "high" if place > 1 - _EDGE else "mid"


def _places(values: Values, scale: Sequence[int]) -> Values:
    low, span = scale[0], scale[-1] - scale[0]
    return Values(
        {trace: (score - low) / span for trace, score in values.judge.items()},
        {trace: (score - low) / span for trace, score in values.clinician.items()},
        values.unparsed,
        values.not_assessed,
        values.adjudicated,
    )


def _lowest(dimensions: Sequence[Values]) -> Values:
    judge: dict[str, float] = {}
    clinician: dict[str, float] = {}
    unparsed: dict[str, int] = {}
    for values in dimensions:
        for trace, place in values.judge.items():
            judge[trace] = min(place, judge.get(trace, place))
        for trace, place in values.clinician.items():
            clinician[trace] = min(place, clinician.get(trace, place))
        for trace, n in values.unparsed.items():
            unparsed[trace] = max(n, unparsed.get(trace, 0))
    not_assessed = frozenset[str]().union(*(values.not_assessed for values in dimensions)) - set(clinician)
    adjudicated = frozenset[str]().union(*(values.adjudicated for values in dimensions))
    return Values(judge, clinician, unparsed, not_assessed, adjudicated)


def _tables(
    frame: Frame, values: Values, dimension: str, models: Sequence[str], asked: set[str], level: float
) -> list[WrongReason]:
    low = _indicator(values, "low")
    correct: dict[str, Weighed] = {}
    domains: dict[str, tuple[Domain, Domain, Domain]] = {}
    for model in [*models, ALL_MODELS]:
        of_model = frame.traces if model == ALL_MODELS else frame.by_model[model]
        ours = [row for row in of_model if row.correct is not None and row.trace_id in asked]
        domains[model] = (
            frame.part(ours),
            frame.part([row for row in ours if row.correct]),
            frame.part([row for row in ours if not row.correct]),
        )
        correct[model] = weigh(domains[model][1], low)
    name = f"{dimension}: share of low reasoning among right answers"
    corrected = corrected_shares(correct, models, name, level)
    return [
        _table(dimension, model, values, low, *domains[model], correct[model], corrected[model], level)
        for model in domains
    ]


def corrected_shares(
    samples: Mapping[str, Weighed], models: Sequence[str], name: str, level: float
) -> dict[str, Corrected]:
    """Per model with what the models share, and for all models together with the lam found for them."""
    known = {model: samples[model].judged for model in models if samples[model].undefined is None}
    found = two_phase_means(known, limits=_SHARE, level=level, name=name)
    lams = [one.lam for one in found.values() if one.lam is not None]
    together = samples[ALL_MODELS]
    if together.undefined is None:
        found |= two_phase_means(
            {ALL_MODELS: together.judged}, lam=lams[0] if lams else 1.0, limits=_SHARE, level=level, name=name
        )
    for model, sample in samples.items():
        if model not in found:
            found[model] = no_value(
                f"{name}: {model}",
                sample.undefined or "no labels",
                n=len(sample.rated),
                n_judged=len(sample.judged.judge),
            )
    return {model: _with_few_events(one, samples[model]) for model, one in found.items()}


_FEW_EVENTS = 5


def _with_few_events(one: Corrected, sample: Weighed) -> Corrected:
    """A share with few labelled traces on one side has a skewed distribution that a t interval does not follow."""
    positive = float(np.nansum(sample.judged.label))
    fewer = min(positive, sample.judged.n_rated - positive)
    if one.value is None or fewer >= _FEW_EVENTS:
        return one
    return one.model_copy(
        update={
            "warnings": (
                *one.warnings,
                f"{fewer:g} labelled traces on the rarer side, fewer than {_FEW_EVENTS}: "
                "the interval covers less than it says",
            )
        }
    )


def _table(
    dimension: str,
    model: str,
    values: Values,
    low: Values,
    everything: Domain,
    right: Domain,
    wrong: Domain,
    correct: Weighed,
    corrected: Corrected,
    level: float,
) -> WrongReason:
    cells = []
    answers = {row.trace_id: row.correct for row in everything.traces}
    for is_right in (True, False):
        for band in BANDS:
            sample = weigh(everything, _indicator(values, band, answers, is_right))
            label = f"{dimension}: share {'right' if is_right else 'wrong'} with {band} reasoning, {model}"
            cells.append(
                ReasoningCell(
                    correct=is_right,
                    band=band,
                    judge=judge_mean(label, sample, limits=_SHARE, binary=True, level=level),
                    clinicians=clinician_mean(label, sample, limits=_SHARE, binary=True, level=level),
                )
            )
    incorrect = weigh(wrong, low)
    given_right = f"{dimension}: share of low reasoning among right answers, {model}"
    given_wrong = f"{dimension}: share of low reasoning among wrong answers, {model}"
    return WrongReason(
        dimension=dimension,
        model=model,
        cells=tuple(cells),
        low_if_correct_judge=judge_mean(given_right, correct, limits=_SHARE, binary=True, level=level),
        low_if_correct_clinicians=clinician_mean(
            given_right, correct, limits=_SHARE, binary=True, level=level
        ),
        low_if_correct=corrected,
        low_if_wrong_judge=judge_mean(given_wrong, incorrect, limits=_SHARE, binary=True, level=level),
        low_if_wrong_clinicians=clinician_mean(
            given_wrong, incorrect, limits=_SHARE, binary=True, level=level
        ),
        coverage=everything.coverage(values),
        coverage_correct=right.coverage(values),
        warnings=correct.warnings,
    )


def _indicator(
    values: Values, band: Band, answers: Mapping[str, bool | None] | None = None, correct: bool = True
) -> Values:
    """1 where a trace's score is in the band (and, with `answers`, its answer right or wrong as wanted), else 0."""

    def one(trace: str, place: float) -> float:
        fits = answers is None or answers.get(trace) is correct
        return float(fits and band_of(place) == band)

    return Values(
        {trace: one(trace, place) for trace, place in values.judge.items()},
        {trace: one(trace, place) for trace, place in values.clinician.items()},
        values.unparsed,
        values.not_assessed,
        values.adjudicated,
    )
