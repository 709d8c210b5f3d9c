"""From the journals into the database: only what is new, in short transactions, the same however often."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import duckdb

from spinebench.errors import DataError, SpinebenchError
from spinebench.records import AnswerStatus, JournalEntry, Outcome, Record, canonical_json, digest
from spinebench.store.database import statement
from spinebench.store.ingest_audits import IngestedAudit, load_audits
from spinebench.store.journal import CorruptLineError, Line
from spinebench.store.numbered import Part, parts, tail_digest
from spinebench.store.run_folder import RunFolder, parse_item
from spinebench.store.statements import Writing, execute, utc
from spinebench.store.workspace import Workspace


class Ingested(Record):
    """What one call of `ingest` did for one run."""

    run_id: str
    n_lines: int
    """Journal lines that were new."""
    reread: bool = False
    """True where the journal or `run.json` had been replaced, and all was read anew."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run's journal is in the database."""

    n_bytes: int
    n_lines: int
    tail: str
    spec_sha256: str


def ingest(workspace: Workspace, run_id: str | None = None) -> list[Ingested | IngestedAudit]:
    """Bring the database up to the journals: of one run, or of all runs and audits (then those whose folder
    is gone are dropped too).

    Returns the runs and audits that had something new; empty when there was nothing. May be called while a run is at
    work, and by several processes at once. Killed half-way it leaves the database at an earlier state of the
    journal. With all, the faults of one do not keep the others out: the first is raised at the end.

    Raises CorruptLineError for a journal line that is no entry, StoppedError when the lock is not to be had
    or the disk is full.
    """
    database = workspace.database
    runs = workspace.runs() if run_id is None else [workspace.run(run_id)]
    done: list[Ingested | IngestedAudit] = []
    faults: list[SpinebenchError] = []
    with database.lock.writer():
        with database.reading() as connection:
            reached = reached_by_run(connection)
        draft = workspace.path / ".ingest.jsonl"
        try:
            for run in runs:
                try:
                    change = load_run(run, reached.get(run.run_id), database.writing, draft)
                except DataError as error:
                    if run_id is not None:
                        raise
                    faults.append(error)
                else:
                    done += [change] if change.n_lines or change.reread else []
        finally:
            draft.unlink(missing_ok=True)
        if run_id is None:
            kept = {run.run_id for run in runs} | {path.name for path, _ in workspace.unreadable_runs()}
            for gone in sorted(set(reached) - kept):
                with database.writing() as connection:
                    execute(connection, "forget", run_id=gone)
            done += load_audits(workspace, None, database.writing, faults)
    if faults:
        raise faults[0]
    return done


def load_run(run: RunFolder, reached: Reached | None, writing: Writing, draft: Path) -> Ingested:
    """Load what is new of one run, each part in a transaction of its own. The caller holds the writers'
    lock."""
    spec_sha256 = hashlib.sha256((run.path / "run.json").read_bytes()).hexdigest()
    grown = (
        reached is not None
        and reached.spec_sha256 == spec_sha256
        and reached.tail == tail_digest(run.journal.path, reached.n_bytes)
    )
    if reached is None or not grown:
        with writing() as connection:
            execute(connection, "forget", run_id=run.run_id)
            _load_spec(connection, run)
            _load_items(connection, run, draft)
            start = Reached(0, 0, hashlib.sha256(b"").hexdigest(), spec_sha256)
            _mark(connection, run, start)
    else:
        start = reached
    n_lines = 0
    for part in parts(
        run.journal.path, draft, offset=start.n_bytes, number=start.n_lines + 1, complain=run.journal.parse
    ):
        tail = tail_digest(run.journal.path, part.end)
        if (
            tail is None
        ):  # cut back under our eyes by a writer whose disk is full: the next call sees it whole
            break
        with writing() as connection:
            connection.execute(f"SET threads = {_threads(part)}")
            _load_entries(connection, run, part)
            _mark(connection, run, Reached(part.end, part.first + part.n_lines - 1, tail, spec_sha256))
        n_lines += part.n_lines
    return Ingested(run_id=run.run_id, n_lines=n_lines, reread=reached is not None and not grown)


def reached_by_run(connection: duckdb.DuckDBPyConnection) -> dict[str, Reached]:
    """How far each run's journal is in the database."""
    rows = connection.execute(statement("loading", "state")).fetchall()
    return {run_id: Reached(n_bytes, n_lines, tail, spec) for run_id, n_bytes, n_lines, tail, spec in rows}


def _load_spec(connection: duckdb.DuckDBPyConnection, run: RunFolder) -> None:
    spec = run.spec()
    benchmark = spec.benchmark
    execute(
        connection,
        "run",
        benchmark_id=digest(benchmark.model_dump(mode="json")),
        name=benchmark.name,
        format=benchmark.format,
        path=benchmark.path,
        n_items=benchmark.n_items,
        n_by_task=canonical_json(benchmark.n_by_task),
        n_clusters=benchmark.n_clusters,
        items_hash=benchmark.items_hash,
        simulated=benchmark.simulated,
        run_id=spec.run_id,
        created_at=utc(spec.created_at),
        models=list(spec.models),
        personas=list(spec.personas),
        image_conditions=[condition.value for condition in spec.image_conditions],
        option_orders=list(spec.option_orders),
        epochs=spec.epochs,
        run_n_items=spec.n_items,
        n_planned=spec.n_planned,
        partial=spec.partial,
        run_simulated=spec.simulated,
        seed=spec.seed,
        digest=spec.digest,
        digest_parts=canonical_json(spec.digest_parts),
        plan=canonical_json(spec.plan),
        versions=canonical_json(spec.versions),
    )


def _load_items(connection: duckdb.DuckDBPyConnection, run: RunFolder, draft: Path) -> None:
    source = run.path / "items.jsonl"
    for part in parts(source, draft, complain=lambda line: parse_item(source, line)):
        connection.execute(f"SET threads = {_threads(part)}")
        try:
            execute(connection, "items", run_id=run.run_id, path=str(part.path), longest=_buffer(part))
        except _DATA_ERRORS as error:
            for _ in run.items():  # raises with file, line and offset
                pass
            raise _unexplained(source, part, error) from error


def _load_entries(connection: duckdb.DuckDBPyConnection, run: RunFolder, part: Part) -> None:
    try:
        execute(connection, "stage", path=str(part.path), longest=_buffer(part))
        faults = connection.execute(
            statement("loading", "fault"),
            {
                "run_id": run.run_id,
                "statuses": [status.value for status in AnswerStatus],
                "outcomes": [outcome.value for outcome in Outcome],
            },
        ).fetchall()
        if not faults:
            execute(connection, "entries", run_id=run.run_id)
            return
        cause: duckdb.Error | None = None
    except _DATA_ERRORS as error:
        cause = error
    item_ids = {item.id for item in run.items()}
    for line in run.journal.lines(offset=part.offset, number=part.first):
        if line.offset >= part.end:
            break
        check_entry(run, line, item_ids)
    raise _unexplained(run.journal.path, part, cause) from cause


def check_entry(run: RunFolder, line: Line, item_ids: Set[str]) -> JournalEntry:
    """The entry of a line. Raises CorruptLineError unless it is one of this very run."""
    entry = run.journal.parse(line)
    for record in (entry.answer, entry.scored):
        if record is not None and record.run_id != run.run_id:
            raise run.journal.corrupt(line, f"it belongs to run {record.run_id!r}")
    if entry.answer is not None and entry.scored is not None and entry.answer.key != entry.scored.key:
        raise run.journal.corrupt(line, "its answer and its score have different keys")
    if entry.answer is not None and entry.answer.key.item_id not in item_ids:
        raise run.journal.corrupt(line, f"the run has no item {entry.answer.key.item_id!r}")
    return entry


def _mark(connection: duckdb.DuckDBPyConnection, run: RunFolder, reached: Reached) -> None:
    execute(
        connection,
        "reached",
        run_id=run.run_id,
        journal_bytes=reached.n_bytes,
        journal_lines=reached.n_lines,
        journal_tail=reached.tail,
        spec_sha256=reached.spec_sha256,
    )


def _threads(part: Part) -> int:
    """One where a second would only take memory (20 MB for 2,000 answers) and no time."""
    return 1 if part.end - part.offset < _SMALL else max(1, os.cpu_count() or 1)


_SMALL = 32 << 20


def _buffer(part: Part) -> int:
    """DuckDB's own default, unless a line is longer: it reserves twice as much for each thread."""
    return max(16 << 20, part.longest + 1024)


_DATA_ERRORS = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)


def _unexplained(source: Path, part: Part, error: duckdb.Error | None) -> CorruptLineError:
    why = str(error).splitlines()[0] if error else "a field has a wrong value"
    return CorruptLineError(
        f"file {str(source)!r}, lines {part.first} to {part.first + part.n_lines - 1}: expected "
        "entries of this "
        f"version, but {why}; call 'spinebench store check' for the whole list"
    )
