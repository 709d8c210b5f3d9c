"""A judge beside clinicians: differences, margins, panel, alternative annotator test, models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from spinebench.errors import UsageError
from spinebench.evaluators.agreement import (
    alternative_annotator_test,
    bhapkar,
    binary_agreement,
    bland_altman,
    krippendorff_alpha,
    marginal_shift,
    mean_pairwise_kappa,
    non_inferiority,
    panel_comparison,
    ranking_agreement,
    ratings_from_table,
    stuart_maxwell,
    weighted_kappa,
    within_and_pooled,
)

SCALE = (1, 2, 3, 4, 5)


def _panel(seed: int, n: int = 80, k: int = 4, noise: int = 1) -> tuple[Any, Any]:
    """Clinicians with the truth and noise, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 6, n)
    return np.clip(truth[:, None] + rng.integers(-noise, noise + 1, (n, k)), 1, 5).astype(
        float
    ), truth.astype(float)


def test_feinsteins_paradox() -> None:
    """Table 2 of Feinstein and Cicchetti: 85 % agreement as in their table 1, kappa .32 in place of .70."""
    found = binary_agreement(ratings_from_table([[80, 10], [5, 5]]), scale=(1, 2))
    assert found.observed == pytest.approx(0.85)
    assert found.kappa == pytest.approx(0.32, abs=0.005)
    assert found.pabak == pytest.approx(0.70)
    assert found.positive_agreement == pytest.approx(160 / 175)
    assert found.negative_agreement == pytest.approx(10 / 25)
    assert found.prevalence_index == pytest.approx(0.75)


def test_nobody_positive_leaves_positive_agreement_undefined() -> None:
    found = binary_agreement([[0, 0]] * 10, scale=(1, 0))
    assert (found.positive_agreement, found.negative_agreement, found.kappa) == (None, 1.0, None)
    assert set(found.reasons) == {"positive_agreement", "kappa"}


def test_limits_of_agreement_by_hand() -> None:
    """Differences 1, 3, 2, 2: mean 2, s^2 = 2/3; limits 2 -/+ 1.96 x .8165; bias t(3) = 3.182 x .8165 / 2."""
    found = bland_altman([[2.0, 1], [5.0, 2], [4.0, 2], [3.0, 1], [1.0, np.nan]])
    assert found.bias == 2
    assert found.limits == pytest.approx((2 - 1.96 * (2 / 3) ** 0.5, 2 + 1.96 * (2 / 3) ** 0.5))
    assert found.interval is not None
    assert found.interval.high == pytest.approx(2 + 3.18245 * (2 / 3) ** 0.5 / 2, abs=1e-4)
    assert (found.n_units, found.n_missing, found.mean_absolute_difference) == (4, 1, 2)


@pytest.mark.parametrize(
    ("ratings", "bias", "limits"),
    [([], None, None), ([[1, np.nan]], None, None), ([[3, 1]], 2, None), ([[3, 1]] * 12, 2, (2, 2))],
    ids=["empty", "no pair", "one unit", "constant"],
)
def test_limits_of_degenerate_differences(ratings: Any, bias: float | None, limits: Any) -> None:
    found = bland_altman(ratings)
    assert found.value == found.bias
    assert (found.bias, found.limits) == (bias, limits)
    assert (found.reason is None) == (bias is not None)


def test_a_bias_that_is_the_same_in_every_cluster_has_no_interval() -> None:
    # Differences -1 and 1 in each of four clusters: means 0, no spread between them, and no range to rest on.
    found = bland_altman([[1.0, 2], [3.0, 2]] * 4, clusters=[0, 0, 1, 1, 2, 2, 3, 3])
    assert (found.bias, found.interval) == (0.0, None)
    assert any("no interval" in warning for warning in found.warnings)


def test_marginal_tests_are_those_of_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import SquareTable

    table = np.array([[20, 10, 5], [3, 30, 15], [0, 5, 40]])
    theirs = SquareTable(table, shift_zeros=False)
    ratings = ratings_from_table(table)
    for ours, method in ((stuart_maxwell, "stuart_maxwell"), (bhapkar, "bhapkar")):
        expected = theirs.homogeneity(method)
        found = ours(ratings, scale=(1, 2, 3))
        assert found.statistic == pytest.approx(expected.statistic)
        assert found.p_value == pytest.approx(expected.pvalue)
        # A level that nobody used is no degree of freedom.
        assert ours(ratings, scale=(1, 2, 3, 4)).df == 2


@pytest.mark.parametrize(
    ("table", "statistic"), [([[5, 0], [0, 5]], 0.0), ([[5, 0], [0, 0]], None), ([[0, 0], [0, 0]], None)]
)
def test_marginal_tests_of_degenerate_tables(table: Any, statistic: float | None) -> None:
    found = stuart_maxwell(ratings_from_table(table), scale=(1, 2))
    assert found.statistic == statistic
    assert (found.reason is None) == (statistic is not None)


def test_the_shift_table_has_the_judge_in_rows() -> None:
    found = marginal_shift([[5.0, 4], [5.0, 5], [4.0, np.nan]], scale=(4, 5))
    assert found.counts == ((0, 0), (1, 1))
    assert found.shift == (-0.5, 0.5)
    assert (found.n, found.n_missing) == (2, 1)


def test_pairwise_kappas_are_weighted_by_the_units_in_common() -> None:
    ratings, _ = _panel(1, k=3)
    ratings[:50, 2] = np.nan
    parts = [
        (weighted_kappa(ratings[:, pair], scale=SCALE).value, n)
        for pair, n in (([0, 1], 80), ([0, 2], 30), ([1, 2], 30))
    ]
    expected = sum((value or 0) * n for value, n in parts) / 140
    assert mean_pairwise_kappa(ratings, scale=SCALE).value == pytest.approx(expected)


def test_a_judge_like_the_clinicians_and_one_that_guesses() -> None:
    ratings, truth = _panel(2)
    good = panel_comparison(ratings, truth, scale=SCALE)
    blind = panel_comparison(ratings, np.random.default_rng(1).integers(1, 6, 80), scale=SCALE)
    assert good.difference.interval is not None
    assert good.difference.interval.low > 0
    assert blind.difference.interval is not None
    assert blind.difference.interval.high < 0
    for found in (good, blind):
        alone = krippendorff_alpha(ratings, scale=SCALE).value
        assert found.alpha_clinicians.value == alone
        assert found.alpha_difference.value == pytest.approx(
            (found.alpha_with_judge.value or 0) - (alone or 0)
        )
        assert "conditional on these 4 clinicians" in found.difference.warnings
    rng = np.random.default_rng
    assert non_inferiority(ratings, truth, scale=SCALE, rng=rng(1)).shown is True
    assert non_inferiority(ratings, 6 - truth, scale=SCALE, rng=rng(1)).shown is False
    assert non_inferiority(ratings[:9], truth[:9], scale=SCALE, rng=rng(1)).reason is not None


def test_the_alternative_annotator_test_done_by_hand() -> None:
    """Per clinician: closeness to the other two, d = clinician wins - judge wins, one-sided t against epsilon."""
    ratings, _ = _panel(3, n=40, k=3)
    judge = np.random.default_rng(5).integers(1, 6, 40).astype(float)
    found = alternative_annotator_test(ratings, judge, scale=SCALE, epsilon=0.2)
    p_values = []
    for rater in range(3):
        others = np.delete(ratings, rater, axis=1)
        human = np.sqrt(((ratings[:, [rater]] - others) ** 2).mean(axis=1))
        machine = np.sqrt(((judge[:, None] - others) ** 2).mean(axis=1))
        d = (human <= machine).astype(float) - (machine <= human)
        p_values.append(float(stats.ttest_1samp(d, 0.2, alternative="less").pvalue))
        assert found.annotators[rater].judge_advantage == pytest.approx((machine <= human).mean())
    assert [one.p_value for one in found.annotators] == pytest.approx(p_values)
    adjusted = stats.false_discovery_control(p_values, method="by")
    assert [one.p_adjusted for one in found.annotators] == pytest.approx(adjusted)
    assert found.winning_rate == pytest.approx((adjusted < 0.05).mean())


@pytest.mark.parametrize(("judge", "passes"), [("truth", True), ("reversed", False)])
def test_who_passes_the_alternative_annotator_test(judge: str, passes: bool) -> None:
    ratings, truth = _panel(4)
    found = alternative_annotator_test(ratings, truth if judge == "truth" else 6 - truth, scale=SCALE)
    assert found.passes is passes


def test_a_judge_that_is_never_further_off_needs_enough_units() -> None:
    """d is 0 throughout: p is (1 - .2)^n, .32 for 5 units and below .001 for 40; t would claim 0 for both."""
    same = np.array([[3.0, 3, 3]])
    few = alternative_annotator_test(same.repeat(5, axis=0), [3] * 5, scale=SCALE)
    many = alternative_annotator_test(same.repeat(40, axis=0), [3] * 40, scale=SCALE)
    assert few.annotators[0].p_value == pytest.approx(0.8**5)
    assert (few.winning_rate, many.winning_rate) == (0.0, 1.0)
    assert any("descriptive" in warning for warning in few.warnings)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_fewer_than_three_clinicians_are_no_test(k: int) -> None:
    found = alternative_annotator_test(np.full((30, k), 3.0), [3] * 30, scale=SCALE)
    assert (found.winning_rate, found.passes) == (None, None)
    assert found.reason is not None


def test_pooled_agreement_can_hide_that_there_is_none_within_models() -> None:
    """Models differ by two levels; within a model judge and clinician are independent."""
    rng = np.random.default_rng(6)
    level = np.repeat([2, 4, 3, 1], 100)
    ratings = (level + rng.integers(0, 2, 400))[:, None].astype(float)
    judge = level + rng.integers(0, 2, 400)
    found = within_and_pooled(ratings, judge, [f"m{one}" for one in level], scale=SCALE)
    assert found.pooled.value is not None
    assert found.pooled.value > 0.7
    assert found.within.value == pytest.approx(0, abs=0.1)
    assert found.across_means is not None
    assert found.across_means > 0.99


def test_one_model_is_pooled_and_within_at_once() -> None:
    ratings, truth = _panel(7, k=1)
    found = within_and_pooled(ratings, truth, ["m"] * 80, scale=SCALE)
    assert found.within.value == pytest.approx(found.pooled.value)
    assert found.across_means is None


def test_the_order_of_models_by_hand() -> None:
    """Clinicians: a > b > c; judge: b > a > c; of three pairs two agree: tau = 1/3."""
    models = ["a"] * 10 + ["b"] * 10 + ["c"] * 10
    ratings = np.repeat([5, 4, 1], 10)[:, None].astype(float)
    judge = np.repeat([3, 4, 1], 10)
    found = ranking_agreement(ratings, judge, models, rng=np.random.default_rng(1))
    assert found.tau == pytest.approx(1 / 3)
    assert [row.model for row in found.models] == ["a", "b", "c"]
    assert {(pair.first, pair.second): pair.same_order for pair in found.pairs} == {
        ("a", "b"): 0.0, ("a", "c"): 1.0, ("b", "c"): 1.0,
    }  # fmt: skip
    assert found.order_probability == pytest.approx(2 / 3)


@pytest.mark.parametrize("n_models", [1, 2])
def test_fewer_than_three_models_have_no_order(n_models: int) -> None:
    ratings, truth = _panel(8, k=2, n=40)
    models = [f"m{place % n_models}" for place in range(40)]
    found = ranking_agreement(ratings, truth, models, rng=np.random.default_rng(1))
    assert found.tau is None
    assert found.reason is not None


@pytest.mark.parametrize("judge", [[1, 2], [[1], [2], [3]]], ids=["too few", "a column"])
def test_the_judge_needs_one_score_per_unit(judge: Any) -> None:
    with pytest.raises(UsageError, match="one value for each of the 3 units"):
        panel_comparison([[1, 2], [2, 3], [3, 3]], judge, scale=SCALE)
