"""Spinal levels as positions on one ordinal chain, cranial to caudal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spinebench.terms import canonical_level, fold

_VERTEBRAE: tuple[str, ...] = (
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
    "S1",
)
_INDEX = {name: position for position, name in enumerate(_VERTEBRAE)}
_DISC = re.compile(r"^([ctls])(\d{1,2})\s*[/\-–—_]\s*([ctls])?(\d{1,2})$")
_BONE = re.compile(r"^([ctls])(\d{1,2})$")


def disc_position(text: str) -> int | None:
    """Position of a disc level on the chain C1/C2 (0) to L5/S1 (23); None if it names no single disc.

    `L4-5`, `l4/l5` and `T12–L1` are understood; the two vertebrae must be neighbours.
    """
    lumbar = canonical_level(text)
    match = _DISC.match(fold(lumbar or text))
    if match is None:
        return None
    letter, upper, lower_letter, lower = match.groups()
    above = _INDEX.get(f"{letter}{upper}".upper())
    letters = (lower_letter,) if lower_letter else ("c", "t", "l", "s")
    below = {_INDEX.get(f"{name}{lower}".upper()) for name in letters}
    return above if above is not None and above + 1 in below else None


def vertebra_position(text: str) -> int | None:
    """Position of a vertebra on the chain C1 (0) to S1 (24); None if it names no single vertebra."""
    match = _BONE.match(fold(text))
    return None if match is None else _INDEX.get("".join(match.groups()).upper())


def positions(texts: Sequence[str]) -> tuple[int, ...] | None:
    """Positions of the texts, in their order, on one chain: all discs or all vertebrae.

    None where a text names no level or discs and vertebrae are mixed: then no distance is defined. Empty: ().
    """
    for read in (disc_position, vertebra_position):
        found = [read(text) for text in texts]
        if all(position is not None for position in found):
            return tuple(position for position in found if position is not None)
    return None
