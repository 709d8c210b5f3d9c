"""The scores of the level-aware benchmark, per model: text, image, reports, overall, their parts and the gap.

All scores are points out of 100. P_text and P_image are accuracies with what was not answered counted as wrong;
P_report is the mean over reports of 20 x mean over sections of the mean of each section's dimensions; overall weighs
the three by the counts actually scored (SpineBench, level-aware, arXiv 2510.03160).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from spinebench.errors import DataError
from spinebench.evaluators.audit_rows import ScoreRow, Source
from spinebench.evaluators.cluster_bootstrap import Term, bootstrap_mean, codes_of
from spinebench.evaluators.estimate import Denominators, Estimate, Rate
from spinebench.evaluators.proportions import Bounds
from spinebench.evaluators.report_formula import FULL_MARKS
from spinebench.evaluators.report_points import ReportPoints, dimension_scores, report_points
from spinebench.evaluators.report_results import (
    FACETS,
    NOT_STATED,
    DividedScores,
    Facet,
    LevelAwareScores,
    PartScores,
    ReportCounts,
    ReportScore,
    VoteCounts,
    Weights,
)
from spinebench.evaluators.report_rows import Facets, QuestionRow, ReportLayout, ReportRow
from spinebench.records import AnswerStatus

POINTS = Bounds(0.0, float(FULL_MARKS))


@dataclass(frozen=True)
class _Report:
    row: ReportRow
    found: ReportPoints | None
    """None where there is no text to judge."""


@dataclass(frozen=True)
class _Settings:
    seed: int
    resamples: int
    level: float


def level_aware_scores(
    questions: Iterable[QuestionRow],
    reports: Iterable[ReportRow],
    votes: Iterable[ScoreRow],
    *,
    layout: ReportLayout,
    source: Source = "judge",
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[LevelAwareScores, ...]:
    """Scores per model, in order of first appearance; () without rows.

    `votes` are of the layout's dimensions only; of those, the ones by `source` count. A missing score never gets a
    value: a section rests on the dimensions that have one, a report with a section that has none is unscored and
    counted. A part that was not asked leaves overall to the others, with a warning. Intervals resample clusters,
    `resamples` times.

    Raises `DataError` for votes on unknown reports or dimensions, scores off the scale, and a report given twice.
    """
    settings = _Settings(seed, resamples, level)
    asked = list(questions)
    written = list(reports)
    given = list(votes)
    known = {row.trace_id for row in written}
    for trace, times in Counter(row.trace_id for row in written).items():
        if times > 1:
            raise DataError(
                f"report {trace!r}: expected each trace once, found {times}; leave all but one out"
            )
    for vote in given:
        if vote.trace_id not in known:
            raise DataError(
                f"vote on {vote.trace_id!r}: expected one of the {len(known)} reports given; give its report with it"
            )
    scored = dimension_scores(given, layout, source=source)
    by_model: dict[str, tuple[list[QuestionRow], list[_Report]]] = {}
    for question in asked:
        by_model.setdefault(question.model, ([], []))[0].append(question)
    for row in written:
        found = None
        if row.status is AnswerStatus.ANSWERED:
            found = report_points(scored.get(row.trace_id, {}), layout)
        by_model.setdefault(row.model, ([], []))[1].append(_Report(row, found))
    of_traces = _votes_by_trace(given, source)
    return tuple(
        _of_model(model, own, theirs, of_traces, layout, source, settings)
        for model, (own, theirs) in by_model.items()
    )


def _of_model(
    model: str,
    questions: Sequence[QuestionRow],
    reports: Sequence[_Report],
    votes: Mapping[str, VoteCounts],
    layout: ReportLayout,
    source: Source,
    settings: _Settings,
) -> LevelAwareScores:
    clusters = _clusters(questions, reports)
    scores = _parts(questions, reports, clusters, settings)
    report = _report(reports, votes, clusters, layout, settings)
    text, image = (_values(_of_part(questions, part), clusters) for part in ("text", "image"))
    gap = bootstrap_mean(
        "text accuracy less image accuracy, of asked, points",
        (text, Term(image.values, image.clusters, -1.0)),
        pooled=False,
        limits=Bounds(-POINTS.high, POINTS.high),
        seed=settings.seed,
        resamples=settings.resamples,
        level=settings.level,
        empty="no text questions or no image questions",
    )
    return LevelAwareScores(
        model=model,
        source=source,
        scores=scores,
        report=report,
        text_less_image=gap,
        divided=tuple(_divided(questions, reports, clusters, settings)),
        seed=settings.seed,
        warnings=_warnings(scores, report.counts),
    )


def _clusters(questions: Iterable[QuestionRow], reports: Iterable[_Report]) -> dict[str, int]:
    names = [*(row.cluster for row in questions), *(one.row.cluster for one in reports)]
    return {name: code for code, name in enumerate(dict.fromkeys(names))}


def _of_part(questions: Iterable[QuestionRow], part: str) -> list[QuestionRow]:
    return [row for row in questions if row.part == part]


def _values(questions: Sequence[QuestionRow], clusters: Mapping[str, int]) -> Term:
    """100 points for a right answer, 0 for a wrong one or none."""
    hits = [100.0 if row.correct and row.status is AnswerStatus.ANSWERED else 0.0 for row in questions]
    return Term(np.array(hits, dtype=np.float64), codes_of([row.cluster for row in questions], clusters))


def _points(reports: Iterable[_Report], clusters: Mapping[str, int], *, not_written: bool = False) -> Term:
    """Points of the scored reports; with `not_written`, 0 for reports that are not there."""
    found = [
        (0.0 if one.found is None else float(one.found.points or 0), one.row.cluster)
        for one in reports
        if (one.found.points is not None if one.found is not None else not_written)
    ]
    return Term(
        np.array([points for points, _ in found], dtype=np.float64),
        codes_of([cluster for _, cluster in found], clusters),
    )


def _mean(
    name: str,
    term: Sequence[Term],
    settings: _Settings,
    *,
    limits: Bounds = POINTS,
    denominators: Denominators | None = None,
    empty: str,
) -> Estimate:
    return bootstrap_mean(
        name,
        term,
        limits=limits,
        seed=settings.seed,
        resamples=settings.resamples,
        level=settings.level,
        denominators=denominators,
        empty=empty,
    )


def _parts(
    questions: Sequence[QuestionRow],
    reports: Sequence[_Report],
    clusters: Mapping[str, int],
    settings: _Settings,
) -> PartScores:
    rates = {}
    terms = []
    for part in ("text", "image"):
        own = _of_part(questions, part)
        answered = [row for row in own if row.status is AnswerStatus.ANSWERED]
        denominators = _denominators(own)
        name, empty = f"{part} accuracy", f"no {part} questions"
        terms.append(_values(own, clusters))
        rates[part] = Rate(
            of_asked=_mean(
                f"{name}, of asked, points", terms[-1:], settings, denominators=denominators, empty=empty
            ),
            of_answered=_mean(
                f"{name}, of answered, points",
                [_values(answered, clusters)],
                settings,
                denominators=denominators,
                empty="none of the questions was answered" if own else empty,
            ),
        )
    terms.append(_points(reports, clusters))
    return PartScores(
        text=rates["text"],
        image=rates["image"],
        report=_mean("report score, points", terms[-1:], settings, empty=_no_report(reports)),
        overall=_mean(
            "overall score, parts weighted by the counts scored, points",
            terms,
            settings,
            empty="nothing was scored",
        ),
        weights=Weights(text=len(terms[0].values), image=len(terms[1].values), report=len(terms[2].values)),
    )


def _no_report(reports: Sequence[_Report]) -> str:
    return "none of the reports could be scored" if reports else "no reports"


def _denominators(questions: Sequence[QuestionRow]) -> Denominators:
    counts = {status: sum(row.status is status for row in questions) for status in AnswerStatus}
    return Denominators(
        asked=len(questions),
        answered=counts[AnswerStatus.ANSWERED],
        no_answer=counts[AnswerStatus.NO_ANSWER],
        unparsed=counts[AnswerStatus.UNPARSED],
        refused=counts[AnswerStatus.REFUSED],
        truncated=counts[AnswerStatus.TRUNCATED],
        filtered=counts[AnswerStatus.FILTERED],
        errored=counts[AnswerStatus.ERROR],
    )


def _report(
    reports: Sequence[_Report],
    votes: Mapping[str, VoteCounts],
    clusters: Mapping[str, int],
    layout: ReportLayout,
    settings: _Settings,
) -> ReportScore:
    empty = _no_report(reports)
    scale = Bounds(float(min(layout.scale)), float(max(layout.scale)))

    def over(name: str, values: Sequence[tuple[Fraction, str]]) -> Estimate:
        term = Term(
            np.array([float(score) for score, _ in values], dtype=np.float64),
            codes_of([cluster for _, cluster in values], clusters),
        )
        return _mean(name, [term], settings, limits=scale, empty=empty)

    judged = [(one.found, one.row.cluster) for one in reports if one.found is not None]
    sections = {
        section.id: [
            (found.sections[section.id], cluster) for found, cluster in judged if section.id in found.sections
        ]
        for section in layout.sections
    }
    dimensions = {
        key: [(found.dimensions[key], cluster) for found, cluster in judged if key in found.dimensions]
        for key in layout.dimensions
    }
    written = [one.found for one in reports if one.found is not None]
    scored = [found for found in written if found.points is not None]
    own = [votes[one.row.trace_id] for one in reports if one.row.trace_id in votes]
    return ReportScore(
        score=_mean("report score, points", [_points(reports, clusters)], settings, empty=empty),
        not_written_as_zero=_mean(
            "report score, reports not written at 0, points",
            [_points(reports, clusters, not_written=True)],
            settings,
            empty=empty,
        ),
        sections={key: over(f"section {key}", values) for key, values in sections.items()},
        dimensions={key: over(f"dimension {key}", values) for key, values in dimensions.items()},
        counts=ReportCounts(
            asked=len(reports),
            scored=len(scored),
            incomplete=sum(found.incomplete for found in scored),
            unscored=len(written) - len(scored),
            not_written=len(reports) - len(written),
        ),
        votes=VoteCounts(
            **{name: sum(getattr(one, name) for one in own) for name in VoteCounts.model_fields}
        ),
    )


def _votes_by_trace(votes: Iterable[ScoreRow], source: Source) -> dict[str, VoteCounts]:
    counts: dict[str, dict[str, int]] = {}
    for vote in votes:
        if vote.source == source:
            own = counts.setdefault(vote.trace_id, dict.fromkeys(VoteCounts.model_fields, 0))
            own[vote.status] += 1
    return {trace: VoteCounts(**own) for trace, own in counts.items()}


def _divided(
    questions: Sequence[QuestionRow],
    reports: Sequence[_Report],
    clusters: Mapping[str, int],
    settings: _Settings,
) -> list[DividedScores]:
    """Divisions by each facet that anything states, the most frequent value first."""
    found = []
    for facet in FACETS:
        groups: dict[str, tuple[list[QuestionRow], list[_Report]]] = {}
        for row in questions:
            groups.setdefault(_facet(row.facets, facet), ([], []))[0].append(row)
        for one in reports:
            groups.setdefault(_facet(one.row.facets, facet), ([], []))[1].append(one)
        if set(groups) <= {NOT_STATED}:
            continue
        for value, (own, theirs) in sorted(
            groups.items(), key=lambda entry: (-len(entry[1][0]) - len(entry[1][1]), entry[0])
        ):
            found.append(DividedScores(by=facet, value=value, scores=_parts(own, theirs, clusters, settings)))
    return found


def _facet(facets: Facets, name: Facet) -> str:
    value: str | None = getattr(facets, name)
    return NOT_STATED if value is None else value


def _warnings(scores: PartScores, counts: ReportCounts) -> tuple[str, ...]:
    found = []
    absent = [name for name, n in scores.weights.model_dump().items() if not n]
    if absent and len(absent) < len(Weights.model_fields):
        found.append(f"nothing scored in {' and '.join(absent)}: overall is of the other parts alone")
    if counts.unscored:
        found.append(
            f"{counts.unscored} of {counts.asked} reports have a section without a score and are left out"
        )
    if counts.not_written:
        found.append(
            f"{counts.not_written} of {counts.asked} reports were not written and are left out: read the score with "
            "them at 0 as well"
        )
    if counts.incomplete:
        found.append(f"{counts.incomplete} of {counts.scored} scored reports lack a score in some dimension")
    return tuple(found)
