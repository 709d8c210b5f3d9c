"""Intervals by resampling whole clusters: jackknife-t on Fisher's z, and the BCa bootstrap.

A statistic is a function of how often each distinct row of the table counts, so that all resamples are computed at
once: it takes weights (resamples x distinct rows) and returns one value per resample, NaN where it is undefined.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.ratings import Clusters, FloatArray, IntArray, Ratings
from spinebench.evaluators.agreement.result import FEW_UNITS
from spinebench.evaluators.clustered import t_quantile
from spinebench.evaluators.estimate import Interval
from spinebench.evaluators.proportions import normal_quantile, z_quantile

IntervalMethod = Literal["jackknife", "bca"]
Statistic = Callable[[FloatArray], FloatArray]

_CELLS = 20_000
"""Weights held at once. Products of this size stay below what a BLAS starts its threads for: on busy cores waiting for
them takes longer than all of the work."""
_MOST_UNDEFINED = 0.05
"""Share of undefined resamples above which a bootstrap interval is refused."""


class IntervalOptions(TypedDict, total=False):
    """How a coefficient's interval is made; every key may be left out."""

    clusters: Clusters | None
    """Cluster (study, patient or image) of each unit; whole clusters are resampled. None: each unit its own."""
    interval: IntervalMethod | None
    """`jackknife` (default), `bca`, or None for the value alone."""
    level: float
    """0.95 if not given."""
    rng: np.random.Generator | None
    """Needed for `bca`, and only there."""
    n_resamples: int
    """Of the bootstrap; 2000 if not given."""
    comparator: str | None
    """Who is held against whom, as the result is to say it."""


@dataclass(frozen=True)
class Sample:
    """A table as distinct rows and the clusters that hold them."""

    rows: FloatArray
    """Distinct rows, NaN for missing."""
    kinds: FloatArray
    """Kinds of clusters x distinct rows: how often each row occurs in a cluster of that kind."""
    multiplicity: IntArray
    """How many clusters are of each kind."""
    single: bool = False
    """True where every cluster is one unit: then `kinds` is the identity."""

    @property
    def base(self) -> FloatArray:
        """How often each distinct row occurs in the data."""
        return np.asarray(self.multiplicity @ self.kinds, dtype=np.float64)

    @property
    def n_clusters(self) -> int:
        return int(self.multiplicity.sum())


class Resampled(NamedTuple):
    """An interval, or why there is none."""

    interval: Interval | None
    reason: str | None = None
    seed: int | None = None


def sample_of(values: FloatArray, clusters: IntArray) -> Sample:
    """Distinct rows and kinds of clusters. The order of units has no influence on any figure."""
    rows, place = _distinct_rows(values)
    _, groups = np.unique(clusters, return_inverse=True)
    groups = groups.ravel()
    n_clusters = int(groups.max()) + 1 if len(groups) else 0
    if n_clusters == len(values):
        return Sample(rows, np.eye(len(rows)), np.bincount(place, minlength=len(rows)).astype(np.int64), True)
    counts = np.zeros((n_clusters, len(rows)), dtype=">u4")
    np.add.at(counts, (groups, place), 1)
    # Bytes of big-endian counts sort as the counts do.
    multiplicity = Counter(one.tobytes() for one in counts)
    kinds = np.frombuffer(b"".join(sorted(multiplicity)), dtype=">u4").reshape(-1, len(rows))
    return Sample(
        rows,
        kinds.astype(np.float64),
        np.array([multiplicity[kind] for kind in sorted(multiplicity)], dtype=np.int64),
    )


def _distinct_rows(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """The distinct rows in ascending order, NaN last in each column, and which of them each row is.

    Rows are put into one number column by column: comparing rows as such takes most of a report's time.
    """
    place = np.zeros(len(values), dtype=np.int64)
    for column in values.T:
        levels, code = np.unique(column, return_inverse=True)  # all NaN are one value, the last
        _, place = np.unique(place * len(levels) + code.ravel(), return_inverse=True)
    n = int(place.max()) + 1 if len(place) else 0
    rows = np.empty((n, values.shape[1]))
    rows[place] = values
    return rows, place


def point(statistic: Statistic, sample: Sample) -> float:
    """The statistic of the data themselves; NaN where it is undefined."""
    return float(statistic(sample.base[None, :])[0])


def resampled(
    statistic: Statistic,
    sample: Sample,
    value: float,
    *,
    method: IntervalMethod,
    level: float,
    rng: np.random.Generator | None = None,
    n_resamples: int = 2000,
    fisher: bool = True,
    limits: tuple[float, float] = (-1.0, 1.0),
    without_rater: FloatArray | None = None,
) -> Resampled:
    """The interval around `value`, cut at `limits`; None with a reason below 10 clusters or without variation.

    jackknife: clusters are left out one at a time; with `fisher` the standard error is taken on atanh(value), with
    quantiles of t with G - 1 degrees of freedom (Fisher z: Fisher 1921; jackknife: Tukey 1958, Efron 1982 eq. 3.1).
    Where a leave-one-out value is 1 or -1, atanh is infinite and the plain scale is used; the method says so.
    With `without_rater`, the values without each rater in turn, the variance between raters is added and the
    smaller of both numbers less one are the degrees of freedom (two-way: traces and raters).
    bca: Efron 1987 (J Am Stat Assoc 82:171), clusters drawn with replacement.
    Raises `UsageError` for a level outside (0, 1), and for `bca` without a generator.
    """
    z_quantile(level)
    if method not in ("jackknife", "bca"):
        raise UsageError(f"interval {method!r}: expected jackknife, bca or None; name one of them")
    if method == "bca" and not isinstance(rng, np.random.Generator):
        raise UsageError(
            f"rng {rng!r}: expected a numpy.random.Generator for a bootstrap; pass np.random.default_rng(seed)"
        )
    if sample.n_clusters < FEW_UNITS:
        return Resampled(
            None,
            f"{sample.n_clusters} independent units, fewer than {FEW_UNITS}: no interval can be relied on",
        )
    left_out = _in_chunks(statistic, sample.base - sample.kinds)
    if np.isnan(left_out).any():
        return Resampled(None, "the figure is undefined once a single unit is left out")
    if method == "bca":
        assert rng is not None
        return _bca(statistic, sample, value, left_out, level, rng, n_resamples, limits)
    return _jackknife(sample, value, left_out, level, fisher, limits, without_rater)


def _jackknife(
    sample: Sample,
    value: float,
    left_out: FloatArray,
    level: float,
    fisher: bool,
    limits: tuple[float, float],
    without_rater: FloatArray | None,
) -> Resampled:
    known = [] if without_rater is None else [one for one in without_rater.tolist() if not math.isnan(one)]
    on_z = fisher and bool((np.abs([value, *left_out, *known]) < 1 - 1e-12).all())
    forward: Callable[[FloatArray], FloatArray] = np.arctanh if on_z else np.asarray
    back: Callable[[float], float] = math.tanh if on_z else float
    groups = sample.n_clusters
    moved = forward(left_out)
    mean = float((sample.multiplicity * moved).sum()) / groups
    variance = (groups - 1) / groups * float((sample.multiplicity * (moved - mean) ** 2).sum())
    df = groups - 1
    name = "jackknife-t" + (" on Fisher z" if on_z else " on the plain scale")
    if len(known) > 1:
        between = forward(np.array(known))
        variance += (len(known) - 1) / len(known) * float(((between - between.mean()) ** 2).sum())
        df = min(df, len(known) - 1)
        name += ", units and raters"
    if variance <= 1e-20:
        return Resampled(
            None, "leaving out single units does not change the figure: nothing to make an interval from"
        )
    centre = float(forward(np.array([value]))[0])
    half = t_quantile(df, level) * math.sqrt(variance)
    low, high = max(limits[0], back(centre - half)), min(limits[1], back(centre + half))
    return Resampled(Interval(low=low, high=high, level=level, method=name))


def _bca(
    statistic: Statistic,
    sample: Sample,
    value: float,
    left_out: FloatArray,
    level: float,
    rng: np.random.Generator,
    n_resamples: int,
    limits: tuple[float, float],
) -> Resampled:
    if n_resamples < 100:
        raise UsageError(f"n_resamples {n_resamples!r}: expected 100 or more; 2000 is usual")
    seed = seed_of(rng)
    drawn = bootstrap(statistic, sample, rng=rng, n_resamples=n_resamples)
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < (1 - _MOST_UNDEFINED) * n_resamples:
        share = 1 - len(defined) / n_resamples
        return Resampled(None, f"the figure is undefined in {100 * share:.0f} % of the resamples", seed)
    below = float((defined < value - 1e-12).mean() + (np.abs(defined - value) <= 1e-12).mean() / 2)
    if not 0 < below < 1 or float(np.ptp(defined)) == 0:
        return Resampled(None, "the resamples all lie on one side of the figure", seed)
    groups = sample.n_clusters
    mean = float((sample.multiplicity * left_out).sum()) / groups
    pull = mean - left_out
    spread = float((sample.multiplicity * pull**2).sum())
    if spread <= 0:
        return Resampled(None, "leaving out single units does not change the figure", seed)
    acceleration = float((sample.multiplicity * pull**3).sum()) / (6 * spread**1.5)
    bias = normal_quantile(below)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        moved = bias + normal_quantile(tail)
        bent = bias + moved / (1 - acceleration * moved)
        ends.append(float(np.quantile(defined, 0.5 * math.erfc(-bent / math.sqrt(2)))))
    low, high = max(limits[0], min(ends)), min(limits[1], max(ends))
    method = f"BCa bootstrap, {n_resamples} resamples"
    return Resampled(Interval(low=low, high=high, level=level, method=method), None, seed)


def bootstrap(
    statistic: Statistic, sample: Sample, *, rng: np.random.Generator, n_resamples: int
) -> FloatArray:
    """The statistic of `n_resamples` draws of as many clusters as there are, with replacement."""
    share = sample.multiplicity / sample.n_clusters
    counts = rng.multinomial(sample.n_clusters, share, size=n_resamples).astype(np.float64)
    size = _chunk(max(sample.kinds.shape))
    parts = (counts[start : start + size] for start in range(0, n_resamples, size))
    if sample.single:
        return np.concatenate([statistic(part) for part in parts])
    # counts @ kinds by what is not 0 alone: a cluster holds a few of the distinct rows.
    row, kind = np.nonzero(sample.kinds.T)
    times = sample.kinds[kind, row]
    starts = np.searchsorted(row, np.arange(len(sample.rows)))
    return np.concatenate(
        [statistic(np.add.reduceat(part[:, kind] * times, starts, axis=1)) for part in parts]
    )


def seed_of(rng: np.random.Generator) -> int | None:
    """The number a generator was seeded with, where it was one number."""
    entropy = getattr(rng.bit_generator.seed_seq, "entropy", None)
    return entropy if isinstance(entropy, int) else None


def clustered_se(influence: FloatArray, ratings: Ratings) -> float | None:
    """Standard error of a mean of influence values: their spread over clusters, G / (G - 1); None where it is 0."""
    groups = len(np.unique(ratings.clusters))
    if groups < 2:
        return None
    pulls = np.bincount(ratings.clusters, weights=influence - influence.mean())
    variance = groups / (groups - 1) * float(np.square(pulls).sum()) / len(influence) ** 2
    return math.sqrt(variance) if variance > 1e-24 else None


def _chunk(width: int) -> int:
    """Resamples computed at once."""
    return max(16, _CELLS // max(1, width))


def _in_chunks(statistic: Statistic, weights: FloatArray) -> FloatArray:
    size = _chunk(weights.shape[1])
    return np.concatenate(
        [statistic(weights[start : start + size]) for start in range(0, len(weights), size)]
    )
