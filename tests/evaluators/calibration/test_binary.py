"""Rogan-Gladen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import UsageError
from spinebench.evaluators.calibration import rogan_gladen

EXAMPLES = (
    Path(__file__).parents[3].parent / "shared" / "data" / "reference" / "agreement_worked_examples.json"
)


def test_the_worked_examples_come_out() -> None:
    if not EXAMPLES.exists():
        pytest.skip(f"the worked examples are not here: {EXAMPLES.name}")
    cases = [
        case
        for case in json.loads(EXAMPLES.read_text("utf-8"))["cases"]
        if case["statistic"] == "rogan_gladen"
    ]
    assert cases
    for case in cases:
        found = rogan_gladen(**case["data"])
        assert found.interval is not None
        assert found.value == pytest.approx(case["expected"]["theta"], abs=case["tolerance"])
        assert [found.interval.low, found.interval.high] == pytest.approx(
            case["expected"]["wilson_mapped"], abs=case["tolerance"]
        )


def test_a_value_below_0_is_kept_and_said() -> None:
    # 6 of 151 with se .964 and sp .927 (the epiR manual prints 0 for it): (.03974 + .927 - 1) / .891 = -.03733
    found = rogan_gladen(6, 151, sensitivity=0.964, specificity=0.927)
    assert found.value == pytest.approx((6 / 151 - 0.073) / 0.891)
    assert found.value is not None
    assert found.value < 0
    assert any("outside 0..1" in warning for warning in found.warnings)


def test_uncertain_sensitivity_and_specificity_by_hand() -> None:
    # Delta: p = .3, theta = (.3 + .8 - 1) / .7 = 1/7;
    # variance (.3*.7/100 + (1/7)^2 .9*.1/50 + (6/7)^2 .8*.2/50) / .49
    found = rogan_gladen(
        30, 100, sensitivity=0.9, specificity=0.8, n_positive=50, n_negative=50, method="delta"
    )
    variance = (0.0021 + (1 / 49) * 0.0018 + (36 / 49) * 0.0032) / 0.49
    assert found.interval is not None
    assert found.interval.high == pytest.approx(1 / 7 + 1.959964 * variance**0.5, abs=1e-6)
    assert found.other_intervals[0].method == "Lang-Reiczigel"
    assert found.interval.low < 0  # not cut


@given(st.integers(0, 60), st.floats(0.6, 1), st.floats(0.6, 1), st.integers(1, 80), st.integers(1, 80))
def test_an_estimated_accuracy_widens(x: int, se: float, sp: float, n_se: int, n_sp: int) -> None:
    known = rogan_gladen(x, 60, sensitivity=se, specificity=sp)
    found = rogan_gladen(x, 60, sensitivity=se, specificity=sp, n_positive=n_se, n_negative=n_sp)
    assert found.value == known.value
    assert found.interval is not None
    assert found.interval.low < found.interval.high
    assert (min(n_se, n_sp) < 30) == any("rough" in warning for warning in found.warnings)


@pytest.mark.parametrize(("prevalence", "classes"), [(0.1, 30), (0.3, 40), (0.5, 60)])
def test_lang_reiczigel_covers(prevalence: float, classes: int) -> None:
    """1,500 studies of 150 units, sensitivity .8 and specificity .9 estimated on `classes` units each."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(1500):
        x = rng.binomial(150, 0.8 * prevalence + 0.1 * (1 - prevalence))
        se, sp = rng.binomial(classes, 0.8) / classes, rng.binomial(classes, 0.9) / classes
        found = rogan_gladen(x, 150, sensitivity=se, specificity=sp, n_positive=classes, n_negative=classes)
        assert found.interval is not None
        hits += found.interval.low <= prevalence <= found.interval.high
    assert 0.93 <= hits / 1500 <= 0.99


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"x": 0, "n": 0}, "no units"),
        ({"sensitivity": 0.5, "specificity": 0.5}, "say nothing"),
        ({"sensitivity": 0.2, "specificity": 0.7}, "say nothing"),
        ({"n_positive": 0, "n_negative": 20}, "need both"),
    ],
    ids=["nothing", "chance", "below chance", "no positives"],
)
def test_undefined_with_a_reason(arguments: dict[str, Any], reason: str) -> None:
    found = rogan_gladen(**({"x": 3, "n": 10, "sensitivity": 0.9, "specificity": 0.9} | arguments))
    assert found.value is None
    assert found.reason is not None
    assert reason in found.reason


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"x": 11}, "count 11"),
        ({"sensitivity": 96}, "sensitivity 96"),
        ({"specificity": -0.1}, "specificity -0.1"),
        ({"n_positive": 5}, "n_negative"),
    ],
    ids=["count", "percent", "negative", "one class"],
)
def test_what_is_wrong_is_named(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        rogan_gladen(**({"x": 3, "n": 10, "sensitivity": 0.9, "specificity": 0.9} | arguments))
