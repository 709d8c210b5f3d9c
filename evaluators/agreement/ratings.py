"""The table that agreement is computed on: units x raters, NaN where a rater gave no score."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinebench.errors import UsageError
from spinebench.evaluators.numeric import as_numbers, shown

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Scale = Sequence[float]
Clusters = Sequence[Hashable]

_NEAR = 1e-9


@dataclass(frozen=True)
class Ratings:
    """A checked table. Rows without any score and raters without any are kept: they count as missing."""

    values: FloatArray
    """Units x raters, NaN for missing."""
    scale: tuple[float, ...] | None
    clusters: IntArray
    """Code of each unit's cluster, 0, 1, ...; every unit its own where none was given."""
    clustered: bool

    @property
    def n_missing(self) -> int:
        return int(np.isnan(self.values).sum())

    @property
    def per_unit(self) -> IntArray:
        """Number of ratings of each unit."""
        return np.asarray((~np.isnan(self.values)).sum(axis=1), dtype=np.int64)

    @property
    def n_raters(self) -> int:
        return int((~np.isnan(self.values)).any(axis=0).sum())

    @property
    def n_pairs(self) -> int:
        counts = self.per_unit
        return int((counts * (counts - 1) // 2).sum())

    def codes(self) -> IntArray:
        """Position of each score on the scale, -1 for missing."""
        assert self.scale is not None
        return positions(self.values, self.scale)

    def kept(self, rows: BoolArray) -> Ratings:
        """The units where `rows` is true."""
        return Ratings(self.values[rows], self.scale, self.clusters[rows], self.clustered)


def as_ratings(
    ratings: ArrayLike, *, scale: Scale | None, clusters: Clusters | None = None, raters: int | None = None
) -> Ratings:
    """Check a table units x raters. None, NaN, pandas' NA and masked cells are missing; an empty table has no units.
    Where two raters are asked for, one column is a table whose second rater gave nothing.

    Raises `UsageError` for another shape, a value that is no number, infinite or off the declared `scale`,
    another number of columns than `raters`, and clusters that are not one per unit.
    """
    values = as_numbers(ratings, "ratings", "one row per unit, one column per rater, NaN where missing")
    if values.size == 0:
        keeps_units = values.ndim == 2 and raters is None
        values = values if keeps_units else np.empty((0, raters or 0))
    if raters == 2 and values.ndim == 2 and values.shape[1] == 1:
        values = np.column_stack([values, np.full(len(values), np.nan)])  # the second rater gave nothing
    if values.ndim != 2:
        raise UsageError(
            f"ratings of shape {values.shape!r}: expected units x raters; pass a table with two dimensions"
        )
    if raters is not None and values.shape[1] != raters and values.size:
        raise UsageError(
            f"ratings of {values.shape[1]!r} raters: expected {raters}; choose the columns to compare, or use a "
            "statistic for several raters"
        )
    infinite = np.isinf(values)
    if infinite.any():
        unit, rater = (int(place) for place in np.argwhere(infinite)[0])
        raise UsageError(
            f"rating {float(values[unit, rater])!r} of unit {unit}, rater {rater}: expected a finite number; leave "
            "it out as NaN if it is missing"
        )
    declared = None if scale is None else checked_scale(scale)
    if declared is not None:
        positions(values, declared)
    codes, clustered = _cluster_codes(clusters, len(values))
    return Ratings(values, declared, codes, clustered)


def checked_scale(scale: Scale) -> tuple[float, ...]:
    """The declared values in ascending order. Raises `UsageError` unless they are two or more different numbers."""
    try:
        values = sorted(float(value) for value in scale)
    except (TypeError, ValueError):
        values = []
    if len(values) < 2 or len(set(values)) < len(values) or not np.isfinite(values).all():
        raise UsageError(
            f"scale {shown(scale)}: expected two or more different numbers; declare the values of the rubric, used "
            "or not, e.g. (1, 2, 3, 4, 5)"
        )
    return tuple(values)


def positions(values: FloatArray, scale: tuple[float, ...]) -> IntArray:
    """Index of each value on the scale, -1 for NaN. Raises `UsageError` naming a value that is not on it."""
    levels = np.asarray(scale)
    known = ~np.isnan(values)
    place = np.clip(np.searchsorted(levels, np.where(known, values, levels[0]) - _NEAR), 0, len(levels) - 1)
    off = known & (np.abs(levels[place] - values) > _NEAR)
    if off.any():
        unit, rater = (int(where) for where in np.argwhere(off)[0])
        raise UsageError(
            f"rating {float(values[unit, rater]):g} of unit {unit}, rater {rater}: expected one of "
            f"{', '.join(f'{level:g}' for level in scale)}; correct it or declare the scale it was given on"
        )
    return np.asarray(np.where(known, place, -1), dtype=np.int64)


def ratings_from_table(table: ArrayLike, *, scale: Scale | None = None) -> FloatArray:
    """Units x 2 from a square table of counts, first rater in rows; the scale is 1, 2, ... if not given.

    Raises `UsageError` for a table that is not square or holds anything but counts.
    """
    counts = as_numbers(table, "table", "counts, one row and one column per level")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise UsageError(
            f"table of shape {counts.shape!r}: expected as many rows as columns; add the unused levels as zeros"
        )
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts != np.round(counts)).any():
        raise UsageError(f"table {counts.tolist()!r}: expected counts; check where it comes from")
    levels = np.asarray(checked_scale(scale if scale is not None else range(1, len(counts) + 1)))
    if len(levels) != len(counts):
        raise UsageError(
            f"scale {tuple(levels)!r}: expected {len(counts)} values, as the table has; declare all of them"
        )
    first, second = np.divmod(np.repeat(np.arange(counts.size), counts.ravel().astype(int)), len(counts))
    return np.stack([levels[first], levels[second]], axis=1).astype(np.float64)


def with_judge(ratings: FloatArray, judge: ArrayLike) -> FloatArray:
    """Clinicians' columns and the judge's behind them. Raises `UsageError` unless there is one value per unit."""
    column = as_numbers(judge, "judge", "one value per unit, NaN where it gave none")
    if column.shape != (len(ratings),):
        raise UsageError(
            f"judge of shape {column.shape!r}: expected one value for each of the {len(ratings)} units; NaN where it "
            "gave none"
        )
    return np.column_stack([ratings, column])


def _cluster_codes(clusters: Clusters | None, n: int) -> tuple[IntArray, bool]:
    if clusters is None:
        return np.arange(n), False
    names = list(clusters)
    if len(names) != n:
        raise UsageError(
            f"{len(names)!r} clusters: expected one for each of the {n} units; name the cluster of every unit"
        )
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(name, len(seen)) for name in names], dtype=np.int64), True
