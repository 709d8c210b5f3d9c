"""What a number of ratings buys: the bias that can be seen, the width of an interval, the difference in accuracy.

All figures are plans. They rest on what is assumed of scores that have not been given yet (their spread, the
agreement to expect), which every record carries with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from spinebench.errors import UsageError
from spinebench.evaluators.clustered import t_quantile
from spinebench.evaluators.proportions import normal_quantile, z_quantile
from spinebench.records import Record

FEW_UNITS = 10
"""Below this many rated traces an agreement coefficient is not given at all."""
DESCRIPTIVE = 30
"""Below this many it is called descriptive."""
CLAIM_TRACES, CLAIM_RATERS = 120, 3
"""What a claim about a kappa of one task wants."""
FEW_RATERS = 10
"""Below this many clinicians agreement is conditional on just these."""


class Planned(NamedTuple):
    """A planned figure; None with the reason where there is none."""

    value: float | None
    reason: str | None = None


class CellPlan(Record):
    """What can be said with n rated traces in a group: one model and task, or all models of a task."""

    group: str
    n: int
    """Rated traces."""
    detectable_bias: float | None
    """Smallest mean difference, judge less clinicians, in points of the scale, that is found at the power."""
    mean_half_width: float | None
    """Half the width of the t interval of a mean score difference."""
    kappa_width: float | None
    """Expected width of the interval of a quadratic weighted kappa, both sides together."""
    warnings: tuple[str, ...]


class RatingPlan(Record):
    """What a budget of ratings buys, and what that rests on."""

    n_ratings: int
    """Ratings that are given under this plan, never more than the budget."""
    per_cell: int
    """Rated traces per model and task."""
    n_models: int
    n_tasks: int
    raters: int
    """Clinicians per trace."""
    cells: tuple[CellPlan, ...]
    """One model and task first, then one task over all models."""
    hours: float | None
    """Of all clinicians together; None where no minutes per rating were given."""
    sd: float
    kappa: float
    power: float
    level: float
    warnings: tuple[str, ...]


def rating_plan(
    budget: int | None = None,
    *,
    per_cell: int | None = None,
    n_models: int,
    n_tasks: int = 1,
    raters: int = 2,
    sd: float = 1.3,
    kappa: float = 0.6,
    power: float = 0.8,
    level: float = 0.95,
    minutes_per_rating: float | None = None,
) -> RatingPlan:
    """The plan for a budget of ratings, or for `per_cell` rated traces per model and task.

    One rating is one clinician on one trace. `sd` is the standard deviation of (judge - clinician) in points of
    the scale, `kappa` the agreement to expect. Pooled over models the traces are counted as independent: in mode
    `common` models share images, which makes those figures too favourable, and the plan says so.

    Raises UsageError where not exactly one of `budget` and `per_cell` is given, or a number is out of range.
    """
    if (budget is None) == (per_cell is None):
        raise UsageError(
            f"budget {budget!r} and per_cell {per_cell!r}: expected exactly one of the two; leave the other out"
        )
    for name, number in (("n_models", n_models), ("n_tasks", n_tasks), ("raters", raters)):
        if number < 1:
            raise UsageError(f"{name} {number!r}: expected at least 1; correct the plan")
    for name, given in (("budget", budget), ("per_cell", per_cell)):
        if given is not None and given < 0:
            raise UsageError(f"{name} {given!r}: expected 0 or more; correct the plan")
    if minutes_per_rating is not None and not minutes_per_rating > 0:
        raise UsageError(f"minutes_per_rating {minutes_per_rating!r}: expected more than 0; correct the plan")
    cells = n_models * n_tasks
    n = per_cell if per_cell is not None else (budget or 0) // (cells * raters)
    ratings = n * cells * raters
    warnings = []
    if n == 0:
        warnings.append(
            f"{budget if per_cell is None else 0} ratings do not reach for one trace of each of {cells} cells "
            f"by {raters} clinicians; {cells * raters} do"
        )
    if raters < 2:
        warnings.append("one clinician per trace: how far clinicians agree among themselves stays unknown")
    if raters < FEW_RATERS:
        warnings.append(
            f"agreement will be conditional on the {raters} clinicians per trace, not on clinicians"
        )
    if n_models > 1:
        warnings.append(
            "pooled over models, traces are counted as independent: with the same images for all models the "
            "figures are too favourable"
        )
    return RatingPlan(
        n_ratings=ratings,
        per_cell=n,
        n_models=n_models,
        n_tasks=n_tasks,
        raters=raters,
        cells=tuple(
            _cell(group, size, raters, sd, kappa, power, level)
            for group, size in (("one model and task", n), ("one task, all models", n * n_models))
        ),
        hours=None if minutes_per_rating is None else ratings * minutes_per_rating / 60,
        sd=sd,
        kappa=kappa,
        power=power,
        level=level,
        warnings=tuple(warnings),
    )


def detectable_bias(n: int, *, sd: float = 1.3, power: float = 0.8, level: float = 0.95) -> Planned:
    """Smallest mean difference that a two-sided one-sample t test on n differences of SD `sd` finds with `power`.

    By the noncentral t distribution (Cohen 1988, chapter 2), so n = 10 wants 12 % more than the normal
    approximation says. None below 2 differences.
    """
    _in_unit("power", power)
    z_quantile(level)
    _positive("sd", sd)
    if n < 2:
        return Planned(None, f"{n} traces: a spread shows from 2 on")
    from scipy.optimize import brentq

    def missing(shift: float) -> float:
        return _t_power(shift, n - 1, level) - power

    low, high = 0.0, 1.0
    if missing(low) >= 0:
        return Planned(None, f"a power of {power} is reached without any difference at level {level}")
    while missing(high) < 0:
        high *= 2
    return Planned(sd * float(brentq(missing, low, high, xtol=1e-10)) / math.sqrt(n))


def mean_half_width(n: int, *, sd: float = 1.3, level: float = 0.95) -> Planned:
    """Half the t interval of a mean of n values of SD `sd`; None below 2 values."""
    _positive("sd", sd)
    z_quantile(level)
    if n < 2:
        return Planned(None, f"{n} traces: a spread shows from 2 on")
    return Planned(t_quantile(n - 1, level) * sd / math.sqrt(n))


def kappa_width(n: int, *, raters: int = 2, kappa: float = 0.6, level: float = 0.95) -> Planned:
    """Expected width, upper less lower limit, of the interval of an agreement coefficient of n traces.

    That of an intraclass correlation (Bonett 2002, Stat Med 21:1331, the equation for n solved for the width),
    which a quadratic weighted kappa comes to (Fleiss and Cohen 1973, Educ Psychol Meas 33:613):
    w = z sqrt(8 (1-k)^2 (1 + (r-1)k)^2 / (r (r-1) (n-1))), at most the range from -1/(r-1) to 1. None below 10
    traces, where no coefficient is given, and below 2 raters. It leaves out what sparse or skewed scores add.
    """
    z = z_quantile(level)
    if raters < 2:
        return Planned(None, f"{raters} raters: agreement takes two")
    lowest = -1 / (raters - 1)
    if not lowest < kappa < 1:
        raise UsageError(f"kappa {kappa!r}: expected more than {lowest:g} and less than 1; 0.6 is usual")
    if n < FEW_UNITS:
        return Planned(None, f"{n} traces: no coefficient is given below {FEW_UNITS}")
    spread = 8 * (1 - kappa) ** 2 * (1 + (raters - 1) * kappa) ** 2 / (raters * (raters - 1) * (n - 1))
    return Planned(min(1 - lowest, z * math.sqrt(spread)))


def items_for_difference(
    difference: float, *, discordance: float = 0.2, power: float = 0.8, level: float = 0.95
) -> int:
    """Items on which two models must be compared to find a difference in accuracy by McNemar's test.

    `discordance` is the share of items that exactly one of the two gets right. Connor 1987 (Biometrics 43:207):
    n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2, rounded up. For 5 points at 20 % discordance 626.
    Raises UsageError unless 0 < difference <= discordance <= 1.
    """
    _in_unit("power", power)
    if not 0 < difference <= discordance <= 1:
        raise UsageError(
            f"difference {difference!r} at discordance {discordance!r}: expected "
            "0 < difference <= discordance <= 1; two models cannot differ by more than the items they differ on"
        )
    return math.ceil(_connor(difference, discordance, power, level) - 1e-9)


def detectable_difference(
    n: int, *, discordance: float = 0.2, power: float = 0.8, level: float = 0.95
) -> Planned:
    """Smallest difference in accuracy that n common items show, the inverse of `items_for_difference`.

    None where even all discordant items falling to one side would not show.
    """
    _in_unit("power", power)
    _in_unit("discordance", discordance)
    if n < 1 or _connor(discordance, discordance, power, level) > n:
        return Planned(
            None, f"{n} items at {discordance:g} discordance: no difference is found with power {power:g}"
        )
    from scipy.optimize import brentq

    low = discordance * 1e-6
    if _connor(low, discordance, power, level) <= n:
        return Planned(low)
    return Planned(
        float(brentq(lambda d: _connor(d, discordance, power, level) - n, low, discordance, xtol=1e-12))
    )


def _connor(difference: float, discordance: float, power: float, level: float) -> float:
    root = z_quantile(level) * math.sqrt(discordance) + normal_quantile(power) * math.sqrt(
        max(0.0, discordance - difference**2)
    )
    return root**2 / difference**2


def _t_power(shift: float, df: int, level: float) -> float:
    """Power of the two-sided one-sample t test whose statistic has this noncentrality."""
    from scipy.special import nctdtr, stdtrit

    critical = float(stdtrit(df, (1 + level) / 2))
    # The far tail is below 1e-10 from 6 on, and not a number a little later.
    below = float(nctdtr(df, shift, -critical)) if shift < 6 else 0.0
    return 1 - float(nctdtr(df, shift, critical)) + below


def _cell(group: str, n: int, raters: int, sd: float, kappa: float, power: float, level: float) -> CellPlan:
    bias = detectable_bias(n, sd=sd, power=power, level=level)
    half = mean_half_width(n, sd=sd, level=level)
    width = kappa_width(n, raters=raters, kappa=kappa, level=level)
    found: Sequence[tuple[str, Planned]] = (("bias", bias), ("mean", half), ("kappa", width))
    warnings = [f"no {name}: {one.reason}" for name, one in found if one.reason is not None]
    if FEW_UNITS <= n < DESCRIPTIVE:
        warnings.append(f"{n} traces, fewer than {DESCRIPTIVE}: agreement is descriptive")
    if n >= FEW_UNITS and (n < CLAIM_TRACES or raters < CLAIM_RATERS):
        warnings.append(
            f"a claim about a kappa wants {CLAIM_TRACES} traces per task and {CLAIM_RATERS} raters; "
            f"here are {n} and {raters}"
        )
    return CellPlan(
        group=group,
        n=n,
        detectable_bias=bias.value,
        mean_half_width=half.value,
        kappa_width=width.value,
        warnings=tuple(warnings),
    )


def _in_unit(name: str, number: float) -> None:
    if not 0 < number < 1:
        raise UsageError(f"{name} {number!r}: expected a number between 0 and 1; correct the plan")


def _positive(name: str, number: float) -> None:
    if not (number > 0 and math.isfinite(number)):
        raise UsageError(f"{name} {number!r}: expected a positive number; correct the plan")
