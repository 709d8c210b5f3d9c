"""May the judge stand in for a clinician? The alternative annotator test (Calderon, Reichart and Dror 2025)."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.ratings import (
    Clusters,
    FloatArray,
    IntArray,
    Scale,
    as_ratings,
    with_judge,
)
from spinebench.evaluators.agreement.result import DESCRIPTIVE_UNITS
from spinebench.evaluators.clustered import Part, moments
from spinebench.evaluators.multiplicity import p_adjust
from spinebench.records import Record

Alignment = Literal["rmse", "accuracy"]

EPSILONS = {"experts": 0.2, "skilled": 0.15, "crowd": 0.1}
"""The paper's cost-benefit margins: the dearer the annotator, the larger the disadvantage one may accept. Clinicians
are experts, the default; the others are for callers whose raters are not."""


class AnnotatorComparison(Record):
    """The judge against one clinician left out, both held against the others."""

    annotator: int
    """Column."""
    n: int
    """Units this clinician, another one and the judge scored."""
    n_clusters: int
    judge_advantage: float | None
    """Share of units on which the judge is at least as close to the others as the clinician is."""
    annotator_advantage: float | None
    """The same the other way; ties count for both."""
    p_value: float | None
    """One-sided: annotator_advantage - judge_advantage >= epsilon."""
    p_adjusted: float | None
    """Benjamini-Yekutieli over the clinicians."""
    rejected: bool | None
    reason: str | None = None


class AlternativeAnnotatorTest(Record):
    """Winning rate and advantage probability over all clinicians."""

    winning_rate: float | None
    """omega: share of the clinicians against whom the judge wins; 0.5 or more passes."""
    advantage_probability: float | None
    """rho: mean of `judge_advantage`."""
    passes: bool | None
    reason: str | None = None
    annotators: tuple[AnnotatorComparison, ...] = ()
    epsilon: float
    alpha: float
    """Share of false wins that is allowed."""
    alignment: Alignment
    n_units: int
    n_clusters: int
    warnings: tuple[str, ...] = ()


def alternative_annotator_test(
    ratings: ArrayLike,
    judge: ArrayLike,
    *,
    scale: Scale,
    epsilon: float = EPSILONS["experts"],
    alignment: Alignment = "rmse",
    alpha: float = 0.05,
    clusters: Clusters | None = None,
) -> AlternativeAnnotatorTest:
    """Leave out one clinician at a time and ask who is closer to the rest: the judge or the clinician.

    Per unit both are held against the other clinicians' scores: minus the root mean squared difference (`rmse`), or
    the share of equal scores (`accuracy`). d is 1 where only the clinician is at least as close, -1 where only the
    judge is, 0 for a tie. H0: mean d >= epsilon, tested one-sided by t (cluster-robust where units share clusters),
    p-values adjusted by Benjamini and Yekutieli; the paper's own test. The paper asks for 30 units per clinician;
    below, the result says that it is descriptive. Where d does not vary t has no meaning: then, if d is never 1, p
    is at most (1 - epsilon)^clusters, since under H0 d is 1 at least with probability epsilon; otherwise p = 1.
    Null with a reason below three clinicians with units to test.
    """
    if not 0 <= epsilon < 1 or not 0 < alpha < 1 or alignment not in get_args(Alignment):
        raise UsageError(
            f"epsilon {epsilon!r}, alpha {alpha!r}, alignment {alignment!r}: expected epsilon from 0 to below 1, alpha "
            "between 0 and 1, alignment rmse or accuracy; 0.2 and 0.05 are usual for experts"
        )
    panel = as_ratings(ratings, scale=scale, clusters=clusters)
    joined = as_ratings(with_judge(panel.values, judge), scale=scale).values
    comparisons = [
        _compared(joined, rater, alignment, epsilon, panel.clusters) for rater in range(panel.values.shape[1])
    ]
    used = ~np.isnan(joined[:, -1]) & (panel.per_unit >= 2)
    adjusted = p_adjust([one.p_value for one in comparisons], "by")
    comparisons = [
        one.model_copy(update={"p_adjusted": p, "rejected": None if p is None else p < alpha})
        for one, p in zip(comparisons, adjusted, strict=True)
    ]
    tested = [one for one in comparisons if one.p_value is not None]
    reason = None
    if len(tested) < 3:
        reason = f"{len(tested)} clinicians with units to test: the test needs three or more"
    wins = None if reason else sum(bool(one.rejected) for one in tested) / len(tested)
    rho = None if reason else float(np.mean([one.judge_advantage for one in tested]))
    fewest = min((one.n_clusters for one in tested), default=0)
    warnings = []
    if reason is None and fewest < DESCRIPTIVE_UNITS:
        warnings.append(
            f"{fewest} independent units for one clinician, fewer than {DESCRIPTIVE_UNITS}: descriptive"
        )
    return AlternativeAnnotatorTest(
        winning_rate=wins,
        advantage_probability=rho,
        passes=None if wins is None else wins >= 0.5,
        reason=reason,
        annotators=tuple(comparisons),
        epsilon=epsilon,
        alpha=alpha,
        alignment=alignment,
        n_units=int(used.sum()),
        n_clusters=len(np.unique(panel.clusters[used])),
        warnings=tuple(warnings),
    )


def _compared(
    joined: FloatArray, rater: int, alignment: Alignment, epsilon: float, clusters: IntArray
) -> AnnotatorComparison:
    """The judge (last column) against one clinician."""
    others = np.delete(joined[:, :-1], rater, axis=1)
    usable = ~np.isnan(joined[:, rater]) & ~np.isnan(joined[:, -1]) & (~np.isnan(others)).any(axis=1)
    if not usable.any():
        return AnnotatorComparison(
            annotator=rater, n=0, n_clusters=0, judge_advantage=None, annotator_advantage=None, p_value=None,
            p_adjusted=None, rejected=None, reason="no unit scored by the judge, this clinician and another",
        )  # fmt: skip
    human = _closeness(joined[usable, rater], others[usable], alignment)
    machine = _closeness(joined[usable, -1], others[usable], alignment)
    judge_wins, human_wins = machine >= human - 1e-12, human >= machine - 1e-12
    d = human_wins.astype(np.float64) - judge_wins
    _, codes = np.unique(clusters[usable], return_inverse=True)
    codes = codes.ravel().astype(np.int64)
    groups = int(codes.max()) + 1
    return AnnotatorComparison(
        annotator=rater,
        n=len(d),
        n_clusters=groups,
        judge_advantage=float(judge_wins.mean()),
        annotator_advantage=float(human_wins.mean()),
        p_value=_p_value(d, codes, groups, epsilon),
        p_adjusted=None,
        rejected=None,
    )


def _closeness(own: FloatArray, others: FloatArray, alignment: Alignment) -> FloatArray:
    """Per unit; higher is closer."""
    if alignment == "accuracy":
        equal = np.where(np.isnan(others), np.nan, np.abs(others - own[:, None]) < 1e-9)
        return np.asarray(np.nanmean(equal, axis=1))
    return np.asarray(-np.sqrt(np.nanmean((others - own[:, None]) ** 2, axis=1)))


def _p_value(d: FloatArray, codes: IntArray, groups: int, epsilon: float) -> float:
    from scipy.special import stdtr

    found = moments((Part(d, codes),)) if groups > 1 else None
    if found is None or found.variance <= 0:
        return 1.0 if (d > 0).any() else float((1 - epsilon) ** groups)
    return float(stdtr(groups - 1, (found.value - epsilon) / math.sqrt(found.variance)))
