"""Kendall's coefficient of concordance: do several raters rank the units alike?"""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.evaluators.agreement.concluding import Facts, concluded, undefined_agreement, why_undefined
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings
from spinebench.evaluators.agreement.result import Agreement


def kendall_w(
    ratings: ArrayLike, *, scale: Scale | None = None, **options: Unpack[IntervalOptions]
) -> Agreement:
    """W (Kendall and Babington Smith 1939), corrected for ties; units with a missing rating are left out.

    With n units, m raters, R_i the sum of a unit's mid-ranks and T = sum of t^3 - t over the ties of all raters:
    W = 12 sum (R_i - mean)^2 / (m^2 (n^3 - n) - m T). `components`: `uncorrected` (T = 0), Friedman's `chi2` =
    m (n - 1) W with `df` and `p`. Undefined where no rater tells units apart.
    """
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    seen = (~np.isnan(table.values)).any(axis=0)
    complete = (table.per_unit == seen.sum()) & bool(seen.any())
    left_out = int(((table.per_unit > 0) & ~complete).sum())
    warnings = (f"{left_out} units with a missing rating left out",) if left_out else ()
    used = table.kept(complete)
    facts = Facts(name="Kendall's W", undefined="no rater tells the units apart", warnings=warnings)
    reason = why_undefined(table, constant_undefined=False) or why_undefined(used, constant_undefined=False)
    if reason is not None:
        return undefined_agreement(table, facts, reason, options)
    facts = Facts(
        name=facts.name,
        undefined=facts.undefined,
        constant_undefined=False,
        components=_components(used.values[:, seen]),
        warnings=warnings,
        limits=(0.0, 1.0),
    )
    result = concluded(used, facts, lambda rows: concordance_statistic(rows), options)
    return result.model_copy(update={"n_missing": table.n_missing})


def concordance_statistic(rows: FloatArray, *, corrected: bool = True) -> Statistic:
    """W as a function of the rows' weights."""
    values = rows[:, ~np.isnan(rows).all(axis=0)]
    m = values.shape[1]

    def statistic(times: FloatArray) -> FloatArray:
        n = times.sum(axis=1)
        sums = np.zeros(times.shape)
        ties = np.zeros(len(times))
        for rater in range(m):
            levels, place = np.unique(values[:, rater], return_inverse=True)
            place = place.ravel()
            counts = times @ (place[:, None] == np.arange(len(levels)))
            sums += (np.cumsum(counts, axis=1) - counts / 2)[:, place]
            ties += (counts**3 - counts).sum(axis=1)
        spread = (times * (sums - (n * m / 2)[:, None]) ** 2).sum(axis=1)
        room = m**2 * (n**3 - n) - (m * ties if corrected else 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(room > 1e-9, 12 * spread / room, np.nan))

    return statistic


def _components(values: FloatArray) -> dict[str, float | None]:
    from scipy.special import chdtrc

    n, m = values.shape
    once = np.ones((1, n))
    w = float(concordance_statistic(values)(once)[0])
    if np.isnan(w):
        return {}
    chi2 = m * (n - 1) * w
    return {
        "uncorrected": float(concordance_statistic(values, corrected=False)(once)[0]),
        "chi2": chi2,
        "df": float(n - 1),
        "p": float(chdtrc(n - 1, chi2)),
    }
