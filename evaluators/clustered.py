"""Means whose units share studies, patients or images: cluster-robust standard errors and intervals.

Answers about one image are not independent, so the variance is taken over clusters: with y_i the value of
answer i in cluster g(i), and the estimate a weighted sum of means, sum_t w_t mean(y over part t), each answer
contributes u_i = w_t (y_i - mean_t) / n_t, the cluster the sum of its u_i, and the variance is G / (G - 1)
sum_g u_g^2 with quantiles of t with G - 1 degrees of freedom (Liang and Zeger 1986; Cameron and Miller 2015,
J Hum Resour 50:317). When every cluster holds one answer this is s^2 / n with s^2 over n - 1: the plain
standard error of a mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spinebench.evaluators.estimate import FEW_CLUSTERS, Denominators, Estimate, Interval, undefined
from spinebench.evaluators.proportions import Bounds, clopper_pearson, normal_quantile, wilson

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

UNIT = Bounds(0.0, 1.0)


@dataclass(frozen=True)
class Part:
    """Values of one mean, the cluster of each (codes from 0, shared by all parts) and the mean's weight."""

    values: FloatArray
    clusters: IntArray
    weight: float = 1.0


class PartMean(NamedTuple):
    """One of the means that are summed."""

    value: float
    n_clusters: int
    weight: float = 1.0


class Moments(NamedTuple):
    """A weighted sum of means with its cluster-robust variance."""

    value: float
    variance: float
    naive_variance: float
    """As if all answers were independent."""
    n: int
    n_clusters: int

    @property
    def clustered(self) -> bool:
        return self.n_clusters < self.n

    @property
    def design_effect(self) -> float | None:
        return self.variance / self.naive_variance if self.naive_variance > 0 else None


def moments(parts: Sequence[Part]) -> Moments:
    """Value and variances of sum_t w_t mean_t. Every part must hold a value; one cluster gives variance 0."""
    size = 1 + max(int(part.clusters.max()) for part in parts)
    pulls = np.zeros(size)
    seen = np.zeros(size, dtype=bool)
    value = naive = 0.0
    n = 0
    for part in parts:
        count = len(part.values)
        mean = float(part.values.mean())
        residuals = part.values - mean
        pulls += np.bincount(part.clusters, weights=residuals, minlength=size) * (part.weight / count)
        seen[part.clusters] = True
        value += part.weight * mean
        if count > 1:
            naive += part.weight**2 * _sum_of_squares(residuals) / (count - 1) / count
        n += count
    groups = int(seen.sum())
    variance = groups / (groups - 1) * _sum_of_squares(pulls) if groups > 1 else 0.0
    weight = sum(abs(part.weight) for part in parts)
    return Moments(value, without_noise(variance, weight), without_noise(naive, weight), n, groups)


def without_noise(variance: float, weight: float) -> float:
    """0 in place of a variance that is rounding noise, as residuals of a constant have; `weight` is that of all
    parts."""
    return variance if variance > (1e-12 * weight) ** 2 else 0.0


def count_distinct(codes: IntArray) -> int:
    """How many different codes (0, 1, ...) occur."""
    return int(np.count_nonzero(np.bincount(codes)))


def _sum_of_squares(values: FloatArray) -> float:
    # Not values @ values: the threads of a BLAS cost 8 ms a call here when the cores are busy.
    return float(np.square(values).sum())


def t_quantile(df: float, level: float) -> float:
    """Two-sided quantile of Student's t. From 100 degrees of freedom on by Fisher's and Cornish's series (their
    paper of 1960, Technometrics 2:209; Abramowitz and Stegun 26.7.5), right to 1e-10 for levels up to 0.999.

    The series saves the 0.3 s that loading scipy.special takes, at the end of every larger run.
    """
    if df >= _MANY_DF and level <= _USUAL_LEVEL:
        return _t_by_series(normal_quantile((1 + level) / 2), df)
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


_MANY_DF = 100
_USUAL_LEVEL = 0.999


def _t_by_series(z: float, df: float) -> float:
    z2 = z * z
    terms = (
        (z2 + 1) / 4,
        ((5 * z2 + 16) * z2 + 3) / 96,
        (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
        ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160,
        (((((27 * z2 + 339) * z2 + 930) * z2 - 1782) * z2 - 765) * z2 + 17955) / 368640,
    )
    return z * (1 + sum(term / df**power for power, term in enumerate(terms, 1)))


def t_p_value(statistic: float, df: float) -> float:
    """Two-sided p-value of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(statistic)))


def combined_mean(
    name: str,
    parts: Sequence[Part],
    *,
    level: float = 0.95,
    limits: Bounds = UNIT,
    denominators: Denominators | None = None,
    empty: str = "no units",
) -> Estimate:
    """A weighted sum of means with the cluster-robust t interval, cut at `limits` (the range of the figure).

    Where no variance can be had (every value of a part alike, or one cluster) a t interval would have width
    0. Then the parts' Wilson intervals on their numbers of clusters are squared and added (MOVER, Zou and
    Donner 2008): wide, but 0 of 10 keeps its upper bound. Undefined, with `empty` as reason, if a part has no
    value.
    """
    if not parts or any(len(part.values) == 0 for part in parts):
        return undefined(name, empty, n=sum(len(part.values) for part in parts), denominators=denominators)
    return estimate_from_moments(
        name,
        moments(parts),
        lambda: [
            PartMean(float(part.values.mean()), count_distinct(part.clusters), part.weight) for part in parts
        ],
        level=level,
        limits=limits,
        denominators=denominators,
    )


def estimate_from_moments(
    name: str,
    found: Moments,
    means: Callable[[], Sequence[PartMean]],
    *,
    level: float = 0.95,
    limits: Bounds = UNIT,
    denominators: Denominators | None = None,
) -> Estimate:
    """`combined_mean` of values whose moments are known; `means` are asked for where there is no variance."""
    warnings: list[str] = []
    if found.variance > 0:
        half = t_quantile(found.n_clusters - 1, level) * math.sqrt(found.variance)
        bounds = Bounds(found.value - half, found.value + half)
        method = "cluster-robust t" if found.clustered else "t"
    else:
        bounds = _square_and_add(found.value, means(), limits, level)
        method = "Wilson on clusters, squared and added"
        warnings.append("no variation between clusters: the interval rests on the number of clusters alone")
    low, high = max(limits.low, bounds.low), min(limits.high, bounds.high)
    if found.n_clusters < FEW_CLUSTERS:
        warnings.append(few_clusters(found.n_clusters))
    deff = found.design_effect if found.clustered else None
    return Estimate(
        name=name,
        value=found.value,
        interval=Interval(low=low, high=high, level=level, method=method),
        n=found.n,
        n_clusters=found.n_clusters,
        se=math.sqrt(found.variance) if found.variance > 0 else None,
        design_effect=deff,
        n_effective=found.n / deff if deff else None,
        denominators=denominators,
        warnings=tuple(warnings),
    )


def proportion(
    name: str,
    success: BoolArray,
    clusters: IntArray,
    *,
    safety: bool = False,
    level: float = 0.95,
    denominators: Denominators | None = None,
    empty: str = "no units",
) -> Estimate:
    """A proportion with its interval; `success` and `clusters` run over the units of the denominator.

    One answer per cluster: Wilson's interval, for safety events Clopper-Pearson's. Several: the
    cluster-robust t interval, for safety events Clopper-Pearson on the effective number of answers (Korn and
    Graubard 1998, Surv Methodol 24:193: n / design effect, shrunk by (t(n-1) / t(G-1))^2, never above n); the
    interval that takes all answers as independent then stands in `other_intervals`.
    """
    n = len(success)
    if n == 0:
        return undefined(name, empty, denominators=denominators)
    count = int(success.sum())
    plain_method, plain = ("Clopper-Pearson", clopper_pearson) if safety else ("Wilson", wilson)
    bounds = plain(count, n, level=level)
    independent = Interval(low=bounds.low, high=bounds.high, level=level, method=plain_method)
    estimate = combined_mean(
        name,
        (Part(success.astype(np.float64), clusters),),
        level=level,
        denominators=denominators,
    )
    if estimate.n_clusters == n:
        return estimate.model_copy(
            update={"interval": independent, "count": count, "se": None, "warnings": ()}
        )
    interval = estimate.interval
    if safety:
        n_effective = _effective_n(estimate, level)
        exact = clopper_pearson(count / n * n_effective, n_effective, level=level)
        interval = Interval(
            low=exact.low,
            high=exact.high,
            level=level,
            method="Clopper-Pearson on effective n (Korn-Graubard)",
        )
    return estimate.model_copy(
        update={"interval": interval, "other_intervals": (independent,), "count": count}
    )


def few_clusters(n_clusters: int) -> str:
    """The warning that goes with an interval over few clusters."""
    return f"{n_clusters} clusters, fewer than {FEW_CLUSTERS}: the interval is rough"


def _effective_n(estimate: Estimate, level: float) -> float:
    """Effective number of answers; the number of clusters where no design effect can be had."""
    n, groups = estimate.n, estimate.n_clusters
    if not estimate.n_effective or groups < 2:
        return float(groups)
    shrink = (t_quantile(n - 1, level) / t_quantile(groups - 1, level)) ** 2
    return min(float(n), estimate.n_effective * shrink)


def _square_and_add(value: float, parts: Sequence[PartMean], limits: Bounds, level: float) -> Bounds:
    """Limits of a weighted sum from Wilson limits of its parts, each scaled from `limits` to [0, 1]; weights
    > 0.
    """
    total = sum(part.weight for part in parts)
    span = (limits.high - limits.low) / total
    down = up = 0.0
    for part in parts:
        share = min(1.0, max(0.0, (part.value - limits.low / total) / span))
        around = wilson(share * part.n_clusters, part.n_clusters, level=level)
        below, above = (share - around.low) * span, (around.high - share) * span
        down += (part.weight * below) ** 2
        up += (part.weight * above) ** 2
    return Bounds(value - math.sqrt(down), value + math.sqrt(up))
