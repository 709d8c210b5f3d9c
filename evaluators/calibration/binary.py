"""Prevalence from a judge that errs in both directions."""

from __future__ import annotations

import math
from typing import Literal

from spinebench.errors import UsageError
from spinebench.evaluators.estimate import Estimate, Interval, undefined
from spinebench.evaluators.proportions import wilson, z_quantile

PER_CLASS = 30
"""Labels per class from which on sensitivity and specificity are good enough to correct with."""


def rogan_gladen(
    x: float,
    n: float,
    *,
    sensitivity: float,
    specificity: float,
    n_positive: float | None = None,
    n_negative: float | None = None,
    level: float = 0.95,
    method: Literal["lang-reiczigel", "delta"] = "lang-reiczigel",
    name: str = "prevalence, Rogan-Gladen",
) -> Estimate:
    """True prevalence (p + sp - 1) / (se + sp - 1) from x positive of n (Rogan and Gladen 1978, Am J Epidemiol
    107:71).

    Without class sizes, sensitivity and specificity are taken as known, and Wilson's limits of p are mapped by
    the same line. With `n_positive` and `n_negative`, the numbers of truly positive and negative units they were
    estimated on, the interval is Lang's and Reiczigel's (2014, Prev Vet Med 113:13) or the delta method's; the
    other two stand in `other_intervals`. Below 30 per class a warning says so. x, n and the class sizes may be
    fractional (weighted, effective numbers).

    Neither value nor limits are ever cut to 0..1: what lies outside comes with a warning, for it says that
    sensitivity or specificity do not hold for these units. Undefined for n = 0 and where se + sp <= 1: then
    the judge does no better than chance.
    """
    z = z_quantile(level)
    for what, given in (("sensitivity", sensitivity), ("specificity", specificity)):
        if not 0 <= given <= 1:
            raise UsageError(f"{what} {given!r}: expected a share between 0 and 1; divide percentages by 100")
    if not (0 <= x <= n) or not math.isfinite(n):
        raise UsageError(f"count {x!r} of {n!r}: expected 0 <= count <= n; check the counts")
    if (n_positive is None) != (n_negative is None):
        raise UsageError(
            f"class sizes {(n_positive, n_negative)!r}: expected both n_positive and n_negative, or neither; "
            "name both"
        )
    if n_positive is not None and n_negative is not None and not math.isfinite(n_positive + n_negative):
        raise UsageError(
            f"class sizes {(n_positive, n_negative)!r}: expected finite numbers; check the counts"
        )
    if n == 0:
        return undefined(name, "no units")
    youden = sensitivity + specificity - 1
    units = round(n)
    # Below 1e-12 the line from apparent to true prevalence has no slope but rounding.
    if youden <= 1e-12:
        return undefined(
            name,
            f"sensitivity {sensitivity:.3g} and specificity {specificity:.3g} add up to 1 or less: "
            "the judge's marks say nothing",
            n=units,
        )
    apparent = x / n
    value = (apparent + specificity - 1) / youden
    bounds = wilson(x, n, level=level)
    mapped = Interval(
        low=(bounds.low + specificity - 1) / youden,
        high=(bounds.high + specificity - 1) / youden,
        level=level,
        method="Wilson, mapped (sensitivity and specificity taken as known)",
    )
    warnings = []
    interval: Interval = mapped
    others: tuple[Interval, ...] = ()
    if n_positive is not None and n_negative is not None:
        if min(n_positive, n_negative) <= 0:
            return undefined(
                name,
                f"{n_positive:g} positive and {n_negative:g} negative labels: sensitivity and specificity "
                "need both",
                n=units,
            )
        shrunken = _lang_reiczigel(x, n, sensitivity, specificity, n_positive, n_negative, z, level)
        delta = _delta(value, apparent, n, sensitivity, specificity, n_positive, n_negative, z, level)
        if shrunken is None:
            interval, others = delta, (mapped,)
        elif method == "delta":
            interval, others = delta, (shrunken, mapped)
        else:
            interval, others = shrunken, (delta, mapped)
        if min(n_positive, n_negative) < PER_CLASS:
            warnings.append(
                f"{n_positive:.3g} positive and {n_negative:.3g} negative labels, fewer than {PER_CLASS} per "
                "class: sensitivity and specificity are rough"
            )
    if not 0 <= value <= 1:
        warnings.append(
            f"{value:.3g} is outside 0..1: sensitivity or specificity do not hold for these units, "
            "or n is small; it is not cut"
        )
    elif interval.low < 0 or interval.high > 1:
        warnings.append("the interval reaches beyond 0..1; it is not cut")
    return Estimate(
        name=name,
        value=value,
        interval=interval,
        other_intervals=others,
        n=units,
        n_clusters=units,
        warnings=tuple(warnings),
    )


def _lang_reiczigel(
    x: float, n: float, se: float, sp: float, n_se: float, n_sp: float, z: float, level: float
) -> Interval | None:
    """Wald's interval around shrunken shares (z^2 units added to n, two to each class), shifted for the skew of
    the ratio (their equations 6, 7, 16 and 17). None where the shrunken shares leave no slope.
    """
    trials = n + z * z
    p = (x + z * z / 2) / trials
    class_se, class_sp = n_se + 2, n_sp + 2
    se, sp = (n_se * se + 1) / class_se, (n_sp * sp + 1) / class_sp
    youden = se + sp - 1
    if youden <= 1e-12:
        return None
    centre = (p + sp - 1) / youden
    from_se, from_sp = se * (1 - se) / class_se, sp * (1 - sp) / class_sp
    shift = 2 * z * z * (centre * from_se - (1 - centre) * from_sp)
    variance = p * (1 - p) / trials + centre**2 * from_se + (1 - centre) ** 2 * from_sp
    half = z * math.sqrt(variance) / youden
    return Interval(
        low=centre + shift - half, high=centre + shift + half, level=level, method="Lang-Reiczigel"
    )


def _delta(
    value: float, p: float, n: float, se: float, sp: float, n_se: float, n_sp: float, z: float, level: float
) -> Interval:
    """Rogan's and Gladen's own variance: all three shares are estimated, independently."""
    variance = p * (1 - p) / n + value**2 * se * (1 - se) / n_se + (1 - value) ** 2 * sp * (1 - sp) / n_sp
    half = z * math.sqrt(variance) / (se + sp - 1)
    return Interval(low=value - half, high=value + half, level=level, method="delta")
