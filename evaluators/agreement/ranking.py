"""Do judge and clinicians put the models in the same order?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import few_units
from spinebench.evaluators.agreement.intervals import bootstrap, sample_of, seed_of
from spinebench.evaluators.agreement.ratings import Clusters, FloatArray, IntArray, as_ratings, with_judge
from spinebench.evaluators.agreement.result import FEW_UNITS
from spinebench.evaluators.estimate import Interval
from spinebench.evaluators.proportions import z_quantile
from spinebench.records import Record


class RankedModel(Record):
    """One model's means over the traces that both sides scored."""

    model: str
    n: int
    clinicians: float
    judge: float


class OrderedPair(Record):
    """How often both sides put two models in the same order when traces are drawn again."""

    first: str
    second: str
    same_order: float
    """A tie on one side counts one half."""


class RankingAgreement(Record):
    """Agreement on the order of models."""

    tau: float | None
    """Kendall's tau-b of the models' means."""
    reason: str | None = None
    interval: Interval | None = None
    interval_reason: str | None = None
    models: tuple[RankedModel, ...] = ()
    """By the clinicians' mean, best first."""
    pairs: tuple[OrderedPair, ...] = ()
    order_probability: float | None = None
    """Mean of `same_order` over pairs."""
    n_units: int
    n_clusters: int
    n_resamples: int
    seed: int | None = None


def ranking_agreement(
    ratings: ArrayLike,
    judge: ArrayLike,
    models: Sequence[str],
    *,
    rng: np.random.Generator,
    clusters: Clusters | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
) -> RankingAgreement:
    """Tau-b of model means, on the traces that the judge and at least one clinician scored.

    A trace's human score is the mean of its clinicians. Interval: percentile, clusters (images) drawn with
    replacement, the same draw for both sides and all models; draws that miss a model are left out. Undefined below
    three models (with two, tau is 1 or -1 by nature) and where one side ties all models.
    """
    z_quantile(level)
    table = as_ratings(
        with_judge(as_ratings(ratings, scale=None).values, judge), scale=None, clusters=clusters
    )
    if len(models) != len(table.values):
        raise UsageError(
            f"{len(models)!r} models: expected one for each of the {len(table.values)} units; name them all"
        )
    both = ~np.isnan(table.values[:, :-1]).all(axis=1) & ~np.isnan(table.values[:, -1])
    names = sorted({model for model, used in zip(models, both, strict=True) if used})
    codes = np.array([names.index(model) if used else -1 for model, used in zip(models, both, strict=True)])
    n_clusters = len(np.unique(table.clusters[both]))
    n = int(both.sum())
    if len(names) < 2:
        reason = f"{len(names)} models with scores of both sides: expected three or more"
        return RankingAgreement(tau=None, reason=reason, n_units=n, n_clusters=n_clusters, n_resamples=0)
    scores = np.column_stack([np.nanmean(table.values[both][:, :-1], axis=1), table.values[both][:, -1]])
    means = np.array([scores[codes[both] == code].mean(axis=0) for code in range(len(names))])
    ranked = tuple(
        RankedModel(model=names[m], n=int((codes == m).sum()), clinicians=means[m, 0], judge=means[m, 1])
        for m in np.argsort(-means[:, 0], kind="stable")
    )
    tau = float(_tau(means[None])[0])
    undefined: str | None = None
    if len(names) < 3:
        undefined = "two models: tau would be 1 or -1 by nature"
    elif np.isnan(tau):
        undefined = "one side ties all models"
    if n_clusters < FEW_UNITS:
        return RankingAgreement(
            tau=None if undefined else tau, reason=undefined, interval_reason=few_units(n_clusters), models=ranked,
            n_units=n, n_clusters=n_clusters, n_resamples=0,
        )  # fmt: skip
    seed = seed_of(rng)
    drawn = _drawn_means(scores, codes[both], table.clusters[both], len(names), rng, n_resamples)
    pairs = tuple(
        OrderedPair(first=names[a], second=names[b], same_order=_same_order(drawn, a, b))
        for a in range(len(names))
        for b in range(a + 1, len(names))
        if len(drawn)
    )
    taus = _tau(drawn)
    taus = taus[~np.isnan(taus)]
    interval = None
    if undefined is None and len(taus) >= 0.9 * n_resamples:
        low, high = np.quantile(taus, [(1 - level) / 2, (1 + level) / 2])
        interval = Interval(
            low=float(low), high=float(high), level=level, method="percentile bootstrap of clusters"
        )
    return RankingAgreement(
        tau=None if undefined else tau,
        reason=undefined,
        interval=interval,
        interval_reason=None
        if interval or undefined
        else "more than 10 % of the draws miss a model or tie all",
        models=ranked,
        pairs=pairs,
        order_probability=float(np.mean([pair.same_order for pair in pairs])) if pairs else None,
        n_units=n,
        n_clusters=n_clusters,
        n_resamples=n_resamples,
        seed=seed,
    )


def _drawn_means(
    scores: FloatArray,
    codes: IntArray,
    clusters: IntArray,
    n_models: int,
    rng: np.random.Generator,
    n_resamples: int,
) -> FloatArray:
    """Draws x models x (clinicians, judge); only draws with every model."""
    sample = sample_of(np.column_stack([scores, codes]), clusters)
    member = (sample.rows[:, [2]] == np.arange(n_models)).astype(np.float64)

    def means(times: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            sides = [(times * sample.rows[:, column]) @ member / (times @ member) for column in (0, 1)]
        return np.stack(sides, axis=2)

    drawn = bootstrap(means, sample, rng=rng, n_resamples=n_resamples)
    return np.asarray(drawn[~np.isnan(drawn).any(axis=(1, 2))])


def _tau(means: FloatArray) -> FloatArray:
    """Tau-b of each draw; differences below 1e-12 are ties."""
    gaps = means[:, :, None, :] - means[:, None, :, :]
    signs = np.where(np.abs(gaps) < 1e-12, 0.0, np.sign(gaps))
    concordant = (signs[..., 0] * signs[..., 1]).sum(axis=(1, 2))
    untied = np.abs(signs).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(concordant / np.sqrt(untied[:, 0] * untied[:, 1]))


def _same_order(drawn: FloatArray, a: int, b: int) -> float:
    gaps = drawn[:, a, :] - drawn[:, b, :]
    signs = np.where(np.abs(gaps) < 1e-12, 0.0, np.sign(gaps))
    product = signs[:, 0] * signs[:, 1]
    return float(((product > 0) + 0.5 * (product == 0)).mean())
