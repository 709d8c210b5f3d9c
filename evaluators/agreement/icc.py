"""Intraclass correlation in the six forms of McGraw and Wong, with intervals by the F distribution."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded, undefined_agreement, why_undefined
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.estimate import Interval
from spinebench.evaluators.proportions import z_quantile

Form = Literal["1,1", "A,1", "C,1", "1,k", "A,k", "C,k"]


class _Squares(NamedTuple):
    """Mean squares of the two-way table: between units, between raters, residual, within units."""

    units: FloatArray
    raters: FloatArray
    residual: FloatArray
    within: FloatArray
    n: FloatArray


def icc(
    ratings: ArrayLike,
    *,
    form: Form = "A,1",
    scale: Scale | None = None,
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """Intraclass correlation (McGraw and Wong 1996, Psychol Methods 1:30; Shrout and Fleiss 1979).

    `1`: raters differ from unit to unit (one-way); `A`: absolute agreement, raters at random; `C`: consistency, a
    rater's level does not count. `,1`: of one rating; `,k`: of the mean of all raters. Units with a missing rating
    are left out, and the result says how many. The interval is exact for normal scores in forms 1 and C, by
    Satterthwaite's degrees of freedom in form A (McGraw and Wong, table 7); where units share clusters, or
    `interval` asks for it, it is resampled instead. Undefined where all scores are alike.
    """
    if form not in get_args(Form):
        raise UsageError(f"form {form!r}: expected one of {', '.join(get_args(Form))}; name one of them")
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    seen = (~np.isnan(table.values)).any(axis=0)
    complete = (table.per_unit == seen.sum()) & bool(seen.any())
    left_out = int(((table.per_unit > 0) & ~complete).sum())
    warnings = (f"{left_out} units with a missing rating left out",) if left_out else ()
    facts = Facts(name=f"ICC({form})", form=form, warnings=warnings, undefined="all scores are alike")
    used = table.kept(complete)
    reason = why_undefined(table)
    if reason is None and complete.sum() < 2:
        reason = f"{int(complete.sum())} units rated by all {int(seen.sum())} raters: expected two or more"
    if reason is None:
        reason = why_undefined(used)
    if reason is not None:
        return undefined_agreement(table, facts, reason, options)
    values = used.values[:, seen]
    squares = _mean_squares(values, np.ones((1, len(values))))
    level = options.get("level", 0.95)
    own = (
        None
        if used.clustered and len(np.unique(used.clusters)) < len(values)
        else _f_interval(squares, form, values.shape[1], level)
    )
    facts = Facts(
        name=f"ICC({form})",
        form=form,
        undefined="all scores are alike",
        own_interval=own,
        components={
            "mean_square_units": float(squares.units[0]),
            "mean_square_raters": float(squares.raters[0]),
            "mean_square_residual": float(squares.residual[0]),
            "mean_square_within": float(squares.within[0]),
        },
        warnings=warnings,
        fisher=form.endswith("1"),
        limits=(-math.inf, 1.0) if form.endswith("k") else (-1.0, 1.0),
    )
    result = concluded(used, facts, lambda rows: icc_statistic(rows, form), options)
    return result.model_copy(update={"n_missing": table.n_missing})


def icc_statistic(rows: FloatArray, form: Form) -> Statistic:
    """The ICC as a function of the rows' weights; rows must be complete but for columns nobody filled."""
    values = rows[:, ~np.isnan(rows).all(axis=0)]

    def statistic(times: FloatArray) -> FloatArray:
        squares = _mean_squares(values, times)
        k = values.shape[1]
        error = squares.within if form[0] == "1" else squares.residual
        top = squares.units - error
        raters = k * (squares.raters - squares.residual) / squares.n if form[0] == "A" else 0.0
        bottom = squares.units + (k - 1) * error + raters if form[2] == "1" else squares.units + raters / k
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(np.abs(bottom) > 1e-12, top / bottom, np.nan))

    return statistic


def _mean_squares(values: FloatArray, times: FloatArray) -> _Squares:
    """Mean squares under each row of weights. Scores are centred first, so that large ones lose no digits."""
    centred = values - values.mean()
    k = values.shape[1]
    n = times.sum(axis=1)
    by_unit, by_rater = centred.sum(axis=1), times @ centred
    grand = by_rater.sum(axis=1)
    correction = grand**2 / (n * k)
    total = times @ (centred**2).sum(axis=1) - correction
    between = times @ by_unit**2 / k - correction
    raters = (by_rater**2).sum(axis=1) / n - correction
    with np.errstate(invalid="ignore", divide="ignore"):
        return _Squares(
            _rounded(between / (n - 1)),
            _rounded(raters / (k - 1)),
            _rounded((total - between - raters) / ((n - 1) * (k - 1))),
            _rounded((total - between) / (n * (k - 1))),
            n,
        )


def _rounded(squares: FloatArray) -> FloatArray:
    """Mean squares with rounding noise taken for what it is."""
    return np.where(np.abs(squares) < 1e-12, 0.0, squares)


def _f_interval(squares: _Squares, form: Form, k: int, level: float) -> Interval | None:
    """Limits by the F distribution; None where the residual is 0 (the quotient has no distribution)."""
    from scipy.special import fdtri

    z_quantile(level)
    tail = (1 + level) / 2
    units, raters, residual, within = (float(one[0]) for one in squares[:4])
    n = int(squares.n[0])
    error = within if form[0] == "1" else residual
    if error <= 0:
        return None
    if form[0] == "A":
        low, high = _absolute_limits(units, raters, residual, n, k, tail)
        if math.isnan(low):
            return None
        if form[2] == "k":
            low, high = (k * one / (1 + one * (k - 1)) for one in (low, high))
        method = "F, Satterthwaite (McGraw-Wong)"
    else:
        df = n * (k - 1) if form[0] == "1" else (n - 1) * (k - 1)
        below = units / error / float(fdtri(n - 1, df, tail))
        above = units / error * float(fdtri(df, n - 1, tail))
        if form[2] == "1":
            low, high = (below - 1) / (below + k - 1), (above - 1) / (above + k - 1)
        else:
            low, high = (1 - 1 / one if one > 0 else -math.inf for one in (below, above))
        method = "F (Shrout-Fleiss)"
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return Interval(low=low, high=high, level=level, method=method)


def _absolute_limits(
    units: float, raters: float, residual: float, n: int, k: int, tail: float
) -> tuple[float, float]:
    """Limits of ICC(A,1)."""
    from scipy.special import fdtri

    bottom = units + (k - 1) * residual + k * (raters - residual) / n
    rho = (units - residual) / bottom if bottom > 0 else math.nan
    if not rho < 1:
        return math.nan, math.nan
    a = k * rho / (n * (1 - rho))
    b = 1 + k * rho * (n - 1) / (n * (1 - rho))
    spread = (a * raters) ** 2 / (k - 1) + (b * residual) ** 2 / ((n - 1) * (k - 1))
    if spread <= 0:
        return math.nan, math.nan
    df = (a * raters + b * residual) ** 2 / spread
    below, above = float(fdtri(n - 1, df, tail)), float(fdtri(df, n - 1, tail))
    rest = k * raters + (k * n - k - n) * residual
    return (
        n * (units - below * residual) / (below * rest + n * units),
        n * (above * units - residual) / (rest + n * above * units),
    )
