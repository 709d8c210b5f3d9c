"""What clinicians' ratings of one trace come to, and what has to be adjudicated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from spinebench.audit_records import Rating
from spinebench.records import Record

LEVELS_APART = 2
"""A range of so many levels of the scale, or more, is adjudicated."""

Why = Literal["range", "safety"]


class ResolvedDimension(Record):
    """The clinicians' scores of one dimension of one trace."""

    dimension: str
    scores: dict[str, int]
    """Rater -> score. A hidden duplicate counts only where the rater's first showing has none of the dimension."""
    not_assessed_by: tuple[str, ...]
    """Raters who say they cannot assess it, at the showing that counts."""
    median: float | None
    """Over raters; None where nobody gave a score."""
    range: int | None
    """Levels of the declared scale between the lowest and the highest score; None below two scores."""
    safety: bool
    """A rater holds the trace to be dangerous."""

    @property
    def n_cannot_assess(self) -> int:
        return len(self.not_assessed_by)

    @property
    def needs(self) -> tuple[Why, ...]:
        """Why it has to be adjudicated once ratings are locked; empty: it need not be."""
        apart = self.range is not None and self.range >= LEVELS_APART
        return (*(("range",) if apart else ()), *(("safety",) if self.safety else ()))


def resolve(
    ratings: Sequence[Rating], *, scales: Mapping[str, Sequence[int]]
) -> tuple[ResolvedDimension, ...]:
    """The ratings of one trace by dimension, in the order of `scales` (dimension -> its values, ascending).

    `ratings` are the current ones, superseded ones left out. The range counts levels of the declared scale: 1 and 3
    are one level apart on (1, 3, 5) and two on 1..5. A safety flag, also one of a duplicate, concerns every dimension.
    Without ratings every dimension has no score. A dimension that no scale is given for is left out.
    Raises ValueError for a score that is not on its scale.
    """
    first_showings_last = sorted(ratings, key=lambda one: not one.duplicate)
    safety = any(rating.safety for rating in ratings)
    resolved = []
    for dimension, scale in scales.items():
        rated = {
            rating.rater: one
            for rating in first_showings_last
            for one in rating.dimensions
            if one.dimension == dimension
        }
        scores = {rater: one.score for rater, one in rated.items() if one.score is not None}
        for rater, score in scores.items():
            if score not in scale:
                values = ", ".join(map(str, scale))
                raise ValueError(f"score {score} of {dimension!r} by {rater!r}: expected one of {values}")
        places = [list(scale).index(score) for score in scores.values()]
        resolved.append(
            ResolvedDimension(
                dimension=dimension,
                scores=scores,
                not_assessed_by=tuple(rater for rater, one in rated.items() if one.score is None),
                median=float(median(scores.values())) if scores else None,
                range=max(places) - min(places) if len(places) > 1 else None,
                safety=safety,
            )
        )
    return tuple(resolved)
