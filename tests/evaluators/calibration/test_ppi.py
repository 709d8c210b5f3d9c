"""Prediction-powered inference for a mean."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spinebench.errors import UsageError
from spinebench.evaluators.calibration import (
    pooled,
    power_tuned_lambda,
    ppi_mean,
    ppi_mean_stratified,
    ppi_means,
    ppi_sample,
)

EXAMPLES = (
    Path(__file__).parents[3].parent / "shared" / "data" / "reference" / "agreement_worked_examples.json"
)


def test_the_worked_examples_come_out() -> None:
    if not EXAMPLES.exists():
        pytest.skip(f"the worked examples are not here: {EXAMPLES.name}")
    cases = [
        case for case in json.loads(EXAMPLES.read_text("utf-8"))["cases"] if case["statistic"] == "ppi_mean"
    ]
    assert cases
    for case in cases:
        found = ppi_mean(**case["data"], **case["args"])
        expected, tolerance = case["expected"], case["tolerance"]
        assert found.interval is not None
        assert found.value == pytest.approx(expected["estimate"], abs=tolerance)
        assert found.se == pytest.approx(expected["se_ddof1"], abs=tolerance)
        assert [found.interval.low, found.interval.high] == pytest.approx(
            expected["ci95_t_ddof1"], abs=tolerance
        )
        (normal,) = found.other_intervals
        assert [normal.low, normal.high] == pytest.approx(expected["ci95_z_ddof0"], abs=tolerance)


LABELS, ON_LABELLED, ON_OTHERS = [4.0, 2.0, 3.0], [5.0, 2.0, 5.0], [4.0, 2.0]


def test_by_hand() -> None:
    # Differences -1, 0, -2: mean -1, s^2 = 1. Judge on the others: mean 3, s^2 = 2.
    # Estimate 3 - 1 = 2; variance 2 / 2 + 1 / 3 = 4 / 3; t(2) = 4.302653.
    found = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS)
    assert found.value == pytest.approx(2)
    assert found.se == pytest.approx(math.sqrt(4 / 3))
    assert found.interval is not None
    assert found.interval.high == pytest.approx(2 + 4.302653 * math.sqrt(4 / 3), abs=1e-5)
    assert (found.n, found.n_judged, found.df) == (3, 5, 2)


def test_the_mean_over_all_traces_is_another_lambda() -> None:
    # Judge over all five: 18 / 5 = 3.6; rectifier -1: 2.6. As lam = N / (N + n) = 2 / 5 on the others:
    # .4 * 3 + mean(2, 1.2, 1) = 1.2 + 1.4 = 2.6.
    found = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, judge_mean="all")
    same = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, lam=2 / 5)
    assert found.value == pytest.approx(2.6)
    assert found.se == pytest.approx(same.se)


scores = st.lists(st.integers(1, 5), min_size=3, max_size=20)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=3, max_size=30), scores)
def test_lambda_0_is_the_labels_alone(pairs: list[tuple[int, int]], others: list[int]) -> None:
    labels = [pair[0] for pair in pairs]
    found = ppi_mean(labels, [pair[1] for pair in pairs], others, lam=0)
    assert found.value == pytest.approx(np.mean(labels))
    if np.std(labels) == 0:
        assert found.interval is None
        assert any("no interval" in warning for warning in found.warnings)
    else:
        assert found.interval is not None
        low, high = stats.t.interval(0.95, len(labels) - 1, np.mean(labels), stats.sem(labels))
        assert (found.interval.low, found.interval.high) == pytest.approx((low, high))


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=3, max_size=30),
    scores,
    st.floats(-3, 3),
)
def test_a_judge_that_is_off_by_a_constant_changes_nothing(
    pairs: list[tuple[int, int]], others: list[int], shift: float
) -> None:
    labels, judge = [p[0] for p in pairs], np.array([p[1] for p in pairs], dtype=float)
    plain = ppi_mean(labels, judge, others)
    moved = ppi_mean(labels, judge + shift, np.array(others) + shift)
    assert moved.value == pytest.approx(plain.value)
    assert moved.se == (None if plain.se is None else pytest.approx(plain.se))


def test_equal_weights_and_single_clusters_are_the_plain_form() -> None:
    plain = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS)
    weighted = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, weights=[7, 7, 7], weights_unlabelled=[2, 2])
    single = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, clusters="abc", clusters_unlabelled="de")
    for other in (weighted, single):
        assert other.value == pytest.approx(plain.value)
        assert other.se == pytest.approx(plain.se)


def test_weights_are_shares_of_the_frame() -> None:
    # Differences -1, 0, -2 weighted 1 : 2 : 1 -> -.75; judge 4, 2 weighted 3 : 1 -> 3.5.
    found = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, weights=[1, 2, 1], weights_unlabelled=[3, 1])
    assert found.value == pytest.approx(2.75)


def test_clusters_by_hand() -> None:
    # Pulls of the labelled units (d - mean) / 3: 0, 1/3, -1/3; of the others (f - 3) / 2: 1/2, -1/2.
    # Clusters with a label: {1st} 0, {2nd, 1st other} 1/3 + 1/2, {3rd} -1/3; without: {2nd other} -1/2.
    # Variance 3 / 2 (25 / 36 + 1 / 9) + 1 / 4 = 87 / 72 + 1 / 4.
    found = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, clusters="abc", clusters_unlabelled="bd")
    assert found.se == pytest.approx(math.sqrt(87 / 72 + 1 / 4))
    assert found.n_clusters == 3


def test_pooled_by_hand() -> None:
    # Twenty labels each; within samples the judge is y plus or minus 1, so var(f) > cov and lam < 1.
    rng = np.random.default_rng(4)
    samples = {}
    for key, shift in (("a", 0.0), ("b", 2.0)):
        y = rng.normal(3, 1, 20)
        samples[key] = ppi_sample(y, y + shift + rng.normal(0, 1, 20), rng.normal(3 + shift, 1.4, 80))
    pool = pooled(list(samples.values()))
    assert pool is not None
    cross = sum(float(np.cov(s.labels, s.judge_on_labelled)[0, 1]) for s in samples.values()) / 2
    spread = sum(float(np.var(s.judge_on_labelled, ddof=1)) for s in samples.values()) / 2
    assert pool.lam == pytest.approx(cross / spread / (1 + 20 / 80))
    residual = (
        sum(float(np.var(s.labels - pool.lam * s.judge_on_labelled)) * 20 for s in samples.values()) / 37
    )
    assert pool.residual_variance == pytest.approx(residual)
    assert pool.df == 37
    found = ppi_means(samples)
    for key, sample in samples.items():
        others = pool.lam**2 * float(np.var(sample.judge_on_unlabelled, ddof=1)) / 80
        assert found[key].se == pytest.approx(math.sqrt(others + residual / 20))
        rectifier = float(np.mean(sample.labels - pool.lam * sample.judge_on_labelled))
        assert found[key].value == pytest.approx(
            pool.lam * float(np.mean(sample.judge_on_unlabelled)) + rectifier
        )


def test_too_few_labels_are_not_pooled() -> None:
    sample = ppi_sample(LABELS, ON_LABELLED, ON_OTHERS)
    assert pooled([sample, sample]) is None
    assert {one.lam for one in ppi_means({"a": sample, "b": sample}).values()} == {1.0}


def test_lambda_is_not_tuned_on_few_labels() -> None:
    found = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, lam="tuned")
    assert found.value is None
    assert found.reason is not None
    assert "not tuned" in found.reason


def test_the_tuned_lambda_has_the_least_variance() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(0, 1, 400)
    f, others = y * 0.5 + rng.normal(0, 1, 400), rng.normal(0, math.sqrt(1.25), 1600)
    lam = power_tuned_lambda(y, f, others)
    assert lam is not None
    # cov .5, var 1.25, 1 + n / N = 1.25: .32
    assert lam == pytest.approx(0.32, abs=0.05)
    errors = {value: ppi_mean(y, f, others, lam=value).se or 0 for value in (0.0, lam, 1.0)}
    assert min(errors, key=lambda value: errors[value]) == lam


@pytest.mark.parametrize(
    ("others", "judge"), [((), [1, 2, 3]), ([2, 2], [2, 2, 2])], ids=["no others", "constant judge"]
)
def test_a_tuned_lambda_may_be_undefined(others: list[int], judge: list[int]) -> None:
    assert power_tuned_lambda([1, 2, 3], judge, others) is None


def test_strata_are_added_by_their_share_of_the_frame() -> None:
    # statistics.md's toy: 800 correct with mean 4.6 and 200 wrong with 2.2: 4.12, where the plain mean is 3.40.
    right = ppi_sample([5, 5, 4, 5, 4], [5, 5, 4, 5, 4], [4.6] * 10)
    wrong = ppi_sample([2, 3, 2, 2, 2], [2, 3, 2, 2, 2], [2.2] * 10)
    found = ppi_mean_stratified({"correct": (800, right), "wrong": (200, wrong)})
    assert found.value == pytest.approx(0.8 * 4.6 + 0.2 * 2.2)
    parts = [ppi_mean(s.labels, s.judge_on_labelled, s.judge_on_unlabelled) for s in (right, wrong)]
    assert [part.se for part in parts] == [None, None]  # the judge is right throughout
    assert found.interval is None
    noisy = ppi_sample([5, 5, 4, 5, 4], [4, 5, 3, 5, 5], [4, 5, 3])
    again = ppi_mean_stratified({"correct": (800, noisy), "wrong": (200, noisy)})
    one = ppi_mean(noisy.labels, noisy.judge_on_labelled, noisy.judge_on_unlabelled)
    assert one.se is not None
    assert again.se == pytest.approx(math.hypot(0.8, 0.2) * one.se)


def test_a_stratum_without_labels_is_named() -> None:
    full, empty = ppi_sample(LABELS, ON_LABELLED, ON_OTHERS), ppi_sample([], [], [3, 4])
    found = ppi_mean_stratified({"correct": (3, full), "wrong": (1, empty)})
    assert found.value is None
    assert found.reason is not None
    assert "'wrong'" in found.reason


@pytest.mark.parametrize(
    ("labels", "judge", "others", "value", "says"),
    [
        ([], [], [3, 4], None, "no labels"),
        ([4], [5], [3, 4], 2.5, "no interval"),
        ([4, 2, 3], [5, 2, 5], [], 3.0, "stand alone"),
        ([3, 3, 3], [3, 3, 3], [3, 3], 3.0, "no interval"),
        ([], [], [], None, "no labels"),
    ],
    ids=["no labels", "one label", "no others", "all alike", "nothing"],
)
def test_degenerate_samples(
    labels: list[float], judge: list[float], others: list[float], value: float | None, says: str
) -> None:
    found = ppi_mean(labels, judge, others)
    assert found.value == (None if value is None else pytest.approx(value))
    assert says in f"{found.reason} {found.warnings}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"judge_on_labelled": [1, 2]}, "length 2"),
        ({"labels": [1, math.nan, 2]}, "nan"),
        ({"judge_on_unlabelled": [math.inf]}, "inf"),
        ({"labels": [[1, 2, 3]]}, "shape"),
        ({"weights": [1, 0, 1]}, "weights"),
        ({"weights": [1, 1]}, "weights"),
        ({"clusters": ["a", "b", "c"]}, "clusters"),
        ({"lam": "pooled"}, "pool"),
        ({"lam": math.nan}, "nan"),
        ({"level": 95}, "95"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_wrong_is_named(arguments: dict[str, Any], says: str) -> None:
    given = {"labels": LABELS, "judge_on_labelled": ON_LABELLED, "judge_on_unlabelled": ON_OTHERS} | arguments
    with pytest.raises(UsageError, match=says):
        ppi_mean(**given)


def test_an_interval_is_cut_at_the_range_and_the_whole_one_kept() -> None:
    free = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS)
    assert free.interval is not None
    limits = (free.interval.low + 0.1, free.interval.high - 0.1)
    found = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, limits=limits)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == limits
    whole = found.other_intervals[-1]
    assert (whole.low, whole.high) == (free.interval.low, free.interval.high)
    assert "not cut" in whole.method
    assert (found.value, found.se) == (free.value, free.se)


def test_an_interval_beyond_the_range_is_left_as_it_is() -> None:
    free = ppi_mean(LABELS, ON_LABELLED, ON_OTHERS)
    assert ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, limits=(50, 60)) == free


def test_a_range_is_given_from_below() -> None:
    with pytest.raises(UsageError, match="limits"):
        ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, limits=(5, 1))


@pytest.mark.parametrize("lam", ["half", float("nan"), None])
def test_lambda_is_a_number_or_one_of_two_words(lam: Any) -> None:
    with pytest.raises(UsageError, match="lam "):
        ppi_mean(LABELS, ON_LABELLED, ON_OTHERS, lam=lam)
