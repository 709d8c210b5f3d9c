"""Two or more models on the same items: tests and intervals for independent items."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, chdtrc, gammaln

from spinebench.errors import UsageError
from spinebench.evaluators.numeric import as_numbers, shown
from spinebench.evaluators.proportions import Bounds, wilson
from spinebench.records import Record


class PairedTable(Record):
    """Items by who was right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither


class McNemar(Record):
    """McNemar's test from the two discordant counts, in its four forms. Each p-value is two-sided."""

    chi2: float | None
    """(b - c)^2 / (b + c) on one degree of freedom; None without discordant items."""
    chi2_p: float | None
    chi2_corrected: float | None
    """(|b - c| - 1)^2 / (b + c), 0 where b = c."""
    chi2_corrected_p: float | None
    exact_p: float
    """Binomial, b of b + c at 1/2; 1 without discordant items."""
    mid_p: float
    """The exact p less half the probability of the observed split: the default (Fagerland et al. 2013)."""


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """McNemar's test (McNemar 1947; mid-p: Fagerland, Lydersen and Laake 2013, BMC Med Res Methodol 13:91).

    `only_first` and `only_second` count the items that only the one or only the other model got right.
    """
    b, c = only_first, only_second
    if not all(0 <= count < math.inf and count == round(count) for count in (b, c)):
        raise UsageError(f"discordant counts {(b, c)!r}: expected two counts; check the table")
    b, c = int(b), int(c)
    n = b + c
    if n == 0:
        return McNemar(
            chi2=None, chi2_p=None, chi2_corrected=None, chi2_corrected_p=None, exact_p=1.0, mid_p=1.0
        )
    fewer = min(b, c)
    tail = float(bdtr(fewer, n, 0.5))
    point = math.exp(gammaln(n + 1) - gammaln(fewer + 1) - gammaln(n - fewer + 1) - n * math.log(2))
    chi2, corrected = (b - c) ** 2 / n, max(abs(b - c) - 1, 0) ** 2 / n
    return McNemar(
        chi2=chi2,
        chi2_p=float(chdtrc(1, chi2)),
        chi2_corrected=corrected,
        chi2_corrected_p=float(chdtrc(1, corrected)),
        exact_p=min(1.0, 2 * tail),
        mid_p=1.0 if b == c else min(1.0, 2 * tail - point),
    )


def newcombe_paired(
    both: float,
    only_first: float,
    only_second: float,
    neither: float,
    *,
    level: float = 0.95,
    corrected: bool = True,
) -> Bounds:
    """Interval of the difference of two paired proportions, first less second.

    Wilson intervals of both, squared and added with the correlation phi between them (Newcombe 1998, Stat Med
    17:2635): method 10 with phi's numerator ad - bc brought towards 0 by n/2 where it is positive, method 8
    (`corrected` False) with phi as it is. phi is 0 where a margin is empty. Fractional counts are allowed.
    """
    a, b, c, d = both, only_first, only_second, neither
    n = a + b + c + d
    if not (min(a, b, c, d) >= 0 and 0 < n < math.inf):
        raise UsageError(f"paired table {(a, b, c, d)!r}: expected four counts, not all 0; check the table")
    first, second = (a + b) / n, (a + c) / n
    around_first, around_second = wilson(a + b, n, level=level), wilson(a + c, n, level=level)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    excess = a * d - b * c
    if corrected and excess > 0:
        excess = max(excess - n / 2, 0.0)
    phi = excess / math.sqrt(margins) if margins > 0 else 0.0

    def distance(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    difference = first - second
    low = difference - distance(first - around_first.low, around_second.high - second)
    high = difference + distance(around_first.high - first, second - around_second.low)
    return Bounds(max(-1.0, low), min(1.0, high))


class CochranQ(Record):
    """Cochran's Q over k models: do they differ at all?"""

    statistic: float | None
    df: int
    p_value: float | None
    n: int
    """Items, those that all or no model got right included."""
    reason: str | None = None
    """Why the test is undefined."""


def cochran_q(right: ArrayLike) -> CochranQ:
    """Cochran's Q (Cochran 1950) of a table items x models of 0 and 1, chi-square with k - 1 degrees of
    freedom.

    Undefined with fewer than two models or where the models agree on every item. For k = 2 it is McNemar's
    statistic without correction.
    """
    table = as_numbers(right, "table", "items x models of 0 and 1")
    if table.ndim != 2 or not np.isin(table, (0.0, 1.0)).all():
        raise UsageError(
            f"table {shown(right)}: expected items x models of 0 and 1; leave out items that a model was not asked"
        )
    n, k = table.shape
    if k < 2:
        return CochranQ(statistic=None, df=max(k - 1, 0), p_value=None, n=n, reason="fewer than two models")
    per_item = table.sum(axis=1)
    spread = float((per_item * (k - per_item)).sum())
    if spread == 0:
        return CochranQ(statistic=None, df=k - 1, p_value=None, n=n, reason="all models agree on every item")
    per_model = table.sum(axis=0)
    statistic = (k - 1) * k * float(((per_model - per_model.mean()) ** 2).sum()) / spread
    return CochranQ(statistic=statistic, df=k - 1, p_value=float(chdtrc(k - 1, statistic)), n=n)
