from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.weighting import IN_SAMPLE, hajek_mean, horvitz_thompson_mean, sample_mean

# 800 right answers of mean 4.6 and 200 wrong ones of mean 2.2: the frame's mean is .8 * 4.6 + .2 * 2.2 = 4.12.
RIGHT, WRONG = [5.0, 5.0, 5.0, 4.0, 4.0], [3.0, 2.0, 2.0, 2.0, 2.0]
VALUES = RIGHT + WRONG
PROBABILITIES = [5 / 800] * 5 + [5 / 200] * 5


def test_the_toy_of_the_design() -> None:
    assert hajek_mean(VALUES, PROBABILITIES).value == pytest.approx(4.12, abs=1e-12)
    assert horvitz_thompson_mean(VALUES, PROBABILITIES, n_frame=1000).value == pytest.approx(4.12, abs=1e-12)
    naive = sample_mean(VALUES)
    assert naive.value == pytest.approx(3.40)
    assert naive.warnings[0] == IN_SAMPLE


def test_the_stratified_error_is_the_textbook_one() -> None:
    # var = sum W_h^2 s_h^2 / n_h = .8^2 * .3 / 5 + .2^2 * .2 / 5 (s^2 of 5,5,5,4,4 is .3; of 3,2,2,2,2 is .2)
    found = hajek_mean(VALUES, PROBABILITIES, strata=["right"] * 5 + ["wrong"] * 5)
    expected = math.sqrt(0.64 * 0.3 / 5 + 0.04 * 0.2 / 5)
    assert found.se == pytest.approx(expected)
    assert found.interval is not None
    # t with 10 - 2 = 8 degrees of freedom: 2.306004
    assert found.interval.high - 4.12 == pytest.approx(2.306004 * expected, rel=1e-6)


def test_equal_probabilities_are_the_plain_mean() -> None:
    values = [1.0, 2.0, 4.0, 5.0]
    found = hajek_mean(values, [0.1] * 4)
    assert found.value == pytest.approx(3.0)
    assert found.se == pytest.approx(np.std(values, ddof=1) / 2)
    assert found.n_effective == pytest.approx(4)


def test_clusters_are_the_unit() -> None:
    apart = hajek_mean([1.0, 1.0, 5.0, 5.0], [0.5] * 4)
    together = hajek_mean([1.0, 1.0, 5.0, 5.0], [0.5] * 4, clusters=["x", "x", "y", "y"])
    # cluster sums of (y - 3) / 4: -1 and 1; variance 2 / 1 * 2 = 4
    assert together.se == pytest.approx(2.0)
    assert apart.se is not None
    assert together.se is not None
    assert together.se > apart.se
    assert (together.n, together.n_clusters) == (4, 2)


@pytest.mark.parametrize(
    ("strata", "variance"),
    [
        # values 0, 2, 9 over total 3: residuals (-11/3, -5/3, 16/3) / 3
        pytest.param(
            "aab", (2 / 3) ** 2 * 0 + 3 / 2 * sum((x / 9) ** 2 for x in (-11, -5, 16)), id="one alone"
        ),
        pytest.param("abc", 3 / 2 * sum((x / 9) ** 2 for x in (-11, -5, 16)), id="all alone"),
    ],
)
def test_a_stratum_of_one_is_put_with_others(strata: str, variance: float) -> None:
    found = hajek_mean([0.0, 2.0, 9.0], [1.0] * 3, strata=list(strata))
    assert found.se == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize(
    ("values", "probabilities", "clusters", "warning"),
    [
        pytest.param([3.0], [0.5], None, "one cluster", id="one value"),
        pytest.param([3.0, 4.0], [0.5, 0.5], ["x", "x"], "one cluster", id="one cluster"),
        pytest.param([4.0, 4.0, 4.0], [0.5, 0.1, 0.2], None, "the same", id="all the same"),
    ],
)
def test_no_interval_without_variation(
    values: list[float], probabilities: list[float], clusters: list[str] | None, warning: str
) -> None:
    found = hajek_mean(values, probabilities, clusters=clusters)
    assert found.value is not None
    assert found.interval is None
    assert any(warning in line for line in found.warnings)


def test_nothing_drawn_is_undefined() -> None:
    found = hajek_mean([], [])
    assert (found.value, found.reason) == (None, "no unit was drawn")


@pytest.mark.parametrize(
    ("values", "probabilities", "text"),
    [
        pytest.param([1.0, 2.0], [0.5], "probabilities 1", id="lengths"),
        pytest.param([1.0, math.nan], [0.5, 0.5], "value nan", id="missing"),
        pytest.param([1.0], [0.0], "probability 0.0", id="never drawn"),
        pytest.param([1.0], [1.5], "probability 1.5", id="above one"),
    ],
)
def test_wrong_input_is_named(values: Sequence[float], probabilities: Sequence[float], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        hajek_mean(values, probabilities)


def test_intervals_cover_the_frame() -> None:
    """Samples of 15 + 15 out of 400 + 100, scores 1..5: the stratified 95 % interval covers in 93 % or more of 1500.

    True coverage .95 falls below .93 by chance once in 2500 times; one of .90 never stays above it.
    """
    generator = np.random.default_rng(11)
    right = generator.choice([3.0, 4.0, 5.0], 400, p=[0.2, 0.4, 0.4])
    wrong = generator.choice([1.0, 2.0, 3.0, 4.0], 100)
    truth = float(np.concatenate([right, wrong]).mean())
    hit = 0
    for _ in range(1500):
        values = np.concatenate(
            [generator.choice(right, 15, replace=False), generator.choice(wrong, 15, replace=False)]
        )
        found = hajek_mean(values, [15 / 400] * 15 + [15 / 100] * 15, strata=["r"] * 15 + ["w"] * 15)
        assert found.interval is not None
        hit += found.interval.low <= truth <= found.interval.high
    assert hit / 1500 >= 0.93
