"""Prediction-powered inference for a mean: few labels correct what a judge says about many.

With n labelled units (label y, judge f) and N more that only the judge has scored,

    estimate = lam * mean(f over the N) + mean(y - lam * f over the n)

and its variance is lam^2 var(f over the N) / N + var(y - lam f over the n) / n (Angelopoulos, Bates, Fannjiang,
Jordan and Zrnic 2023, Science 382:669, for lam = 1; Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453, for
any lam). Taking the judge's mean over all N + n instead is the same estimator with lam N / (N + n) in lam's place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.calibration.corrected import (
    FEW_LABELS,
    Corrected,
    cut,
    no_value,
    t_interval,
    z_interval,
)
from spinebench.evaluators.clustered import FloatArray, IntArray
from spinebench.evaluators.numeric import as_numbers
from spinebench.evaluators.proportions import z_quantile

NAME = "mean label, corrected by prediction-powered inference"
TUNED_FROM = 30
"""Labels from which on lam may be tuned. On 10 the tuned lam follows their noise and the interval is too short."""


@dataclass(frozen=True, slots=True)
class PpiSample:
    """The units of one mean. Labelled units come with their judge scores, in the same order."""

    labels: FloatArray
    judge_on_labelled: FloatArray
    judge_on_unlabelled: FloatArray
    """May be empty: then the labels stand alone."""
    weights: FloatArray | None = None
    """Of the labelled units, inverse to their probability of being labelled; None: equal."""
    weights_unlabelled: FloatArray | None = None
    clusters: IntArray | None = None
    """Codes of the labelled units' clusters; None: each unit its own."""
    clusters_unlabelled: IntArray | None = None
    """Codes on the same list."""


def ppi_sample(
    labels: ArrayLike,
    judge_on_labelled: ArrayLike,
    judge_on_unlabelled: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    weights_unlabelled: ArrayLike | None = None,
    clusters: Sequence[object] | None = None,
    clusters_unlabelled: Sequence[object] | None = None,
) -> PpiSample:
    """A checked sample. Raises `UsageError` for lengths that differ, values that are not finite, weights <= 0,
    and clusters for one part only.
    """
    y, f = _vector("labels", labels), _vector("judge_on_labelled", judge_on_labelled)
    others = _vector("judge_on_unlabelled", judge_on_unlabelled)
    if len(y) != len(f):
        raise UsageError(
            f"judge_on_labelled of length {len(f)!r}: expected {len(y)}, one score per label; "
            "give both in the same order"
        )
    if (clusters is None) != (clusters_unlabelled is None) and len(others):
        raise UsageError(
            "clusters of one part only: expected clusters and clusters_unlabelled, or neither; name both"
        )
    codes: dict[object, int] = {}
    return PpiSample(
        y,
        f,
        others,
        _weights("weights", weights, len(y)),
        _weights("weights_unlabelled", weights_unlabelled, len(others)),
        _codes("clusters", clusters, len(y), codes),
        _codes("clusters_unlabelled", clusters_unlabelled, len(others), codes),
    )


@dataclass(frozen=True, slots=True)
class Pool:
    """What the samples of one task share: lam and the variance of the residuals y - lam f."""

    lam: float
    residual_variance: float
    """Within samples, over `df`; each sample keeps its own mean residual."""
    df: float
    n_labels: int
    n_samples: int
    tuned: bool


def ppi_mean(
    labels: ArrayLike,
    judge_on_labelled: ArrayLike,
    judge_on_unlabelled: ArrayLike,
    *,
    lam: float | Literal["tuned", "pooled"] = 1.0,
    pool: Pool | None = None,
    judge_mean: Literal["unlabelled", "all"] = "unlabelled",
    weights: ArrayLike | None = None,
    weights_unlabelled: ArrayLike | None = None,
    clusters: Sequence[object] | None = None,
    clusters_unlabelled: Sequence[object] | None = None,
    limits: tuple[float, float] | None = None,
    level: float = 0.95,
    name: str = NAME,
) -> Corrected:
    """The mean label of the units' population from n labels and n + N judge scores.

    The interval is t with n - 1 degrees of freedom (clusters: one less than those with a label) and variances
    over n - 1; in `other_intervals` stands the normal one with variances over n, which is too short for few
    labels (83-87 % at n = 10) and only there to be compared. `lam="pooled"` takes lam, residual variance and
    degrees of freedom from `pool` (`pooled(samples)`); `lam="tuned"` estimates lam from these labels and is
    refused below 30. `judge_mean="all"`: the judge's part is its mean over all units, labelled ones included.
    With weights the means are Hajek's. With `limits` (the range of a label) the interval is cut there and the whole
    one stands in `other_intervals`. No labels: None with a reason; one label or no variation: no interval.
    """
    sample = ppi_sample(
        labels,
        judge_on_labelled,
        judge_on_unlabelled,
        weights=weights,
        weights_unlabelled=weights_unlabelled,
        clusters=clusters,
        clusters_unlabelled=clusters_unlabelled,
    )
    return _mean(sample, lam=lam, pool=pool, judge_mean=judge_mean, limits=limits, level=level, name=name)


def ppi_means(
    samples: Mapping[str, PpiSample],
    *,
    lam: float | Literal["pooled"] = "pooled",
    judge_mean: Literal["unlabelled", "all"] = "unlabelled",
    limits: tuple[float, float] | None = None,
    level: float = 0.95,
) -> dict[str, Corrected]:
    """One corrected mean per sample (model), lam and residual variance pooled, each with its own rectifier.

    A given number for `lam` still pools the variance. Where there is too little to pool (`pooled` is None),
    every sample stands for itself, with lam 1 for `pooled`.
    """
    shared = pooled(list(samples.values()), lam=None if lam == "pooled" else lam)
    own: float = 1.0 if lam == "pooled" else lam
    return {
        key: _mean(
            sample,
            lam=own if shared is None else "pooled",
            pool=shared,
            judge_mean=judge_mean,
            limits=limits,
            level=level,
            name=f"{NAME}: {key}",
        )
        for key, sample in samples.items()
    }


def pooled(samples: Sequence[PpiSample], *, lam: float | None = None) -> Pool | None:
    """Lam and residual variance over several samples, each around its own means.

    Lam minimises the summed variances of the estimates, sum_k [lam^2 vf / N_k + (vy - 2 lam c + lam^2 vf) / n_k]
    with the pooled within-sample moments, and is cut to 0..1; given, it is kept. None below 30 labels or two
    samples with two labels: then nothing is pooled. Every unit counts alike here: weights and clusters are left
    to each sample's own variance, so that samples with them are not pooled (None).
    """
    if any(sample.weights is not None or sample.clusters is not None for sample in samples):
        return None
    labelled = [sample for sample in samples if len(sample.labels) >= 2]
    n_labels = sum(len(sample.labels) for sample in labelled)
    if len(labelled) < 2 or n_labels < TUNED_FROM:
        return None
    df = float(n_labels - len(labelled))
    tuned = lam is None
    if lam is None:
        cross = sum(float(_dev(s.labels) @ _dev(s.judge_on_labelled)) for s in labelled) / df
        spread = sum(float(np.square(_dev(s.judge_on_labelled)).sum()) for s in labelled) / df
        # A sample without further judge scores has nothing for lam to weigh: its estimate is the labels' mean.
        useful = [s for s in labelled if len(s.judge_on_unlabelled)]
        above = sum(cross / len(s.labels) for s in useful)
        below = sum(spread * (1 / len(s.labels) + 1 / len(s.judge_on_unlabelled)) for s in useful)
        lam = min(1.0, max(0.0, above / below)) if below > 0 else 1.0
        df -= 1
    residuals = sum(
        float(
            np.square(
                _dev(s.labels - (lam if len(s.judge_on_unlabelled) else 0.0) * s.judge_on_labelled)
            ).sum()
        )
        for s in labelled
    )
    return Pool(lam, residuals / df, df, n_labels, len(labelled), tuned)


def power_tuned_lambda(
    labels: ArrayLike, judge_on_labelled: ArrayLike, judge_on_unlabelled: ArrayLike
) -> float | None:
    """The lam of least variance: cov(y, f) / ((1 + n / N) var(f)), the covariance over n, the variance over all
    n + N units less one (Angelopoulos, Duchi and Zrnic 2023, section 6, example 6.1). Not cut to 0..1. None
    where it is undefined: no unlabelled units, fewer than two labels, or a constant judge.
    """
    sample = ppi_sample(labels, judge_on_labelled, judge_on_unlabelled)
    n, more = len(sample.labels), len(sample.judge_on_unlabelled)
    if n < 2 or more < 1:
        return None
    spread = float(np.var(np.concatenate((sample.judge_on_labelled, sample.judge_on_unlabelled)), ddof=1))
    if spread <= 0:
        return None
    return float(_dev(sample.labels) @ _dev(sample.judge_on_labelled)) / n / ((1 + n / more) * spread)


def ppi_mean_stratified(
    strata: Mapping[str, tuple[float, PpiSample]],
    *,
    lam: float = 1.0,
    judge_mean: Literal["unlabelled", "all"] = "unlabelled",
    limits: tuple[float, float] | None = None,
    level: float = 0.95,
    name: str = NAME + ", stratified",
) -> Corrected:
    """The sum of the strata's corrected means, each times its share of the frame (shares are scaled to sum 1).

    The variance is the sum of squared shares times the strata's variances, with Satterthwaite's degrees of
    freedom. A stratum without labels makes the whole undefined, with its name as reason; a stratum with one
    label leaves the value without an interval.
    """
    total = sum(share for share, _ in strata.values())
    if not 0 < total < math.inf or any(share < 0 for share, _ in strata.values()):
        raise UsageError(
            f"shares {[share for share, _ in strata.values()]!r}: expected one positive share of the frame per "
            "stratum; give the strata's sizes"
        )
    found = {
        key: (
            share / total,
            _mean(
                sample,
                lam=lam,
                pool=None,
                judge_mean=judge_mean,
                limits=None,
                level=level,
                name=f"{name}: {key}",
            ),
        )
        for key, (share, sample) in strata.items()
        if share > 0
    }
    n = sum(one.n for _, one in found.values())
    n_judged = sum(one.n_judged for _, one in found.values())
    for key, (_, one) in found.items():
        if one.value is None:
            return no_value(name, f"stratum {key!r}: {one.reason}", n=n, n_judged=n_judged)
    value = sum(share * one.value for share, one in found.values() if one.value is not None)
    parts = [(share**2 * one.se**2, one.df) for share, one in found.values() if one.se and one.df]
    known = all(one.df for _, one in found.values())
    variance = sum(part for part, _ in parts)
    df = variance**2 / sum(part**2 / free for part, free in parts) if variance > 0 else None
    interval = (
        t_interval(value, variance, df, level=level, method="stratified PPI, t") if known and df else None
    )
    warnings = {
        warning for _, one in found.values() for warning in one.warnings if "no interval" not in warning
    }
    interval, whole = cut(interval, limits)
    if interval is None:
        warnings.add(_NO_INTERVAL)
    return Corrected(
        name=name,
        value=value,
        interval=interval,
        other_intervals=whole,
        n=n,
        n_clusters=sum(one.n_clusters for _, one in found.values()),
        n_judged=n_judged,
        se=math.sqrt(variance) if variance > 0 else None,
        lam=lam,
        lam_from="given",
        df=df,
        variance_from="each stratum's labels",
        warnings=tuple(sorted(warnings)),
    )


_NO_INTERVAL = "no interval: fewer than two labels, or no variation between them"


def _mean(
    sample: PpiSample,
    *,
    lam: float | Literal["tuned", "pooled"],
    pool: Pool | None,
    judge_mean: Literal["unlabelled", "all"],
    limits: tuple[float, float] | None,
    level: float,
    name: str,
) -> Corrected:
    z_quantile(level)  # says what is wrong with a level that is none
    y, f, others = sample.labels, sample.judge_on_labelled, sample.judge_on_unlabelled
    n, more = len(y), len(others)
    n_judged = n + more
    if n == 0:
        return no_value(name, "no labels: nothing to hold the judge against", n_judged=n_judged)
    warnings = []
    if lam == "tuned":
        if n < TUNED_FROM:
            return no_value(
                name,
                f"{n} labels: lambda is not tuned on fewer than {TUNED_FROM}; give a number, or pool",
                n=n,
                n_judged=n_judged,
            )
        tuned = power_tuned_lambda(y, f, others)
        used, source = (min(1.0, max(0.0, tuned)) if tuned is not None else 1.0), "tuned on these labels"
    elif lam == "pooled":
        if pool is None:
            raise UsageError(
                "lam 'pooled' without a pool: expected pool=pooled(samples); or use ppi_means(samples)"
            )
        used = pool.lam
        source = f"pooled over {pool.n_labels} labels of {pool.n_samples} samples" if pool.tuned else "given"
    else:
        if not _is_finite(lam):
            raise UsageError(
                f"lam {lam!r}: expected a finite number, 'tuned' or 'pooled'; 1 is the plain form"
            )
        used, source = float(lam), "given"
    if more == 0:
        warnings.append("no judge scores beyond the labelled units: the labels stand alone")
        effective = 0.0
    elif judge_mean == "all":
        effective = used * more / n_judged
    else:
        effective = used
    residuals = y - effective * f
    a, b = _shares(sample.weights, n), _shares(sample.weights_unlabelled, more)
    rectifier = float(a @ residuals)
    base = float(b @ others) if more else 0.0
    value = effective * base + rectifier
    pulls_labelled = a * (residuals - rectifier)
    pulls_others = effective * b * (others - base)
    variance, n_clusters, df, shorter = _variance(sample, pulls_labelled, pulls_others)
    if lam == "pooled" and pool is not None:
        others_part = float(np.square(pulls_others).sum()) * (more / (more - 1) if more > 1 else 1.0)
        variance = others_part + pool.residual_variance * float(np.square(a).sum())
        df, variance_source = pool.df, f"{pool.n_labels} labels of {pool.n_samples} samples"
    else:
        variance_source = "these labels"
    # Residuals of a constant are rounding noise, not variance.
    if df <= 0 or variance <= (1e-12 * max(1.0, abs(value))) ** 2:
        variance = 0.0
        warnings.append(_NO_INTERVAL)
    if n < FEW_LABELS:
        warnings.append(f"{n} labels, fewer than {FEW_LABELS}: the interval is rough")
    interval = t_interval(value, variance, df, level=level, method="PPI, t") if variance > 0 else None
    interval, whole = cut(interval, limits)
    plain = z_interval(
        value, shorter, level=level, method="PPI, normal, variances over n (too short for few labels)"
    )
    return Corrected(
        name=name,
        value=value,
        interval=interval,
        other_intervals=((plain,) if interval is not None and lam != "pooled" else ()) + whole,
        n=n,
        n_clusters=n_clusters,
        n_judged=n_judged,
        se=math.sqrt(variance) if variance > 0 else None,
        lam=used,
        lam_from=source,
        df=df if variance > 0 else None,
        variance_from=variance_source,
        warnings=tuple(warnings),
    )


def _variance(sample: PpiSample, labelled: FloatArray, others: FloatArray) -> tuple[float, int, float, float]:
    """Variance of the estimate, clusters with a label, degrees of freedom, and the variance with ddof 0.

    Each unit pulls at the estimate; the pulls of a cluster are added up before they are squared, across labelled
    and unlabelled units. Clusters with and without a label are two samples of clusters, each with G / (G - 1).
    """
    if sample.clusters is None or (sample.clusters_unlabelled is None and len(others)):
        held, rest = labelled, others
    else:
        more = (
            sample.clusters_unlabelled
            if sample.clusters_unlabelled is not None
            else np.zeros(0, dtype=np.int64)
        )
        size = 1 + int(max(sample.clusters.max(), more.max() if len(more) else 0))
        sums = np.zeros(size)
        np.add.at(sums, sample.clusters, labelled)
        np.add.at(sums, more, others)
        with_label = np.bincount(sample.clusters, minlength=size) > 0
        only_judged = (np.bincount(more, minlength=size) > 0) & ~with_label
        held, rest = sums[with_label], sums[only_judged]
    plain = [float(np.square(part).sum()) for part in (held, rest)]
    corrected = [
        square * (len(part) / (len(part) - 1) if len(part) > 1 else 1.0)
        for square, part in zip(plain, (held, rest), strict=True)
    ]
    return sum(corrected), len(held), len(held) - 1.0, sum(plain)


def _is_finite(number: object) -> bool:
    return isinstance(number, Real) and math.isfinite(number)


def _dev(values: FloatArray) -> FloatArray:
    found: FloatArray = values - values.mean()
    return found


def _shares(weights: FloatArray | None, n: int) -> FloatArray:
    """Weights that sum to 1."""
    if weights is None:
        return np.full(n, 1 / n) if n else np.zeros(0)
    found: FloatArray = weights / weights.sum()
    return found


def _vector(what: str, values: ArrayLike) -> FloatArray:
    array = as_numbers(values, what, "one per unit")
    if array.ndim != 1:
        raise UsageError(
            f"{what} of shape {array.shape!r}: expected one value per unit; give a flat sequence"
        )
    if not np.isfinite(array).all():
        bad = float(array[~np.isfinite(array)][0])
        raise UsageError(f"{what} with {bad!r}: expected finite numbers; leave out units without a score")
    return array


def _weights(what: str, values: ArrayLike | None, n: int) -> FloatArray | None:
    if values is None:
        return None
    array = _vector(what, values)
    if len(array) != n or (array <= 0).any():
        raise UsageError(f"{what} {array.tolist()!r}: expected {n} numbers above 0; give one per unit")
    return array


def _codes(what: str, values: Sequence[object] | None, n: int, codes: dict[object, int]) -> IntArray | None:
    if values is None:
        return None
    if len(values) != n:
        raise UsageError(f"{what} of length {len(values)!r}: expected {n}, one per unit; give all or none")
    return np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int64)
