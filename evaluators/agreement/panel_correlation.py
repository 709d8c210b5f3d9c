"""Correlations of a judge with clinicians, and of clinicians with each other, who need not all have rated every unit.

Pearson's r is held against a mean, which makes it higher than against one person; so a judge's r is read beside that of
each clinician with the mean of the others. Never on its own: a judge who is one level too strict has r near 1. The
intraclass correlation is averaged over pairs, as the mean kappa is, since the whole table's needs complete rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.evaluators.agreement.concluding import Facts, concluded
from spinebench.evaluators.agreement.correlation import correlation_statistic
from spinebench.evaluators.agreement.icc import icc_statistic
from spinebench.evaluators.agreement.intervals import IntervalOptions, Statistic
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings, with_judge
from spinebench.evaluators.agreement.result import Agreement


def row_means(values: FloatArray) -> FloatArray:
    """Mean of each row's scores; NaN for an empty row."""
    known = (~np.isnan(values)).sum(axis=1)
    total = np.nan_to_num(values).sum(axis=1)
    means = np.divide(total, known, out=np.full(len(values), np.nan), where=known > 0)
    return np.asarray(means, dtype=np.float64)


def judge_correlation(
    ratings: ArrayLike, judge: ArrayLike, *, scale: Scale | None = None, **options: Unpack[IntervalOptions]
) -> Agreement:
    """Pearson's r of a judge (a value per unit) with the mean of the clinicians (units x clinicians, NaN for missing).

    Units without a score of the judge or of any clinician are left out. Undefined where judge or mean do not vary.
    """
    joined = with_judge(as_ratings(ratings, scale=scale).values, judge)
    table = as_ratings(joined, scale=scale, clusters=options.get("clusters"))
    facts = Facts(
        name="Pearson's r, judge with the clinicians' mean",
        undefined="judge or clinicians do not vary",
        judge_last=True,
    )
    return concluded(table, facts, lambda rows: _with_mean(rows[:, -1], rows[:, :-1]), options)


def mean_correlation_with_others(
    ratings: ArrayLike, *, scale: Scale | None = None, **options: Unpack[IntervalOptions]
) -> Agreement:
    """Pearson's r of each clinician with the mean of the others, averaged over clinicians: the human ceiling of
    `judge_correlation`.

    Slightly low as a ceiling, since a clinician is held against one person fewer than a judge is. Clinicians whose r is
    undefined (no units in common with others, one and the same score) are left out; undefined where none is left.
    """
    table = as_ratings(ratings, scale=scale, clusters=options.get("clusters"))
    facts = Facts(
        name="mean Pearson's r, clinician with the others' mean",
        undefined="no clinician has a correlation with the others",
    )

    def build(rows: FloatArray) -> Statistic:
        parts = [_with_mean(rows[:, place], np.delete(rows, place, axis=1)) for place in range(rows.shape[1])]

        def statistic(times: FloatArray) -> FloatArray:
            return row_means(np.stack([part(times) for part in parts], axis=1))

        return statistic

    return concluded(table, facts, build, options)


def mean_pairwise_icc(
    ratings: ArrayLike,
    *,
    judge: ArrayLike | None = None,
    scale: Scale | None = None,
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """ICC(A,1) of every pair of clinicians, or of `judge` (a value per unit) with each, averaged with the number of
    units both rated as weight.

    Pairs whose ICC is undefined (fewer than two units in common, all scores alike) are left out. Undefined where no
    pair has one.
    """
    values = as_ratings(ratings, scale=scale).values
    joined = values if judge is None else with_judge(values, judge)
    table = as_ratings(joined, scale=scale, clusters=options.get("clusters"))
    facts = Facts(
        name="mean pairwise ICC(A,1)" if judge is None else "mean ICC(A,1), judge with each clinician",
        form="A,1",
        undefined="no pair has an ICC",
        constant_undefined=judge is None,
        judge_last=judge is not None,
    )

    def build(rows: FloatArray) -> Statistic:
        last = rows.shape[1] - 1
        if judge is None:
            return _mean_icc(rows, list(combinations(range(last + 1), 2)))
        return _mean_icc(rows, [(last, one) for one in range(last)])

    return concluded(table, facts, build, options)


def _mean_icc(rows: FloatArray, pairs: Sequence[tuple[int, int]]) -> Statistic:
    both = [(~np.isnan(rows[:, list(pair)])).all(axis=1) for pair in pairs]
    parts = [
        (used, icc_statistic(rows[used][:, list(pair)], "A,1"))
        for pair, used in zip(pairs, both, strict=True)
        if used.sum() >= 1
    ]

    def statistic(times: FloatArray) -> FloatArray:
        if not parts:
            return np.full(len(times), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.stack([part(times[:, used]) for used, part in parts])
            sizes = np.stack([times[:, used].sum(axis=1) for used, _ in parts])
            sizes = np.where(np.isnan(values), 0.0, sizes)
            return np.asarray((np.nan_to_num(values) * sizes).sum(axis=0) / sizes.sum(axis=0))

    return statistic


def _with_mean(one: FloatArray, others: FloatArray) -> Statistic:
    pair = np.column_stack([one, row_means(others)])
    if np.isnan(pair).any(axis=1).all():
        return lambda times: np.full(len(times), np.nan)
    return correlation_statistic(pair, "pearson")
