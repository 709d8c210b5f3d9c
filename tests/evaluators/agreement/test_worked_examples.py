"""Worked examples of agreement from the literature, read in place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinebench.evaluators.agreement import (
    Agreement,
    bhapkar,
    binary_agreement,
    bland_altman,
    fleiss_kappa,
    gwet_ac,
    icc,
    krippendorff_alpha,
    percent_agreement,
    rank_correlation,
    ratings_from_table,
    stuart_maxwell,
    weighted_kappa,
)

PATH = Path(__file__).parents[3].parent / "shared" / "data" / "reference" / "agreement_worked_examples.json"


def _ratings(data: Any) -> tuple[Any, Any]:
    """Units x raters and the declared scale of a case."""
    if "table" in data:
        return ratings_from_table(data["table"]), range(1, len(data["table"]) + 1)
    ratings = data.get("units_by_raters", data.get("pairs"))
    top = max(cell for row in ratings for cell in row if cell is not None)
    names = data.get("category_names")
    return ratings, data.get("scale", data.get("categories", range(1, (len(names) if names else top) + 1)))


def _of(result: Agreement) -> dict[str, Any]:
    return {"value": result.value, "se": result.se, "ase": result.se}


def _alpha(data: Any, args: Any) -> Any:
    return krippendorff_alpha(data["units_by_raters"], metric=args["level"]).value


def _gwet(data: Any, args: Any) -> Any:
    ratings, scale = _ratings(data)
    return _of(gwet_ac(ratings, scale=scale, weights=args["weights"]))


def _fleiss(data: Any, args: Any) -> Any:
    ratings, scale = _ratings(data)
    return _of(fleiss_kappa(ratings, scale=scale, weights=args["weights"]))


def _kappa(data: Any, args: Any) -> Any:
    ratings, scale = _ratings(data)
    return _of(weighted_kappa(ratings, scale=scale, weights=args["weights"]))


def _icc(data: Any, args: Any) -> Any:
    forms = {"ICC1": "1,1", "ICC2": "A,1", "ICC3": "C,1", "ICC1k": "1,k", "ICC2k": "A,k", "ICC3k": "C,k"}
    return {name: icc(data["units_by_raters"], form=form).value for name, form in forms.items()}  # type: ignore[arg-type]  # the six forms


def _paradox(data: Any, args: Any) -> Any:
    found = binary_agreement(ratings_from_table(data["table"]), scale=(1, 2)).model_dump()
    return {**found, "po": found["observed"]}


def _bland_altman(data: Any, args: Any) -> Any:
    found = bland_altman(np.column_stack([data["x"], data["y"]]))
    return {"bias": found.bias, "sd": found.sd, "loa_196": found.limits}


def _correlation(data: Any, args: Any) -> Any:
    pairs = np.column_stack([data["x"], data["y"]])
    return {
        "kendall": rank_correlation(pairs, kind="kendall").value,
        "spearman": rank_correlation(pairs, kind="spearman").value,
        "pearson": rank_correlation(pairs, kind="pearson").value,
    }


def _margins(data: Any, args: Any) -> Any:
    ratings, scale = _ratings(data)
    found = stuart_maxwell(ratings, scale=scale)
    return {
        "chi2": found.statistic,
        "p": found.p_value,
        "bhapkar": bhapkar(ratings, scale=scale).statistic,
    }


def _degenerate(data: Any, args: Any) -> Any:
    ratings, scale = _ratings(data)
    return {
        "exact_agreement": percent_agreement(ratings, scale=scale).value,
        "weighted_kappa": weighted_kappa(ratings, scale=scale).value,
        "krippendorff_alpha": krippendorff_alpha(ratings, scale=scale).value,
        "gwet_ac": gwet_ac(ratings, scale=scale).value,
        "icc": icc(ratings, scale=scale).value,
        "spearman": rank_correlation(ratings, kind="spearman").value,
    }


STATISTICS: dict[str, Callable[[Any, Any], Any]] = {
    "krippendorff_alpha": _alpha,
    "gwet_ac": _gwet,
    "fleiss": _fleiss,
    "weighted_kappa": _kappa,
    "icc": _icc,
    "kappa_paradox": _paradox,
    "bland_altman": _bland_altman,
    "rank_corr": _correlation,
    "stuart_maxwell": _margins,
    "degenerate": _degenerate,
}


@pytest.mark.parametrize("statistic", STATISTICS)
def test_worked_examples(statistic: str) -> None:
    if not PATH.exists():
        pytest.skip(f"the worked examples are not here: {PATH.name}")
    cases = [
        case
        for case in json.loads(PATH.read_text(encoding="utf-8"))["cases"]
        if case["statistic"] == statistic
    ]
    assert cases
    for case in cases:
        found = STATISTICS[statistic](case["data"], case["args"])
        expected = case["expected"]
        if not isinstance(expected, dict):
            found, expected = {"value": found}, {"value": expected}
        for name, value in expected.items():
            tolerance = case["tolerance"]
            by = tolerance.get(name, tolerance.get("value")) if isinstance(tolerance, dict) else tolerance
            if value is None:
                assert found[name] is None, (case["id"], name)
            else:
                assert found[name] == pytest.approx(value, abs=by), (case["id"], name)
