"""Whether the audits of a workspace are sound, and whether the database holds all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from spinebench.audit_records import AuditEntry, JudgementStatus, Rating, RatingLock
from spinebench.errors import DataError
from spinebench.store.audit_folder import AuditFolder, latest_ratings, ratings_hash
from spinebench.store.findings import Finding, error, notice
from spinebench.store.ingest_audits import (
    ASSIGNMENTS,
    JOURNAL,
    NOTHING,
    RATERS,
    AuditReached,
    replaced_files,
    whole,
)
from spinebench.store.journal import CorruptLineError, EntryT, Journal
from spinebench.store.workspace import Workspace


def check_audit_files(workspace: Workspace) -> Iterator[Finding]:
    """What is wrong with the files of audits and raters, line by line."""
    yield from _folders(workspace)
    for audit in workspace.audits():
        yield from _audit(workspace, audit)
    journal = workspace.raters_journal
    for line in journal.lines():
        try:
            journal.parse(line)
        except CorruptLineError as fault:
            yield error(workspace, journal.path, str(fault))
    if journal.torn():
        yield _torn(workspace, journal, "the next rater that is added")


def check_audits_loaded(
    workspace: Workspace, reached: Mapping[str, AuditReached]
) -> tuple[set[str], list[Finding]]:
    """Ids of the audits whose files are all in the database ('' for the raters), and what to say of the
    others."""
    current: set[str] = set()
    found: list[Finding] = []
    if (whole(workspace.path / RATERS) or NOTHING) == reached.get("", {}).get(RATERS, NOTHING):
        current.add("")
    else:
        found.append(
            notice(workspace, workspace.path / RATERS, "changed since it was loaded; the next load reads it")
        )
    for audit in workspace.audits():
        finding = _behind(workspace, audit, reached.get(audit.audit_id))
        if finding is None:
            current.add(audit.audit_id)
        else:
            found.append(finding)
    folders = (
        {path.name for path in workspace.audits_dir.iterdir()} if workspace.audits_dir.is_dir() else set()
    )
    for gone in sorted(set(reached) - folders - {""}):
        what = f"audit {gone!r} is loaded but its folder is gone; the next load drops it"
        found.append(notice(workspace, workspace.database.path, what))
    return current, found


def _folders(workspace: Workspace) -> Iterator[Finding]:
    for path, fault in workspace.unreadable_audits():
        yield error(workspace, path, str(fault))
    if not workspace.audits_dir.is_dir():
        return
    for path in sorted(workspace.audits_dir.iterdir()):
        if path.name.startswith(".new-"):
            yield notice(
                workspace, path, "left by an audit that was killed while it was made; it may be removed"
            )
        elif not path.name.startswith(".") and not (path / "audit.json").is_file():
            yield notice(workspace, path, "not an audit, as it holds no audit.json; it is left alone")


def _audit(workspace: Workspace, audit: AuditFolder) -> Iterator[Finding]:
    status = audit.status()  # before the journal, which may grow meanwhile
    traces = audit.path / "traces.jsonl"
    try:
        n_traces = len(audit.declared.traces)
    except DataError as fault:
        yield error(workspace, traces, str(fault))
        return
    if n_traces != audit.spec().n_traces:
        what = f"{n_traces} traces: expected {audit.spec().n_traces}, as audit.json says; restore it from a backup"
        yield error(workspace, traces, what)
        return
    judged: dict[str, JudgementStatus] = {}
    lock: RatingLock | None = None
    n_corrupt = 0
    for line in audit.journal.lines():
        try:
            entry = audit.entry(line)
        except CorruptLineError as fault:
            yield error(workspace, audit.journal.path, str(fault))
            n_corrupt += 1
            continue
        if entry.judgement is not None:
            judged[entry.judgement.key.id()] = entry.judgement.status
        lock = lock or entry.lock
    aside = _set_aside(audit.journal)
    n_done = sum(one is not JudgementStatus.ERROR for one in judged.values())
    if status is not None and n_done < status.n_done and not (n_corrupt or aside):
        yield error(
            workspace,
            audit.journal.path,
            f"{n_done} judgements: expected the {status.n_done} that status.json counts, which is written after "
            f"them; restore it from a backup, or call 'spinebench audit --resume {audit.audit_id}' to ask again",
        )
    if audit.journal.torn() and not audit.is_live():
        yield _torn(workspace, audit.journal, "resuming the audit")
    yield from _aside_notices(workspace, aside)
    yield from _ratings(workspace, audit, lock)


def _ratings(workspace: Workspace, audit: AuditFolder, lock: RatingLock | None) -> Iterator[Finding]:
    sound = True
    try:
        assigned = {rater: {one.packet_id for one in of.traces} for rater, of in audit.assignments().items()}
    except DataError as fault:
        yield error(workspace, audit.path / ASSIGNMENTS, str(fault))
        assigned = {}
    held: list[Rating] = []
    for rater in audit.rater_ids():
        journal = audit.ratings_journal(rater)
        mine: dict[str, Rating] = {}
        for line in journal.lines():
            try:
                one = audit.rating(rater, line)
                mine.setdefault(one.rating_id, one)
            except CorruptLineError as fault:
                yield error(workspace, journal.path, str(fault))
                sound = False
        foreign = {one.packet_id for one in mine.values()} - assigned.get(rater, set())
        if foreign and rater in assigned:
            what = (
                f"ratings of {len(foreign)} packets that the rater was not assigned, such as {min(foreign)!r}"
            )
            yield notice(workspace, journal.path, what)
        if journal.torn():
            yield _torn(workspace, journal, "the next import")
        aside = _set_aside(journal)
        sound = sound and not aside
        yield from _aside_notices(workspace, aside)
        held += latest_ratings(list(mine.values()))
    if lock is not None and sound and ratings_hash(held) != lock.ratings_hash:
        yield error(
            workspace,
            audit.path / "ratings",
            f"{len(held)} ratings: expected the {lock.n_ratings} that were locked, unchanged; restore the folder "
            "from a backup",
        )


def _behind(workspace: Workspace, audit: AuditFolder, reached: AuditReached | None) -> Finding | None:
    """What is not loaded of an audit; None where all is."""
    if reached is None:
        return notice(workspace, audit.path, "not loaded yet; 'spinebench store rebuild' loads it")
    for file in replaced_files(audit, reached):
        return notice(
            workspace, audit.path / file, "replaced since it was loaded; the next load reads it anew"
        )
    if (whole(audit.path / ASSIGNMENTS) or NOTHING) != reached.get(ASSIGNMENTS, NOTHING):
        return notice(
            workspace, audit.path / ASSIGNMENTS, "changed since it was loaded; the next load reads it"
        )
    journals: list[tuple[str, Journal[AuditEntry] | Journal[Rating]]] = [(JOURNAL, audit.journal)]
    journals += [(f"ratings/{rater}.jsonl", audit.ratings_journal(rater)) for rater in audit.rater_ids()]
    for file, journal in journals:
        behind = sum(1 for _ in journal.lines(offset=reached.get(file, NOTHING).n_bytes))
        if behind:
            return notice(
                workspace, journal.path, f"{behind} lines are not loaded yet; the next load reads them"
            )
    return None


def _set_aside(journal: Journal[EntryT]) -> list[Path]:
    folder, stem = journal.path.parent, journal.path.stem
    return sorted([*folder.glob(f"{stem}.torn-*"), *folder.glob(f"{stem}.corrupt-*")])


def _aside_notices(workspace: Workspace, paths: list[Path]) -> Iterator[Finding]:
    for path in paths:
        yield notice(
            workspace, path, f"{path.stat().st_size} bytes set aside from the journal; it may be removed"
        )


def _torn(workspace: Workspace, journal: Journal[EntryT], mender: str) -> Finding:
    what = f"a torn last line of {journal.torn()} bytes, left by a kill; {mender} sets it aside"
    return notice(workspace, journal.path, what)
