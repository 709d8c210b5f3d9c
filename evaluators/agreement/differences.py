"""Is one of two raters higher, and how far apart are single scores? Bland and Altman."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.ratings import Clusters, as_ratings
from spinebench.evaluators.agreement.result import DESCRIPTIVE_UNITS
from spinebench.evaluators.clustered import Part, combined_mean, t_quantile
from spinebench.evaluators.estimate import Interval
from spinebench.evaluators.proportions import Bounds, z_quantile
from spinebench.records import Record

_NO_LIMITS = Bounds(-math.inf, math.inf)


class BlandAltman(Record):
    """Differences first less second."""

    bias: float | None
    """Mean difference."""
    reason: str | None = None
    """Why the bias is None; `limits_reason` why only the limits are."""
    limits_reason: str | None = None
    interval: Interval | None = None
    """Of the bias."""
    sd: float | None = None
    """Of the differences, n - 1."""
    limits: tuple[float, float] | None = None
    """Of agreement: bias -/+ multiplier x sd."""
    lower_limit_interval: Interval | None = None
    upper_limit_interval: Interval | None = None
    multiplier: float
    mean_absolute_difference: float | None = None
    n_units: int
    n_clusters: int
    n_missing: int
    comparator: str | None = None
    resampling_unit: str = "unit"
    descriptive: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def value(self) -> float | None:
        """The bias, under the name that every agreement figure has for its value."""
        return self.bias


def bland_altman(
    ratings: ArrayLike,
    *,
    multiplier: float = 1.96,
    level: float = 0.95,
    clusters: Clusters | None = None,
    comparator: str | None = None,
) -> BlandAltman:
    """Bias and limits of agreement of two columns (Bland and Altman 1986, Lancet 1:307; 1999).

    The limits hold 95 % of single differences if they are normal: multiplier 1.96 (the paper of 1986 rounds it to 2;
    give `multiplier=2` for its figures). The bias has a t interval, cluster-robust where units share clusters, and none
    where all clusters differ alike; the limits' own intervals use var = s^2 (1 / n + z^2 / (2 (n - 1))) with t(n - 1),
    and are left out where units share clusters. Units without both ratings are left out. One unit has a bias and no
    limits.
    """
    z_quantile(level)
    if not 0 < multiplier < math.inf:
        raise UsageError(f"multiplier {multiplier!r}: expected a positive number; 1.96 is usual")
    z = float(multiplier)
    table = as_ratings(ratings, scale=None, clusters=clusters, raters=2)
    complete = table.per_unit == 2
    used = table.kept(complete)
    n = len(used.values)
    unit = "cluster" if table.clustered else "unit"
    if n == 0:
        return BlandAltman(
            bias=None, reason="no unit has two ratings", multiplier=z, n_units=0, n_clusters=0,
            n_missing=table.n_missing, comparator=comparator, resampling_unit=unit, descriptive=True,
        )  # fmt: skip
    differences = used.values[:, 0] - used.values[:, 1]
    _, codes = np.unique(used.clusters, return_inverse=True)
    codes = codes.ravel().astype(np.int64)
    groups = len(np.unique(codes))
    bias, sd = float(differences.mean()), float(differences.std(ddof=1)) if n > 1 else None
    interval: Interval | None = None
    warnings: tuple[str, ...] = ()
    if groups > 1 and sd is not None and sd > 1e-12:
        found = combined_mean("bias", (Part(differences, codes),), level=level, limits=_NO_LIMITS)
        if found.interval is not None and math.isfinite(found.interval.high - found.interval.low):
            interval, warnings = found.interval, found.warnings
        else:  # differences have no range of their own that an interval could rest on
            warnings = ("no variation between clusters: the bias has no interval",)
    spread = lower = upper = None
    if sd is not None:
        spread = (bias - z * sd, bias + z * sd)
        if groups == n:
            half = t_quantile(n - 1, level) * sd * math.sqrt(1 / n + z * z / (2 * (n - 1)))
            lower, upper = (
                Interval(low=one - half, high=one + half, level=level, method="t (Bland-Altman)")
                for one in spread
            )
    return BlandAltman(
        bias=bias,
        limits_reason="one unit" if sd is None else None,
        interval=interval,
        sd=sd,
        limits=spread,
        lower_limit_interval=lower,
        upper_limit_interval=upper,
        multiplier=z,
        mean_absolute_difference=float(np.abs(differences).mean()),
        n_units=n,
        n_clusters=groups,
        n_missing=table.n_missing,
        comparator=comparator,
        resampling_unit=unit,
        descriptive=groups < DESCRIPTIVE_UNITS,
        warnings=warnings,
    )
