"""From an audit's rows to one judge value and one clinician value per trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, MarkRow, ScoreRow, Source
from spinebench.records import Record

PANEL = "panel median"


class Coverage(Record):
    """What became of the drawn traces of a figure, before anything is estimated."""

    n_frame: int
    """Traces of the frame they stand for."""
    n_drawn: int
    n_judged: int
    """With at least one judge vote that passed the checks."""
    n_unparsed: int
    """Judge votes that stayed unparsed, were refused or failed."""
    n_referred: int
    n_rated: int
    """With at least one clinician's score."""
    n_cannot_assess: int
    """Rated traces to which no clinician could give a score, or the adjudication found none."""
    n_adjudicated: int
    """Of the rated ones, those that count with the adjudicated score."""


@dataclass(frozen=True, slots=True)
class Values:
    """One figure per trace from the judges and from the clinicians; a trace without one is in neither."""

    judge: Mapping[str, float]
    clinician: Mapping[str, float]
    unparsed: Mapping[str, int]
    """Judge votes without a score, by trace."""
    not_assessed: frozenset[str]
    adjudicated: frozenset[str]


def judges_of(rows: AuditRows) -> list[str]:
    """The judges that voted, sorted."""
    return _raters(rows, "judge")


def clinicians_of(rows: AuditRows) -> list[str]:
    """The clinicians that rated, sorted."""
    return _raters(rows, "clinician")


def _raters(rows: AuditRows, source: Source) -> list[str]:
    scored = {row.rater for row in rows.scores if row.source == source}
    return sorted(scored | {row.rater for row in rows.marks if row.source == source})


def check_judge(rows: AuditRows, judge: str | None) -> None:
    """Raises `UsageError` for a judge that did not vote."""
    if judge is not None and judge not in (known := judges_of(rows)):
        raise UsageError(f"judge {judge!r}: expected one of {known}; leave it out for the panel's median")


def check_dimension(rows: AuditRows, dimension: str | None) -> None:
    """Raises `UsageError` for a dimension that no rubric declares."""
    if dimension is not None and dimension not in rows.scales:
        raise UsageError(
            f"dimension {dimension!r}: expected one of {sorted(rows.scales)}; leave it out for all of them"
        )


def score_values(rows: AuditRows, dimension: str, judge: str | None = None) -> Values:
    """Judges: the median over all votes of a trace, repeats too, of one judge if named. Clinicians: the mean of
    their scores at the first showing (hidden duplicates measure repeatability), replaced by the adjudicated score
    where there is one; an adjudication to `cannot be assessed` takes the trace out.

    Raises `UsageError` for a score off the dimension's scale.
    """
    scale = rows.scales[dimension]
    of_dimension = [row for row in rows.scores if row.dimension == dimension]
    for row in of_dimension:
        if row.score is not None and row.score not in scale:
            raise UsageError(
                f"score {row.score!r} of {row.rater} for {dimension!r} of trace {row.trace_id!r}: expected one of "
                f"{list(scale)}; check the rubric the rows were made with"
            )
    judged, unparsed = _judge_votes(of_dimension, judge)
    rated: dict[str, list[float]] = defaultdict(list)
    seen = set()
    for row in of_dimension:
        if row.source == "clinician" and row.repeat == 1:
            seen.add(row.trace_id)
            if row.score is not None:
                rated[row.trace_id].append(row.score)
    clinician = {trace: fmean(scores) for trace, scores in rated.items()}
    decided = {trace: score for (trace, name), score in rows.adjudicated.items() if name == dimension}
    seen |= set(decided)
    clinician |= {trace: float(score) for trace, score in decided.items() if score is not None}
    for trace, score in decided.items():
        if score is None:
            clinician.pop(trace, None)
    return Values(
        {trace: float(median(votes)) for trace, votes in judged.items()},
        clinician,
        unparsed,
        frozenset(seen - set(clinician)),
        frozenset(trace for trace in decided if trace in clinician),
    )


def mark_values(marks: Sequence[MarkRow], judge: str | None = None) -> Values:
    """From the marks of one failure mode. Judges: 1 if more than half of the votes on a trace mark it, else 0: one of
    two judges is no majority. Clinicians: the share of them that mark it at the first showing.
    """
    balance: dict[str, int] = {}
    unparsed: dict[str, int] = {}
    rated: dict[str, list[bool]] = {}
    for row in marks:
        trace, present = row.trace_id, row.present
        if row.source == "judge":
            if judge is not None and row.rater != judge:
                continue
            if present is None:
                unparsed[trace] = unparsed.get(trace, 0) + 1
            else:
                balance[trace] = balance.get(trace, 0) + (1 if present else -1)
        elif row.repeat == 1 and present is not None:
            rated.setdefault(trace, []).append(present)
    return Values(
        {trace: float(more > 0) for trace, more in balance.items()},
        {trace: fmean(given) for trace, given in rated.items()},
        unparsed,
        frozenset(),
        frozenset(),
    )


def _judge_votes(
    rows: Iterable[ScoreRow], judge: str | None
) -> tuple[dict[str, list[float]], dict[str, int]]:
    votes: dict[str, list[float]] = defaultdict(list)
    unparsed: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.source != "judge" or (judge is not None and row.rater != judge):
            continue
        if row.score is None:
            unparsed[row.trace_id] += 1
        else:
            votes[row.trace_id].append(float(row.score))
    return dict(votes), dict(unparsed)
