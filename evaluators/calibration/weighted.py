"""Means that stand for the frame: traces weighted by the inverse of their inclusion probability."""

from __future__ import annotations

import math

import numpy as np

from spinebench.evaluators.clustered import FloatArray, IntArray, few_clusters, t_quantile
from spinebench.evaluators.estimate import FEW_CLUSTERS, Estimate, Interval, undefined
from spinebench.evaluators.proportions import Bounds, wilson


def weighted_mean(
    name: str,
    values: FloatArray,
    weights: FloatArray,
    strata: IntArray,
    clusters: IntArray,
    *,
    limits: Bounds,
    binary: bool = False,
    level: float = 0.95,
    empty: str = "no traces",
) -> Estimate:
    """Hajek's mean sum w y / sum w (1971), its variance by linearization: over strata G / (G - 1) times the squares
    of the clusters' sums of w (y - stratum mean) / sum w (Sarndal, Swensson and Wretman 1992, section 5.7), with as
    many degrees of freedom as clusters less strata. A stratum with one cluster is joined with the others of that
    kind. The finite frame is not corrected for: the interval is on the safe side.

    `binary`: shares get Wilson's interval on the effective number of traces p (1 - p) / variance, never above their
    number. Where nothing varies, that is Kish's (sum w)^2 / sum w^2, for scores scaled to `limits` too, so that 0 of
    10 keeps its upper bound. Intervals are cut at `limits`. No traces: None, with `empty` as reason.
    """
    n = len(values)
    if n == 0:
        return undefined(name, empty)
    share = weights / weights.sum()
    value = float(share @ values)
    variance, df, n_clusters = _variance(values, share, strata, clusters)
    span = limits.high - limits.low
    if variance <= (1e-9 * span) ** 2 or df < 1:
        variance = 0.0
    position = min(1.0, max(0.0, (value - limits.low) / span))
    warnings = []
    if binary or variance == 0:
        kish = min(1 / float(np.square(share).sum()), n_clusters)
        effective = min(float(n), position * (1 - position) / variance * span**2) if variance > 0 else kish
        around = wilson(position * effective, effective, level=level)
        low, high = limits.low + span * around.low, limits.low + span * around.high
        method = "Wilson on the effective number of traces"
        if variance == 0 and not binary:
            warnings.append("no variation between clusters: the interval rests on their number alone")
    else:
        half = t_quantile(df, level) * math.sqrt(variance)
        low, high = max(limits.low, value - half), min(limits.high, value + half)
        effective = None
        method = "design-based t"
    if n_clusters < FEW_CLUSTERS:
        warnings.append(few_clusters(n_clusters))
    return Estimate(
        name=name,
        value=value,
        interval=Interval(low=low, high=high, level=level, method=method),
        n=n,
        count=round(float(values.sum())) if binary and np.isin(values, (0, 1)).all() else None,
        n_clusters=n_clusters,
        se=math.sqrt(variance) if variance > 0 else None,
        n_effective=effective,
        warnings=tuple(warnings),
    )


def _variance(
    values: FloatArray, share: FloatArray, strata: IntArray, clusters: IntArray
) -> tuple[float, float, int]:
    """Variance, degrees of freedom and number of clusters."""
    codes, place = np.unique(strata, return_inverse=True)
    _, unit = np.unique(clusters, return_inverse=True)
    n_clusters = int(unit.max()) + 1
    sizes = np.bincount(np.unique(place * n_clusters + unit) // n_clusters, minlength=len(codes))
    lonely = np.flatnonzero(sizes < 2)
    if len(lonely):
        # One lonely stratum takes the smallest other one with it: alone it says nothing about variance.
        group = [int(code) for code in lonely]
        if len(lonely) == 1 and len(codes) > 1:
            group.append(
                min((int(c) for c in range(len(codes)) if c not in group), key=lambda c: int(sizes[c]))
            )
        place = np.where(np.isin(place, group), group[0], place)
    totals = np.bincount(place, weights=share, minlength=len(codes))
    # The share of a joined stratum that has gone is 0: nothing reads its mean.
    means = np.bincount(place, weights=share * values, minlength=len(codes)) / np.where(totals > 0, totals, 1)
    held, cluster = np.unique(place * n_clusters + unit, return_inverse=True)
    pulls = np.bincount(cluster, weights=share * (values - means[place]))
    counts = np.bincount(held // n_clusters, minlength=len(codes))
    squares = np.bincount(held // n_clusters, weights=np.square(pulls), minlength=len(codes))
    several = counts > 1
    variance = float((counts[several] / (counts[several] - 1) * squares[several]).sum())
    return variance, float((counts[several] - 1).sum()), n_clusters
