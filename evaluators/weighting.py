"""Means of a frame from traces that were drawn with known, unequal probabilities.

A plain mean of such a sample is a mean of the sample, not of the frame: with 5 of 800 right answers scored 4.6 and
5 of 200 wrong ones scored 2.2 it is 3.40 where the frame's mean is 4.12. Weighting each value by the inverse of its
inclusion probability mends that.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.clustered import FloatArray, IntArray, few_clusters, t_quantile
from spinebench.evaluators.estimate import FEW_CLUSTERS, Estimate, Interval, undefined
from spinebench.evaluators.numeric import as_numbers
from spinebench.evaluators.proportions import Bounds

IN_SAMPLE = "in-sample: unweighted, a mean of the drawn traces and not of the frame"
"""The mark on every unweighted figure of a sample."""

ANY = Bounds(-math.inf, math.inf)


def hajek_mean(
    values: Sequence[float] | FloatArray,
    probabilities: Sequence[float] | FloatArray,
    *,
    clusters: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    name: str = "mean over the frame",
    limits: Bounds = ANY,
    level: float = 0.95,
) -> Estimate:
    """Hajek's estimate of the frame's mean, sum(y/p) / sum(1/p) (Hajek 1971), with a linearized t interval.

    `values`, `probabilities` (inclusion, in (0, 1]), `clusters` and `strata` have one entry per drawn unit. The
    residual (y - mean)/p, over sum(1/p), is summed within each cluster (its own cluster each, where None); the
    variance is that of the cluster sums within their stratum, sum_h G_h/(G_h - 1) sum (z - mean_h z)^2, df
    sum_h (G_h - 1) (Wolter 2007, chapters 1 and 6; Binder 1983). A cluster in several strata counts once in
    each. A stratum with a single cluster cannot show its variance and is put with the other such strata, or,
    where it is alone, with the largest stratum. There is no finite-population correction: the interval is for
    questions like those of the frame, and is wide for strata that were taken whole.

    Undefined without values; no interval from one cluster or where nothing varies (with a warning).
    Raises UsageError for different lengths, values that are not finite, and probabilities outside (0, 1].
    """
    return _weighted(values, probabilities, None, clusters, strata, name, limits, level)


def horvitz_thompson_mean(
    values: Sequence[float] | FloatArray,
    probabilities: Sequence[float] | FloatArray,
    *,
    n_frame: int,
    clusters: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    name: str = "mean over the frame",
    limits: Bounds = ANY,
    level: float = 0.95,
) -> Estimate:
    """Horvitz and Thompson's estimate of the frame's mean, sum(y/p) / n_frame (Horvitz and Thompson 1952).

    Unbiased where `hajek_mean` is nearly so, but the wider of the two where the number drawn is left to chance,
    and not unchanged when a constant is added to all values: Hajek's is the one to quote. Interval and errors
    as there; UsageError also for `n_frame` below the number of values.
    """
    if n_frame < max(1, len(values)):
        raise UsageError(
            f"n_frame {n_frame!r}: expected at least the number of drawn units, {len(values)}; count the frame"
        )
    return _weighted(values, probabilities, n_frame, clusters, strata, name, limits, level)


def sample_mean(
    values: Sequence[float] | FloatArray,
    *,
    clusters: Sequence[Hashable] | None = None,
    name: str = "mean of the sample",
    limits: Bounds = ANY,
    level: float = 0.95,
) -> Estimate:
    """The unweighted mean, marked `in-sample`: it says nothing of the frame. Otherwise as `hajek_mean`."""
    found = hajek_mean(values, np.ones(len(values)), clusters=clusters, name=name, limits=limits, level=level)
    return found.model_copy(update={"warnings": (IN_SAMPLE, *found.warnings)})


def _weighted(
    values: Sequence[float] | FloatArray,
    probabilities: Sequence[float] | FloatArray,
    n_frame: int | None,
    clusters: Sequence[Hashable] | None,
    strata: Sequence[Hashable] | None,
    name: str,
    limits: Bounds,
    level: float,
) -> Estimate:
    y = as_numbers(values, "values", "one per drawn unit")
    p = as_numbers(probabilities, "probabilities", "one per drawn unit")
    _check(y, p, clusters, strata)
    if len(y) == 0:
        return undefined(name, "no unit was drawn")
    total = float((1 / p).sum()) if n_frame is None else float(n_frame)
    value = float((y / p).sum()) / total
    pulls = (y - value) / p / total if n_frame is None else y / p / total
    within = _codes(strata, len(y)) if strata is not None else np.zeros(len(y), dtype=np.int64)
    units = _codes(clusters, len(y)) if clusters is not None else np.arange(len(y), dtype=np.int64)
    n_clusters = len(np.unique(units))
    variance, df = _variance(pulls, units, within)
    scale = float(np.abs(pulls).max(initial=0.0))
    warnings: list[str] = []
    interval = None
    if df < 1:
        warnings.append("no interval: one cluster cannot show how clusters vary")
    elif variance <= (1e-12 * max(scale, abs(value), 1e-300)) ** 2:
        warnings.append("no interval: all drawn values are the same, which does not say how the others vary")
        variance = 0.0
    else:
        half = t_quantile(df, level) * math.sqrt(variance)
        interval = Interval(
            low=max(limits.low, value - half),
            high=min(limits.high, value + half),
            level=level,
            method="linearized t, stratified" if strata is not None else "linearized t",
        )
    if n_clusters < FEW_CLUSTERS:
        warnings.append(few_clusters(n_clusters))
    weights = 1 / p
    return Estimate(
        name=name,
        value=value,
        interval=interval,
        n=len(y),
        n_clusters=n_clusters,
        se=math.sqrt(variance) if variance > 0 else None,
        n_effective=float(weights.sum() ** 2 / np.square(weights).sum()),  # Kish 1965
        warnings=tuple(warnings),
    )


def _variance(pulls: FloatArray, units: IntArray, within: IntArray) -> tuple[float, int]:
    pairs, place = np.unique(np.stack([within, units]), axis=1, return_inverse=True)
    sums = np.bincount(place.ravel(), weights=pulls, minlength=pairs.shape[1])
    stratum = _collapsed(pairs[0])
    variance, df = 0.0, 0
    for code in np.unique(stratum):
        held = sums[stratum == code]
        if len(held) > 1:
            variance += len(held) / (len(held) - 1) * float(np.square(held - held.mean()).sum())
            df += len(held) - 1
    return variance, df


def _collapsed(stratum: IntArray) -> IntArray:
    """Strata of one cluster put together; a single one of them into the largest stratum."""
    codes, counts = np.unique(stratum, return_counts=True)
    alone = codes[counts == 1]
    if len(alone) == 0 or len(codes) == 1:
        return stratum
    into = alone[0] if len(alone) > 1 else codes[counts.argmax()]
    return np.where(np.isin(stratum, alone), into, stratum)


def _codes(labels: Sequence[Hashable], n: int) -> IntArray:
    index: dict[Hashable, int] = {}
    return np.fromiter((index.setdefault(label, len(index)) for label in labels), dtype=np.int64, count=n)


def _check(
    y: FloatArray,
    p: FloatArray,
    clusters: Sequence[Hashable] | None,
    strata: Sequence[Hashable] | None,
) -> None:
    given: tuple[tuple[Literal["probabilities", "clusters", "strata"], int | None], ...] = (
        ("probabilities", len(p)),
        ("clusters", None if clusters is None else len(clusters)),
        ("strata", None if strata is None else len(strata)),
    )
    for what, length in given:
        if length is not None and length != len(y):
            raise UsageError(f"{what} {length!r}: expected one for each of the {len(y)} values; align them")
    if y.ndim != 1 or p.ndim != 1:
        raise UsageError(f"values of shape {y.shape!r}: expected one dimension; give one value per unit")
    for number in y[~np.isfinite(y)][:1]:
        raise UsageError(
            f"value {float(number)!r}: expected a finite number; leave units without a value out"
        )
    for number in p[~((p > 0) & (p <= 1))][:1]:
        raise UsageError(
            f"inclusion probability {float(number)!r}: expected more than 0 and at most 1; "
            "take it from the sample"
        )
