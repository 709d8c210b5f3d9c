"""Confidence intervals of one proportion. All take a fractional count too, for effective sample sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from types import MappingProxyType
from typing import NamedTuple

from spinebench.errors import UsageError


class Bounds(NamedTuple):
    """Lower and upper limit."""

    low: float
    high: float


def z_quantile(level: float) -> float:
    """Two-sided standard normal quantile: 1.96 for level 0.95."""
    if not 0 < level < 1:
        raise UsageError(f"confidence level {level!r}: expected a number between 0 and 1; 0.95 is usual")
    return normal_quantile((1 + level) / 2)


def normal_quantile(p: float) -> float:
    """The standard normal quantile of a probability strictly between 0 and 1."""
    return NormalDist().inv_cdf(p)


def beta_quantile(a: float, b: float, p: float) -> float:
    """The quantile of a Beta(a, b) distribution."""
    from scipy.special import betaincinv  # 0.3 s to load, and most runs need none of it

    return float(betaincinv(a, b, p))


def wald(count: float, n: float, *, level: float = 0.95) -> Bounds:
    """The textbook normal interval, cut at 0 and 1; too narrow near them: for comparison only."""
    p = _proportion(count, n)
    half = z_quantile(level) * math.sqrt(p * (1 - p) / n)
    return Bounds(max(0.0, p - half), min(1.0, p + half))


def wilson(count: float, n: float, *, level: float = 0.95) -> Bounds:
    """Wilson's score interval (Wilson 1927; Newcombe 1998, Stat Med 17:857, method 3). 0/n starts at exactly
    0.
    """
    p, z = _proportion(count, n), z_quantile(level)
    centre = (count + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(n * p * (1 - p) + z * z / 4)
    low = 0.0 if count == 0 else max(0.0, centre - half)
    high = 1.0 if count == n else min(1.0, centre + half)
    return Bounds(low, high)


def wilson_corrected(count: float, n: float, *, level: float = 0.95) -> Bounds:
    """Wilson's interval with continuity correction (Newcombe 1998, Stat Med 17:857, method 4)."""
    p, z = _proportion(count, n), z_quantile(level)
    below = z * math.sqrt(max(0.0, z * z - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)))
    above = z * math.sqrt(max(0.0, z * z + 2 - 1 / n + 4 * p * (n * (1 - p) - 1)))
    low = 0.0 if count == 0 else max(0.0, (2 * count + z * z - 1 - below) / (2 * (n + z * z)))
    high = 1.0 if count == n else min(1.0, (2 * count + z * z + 1 + above) / (2 * (n + z * z)))
    return Bounds(low, high)


def clopper_pearson(count: float, n: float, *, level: float = 0.95) -> Bounds:
    """The exact interval (Clopper and Pearson 1934): covers at least `level`; for 0/n the upper limit is
    1 - ((1 - level) / 2) ** (1 / n).
    """
    _proportion(count, n)
    z_quantile(level)
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else beta_quantile(count, n - count + 1, tail)
    high = 1.0 if count == n else beta_quantile(count + 1, n - count, 1 - tail)
    return Bounds(low, high)


def jeffreys(count: float, n: float, *, level: float = 0.95) -> Bounds:
    """Equal-tailed interval of the Beta(1/2, 1/2) posterior, closed at 0 for 0/n and at 1 for n/n
    (Brown, Cai and DasGupta 2001, Stat Sci 16:101).
    """
    _proportion(count, n)
    z_quantile(level)
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else beta_quantile(count + 0.5, n - count + 0.5, tail)
    high = 1.0 if count == n else beta_quantile(count + 0.5, n - count + 0.5, 1 - tail)
    return Bounds(low, high)


def agresti_coull(count: float, n: float, *, level: float = 0.95) -> Bounds:
    """Wald's interval around Wilson's centre with n + z^2 trials (Agresti and Coull 1998), cut at 0 and 1."""
    _proportion(count, n)
    z = z_quantile(level)
    trials = n + z * z
    centre = (count + z * z / 2) / trials
    half = z * math.sqrt(centre * (1 - centre) / trials)
    return Bounds(max(0.0, centre - half), min(1.0, centre + half))


def rule_of_three(n: float, *, level: float = 0.95) -> float:
    """One-sided exact upper bound of a rate of which 0 events were seen in n: about 3 / n at level 0.95."""
    _proportion(0, n)
    z_quantile(level)
    return -math.expm1(math.log1p(-level) / n)


METHODS: MappingProxyType[str, Callable[..., Bounds]] = MappingProxyType(
    {
        "wilson": wilson,
        "wilson_corrected": wilson_corrected,
        "clopper_pearson": clopper_pearson,
        "jeffreys": jeffreys,
        "agresti_coull": agresti_coull,
        "wald": wald,
    }
)


def proportion_interval(
    count: float, n: float, *, method: str = "wilson", level: float = 0.95
) -> Bounds | None:
    """The interval of `count` successes in `n` trials by one of METHODS; None for n = 0: nothing was seen."""
    key = method.casefold().replace("-", "_").replace(" ", "_")
    if key not in METHODS:
        raise UsageError(f"interval method {method!r}: expected one of {sorted(METHODS)}; name one of them")
    return None if n == 0 else METHODS[key](count, n, level=level)


def _proportion(count: float, n: float) -> float:
    if not (0 < n < math.inf and 0 <= count <= n):
        raise UsageError(f"count {count!r} of {n!r}: expected 0 <= count <= n and n > 0; check the counts")
    return count / n
