"""Means that stand for the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spinebench.evaluators.calibration.weighted import weighted_mean
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.proportions import Bounds, wilson

SCALE = Bounds(1, 5)


def mean_of(
    values: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    strata: list[int] | None = None,
    clusters: list[int] | None = None,
    limits: Bounds = SCALE,
    binary: bool = False,
) -> Estimate:
    n = len(values)
    return weighted_mean(
        "m",
        np.array(values, dtype=float),
        np.array(weights if weights is not None else [1] * n, dtype=float),
        np.array(strata if strata is not None else [0] * n, dtype=np.int64),
        np.array(clusters if clusters is not None else range(n), dtype=np.int64),
        limits=limits,
        binary=binary,
    )


def test_the_toy_of_unequal_strata() -> None:
    # 800 correct with mean 4.6, 200 wrong with 2.2, five drawn of each: weights 160 and 40. 4.12, not 3.40.
    values = [5.0, 5, 4, 5, 4, 2, 2, 3, 2, 2]
    found = mean_of(values, weights=[160] * 5 + [40] * 5, strata=[0] * 5 + [1] * 5)
    assert found.value == pytest.approx(4.12)
    # .8^2 * .3 / 5 + .2^2 * .2 / 5
    assert found.se == pytest.approx(math.sqrt(0.64 * 0.06 + 0.04 * 0.04))


@given(st.lists(st.integers(1, 5), min_size=2, max_size=30).filter(lambda values: len(set(values)) > 1))
def test_without_a_design_it_is_the_t_interval(values: list[int]) -> None:
    found = mean_of([float(value) for value in values], limits=Bounds(-100, 100))
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert found.interval is not None
    assert [found.interval.low, found.interval.high] == pytest.approx([low, high])


@given(st.lists(st.booleans(), min_size=2, max_size=40))
def test_an_unweighted_share_is_close_to_wilson(marks: list[bool]) -> None:
    found = mean_of([float(mark) for mark in marks], limits=Bounds(0, 1), binary=True)
    # p (1 - p) / variance is n - 1 in place of n, or n where nothing varies.
    n = len(marks) - (0 < sum(marks) < len(marks))
    bounds = wilson(sum(marks) / len(marks) * n, n)
    assert found.interval is not None
    assert [found.interval.low, found.interval.high] == pytest.approx([bounds.low, bounds.high])
    assert found.count == sum(marks)


def test_none_of_ten_keeps_its_upper_bound() -> None:
    found = mean_of([0.0] * 10, limits=Bounds(0, 1), binary=True)
    assert found.interval is not None
    assert [found.interval.low, found.interval.high] == pytest.approx([0, wilson(0, 10).high])
    heavy = mean_of([0.0] * 10, weights=[91.0, *[1.0] * 9], limits=Bounds(0, 1), binary=True)
    assert heavy.interval is not None
    assert heavy.interval.high > 0.7  # nearly all of the weight is on one trace


def test_twins_of_one_image_count_once() -> None:
    values = [1.0, 1, 5, 5, 3, 3, 2, 2]
    apart, together = mean_of(values[::2]), mean_of(values, clusters=[0, 0, 1, 1, 2, 2, 3, 3])
    assert together.se == pytest.approx(apart.se)
    assert (together.n, together.n_clusters) == (8, 4)


def test_one_trace_and_equal_scores_rest_on_numbers_alone() -> None:
    for values in ([3.0], [3.0, 3, 3]):
        found = mean_of(values)
        assert found.interval is not None
        assert found.interval.low < 3 < found.interval.high
        assert any("number alone" in warning for warning in found.warnings)


def test_a_stratum_with_one_trace_is_joined_to_another() -> None:
    found = mean_of([1.0, 2, 5], strata=[0, 0, 1])
    assert found.se is not None
    assert found.se > mean_of([1.0, 2, 5, 5], strata=[0, 0, 1, 1]).se  # type: ignore[operator]


def test_nothing() -> None:
    found = mean_of([])
    assert (found.value, found.reason) == (None, "no traces")
