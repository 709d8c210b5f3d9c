"""Paired tests and intervals for independent items."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as oracle

from spinebench.errors import UsageError
from spinebench.evaluators.paired import cochran_q, mcnemar, newcombe_paired

count = st.integers(0, 200)


@given(count, count)
def test_mcnemar_against_statsmodels(b: int, c: int) -> None:
    ours = mcnemar(b, c)
    table = [[0, b], [c, 0]]
    assert ours.exact_p == pytest.approx(min(1.0, oracle(table, exact=True).pvalue), abs=1e-9)
    if b + c:
        plain = oracle(table, exact=False, correction=False)
        assert (ours.chi2, ours.chi2_p) == pytest.approx((plain.statistic, plain.pvalue), abs=1e-9)
        if b != c:
            corrected = oracle(table, exact=False, correction=True)
            assert (ours.chi2_corrected, ours.chi2_corrected_p) == pytest.approx(
                (corrected.statistic, corrected.pvalue), abs=1e-9
            )


def test_mid_p_by_hand() -> None:
    # b = 1, c = 5: P(X <= 1) = (1 + 6) / 64, P(X = 1) = 6 / 64; two-sided exact 14 / 64, mid-p 8 / 64
    found = mcnemar(1, 5)
    assert (found.exact_p, found.mid_p) == pytest.approx((14 / 64, 8 / 64))


def test_without_discordant_items_there_is_no_evidence() -> None:
    found = mcnemar(0, 0)
    assert (found.chi2, found.exact_p, found.mid_p) == (None, 1, 1)


@given(count, count)
def test_mcnemar_does_not_care_who_comes_first(b: int, c: int) -> None:
    assert mcnemar(b, c) == mcnemar(c, b)
    assert 0 <= mcnemar(b, c).mid_p <= mcnemar(b, c).exact_p <= 1


def test_newcombes_interval_against_published_examples() -> None:
    # Altman et al., Statistics with Confidence (2000), p. 52: 14, 5, 0, 22 gives 0.011 to 0.226 (method 10)
    assert newcombe_paired(14, 5, 0, 22) == pytest.approx((0.011, 0.226), abs=5e-4)
    # Fagerland et al., Statistical Analysis of Contingency Tables, ch. 8, Cavo et al. 2012: 59, 6, 16, 80 gives
    # -0.1186 to -0.0046
    assert newcombe_paired(59, 6, 16, 80) == pytest.approx((-0.1186, -0.0046), abs=5e-5)


tables = st.tuples(count, count, count, count).filter(lambda cells: sum(cells) > 0)


@given(tables, st.booleans())
def test_newcombes_interval_is_bounded_and_antisymmetric(
    cells: tuple[int, int, int, int], corrected: bool
) -> None:
    a, b, c, d = cells
    low, high = newcombe_paired(a, b, c, d, corrected=corrected)
    difference = (b - c) / (a + b + c + d)
    assert -1 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1
    other_low, other_high = newcombe_paired(a, c, b, d, corrected=corrected)
    assert (other_low, other_high) == pytest.approx((-high, -low), abs=1e-9)


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(UsageError):
        newcombe_paired(0, 0, 0, 0)
    with pytest.raises(UsageError):
        mcnemar(-1, 3)


@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=2, max_size=40))
def test_cochrans_q_against_statsmodels(rows: list[tuple[bool, bool, bool]]) -> None:
    right = np.array(rows, dtype=float)
    ours = cochran_q(right)
    if ours.statistic is None:
        assert all(len(set(row)) == 1 for row in rows)
        return
    theirs = cochrans_q(right)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), abs=1e-9)


def test_cochrans_q_of_two_models_is_mcnemars_statistic() -> None:
    right = np.array([[1, 0]] * 5 + [[0, 1]] * 2 + [[1, 1]] * 4)
    assert cochran_q(right).statistic == pytest.approx(mcnemar(5, 2).chi2)


def test_cochrans_q_needs_two_models() -> None:
    assert cochran_q(np.ones((4, 1))).reason == "fewer than two models"
