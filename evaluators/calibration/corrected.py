"""What a corrected mean is reported as."""

from __future__ import annotations

import math

from spinebench.errors import UsageError
from spinebench.evaluators.clustered import t_quantile
from spinebench.evaluators.estimate import Estimate, Interval
from spinebench.evaluators.proportions import z_quantile

FEW_LABELS = 10
"""Below this many labels a warning goes with every corrected figure."""


class Corrected(Estimate):
    """A mean of clinicians' labels, estimated from few labels and many judge scores.

    `n` counts the labelled units. Undefined is `value` None with the reason.
    """

    n_judged: int
    """Units with a judge score behind the judge's part of the estimate."""
    lam: float | None = None
    """Weight of the judge's part: 1 trusts its differences fully, 0 leaves the labels alone."""
    lam_from: str | None = None
    """`given`, or what it was estimated from."""
    df: float | None = None
    """Degrees of freedom behind the t quantile of `interval`."""
    variance_from: str | None = None
    """Whose labels the residual variance is taken from."""


def no_value(
    name: str, reason: str, *, n: int = 0, n_judged: int = 0, warnings: tuple[str, ...] = ()
) -> Corrected:
    """A corrected mean that cannot be had."""
    return Corrected(
        name=name, value=None, reason=reason, n=n, n_clusters=0, n_judged=n_judged, warnings=warnings
    )


def t_interval(value: float, variance: float, df: float, *, level: float, method: str) -> Interval | None:
    """value +- t(df) sqrt(variance), not cut at any range; None where variance or degrees of freedom are 0."""
    if not (variance > 0 and df > 0):
        return None
    half = t_quantile(df, level) * math.sqrt(variance)
    return Interval(low=value - half, high=value + half, level=level, method=method)


def z_interval(value: float, variance: float, *, level: float, method: str) -> Interval:
    """value +- z sqrt(variance)."""
    half = z_quantile(level) * math.sqrt(variance)
    return Interval(low=value - half, high=value + half, level=level, method=method)


def cut(
    interval: Interval | None, limits: tuple[float, float] | None
) -> tuple[Interval | None, tuple[Interval, ...]]:
    """The part of an interval within the range of the figure, and the whole one where that is another.

    An interval that lies beyond the range altogether is left as it is: it says that the assumptions do not hold.
    Raises `UsageError` for limits that are not in order.
    """
    if limits is not None and not limits[0] < limits[1]:
        raise UsageError(f"limits {tuple(limits)!r}: expected the lower end of the range, then the upper")
    if interval is None or limits is None or interval.low >= limits[1] or interval.high <= limits[0]:
        return interval, ()
    low, high = max(limits[0], interval.low), min(limits[1], interval.high)
    if (low, high) == (interval.low, interval.high):
        return interval, ()
    part = interval.model_copy(update={"low": low, "high": high})
    return part, (interval.model_copy(update={"method": f"{interval.method}, not cut at the range"}),)
