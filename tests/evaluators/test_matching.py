"""Pairs of models from sums over clusters, held against the same pairs from their questions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.evaluators.matching import Matched, RightByModel, match_all, match_two


def assert_same(one: Matched, other: Matched) -> None:
    assert one[:3] == other[:3]
    assert one.table == other.table
    assert one.found is not None
    assert other.found is not None
    assert one.found == pytest.approx(other.found, rel=1e-9, abs=1e-13)
    assert one.accuracies == pytest.approx(other.accuracies)
    for mine, theirs in zip(one.means(), other.means(), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-13)


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=2),
    n_clusters=st.integers(1, 12),
    n_models=st.integers(2, 4),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=80)
def test_the_sums_say_what_the_questions_say(
    sizes: list[int], n_clusters: int, n_models: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    tables = [
        RightByModel(
            rng.integers(0, 2, size=(n, n_models)).astype(np.float64),
            rng.integers(0, n_clusters, size=n, dtype=np.int64),
        )
        for n in sizes
    ]
    match = match_all(tables)
    for first in range(n_models):
        for second in range(n_models):
            if first != second:
                assert_same(match(first, second), match_two(tables, first, second))


def test_two_models_that_answer_alike_do_not_differ() -> None:
    right = np.array([[1, 1], [0, 0], [1, 1]], dtype=np.float64)
    table = RightByModel(right, np.array([0, 0, 1], dtype=np.int64))
    found = match_all([table])(0, 1).found
    assert found is not None
    assert (found.value, found.variance, found.naive_variance) == (0, 0, 0)


def test_by_hand() -> None:
    # Cluster 0: first right in both questions, second in none; cluster 1: only the second right.
    # Differences 1, 1, -1: mean 1/3; sums over clusters of (d - 1/3) / 3: 4/9 and -4/9; variance 2/1 * 2 * (4/9)^2.
    table = RightByModel(
        np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float64), np.array([0, 0, 1], dtype=np.int64)
    )
    found = match_all([table])(0, 1)
    assert found.found is not None
    assert found.found.value == pytest.approx(1 / 3)
    assert found.found.variance == pytest.approx(2 * 2 * (4 / 9) ** 2)
    # Of three independent differences: s^2 = ((2/3)^2 + (2/3)^2 + (4/3)^2) / 2, over 3.
    assert found.found.naive_variance == pytest.approx((24 / 9) / 2 / 3)
    assert found.table is not None
    assert (found.table.both, found.table.only_first, found.table.only_second) == (0, 2, 1)
