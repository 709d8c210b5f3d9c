"""The rows of an audit as tables traces x raters, one per task and dimension."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.ratings import FloatArray
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, Source, TraceRow
from spinebench.records import Record

PANEL = "panel median"
"""Name of the judges' median among the judges."""


class Coverage(Record):
    """What became of the traces that one rater was to score on one dimension; the last four have no score."""

    rater: str
    source: Source
    asked: int
    scored: int
    cannot_assess: int
    unparsed: int
    refused: int
    error: int


@dataclass(frozen=True)
class Repeats:
    """One rater's scores of the same traces, first and later showings."""

    rater: str
    source: Source
    values: FloatArray
    """Traces x repeats, those with two or more scores."""
    clusters: tuple[str, ...]


@dataclass(frozen=True)
class TraceTable:
    """One task and dimension. All arrays run over `traces`."""

    task: str
    dimension: str
    scale: tuple[int, ...]
    traces: tuple[TraceRow, ...]
    clinicians: tuple[str, ...]
    ratings: FloatArray
    """Traces x clinicians, first showing, NaN for missing."""
    judges: tuple[str, ...]
    votes: FloatArray
    """Traces x judges, first repeat."""
    repeats: tuple[Repeats, ...]
    coverage: tuple[Coverage, ...]

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        return tuple(trace.cluster for trace in self.traces)

    @cached_property
    def models(self) -> tuple[str, ...]:
        return tuple(trace.model for trace in self.traces)

    def rated(self) -> TraceTable:
        """Only the traces with a clinician's score; judges' scores of the others say nothing of agreement."""
        kept = (~np.isnan(self.ratings)).any(axis=1)
        traces = tuple(self.traces[place] for place in np.flatnonzero(kept).tolist())
        return replace(self, traces=traces, ratings=self.ratings[kept], votes=self.votes[kept])


def lower_medians(values: FloatArray) -> FloatArray:
    """Median of each row, the lower of two middle values; NaN for an empty row."""
    ordered = np.sort(values, axis=1)  # NaN last
    known = (~np.isnan(values)).sum(axis=1)
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    return np.asarray(ordered[np.arange(len(values)), np.maximum(known - 1, 0) // 2], dtype=np.float64)


def trace_tables(rows: AuditRows) -> tuple[TraceTable, ...]:
    """One table per task and dimension that has scores, of the validation split, sorted by both names.

    Raises `UsageError` for scores of a dimension without a declared scale, of an unknown trace, or two scores of one
    rater, trace, dimension and repeat.
    """
    by_id = {trace.trace_id: trace for trace in rows.traces}
    cells: dict[tuple[str, str], list[ScoreRow]] = {}
    for row in rows.scores:
        trace = by_id.get(row.trace_id)
        if trace is None:
            raise UsageError(
                f"score of trace {row.trace_id!r}: expected a trace of the audit; ingest the audit again"
            )
        if row.dimension not in rows.scales:
            raise UsageError(
                f"dimension {row.dimension!r}: expected one of {sorted(rows.scales)}; declare its scale in the rubric"
            )
        if trace.split == "validation":
            cells.setdefault((trace.task, row.dimension), []).append(row)
    return tuple(
        _table(task, dimension, rows.scales[dimension], by_id, cells[task, dimension])
        for task, dimension in sorted(cells)
    )


def _table(
    task: str, dimension: str, scale: tuple[int, ...], by_id: dict[str, TraceRow], scores: Sequence[ScoreRow]
) -> TraceTable:
    ids = sorted({row.trace_id for row in scores})
    clinicians, judges = _names(scores, "clinician"), _names(scores, "judge")
    cells: dict[tuple[Source, str, str, int], ScoreRow] = {}
    for row in scores:
        key = (row.source, row.rater, row.trace_id, row.repeat)
        if key in cells:
            raise UsageError(
                f"score of rater {row.rater!r}, trace {row.trace_id!r}, dimension {dimension!r}, repeat "
                f"{row.repeat!r}: expected one; leave out the other or number the repeats"
            )
        cells[key] = row
    return TraceTable(
        task=task,
        dimension=dimension,
        scale=scale,
        traces=tuple(by_id[one] for one in ids),
        clinicians=clinicians,
        ratings=_first(cells, ids, clinicians, "clinician"),
        judges=judges,
        votes=_first(cells, ids, judges, "judge"),
        repeats=tuple(_repeats(cells, ids, by_id, scores)),
        coverage=tuple(
            _coverage(rater, source, [row for row in scores if row.source == source and row.rater == rater])
            for source, raters in _by_source(clinicians, judges)
            for rater in raters
        ),
    )


def _by_source(
    clinicians: tuple[str, ...], judges: tuple[str, ...]
) -> tuple[tuple[Source, tuple[str, ...]], ...]:
    return (("clinician", clinicians), ("judge", judges))


def _names(scores: Iterable[ScoreRow], source: Source) -> tuple[str, ...]:
    return tuple(sorted({row.rater for row in scores if row.source == source}))


def _first(
    cells: dict[tuple[Source, str, str, int], ScoreRow],
    ids: Sequence[str],
    raters: Sequence[str],
    source: Source,
) -> FloatArray:
    values = np.full((len(ids), len(raters)), np.nan)
    for place, trace in enumerate(ids):
        for column, rater in enumerate(raters):
            row = cells.get((source, rater, trace, 1))
            if row is not None and row.score is not None:
                values[place, column] = row.score
    return values


def _repeats(
    cells: dict[tuple[Source, str, str, int], ScoreRow],
    ids: Sequence[str],
    by_id: dict[str, TraceRow],
    scores: Sequence[ScoreRow],
) -> Iterable[Repeats]:
    """Raters with a trace scored more than once."""
    numbers = sorted({row.repeat for row in scores})
    for source, rater in sorted({(row.source, row.rater) for row in scores if row.repeat > 1}):
        values = np.full((len(ids), len(numbers)), np.nan)
        for place, trace in enumerate(ids):
            for column, number in enumerate(numbers):
                row = cells.get((source, rater, trace, number))
                if row is not None and row.score is not None:
                    values[place, column] = row.score
        several = (~np.isnan(values)).sum(axis=1) >= 2
        clusters = tuple(by_id[ids[place]].cluster for place in np.flatnonzero(several).tolist())
        yield Repeats(rater, source, values[several], clusters)


def _coverage(rater: str, source: Source, scores: Sequence[ScoreRow]) -> Coverage:
    first = [row.status for row in scores if row.repeat == 1]
    return Coverage(
        rater=rater,
        source=source,
        asked=len(first),
        scored=first.count("scored"),
        cannot_assess=first.count("cannot_assess"),
        unparsed=first.count("unparsed"),
        refused=first.count("refused"),
        error=first.count("error"),
    )
