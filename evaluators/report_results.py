"""What is said about one model on the level-aware benchmark, as records."""

from __future__ import annotations

from typing import Literal

from spinebench.evaluators.audit_rows import Source
from spinebench.evaluators.estimate import Estimate, Rate
from spinebench.records import Record

Facet = Literal["subspecialty", "source", "modality", "language"]
FACETS: tuple[Facet, ...] = ("subspecialty", "source", "modality", "language")
NOT_STATED = "not stated"


class ReportCounts(Record):
    """What became of the reports asked for: asked = scored + unscored + not_written."""

    asked: int
    scored: int
    """With points; these count in the score and in the weight of reports."""
    incomplete: int
    """Of the scored ones: those where a dimension has no score and its section rests on the others."""
    unscored: int
    """Written, but without any score in some section (not judged, cannot assess, unparsed)."""
    not_written: int
    """No text to judge: refused, cut off, filtered, failed, empty."""


class VoteCounts(Record):
    """Votes on the dimensions of the written reports, by what came of them."""

    scored: int = 0
    cannot_assess: int = 0
    unparsed: int = 0
    refused: int = 0
    error: int = 0


class ReportScore(Record):
    """Generated reports of one model."""

    score: Estimate
    """P_report over the scored reports: the one that enters overall."""
    not_written_as_zero: Estimate
    """The same with reports that were not written at 0 points; unscored ones stay out of both."""
    sections: dict[str, Estimate]
    """Mean of each section over the reports with a score in it, on the scale of the rubric."""
    dimensions: dict[str, Estimate]
    counts: ReportCounts
    votes: VoteCounts


class Weights(Record):
    """Counts actually scored, by which overall weighs its parts."""

    text: int
    image: int
    report: int


class PartScores(Record):
    """Scores of one model, or of one division of its questions and reports."""

    text: Rate
    image: Rate
    report: Estimate
    """P_report over scored reports."""
    overall: Estimate
    weights: Weights


class DividedScores(Record):
    """Scores within one subspecialty, source, modality or language."""

    by: Facet
    value: str
    """`not stated` for questions and reports that state none."""
    scores: PartScores


class LevelAwareScores(Record):
    """Everything that is said about one model on the level-aware benchmark."""

    model: str
    source: Source
    """Whose votes the reports' points are from."""
    scores: PartScores
    report: ReportScore
    text_less_image: Estimate
    """P_text less P_image: two sets of questions, resampled together where they share cases."""
    divided: tuple[DividedScores, ...]
    seed: int
    warnings: tuple[str, ...]
