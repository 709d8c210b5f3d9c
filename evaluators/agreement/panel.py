"""A judge beside a panel of clinicians with missing cells: is it as close to them as they are to each other?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded, few_units
from spinebench.evaluators.agreement.intervals import (
    IntervalOptions,
    Statistic,
    bootstrap,
    point,
    sample_of,
    seed_of,
)
from spinebench.evaluators.agreement.kappa import kappa_statistic
from spinebench.evaluators.agreement.krippendorff import Metric, alpha_statistic, krippendorff_alpha
from spinebench.evaluators.agreement.ratings import Clusters, FloatArray, Scale, as_ratings, with_judge
from spinebench.evaluators.agreement.result import FEW_UNITS, Agreement
from spinebench.evaluators.agreement.weights import Weights, weight_matrix, weights_name
from spinebench.records import Record

Pair = tuple[int, int]


class PanelComparison(Record):
    """Judge and clinicians on one scale. Differences are judge less clinicians: above 0 the judge fits in better."""

    judge_clinician: Agreement
    """Mean weighted kappa of the judge with each clinician, weighted by units in common."""
    clinician_clinician: Agreement
    """The same of the clinicians with each other: the human ceiling."""
    difference: Agreement
    alpha_clinicians: Agreement
    alpha_with_judge: Agreement
    """The judge as one more rater."""
    alpha_difference: Agreement


class NonInferiority(Record):
    """Is the judge's mean kappa with clinicians less than `margin` below their own?"""

    difference: float | None
    reason: str | None = None
    lower: float | None = None
    """One-sided lower bound at `level`."""
    margin: float
    level: float
    shown: bool | None
    """True where the lower bound lies above -margin; False says "not shown", not "inferior"."""
    n_units: int
    n_clusters: int
    n_resamples: int
    method: str = "paired percentile bootstrap"
    seed: int | None = None


def mean_pairwise_kappa(
    ratings: ArrayLike, *, scale: Scale, weights: Weights = "quadratic", **options: Unpack[IntervalOptions]
) -> Agreement:
    """Weighted kappa of every pair of raters, averaged with the number of units both rated as weight.

    Pairs whose kappa is undefined are left out. Undefined where no pair has one.
    """
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    assert table.scale is not None
    declared, matrix = table.scale, weight_matrix(weights, table.scale)
    facts = Facts(
        name="mean pairwise kappa", weights=weights_name(weights), undefined="no pair of raters has a kappa"
    )

    def build(rows: FloatArray) -> Statistic:
        return mean_kappa_statistic(rows, tuple(combinations(range(rows.shape[1]), 2)), declared, matrix)

    return concluded(table, facts, build, options)


def mean_kappa_statistic(
    rows: FloatArray, pairs: Sequence[Pair], scale: tuple[float, ...], weights: FloatArray
) -> Statistic:
    """The mean over pairs of columns as a function of the rows' weights."""
    kappas = [kappa_statistic(rows, scale, weights, pair) for pair in pairs]
    both = [(~np.isnan(rows[:, list(pair)])).all(axis=1).astype(np.float64) for pair in pairs]

    def statistic(times: FloatArray) -> FloatArray:
        if not pairs:
            return np.full(len(times), np.nan)
        values = np.stack([kappa(times) for kappa in kappas])
        sizes = np.where(np.isnan(values), 0.0, np.stack([times @ one for one in both]))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((np.nan_to_num(values) * sizes).sum(axis=0) / sizes.sum(axis=0))

    return statistic


def panel_comparison(
    ratings: ArrayLike,
    judge: ArrayLike,
    *,
    scale: Scale,
    weights: Weights = "quadratic",
    metric: Metric = "ordinal",
    **options: Unpack[IntervalOptions],
) -> PanelComparison:
    """Hold one judge (a value per unit) against clinicians (units x clinicians), with alpha with and without it.

    The differences are taken within each resample, so that what makes a unit hard for all does not widen them.
    """
    panel = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    joined = with_judge(panel.values, judge)
    everyone = as_ratings(joined, scale=scale, clusters=options.get("clusters"))
    assert everyone.scale is not None
    declared, matrix = everyone.scale, weight_matrix(weights, everyone.scale)

    def of_judge(rows: FloatArray) -> Statistic:
        last = rows.shape[1] - 1
        return mean_kappa_statistic(rows, [(last, one) for one in range(last)], declared, matrix)

    def of_clinicians(rows: FloatArray) -> Statistic:
        return mean_kappa_statistic(rows, list(combinations(range(rows.shape[1] - 1), 2)), declared, matrix)

    kappa_name = weights_name(weights)
    judge_facts = Facts(
        name="mean kappa, judge with each clinician",
        weights=kappa_name,
        undefined="no clinician and the judge have a kappa",
        constant_undefined=False,
        judge_last=True,
    )
    difference_facts = Facts(
        name="mean kappa, judge with clinicians less clinicians among themselves",
        weights=kappa_name,
        undefined="one of the two means is undefined",
        constant_undefined=False,
        judge_last=True,
        fisher=False,
        limits=(-2.0, 2.0),
    )
    alpha_facts = Facts(
        name="alpha with the judge less alpha of clinicians",
        metric=metric,
        undefined="one of the two alphas is undefined",
        constant_undefined=False,
        judge_last=True,
        fisher=False,
        limits=(-2.0, 2.0),
    )
    return PanelComparison(
        judge_clinician=concluded(everyone, judge_facts, of_judge, options),
        clinician_clinician=mean_pairwise_kappa(panel.values, scale=scale, weights=weights, **options),
        difference=concluded(
            everyone, difference_facts, lambda rows: _less(of_judge(rows), of_clinicians(rows)), options
        ),
        alpha_clinicians=krippendorff_alpha(panel.values, scale=scale, metric=metric, **options),
        alpha_with_judge=krippendorff_alpha(joined, scale=scale, metric=metric, **options),
        alpha_difference=concluded(
            everyone,
            alpha_facts,
            lambda rows: _less(alpha_statistic(rows, metric), alpha_statistic(rows[:, :-1], metric)),
            options,
        ),
    )


def non_inferiority(
    ratings: ArrayLike,
    judge: ArrayLike,
    *,
    scale: Scale,
    rng: np.random.Generator,
    margin: float = 0.1,
    weights: Weights = "quadratic",
    level: float = 0.95,
    clusters: Clusters | None = None,
    n_resamples: int = 2000,
) -> NonInferiority:
    """Judge's mean kappa with clinicians less theirs among themselves, against -`margin`, clusters drawn in pairs.

    None with a reason below 10 independent units, or where either mean is undefined.
    """
    if not margin > 0:
        raise UsageError(
            f"margin {margin!r}: expected a positive number; 0.1 is a tenth of kappa's range above 0"
        )
    joined = with_judge(as_ratings(ratings, scale=scale).values, judge)
    table = as_ratings(joined, scale=scale, clusters=clusters)
    assert table.scale is not None
    declared, matrix = table.scale, weight_matrix(weights, table.scale)
    used = table.kept((table.per_unit >= 2) & ~np.isnan(joined[:, -1]))
    n_clusters = len(np.unique(used.clusters))

    def result(difference: float | None, reason: str | None, lower: float | None = None) -> NonInferiority:
        return NonInferiority(
            difference=difference, reason=reason, lower=lower, margin=margin, level=level,
            shown=None if lower is None else lower > -margin, n_units=len(used.values), n_clusters=n_clusters,
            n_resamples=n_resamples, seed=seed_of(rng),
        )  # fmt: skip

    if n_clusters < FEW_UNITS:
        return result(None, few_units(n_clusters))
    sample = sample_of(used.values, used.clusters)
    last = joined.shape[1] - 1
    statistic = _less(
        mean_kappa_statistic(sample.rows, [(last, one) for one in range(last)], declared, matrix),
        mean_kappa_statistic(sample.rows, list(combinations(range(last), 2)), declared, matrix),
    )
    value = point(statistic, sample)
    if np.isnan(value):
        return result(None, "the judge or the clinicians have no kappa")
    drawn = bootstrap(statistic, sample, rng=rng, n_resamples=n_resamples)
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < 0.95 * n_resamples:
        return result(None, "undefined in more than 5 % of the resamples")
    return result(value, None, float(np.quantile(drawn, 1 - level)))


def _less(first: Statistic, second: Statistic) -> Statistic:
    return lambda times: first(times) - second(times)
