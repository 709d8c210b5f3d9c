"""How far off a localization is, in levels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

CUTOFF = 3
"""Levels at which a distance stops growing; also what a level without a partner costs."""
_EVEN = 1e-3
"""Of equally cheap matchings those with even offsets win (1 + 1 before 0 + 2); far below the step of one
level.
"""
_LEAN = 1e-6
"""Breaks the ties that are left, once for each direction."""


class LevelMatch(NamedTuple):
    """One item's chosen levels matched to its gold levels."""

    distance: float
    """Mean cost per level of the larger set, 0 (same set) to CUTOFF."""
    within_one: float
    """Share of gold levels whose partner is at most one level away."""
    offset: float | None
    """Mean signed offset of the pairs, chosen less gold, caudal positive; None without a pair within the
    cut-off.
    """


@lru_cache(maxsize=1 << 14)
def match_levels(gold: tuple[int, ...], chosen: tuple[int, ...], *, cutoff: int = CUTOFF) -> LevelMatch:
    """Match chosen to gold positions at least total cost min(|offset|, cutoff), a level left over costing
    `cutoff`.

    Divided by the size of the larger set this is the OSPA metric of order 1 (Schuhmacher, Vo and Vo 2008,
    IEEE Trans Signal Process 56:3447). Where several matchings cost the same, the one with the least squared
    offsets is taken: gold 1 and 2 answered as 2 and 3 are two levels off by one, not one right and one off by
    two. Where that leaves several (gold 1 and 3, chosen 2), the shares and offsets are the mean of the most
    cranial and the most caudal one, so that neither direction is favoured. Gold empty: every chosen level is
    left over, `within_one` is 1 only if nothing was chosen.
    """
    if not gold or not chosen:
        same = not gold and not chosen
        return LevelMatch(0.0 if same else float(cutoff), float(same), None)
    from scipy.optimize import linear_sum_assignment

    size = max(len(gold), len(chosen))
    offsets = np.subtract.outer(np.asarray(chosen), np.asarray(gold)).T
    reach = np.minimum(np.abs(offsets), cutoff)
    costs: list[float] = []
    shares: list[float] = []
    means: list[float] = []
    # Beyond the cut-off one step more is told apart, so that an offset of 3 goes before one of 4 or more.
    uneven = _EVEN * np.square(np.clip(offsets, -cutoff - 1, cutoff + 1))
    for lean in (_LEAN, -_LEAN):
        cost = np.full((size, size), float(cutoff))
        cost[: len(gold), : len(chosen)] = reach + uneven + lean * np.clip(offsets, -cutoff, cutoff)
        rows, columns = linear_sum_assignment(cost)
        real = (rows < len(gold)) & (columns < len(chosen))
        pairs = offsets[rows[real], columns[real]]
        costs.append((reach[rows[real], columns[real]].sum() + cutoff * (size - real.sum())) / size)
        shares.append(float((np.abs(pairs) <= 1).sum()) / len(gold))
        near = pairs[np.abs(pairs) <= cutoff]
        if len(near):
            means.append(float(near.mean()))
    return LevelMatch(float(np.mean(costs)), float(np.mean(shares)), float(np.mean(means)) if means else None)
