"""Krippendorff's alpha: any number of raters, missing ratings, four distances, or weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded, why_undefined
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic, clustered_se
from spinebench.evaluators.agreement.ratings import FloatArray, Ratings, Scale, as_ratings, positions
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.agreement.weights import Weights, weight_matrix, weights_name

Metric = Literal["nominal", "ordinal", "interval", "ratio"]

_TINY = 1e-12


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    scale: Scale | None = None,
    metric: Metric = "ordinal",
    weights: Weights | None = None,
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """alpha = 1 - D_o / D_e over all pairable ratings (Krippendorff 2011, Computing Krippendorff's alpha).

    Units with one rating are left out. Distances: nominal 0 or 1; ordinal (n_c / 2 + ratings between + n_k / 2)^2,
    which is the squared distance of mid-ranks; interval (c - k)^2; ratio ((c - k) / (c + k))^2. The scale does not
    change the value, and is checked and stored where it is declared. `se` (nominal, interval, ratio) is Gwet's
    linearization (2014, ch. 5); none for ordinal, whose distance depends on the data. With `weights` the distance is
    1 - weight on the declared scale (Gwet 2014; `metric` is then not used): identity is nominal, quadratic interval,
    but Gwet's ordinal weights are not Krippendorff's ordinal distance.
    """
    if metric not in get_args(Metric):
        raise UsageError(
            f"metric {metric!r}: expected one of {', '.join(get_args(Metric))}; name one of them"
        )
    if weights is not None and scale is None:
        raise UsageError(
            f"weights {weights_name(weights)!r} without a scale: expected the declared values; give scale=(1, 2, ...)"
        )
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    if weights is None and metric == "ratio" and (table.values < 0).any():
        raise UsageError(
            f"rating {float(np.nanmin(table.values))!r}: expected no value below 0 for the ratio metric; use interval"
        )
    defined = why_undefined(table) is None
    distance = _Distance(metric, weights, table.scale)
    facts = Facts(
        name="Krippendorff's alpha",
        metric=metric if weights is None else None,
        weights=None if weights is None else weights_name(weights),
        undefined="all pairable ratings are alike: expected disagreement is 0",
        se=_linearized_se(table.kept(table.per_unit >= 2), distance)
        if defined and not distance.of_ranks
        else None,
        se_method="unit-level linearization (Gwet)",
    )
    return concluded(table, facts, lambda rows: _statistic(rows, distance), options)


@dataclass(frozen=True)
class _Distance:
    """How far apart two values are: by a metric, or by weights on a declared scale."""

    metric: Metric
    weights: Weights | None = None
    scale: tuple[float, ...] | None = None

    @property
    def of_ranks(self) -> bool:
        """True where distances depend on how often values occur."""
        return self.weights is None and self.metric == "ordinal"

    def between(self, levels: FloatArray) -> FloatArray:
        if self.weights is None or self.scale is None:
            return _distance(levels, self.metric)
        place = positions(levels[:, None], self.scale)[:, 0]
        return 1 - weight_matrix(self.weights, self.scale)[np.ix_(place, place)]


def alpha_statistic(rows: FloatArray, metric: Metric) -> Statistic:
    """Alpha as a function of the rows' weights."""
    return _statistic(rows, _Distance(metric))


def _statistic(rows: FloatArray, how: _Distance) -> Statistic:
    rows = np.where((~np.isnan(rows)).sum(axis=1, keepdims=True) >= 2, rows, np.nan)
    levels, counts = _counts(rows)
    r = counts.sum(axis=1)
    less_one = np.maximum(r - 1, 1)
    distance = None if how.of_ranks else how.between(levels)
    own = None if distance is None else (counts * (counts @ distance)).sum(axis=1) / less_one

    def statistic(times: FloatArray) -> FloatArray:
        margins = times @ counts
        n = margins.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            if distance is None:
                middle = np.cumsum(margins, axis=1) - margins / 2
                sums, squares = middle @ counts.T, middle**2 @ counts.T
                observed = (times * 2 * (r * squares - sums**2) / less_one).sum(axis=1)
                expected = 2 * (n * (margins * middle**2).sum(axis=1) - (margins * middle).sum(axis=1) ** 2)
                # Mid-ranks grow with the data; brought back to a range of about 1 before 0 is looked for.
                observed, expected = observed / n**2, expected / n**2
            else:
                assert own is not None
                observed = times @ own
                expected = ((margins @ distance) * margins).sum(axis=1)
            size = expected / n**2
            return np.asarray(np.where(size > _TINY, 1 - (n - 1) * observed / expected, np.nan))

    return statistic


def _counts(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The values that occur, and how often each occurs in each row."""
    levels = np.unique(rows[~np.isnan(rows)])
    return levels, (rows[:, :, None] == levels).sum(axis=1).astype(np.float64)


def _distance(levels: FloatArray, metric: Metric) -> FloatArray:
    gap = np.abs(levels[:, None] - levels[None, :])
    if metric == "nominal":
        return (gap > 0).astype(np.float64)
    if metric == "ratio":
        total = levels[:, None] + levels[None, :]
        return np.asarray((gap / np.where(gap > 0, total, 1.0)) ** 2)
    widest = float(gap.max()) or 1.0
    return np.asarray((gap / widest) ** 2)


def _linearized_se(table: Ratings, how: _Distance) -> float | None:
    """Each unit's share in alpha, in first order, written with agreements 1 - distance / largest distance.
    Krippendorff's correction for small samples, 1 / (number of ratings), is left out, as in Gwet's own software.
    """
    levels, counts = _counts(table.values)
    distance = how.between(levels)
    if not distance.max() > 0:
        return None
    weights = 1 - distance / distance.max()
    r = counts.sum(axis=1)
    mean_r = float(r.mean())
    pi = counts.mean(axis=0) / mean_r
    expected = float(pi @ weights @ pi)
    if not 1 - expected > _TINY:
        return None
    raw = (counts * (counts @ weights - 1)).sum(axis=1) / (mean_r * (r - 1))
    observed = float(raw.mean())
    more = (r - mean_r) / mean_r
    value = (observed - expected) / (1 - expected)
    pull = counts @ weights @ pi / mean_r - expected * more - expected
    influence = (raw - observed * more - expected - 2 * (1 - value) * pull) / (1 - expected)
    return clustered_se(influence, table)
