"""The database made anew from the journals, beside the old one, which serves readers until it is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from spinebench.store.database import connect, migrate, remove, transaction, wal
from spinebench.store.ingest import Ingested, load_run
from spinebench.store.ingest_audits import IngestedAudit, load_audit, load_raters
from spinebench.store.workspace import Workspace


def rebuild(workspace: Workspace) -> list[Ingested | IngestedAudit]:
    """Replace the database by one made from the journals alone; returns what was read of each run
    and audit.

    The old database stays in place, whole, until the new one is: also when this is killed or raises. Nothing
    is skipped: raises DataError for the first run, audit or line that cannot be read, StoppedError on a full disk.
    """
    database = workspace.database
    database.require_workspace()
    fresh = workspace.path / "spinebench.duckdb.new"
    with database.lock.writer():
        try:
            done = build(workspace, fresh)
            with database.lock.exclusive():
                wal(database.path).unlink(missing_ok=True)
                fresh.replace(database.path)
        finally:
            remove(fresh)
    return done


def build(workspace: Workspace, path: Path) -> list[Ingested | IngestedAudit]:
    """Make a new database file at `path` from all journals; the caller holds the writers' lock.

    Raises the first error of an unreadable run, audit or line.
    """
    for _, error in (*workspace.unreadable_runs(), *workspace.unreadable_audits()):
        raise error
    remove(path)
    draft = workspace.path / ".ingest.jsonl"
    try:
        with connect(path, read_only=False) as connection:
            migrate(connection)

            @contextmanager
            def writing() -> Iterator[duckdb.DuckDBPyConnection]:
                with transaction(connection):
                    yield connection

            done: list[Ingested | IngestedAudit] = [
                load_run(run, None, writing, draft) for run in workspace.runs()
            ]
            load_raters(workspace, {}, writing)
            for audit in workspace.audits():
                change = load_audit(audit, None, writing)
                done += [change] if change is not None else []
            return done
    finally:
        draft.unlink(missing_ok=True)
