"""Means over clustered answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spinebench.evaluators.clustered import Part, combined_mean, moments, proportion, t_quantile
from spinebench.evaluators.proportions import clopper_pearson, wilson


def array(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def codes(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def test_variance_by_hand() -> None:
    # 1 1 | 0 0 | 1 0: mean 1/2, residual sums 1, -1, 0; G / (G - 1) * 2 / 6^2 = 3 / 2 * 2 / 36 = 1 / 12.
    # As if independent: s^2 = 6 * .25 / 5 = .3, / 6 = .05; design effect (1 / 12) / .05 = 5 / 3, effective n 3.6.
    values, clusters = array(1, 1, 0, 0, 1, 0), codes(0, 0, 1, 1, 2, 2)
    found = combined_mean("m", [Part(values, clusters)])
    assert found.value == 0.5
    assert found.se == pytest.approx(math.sqrt(1 / 12))
    assert found.design_effect == pytest.approx(5 / 3)
    assert found.n_effective == pytest.approx(3.6)
    assert (found.n, found.n_clusters) == (6, 3)
    # t(2) = 4.303 makes the interval wider than [0, 1]: cut
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0, 1)
    assert any("fewer than 30" in warning for warning in found.warnings)


samples = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=3, max_size=60)


@given(st.floats(1, 1e7), st.floats(0.01, 0.9999))
def test_quantiles_of_t_are_scipys_on_both_sides_of_the_series(df: float, level: float) -> None:
    assert t_quantile(df, level) == pytest.approx(stats.t.ppf((1 + level) / 2, df), rel=1e-9)


@given(samples)
def test_against_statsmodels_cluster_robust_regression_on_a_constant(rows: list[tuple[int, int]]) -> None:
    values, clusters = np.array([r[0] for r in rows], dtype=float), codes(*(r[1] for r in rows))
    found = moments([Part(values, clusters)])
    if found.n_clusters < 2:
        assert found.variance == 0
        return
    # statsmodels multiplies by G/(G-1) * (n-1)/(n-k); with k = 1 the second factor is 1.
    fit = sm.OLS(values, np.ones(len(values))).fit()
    if found.variance > 0:
        robust = fit.get_robustcov_results("cluster", groups=clusters, use_correction=True)
        assert math.sqrt(found.variance) == pytest.approx(float(robust.bse[0]), rel=1e-6, abs=1e-9)


@given(st.lists(st.integers(0, 1), min_size=2, max_size=50))
def test_one_answer_per_cluster_is_the_plain_standard_error(values: list[int]) -> None:
    y = np.array(values, dtype=float)
    found = moments([Part(y, np.arange(len(y)))])
    # variance over n - 1: p (1 - p) / (n - 1), the naive p (1 - p) / n times n / (n - 1)
    p = y.mean()
    assert found.variance == pytest.approx(p * (1 - p) / (len(y) - 1), abs=1e-12)
    assert found.design_effect in (None, pytest.approx(1))


def test_t_interval_of_a_mean_against_scipy() -> None:
    y = array(0.2, 0.5, 0.9, 0.4, 0.6, 0.3)
    found = combined_mean("m", [Part(y, np.arange(6))])
    low, high = stats.t.interval(0.95, 5, loc=y.mean(), scale=stats.sem(y))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.interval.method == "t"


@given(samples, st.permutations(range(7)))
def test_neither_order_nor_names_of_clusters_matter(rows: list[tuple[int, int]], names: list[int]) -> None:
    values, clusters = np.array([r[0] for r in rows], dtype=float), codes(*(r[1] for r in rows))
    renamed = np.array(names)[clusters]
    one, other = moments([Part(values, clusters)]), moments([Part(values[::-1], renamed[::-1])])
    assert (one.value, one.variance) == pytest.approx((other.value, other.variance), abs=1e-12)


def test_two_parts_that_share_clusters_keep_their_covariance() -> None:
    # Each cluster has one answer in both parts, always equal: the mean of the two means is one mean, so the variance
    # is that of one part, not half of it.
    y = array(1, 0, 1, 1, 0)
    part = Part(y, np.arange(5), 0.5)
    both, single = moments([part, part]), moments([Part(y, np.arange(5))])
    assert (both.value, both.variance) == pytest.approx((single.value, single.variance))
    # In disjoint clusters the variances add with weight 1/4 each; G / (G - 1) is then 10/9 in place of 5/4.
    apart = moments([part, Part(y, np.arange(5, 10), 0.5)])
    assert apart.variance == pytest.approx(single.variance / 2 * (10 / 9) / (5 / 4))


def test_proportion_of_independent_answers_is_wilsons() -> None:
    found = proportion("p", np.array([True] * 3 + [False] * 7), np.arange(10))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == wilson(3, 10)
    assert (found.count, found.n, found.n_clusters, found.design_effect) == (3, 10, 10, None)


def test_a_safety_event_is_exact() -> None:
    found = proportion("p", np.zeros(10, dtype=bool), np.arange(10), safety=True)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == clopper_pearson(0, 10)


def test_no_event_in_ten_answers_on_five_images_counts_as_five() -> None:
    found = proportion("p", np.zeros(10, dtype=bool), codes(0, 0, 1, 1, 2, 2, 3, 3, 4, 4), safety=True)
    assert found.value == 0
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == clopper_pearson(0, 5)
    assert [other.method for other in found.other_intervals] == ["Clopper-Pearson"]
    score = proportion("p", np.zeros(10, dtype=bool), codes(0, 0, 1, 1, 2, 2, 3, 3, 4, 4))
    assert score.interval is not None
    assert (score.interval.low, score.interval.high) == pytest.approx(wilson(0, 5))


def test_a_safety_event_in_clusters_uses_the_effective_number() -> None:
    # Both answers of an image always agree: design effect near 2, so the interval is about that of 20 answers.
    success = np.repeat(np.array([True] * 4 + [False] * 16), 2)
    found = proportion("p", success, np.repeat(np.arange(20), 2), safety=True)
    assert found.interval is not None
    twenty, forty = clopper_pearson(4, 20), clopper_pearson(8, 40)
    assert found.interval.high == pytest.approx(twenty.high, abs=0.03)
    assert found.interval.high > forty.high


def test_all_right_in_one_task_and_none_in_the_other_has_an_interval() -> None:
    parts = [Part(np.ones(20), np.arange(20), 0.5), Part(np.zeros(20), np.arange(20), 0.5)]
    found = combined_mean("overall", parts)
    # Wilson 20/20 reaches down by .1611, 0/20 up by .1611, halved: .5 - .0806 and .5 + .0806
    assert found.value == 0.5
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (0.5 - 0.0805626, 0.5 + 0.0805626), abs=1e-6
    )
    assert found.se is None


def test_nothing_is_undefined_with_a_reason() -> None:
    found = proportion("p", np.zeros(0, dtype=bool), codes(), empty="no questions")
    assert (found.value, found.reason, found.interval) == (None, "no questions", None)


@given(samples, st.booleans())
def test_intervals_hold_the_value_and_stay_in_range(rows: list[tuple[int, int]], safety: bool) -> None:
    found = proportion("p", np.array([bool(r[0]) for r in rows]), codes(*(r[1] for r in rows)), safety=safety)
    assert found.value is not None
    for interval in filter(None, (found.interval, *found.other_intervals)):
        assert 0 <= interval.low <= found.value + 1e-9
        assert found.value - 1e-9 <= interval.high <= 1
