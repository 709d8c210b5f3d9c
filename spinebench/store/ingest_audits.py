"""From the files of audits into the database: only what is new, in short transactions, the same however often.

A line is read as the record it holds, checked, and only then turned into rows: an audit has thousands of them,
not the hundred thousands of a run. Lines are parsed before the transaction begins, so that readers wait for the
inserts alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from spinebench.audit_records import Adjudicated, AuditEntry, Judgement, Rating, Review
from spinebench.errors import DataError, SpinebenchError
from spinebench.records import Record
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.audit_tables import Rows, insert, rater_row, spec_params
from spinebench.store.database import statement
from spinebench.store.journal import Journal, Line
from spinebench.store.numbered import tail_digest
from spinebench.store.statements import Writing, execute
from spinebench.store.workspace import Workspace

_BATCH_LINES = 500
_BATCH_BYTES = 8 << 20
"""What is held at once, and what a reader may have to wait for: a fraction of a second."""
SPEC, TRACES, JOURNAL, ASSIGNMENTS = "audit.json", "traces.jsonl", "journal.jsonl", "assignments.jsonl"
RATERS = "raters.jsonl"


class IngestedAudit(Record):
    """What one call did for one audit."""

    audit_id: str
    n_lines: int
    """Lines that were new in its journal and in those of its raters."""
    reread: bool = False
    """True where one of its files had been replaced, and all was read anew."""


@dataclass(frozen=True, slots=True)
class FileReached:
    """How far a file is in the database."""

    n_bytes: int
    n_lines: int
    tail: str


NOTHING = FileReached(0, 0, hashlib.sha256(b"").hexdigest())
"""The mark of a file that is empty or not there."""
AuditReached = Mapping[str, FileReached]
"""By the file's name inside the audit's folder."""


def ingest_audit(workspace: Workspace, audit_id: str | None = None) -> list[IngestedAudit]:
    """Bring the database up to the files of one audit, or of all (then those whose folder is gone are dropped).

    Returns the audits that had something new. The promises are those of `spinebench.store.ingest.ingest`,
    which does this too: idempotent, killed half-way it leaves an earlier state, several processes may call it,
    and while the audit is at work. Runs are not loaded.

    Raises CorruptLineError for a line that is no entry of its audit, StoppedError when the lock is not to be
    had or the disk is full.
    """
    database = workspace.database
    faults: list[SpinebenchError] = []
    with database.lock.writer():
        done = load_audits(workspace, audit_id, database.writing, faults)
    if faults:
        raise faults[0]
    return done


def load_audits(
    workspace: Workspace, audit_id: str | None, writing: Writing, faults: list[SpinebenchError]
) -> list[IngestedAudit]:
    """Load what is new of one audit or of all, and the raters' cards. The caller holds the writers' lock.

    The faults of one do not keep the others out: they are added to `faults`.
    """
    audits = workspace.audits() if audit_id is None else [workspace.audit(audit_id)]
    with workspace.database.reading() as connection:
        reached = reached_by_audit(connection)
    done: list[IngestedAudit] = []
    try:
        load_raters(workspace, reached.get("", {}), writing)
    except DataError as error:
        faults.append(error)
    for audit in audits:
        try:
            change = load_audit(audit, reached.get(audit.audit_id), writing)
        except DataError as error:
            faults.append(error)
        else:
            done += [change] if change is not None else []
    if audit_id is None:
        kept = {audit.audit_id for audit in audits} | {path.name for path, _ in workspace.unreadable_audits()}
        for gone in sorted(set(reached) - kept - {""}):
            with writing() as connection:
                execute(connection, "audit_forget", audit_id=gone)
    return done


def load_audit(audit: AuditFolder, reached: AuditReached | None, writing: Writing) -> IngestedAudit | None:
    """Load what is new of one audit, each part in a transaction of its own; None where nothing was.

    The caller holds the writers' lock.
    """
    current = reached is not None and _is_same(audit, reached)
    state = dict(reached) if reached is not None and current else {}
    if not current:
        _load_description(audit, writing)
    n_lines = _load_lines(
        audit, JOURNAL, audit.journal, state.get(JOURNAL), writing, partial(_Entries, audit)
    )
    for rater in audit.rater_ids():
        journal = audit.ratings_journal(rater)
        file = f"ratings/{rater}.jsonl"
        n_lines += _load_lines(
            audit, file, journal, state.get(file), writing, partial(_Ratings, audit, rater)
        )
    assigned = _load_assignments(audit, state.get(ASSIGNMENTS), writing)
    if current and not n_lines and not assigned:
        return None
    return IngestedAudit(audit_id=audit.audit_id, n_lines=n_lines, reread=reached is not None and not current)


def load_raters(workspace: Workspace, reached: AuditReached, writing: Writing) -> None:
    """Replace the raters' cards where their file has changed. The caller holds the writers' lock."""
    mark = whole(workspace.path / RATERS) or NOTHING
    if reached.get(RATERS, NOTHING) == mark:
        return
    rows = [rater_row(card) for card in workspace.raters().values()]
    with writing() as connection:
        execute(connection, "raters")
        insert(connection, "raters", rows)
        _mark(connection, "", RATERS, mark)


def reached_by_audit(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, FileReached]]:
    """How far each file of each audit is in the database; the workspace's own files under ''."""
    found: dict[str, dict[str, FileReached]] = {}
    for audit_id, file, *mark in connection.execute(statement("loading", "audit_state")).fetchall():
        found.setdefault(audit_id, {})[file] = FileReached(*mark)
    return found


def replaced_files(audit: AuditFolder, reached: AuditReached) -> list[str]:
    """Files of which the database holds something that they no longer do."""
    return sorted(
        file
        for file, mark in reached.items()
        if file != ASSIGNMENTS
        and (
            whole(audit.path / file) != mark
            if file in (SPEC, TRACES)
            else tail_digest(audit.path / file, mark.n_bytes) != mark.tail
        )
    )


def whole(path: Path) -> FileReached | None:
    """The mark of a file that is only ever replaced whole; None where there is none."""
    try:
        with path.open("rb") as file:
            tail = hashlib.file_digest(file, "sha256").hexdigest()
            return FileReached(file.tell(), 0, tail)
    except FileNotFoundError:
        return None


def _is_same(audit: AuditFolder, reached: AuditReached) -> bool:
    return {SPEC, TRACES} <= set(reached) and not replaced_files(audit, reached)


def _load_description(audit: AuditFolder, writing: Writing) -> None:
    spec = audit.spec()
    marks = {file: whole(audit.path / file) or NOTHING for file in (SPEC, TRACES)}
    rows = Rows(spec)
    for stratum in spec.sample.strata:
        rows.stratum(stratum.name, stratum.n_frame, stratum.n_drawn)
    for position, trace in enumerate(audit.traces(), start=1):
        rows.trace(trace, position)
    with writing() as connection:
        execute(connection, "audit_forget", audit_id=audit.audit_id)
        execute(connection, "audit", **spec_params(spec))
        rows.insert(connection)
        for file, mark in marks.items():
            _mark(connection, audit.audit_id, file, mark)


def _load_assignments(audit: AuditFolder, reached: FileReached | None, writing: Writing) -> bool:
    mark = whole(audit.path / ASSIGNMENTS) or NOTHING
    if mark == (reached or NOTHING):
        return False
    rows = Rows(audit.spec())
    for assignment in audit.assignments().values():
        rows.assignment(assignment)
    with writing() as connection:
        execute(connection, "audit_assign", audit_id=audit.audit_id)
        rows.insert(connection)
        _mark(connection, audit.audit_id, ASSIGNMENTS, mark)
    return True


class _Entries:
    """A batch of lines of an audit's journal."""

    def __init__(self, audit: AuditFolder) -> None:
        self._audit = audit
        self._rows = Rows(audit.spec())
        self._judgements: dict[str, tuple[Judgement, int]] = {}
        self._reviews: dict[str, tuple[Review, int]] = {}
        self._decided: dict[str, tuple[Adjudicated, int]] = {}

    def add(self, line: Line) -> None:
        entry: AuditEntry = self._audit.entry(line)
        if entry.judgement is not None:
            self._rows.usage(entry.judgement, line.number)
            self._judgements[entry.judgement.key.id()] = (entry.judgement, line.number)
        elif entry.review is not None:
            self._reviews[entry.review.trace_id] = (entry.review, line.number)
        elif entry.adjudicated is not None:
            decided = entry.adjudicated
            self._decided[f"{decided.trace_id}\x1f{decided.dimension}"] = (decided, line.number)
        elif entry.lock is not None:
            self._rows.lock(entry.lock, line.number)

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        execute(
            connection,
            "audit_replace",
            audit_id=self._audit.audit_id,
            judgement_ids=list(self._judgements),
            reviewed=list(self._reviews),
            decided=list(self._decided),
        )
        for judgement, number in self._judgements.values():
            self._rows.judgement(judgement, number)
        for review, number in self._reviews.values():
            self._rows.review(review, number)
        for adjudicated, number in self._decided.values():
            self._rows.adjudicated(adjudicated, number)
        self._rows.insert(connection)


class _Ratings:
    """A batch of lines of a rater's journal."""

    def __init__(self, audit: AuditFolder, rater: str) -> None:
        self._audit = audit
        self._rater = rater
        self._found: dict[str, tuple[Rating, int]] = {}

    def add(self, line: Line) -> None:
        rating = self._audit.rating(self._rater, line)
        self._found.setdefault(rating.rating_id, (rating, line.number))

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        known = connection.execute(
            statement("loading", "audit_rating_ids"),
            {"audit_id": self._audit.audit_id, "rater": self._rater},
        ).fetchall()
        for (rating_id,) in known:
            self._found.pop(rating_id, None)
        rows = Rows(self._audit.spec())
        for rating, number in self._found.values():
            rows.rating(rating, number)
        rows.insert(connection)


def _load_lines(
    audit: AuditFolder,
    file: str,
    journal: Journal[AuditEntry] | Journal[Rating],
    reached: FileReached | None,
    writing: Writing,
    make: Callable[[], _Entries | _Ratings],
) -> int:
    """Load the new lines of a journal; returns how many."""
    start = reached or NOTHING
    n_lines = 0
    for lines in _batches(journal.lines(offset=start.n_bytes, number=start.n_lines + 1)):
        batch = make()
        for line in lines:
            batch.add(line)
        end = lines[-1].offset + len(lines[-1].data)
        tail = tail_digest(journal.path, end)
        if tail is None:  # cut back under our eyes by a writer whose disk is full: the next call sees it
            break
        with writing() as connection:
            batch.load(connection)
            _mark(connection, audit.audit_id, file, FileReached(end, lines[-1].number, tail))
        n_lines += len(lines)
    return n_lines


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    n_bytes = 0
    for line in lines:
        if batch and (len(batch) >= _BATCH_LINES or n_bytes + len(line.data) > _BATCH_BYTES):
            yield batch
            batch, n_bytes = [], 0
        batch.append(line)
        n_bytes += len(line.data)
    if batch:
        yield batch


def _mark(connection: duckdb.DuckDBPyConnection, audit_id: str, file: str, reached: FileReached) -> None:
    execute(
        connection,
        "audit_reached",
        audit_id=audit_id,
        file=file,
        n_bytes=reached.n_bytes,
        n_lines=reached.n_lines,
        tail=reached.tail,
    )
