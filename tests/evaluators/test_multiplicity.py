"""Adjusted p-values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from spinebench.errors import UsageError
from spinebench.evaluators.multiplicity import ADJUSTMENTS, p_adjust

ORACLES = {
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "bh": "fdr_bh",
    "by": "fdr_by",
}
# 0.999: statsmodels divides by zero on p = 1 with Sidak's method
p_lists = st.lists(st.floats(0, 0.999), min_size=1, max_size=12)


@pytest.mark.parametrize(("method", "oracle"), ORACLES.items(), ids=list(ORACLES))
@settings(max_examples=25)  # statsmodels collects garbage on each call of Holm's method
@given(p=p_lists)
def test_against_statsmodels(method: str, oracle: str, p: list[float]) -> None:
    assert p_adjust(p, method) == pytest.approx(list(multipletests(p, method=oracle)[1]), abs=1e-9)


def test_holm_by_hand() -> None:
    # sorted .01 .02 .04 times 3 2 1 = .03 .04 .04, and never smaller than the one before
    assert p_adjust([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_undefined_tests_do_not_count() -> None:
    assert p_adjust([0.01, None, 0.02, float("nan")], "bonferroni") == [0.02, None, 0.04, None]
    assert p_adjust([]) == []


@given(p=p_lists, method=st.sampled_from(sorted(ADJUSTMENTS)), order=st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_gets_smaller(p: list[float], method: str, order: object) -> None:
    adjusted = p_adjust(p, method)
    assert all(a is not None and q - 1e-12 <= a <= 1 for a, q in zip(adjusted, p, strict=True))
    assert p_adjust(p[::-1], method) == adjusted[::-1]


def test_unknown_method_and_impossible_p_are_refused() -> None:
    with pytest.raises(UsageError, match="holm"):
        p_adjust([0.1], "tukey")
    with pytest.raises(UsageError):
        p_adjust([1.1])
