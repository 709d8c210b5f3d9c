"""From votes on one report to its points, exact; what could not be scored stays without a score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from spinebench.errors import DataError
from spinebench.evaluators.audit_rows import ScoreRow, Source
from spinebench.evaluators.report_formula import points_per_value, weighted_mean
from spinebench.evaluators.report_rows import ReportLayout


@dataclass(frozen=True)
class ReportPoints:
    """One report's score and what it is made from."""

    points: Fraction | None
    """Out of 100 (20 the least, on a scale from 1 to 5); None where a section has no score."""
    sections: Mapping[str, Fraction]
    """Mean of the section's scored dimensions, on the scale; a section without any is absent."""
    dimensions: Mapping[str, Fraction]
    """Mean over raters; a dimension without a score is absent."""
    incomplete: bool
    """True where some dimension has no score, so that its section rests on the others."""


def dimension_scores(
    votes: Iterable[ScoreRow], layout: ReportLayout, *, source: Source = "judge"
) -> dict[str, dict[str, Fraction]]:
    """Trace -> dimension -> mean over raters of the mean of each rater's repeats; only votes that hold a score count.

    `cannot_assess`, unparsed, refused and failed votes have no score and never get one. Raises `DataError` for a
    dimension that the layout has not, a score off its scale, and a score whose status and value do not agree.
    """
    known, scale = frozenset(layout.dimensions), frozenset(layout.scale)
    given: defaultdict[tuple[str, str], defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for vote in votes:
        if vote.source != source:
            continue
        where = f"vote of {vote.rater!r} on {vote.trace_id!r}"
        if vote.dimension not in known:
            raise DataError(
                f"{where}, dimension {vote.dimension!r}: expected one of {', '.join(layout.dimensions)}; "
                "leave out votes by other rubrics"
            )
        if (vote.status == "scored") != (vote.score is not None):
            raise DataError(
                f"{where}, score {vote.score!r} with status {vote.status!r}: expected a score exactly where the status "
                "is 'scored'; correct one of them"
            )
        if vote.score is None:
            continue
        if vote.score not in scale:
            raise DataError(
                f"{where}, score {vote.score!r}: expected one of {list(layout.scale)!r}; correct it, or take it out"
            )
        given[vote.trace_id, vote.dimension][vote.rater].append(vote.score)
    found: defaultdict[str, dict[str, Fraction]] = defaultdict(dict)
    for (trace, dimension), raters in given.items():
        found[trace][dimension] = weighted_mean(
            [Fraction(sum(scores), len(scores)) for scores in raters.values()]
        )
    return dict(found)


def report_points(dimensions: Mapping[str, Fraction], layout: ReportLayout) -> ReportPoints:
    """The points of one report from the scores of its dimensions."""
    sections = {}
    for section in layout.sections:
        scored = [one for one in section.dimensions if one.id in dimensions]
        if scored:
            sections[section.id] = weighted_mean(
                [dimensions[one.id] for one in scored], [Fraction(one.weight) for one in scored]
            )
    points = None
    if len(sections) == len(layout.sections):
        points = points_per_value(max(layout.scale)) * weighted_mean(
            [sections[section.id] for section in layout.sections],
            [Fraction(section.weight) for section in layout.sections],
        )
    return ReportPoints(
        points=points,
        sections=sections,
        dimensions=dict(dimensions),
        incomplete=any(one not in dimensions for one in layout.dimensions),
    )
