"""Chance-corrected coefficients against hand figures, other libraries and their definitions spelt out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spinebench.errors import UsageError
from spinebench.evaluators.agreement import (
    Agreement,
    brennan_prediger,
    conger,
    fleiss_kappa,
    gwet_ac,
    icc,
    kendall_w,
    krippendorff_alpha,
    percent_agreement,
    rank_correlation,
    ratings_from_table,
    scott_pi,
    weighted_kappa,
)
from spinebench.evaluators.agreement.weights import weight_matrix

SCALE = (1, 2, 3, 4, 5)
ANXIETY = [
    (3, 3, 2), (3, 6, 1), (3, 4, 4), (4, 6, 4), (5, 2, 3), (5, 4, 2), (2, 2, 1), (3, 4, 6), (5, 3, 1), (2, 3, 1),
    (2, 2, 1), (6, 3, 2), (1, 3, 3), (5, 3, 3), (2, 2, 1), (2, 2, 1), (1, 1, 3), (2, 3, 3), (4, 3, 2), (3, 4, 2),
]  # fmt: skip
"""irr's data set of 20 subjects and three raters."""

Coefficient = Callable[..., Agreement]


def _drawn(seed: int, n: int = 30, k: int = 3, missing: float = 0.2) -> Any:
    rng = np.random.default_rng(seed)
    values = np.clip(rng.integers(1, 6, (n, 1)) + rng.integers(-1, 2, (n, k)), 1, 5).astype(float)
    values[rng.random(values.shape) < missing] = np.nan
    return values


def _alpha_spelt_out(values: Any, metric: str) -> float:
    """Every pair of ratings one by one."""
    units = [[x for x in row if not np.isnan(x)] for row in values]
    units = [unit for unit in units if len(unit) > 1]
    pool = [x for unit in units for x in unit]

    def distance(a: float, b: float) -> float:
        if metric == "nominal":
            return float(a != b)
        if metric == "interval":
            return (a - b) ** 2
        if metric == "ratio":
            return ((a - b) / (a + b)) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(low <= x <= high for x in pool)
        return (between - (pool.count(a) + pool.count(b)) / 2) ** 2 if a != b else 0.0

    observed = sum(
        sum(distance(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units
    ) / len(pool)
    expected = sum(distance(a, b) for a, b in permutations(pool, 2)) / (len(pool) * (len(pool) - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval", "ratio"])
@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_one_less_observed_over_expected_disagreement(metric: Any, seed: int) -> None:
    values = _drawn(seed)
    found = krippendorff_alpha(values, metric=metric, scale=SCALE)
    assert found.value == pytest.approx(_alpha_spelt_out(values, metric))


@pytest.mark.parametrize("weights", ["identity", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(3))
def test_kappa_and_its_error_are_those_of_statsmodels(weights: Any, seed: int) -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    values = _drawn(seed, n=60, k=2, missing=0)
    table = np.zeros((5, 5))
    np.add.at(table, (values[:, 0].astype(int) - 1, values[:, 1].astype(int) - 1), 1)
    scheme = {"identity": None, "linear": "linear", "quadratic": "quadratic"}[weights]
    theirs = cohens_kappa(table, wt=scheme, return_results=True)
    ours = weighted_kappa(values, scale=SCALE, weights=weights)
    assert ours.value == pytest.approx(theirs.kappa)
    assert ours.se == pytest.approx(theirs.std_kappa)
    assert weighted_kappa(ratings_from_table(table), scale=SCALE, weights=weights).value == pytest.approx(
        ours.value
    )


def test_fleiss_is_that_of_statsmodels() -> None:
    from statsmodels.stats.inter_rater import aggregate_raters
    from statsmodels.stats.inter_rater import fleiss_kappa as theirs

    values = _drawn(1, n=40, k=4, missing=0)
    counts, _ = aggregate_raters(values.astype(int))
    assert fleiss_kappa(values, scale=SCALE).value == pytest.approx(theirs(counts))


@pytest.mark.parametrize(
    ("coefficient", "weights", "value", "se"),
    [
        pytest.param(conger, "identity", 0.76282, 0.14917, id="conger"),
        pytest.param(brennan_prediger, "identity", 0.77273, 0.14472, id="brennan-prediger"),
        pytest.param(fleiss_kappa, "identity", 0.76117, 0.15302, id="fleiss"),
        pytest.param(gwet_ac, "identity", 0.77544, 0.14295, id="ac1"),
        pytest.param(gwet_ac, "quadratic", 0.91400, 0.10396, id="ac2"),
    ],
)
def test_four_raters_with_missing_ratings(
    coefficient: Coefficient, weights: str, value: float, se: float
) -> None:
    """Gwet's table of four raters and twelve units; figures of his handbook."""
    nan = np.nan
    values = [
        [1, 1, nan, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4],
        [1, 1, 2, 1], [2, 2, 2, 2], [nan, 5, 5, 5], [nan, nan, 1, 1], [nan, nan, 3, nan],
    ]  # fmt: skip
    found = coefficient(values, scale=SCALE, weights=weights)
    assert found.value == pytest.approx(value, abs=1e-5)
    assert found.se == pytest.approx(se, abs=1e-5)
    assert (found.n_units, found.n_missing, found.n_raters) == (11, 7, 4)


@pytest.mark.parametrize("weights", ["identity", "linear", "quadratic", "ordinal", "radical", "ratio"])
def test_two_complete_raters_have_one_kappa_by_two_ways(weights: Any) -> None:
    values = _drawn(5, k=2, missing=0)
    cohen = weighted_kappa(values, scale=SCALE, weights=weights)
    assert conger(values, scale=SCALE, weights=weights).value == pytest.approx(cohen.value)
    assert scott_pi(values, scale=SCALE).value == fleiss_kappa(values, scale=SCALE).value


def test_ordinal_weights_count_the_pairs_of_values_between() -> None:
    """Of q = 4: neighbours hold C(2,2) = 1 of C(4,2) = 6 pairs, two apart C(3,2) = 3, three apart 6."""
    matrix = weight_matrix("ordinal", (1.0, 2.0, 3.0, 4.0))
    assert matrix[0].tolist() == pytest.approx([1, 1 - 1 / 6, 1 - 3 / 6, 0])


def test_unused_levels_change_ac2_and_not_alpha() -> None:
    values = np.array([[3, 5], [5, 5], [5, 5], [3, 3], [5, 3]] * 4)
    wide, narrow = gwet_ac(values, scale=SCALE), gwet_ac(values, scale=(3, 5))
    assert wide.value != pytest.approx(narrow.value)
    assert krippendorff_alpha(values, scale=SCALE).value == krippendorff_alpha(values, scale=(3, 5)).value


def test_kendall_w_with_ties_by_hand() -> None:
    """Three raters, three units. Ranks (1, 2, 3), (1, 2.5, 2.5), (1, 2, 3); sums 3, 6.5, 8.5 around 6: S = 15.5.
    m^2 (n^3 - n) = 216; one tie of two, T = 6, m T = 18: W = 12 x 15.5 / (216 - 18) = 186 / 198.
    """
    found = kendall_w([[1, 1, 2], [2, 4, 3], [3, 4, 5]])
    assert found.value == pytest.approx(186 / 198)
    assert found.components["uncorrected"] == pytest.approx(186 / 216)
    assert found.components["chi2"] == pytest.approx(3 * 2 * 186 / 198)


def test_kendall_w_of_the_anxiety_ratings() -> None:
    """irr::kendall(anxiety, correct = TRUE) prints Wt = 0.54, Chisq(19) = 30.8, p = 0.0429."""
    found = kendall_w(ANXIETY)
    assert found.value == pytest.approx(0.54, abs=0.005)
    assert found.components["chi2"] == pytest.approx(30.8, abs=0.05)
    assert found.components["p"] == pytest.approx(0.0429, abs=5e-5)


def test_icc_of_the_anxiety_ratings() -> None:
    """irr::icc(anxiety, model = "twoway", type = "agreement") prints 0.198, 95 % limits -0.039 and 0.494."""
    found = icc(ANXIETY, form="A,1")
    assert found.value == pytest.approx(0.198, abs=5e-4)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-0.039, abs=5e-4)
    assert found.interval.high == pytest.approx(0.494, abs=5e-4)


def test_icc_limits_of_shrout_and_fleiss() -> None:
    """R psych::ICC on the table of 1979: lower and upper bounds to three digits."""
    values = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    limits = {"1,1": (-0.133, 0.723), "A,1": (0.019, 0.761), "C,1": (0.342, 0.946), "C,k": (0.676, 0.986)}
    for form, (low, high) in limits.items():
        interval = icc(values, form=form).interval  # type: ignore[arg-type]  # keys of the table above
        assert interval is not None
        assert interval.low == pytest.approx(low, abs=5e-4)
        assert interval.high == pytest.approx(high, abs=5e-4)


def test_icc_leaves_out_units_with_a_missing_rating_and_says_so() -> None:
    values = _drawn(3, missing=0)
    broken = np.vstack([values, [[1, np.nan, 5]]])
    found = icc(broken)
    assert found.value == pytest.approx(icc(values).value)
    assert found.n_missing == 1
    assert "1 units with a missing rating left out" in found.warnings


def test_exact_and_within_one_level_by_hand() -> None:
    """Pairs of three raters: (1,1,3): 1 of 3 equal, 1 of 3 within one level of 1, 3, 5 more: 3 of 3. (1,5,-): 0."""
    values = [[1.0, 1, 3], [1.0, 5, np.nan]]
    assert percent_agreement(values, scale=(1, 3, 5)).value == pytest.approx((1 / 3 + 0) / 2)
    assert percent_agreement(values, scale=(1, 3, 5), within=1).value == pytest.approx((1 + 0) / 2)
    assert percent_agreement(values, within=1).value == pytest.approx((1 / 3 + 0) / 2)
    against = percent_agreement(values, scale=(1, 3, 5), against=[1, 5])
    assert against.value == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert against.n_pairs == 5


@pytest.mark.parametrize("kind", ["kendall", "spearman", "pearson"])
def test_correlations_are_those_of_scipy(kind: Any) -> None:
    from scipy import stats

    values = _drawn(7, k=2, missing=0)
    theirs = {"kendall": stats.kendalltau, "spearman": stats.spearmanr, "pearson": stats.pearsonr}[kind]
    assert rank_correlation(values, kind=kind).value == pytest.approx(
        theirs(values[:, 0], values[:, 1]).statistic
    )


CORRECTED: dict[str, Coefficient] = {
    "kappa": lambda x, **more: weighted_kappa(x, scale=SCALE, **more),
    "fleiss": lambda x, **more: fleiss_kappa(x, scale=SCALE, **more),
    "conger": lambda x, **more: conger(x, scale=SCALE, **more),
    "alpha": lambda x, **more: krippendorff_alpha(x, scale=SCALE, **more),
    "icc": lambda x, **more: icc(x, scale=SCALE, **more),
    "kendall": lambda x, **more: rank_correlation(x, kind="kendall", **more),
    "spearman": lambda x, **more: rank_correlation(x, kind="spearman", **more),
    "pearson": lambda x, **more: rank_correlation(x, kind="pearson", **more),
    "w": lambda x, **more: kendall_w(x, **more),
}
ALL: dict[str, Coefficient] = {
    **CORRECTED,
    "ac2": lambda x, **more: gwet_ac(x, scale=SCALE, **more),
    "exact": lambda x, **more: percent_agreement(x, scale=SCALE, **more),
}
NAN = float("nan")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="empty"),
        pytest.param(np.empty((0, 2)), id="no units"),
        pytest.param([[NAN, NAN]] * 5, id="all missing"),
        pytest.param([[1, NAN], [2, NAN], [5, NAN]], id="one rater"),
        pytest.param([[1, NAN], [NAN, 2]], id="no pair"),
    ],
)
def test_nothing_to_compare_is_null_with_a_reason(name: str, values: Any) -> None:
    found = ALL[name](values)
    assert found.value is None
    assert found.reason
    assert found.interval is None


@pytest.mark.parametrize("name", CORRECTED)
@pytest.mark.parametrize(
    "values", [[[5, 5]] * 12, [[5, 4]] * 12, [[3, 3]]], ids=["equal", "apart", "one unit"]
)
def test_constant_raters_leave_corrected_figures_undefined(name: str, values: Any) -> None:
    found = CORRECTED[name](values)
    assert found.value is None
    assert found.reason


def test_constant_and_equal_is_full_agreement_without_correction() -> None:
    assert gwet_ac([[5, 5]] * 12, scale=SCALE).value == 1
    assert percent_agreement([[5, 5]] * 12, scale=SCALE).value == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param([[1, 6]] * 3, "rating 6 of unit 0, rater 1", id="off the scale"),
        pytest.param([[1, 2.5]] * 3, "rating 2.5", id="between values"),
        pytest.param([[1, float("inf")]] * 3, "rating inf", id="infinite"),
        pytest.param([1, 2, 3], "shape (3,)", id="one dimension"),
        pytest.param([["a", "b"]], "not a number", id="text"),
        pytest.param([[1, 2], [3]], "ratings", id="ragged"),
    ],
)
@pytest.mark.parametrize("name", ["kappa", "alpha", "ac2", "icc", "exact"])
def test_wrong_input_is_named(name: str, values: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        ALL[name](values)
    assert message in str(caught.value)


@pytest.mark.parametrize("scale", [(), (1,), (1, 1, 2), ("a", "b")], ids=repr)
def test_a_scale_needs_two_different_numbers(scale: Any) -> None:
    with pytest.raises(UsageError, match="two or more different numbers"):
        gwet_ac([[1, 1]], scale=scale)


def test_more_than_two_raters_are_no_pair() -> None:
    with pytest.raises(UsageError, match="3 raters: expected 2"):
        weighted_kappa([[1, 2, 3]], scale=SCALE)


_TABLES = arrays(np.float64, (14, 3), elements=st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, NAN]))


@settings(max_examples=40)
@given(values=_TABLES, seed=st.integers(0, 99))
def test_order_of_units_and_raters_changes_nothing(values: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = values[rng.permutation(14)][:, rng.permutation(3)]
    for name in ("alpha", "ac2", "fleiss", "conger", "icc", "exact", "w"):
        first, second = ALL[name](values), ALL[name](shuffled)
        assert (first.value is None) == (second.value is None)
        if first.value is not None:
            assert first.value == pytest.approx(second.value, abs=1e-9)
            assert first.value <= 1 + 1e-9


@settings(max_examples=40)
@given(values=arrays(np.float64, (14, 2), elements=st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0])))
def test_full_agreement_is_one_where_scores_vary(values: Any) -> None:
    same = values[:, [0, 0]]
    if len(set(same[:, 0])) > 1:
        for name in CORRECTED:
            assert CORRECTED[name](same).value == pytest.approx(1)


def test_pairs_of_conger_spelt_out() -> None:
    """p_e over ordered pairs of raters, one by one."""
    values = _drawn(11, k=3, missing=0)
    shares = np.stack([(values[:, [r]] == np.arange(1, 6)).mean(axis=0) for r in range(3)])
    expected = np.mean([shares[a] @ shares[b] for a, b in combinations(range(3), 2)])
    observed = np.mean([(values[:, a] == values[:, b]).mean() for a, b in combinations(range(3), 2)])
    assert conger(values, scale=SCALE).value == pytest.approx((observed - expected) / (1 - expected))
