"""Further worked examples. Data and figures are recalled from the sources named, not read in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.agreement import (
    brennan_prediger,
    conger,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    ratings_from_table,
    scott_pi,
    weighted_kappa,
)

NAN = float("nan")
RAW4 = [
    (1, 1, NAN, 1), (2, 2, 3, 2), (3, 3, 3, 3), (3, 3, 3, 3), (2, 2, 2, 2), (1, 2, 3, 4), (4, 4, 4, 4), (1, 1, 2, 1),
    (2, 2, 2, 2), (NAN, 5, 5, 5), (NAN, NAN, 1, 1), (NAN, NAN, 3, NAN),
]  # fmt: skip
"""Krippendorff's example C and Gwet's four raters."""

ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
COHEN_1968 = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
FLEISS_1969 = [[106, 10, 4], [22, 28, 10], [2, 12, 6]]
SEXUAL_FUN = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
WINNIPEG = [[38, 5, 0, 1], [33, 11, 3, 0], [10, 14, 5, 6], [3, 7, 3, 10]]


@pytest.mark.parametrize(
    ("table", "weights", "value", "error"),
    [
        pytest.param(COHEN_1968, "identity", 0.492, None, id="Cohen 1968, unweighted"),
        pytest.param(
            COHEN_1968, 1 - np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]]) / 6, 0.348, None, id="Cohen 1968, own weights"
        ),
        pytest.param(FLEISS_1969, "identity", 0.4286, 0.0537, id="Fleiss, Cohen and Everitt 1969, unweighted"),
        pytest.param(
            FLEISS_1969,
            [[1, 0, 0.4444], [0, 1, 0.6667], [0.4444, 0.6667, 1]],
            0.507,
            0.003248**0.5,
            id="Fleiss, Cohen and Everitt 1969, own weights",
        ),
        pytest.param(SEXUAL_FUN, "identity", 0.1293, 0.0686, id="vcd SexualFun"),
        pytest.param(SEXUAL_FUN, "linear", 0.2374, 0.0783, id="vcd SexualFun, linear"),
        pytest.param(WINNIPEG, "identity", 0.2079, 0.05046, id="vcd MSPatients, Winnipeg"),
        pytest.param(WINNIPEG, "linear", 0.3797, 0.05167, id="vcd MSPatients, Winnipeg, linear"),
        pytest.param(ABSTRACTORS, "identity", 0.79641, 0.05891, id="irrCAC cont3x3abstractors"),
    ],
)  # fmt: skip
def test_kappa_of_published_tables(table: Any, weights: Any, value: float, error: float | None) -> None:
    found = weighted_kappa(
        ratings_from_table(table), scale=range(1, len(table) + 1), weights=weights, interval=None
    )
    assert found.value == pytest.approx(value, abs=6e-4)
    assert error is None or found.se == pytest.approx(error, abs=6e-5)


@pytest.mark.parametrize(
    ("coefficient", "value"),
    [(scott_pi, 0.79624), (gwet_ac, 0.84933), (brennan_prediger, 0.835), (conger, 0.79641)],
)
def test_coefficients_of_the_abstractors_table(coefficient: Any, value: float) -> None:
    found = coefficient(ratings_from_table(ABSTRACTORS), scale=(1, 2, 3), weights="identity", interval=None)
    assert found.value == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    ("observers", "value"),
    [
        pytest.param(([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]), 0.095, id="A, binary"),
        pytest.param(
            ([1, 1, 2, 2, 4, 3, 3, 3, 5, 4, 4, 1], [2, 1, 2, 2, 2, 3, 3, 3, 5, 4, 4, 4]), 0.692, id="B, nominal"
        ),
    ],
)  # fmt: skip
def test_alpha_of_krippendorffs_two_observers(observers: Any, value: float) -> None:
    found = krippendorff_alpha(np.array(observers).T, metric="nominal")
    assert found.value == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ({"metric": "ratio"}, 0.797),
        ({"metric": "ordinal"}, 0.815),
        ({"weights": "identity"}, 0.743),
        ({"weights": "quadratic"}, 0.849),
        ({"weights": "ordinal"}, 0.834),  # not Krippendorff's ordinal distance
    ],
)
def test_alpha_by_metric_and_by_weights(how: Any, value: float) -> None:
    found = krippendorff_alpha(RAW4, scale=range(1, 6), **how)
    assert found.value == pytest.approx(value, abs=6e-4)
    assert (found.metric, found.weights) == (how.get("metric"), how.get("weights"))


def test_weights_need_the_scale_they_are_of() -> None:
    with pytest.raises(UsageError, match="without a scale"):
        krippendorff_alpha(RAW4, weights="ordinal")


def test_error_of_alpha_is_that_of_irrcac() -> None:
    """irrCAC prints the interval .419 to 1 (t of 10 degrees of freedom) for its four raters."""
    found = krippendorff_alpha(RAW4, metric="nominal")
    assert found.value is not None
    assert found.se is not None
    assert found.value - 2.2281 * found.se == pytest.approx(0.419, abs=6e-4)


def test_fleiss_of_ten_subjects_and_fourteen_raters() -> None:
    """The example of Fleiss' kappa in Wikipedia: .210."""
    counts = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1), (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    ratings = [np.repeat(np.arange(1, 6), row) for row in counts]
    assert fleiss_kappa(np.array(ratings), scale=range(1, 6)).value == pytest.approx(0.2099, abs=1e-4)


FULL = [(1.0, 2.0), (2.0, 2.0), (NAN, 3.0), (3.0, 3.0)] * 4


def _with(mark: Any) -> list[tuple[Any, Any]]:
    return [(mark if one != one else int(one), int(two)) for one, two in FULL]


def _masked(dtype: Any) -> Any:
    """The hidden score is one of the scale: a mask that is lost would change the figure and raise nothing."""
    return np.ma.masked_array(
        np.array([(5 if one != one else one, two) for one, two in FULL], dtype=dtype),
        mask=[(one != one, False) for one, _ in FULL],
    )


@pytest.mark.parametrize(
    "form", ["list", "none", "masked", "masked integers", "pandas", "pandas Int64", "NA in a list"]
)
def test_every_mark_of_a_missing_rating_is_missing(form: str) -> None:
    pd = pytest.importorskip("pandas")
    given: Any = {
        "list": FULL,
        "none": _with(None),
        "masked": _masked(float),
        "masked integers": _masked(int),
        "pandas": pd.DataFrame(FULL),
        "pandas Int64": pd.DataFrame(_with(pd.NA)).astype("Int64"),
        "NA in a list": _with(pd.NA),
    }[form]
    expected = weighted_kappa(np.array(FULL), scale=range(1, 6))
    assert weighted_kappa(given, scale=range(1, 6)) == expected
    assert expected.n_missing == 4


@pytest.mark.parametrize(
    "ratings", [[[1 + 1j, 2]] * 12, np.array([["2020-01-01", "2020-01-02"]], dtype="datetime64[D]")]
)
def test_what_is_no_number_is_named(ratings: Any) -> None:
    with pytest.raises(UsageError, match="no kind of score"):
        krippendorff_alpha(ratings)


@pytest.mark.parametrize("table", [[["a", "b"], ["c", "d"]], [[1, 2], [3]], {"a": 1}])
def test_a_table_of_no_counts_is_named(table: Any) -> None:
    with pytest.raises(UsageError, match="table"):
        ratings_from_table(table)


def test_one_column_is_a_pair_whose_second_rater_gave_nothing() -> None:
    found = weighted_kappa([[1], [2], [3]], scale=(1, 2, 3))
    assert found.value is None
    assert found.reason == "fewer than two raters with ratings"
