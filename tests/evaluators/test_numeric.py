"""Numbers as they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.calibration import ppi_mean
from spinebench.evaluators.numeric import as_numbers
from spinebench.evaluators.paired import cochran_q, mcnemar
from spinebench.evaluators.proportions import METHODS, proportion_interval
from spinebench.evaluators.weighting import hajek_mean

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([1, None, 3], id="None"),
        pytest.param([1, pd.NA, 3], id="NA"),
        pytest.param([1, pd.NaT, 3], id="NaT"),
        pytest.param(np.ma.masked_array([1, 9, 3], mask=[False, True, False]), id="masked integers"),
        pytest.param(pd.Series([1, None, 3], dtype="Int64"), id="nullable series"),
        pytest.param(np.array([1, float("nan"), 3], dtype=np.float32), id="single precision"),
    ],
)
def test_a_missing_number_is_nan(given: Any) -> None:
    assert np.array_equal(as_numbers(given, "scores", "one per unit"), [1, np.nan, 3], equal_nan=True)


def test_the_array_is_its_own() -> None:
    given = np.array([1.0, 2.0])
    as_numbers(given, "scores", "one per unit")[0] = 5
    assert given[0] == 1


@pytest.mark.parametrize(
    "given", [["a"], [1j], [[1], [1, 2]], {"a": 1}, np.array(["2020-01-01"], dtype="M8[D]")]
)
def test_what_is_no_number_is_named(given: Any) -> None:
    with pytest.raises(UsageError, match=r"scores .*expected numbers, one per unit"):
        as_numbers(given, "scores", "one per unit")


def test_a_hidden_label_is_not_used() -> None:
    hidden = np.ma.masked_array([1.0, 2.0, 9.0], mask=[False, False, True])
    with pytest.raises(UsageError, match="labels with nan"):
        ppi_mean(hidden, [1, 2, 3], [1])


def test_a_value_without_a_number_has_no_mean() -> None:
    with pytest.raises(UsageError, match="value nan"):
        hajek_mean([1, pd.NA], [0.5, 0.5])


@pytest.mark.parametrize("table", [[], [1, 0], [[1, 2], [0, 1]], [[1, None], [0, 1]]])
def test_cochrans_table_holds_zeros_and_ones(table: Any) -> None:
    with pytest.raises(UsageError, match="items x models of 0 and 1"):
        cochran_q(table)


@pytest.mark.parametrize("counts", [(float("nan"), 1), (1.5, 2), (float("inf"), 1), (-1, 2)])
def test_mcnemar_takes_counts(counts: Any) -> None:
    with pytest.raises(UsageError, match="expected two counts"):
        mcnemar(*counts)


@pytest.mark.parametrize("method", METHODS)
def test_no_share_of_infinitely_many(method: str) -> None:
    with pytest.raises(UsageError, match="expected 0 <= count <= n"):
        proportion_interval(1, float("inf"), method=method)
