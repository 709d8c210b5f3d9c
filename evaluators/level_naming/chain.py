"""Vertebrae, discs and nerve roots on one chain, measured in levels from C1 downwards."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType


class Kind(StrEnum):
    """What a level is of."""

    VERTEBRA = "vertebra"
    DISC = "disc"
    """A disc or motion segment: two neighbouring vertebrae and what lies between them."""
    ROOT = "root"
    """A nerve root, dermatome or palsy; `L5 root` says nothing of the vertebra L5."""


VERTEBRAE: tuple[str, ...] = (
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
    *(f"S{i}" for i in range(1, 6)),
)
"""Cranial to caudal. L6, a transitional vertebra, is known beside them."""

_TRANSITIONAL = "L6"
_INDEX = MappingProxyType({name: place for place, name in enumerate(VERTEBRAE)})
_NEXT = MappingProxyType(dict(pairwise(VERTEBRAE)))
_REGIONS = MappingProxyType({"C": 7, "T": 12, "L": 6, "S": 5})


def is_vertebra(name: str) -> bool:
    """Whether `name` is a vertebra in canonical spelling: C1 to C7, T1 to T12, L1 to L6, S1 to S5."""
    return name in _INDEX or name == _TRANSITIONAL


def last_of_region(name: str) -> bool:
    """Whether the next number after this vertebra belongs to the next region (C7, T12, L5, L6)."""
    return name in {"C7", "T12", "L5", _TRANSITIONAL}


def first_below(name: str) -> str | None:
    """The vertebra below; None below S5. Below L5 is S1."""
    return "S1" if name == _TRANSITIONAL else _NEXT.get(name)


def neighbours(upper: str, lower: str) -> bool:
    """Whether `lower` is the vertebra right below `upper`; L6 may stand between L5 and S1."""
    return first_below(upper) == lower or (upper, lower) == ("L5", _TRANSITIONAL)


def between(first: str, last: str) -> tuple[str, ...]:
    """All vertebrae from one to another, both with them, cranial to caudal, whichever is named first."""
    if _TRANSITIONAL in (first, last):
        other = last if first == _TRANSITIONAL else first
        if other == _TRANSITIONAL:
            return (other,)
        above = _INDEX[other] <= _INDEX["L5"]
        chain = between(other, "L5") if above else between("S1", other)
        return (*chain, _TRANSITIONAL) if above else (_TRANSITIONAL, *chain)
    low, high = sorted((_INDEX[first], _INDEX[last]))
    return VERTEBRAE[low : high + 1]


def disc(upper: str, lower: str) -> str:
    """The canonical name of a disc, `L4/L5`."""
    return f"{upper}/{lower}"


def vertebra_place(name: str) -> float:
    """Place of a vertebra, C1 at 0 and S1 at 24; L6 stands half a level below L5, where else there is the disc."""
    return _INDEX["L5"] + 0.5 if name == _TRANSITIONAL else float(_INDEX[name])


def place(level: str, kind: Kind) -> float:
    """Place on the chain in levels: a disc lies half a level below its upper vertebra.

    A root has the place of its vertebra, C8 that of C7/T1. `level` is canonical (see `Level`).
    """
    if kind is Kind.ROOT:
        return _INDEX["C7"] + 0.5 if level == "C8" else vertebra_place(level)
    upper, _, lower = level.partition("/")
    if not lower:
        return vertebra_place(upper)
    return (vertebra_place(upper) + vertebra_place(lower)) / 2


def valid_number(region: str, number: int) -> bool:
    """Whether the region (C, T, L, S) has a vertebra of this number."""
    return 1 <= number <= _REGIONS[region]
