"""Adjusted p-values of several tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spinebench.errors import UsageError

_Sorted = NDArray[np.float64]


def _bonferroni(p: _Sorted) -> _Sorted:
    return p * len(p)


def _sidak(p: _Sorted) -> _Sorted:
    return np.asarray(-np.expm1(len(p) * np.log1p(-np.minimum(p, 1 - 1e-16))))


def _holm(p: _Sorted) -> _Sorted:
    return np.maximum.accumulate(p * np.arange(len(p), 0, -1))


def _hochberg(p: _Sorted) -> _Sorted:
    return _step_up(p * np.arange(len(p), 0, -1))


def _bh(p: _Sorted) -> _Sorted:
    return _step_up(p * len(p) / np.arange(1, len(p) + 1))


def _by(p: _Sorted) -> _Sorted:
    return _bh(p) * float(np.sum(1 / np.arange(1, len(p) + 1)))


def _hommel(p: _Sorted) -> _Sorted:
    """Wright's algorithm (1992, Biometrics 48:1005, appendix): the smallest level at which Simes rejects
    throughout.
    """
    n = len(p)
    adjusted = p.copy()
    for m in range(n, 1, -1):
        tail = np.arange(n - m + 1, n)
        least = float(np.min(m * p[tail] / np.arange(2, m + 1)))
        adjusted[tail] = np.maximum(adjusted[tail], least)
        head = np.arange(0, n - m + 1)
        adjusted[head] = np.maximum(adjusted[head], np.minimum(least, m * p[head]))
    return adjusted


def _step_up(scaled: _Sorted) -> _Sorted:
    return np.minimum.accumulate(scaled[::-1])[::-1]


def _none(p: _Sorted) -> _Sorted:
    return p


ADJUSTMENTS: MappingProxyType[str, Callable[[_Sorted], _Sorted]] = MappingProxyType(
    {
        "holm": _holm,
        "hochberg": _hochberg,
        "hommel": _hommel,
        "bonferroni": _bonferroni,
        "sidak": _sidak,
        "bh": _bh,
        "fdr": _bh,
        "by": _by,
        "none": _none,
    }
)
"""Each takes p-values in ascending order."""


def p_adjust(p_values: Sequence[float | None], method: str = "holm") -> list[float | None]:
    """Adjusted p-values in the order given, never above 1.

    `holm`, `hochberg`, `hommel`, `bonferroni` and `sidak` hold the chance of any false claim; `bh` (Benjamini
    and Hochberg 1995) and `by` (Benjamini and Yekutieli 2001, any dependence) the share of false claims. An
    undefined p-value (None or NaN) stays None and is not counted among the tests. Empty: [].
    """
    adjust = ADJUSTMENTS.get(method.casefold())
    if adjust is None:
        raise UsageError(f"adjustment {method!r}: expected one of {sorted(ADJUSTMENTS)}; name one of them")
    p = np.array([np.nan if value is None else float(value) for value in p_values])
    defined = np.flatnonzero(~np.isnan(p))
    if np.any((p[defined] < 0) | (p[defined] > 1)):
        raise UsageError(
            f"p-values {list(p_values)!r}: expected numbers from 0 to 1; check where they come from"
        )
    result: list[float | None] = [None] * len(p)
    if len(defined):
        order = defined[np.argsort(p[defined], kind="stable")]
        for place, value in zip(order, np.minimum(adjust(p[order]), 1.0), strict=True):
            result[int(place)] = float(value)
    return result
