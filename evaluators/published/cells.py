"""Printed cells, what they should be, and whether rounding can explain the difference.

All arithmetic is exact (fractions). A printed number stands for every value that rounds to it, so a
recomputed cell is known within the rounding of the cells it is made from; the two contradict each other only
if those ranges do not touch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from spinebench.evaluators import report_formula
from spinebench.records import Record


class CheckedCell(Record):
    """One derived cell of a published table."""

    table: str
    row: str
    cell: str
    rule: str
    """The formula it was recomputed by."""
    printed: float
    recomputed: tuple[float, ...]
    """Rounded as printed; two candidates where the printed value lies between two possible ones."""
    contradicts: bool


class Contradiction(Record):
    """A cell (or two exchanged cells) that the paper's own formula and numbers do not give."""

    table: str
    row: str
    cells: tuple[str, ...]
    printed: tuple[float, ...]
    recomputed: tuple[tuple[float, ...], ...]
    """For each cell, the one or two values that it could be."""
    reason: str
    repeated_in: tuple[str, ...] = ()
    """Other tables that print the same row with the same contradiction; counted once, here."""


class Replay(Record):
    """One benchmark's tables, replayed."""

    benchmark: str
    source: str
    cells: tuple[CheckedCell, ...]
    contradictions: tuple[Contradiction, ...]
    remarks: tuple[str, ...] = ()


class Rounded(NamedTuple):
    """A value known within +- `slack`."""

    value: Fraction
    slack: Fraction = Fraction(0)

    def touches(self, other: Rounded) -> bool:
        return abs(self.value - other.value) <= self.slack + other.slack


def printed(text: str, decimals: int) -> Rounded:
    """A printed number, given as text: half a unit of its last decimal either way."""
    return Rounded(Fraction(text), Fraction(1, 2 * 10**decimals))


def weighted_mean(values: Sequence[Rounded], weights: Sequence[int] | None = None) -> Rounded:
    """Mean of rounded values; its slack is the mean of theirs."""
    value = report_formula.weighted_mean([one.value for one in values], weights)
    slack = report_formula.weighted_mean([one.slack for one in values], weights)
    return Rounded(value, slack)


def scaled(value: Rounded, factor: Fraction | int) -> Rounded:
    return Rounded(value.value * factor, value.slack * factor)


def half_up(value: Fraction, decimals: int) -> float:
    """A non-negative value rounded half up, as tables are."""
    unit = 10**decimals
    return float(Fraction(int(value * unit + Fraction(1, 2)), unit))


def whole_counts(cell: Rounded, n: int) -> tuple[int, ...]:
    """Counts of n whose percentage prints as this cell; () if there is none."""
    nearest = round(cell.value * n / 100)
    return tuple(
        k
        for k in (nearest - 1, nearest, nearest + 1)
        if 0 <= k <= n and Rounded(Fraction(100 * k, n)).touches(cell)
    )


def possible_percentages(cell: Rounded, n: int, decimals: int) -> tuple[float, ...]:
    """What a percentage of n could have been: its neighbours k / n, or the one with two digits exchanged."""
    below = int(cell.value * n / 100)
    both = tuple(half_up(Fraction(100 * k, n), decimals) for k in (below, below + 1) if 0 <= k <= n)
    digits = f"{float(cell.value):.{decimals}f}"
    swapped = tuple(value for value in both if _neighbours_exchanged(digits, f"{value:.{decimals}f}"))
    return swapped if len(swapped) == 1 else both


def _neighbours_exchanged(one: str, other: str) -> bool:
    """Whether exchanging two neighbouring digits turns one number into the other."""
    first, second = one.replace(".", ""), other.replace(".", "")
    if len(first) != len(second) or first == second:
        return False
    return any(first[:i] + first[i + 1] + first[i] + first[i + 2 :] == second for i in range(len(first) - 1))


def named(columns: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    """A table row by column name."""
    return dict(zip(columns, row, strict=True))
