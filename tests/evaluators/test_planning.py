from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.planning import (
    detectable_bias,
    detectable_difference,
    items_for_difference,
    kappa_width,
    mean_half_width,
    rating_plan,
)


@pytest.mark.parametrize(("n", "points"), [(10, 1.29), (30, 0.69), (120, 0.34)])
def test_detectable_bias_of_the_design(n: int, points: float) -> None:
    found = detectable_bias(n, sd=1.3).value
    assert found is not None
    assert found == pytest.approx(points, abs=0.006)


@pytest.mark.parametrize("n", [2, 3, 40, 5000, 100_000])
def test_detectable_bias_is_defined_for_any_number(n: int) -> None:
    found, more = detectable_bias(n).value, detectable_bias(n + 1).value
    assert found is not None
    assert more is not None
    assert 0 < more < found


def test_detectable_bias_has_the_power_it_promises() -> None:
    """At the bias that 12 differences are said to find with power .8, a t test finds it in 80 % of 4000 samples."""
    bias = detectable_bias(12, sd=2.0).value
    assert bias is not None
    generator = np.random.default_rng(5)
    values = generator.normal(bias, 2.0, size=(4000, 12))
    t = values.mean(axis=1) / (values.std(axis=1, ddof=1) / 12**0.5)
    found = float((np.abs(t) > 2.200985).mean())  # t(11), two-sided 5 %
    assert found == pytest.approx(0.8, abs=0.025)  # four standard errors of 4000


def test_kappa_width_by_hand() -> None:
    # 8 * .4^2 * (1 + 2 * .6)^2 / (3 * 2 * 119) = 6.1952 / 714 = .0086767; root .0931489; times 1.959964 = .182569
    assert kappa_width(120, raters=3, kappa=0.6).value == pytest.approx(0.182569, abs=1e-6)
    # two raters: 8 * .16 * 2.56 / (2 * 119) = .0137681; root .1173376; times 1.959964 = .229977
    assert kappa_width(120, raters=2, kappa=0.6).value == pytest.approx(0.229977, abs=1e-6)


def test_kappa_width_is_that_of_simulated_correlations() -> None:
    """The planned width for 100 traces, 3 raters and ICC .6 is that of the spread of 3000 simulated ones."""
    generator = np.random.default_rng(8)
    icc = []
    for _ in range(3000):
        scores = generator.normal(0, 0.6**0.5, (100, 1)) + generator.normal(0, 0.4**0.5, (100, 3))
        between = 3 * scores.mean(axis=1).var(ddof=1)
        within = scores.var(axis=1, ddof=1).mean()
        icc.append((between - within) / (between + 2 * within))
    low, high = np.quantile(icc, [0.025, 0.975])
    assert kappa_width(100, raters=3, kappa=0.6).value == pytest.approx(float(high - low), rel=0.08)


def test_mean_half_width_is_the_t_interval() -> None:
    assert mean_half_width(10, sd=1.3).value == pytest.approx(2.262157 * 1.3 / 10**0.5, rel=1e-6)


def test_items_for_a_difference_of_the_design() -> None:
    assert items_for_difference(0.05, discordance=0.2) == 626


@pytest.mark.parametrize("n", [100, 626, 5000])
def test_detectable_difference_is_the_inverse(n: int) -> None:
    found = detectable_difference(n, discordance=0.2).value
    assert found is not None
    assert items_for_difference(found, discordance=0.2) == n


def test_a_budget_is_spread_over_the_cells() -> None:
    plan = rating_plan(500, n_models=12, n_tasks=2, raters=2, minutes_per_rating=3)
    assert plan.per_cell == 10  # 500 / (12 x 2 x 2) = 10.4
    assert plan.n_ratings == 480
    assert plan.hours == 24
    one, pooled = plan.cells
    assert (one.n, pooled.n) == (10, 120)
    assert one.detectable_bias == pytest.approx(1.29, abs=0.01)
    assert pooled.detectable_bias == pytest.approx(0.34, abs=0.01)
    assert any("descriptive" in line for line in one.warnings)
    assert any("3 raters; here are 120 and 2" in line for line in pooled.warnings)
    assert any("same images" in line for line in plan.warnings)


def test_enough_for_a_claim_is_not_warned_of() -> None:
    assert rating_plan(per_cell=120, n_models=1, raters=3).cells[0].warnings == ()


def test_too_few_gives_no_coefficient_and_says_why() -> None:
    plan = rating_plan(per_cell=9, n_models=1)
    assert plan.cells[0].kappa_width is None
    assert "no kappa: 9 traces: no coefficient is given below 10" in plan.cells[0].warnings
    none = rating_plan(3, n_models=2, n_tasks=1, raters=2)
    assert (none.per_cell, none.n_ratings) == (0, 0)
    assert none.cells[0].detectable_bias is None
    assert "3 ratings do not reach for one trace of each of 2 cells by 2 clinicians; 4 do" in none.warnings


@pytest.mark.parametrize(
    ("call", "arguments", "text"),
    [
        pytest.param(rating_plan, {"n_models": 2}, "exactly one", id="neither"),
        pytest.param(rating_plan, {"budget": 5, "per_cell": 5, "n_models": 2}, "exactly one", id="both"),
        pytest.param(rating_plan, {"budget": 5, "n_models": 0}, "n_models 0", id="no models"),
        pytest.param(rating_plan, {"budget": -5, "n_models": 1}, "budget -5", id="negative"),
        pytest.param(detectable_bias, {"n": 10, "power": 1.0}, "power 1.0", id="certainty"),
        pytest.param(detectable_bias, {"n": 10, "sd": 0.0}, "sd 0.0", id="no spread"),
        pytest.param(kappa_width, {"n": 10, "kappa": 1.0}, "kappa 1.0", id="perfect"),
        pytest.param(items_for_difference, {"difference": 0.3}, "difference 0.3", id="more than discordance"),
    ],
)
def test_plans_that_make_no_sense(call: Callable[..., Any], arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        call(**arguments)


def test_a_difference_that_cannot_show() -> None:
    found = detectable_difference(5, discordance=0.2)
    assert found.value is None
    assert found.reason == "5 items at 0.2 discordance: no difference is found with power 0.8"
