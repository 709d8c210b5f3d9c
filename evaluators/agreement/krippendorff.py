"""Krippendorff's alpha: any number of raters, missing ratings, four distances."""

from __future__ import annotations

from typing import Literal, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded, why_undefined
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic, clustered_se
from spinebench.evaluators.agreement.ratings import FloatArray, Ratings, Scale, as_ratings
from spinebench.evaluators.agreement.result import Agreement

Metric = Literal["nominal", "ordinal", "interval", "ratio"]

_TINY = 1e-12


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    scale: Scale | None = None,
    metric: Metric = "ordinal",
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """alpha = 1 - D_o / D_e over all pairable ratings (Krippendorff 2011, Computing Krippendorff's alpha).

    Units with one rating are left out. Distances: nominal 0 or 1; ordinal (n_c / 2 + ratings between + n_k / 2)^2,
    which is the squared distance of mid-ranks; interval (c - k)^2; ratio ((c - k) / (c + k))^2. The scale does not
    change the value, and is checked and stored where it is declared. `se` (nominal, interval, ratio) is Gwet's
    linearization (2014, ch. 5); none for ordinal, whose distance depends on the data.
    """
    if metric not in get_args(Metric):
        raise UsageError(
            f"metric {metric!r}: expected one of {', '.join(get_args(Metric))}; name one of them"
        )
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    if metric == "ratio" and (table.values < 0).any():
        raise UsageError(
            f"rating {float(np.nanmin(table.values))!r}: expected no value below 0 for the ratio metric; use interval"
        )
    defined = why_undefined(table) is None
    facts = Facts(
        name="Krippendorff's alpha",
        metric=metric,
        undefined="all pairable ratings are alike: expected disagreement is 0",
        se=_linearized_se(table.kept(table.per_unit >= 2), metric)
        if defined and metric != "ordinal"
        else None,
        se_method="unit-level linearization (Gwet)",
    )
    return concluded(table, facts, lambda rows: alpha_statistic(rows, metric), options)


def alpha_statistic(rows: FloatArray, metric: Metric) -> Statistic:
    """Alpha as a function of the rows' weights."""
    rows = np.where((~np.isnan(rows)).sum(axis=1, keepdims=True) >= 2, rows, np.nan)
    levels, counts = _counts(rows)
    r = counts.sum(axis=1)
    less_one = np.maximum(r - 1, 1)
    distance = None if metric == "ordinal" else _distance(levels, metric)
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


def _linearized_se(table: Ratings, metric: Metric) -> float | None:
    """Each unit's share in alpha, in first order, written with agreements 1 - distance / largest distance."""
    levels, counts = _counts(table.values)
    distance = _distance(levels, metric)
    if not distance.max() > 0:
        return None
    weights = 1 - distance / distance.max()
    r = counts.sum(axis=1)
    mean_r = float(r.mean())
    small = 1 / float(r.sum())
    pi = counts.mean(axis=0) / mean_r
    expected = float(pi @ weights @ pi)
    if not 1 - expected > _TINY:
        return None
    raw = (counts * (counts @ weights - 1)).sum(axis=1) / (mean_r * (r - 1))
    observed = float(raw.mean())
    more = (r - mean_r) / mean_r
    own = (1 - small) * (raw - observed * more) + small
    value = ((1 - small) * observed + small - expected) / (1 - expected)
    pull = counts @ weights @ pi / mean_r - expected * more - expected
    return clustered_se((own - expected - 2 * (1 - value) * pull) / (1 - expected), table)
