"""Whether a workspace is sound: every file read, every line parsed, the database held against the
journals."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import duckdb

from spinebench.errors import DataError, SpinebenchError
from spinebench.records import AnswerStatus, Record
from spinebench.store.database import connect, latest_version, remove, schema_version, statement
from spinebench.store.ingest import Reached, check_entry, reached_by_run
from spinebench.store.journal import CorruptLineError
from spinebench.store.numbered import tail_digest
from spinebench.store.rebuild import build
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace


class Severity(StrEnum):
    """Whether something is wrong or only worth knowing."""

    ERROR = "error"
    NOTICE = "notice"


class Finding(Record):
    """One thing that `check` found."""

    severity: Severity
    where: str
    """Path inside the workspace, or `run RUN, table TABLE`."""
    what: str
    """`<what>: expected <...>; <how to mend it>`, as errors read."""


def check(workspace: Workspace) -> list[Finding]:
    """Everything that is wrong or worth knowing; empty for a sound workspace. Changes nothing.

    Reads all journals and makes a database from them beside the real one, to compare the two table by table:
    it takes as long, and as much disk, as `rebuild`. Runs at work are read as far as they are.
    """
    database = workspace.database
    database.require_workspace()
    found = list(_folders(workspace))
    for run in workspace.runs():
        found += _run(workspace, run)
    with database.lock.writer():
        found += _database(workspace, sound=all(finding.severity is not Severity.ERROR for finding in found))
    return found


def _folders(workspace: Workspace) -> Iterator[Finding]:
    for path, error in workspace.unreadable_runs():
        yield _error(workspace, path, str(error))
    if not workspace.runs_dir.is_dir():
        return
    for path in sorted(workspace.runs_dir.iterdir()):
        if path.name.startswith(".new-"):
            yield _notice(
                workspace, path, "left by a run that was killed while it was made; it may be removed"
            )
        elif not path.name.startswith(".") and not (path / "run.json").is_file():
            yield _notice(workspace, path, "not a run, as it holds no run.json; it is left alone")


def _run(workspace: Workspace, run: RunFolder) -> Iterator[Finding]:
    status = run.status()  # before the journal, which may grow meanwhile
    item_ids: set[str] = set()
    try:
        item_ids.update(item.id for item in run.items())
        if len(item_ids) != run.spec().n_items:
            yield _error(
                workspace,
                run.path / "items.jsonl",
                f"{len(item_ids)} items: expected {run.spec().n_items}, as run.json says; restore it "
                "from a backup",
            )
            return
    except DataError as error:
        yield _error(workspace, run.path / "items.jsonl", str(error))
        return
    answered: dict[str, AnswerStatus] = {}
    orphans = 0
    n_corrupt = 0
    for line in run.journal.lines():
        try:
            entry = check_entry(run, line, item_ids)
        except CorruptLineError as error:
            yield _error(workspace, run.journal.path, str(error))
            n_corrupt += 1
            continue
        if entry.answer is not None:
            answered[entry.answer.key.id()] = entry.answer.status
        if entry.scored is not None and entry.scored.key.id() not in answered:
            orphans += 1
    if orphans:
        yield _notice(
            workspace, run.journal.path, f"{orphans} scores of answers that are not there; they do not count"
        )
    set_aside = sorted([*run.path.glob("journal.torn-*"), *run.path.glob("journal.corrupt-*")])
    n_done = sum(one is not AnswerStatus.ERROR for one in answered.values())
    if status is not None and n_done < status.n_done and not (n_corrupt or set_aside):
        yield _error(
            workspace,
            run.journal.path,
            f"{n_done} answers: expected the {status.n_done} that status.json counts, which is written after "
            f"them; restore it from a backup, or call 'spinebench resume {run.run_id}' to ask again",
        )
    torn = run.journal.torn()
    if torn and not run.is_live():
        what = f"a torn last line of {torn} bytes, left by a kill; resuming the run sets it aside"
        yield _notice(workspace, run.journal.path, what)
    for path in set_aside:
        yield _notice(
            workspace, path, f"{path.stat().st_size} bytes set aside from the journal; it may be removed"
        )


def _database(workspace: Workspace, *, sound: bool) -> Iterator[Finding]:
    database = workspace.database
    if not database.path.exists():
        yield _notice(workspace, database.path, "not made yet; 'spinebench store rebuild' makes it")
        return
    try:
        with database.lock.shared(), connect(database.path, read_only=True) as connection:
            version = schema_version(connection)
            if version < latest_version():
                what = f"schema {version}: the next command brings it to {latest_version()}"
                yield _notice(workspace, database.path, what)
                return
            reached = reached_by_run(connection)
            held = _fingerprints(connection)
    except (SpinebenchError, duckdb.Error) as error:
        yield _error(workspace, database.path, str(error))
        return
    current = set()
    runs = workspace.runs()
    for run in runs:
        state, finding = _progress(workspace, run, reached.get(run.run_id))
        if finding is not None:
            yield finding
        if state:
            current.add(run.run_id)
    for gone in sorted(set(reached) - {path.name for path in workspace.runs_dir.iterdir()}):
        yield _notice(
            workspace, database.path, f"run {gone!r} is loaded but its folder is gone; the next load drops it"
        )
    if len(current) == len(runs) == len(reached):
        current.add("")  # tables that are not kept by run
    if sound:
        yield from _compared(workspace, held, current)


def _progress(workspace: Workspace, run: RunFolder, reached: Reached | None) -> tuple[bool, Finding | None]:
    """Whether a run's journal is loaded to its end, and what to say where it is not."""
    if reached is None:
        return False, _notice(
            workspace, run.path, "not loaded yet; 'spinebench runs show' or 'store rebuild' loads it"
        )
    if tail_digest(run.journal.path, reached.n_bytes) != reached.tail:
        return False, _notice(
            workspace, run.journal.path, "replaced since it was loaded; the next load reads it anew"
        )
    behind = sum(1 for _ in run.journal.lines(offset=reached.n_bytes))
    if behind:
        return False, _notice(
            workspace, run.journal.path, f"{behind} lines are not loaded yet; the next load reads them"
        )
    return True, None


def _compared(
    workspace: Workspace, held: dict[tuple[str, str], tuple[int, str]], current: set[str]
) -> Iterator[Finding]:
    fresh = workspace.path / "spinebench.duckdb.check"
    try:
        build(workspace, fresh)
        with connect(fresh, read_only=True) as connection:
            expected = _fingerprints(connection)
    finally:
        remove(fresh)
    for table, run_id in sorted(set(held) | set(expected)):
        if run_id not in current:
            continue
        n_held, print_held = held.get((table, run_id), (0, ""))
        n_expected, print_expected = expected.get((table, run_id), (0, ""))
        if n_held != n_expected or print_held != print_expected:
            yield Finding(
                severity=Severity.ERROR,
                where=f"run {run_id}, table {table}",
                what=f"{n_held} rows: expected the {n_expected} of the journal"
                f"{', with other contents' if n_held == n_expected else ''}; call 'spinebench store rebuild'",
            )


def _fingerprints(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], tuple[int, str]]:
    rows = connection.execute(statement("loading", "fingerprint")).fetchall()
    return {(table, run_id): (n, fingerprint) for table, run_id, n, fingerprint in rows}


def _error(workspace: Workspace, path: Path, what: str) -> Finding:
    return Finding(severity=Severity.ERROR, where=str(path.relative_to(workspace.path)), what=what)


def _notice(workspace: Workspace, path: Path, what: str) -> Finding:
    return Finding(severity=Severity.NOTICE, where=str(path.relative_to(workspace.path)), what=what)
