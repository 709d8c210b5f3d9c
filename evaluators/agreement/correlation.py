"""Do raters order units alike? Never a measure of agreement on its own: a rater one level too strict has r near 1."""

from __future__ import annotations

from typing import Literal, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings
from spinebench.evaluators.agreement.result import Agreement

CorrelationKind = Literal["kendall", "spearman", "pearson"]

_NAMES = {"kendall": "Kendall's tau-b", "spearman": "Spearman's rho", "pearson": "Pearson's r"}
_TINY = 1e-12


def rank_correlation(
    ratings: ArrayLike,
    *,
    kind: CorrelationKind = "kendall",
    scale: Scale | None = None,
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """Kendall's tau-b (1945), Spearman's rho (Pearson on mid-ranks) or Pearson's r of two columns.

    Units without both values are left out. Undefined where a column does not vary.
    """
    if kind not in get_args(CorrelationKind):
        raise UsageError(
            f"kind {kind!r}: expected one of {', '.join(get_args(CorrelationKind))}; name one of them"
        )
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"), raters=2)
    facts = Facts(name=_NAMES[kind], undefined="one of the two does not vary")
    return concluded(table, facts, lambda rows: correlation_statistic(rows, kind), options)


def correlation_statistic(rows: FloatArray, kind: CorrelationKind) -> Statistic:
    """The correlation of two columns as a function of the rows' weights."""
    both = ~np.isnan(rows).any(axis=1)
    x, y = (rows[both, 0], rows[both, 1])

    def pearson(times: FloatArray) -> FloatArray:
        return _moment_correlation(times[:, both], x - x.mean(), y - y.mean())

    def spearman(times: FloatArray) -> FloatArray:
        used = times[:, both]
        return _moment_correlation(used, _mid_ranks(used, x), _mid_ranks(used, y))

    def kendall(times: FloatArray) -> FloatArray:
        used = times[:, both]
        order_x, order_y = np.sign(x[:, None] - x[None, :]), np.sign(y[:, None] - y[None, :])
        untied_x = ((used @ np.abs(order_x)) * used).sum(axis=1)
        untied_y = ((used @ np.abs(order_y)) * used).sum(axis=1)
        concordant = ((used @ (order_x * order_y)) * used).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            tau = concordant / np.sqrt(untied_x * untied_y)
        return np.asarray(np.where((untied_x > 0) & (untied_y > 0), tau, np.nan))

    return {"pearson": pearson, "spearman": spearman, "kendall": kendall}[kind]


def _mid_ranks(times: FloatArray, values: FloatArray) -> FloatArray:
    """Rank of each value among all, ties sharing the mean rank; one row per resample, centred."""
    levels, place = np.unique(values, return_inverse=True)
    place = place.ravel()
    counts = times @ (place[:, None] == np.arange(len(levels)))
    middle = np.cumsum(counts, axis=1) - counts / 2
    return np.asarray((middle - times.sum(axis=1, keepdims=True) / 2)[:, place])


def _moment_correlation(times: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Pearson's r under each row of weights; `x` and `y` may differ from row to row."""
    n = times.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = (times * x).sum(axis=1) / n, (times * y).sum(axis=1) / n
        from_x, from_y = x - mean_x[:, None], y - mean_y[:, None]
        var_x, var_y = (times * from_x**2).sum(axis=1), (times * from_y**2).sum(axis=1)
        varies = (var_x > _TINY * np.maximum(1, n)) & (var_y > _TINY * np.maximum(1, n))
        r = (times * from_x * from_y).sum(axis=1) / np.sqrt(var_x * var_y)
        return np.asarray(np.where(varies, np.clip(r, -1, 1), np.nan))
