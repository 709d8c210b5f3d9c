"""Pooled agreement can come from telling good models from bad ones; what is left within one model?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded
from spinebench.evaluators.agreement.correlation import correlation_statistic
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic
from spinebench.evaluators.agreement.panel import mean_kappa_statistic
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings, positions, with_judge
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.agreement.weights import Weights, weight_matrix, weights_name
from spinebench.records import Record


class WithinAndPooled(Record):
    """One judge with clinicians: over all traces, within models, across models."""

    pooled: Agreement
    """Mean weighted kappa with each clinician over all traces."""
    within: Agreement
    """The same with chance expected within each model: 1 - sum n D_o / sum n D_e over models and clinicians."""
    across_means: float | None
    """Pearson's r of the models' mean scores; None below three models or without variation."""
    n_models: int


def within_and_pooled(
    ratings: ArrayLike,
    judge: ArrayLike,
    models: Sequence[str],
    *,
    scale: Scale,
    weights: Weights = "quadratic",
    **options: Unpack[IntervalOptions],
) -> WithinAndPooled:
    """Hold pooled against within-model agreement. `models` names the model behind each unit.

    Within: observed and expected disagreement are added up over models and clinicians before they are divided
    (the weighting of Barlow, Lai and Azen 1991, Stat Med 10:1465, by size), so that a model with few traces or
    constant scores neither breaks nor rules the figure. With one model it is the pooled figure where there is one
    clinician.
    """
    joined = with_judge(as_ratings(ratings, scale=scale).values, judge)
    table = as_ratings(joined, scale=scale, clusters=options.get("clusters"))
    if len(models) != len(joined):
        raise UsageError(
            f"{len(models)!r} models: expected one for each of the {len(joined)} units; name them all"
        )
    assert table.scale is not None
    declared, matrix = table.scale, weight_matrix(weights, table.scale)
    names = sorted(set(models))
    codes = np.array([names.index(model) for model in models], dtype=np.float64)

    def pooled(rows: FloatArray) -> Statistic:
        last = rows.shape[1] - 1
        return mean_kappa_statistic(rows, [(last, one) for one in range(last)], declared, matrix)

    def within(rows: FloatArray) -> Statistic:
        return stratified_statistic(rows[:, :-1], rows[:, -1], declared, matrix)

    facts = {
        name: Facts(
            name=f"weighted kappa of judge and clinicians, {name}",
            weights=weights_name(weights),
            undefined="the judge or the clinicians do not vary",
            constant_undefined=False,
            judge_last=True,
        )
        for name in ("pooled", "within models")
    }
    return WithinAndPooled(
        pooled=concluded(table, facts["pooled"], pooled, options),
        within=concluded(table, facts["within models"], within, options, beside=codes[:, None]),
        across_means=_across_means(joined, codes, len(names)),
        n_models=len(names),
    )


def stratified_statistic(
    rows: FloatArray, strata: FloatArray, scale: tuple[float, ...], weights: FloatArray
) -> Statistic:
    """Kappa of the last column with each other one, chance within strata, as a function of the rows' weights."""
    apart = 1 - weights
    codes = positions(rows, scale)
    q = len(scale)
    blocks = []
    for stratum in np.unique(strata):
        inside = strata == stratum
        for rater in range(rows.shape[1] - 1):
            both = inside & (codes[:, rater] >= 0) & (codes[:, -1] >= 0)
            if both.any():
                first, second = codes[both, rater], codes[both, -1]
                blocks.append(
                    (
                        both,
                        (first[:, None] == np.arange(q)) @ apart,
                        second[:, None] == np.arange(q),
                        apart[first, second],
                    )
                )

    def statistic(times: FloatArray) -> FloatArray:
        observed = expected = np.zeros(len(times))
        for both, first, second, own in blocks:
            used = times[:, both]
            n = used.sum(axis=1)
            observed = observed + used @ own
            chance = ((used @ first) * (used @ second.astype(np.float64))).sum(axis=1)
            expected = expected + np.divide(chance, n, out=np.zeros(len(n)), where=n > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(expected > 1e-12, 1 - observed / expected, np.nan))

    return statistic


def _across_means(joined: FloatArray, codes: FloatArray, n_models: int) -> float | None:
    """Pearson's r of model means on the units that the judge and a clinician scored."""
    clinicians, judge = joined[:, :-1], joined[:, -1]
    both = ~np.isnan(clinicians).all(axis=1) & ~np.isnan(judge)
    if n_models < 3 or not both.any():
        return None
    humans = np.nanmean(clinicians[both], axis=1)
    means = np.array(
        [
            (humans[codes[both] == code].mean(), judge[both][codes[both] == code].mean())
            for code in np.unique(codes[both])
        ]
    )
    if len(means) < 3:
        return None
    r = float(correlation_statistic(means, "pearson")(np.ones((1, len(means))))[0])
    return None if np.isnan(r) else r
