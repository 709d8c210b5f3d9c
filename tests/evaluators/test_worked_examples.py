"""Worked examples from the literature, read in place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinebench.evaluators.chance import random_subset
from spinebench.evaluators.multilabel import averages
from spinebench.evaluators.multiplicity import p_adjust
from spinebench.evaluators.paired import mcnemar
from spinebench.evaluators.proportions import METHODS, proportion_interval

PATH = Path(__file__).parents[2].parent / "shared" / "data" / "reference" / "agreement_worked_examples.json"


def _proportion_ci(data: Any, expected: Any) -> dict[str, Any]:
    return {
        name: proportion_interval(data["x"], data["n"], method=name) for name in METHODS if name in expected
    }


def _mcnemar(data: Any, expected: Any) -> dict[str, Any]:
    found = mcnemar(data["b"], data["c"])
    return {
        "chi2": found.chi2,
        "chi2_p": found.chi2_p,
        "chi2_cc": found.chi2_corrected,
        "chi2_cc_p": found.chi2_corrected_p,
        "exact_p": found.exact_p,
        "midp": found.mid_p,
    }


def _p_adjust(data: Any, expected: Any) -> dict[str, Any]:
    return {method: p_adjust(data["p"], method) for method in expected}


def _multi_answer_chance(data: Any, expected: Any) -> dict[str, Any]:
    return random_subset(data["n_options"], data["gold_size"])._asdict()


def _multilabel_avg(data: Any, expected: Any) -> dict[str, Any]:
    found = {}
    for average in ("samples", "macro", "micro"):
        scores = averages(data["y_true"], data["y_pred"], average=average)
        for name in ("precision", "recall", "f1", "jaccard"):
            found[f"{name}_{average}"] = getattr(scores, name)
    return found


STATISTICS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "proportion_ci": _proportion_ci,
    "mcnemar": _mcnemar,
    "p_adjust": _p_adjust,
    "multi_answer_chance": _multi_answer_chance,
    "multilabel_avg": _multilabel_avg,
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
        tolerance = case["tolerance"]
        by = {"rel": tolerance["rel"]} if isinstance(tolerance, dict) else {"abs": tolerance}
        found = STATISTICS[statistic](case["data"], case["expected"])
        for name, value in case["expected"].items():
            assert found[name] == pytest.approx(value, **by), (case["id"], name)
