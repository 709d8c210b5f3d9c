"""Two raters: Cohen's kappa, weighted, and what a two-by-two table says beside it."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, concluded, why_undefined
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic
from spinebench.evaluators.agreement.ratings import FloatArray, Ratings, Scale, as_ratings, positions
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.agreement.weights import Weights, weight_matrix, weights_name
from spinebench.records import Record

_TINY = 1e-12


def weighted_kappa(
    ratings: ArrayLike,
    *,
    scale: Scale,
    weights: Weights = "quadratic",
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """Cohen's weighted kappa of two raters (Cohen 1968) on the declared scale; units without both are left out.

    `se` is the large-sample one for a kappa other than 0 (Fleiss, Cohen and Everitt 1969, Psychol Bull 72:323, eq.
    13), None where units share clusters. Undefined where both raters are constant. With one constant rater it is 0
    whatever the agreement, and says so. Raises `UsageError` unless there are two columns.
    """
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"), raters=2)
    assert table.scale is not None
    declared, matrix = table.scale, weight_matrix(weights, table.scale)
    se = observed = expected = None
    warnings: tuple[str, ...] = ()
    if why_undefined(table) is None:
        counts = cross_table(table)
        se, observed, expected = _asymptotic(counts, matrix)
        if 1 in ((counts.sum(axis=0) > 0).sum(), (counts.sum(axis=1) > 0).sum()):
            warnings = ("one rater is constant: kappa is 0 whatever the agreement",)
    facts = Facts(
        name="Cohen's kappa" if weights_name(weights) == "identity" else "weighted kappa",
        weights=weights_name(weights),
        undefined="both raters gave one and the same score throughout",
        se=None if table.clustered else se,
        se_method="Fleiss-Cohen-Everitt",
        components={"observed": observed, "expected": expected},
        warnings=warnings,
    )
    return concluded(table, facts, lambda rows: kappa_statistic(rows, declared, matrix), options)


def cross_table(table: Ratings) -> FloatArray:
    """Counts of pairs, first rater in rows, over the declared scale."""
    assert table.scale is not None
    codes = table.codes()
    codes = codes[(codes >= 0).all(axis=1)]
    counts = np.zeros((len(table.scale), len(table.scale)))
    np.add.at(counts, (codes[:, 0], codes[:, 1]), 1)
    return counts


def kappa_statistic(
    rows: FloatArray, scale: tuple[float, ...], weights: FloatArray, columns: tuple[int, int] = (0, 1)
) -> Statistic:
    """Weighted kappa of two columns as a function of the rows' weights."""
    codes = positions(rows[:, list(columns)], scale)
    q = len(scale)
    both = np.asarray((codes >= 0).all(axis=1))
    apart = 1 - weights
    first = ((codes[:, [0]] == np.arange(q)) & both[:, None]).astype(np.float64)
    second = ((codes[:, [1]] == np.arange(q)) & both[:, None]).astype(np.float64)
    own = np.where(both, apart[codes[:, 0], codes[:, 1]], 0.0)

    def statistic(times: FloatArray) -> FloatArray:
        n = times @ both.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            observed = times @ own / n
            expected = (((times @ first) @ apart) * (times @ second)).sum(axis=1) / n**2
            return np.asarray(np.where(expected > _TINY, 1 - observed / expected, np.nan))

    return statistic


def _asymptotic(counts: FloatArray, weights: FloatArray) -> tuple[float | None, float, float]:
    """Standard error, observed and expected agreement of a table."""
    n = float(counts.sum())
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((p * weights).sum()), float(rows @ weights @ columns)
    if not 1 - expected > _TINY:
        return None, observed, expected
    kappa = (observed - expected) / (1 - expected)
    around = (weights @ columns)[:, None] + (rows @ weights)[None, :]
    spread = float((p * (weights - around * (1 - kappa)) ** 2).sum()) - (kappa - expected * (1 - kappa)) ** 2
    variance = spread / (n * (1 - expected) ** 2)
    return (math.sqrt(variance) if variance > 1e-15 else None), observed, expected


class BinaryAgreement(Record):
    """A two-by-two table read from all sides: kappa alone misleads where one value is rare."""

    n: int
    """Units with both ratings."""
    n_missing: int
    observed: float | None
    kappa: float | None
    ac1: float | None
    pabak: float | None
    """Prevalence- and bias-adjusted kappa (Byrt, Bishop and Carlin 1993): 2 x observed - 1."""
    positive_agreement: float | None
    """2a / (2a + b + c), with a both positive (Cicchetti and Feinstein 1990)."""
    negative_agreement: float | None
    """2d / (2d + b + c)."""
    prevalence_index: float | None
    """(a - d) / n."""
    bias_index: float | None
    """(b - c) / n."""
    reasons: dict[str, str]
    """Why a figure is None."""


def binary_agreement(ratings: ArrayLike, *, scale: Scale, positive: float | None = None) -> BinaryAgreement:
    """Agreement of two raters on a yes-or-no mark (Feinstein and Cicchetti 1990, J Clin Epidemiol 43:543).

    `positive` is the value that means yes: the first of `scale` as declared if not given (so the first row of a
    table is positive). Raises `UsageError` unless the scale has two values.
    """
    declared = [float(value) for value in scale]
    table = as_ratings(ratings, scale=declared, raters=2)
    yes = declared[0] if positive is None else float(positive)
    if len(declared) != 2 or yes not in declared:
        raise UsageError(
            f"scale {tuple(declared)!r} with positive value {yes!r}: expected two values, one of them positive; "
            "use weighted_kappa for longer scales"
        )
    pairs = table.values[~np.isnan(table.values).any(axis=1)] == yes
    first, second = pairs[:, 0], pairs[:, 1]
    n = len(pairs)
    a, b = int((first & second).sum()), int((first & ~second).sum())
    c, d = int((~first & second).sum()), int((~first & ~second).sum())
    if n == 0:
        names = ("observed", "kappa", "ac1", "pabak", "positive_agreement", "negative_agreement")
        return BinaryAgreement(
            n=0, n_missing=table.n_missing, observed=None, kappa=None, ac1=None, pabak=None, positive_agreement=None,
            negative_agreement=None, prevalence_index=None, bias_index=None,
            reasons=dict.fromkeys((*names, "prevalence_index", "bias_index"), "no unit has two ratings"),
        )  # fmt: skip
    observed = (a + d) / n
    reasons = {}
    kappa = weighted_kappa(table.values, scale=declared, weights="identity", interval=None)
    if kappa.reason:
        reasons["kappa"] = kappa.reason
    share = (2 * a + b + c) / (2 * n)
    by_chance = 2 * share * (1 - share)
    if a == b == c == 0:
        reasons["positive_agreement"] = "nobody gave the positive value"
    if b == c == d == 0:
        reasons["negative_agreement"] = "nobody gave the negative value"
    return BinaryAgreement(
        n=n,
        n_missing=table.n_missing,
        observed=observed,
        kappa=kappa.value,
        ac1=(observed - by_chance) / (1 - by_chance),
        pabak=2 * observed - 1,
        positive_agreement=2 * a / (2 * a + b + c) if a + b + c else None,
        negative_agreement=2 * d / (2 * d + b + c) if b + c + d else None,
        prevalence_index=(a - d) / n,
        bias_index=(b - c) / n,
        reasons=reasons,
    )
