"""Chance-corrected agreement of two or more raters: Fleiss, Scott, Gwet AC1 and AC2, Conger, Brennan and Prediger.

All share the observed agreement: with r_ik the number of raters who gave unit i the value k and w the weights,
p_a is the mean over units with r_i >= 2 of sum_k r_ik (sum_l w_kl r_il - 1) / (r_i (r_i - 1)). They differ in the
agreement expected by chance, p_e, and all are (p_a - p_e) / (1 - p_e). Missing ratings: Gwet 2014, Handbook of
Inter-Rater Reliability, ch. 2-4; units with one rating count towards the shares of the values only.
"""

from __future__ import annotations

from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.evaluators.agreement.concluding import Facts, concluded, why_undefined
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic, clustered_se
from spinebench.evaluators.agreement.ratings import FloatArray, Ratings, Scale, as_ratings, positions
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.agreement.weights import Weights, weight_matrix, weights_name

Chance = Literal["fleiss", "gwet", "conger", "brennan_prediger"]

_TINY = 1e-12


def fleiss_kappa(
    ratings: ArrayLike,
    *,
    scale: Scale,
    weights: Weights = "identity",
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """Fleiss' kappa (1971), with weights and missing ratings after Gwet; for two raters Scott's pi.

    p_e = sum_kl w_kl pi_k pi_l with pi the mean over units of the share of each value. `se` is Gwet's (2014, eq.
    2.25; unit-level linearization), over clusters where they are given.
    """
    name = "Fleiss' kappa"
    return _coefficient(
        name, "fleiss", as_ratings(ratings, scale=scale, clusters=options.get("clusters")), weights, options
    )


def scott_pi(
    ratings: ArrayLike, *, scale: Scale, weights: Weights = "identity", **options: Unpack[IntervalOptions]
) -> Agreement:
    """Scott's pi (1955) of two raters: both are expected to use the values as often."""
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"), raters=2)
    return _coefficient("Scott's pi", "fleiss", table, weights, options)


def gwet_ac(
    ratings: ArrayLike, *, scale: Scale, weights: Weights = "quadratic", **options: Unpack[IntervalOptions]
) -> Agreement:
    """Gwet's AC1 (identity weights) or AC2 (2008, Br J Math Stat Psychol 61:29; 2014, Handbook).

    p_e = sum_kl w_kl / (q (q - 1)) sum_k pi_k (1 - pi_k) with q the declared number of values, used or not: the
    coefficient depends on it. Defined, and 1, where all raters give the same score throughout.
    """
    name = "Gwet's AC1" if weights_name(weights) == "identity" else "Gwet's AC2"
    return _coefficient(
        name, "gwet", as_ratings(ratings, scale=scale, clusters=options.get("clusters")), weights, options
    )


def conger(
    ratings: ArrayLike, *, scale: Scale, weights: Weights = "identity", **options: Unpack[IntervalOptions]
) -> Agreement:
    """Conger's kappa (1980, Psychol Bull 88:322): each pair of raters expected to agree by their own shares.

    p_e is the mean over ordered pairs of raters g != h of sum_kl w_kl p_gk p_hl; for two complete raters it is Cohen's
    kappa.
    """
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    return _coefficient("Conger's kappa", "conger", table, weights, options)


def brennan_prediger(
    ratings: ArrayLike, *, scale: Scale, weights: Weights = "identity", **options: Unpack[IntervalOptions]
) -> Agreement:
    """Brennan and Prediger (1981): chance picks all declared values alike; PABAK for two raters and two values."""
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    return _coefficient("Brennan-Prediger", "brennan_prediger", table, weights, options)


def coefficient_statistic(
    rows: FloatArray, scale: tuple[float, ...], weights: FloatArray, chance: Chance
) -> Statistic:
    """The coefficient as a function of the rows' weights."""
    shares = _Shares(rows, scale, weights)

    def statistic(times: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore", divide="ignore"):
            observed = times @ shares.agreement / (times @ shares.pairable)
            expected = _expected(times, shares, weights, chance)
            return np.asarray(np.where(1 - expected > _TINY, (observed - expected) / (1 - expected), np.nan))

    return statistic


class _Shares:
    """Per row: the share of agreeing pairs, whether there are pairs, and the share of each value."""

    def __init__(self, rows: FloatArray, scale: tuple[float, ...], weights: FloatArray) -> None:
        codes = positions(rows, scale)
        self.given = (codes[:, :, None] == np.arange(len(scale))).astype(np.float64)
        """Rows x raters x values."""
        counts = self.given.sum(axis=1)
        r = counts.sum(axis=1)
        self.pairable = (r >= 2).astype(np.float64)
        self.rated = (r >= 1).astype(np.float64)
        pairs = np.where(r >= 2, r * (r - 1), 1.0)
        self.agreement = (counts * (counts @ weights - 1)).sum(axis=1) / pairs * self.pairable
        self.values = counts / np.maximum(r, 1)[:, None]


def _expected(times: FloatArray, shares: _Shares, weights: FloatArray, chance: Chance) -> FloatArray:
    """p_e of each resample."""
    q = len(weights)
    if chance == "brennan_prediger":
        return np.full(len(times), float(weights.sum()) / q**2)
    if chance == "conger":
        by_rater = np.einsum("bu,urk->brk", times, shares.given)
        by_rater = by_rater / by_rater.sum(axis=2, keepdims=True)
        by_rater = by_rater[:, shares.given.any(axis=(0, 2))]
        raters = by_rater.shape[1]
        total = by_rater.sum(axis=1)
        together = np.einsum("bk,kl,bl->b", total, weights, total)
        alone = np.einsum("brk,kl,brl->b", by_rater, weights, by_rater)
        return np.asarray((together - alone) / (raters * (raters - 1)))
    pi = times @ shares.values / (times @ shares.rated)[:, None]
    if chance == "fleiss":
        return np.asarray(np.einsum("bk,kl,bl->b", pi, weights, pi))
    return np.asarray(float(weights.sum()) / (q * (q - 1)) * (pi * (1 - pi)).sum(axis=1))


def _coefficient(
    name: str, chance: Chance, table: Ratings, weights: Weights, options: IntervalOptions
) -> Agreement:
    assert table.scale is not None
    scale = table.scale
    matrix = weight_matrix(weights, scale)
    se = observed = expected = None
    always = chance in ("gwet", "brennan_prediger")
    if why_undefined(table, constant_undefined=not always) is None:
        present = table.kept(table.per_unit > 0)
        se, observed, expected = _linearized(present, scale, matrix, chance)
    facts = Facts(
        name=name,
        weights=weights_name(weights),
        constant_undefined=not always,
        se=se,
        se_method="unit-level linearization (Gwet)",
        components={"observed": observed, "expected": expected},
    )
    return concluded(table, facts, lambda rows: coefficient_statistic(rows, scale, matrix, chance), options)


def _linearized(
    table: Ratings, scale: tuple[float, ...], weights: FloatArray, chance: Chance
) -> tuple[float | None, float, float]:
    """Standard error, p_a and p_e. Each unit's share in the coefficient, in first order (Gwet 2014, ch. 5)."""
    shares = _Shares(table.values, scale, weights)
    once = np.ones((1, len(table.values)))
    n, n_pairable = len(table.values), float(shares.pairable.sum())
    observed = float(shares.agreement.sum()) / n_pairable
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = float(_expected(once, shares, weights, chance)[0])
    if not 1 - expected > _TINY:
        return None, observed, expected
    value = (observed - expected) / (1 - expected)
    pi = shares.values.mean(axis=0)
    q = len(weights)
    if chance == "fleiss":
        pull = 2 * (shares.values @ weights @ pi - expected)
    elif chance == "gwet":
        pull = 2 * (float(weights.sum()) / (q * (q - 1)) * (shares.values @ (1 - pi)) - expected)
    elif chance == "conger":
        pull = _conger_pull(shares, weights)
    else:
        pull = np.zeros(n)
    own = n / n_pairable * (shares.agreement - expected * shares.pairable)
    influence = (own - (1 - value) * pull) / (1 - expected)
    return clustered_se(influence, table), observed, expected


def _conger_pull(shares: _Shares, weights: FloatArray) -> FloatArray:
    """First-order share of each unit in Conger's p_e."""
    given = shares.given[:, shares.given.any(axis=(0, 2))]
    n, raters, _ = given.shape
    rated = given.sum(axis=2)
    by_rater = given.sum(axis=0) / rated.sum(axis=0)[:, None]
    others = (by_rater.sum(axis=0) - by_rater) @ weights
    away = (given - rated[:, :, None] * by_rater) * (n / rated.sum(axis=0))[None, :, None]
    return np.asarray(2 / (raters * (raters - 1)) * np.einsum("urk,rk->u", away, others))
