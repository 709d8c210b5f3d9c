"""Whether a line of an audit's journals is what it has to be: of this audit, of its traces, on its scales."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from spinebench.audit_records import AuditEntry, AuditSpec, AuditTrace, Judgement, Rating
from spinebench.store.journal import CorruptLineError, Journal, Line, explain


@dataclass(frozen=True, slots=True)
class Declared:
    """What an audit declared before the first call."""

    audit_id: str
    traces: frozenset[str]
    judges: frozenset[str]
    repeats: int
    rubric_hash: str
    scales: Mapping[str, tuple[int, ...]]
    """Dimension -> the values its rubric declares."""

    @classmethod
    def of(cls, spec: AuditSpec, trace_ids: Iterable[str]) -> Declared:
        """What the description says, with the ids of the traces."""
        scales = {
            dimension["id"]: tuple(dimension["scale"])
            for rubric in spec.rubrics
            for dimension in rubric.get("dimensions") or ()
        }
        return cls(
            spec.audit_id,
            frozenset(trace_ids),
            frozenset(spec.judges),
            spec.repeats,
            spec.rubric_hash,
            scales,
        )


class _Named(BaseModel):
    trace_id: str


class _PickOfNamed(BaseModel):
    trace: _Named


class _TraceLine(BaseModel):
    """Of a line of `traces.jsonl`, the trace's id and nothing else."""

    pick: _PickOfNamed


_Read = TypeVar("_Read", bound=BaseModel)


def trace_id_of(path: Path, line: Line) -> str:
    """The id of a line's trace, at a quarter of what `parse_trace` costs; raises CorruptLineError."""
    return _parsed(_TraceLine, path, line).pick.trace.trace_id


def parse_trace(path: Path, line: Line) -> AuditTrace:
    """The trace of a line; raises CorruptLineError."""
    return _parsed(AuditTrace, path, line)


def _parsed(model: type[_Read], path: Path, line: Line) -> _Read:
    try:
        return model.model_validate_json(line.data)
    except ValidationError as error:
        raise CorruptLineError(
            f"traces {str(path)!r}, line {line.number} (byte {line.offset}): expected a trace, but "
            f"{explain(error)}; restore the file from a backup, or start the audit anew"
        ) from None


def checked_entry(journal: Journal[AuditEntry], line: Line, declared: Declared) -> AuditEntry:
    """The entry of a line. Raises CorruptLineError unless it is one of this very audit."""
    entry = journal.parse(line)
    why: str | None = None
    if entry.judgement is not None:
        why = _of_audit(entry.judgement.audit_id, entry.judgement.key.trace_id, declared)
        why = why or _judgement(entry.judgement, declared)
    elif entry.review is not None:
        why = _of_audit(entry.review.audit_id, entry.review.trace_id, declared)
    elif entry.adjudicated is not None:
        decided = entry.adjudicated
        why = _of_audit(decided.audit_id, decided.trace_id, declared)
        why = why or _score(decided.dimension, decided.score, declared)
    elif entry.lock is not None:
        why = _of_audit(entry.lock.audit_id, None, declared)
    if why:
        raise journal.corrupt(line, why)
    return entry


def checked_rating(journal: Journal[Rating], line: Line, declared: Declared, rater: str) -> Rating:
    """The rating of a line. Raises CorruptLineError unless it is this rater's, and of this very audit.

    Scores are held against the scales where the rating was made with the audit's own rubrics.
    """
    rating = journal.parse(line)
    why = _of_audit(rating.audit_id, rating.trace_id, declared)
    if not why and rating.rater != rater:
        why = f"it is of rater {rating.rater!r}"
    if not why and rating.rubric_hash == declared.rubric_hash:
        for one in rating.dimensions:
            why = why or _score(one.dimension, one.score, declared)
    if why:
        raise journal.corrupt(line, why)
    return rating


def _of_audit(audit_id: str, trace_id: str | None, declared: Declared) -> str | None:
    if audit_id != declared.audit_id:
        return f"it belongs to audit {audit_id!r}"
    if trace_id is not None and trace_id not in declared.traces:
        return f"the audit has no trace {trace_id!r}"
    return None


def _judgement(judgement: Judgement, declared: Declared) -> str | None:
    if judgement.key.judge not in declared.judges:
        return f"the audit has no judge {judgement.key.judge!r}"
    if judgement.key.repeat > declared.repeats:
        return f"the audit asks each judge {declared.repeats} times, not {judgement.key.repeat}"
    if judgement.rubric_hash == declared.rubric_hash:
        for score in judgement.scores:
            why = _score(score.dimension, score.score, declared)
            if why:
                return why
    return None


def _score(dimension: str, score: int | None, declared: Declared) -> str | None:
    scale = declared.scales.get(dimension)
    if scale is None:
        return f"its rubrics have no dimension {dimension!r}"
    if score is not None and score not in scale:
        return f"{dimension} is {score}, which is not on its scale {list(scale)}"
    return None
