"""Means, and differences of means, with intervals from resampled clusters.

Clusters (cases, patients) are drawn with replacement within strata: clusters that hold the same parts (text, image,
report), so that the parts keep their sizes, which a benchmark fixes. Limits are expanded percentiles (Hesterberg 2015,
Am Stat 69:371, section 5: the levels are moved so that few clusters do not give intervals that are too short).
Where resampling shows no spread at all (all right, all wrong, one cluster), the interval rests on Wilson's limits.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spinebench.evaluators.clustered import (
    FloatArray,
    IntArray,
    Part,
    combined_mean,
    few_clusters,
    moments,
    t_quantile,
)
from spinebench.evaluators.estimate import FEW_CLUSTERS, Denominators, Estimate, Interval, undefined
from spinebench.evaluators.proportions import Bounds

_DRAWN_AT_ONCE = 4_000_000
_KEPT_UNITS = 4_000
_KEPT_FIGURES = 512
"""Figures of at most so many units whose draws are kept: with 600 units and 2,000 draws 26 KB each."""
_NOISE = 1e-9
"""Differences between draws that are rounding, not spread."""


@dataclass(frozen=True)
class Term:
    """A mean over some units, with the sign it has in a sum of means."""

    values: FloatArray
    clusters: IntArray
    """Codes from 0, shared by all terms of a figure."""
    sign: float = 1.0


def bootstrap_mean(
    name: str,
    terms: Sequence[Term],
    *,
    pooled: bool = True,
    limits: Bounds,
    seed: int,
    resamples: int,
    level: float = 0.95,
    denominators: Denominators | None = None,
    empty: str = "no units",
) -> Estimate:
    """Mean over the units of all terms (`pooled`), or the signed sum of the terms' means.

    Undefined, with `empty` as reason, where there is no unit, or, unless pooled, where a term has none. The draws
    depend on `seed` and `name` alone, so that a figure is the same whatever else is computed.
    """
    n = sum(len(term.values) for term in terms)
    filled = [term for term in terms if len(term.values)]
    if not filled or (not pooled and len(filled) < len(terms)):
        return undefined(name, empty, n=n, denominators=denominators)
    weights = [len(term.values) / n if pooled else term.sign for term in filled]
    parts = [Part(term.values, term.clusters, weight) for term, weight in zip(filled, weights, strict=True)]
    found = moments(parts)
    draw = _draws if n <= _KEPT_UNITS else _draws.__wrapped__
    draws = draw(tuple(map(_Kept.of, filled)), pooled=pooled, seed=_seed(seed, name), resamples=resamples)
    spread = len(draws) > 1 and float(np.ptp(draws)) > _NOISE
    if spread:
        low, high = _expanded_percentiles(draws, found.n_clusters, level)
        method = f"cluster bootstrap, expanded percentile, {len(draws)} draws"
        interval = Interval(low=max(limits.low, low), high=min(limits.high, high), level=level, method=method)
        warnings: tuple[str, ...] = ()
        if found.n_clusters < FEW_CLUSTERS:
            warnings = (few_clusters(found.n_clusters),)
    else:
        interval, warnings = _without_spread(parts, found.value, pooled=pooled, limits=limits, level=level)
    clustered = found.clustered and found.design_effect is not None
    return Estimate(
        name=name,
        value=found.value,
        interval=interval,
        n=found.n,
        n_clusters=found.n_clusters,
        se=float(draws.std(ddof=1)) if spread else None,
        design_effect=found.design_effect if clustered else None,
        n_effective=found.n / found.design_effect if clustered and found.design_effect else None,
        denominators=denominators,
        seed=seed,
        warnings=warnings,
    )


def _seed(seed: int, name: str) -> tuple[int, int]:
    return seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


@dataclass(frozen=True, slots=True)
class _Kept:
    """A term by its contents."""

    values: bytes
    clusters: bytes
    sign: float

    @classmethod
    def of(cls, term: Term) -> _Kept:
        return cls(
            np.asarray(term.values, np.float64).tobytes(),
            np.asarray(term.clusters, np.int64).tobytes(),
            term.sign,
        )

    def term(self) -> Term:
        return Term(np.frombuffer(self.values), np.frombuffer(self.clusters, np.int64), self.sign)


@lru_cache(maxsize=_KEPT_FIGURES)
def _draws(kept: tuple[_Kept, ...], *, pooled: bool, seed: tuple[int, int], resamples: int) -> FloatArray:
    """The figure over resampled clusters; draws in which a term has no unit are left out.

    Kept, since the same questions come again with the reports as each judge scores them.
    """
    terms = [one.term() for one in kept]
    used = np.unique(np.concatenate([term.clusters for term in terms]))
    if len(used) < 2:
        return np.zeros(0)
    sums = np.zeros((len(used), len(terms)))
    counts = np.zeros((len(used), len(terms)))
    for column, term in enumerate(terms):
        at = np.searchsorted(used, term.clusters)
        sums[:, column] = np.bincount(at, weights=term.values, minlength=len(used))
        counts[:, column] = np.bincount(at, minlength=len(used))
    rng = np.random.default_rng(seed)
    strata = _strata(counts)
    block = max(1, _DRAWN_AT_ONCE // len(used))
    found = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        total, n = np.zeros((size, len(terms))), np.zeros((size, len(terms)))
        for members in strata:
            picked = rng.integers(len(members), size=(size, len(members)))
            for held in np.flatnonzero(counts[members].any(axis=0)):
                total[:, held] += _sum_of(sums[members, held], picked)
                n[:, held] += _sum_of(counts[members, held], picked)
        found.append(_figure(total, n, terms, pooled=pooled))
    draws = np.concatenate(found)
    draws = np.asarray(draws[np.isfinite(draws)], dtype=np.float64)
    draws.flags.writeable = False
    return draws


def _sum_of(values: FloatArray, picked: IntArray) -> FloatArray:
    """Per row of `picked` the sum of the values picked."""
    if (values == values[0]).all():
        return np.full(len(picked), values[0] * picked.shape[1])
    return np.asarray(values[picked].sum(axis=1), dtype=np.float64)


def _figure(total: FloatArray, n: FloatArray, terms: Sequence[Term], *, pooled: bool) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        if pooled:
            return np.asarray(total.sum(axis=1) / n.sum(axis=1), dtype=np.float64)
        return np.asarray((total / n) @ np.array([term.sign for term in terms]), dtype=np.float64)


def _strata(counts: FloatArray) -> list[IntArray]:
    """Clusters by the parts they hold; a cluster that is alone with its parts joins the largest stratum."""
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    for row, held in enumerate(counts > 0):
        groups[held.tobytes()].append(row)
    ordered = sorted(groups.values(), key=len, reverse=True)
    largest = ordered[0] + [row for group in ordered[1:] if len(group) == 1 for row in group]
    return [np.array(group, dtype=np.int64) for group in (largest, *(g for g in ordered[1:] if len(g) > 1))]


def _expanded_percentiles(draws: FloatArray, n_clusters: int, level: float) -> tuple[float, float]:
    degrees = n_clusters - 1
    reach = math.sqrt(n_clusters / degrees) * t_quantile(degrees, level)
    tail = 0.5 * math.erfc(reach / math.sqrt(2))
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def _without_spread(
    parts: Sequence[Part], value: float, *, pooled: bool, limits: Bounds, level: float
) -> tuple[Interval, tuple[str, ...]]:
    """Wilson's limits on the numbers of clusters; a difference by squares of its two halves (Newcombe 1998)."""
    if pooled:
        found = combined_mean("", parts, level=level, limits=limits)
        assert found.interval is not None
        return found.interval, found.warnings
    inside = Bounds(0.0, limits.high)  # of each mean; `limits` are those of their difference
    halves = [
        combined_mean("", [Part(part.values, part.clusters)], level=level, limits=inside) for part in parts
    ]
    down = up = 0.0
    warnings: dict[str, None] = {}
    for part, half in zip(parts, halves, strict=True):
        assert half.interval is not None
        assert half.value is not None
        below, above = half.value - half.interval.low, half.interval.high - half.value
        down += (below if part.weight > 0 else above) ** 2
        up += (above if part.weight > 0 else below) ** 2
        warnings.update(dict.fromkeys(half.warnings))
    interval = Interval(
        low=max(limits.low, value - math.sqrt(down)),
        high=min(limits.high, value + math.sqrt(up)),
        level=level,
        method="Wilson on clusters, squared and added",
    )
    return interval, tuple(warnings)


def codes_of(clusters: Sequence[str], known: Mapping[str, int]) -> IntArray:
    """Cluster names as codes."""
    return np.array([known[name] for name in clusters], dtype=np.int64)
