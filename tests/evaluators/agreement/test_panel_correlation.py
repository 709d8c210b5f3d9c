"""Correlations with a panel that has missing cells, and the totals over dimensions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from spinebench.evaluators.agreement import agreement_report
from spinebench.evaluators.agreement.icc import icc
from spinebench.evaluators.agreement.panel_correlation import (
    judge_correlation,
    mean_correlation_with_others,
    mean_pairwise_icc,
)
from spinebench.evaluators.agreement.ratings import FloatArray
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, TraceRow

NAN = np.nan


def panel(seed: int, n: int = 40, *, missing: float = 0.25) -> FloatArray:
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, n)
    ratings: FloatArray = np.clip(truth[:, None] + rng.integers(-1, 2, (n, 3)), 1, 5).astype(np.float64)
    ratings[rng.random(ratings.shape) < missing] = NAN
    return ratings


def test_a_judge_with_the_mean_of_those_who_rated() -> None:
    """Means 2, 3, 4, 5 (the third from one clinician alone), judge 2, 3, 5, 4: covariance 4/n, variances 5/n: r .8."""
    clinicians = np.array([[1, 3], [2, 4], [4, NAN], [5, 5], [NAN, NAN], [2, 2]])
    judge = np.array([2, 3, 5, 4, 1, NAN])
    found = judge_correlation(clinicians, judge)
    assert found.value == pytest.approx(0.8)
    assert found.interval is None, "fewer than ten units"


def test_clinicians_with_the_mean_of_the_others() -> None:
    ratings = panel(1, missing=0.0)
    singly = [
        np.corrcoef(ratings[:, place], np.delete(ratings, place, axis=1).mean(axis=1))[0, 1]
        for place in range(3)
    ]
    found = mean_correlation_with_others(ratings)
    assert found.value == pytest.approx(np.mean(singly))
    assert found.interval is not None
    assert found.interval.low < np.mean(singly) < found.interval.high


def test_icc_is_averaged_over_pairs_by_what_they_share() -> None:
    ratings = panel(2)
    values, sizes = [], []
    for pair in combinations(range(3), 2):
        both = ratings[:, list(pair)]
        both = both[~np.isnan(both).any(axis=1)]
        values.append(icc(both, form="A,1").value)
        sizes.append(len(both))
    assert len(set(sizes)) > 1
    found = mean_pairwise_icc(ratings)
    assert found.value == pytest.approx(np.average(np.array(values, dtype=float), weights=sizes))
    assert found.interval is not None


def test_icc_of_a_judge_with_each_clinician() -> None:
    ratings = panel(3)
    judge = ratings[:, 0].copy()
    alone = mean_pairwise_icc(ratings[:, [1]], judge=judge).value
    both = np.column_stack([judge, ratings[:, 1]])
    assert alone == pytest.approx(icc(both[~np.isnan(both).any(axis=1)], form="A,1").value)
    # Absolute agreement: a judge one level too strict loses it, and keeps r.
    strict = mean_pairwise_icc(ratings, judge=judge - 1).value
    even = mean_pairwise_icc(ratings, judge=judge).value
    assert strict is not None
    assert even is not None
    assert strict < even - 0.1
    assert judge_correlation(ratings, judge - 1).value == pytest.approx(
        judge_correlation(ratings, judge).value
    )


def test_what_is_undefined_says_why() -> None:
    one = np.array([[1.0], [2.0], [3.0]])
    assert mean_correlation_with_others(one).reason == "fewer than two raters with ratings"
    assert mean_pairwise_icc(one).reason == "fewer than two raters with ratings"
    apart = np.array([[1, NAN], [2, NAN], [NAN, 3], [NAN, 4]])
    assert mean_pairwise_icc(apart).reason == "no unit has two ratings"
    assert judge_correlation(one, [3, 3, 3]).reason == "judge or clinicians do not vary"
    assert judge_correlation(np.empty((0, 2)), np.empty(0)).value is None


def report_rows(scores: dict[tuple[str, str, int], int | None]) -> AuditRows:
    """(rater, dimension, trace) -> score of 12 traces; raters that begin with j are judges."""
    traces = tuple(
        TraceRow(
            trace_id=f"t{number}", run_id="r", model="m", task="report", image="i", cluster=f"c{number}",
            correct=None, outcome="complete", stratum="s", probability=1.0, rating_probability=1.0, referred=True,
            split="validation", simulated=False,
        )
        for number in range(12)
    )  # fmt: skip
    rows = tuple(
        ScoreRow(
            f"t{trace}", dimension, "judge" if rater[0] == "j" else "clinician", rater, 1, score,
            "cannot_assess" if score is None else "scored",
        )
        for (rater, dimension, trace), score in scores.items()
    )  # fmt: skip
    return AuditRows(
        traces=traces, strata=(), scores=rows, marks=(), scales={"a": (1, 2, 3, 4, 5), "b": (1, 2, 3, 4, 5)},
        adjudicated={}, stale=(), locked=True,
    )  # fmt: skip


def test_totals_are_means_over_the_dimensions_of_those_who_scored_all() -> None:
    rng = np.random.default_rng(4)
    scores: dict[tuple[str, str, int], int | None] = {
        (rater, dimension, trace): int(np.clip(1 + trace % 5 + rng.integers(-1, 2), 1, 5))
        for rater in ("c1", "c2", "j")
        for dimension in ("a", "b")
        for trace in range(12)
    }
    scores["c2", "b", 0] = None  # so c2 has no total of the first trace
    report = agreement_report(report_rows(scores), n_resamples=50)
    (totals,) = report.totals
    assert (totals.task, totals.dimensions) == ("report", ("a", "b"))
    (judge,) = totals.judges

    def total(rater: str, trace: int) -> float:
        values = [scores[rater, dimension, trace] for dimension in ("a", "b")]
        return NAN if None in values else float(np.mean([value for value in values if value is not None]))

    table = np.array([[total(rater, trace) for rater in ("c1", "c2", "j")] for trace in range(12)])
    assert totals.icc.value == pytest.approx(icc(table[1:, :2], form="A,1").value)
    with_first, with_second = icc(table[:, [0, 2]], form="A,1"), icc(table[1:, 1:], form="A,1")
    assert with_first.value is not None
    assert with_second.value is not None
    assert judge.icc.value == pytest.approx((12 * with_first.value + 11 * with_second.value) / 23)
    each = [one.judges[0].pearson.value for one in report.dimensions]
    assert judge.macro_pearson.value == pytest.approx(np.mean([value for value in each if value is not None]))
    assert judge.macro_pearson.n_undefined == 0


def test_a_dimension_without_variation_is_in_no_mean() -> None:
    scores: dict[tuple[str, str, int], int | None] = {
        (rater, dimension, trace): 3 if dimension == "b" else 1 + trace % 5
        for rater in ("c1", "c2", "j")
        for dimension in ("a", "b")
        for trace in range(12)
    }
    (totals,) = agreement_report(report_rows(scores), n_resamples=50).totals
    for found in (totals.macro_pearson, totals.judges[0].macro_pearson):
        assert found.value == pytest.approx(1)
        assert found.n_undefined == 1
