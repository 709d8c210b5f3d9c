"""The score of the level-aware benchmark, exact: the one formula for replayed tables and for new results.

SpineBench, level-aware (arXiv 2510.03160): a section is the mean of its dimensions, a report 20 x the mean of its
sections (100 over the highest value of the scale), overall the mean of text, image and report weighted by their counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

FULL_MARKS = 100
HIGHEST = 5
"""Highest value of the published scale."""


def weighted_mean(values: Sequence[Fraction], weights: Sequence[Fraction | int] | None = None) -> Fraction:
    """Weighted mean of one or more values; without weights all count the same."""
    chosen = [1] * len(values) if weights is None else weights
    # Over common denominators: a sum of fractions reduces each sum on its way.
    counts, _ = _integers(chosen)
    parts, denominator = _integers(values)
    total = sum(count * part for count, part in zip(counts, parts, strict=True))
    return Fraction(total, denominator * sum(counts))


def _integers(values: Sequence[Fraction | int]) -> tuple[list[int], int]:
    """Numerators over one denominator, and that."""
    denominator = math.lcm(*(value.denominator for value in values))
    return [value.numerator * (denominator // value.denominator) for value in values], denominator


def points_per_value(highest: int = HIGHEST) -> Fraction:
    """What one step of a scale is worth: 20 points on a scale up to 5."""
    return Fraction(FULL_MARKS, highest)
