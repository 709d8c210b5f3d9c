"""Whether a workspace is sound: every file read, every line parsed, the database held against the
journals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import duckdb

from spinebench.errors import DataError, SpinebenchError
from spinebench.records import AnswerStatus
from spinebench.store.check_audits import check_audit_files, check_audits_loaded
from spinebench.store.database import connect, latest_version, remove, schema_version, statement
from spinebench.store.findings import Finding, Severity, error, notice
from spinebench.store.ingest import Reached, check_entry, reached_by_run
from spinebench.store.ingest_audits import reached_by_audit
from spinebench.store.journal import CorruptLineError
from spinebench.store.numbered import tail_digest
from spinebench.store.rebuild import build
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace

__all__ = ["Finding", "Severity", "check"]


def check(workspace: Workspace) -> list[Finding]:
    """Everything that is wrong or worth knowing; empty for a sound workspace. Changes nothing.

    Reads all journals and makes a database from them beside the real one, to compare the two table by table:
    it takes as long, and as much disk, as `rebuild`. Runs and audits at work are read as far as they are.
    """
    database = workspace.database
    database.require_workspace()
    found = list(_folders(workspace))
    for run in workspace.runs():
        found += _run(workspace, run)
    found += check_audit_files(workspace)
    with database.lock.writer():
        found += _database(workspace, sound=all(finding.severity is not Severity.ERROR for finding in found))
    return found


def _folders(workspace: Workspace) -> Iterator[Finding]:
    for path, fault in workspace.unreadable_runs():
        yield error(workspace, path, str(fault))
    if not workspace.runs_dir.is_dir():
        return
    for path in sorted(workspace.runs_dir.iterdir()):
        if path.name.startswith(".new-"):
            yield notice(
                workspace, path, "left by a run that was killed while it was made; it may be removed"
            )
        elif not path.name.startswith(".") and not (path / "run.json").is_file():
            yield notice(workspace, path, "not a run, as it holds no run.json; it is left alone")


def _run(workspace: Workspace, run: RunFolder) -> Iterator[Finding]:
    status = run.status()  # before the journal, which may grow meanwhile
    item_ids: set[str] = set()
    try:
        item_ids.update(item.id for item in run.items())
        if len(item_ids) != run.spec().n_items:
            yield error(
                workspace,
                run.path / "items.jsonl",
                f"{len(item_ids)} items: expected {run.spec().n_items}, as run.json says; restore it "
                "from a backup",
            )
            return
    except DataError as fault:
        yield error(workspace, run.path / "items.jsonl", str(fault))
        return
    answered: dict[str, AnswerStatus] = {}
    orphans = 0
    n_corrupt = 0
    for line in run.journal.lines():
        try:
            entry = check_entry(run, line, item_ids)
        except CorruptLineError as fault:
            yield error(workspace, run.journal.path, str(fault))
            n_corrupt += 1
            continue
        if entry.answer is not None:
            answered[entry.answer.key.id()] = entry.answer.status
        if entry.scored is not None and entry.scored.key.id() not in answered:
            orphans += 1
    if orphans:
        yield notice(
            workspace, run.journal.path, f"{orphans} scores of answers that are not there; they do not count"
        )
    set_aside = sorted([*run.path.glob("journal.torn-*"), *run.path.glob("journal.corrupt-*")])
    n_done = sum(one is not AnswerStatus.ERROR for one in answered.values())
    if status is not None and n_done < status.n_done and not (n_corrupt or set_aside):
        yield error(
            workspace,
            run.journal.path,
            f"{n_done} answers: expected the {status.n_done} that status.json counts, which is written after "
            f"them; restore it from a backup, or call 'spinebench resume {run.run_id}' to ask again",
        )
    torn = run.journal.torn()
    if torn and not run.is_live():
        what = f"a torn last line of {torn} bytes, left by a kill; resuming the run sets it aside"
        yield notice(workspace, run.journal.path, what)
    for path in set_aside:
        yield notice(
            workspace, path, f"{path.stat().st_size} bytes set aside from the journal; it may be removed"
        )


def _database(workspace: Workspace, *, sound: bool) -> Iterator[Finding]:
    database = workspace.database
    if not database.path.exists():
        yield notice(workspace, database.path, "not made yet; 'spinebench store rebuild' makes it")
        return
    try:
        with database.lock.shared(), connect(database.path, read_only=True) as connection:
            version = schema_version(connection)
            if version < latest_version():
                what = f"schema {version}: the next command brings it to {latest_version()}"
                yield notice(workspace, database.path, what)
                return
            reached = reached_by_run(connection)
            reached_audits = reached_by_audit(connection)
            held = _fingerprints(connection)
    except (SpinebenchError, duckdb.Error) as fault:
        yield error(workspace, database.path, str(fault))
        return
    current: set[tuple[str, str]] = set()
    runs = workspace.runs()
    for run in runs:
        state, finding = _progress(workspace, run, reached.get(run.run_id))
        if finding is not None:
            yield finding
        if state:
            current.add(("run", run.run_id))
    for gone in sorted(set(reached) - {path.name for path in workspace.runs_dir.iterdir()}):
        yield notice(
            workspace, database.path, f"run {gone!r} is loaded but its folder is gone; the next load drops it"
        )
    if len(current) == len(runs) == len(reached):
        current.add(("run", ""))  # tables that are not kept by run
    loaded, findings = check_audits_loaded(workspace, reached_audits)
    yield from findings
    current |= {("audit", audit_id) for audit_id in loaded}
    if sound:
        yield from _compared(workspace, held, current)


def _progress(workspace: Workspace, run: RunFolder, reached: Reached | None) -> tuple[bool, Finding | None]:
    """Whether a run's journal is loaded to its end, and what to say where it is not."""
    if reached is None:
        return False, notice(
            workspace, run.path, "not loaded yet; 'spinebench runs show' or 'store rebuild' loads it"
        )
    if tail_digest(run.journal.path, reached.n_bytes) != reached.tail:
        return False, notice(
            workspace, run.journal.path, "replaced since it was loaded; the next load reads it anew"
        )
    behind = sum(1 for _ in run.journal.lines(offset=reached.n_bytes))
    if behind:
        return False, notice(
            workspace, run.journal.path, f"{behind} lines are not loaded yet; the next load reads them"
        )
    return True, None


_Fingerprints: TypeAlias = dict[tuple[str, str, str], tuple[int, str]]
"""By kind (run or audit), id of the run or audit, and table."""


def _compared(workspace: Workspace, held: _Fingerprints, current: set[tuple[str, str]]) -> Iterator[Finding]:
    fresh = workspace.path / "spinebench.duckdb.check"
    try:
        build(workspace, fresh)
        with connect(fresh, read_only=True) as connection:
            expected = _fingerprints(connection)
    finally:
        remove(fresh)
    for kind, own_id, table in sorted(set(held) | set(expected)):
        if (kind, own_id) not in current:
            continue
        n_held, print_held = held.get((kind, own_id, table), (0, ""))
        n_expected, print_expected = expected.get((kind, own_id, table), (0, ""))
        if n_held != n_expected or print_held != print_expected:
            yield Finding(
                severity=Severity.ERROR,
                where=f"{kind} {own_id}, table {table}" if own_id else f"table {table}",
                what=f"{n_held} rows: expected the {n_expected} of the journal"
                f"{', with other contents' if n_held == n_expected else ''}; call 'spinebench store rebuild'",
            )


def _fingerprints(connection: duckdb.DuckDBPyConnection) -> _Fingerprints:
    found: _Fingerprints = {}
    for kind, name in (("run", "fingerprint"), ("audit", "audit_fingerprint")):
        for table, own_id, n, fingerprint in connection.execute(statement("loading", name)).fetchall():
            found[kind, own_id, table] = (n, fingerprint)
    return found
