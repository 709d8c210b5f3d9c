"""Intervals of one proportion."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from spinebench.errors import UsageError
from spinebench.evaluators.proportions import METHODS, proportion_interval, rule_of_three, wilson

ORACLES = {
    "wilson": "wilson",
    "clopper_pearson": "beta",
    "agresti_coull": "agresti_coull",
    "wald": "normal",
    "jeffreys": "jeffreys",
}


@pytest.mark.parametrize(("method", "oracle"), ORACLES.items(), ids=list(ORACLES))
@pytest.mark.parametrize(("count", "n"), [(81, 263), (15, 148), (1, 29), (7, 10), (500, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_against_statsmodels(method: str, oracle: str, count: int, n: int, level: float) -> None:
    ours = proportion_interval(count, n, method=method, level=level)
    assert ours == pytest.approx(proportion_confint(count, n, alpha=1 - level, method=oracle), abs=1e-9)


def test_newcombes_table_of_methods_with_continuity_correction() -> None:
    # Newcombe 1998, Stat Med 17:857, Table I, method 4 (score, corrected)
    assert proportion_interval(81, 263, method="wilson_corrected") == pytest.approx(
        (0.2535, 0.3682), abs=5e-5
    )
    assert proportion_interval(15, 148, method="wilson_corrected") == pytest.approx(
        (0.0598, 0.1644), abs=5e-5
    )
    assert proportion_interval(0, 20, method="wilson_corrected") == pytest.approx((0, 0.2005), abs=5e-5)
    assert proportion_interval(1, 29, method="wilson_corrected") == pytest.approx((0.0018, 0.1963), abs=5e-5)


def test_nothing_seen_still_has_an_upper_bound() -> None:
    # Clopper-Pearson, 0 of 10: 1 - 0.025 ** (1 / 10) = 0.3085; one-sided 1 - 0.05 ** (1 / 10) = 0.2589
    assert proportion_interval(0, 10, method="Clopper-Pearson") == pytest.approx((0, 0.30849710781876083))
    assert rule_of_three(10) == pytest.approx(0.2588655508)
    # Wilson: z^2 / (n + z^2) with z^2 = 3.8415 is 3.8415 / 13.8415
    assert proportion_interval(0, 10) == pytest.approx((0, 0.2775327999))


def test_no_trials_have_no_interval() -> None:
    assert proportion_interval(0, 0) is None


@pytest.mark.parametrize(
    ("count", "n", "level", "method"),
    [(3, 2, 0.95, "wilson"), (-1, 2, 0.95, "wilson"), (1, 2, 1, "wilson"), (1, 2, 0.95, "x")],
)
def test_impossible_input_is_refused(count: int, n: int, level: float, method: str) -> None:
    with pytest.raises(UsageError):
        proportion_interval(count, n, level=level, method=method)


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from(sorted(METHODS)))
def test_intervals_hold_the_proportion_and_mirror_each_other(pair: tuple[int, int], method: str) -> None:
    count, n = pair
    found = proportion_interval(count, n, method=method)
    mirror = proportion_interval(n - count, n, method=method)
    assert found is not None
    assert mirror is not None
    assert 0 <= found.low <= count / n + 1e-12
    assert count / n - 1e-12 <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirror.high, 1 - mirror.low), abs=1e-9)


@given(counts)
def test_the_exact_interval_is_wider_than_wilsons(pair: tuple[int, int]) -> None:
    exact, score = proportion_interval(*pair, method="clopper_pearson"), wilson(*pair)
    assert exact is not None
    assert exact.high - exact.low >= score.high - score.low - 1e-9 or math.isclose(pair[0] % pair[1], 0)
