"""Many dimensions of the same units: a judge who is exactly one level too strict shows why Pearson is never alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.dimension_table import dimension_table

SCALE = (1, 2, 3, 4, 5)


def test_a_judge_one_level_too_strict_correlates_perfectly_and_agrees_never() -> None:
    rng = np.random.default_rng(4)
    expert = rng.integers(2, 6, (40, 2)).astype(float)
    table = dimension_table(expert - 1, expert, dimensions=("IR", "DGN"), scale=SCALE)
    assert table.macro_pearson == pytest.approx(1.0)
    for row in table.rows:
        assert row.exact.value == 0
        assert row.differences.bias == pytest.approx(-1.0)
        assert row.kappa.value is not None
        assert row.kappa.value < 0.8
    # ICC(A,1) by its definition: MSR = 2 var(row means), no residual, MSC = n / 2 for a constant step of 1
    n, spread = 40, expert.mean(axis=1).var(ddof=1)
    expected = 2 * spread / (2 * spread + 2 / n * (n / 2))
    assert table.total_icc.value == pytest.approx(expected)


def test_each_column_is_its_own_and_missing_scores_are_left_out() -> None:
    rng = np.random.default_rng(5)
    expert = rng.integers(1, 6, (50, 3)).astype(float)
    judge = np.clip(expert + rng.integers(-1, 2, expert.shape), 1, 5)
    judge[0, 0] = np.nan
    judge[:, 2] = 3  # constant: no correlation
    table = dimension_table(judge, expert, dimensions=("a", "b", "c"), scale=SCALE)
    first = stats.pearsonr(judge[1:, 0], expert[1:, 0]).statistic
    second = stats.pearsonr(judge[:, 1], expert[:, 1]).statistic
    assert [row.pearson.value for row in table.rows] == [
        pytest.approx(first),
        pytest.approx(second),
        None,
    ]
    assert table.macro_pearson == pytest.approx((first + second) / 2)
    assert table.n_undefined == 1
    assert table.total_icc.n_units == 49


@pytest.mark.parametrize("shape", [(4,), (4, 2), (5, 3)], ids=str)
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="dimensions"):
        dimension_table(np.ones(shape), np.ones((4, 3)), dimensions=("a", "b", "c"), scale=SCALE)
