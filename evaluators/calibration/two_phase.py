"""Corrected means for an audit's sample: traces drawn with known probabilities, some of them rated.

First phase: traces are drawn from strata of the frame. Second phase: of the drawn traces, those with a reason
are rated for sure and a random share of the others. The estimate of one model is

    sum_h W_h [ lam * mean of f over the judged traces of stratum h ]
    + sum_H W_H [ mean of (y - lam f) over the rated traces of H, weighted by 1 / (probability * rating probability) ]

with W the strata's shares of the frame and H the strata, joined where one holds too few rated traces. With lam 1
this is the judge's mean over all traces plus the mean rectifier; it is the two-phase difference estimator (Sarndal,
Swensson and Wretman 1992, chapter 9.6) and prediction-powered inference (Angelopoulos et al. 2023) in one.
A rated trace i pulls at it with a_i (d_i - mean d) + lam b_i (f_i - mean f), a judged one without a label with its
second part only, a and b being its shares in the two means, d = y - lam f. The second moments of (d, f) are taken
over the rated traces of all models of a task (pooled) or of the model itself, apart for right and wrong answers and
for traces rated for a reason and by chance, each over the degrees of freedom that its means leave.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spinebench.evaluators.calibration.corrected import (
    FEW_LABELS,
    Corrected,
    cut,
    no_value,
    t_interval,
)
from spinebench.evaluators.calibration.ppi import TUNED_FROM
from spinebench.evaluators.clustered import BoolArray, FloatArray, IntArray
from spinebench.evaluators.estimate import Interval
from spinebench.evaluators.proportions import Bounds, wilson

MIN_RATED = 2
"""Rated traces a stratum needs for a rectifier of its own; below, strata are joined."""
_MIN_DF = 10.0
"""Degrees of freedom a variance class needs for moments of its own."""
_DIFFERS = 0.005
"""One-sided p below which a model's own residual variance is said to be larger than the pooled."""


@dataclass(frozen=True)
class Judged:
    """The judged traces of one model: those without a judge score are not in it."""

    judge: FloatArray
    label: FloatArray
    """NaN where the trace is not rated."""
    weight: FloatArray
    """1 / probability of being drawn, up to a factor within a stratum."""
    rating_probability: FloatArray
    """Of being rated once drawn; read only where the trace is rated."""
    stratum: IntArray
    """Codes from 0."""
    shares: Mapping[int, float]
    """Code of a stratum -> its share of the frame; scaled to sum 1 over the strata that occur."""
    cluster: IntArray
    kind: IntArray | None = None
    """Codes that mean the same in all models, e.g. right or wrong answer: labels scatter alike within them."""

    @cached_property
    def variance_class(self) -> IntArray:
        """Kind and second-phase class of each trace: what moments are taken over apart."""
        sure = (self.rating_probability >= 1).astype(np.int64)
        return sure if self.kind is None else 2 * self.kind + sure

    @cached_property
    def rated(self) -> BoolArray:
        return np.isfinite(self.label)

    @property
    def n_rated(self) -> int:
        return int(self.rated.sum())


@dataclass(frozen=True)
class _Weighed:
    """A model's traces with their shares in the two means and the strata the rectifier is taken over."""

    sample: Judged
    in_base: FloatArray
    """b: sums to 1 over the judged traces."""
    in_rectifier: FloatArray
    """a: sums to 1 over the rated traces, 0 elsewhere."""
    joined: IntArray
    """Stratum of the rectifier per trace."""
    unrated: tuple[int, ...]
    """Strata without a rated trace."""

    @cached_property
    def groups(self) -> tuple[tuple[BoolArray, FloatArray], ...]:
        """Per rectifier stratum: which traces are its rated ones, and their shares in its mean."""
        rated = self.sample.rated
        found = []
        for code in np.unique(self.joined[rated]):
            here = rated & (self.joined == code)
            found.append((here, self.in_rectifier[here] / self.in_rectifier[here].sum()))
        return tuple(found)

    @cached_property
    def freedom(self) -> FloatArray:
        """1 - 2 alpha + sum alpha^2 per rated trace, alpha its share within its rectifier stratum: the part of
        its variance that is left after the stratum's mean is taken off. Sums to n - 1 for equal shares.
        """
        found = np.zeros(len(self.joined))
        for here, alpha in self.groups:
            found[here] = 1 - 2 * alpha + np.square(alpha).sum()
        return found

    def centred(self, values: FloatArray) -> FloatArray:
        """Values less their rectifier stratum's weighted mean over rated traces; 0 where not rated."""
        found = np.zeros(len(values))
        for here, alpha in self.groups:
            found[here] = values[here] - alpha @ values[here]
        return found

    @cached_property
    def base_deviation(self) -> FloatArray:
        """f less its stratum's weighted mean over judged traces, times sqrt(n / (n - 1)) of the stratum."""
        sample = self.sample
        found = np.zeros(len(sample.judge))
        for code in np.unique(sample.stratum):
            here = sample.stratum == code
            n = int(here.sum())
            mean = np.average(sample.judge[here], weights=self.in_base[here])
            found[here] = (sample.judge[here] - mean) * math.sqrt(n / (n - 1) if n > 1 else 1.0)
        return found


def two_phase_means(
    samples: Mapping[str, Judged],
    *,
    lam: float | Literal["pooled"] = "pooled",
    limits: Bounds | None = None,
    level: float = 0.95,
    name: str = "mean clinician score, corrected judge",
) -> dict[str, Corrected]:
    """One corrected mean per model of a task.

    From 30 labels of two or more models on, lam (if `pooled`) and the moments behind the variance are taken over
    all models, and the interval on the model's own labels stands in `other_intervals`; below, lam is 1 and
    each model stands for itself, with fewer degrees of freedom. lam is never estimated from one model's labels.
    Degrees of freedom are Satterthwaite's over the rated and the merely judged part. Traces that share a
    cluster within a model widen the interval by the ratio of clustered to independent squares, never below 1.
    With `limits` (the ends of the scale) intervals are cut there, and the whole one stands in `other_intervals`; the
    value is never cut. Where no difference varies at all there is no t interval; with `limits` Wilson's on the number
    of labelled clusters stands in. No labels: None with a reason.
    """
    weighed = {key: _weigh(sample) for key, sample in samples.items() if sample.n_rated}
    n_labels = sum(one.sample.n_rated for one in weighed.values())
    sharing = [one for one in weighed.values() if one.freedom.sum() > 0]
    pooling = len(sharing) >= 2 and n_labels >= TUNED_FROM
    tuned = lam == "pooled" and pooling
    used = _tune(sharing) if tuned else 1.0 if lam == "pooled" else lam
    source = f"pooled over {n_labels} labels of {len(weighed)} models" if tuned else "given"
    if lam == "pooled" and not pooling:
        source = "1: too few labels to pool"
    pool = _pool(sharing, used, tuned) if pooling else None
    found = {}
    for key, sample in samples.items():
        if key not in weighed:
            reason = (
                "no labels: no clinician has rated a trace of this model"
                if len(sample.judge)
                else "no traces"
            )
            found[key] = no_value(f"{name}: {key}", reason, n_judged=len(sample.judge))
            continue
        found[key] = _estimate(
            f"{name}: {key}",
            weighed[key],
            pool,
            lam=used,
            lam_from=source,
            limits=limits,
            level=level,
        )
    return found


def _weigh(sample: Judged) -> _Weighed:
    shares = _scaled(sample)
    base, rectifier = np.zeros(len(sample.judge)), np.zeros(len(sample.judge))
    rated = sample.rated
    joined, unrated = _join(sample, shares)
    for code, share in shares.items():
        here = sample.stratum == code
        base[here] = share * sample.weight[here] / sample.weight[here].sum()
    for code in np.unique(joined):
        group = joined == code
        share = sum(shares[int(stratum)] for stratum in np.unique(sample.stratum[group]))
        here = group & rated
        # Within joined strata the drawn weights are brought to the strata's shares of the frame.
        weight = base[here] / sample.rating_probability[here]
        rectifier[here] = share * weight / weight.sum()
    return _Weighed(sample, base, rectifier, joined, unrated)


def _scaled(sample: Judged) -> dict[int, float]:
    codes = [int(code) for code in np.unique(sample.stratum)]
    total = sum(sample.shares[code] for code in codes)
    return {code: sample.shares[code] / total for code in codes}


def _join(sample: Judged, shares: Mapping[int, float]) -> tuple[IntArray, tuple[int, ...]]:
    """Strata for the rectifier: those with fewer than two rated traces are joined, and with the smallest other one
    if they still do not hold two.
    """
    counts = {code: int((sample.rated & (sample.stratum == code)).sum()) for code in shares}
    joined = sample.stratum.copy()
    small = [code for code, count in counts.items() if count < MIN_RATED]
    if small:
        held = sum(counts[code] for code in small)
        large = sorted((code for code in counts if code not in small), key=lambda code: (counts[code], code))
        group = [*small, *(large[:1] if held < MIN_RATED else [])]
        joined[np.isin(joined, group)] = group[0]
    return joined, tuple(code for code, count in counts.items() if count == 0)


def _tune(models: Sequence[_Weighed]) -> float:
    """The lam of least summed variance over the models, cut to 0..1.

    As a function of lam a rated trace pulls with a y - lam (a - b) f, a judged one with lam b f (deviations).
    """
    above = below = 0.0
    for one in models:
        rated = one.sample.rated
        a, b = one.in_rectifier, one.in_base
        labels = one.centred(np.where(rated, one.sample.label, 0.0))
        judged = one.centred(one.sample.judge)
        # Products of deviations fall short by the degrees of freedom their means take.
        scale = int(rated.sum()) / one.freedom.sum()
        above += scale * float((a * (a - b) * labels * judged).sum())
        below += scale * float(np.square((a - b) * judged).sum())
        below += float(np.square(b * one.base_deviation)[~rated].sum())
    return min(1.0, max(0.0, above / below)) if below > 0 else 1.0


Moments = NDArray[np.float64]
"""[[E dd, E df], [E df, E ff]] of the centred d = y - lam f and f."""


def _moments(models: Sequence[_Weighed], lam: float) -> tuple[dict[int, Moments], float]:
    """Second moments of rated traces by variance class, and degrees of freedom. A class with few of them takes the
    moments of all.
    """
    classes = sorted({int(code) for one in models for code in np.unique(one.sample.variance_class)})
    sums = {code: np.zeros((2, 2)) for code in classes}
    freedom = dict.fromkeys(classes, 0.0)
    df = 0.0
    for one in models:
        rated = one.sample.rated
        residual = one.centred(np.where(rated, one.sample.label, 0.0) - lam * one.sample.judge)
        judged = one.centred(one.sample.judge)
        for kind in classes:
            here = rated & (one.sample.variance_class == kind)
            pair = np.stack((residual[here], judged[here]))
            sums[kind] += pair @ pair.T
            freedom[kind] += float(one.freedom[here].sum())
        clusters = len(np.unique(one.sample.cluster[rated]))
        df += float(one.freedom.sum()) * clusters / int(rated.sum())
    total = sum(freedom.values())
    if total <= 0:
        return sums, 0.0
    both = np.sum(list(sums.values()), axis=0) / total
    return {code: sums[code] / freedom[code] if freedom[code] >= _MIN_DF else both for code in classes}, df


@dataclass(frozen=True)
class _Pool:
    """What the models of a task share."""

    moments: Mapping[int, Moments]
    df: float
    inflation: float
    n_labels: int
    n_models: int


def _pool(models: Sequence[_Weighed], lam: float, tuned: bool) -> _Pool:
    moments, df = _moments(models, lam)
    n_labels = sum(one.sample.n_rated for one in models)
    return _Pool(moments, df - tuned, _inflation(models, lam), n_labels, len(models))


def _rated_variance(one: _Weighed, moments: Mapping[int, Moments], lam: float) -> float:
    rated = one.sample.rated
    total = 0.0
    for kind, moment in moments.items():
        here = rated & (one.sample.variance_class == kind)
        pulls = np.stack((one.in_rectifier[here], lam * one.in_base[here]))
        total += float((moment * (pulls @ pulls.T)).sum())
    return total


def _inflation(models: Sequence[_Weighed], lam: float) -> float:
    """Squares of clusters' summed pulls over squares of traces' pulls; 1 where no cluster holds two."""
    clustered = single = 0.0
    for one in models:
        rated = one.sample.rated
        residual = one.centred(np.where(rated, one.sample.label, 0.0) - lam * one.sample.judge)
        pulls = one.in_rectifier * residual + lam * one.in_base * one.base_deviation
        clustered += float(np.square(np.bincount(one.sample.cluster, weights=pulls)).sum())
        single += float(np.square(pulls).sum())
    return max(1.0, clustered / single) if single > 0 else 1.0


def _estimate(
    name: str,
    one: _Weighed,
    pool: _Pool | None,
    *,
    lam: float,
    lam_from: str,
    limits: Bounds | None,
    level: float,
) -> Corrected:
    sample = one.sample
    rated = sample.rated
    labels = np.where(rated, sample.label, 0.0)
    rectifier = float((one.in_rectifier * (labels - lam * sample.judge)).sum())
    value = lam * float((one.in_base * sample.judge).sum()) + rectifier
    judged_only = float(np.square(lam * one.in_base * one.base_deviation)[~rated].sum())
    df_judged = max(1.0, float((~rated).sum() - len(np.unique(sample.stratum[~rated]))))
    own, own_df = _moments([one], lam)
    own_variance = (_rated_variance(one, own, lam) + judged_only) * _inflation([one], lam)
    own_df = _satterthwaite((_rated_variance(one, own, lam), own_df), (judged_only, df_judged))
    own_interval = (
        t_interval(value, own_variance, own_df, level=level, method="two-phase PPI, t, own labels")
        if own_df > 0 and own_variance > _noise(value)
        else None
    )
    warnings = _warnings(one, lam)
    if pool is not None:
        from_rated = _rated_variance(one, pool.moments, lam)
        variance = (from_rated + judged_only) * pool.inflation
        df = _satterthwaite((from_rated, pool.df), (judged_only, df_judged))
        interval = t_interval(value, variance, df, level=level, method="two-phase PPI, t, pooled variance")
        variance_from = f"{pool.n_labels} labels of {pool.n_models} models"
        if _much_larger(_rated_variance(one, own, lam), from_rated, float(one.freedom.sum())):
            warnings.append(
                "this model's labels scatter more than the pooled variance says: "
                "rather quote the interval on its own labels"
            )
    else:
        variance, df, interval = own_variance, own_df, own_interval
        variance_from = "the model's own labels"
    if not variance > _noise(value):
        interval = None
    interval, whole = cut(interval, limits)
    own_interval, _ = cut(own_interval, limits)
    n_clusters = len(np.unique(sample.cluster[rated]))
    se = math.sqrt(variance) if interval is not None else None
    if interval is None and limits is not None and limits.low <= value <= limits.high and sample.n_rated > 1:
        span = limits.high - limits.low
        around = wilson((value - limits.low) / span * n_clusters, n_clusters, level=level)
        low, high = limits.low + span * around.low, limits.low + span * around.high
        interval = Interval(low=low, high=high, level=level, method="Wilson on the labelled clusters")
        warnings.append("the judge's error does not vary: the interval rests on the number of labels alone")
    if interval is None:
        warnings.append("no interval: fewer than two labels, or no variation between them")
    elif limits is not None and not limits.low <= value <= limits.high:
        warnings.append(f"{value:.3g} is off the scale {limits.low:g} to {limits.high:g}: it is not cut")
    return Corrected(
        name=name,
        value=value,
        interval=interval,
        other_intervals=((own_interval,) if pool is not None and own_interval is not None else ()) + whole,
        n=sample.n_rated,
        n_clusters=n_clusters,
        n_judged=len(sample.judge),
        se=se,
        lam=lam,
        lam_from=lam_from,
        df=df if se is not None else None,
        variance_from=variance_from,
        warnings=tuple(warnings),
    )


def _warnings(one: _Weighed, lam: float) -> list[str]:
    found = []
    n = one.sample.n_rated
    if n < FEW_LABELS:
        found.append(f"{n} labels, fewer than {FEW_LABELS}: the interval is rough")
    if one.unrated:
        share = sum(_scaled(one.sample)[code] for code in one.unrated)
        found.append(
            f"no rated trace in strata that hold {100 * share:.0f} % of the frame: "
            "their rectifier is taken from the other strata"
        )
    if lam and bool(one.sample.rated.all()):
        found.append("every judged trace is rated: the judge adds nothing, the labels stand alone")
    return found


def _satterthwaite(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of variances, each with its own; 0 where the first has none."""
    if parts[0][1] <= 0:
        return 0.0
    total = sum(variance for variance, _ in parts)
    below = sum(variance**2 / df for variance, df in parts if variance > 0)
    return total**2 / below if below > 0 else 0.0


def _noise(value: float) -> float:
    """Variance that rounding alone may leave of constant residuals."""
    return (1e-9 * max(1.0, abs(value))) ** 2


def _much_larger(own: float, pooled: float, df: float) -> bool:
    """Chi-squared test of the own variance against the pooled one."""
    if df < 2 or pooled <= 0:
        return False
    from scipy.special import chdtrc

    return float(chdtrc(df, df * own / pooled)) < _DIFFERS
