"""Intervals: the jackknife and the bootstrap done one unit at a time, clusters, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from spinebench.errors import UsageError
from spinebench.evaluators.agreement import gwet_ac, icc, krippendorff_alpha, rank_correlation, weighted_kappa

SCALE = (1, 2, 3, 4, 5)


def _pairs(seed: int, n: int, noise: int = 1) -> Any:
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, (n, 1))
    return np.clip(truth + rng.integers(-noise, noise + 1, (n, 2)), 1, 5).astype(float)


@pytest.mark.parametrize("clustered", [False, True])
def test_the_jackknife_leaves_out_one_cluster_at_a_time(clustered: bool) -> None:
    values = _pairs(1, 40)
    clusters = [place // 2 for place in range(40)] if clustered else list(range(40))
    found = weighted_kappa(values, scale=SCALE, clusters=clusters)
    groups = sorted(set(clusters))
    left_out = []
    for group in groups:
        kept = values[[one != group for one in clusters]]
        value = weighted_kappa(kept, scale=SCALE, interval=None).value
        assert value is not None
        left_out.append(math.atanh(value))
    n = len(groups)
    se = math.sqrt((n - 1) / n * sum((z - np.mean(left_out)) ** 2 for z in left_out))
    assert found.value is not None
    assert found.interval is not None
    half = stats.t.ppf(0.975, n - 1) * se
    assert found.interval.low == pytest.approx(math.tanh(math.atanh(found.value) - half))
    assert found.interval.high == pytest.approx(math.tanh(math.atanh(found.value) + half))
    assert found.n_clusters == n
    assert found.resampling_unit == "cluster"


def test_bca_is_close_to_that_of_scipy() -> None:
    """Two different streams of random numbers: limits within 0.02 with 9,999 resamples."""
    values = _pairs(2, 60)
    ours = rank_correlation(
        values, kind="pearson", interval="bca", rng=np.random.default_rng(4), n_resamples=9999
    )
    theirs = stats.bootstrap(
        (values[:, 0], values[:, 1]),
        lambda x, y: stats.pearsonr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert ours.interval is not None
    assert ours.interval.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.interval.high == pytest.approx(theirs.high, abs=0.02)
    assert ours.seed == 4


def test_the_same_seed_gives_the_same_interval_to_the_last_bit() -> None:
    values = _pairs(3, 30)

    def once(seed: int, rows: Any = values) -> Any:
        return krippendorff_alpha(rows, scale=SCALE, interval="bca", rng=np.random.default_rng(seed)).interval

    assert once(1) == once(1)
    assert once(1) != once(2)
    assert once(1) == once(1, values[::-1])  # nor does the order of units matter


def test_bca_needs_a_generator() -> None:
    with pytest.raises(UsageError, match="default_rng"):
        weighted_kappa(_pairs(1, 30), scale=SCALE, interval="bca")


@pytest.mark.parametrize("interval", ["jackknife", "bca"])
def test_below_ten_units_there_is_a_value_and_no_interval(interval: Any) -> None:
    found = weighted_kappa(_pairs(5, 9), scale=SCALE, interval=interval, rng=np.random.default_rng(1))
    assert found.value is not None
    assert found.interval is None
    assert found.interval_reason is not None
    assert "9 independent units" in found.interval_reason


def test_ninety_units_of_nine_studies_are_nine() -> None:
    found = gwet_ac(_pairs(6, 90), scale=SCALE, clusters=[place % 9 for place in range(90)])
    assert (found.n_units, found.n_clusters, found.interval, found.descriptive) == (90, 9, None, True)


def test_ten_to_twenty_nine_units_are_descriptive() -> None:
    assert weighted_kappa(_pairs(1, 29), scale=SCALE).descriptive
    assert not weighted_kappa(_pairs(1, 30), scale=SCALE).descriptive


def test_full_agreement_has_no_interval_and_says_why() -> None:
    values = np.repeat(np.arange(1, 6), 6)[:, None].repeat(2, axis=1)
    found = weighted_kappa(values, scale=SCALE)
    assert (found.value, found.interval) == (1.0, None)
    assert found.interval_reason is not None


def test_ten_raters_add_the_variance_between_raters() -> None:
    """Ten raters of whom one is far off: dropping raters matters, and the method says that it counts."""
    rng = np.random.default_rng(8)
    truth = rng.integers(1, 6, (40, 1))
    values = np.clip(truth + rng.integers(-1, 2, (40, 10)), 1, 5).astype(float)
    values[:, 0] = 6 - values[:, 0]
    ten = krippendorff_alpha(values, scale=SCALE)
    nine = krippendorff_alpha(values[:, :9], scale=SCALE)
    assert ten.interval is not None
    assert nine.interval is not None
    assert ten.interval.method.endswith("units and raters")
    assert "raters" not in nine.interval.method
    assert "conditional on these 9 raters" in nine.warnings
    assert not any("conditional" in warning for warning in ten.warnings)
    assert ten.interval.high - ten.interval.low > nine.interval.high - nine.interval.low


def test_the_jackknife_covers_at_sixty_units() -> None:
    """500 samples of 60 pairs of correlation 0.6; 92 % is 3 standard errors below 95 %."""
    rng = np.random.default_rng(12)
    hits = 0
    for _ in range(500):
        x = rng.normal(size=60)
        y = 0.6 * x + 0.8 * rng.normal(size=60)
        interval = rank_correlation(np.column_stack([x, y]), kind="pearson").interval
        assert interval is not None
        hits += interval.low <= 0.6 <= interval.high
    assert hits / 500 >= 0.92


def test_the_error_by_linearization_is_near_that_of_the_jackknife() -> None:
    values = _pairs(9, 400)
    found = krippendorff_alpha(values, scale=SCALE, metric="interval")
    assert found.value is not None
    assert found.interval is not None
    assert found.se is not None
    half = math.atanh(found.interval.high) - math.atanh(found.value)
    by_jackknife = half / stats.t.ppf(0.975, 399) * (1 - found.value**2)
    assert found.se == pytest.approx(by_jackknife, rel=0.05)


@pytest.mark.parametrize(("fives", "warned"), [(30, True), (12, False)])
def test_scores_on_one_value_are_a_warning_for_kappa_and_not_for_ac2(fives: int, warned: bool) -> None:
    coefficients: tuple[Any, ...] = (weighted_kappa, krippendorff_alpha, icc, gwet_ac)
    ratings = [[5, 5]] * fives + [[1, 1], [3, 1], [3, 5]] * ((40 - fives) // 3)
    said = [
        any("one value" in warning for warning in coefficient(ratings, scale=(1, 3, 5)).warnings)
        for coefficient in coefficients
    ]
    assert said == [warned, warned, warned, False]
