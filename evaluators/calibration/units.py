"""From traces with values to weighted samples that stand for the frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, TraceRow
from spinebench.evaluators.calibration.two_phase import Judged
from spinebench.evaluators.calibration.votes import Coverage, Values
from spinebench.evaluators.calibration.weighted import weighted_mean
from spinebench.evaluators.clustered import FloatArray, IntArray
from spinebench.evaluators.estimate import Estimate, undefined
from spinebench.evaluators.proportions import Bounds

ONLY_REFERRED = (
    "clinicians see only traces with a reason for it (random share 0): what they hold of those says nothing about "
    "the others"
)


@dataclass(frozen=True)
class Frame:
    """The validation traces of an audit and what they stand for."""

    traces: tuple[TraceRow, ...]
    sizes: Mapping[tuple[str, str, str], int]
    """(model, task, stratum) -> traces of the frame, where the sample's record says."""

    @classmethod
    def of(cls, rows: AuditRows) -> Frame:
        """Tuning traces are left out. Raises `UsageError` for a probability outside (0, 1]."""
        sizes: dict[tuple[str, str, str], int] = {}
        for stratum in rows.strata:
            key = (stratum.model, stratum.task, stratum.stratum)
            sizes[key] = max(sizes.get(key, 0), stratum.n_frame)
        kept = {row.trace_id: row for row in rows.traces if row.split == "validation"}
        for row in kept.values():
            for what, value in (
                ("probability", row.probability),
                ("rating probability", row.rating_probability),
            ):
                if value is not None and not 0 < value <= 1:
                    raise UsageError(
                        f"{what} {value!r} of trace {row.trace_id!r}: expected more than 0 and at most 1; "
                        "check the sample with 'spinebench audit --verify'"
                    )
        return cls(tuple(kept.values()), sizes)

    def undrawn(self, model: str, task: str) -> int:
        """Frame traces of a model and task in strata from which no validation trace was drawn."""
        drawn = {(row.model, row.task, row.stratum) for row in self.traces}
        return sum(n for key, n in self.sizes.items() if key[:2] == (model, task) and key not in drawn)

    def of_model(self, model: str, task: str) -> Domain:
        """The traces of one model on one task."""
        return self.part(lambda row: row.model == model and row.task == task)

    def part(self, keep: Callable[[TraceRow], bool]) -> Domain:
        """The traces for which `keep` is true, with the frame sizes of their strata (or their share of them)."""
        drawn: dict[tuple[str, str, str], float] = defaultdict(float)
        held: dict[tuple[str, str, str], float] = defaultdict(float)
        chosen = []
        for row in self.traces:
            key = (row.model, row.task, row.stratum)
            drawn[key] += 1 / row.probability
            if keep(row):
                held[key] += 1 / row.probability
                chosen.append(row)
        shares = {
            key: self.sizes[key] * weight / drawn[key] if self.sizes.get(key) else weight
            for key, weight in held.items()
        }
        return Domain(tuple(chosen), shares)


@dataclass(frozen=True)
class Domain:
    """Some traces of the frame, e.g. those of one model and task, or its correct ones."""

    traces: tuple[TraceRow, ...]
    shares: Mapping[tuple[str, str, str], float]
    """(model, task, stratum) -> traces of the frame they stand for."""

    @property
    def n_frame(self) -> int:
        return round(sum(self.shares.values()))

    @property
    def simulated(self) -> bool:
        return any(row.simulated for row in self.traces)

    def coverage(self, values: Values) -> Coverage:
        ids = [row.trace_id for row in self.traces]
        return Coverage(
            n_frame=self.n_frame,
            n_drawn=len(ids),
            n_judged=sum(one in values.judge for one in ids),
            n_unparsed=sum(values.unparsed.get(one, 0) for one in ids),
            n_referred=sum(row.referred for row in self.traces),
            n_rated=sum(one in values.clinician for one in ids),
            n_cannot_assess=sum(one in values.not_assessed for one in ids),
            n_adjudicated=sum(one in values.adjudicated for one in ids),
        )


@dataclass(frozen=True)
class Weighed:
    """A domain's sample for one figure."""

    judged: Judged
    """Traces with a judge value; labels of those whose rating can be weighted."""
    raters_only: FloatArray
    """Weights of all rated traces in `rated`, judged or not: 1 / (probability x rating probability)."""
    rated: tuple[TraceRow, ...]
    labels: FloatArray
    undefined: str | None
    """Why clinicians' values cannot be weighted to the frame."""
    warnings: tuple[str, ...]


def weigh(domain: Domain, values: Values) -> Weighed:
    """The sample with its second-phase probabilities.

    A trace referred for a reason has probability 1, one referred by chance the random share, as its review stored
    it; where only some of the traces referred with one probability are rated (not yet, or cannot be assessed), that
    probability is times their share, which takes the rated ones as a random part of them. If every drawn trace is
    rated, probabilities are 1. Ratings of traces that were not referred have no probability and are left out, with
    a warning.
    """
    warnings: list[str] = []
    traces = domain.traces
    given = {row.trace_id for row in traces if row.trace_id in values.clinician}
    probability: dict[str, float] = {}
    reason = None
    if len(given) == len(traces):
        probability = dict.fromkeys(given, 1.0)
    elif given:
        probability, reason = _second_phase(traces, given, warnings)
    missing = sum(row.trace_id not in values.judge for row in traces)
    if missing:
        warnings.append(
            f"{missing} of {len(traces)} drawn traces have no judge score: the others of their stratum stand for them"
        )
    unjudged = sum(one not in values.judge for one in given)
    if unjudged:
        warnings.append(f"{unjudged} rated traces have no judge score and do not enter the correction")
    rated = tuple(row for row in traces if row.trace_id in probability)
    judged = [row for row in traces if row.trace_id in values.judge]
    strata, shares = _strata(judged, domain.shares)
    return Weighed(
        judged=Judged(
            judge=np.array([values.judge[row.trace_id] for row in judged], dtype=np.float64),
            label=np.array(
                [values.clinician[row.trace_id] if row.trace_id in probability else np.nan for row in judged],
                dtype=np.float64,
            ),
            weight=np.array([1 / row.probability for row in judged], dtype=np.float64),
            rating_probability=np.array(
                [probability.get(row.trace_id, 1.0) for row in judged], dtype=np.float64
            ),
            stratum=strata,
            shares=shares,
            cluster=_codes([row.cluster for row in judged]),
            kind=np.array([row.correct for row in judged], dtype=np.int64),
        ),
        raters_only=np.array(
            [1 / (row.probability * probability[row.trace_id]) for row in rated], dtype=np.float64
        ),
        rated=rated,
        labels=np.array([values.clinician[row.trace_id] for row in rated], dtype=np.float64),
        undefined=reason,
        warnings=tuple(warnings),
    )


def _second_phase(
    traces: Sequence[TraceRow], given: set[str], warnings: list[str]
) -> tuple[dict[str, float], str | None]:
    """Rating probability of the rated traces that have one, and why there is none."""
    if all(row.rating_probability is None for row in traces):
        warnings.append(
            "no probabilities of referral are stored: rated traces are taken as a random part of the drawn ones"
        )
        return dict.fromkeys(given, len(given) / len(traces)), None
    outside = [row for row in traces if row.trace_id in given and not row.referred]
    if outside:
        warnings.append(
            f"{len(outside)} rated traces were not referred: without a probability they are left out"
        )
    by_chance = any(row.rating_probability is not None and row.rating_probability < 1 for row in traces)
    never = [
        row
        for row in traces
        if not row.referred and (row.rating_probability is None or row.rating_probability >= 1)
    ]
    if never and not by_chance:
        return {}, ONLY_REFERRED
    if never:
        warnings.append(f"{len(never)} traces await their review: they count as judged and not rated")
    found: dict[str, float] = {}
    referred: dict[float, list[str]] = defaultdict(list)
    for row in traces:
        if row.referred and row.rating_probability is not None:
            referred[row.rating_probability].append(row.trace_id)
    for probability, ids in referred.items():
        rated = [one for one in ids if one in given]
        found |= dict.fromkeys(rated, probability * len(rated) / len(ids))
        if len(rated) < len(ids):
            warnings.append(
                f"{len(rated)} of {len(ids)} traces referred with probability {probability:g} have a score: "
                "they are taken as a random part of them"
            )
    if by_chance and not any(p < 1 and one in found for p, ids in referred.items() for one in ids):
        warnings.append(
            "no trace referred by chance is rated: the figure rests on traces with a reason alone"
        )
    return found, None


def judge_mean(name: str, sample: Weighed, *, limits: Bounds, binary: bool, level: float) -> Estimate:
    """The judge's own mean over the frame, without any correction."""
    judged = sample.judged
    return weighted_mean(
        name,
        judged.judge,
        _to_shares(judged.weight, judged.stratum, judged.shares),
        judged.stratum,
        judged.cluster,
        limits=limits,
        binary=binary,
        level=level,
        empty="no judge scores",
    )


def clinician_mean(name: str, sample: Weighed, *, limits: Bounds, binary: bool, level: float) -> Estimate:
    """The clinicians' mean over the frame from the rated traces alone."""
    if sample.undefined is not None:
        return undefined(name, sample.undefined)
    strata, _ = _strata(sample.rated, {})
    return weighted_mean(
        name,
        sample.labels,
        sample.raters_only,
        strata,
        _codes([row.cluster for row in sample.rated]),
        limits=limits,
        binary=binary,
        level=level,
        empty="no labels",
    )


def _to_shares(weights: FloatArray, strata: IntArray, shares: Mapping[int, float]) -> FloatArray:
    """Weights scaled so that each stratum adds up to its share of the frame."""
    found = weights.copy()
    for code, share in shares.items():
        here = strata == code
        if here.any():
            found[here] *= share / weights[here].sum()
    return found


def _strata(
    traces: Sequence[TraceRow], shares: Mapping[tuple[str, str, str], float]
) -> tuple[IntArray, dict[int, float]]:
    keys = [(row.model, row.task, row.stratum) for row in traces]
    order = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    return (
        np.array([order[key] for key in keys], dtype=np.int64),
        {code: shares.get(key, 1.0) for key, code in order.items()},
    )


def _codes(names: Sequence[str]) -> IntArray:
    order = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names], dtype=np.int64)
