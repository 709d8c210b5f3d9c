"""From traces with values to weighted samples that stand for the frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, TraceRow
from spinebench.evaluators.calibration.two_phase import Judged
from spinebench.evaluators.calibration.votes import Coverage, Values
from spinebench.evaluators.calibration.weighted import weighted_mean
from spinebench.evaluators.clustered import BoolArray, FloatArray, IntArray
from spinebench.evaluators.estimate import Estimate, undefined
from spinebench.evaluators.proportions import Bounds

_Name = TypeVar("_Name", bound=Hashable)

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
        drawn = self._drawn
        return sum(n for key, n in self.sizes.items() if key[:2] == (model, task) and key not in drawn)

    def of_model(self, model: str, task: str) -> Domain:
        """The traces of one model on one task."""
        return self.part([row for row in self.by_model.get(model, ()) if row.task == task])

    def part(self, traces: Sequence[TraceRow]) -> Domain:
        """Some traces of the frame, with the frame sizes of their strata (or their share of them)."""
        held = _weights(traces)
        shares = {
            key: self.sizes[key] * weight / self._drawn[key] if self.sizes.get(key) else weight
            for key, weight in held.items()
        }
        return Domain(tuple(traces), shares)

    @cached_property
    def by_model(self) -> Mapping[str, tuple[TraceRow, ...]]:
        """The traces of each model, both in the frame's order."""
        found: dict[str, list[TraceRow]] = defaultdict(list)
        for row in self.traces:
            found[row.model].append(row)
        return {model: tuple(own) for model, own in found.items()}

    @cached_property
    def _drawn(self) -> Mapping[tuple[str, str, str], float]:
        return _weights(self.traces)


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

    # What weighing reads of the traces, one entry per trace in their order. A domain is weighed for many figures.

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(row.trace_id for row in self.traces)

    @cached_property
    def inverse(self) -> FloatArray:
        """1 / probability of being drawn."""
        return 1 / np.array([row.probability for row in self.traces], dtype=np.float64)

    @cached_property
    def rating_probability(self) -> FloatArray:
        """NaN before the trace's review."""
        return np.array([row.rating_probability for row in self.traces], dtype=np.float64)

    @cached_property
    def referred(self) -> BoolArray:
        return np.array([row.referred for row in self.traces], dtype=np.bool_)

    @cached_property
    def strata(self) -> tuple[IntArray, tuple[tuple[str, str, str], ...]]:
        """Codes, and the (model, task, stratum) of each code."""
        return _codes([(row.model, row.task, row.stratum) for row in self.traces])

    @cached_property
    def clusters(self) -> IntArray:
        return _codes([row.cluster for row in self.traces])[0]

    @cached_property
    def kinds(self) -> IntArray:
        """1 a right answer, 0 a wrong one, 2 where the task has no right one."""
        return np.array(
            [2 if row.correct is None else int(row.correct) for row in self.traces], dtype=np.int64
        )

    def coverage(self, values: Values) -> Coverage:
        ids = self.ids
        return Coverage(
            n_frame=self.n_frame,
            n_drawn=len(ids),
            n_judged=_count(values.judge, ids),
            n_unparsed=sum(n for one in ids if (n := values.unparsed.get(one))) if values.unparsed else 0,
            n_referred=int(self.referred.sum()),
            n_rated=_count(values.clinician, ids),
            n_cannot_assess=_count(values.not_assessed, ids),
            n_adjudicated=_count(values.adjudicated, ids),
        )


@dataclass(frozen=True)
class Weighed:
    """A domain's sample for one figure."""

    judged: Judged
    """Traces with a judge value; labels of those whose rating can be weighted."""
    raters_only: FloatArray
    """Weights of all rated traces in `rated`, judged or not: 1 / (probability x rating probability)."""
    rated: tuple[TraceRow, ...]
    rated_strata: IntArray
    rated_clusters: IntArray
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
    judge, clinician = _known(values.judge, domain.ids), _known(values.clinician, domain.ids)
    judged, given = ~np.isnan(judge), ~np.isnan(clinician)
    probability = np.full(len(given), np.nan)
    reason = None
    if given.all():
        probability[:] = 1.0
    elif given.any():
        probability, reason = _second_phase(domain, given, warnings)
    missing = int((~judged).sum())
    if missing:
        warnings.append(
            f"{missing} of {len(judged)} drawn traces have no judge score: the others of their stratum stand for them"
        )
    unjudged = int((given & ~judged).sum())
    if unjudged:
        warnings.append(f"{unjudged} rated traces have no judge score and do not enter the correction")
    rated = ~np.isnan(probability)
    codes, keys = domain.strata
    strata, of_code = _recoded(codes[judged])
    clusters, _ = _recoded(domain.clusters[judged])
    rated_strata, _ = _recoded(codes[rated])
    rated_clusters, _ = _recoded(domain.clusters[rated])
    return Weighed(
        judged=Judged(
            judge=judge[judged],
            label=np.where(rated, clinician, np.nan)[judged],
            weight=domain.inverse[judged],
            rating_probability=np.where(rated, probability, 1.0)[judged],
            stratum=strata,
            shares={code: domain.shares.get(keys[old], 1.0) for code, old in enumerate(of_code)},
            cluster=clusters,
            kind=domain.kinds[judged],
        ),
        raters_only=domain.inverse[rated] / probability[rated],
        rated=tuple(domain.traces[place] for place in np.flatnonzero(rated).tolist()),
        rated_strata=rated_strata,
        rated_clusters=rated_clusters,
        labels=clinician[rated],
        undefined=reason,
        warnings=tuple(warnings),
    )


def _second_phase(domain: Domain, given: BoolArray, warnings: list[str]) -> tuple[FloatArray, str | None]:
    """Rating probability of the rated traces that have one, NaN for the others, and why there is none."""
    stored, referred = domain.rating_probability, domain.referred
    found = np.full(len(given), np.nan)
    if np.isnan(stored).all():
        warnings.append(
            "no probabilities of referral are stored: rated traces are taken as a random part of the drawn ones"
        )
        found[given] = given.sum() / len(given)
        return found, None
    outside = int((given & ~referred).sum())
    if outside:
        warnings.append(f"{outside} rated traces were not referred: without a probability they are left out")
    by_chance = bool((stored < 1).any())
    never = int((~referred & ~(stored < 1)).sum())
    if never and not by_chance:
        return found, ONLY_REFERRED
    if never:
        warnings.append(f"{never} traces await their review: they count as judged and not rated")
    for probability in dict.fromkeys(stored[referred & ~np.isnan(stored)].tolist()):
        group = referred & (stored == probability)
        rated = group & given
        n_group, n_rated = int(group.sum()), int(rated.sum())
        found[rated] = probability * n_rated / n_group
        if n_rated < n_group:
            warnings.append(
                f"{n_rated} of {n_group} traces referred with probability {probability:g} have a score: "
                "they are taken as a random part of them"
            )
    if by_chance and not (referred & (stored < 1) & ~np.isnan(found)).any():
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
    return weighted_mean(
        name,
        sample.labels,
        sample.raters_only,
        sample.rated_strata,
        sample.rated_clusters,
        limits=limits,
        binary=binary,
        level=level,
        empty="no labels",
    )


def _weights(traces: Sequence[TraceRow]) -> dict[tuple[str, str, str], float]:
    """(model, task, stratum) -> sum of 1 / probability."""
    found: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in traces:
        found[row.model, row.task, row.stratum] += 1 / row.probability
    return dict(found)


def _to_shares(weights: FloatArray, strata: IntArray, shares: Mapping[int, float]) -> FloatArray:
    """Weights scaled so that each stratum adds up to its share of the frame."""
    found = weights.copy()
    for code, share in shares.items():
        here = strata == code
        if here.any():
            found[here] *= share / weights[here].sum()
    return found


def _known(values: Mapping[str, float], ids: Sequence[str]) -> FloatArray:
    """NaN for a trace without a value."""
    return np.array([*map(values.get, ids)], dtype=np.float64)


def _count(among: Container[str], ids: Sequence[str]) -> int:
    return sum(map(among.__contains__, ids))


def _codes(names: Sequence[_Name]) -> tuple[IntArray, tuple[_Name, ...]]:
    """Codes in the order of first appearance, and the name of each."""
    order: dict[_Name, int] = {}
    codes = [order.setdefault(name, len(order)) for name in names]
    return np.array(codes, dtype=np.int64), tuple(order)


def _recoded(codes: IntArray) -> tuple[IntArray, list[int]]:
    """Codes anew in the order of first appearance, and what each was."""
    old, first, place = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[place.ravel()], old[order].tolist()
