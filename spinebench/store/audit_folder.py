"""The folder of one audit: what it is (`audit.json`), its traces, its journal, the clinicians' journals."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from pydantic import ValidationError

from spinebench.audit_records import (
    Adjudicated,
    Assignment,
    AuditEntry,
    AuditSpec,
    AuditStatus,
    AuditTrace,
    Judgement,
    JudgementStatus,
    Rating,
    RatingLock,
    Review,
)
from spinebench.errors import DataError, UsageError
from spinebench.records import digest
from spinebench.store.audit_lines import Declared, checked_entry, checked_rating, parse_trace, trace_id_of
from spinebench.store.folders import replace_file
from spinebench.store.journal import Journal, Line, SharedJournal, encode, explain, read_lines
from spinebench.store.locks import turn
from spinebench.store.numbered import tail_digest
from spinebench.store.work_folder import Kind, WorkFolder, create_work_folder

_RATER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LOCK_LINE = re.compile(rb'"lock"\s*:\s*\{')
"""In a line that may hold the lock of the ratings: spares parsing all the judgements to find it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a journal was looked through for a lock, and what was found."""

    n_bytes: int
    n_lines: int
    tail: str
    """Of what stands before `n_bytes`; another one is another file."""
    lock: RatingLock | None


_SEEN: dict[Path, _Seen] = {}
_AUDIT = Kind("audit", AuditSpec, AuditStatus, lambda spec: spec.audit_id, resume="spinebench audit --resume")


class AuditFolder(WorkFolder[AuditSpec, AuditStatus]):
    """One audit on disk. Reading takes no lock.

    Whoever appends to `journal` or writes the status holds `lock()`. Ratings have a journal per rater, which
    several processes may append to: each takes its turn by itself.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, _AUDIT)
        self.audit_id = path.name
        self.journal = Journal(
            path / "journal.jsonl", AuditEntry, way_on=f"call 'spinebench audit --resume {path.name}'"
        )
        self._trace_ids: frozenset[str] | None = None
        """Known once the traces, which never change, have been read to their end."""

    @classmethod
    def create(cls, path: Path, spec: AuditSpec, traces: Iterable[AuditTrace]) -> AuditFolder:
        """Write `audit.json` and `traces.jsonl` and let the folder appear whole, or not at all.

        Raises UsageError where an audit of that id exists, DataError where a trace comes twice or their
        number is not the one of the spec, StoppedError on a full disk.
        """
        create_work_folder(path, _AUDIT, spec, {"traces.jsonl": _lines(spec, traces)})
        return cls(path)

    # ------------------------------------------------------------ what is audited

    def traces(self, only: Collection[str] | None = None) -> Iterator[AuditTrace]:
        """The drawn traces in the audit's own order, streamed. Raises CorruptLineError on a bad line.

        `only`: those of these ids. Of the lines of others nothing is read but the id.
        """
        path = self.path / "traces.jsonl"
        ids = []
        for line in read_lines(path):
            if only is None or (trace_id := trace_id_of(path, line)) in only:
                trace = parse_trace(path, line)
                trace_id = trace.trace_id
                yield trace
            ids.append(trace_id)
        self._trace_ids = frozenset(ids)

    def trace(self, trace_id: str) -> AuditTrace:
        """One of the traces, read anew. Raises UsageError for an id that the audit did not draw."""
        for trace in self.traces({trace_id}):
            return trace
        raise UsageError(
            f"trace {trace_id!r}: expected one of the {self.spec().n_traces} of audit {self.audit_id!r}; "
            "take an id from the 'audit_traces' query"
        )

    @cached_property
    def declared(self) -> Declared:
        """What a line of its journals can be about."""
        ids = self._trace_ids
        return Declared.of(self.spec(), (trace.trace_id for trace in self.traces()) if ids is None else ids)

    # ------------------------------------------------------------ judges

    def entry(self, line: Line) -> AuditEntry:
        """The entry of a journal line. Raises CorruptLineError unless it is one of this very audit."""
        return checked_entry(self.journal, line, self.declared)

    def judgements(self) -> list[Judgement]:
        """The latest judgement of each key, in the order of the first ones."""
        found: dict[str, Judgement] = {}
        for entry in self.entries():
            if entry.judgement is not None:
                found[entry.judgement.key.id()] = entry.judgement
        return list(found.values())

    def done_keys(self) -> frozenset[str]:
        """Ids (`JudgementKey.id`) whose latest judgement is no error: what need not be asked again."""
        return frozenset(one.key.id() for one in self.judgements() if one.status is not JudgementStatus.ERROR)

    def reviews(self) -> dict[str, Review]:
        """Trace id -> its latest review."""
        return {entry.review.trace_id: entry.review for entry in self.entries() if entry.review is not None}

    def entries(self) -> Iterator[AuditEntry]:
        """All entries of the journal, streamed, in the order they were written. Raises as `entry`."""
        return (self.entry(line) for line in self.journal.lines())

    # ------------------------------------------------------------ clinicians

    def write_assignments(self, assignments: Sequence[Assignment]) -> None:
        """Set what these raters rate; the lists of other raters stay.

        Raises UsageError where a list would no longer hold something that its rater has rated, or is of
        another audit.
        """
        for one in assignments:
            if one.audit_id != self.audit_id:
                raise UsageError(
                    f"assignment of rater {one.rater!r}: expected one of audit {self.audit_id!r}, but it is of "
                    f"{one.audit_id!r}; make it anew for this audit"
                )
        with turn(self._locks / "assignments.lock"):
            held = self.assignments()
            for one in assignments:
                if one.rater in held:
                    self._keeps_what_is_rated(held[one.rater], one)
            held |= {one.rater: one for one in assignments}
            replace_file(
                self._assignments_path,
                (encode(held[rater]).decode() for rater in sorted(held)),
                what=f"assignments of audit {self.audit_id!r}",
            )

    def assignments(self) -> dict[str, Assignment]:
        """Rater -> what they rate; empty before the first assignment. Raises DataError on a bad file."""
        found = {}
        for line in read_lines(self._assignments_path):
            try:
                one = Assignment.model_validate_json(line.data)
            except ValidationError as error:
                raise DataError(
                    f"assignments {str(self._assignments_path)!r}, line {line.number} (byte {line.offset}): "
                    f"expected what one rater rates, but {explain(error)}; restore the file from a backup"
                ) from None
            found[one.rater] = one
        return found

    def ratings_journal(self, rater: str) -> SharedJournal[Rating]:
        """The append-only journal of a rater's ratings.

        Appending takes its turn among all processes, and raises UsageError once the ratings are locked.
        `add_ratings` also leaves out what is there already. Raises UsageError for an id that is no pseudonym.
        """
        if not _RATER.fullmatch(rater):
            raise UsageError(
                f"rater {rater!r}: expected a pseudonym of up to 40 letters, digits, _ and -, beginning with a "
                "letter or digit; choose one with 'spinebench rate raters add'"
            )

        @contextmanager
        def in_turn() -> Iterator[None]:
            with self.ratings_turn(rater):
                self._require_unlocked()
                self._ratings_dir.mkdir(exist_ok=True)
                yield

        return SharedJournal(
            self._ratings_dir / f"{rater}.jsonl",
            Rating,
            way_on=f"call 'spinebench rate import {self.audit_id} FILE' with the rater's file",
            turn=in_turn,
        )

    @contextmanager
    def ratings_turn(self, rater: str) -> Iterator[None]:
        """Keep all others from writing to a rater's journal, and from locking the ratings, for a moment."""
        with (
            turn(self._locks / "ratings.lock", shared=True),
            turn(self._locks / "raters" / f"{rater}.lock"),
        ):
            yield

    def add_ratings(self, ratings: Sequence[Rating]) -> list[Rating]:
        """Append those that are new (by `rating_id`), each to its rater's journal; returns them.

        A rating that was superseded since stays so when it comes again. Raises UsageError for a rating of
        another audit, and once the ratings are locked; StoppedError on a full disk.
        """
        added: list[Rating] = []
        by_rater: dict[str, list[Rating]] = {}
        for one in ratings:
            by_rater.setdefault(one.rater, []).append(one)
            if one.audit_id != self.audit_id:
                raise UsageError(
                    f"rating of packet {one.packet_id!r}: expected one of audit {self.audit_id!r}, but it is of "
                    f"{one.audit_id!r}; name that audit"
                )
        for rater, mine in by_rater.items():
            journal = self.ratings_journal(rater)
            added += journal.append_new(partial(_new, journal, mine))
        return added

    def rater_ids(self) -> list[str]:
        """Raters with a journal, by name."""
        return sorted(path.stem for path in self._ratings_dir.glob("*.jsonl") if _RATER.fullmatch(path.stem))

    def rating(self, rater: str, line: Line) -> Rating:
        """The rating of a line of a rater's journal. Raises CorruptLineError unless it is theirs, and of
        this audit."""
        return checked_rating(self.ratings_journal(rater), line, self.declared, rater)

    def ratings(self, *, superseded: bool = False) -> list[Rating]:
        """The latest rating of each rater and packet, or, with `superseded`, all that were ever taken in.

        By rater, then in the order of their journals. A rating that stands there twice counts where it
        stood first.
        """
        found: list[Rating] = []
        for rater in self.rater_ids():
            journal = self.ratings_journal(rater)
            mine: dict[str, Rating] = {}
            for line in journal.lines():
                one = checked_rating(journal, line, self.declared, rater)
                mine.setdefault(one.rating_id, one)
            found += mine.values() if superseded else latest_ratings(list(mine.values()))
        return found

    def lock_ratings(self, *, at: datetime | None = None) -> RatingLock:
        """Make the ratings final: none is taken in afterwards, and adjudication may begin.

        Raises UsageError where there are none, where they are locked already, or while a process is at work
        on the audit.
        """
        with self.lock(), turn(self._locks / "ratings.lock"):
            self._require_unlocked()
            ratings = self.ratings()
            if not ratings:
                raise UsageError(
                    f"audit {self.audit_id!r}: expected ratings to lock, but there are none; take them in with "
                    f"'spinebench rate import {self.audit_id} FILE'"
                )
            lock = RatingLock(
                audit_id=self.audit_id,
                at=at or datetime.now(UTC),
                n_ratings=len(ratings),
                ratings_hash=ratings_hash(ratings),
            )
            self.journal.append([AuditEntry(lock=lock)])
            self.journal.close()
        return lock

    def rating_lock(self) -> RatingLock | None:
        """The first lock of the ratings; None while they are open.

        A process looks through each line of the journal once, which may hold tens of thousands of judgements.
        """
        path = self.journal.path.absolute()
        seen = _SEEN.get(path)
        if seen is None or tail_digest(path, seen.n_bytes) != seen.tail:  # another file, or cut back
            seen = _Seen(0, 0, "", None)
        if seen.lock is not None:
            return seen.lock
        n_bytes, n_lines, lock = seen.n_bytes, seen.n_lines, None
        for line in self.journal.lines(offset=n_bytes, number=n_lines + 1):
            n_bytes, n_lines = line.offset + len(line.data), line.number
            if _LOCK_LINE.search(line.data):
                lock = self.entry(line).lock
                if lock is not None:
                    break
        tail = tail_digest(path, n_bytes)
        if tail is not None:  # else cut back under our eyes
            _SEEN[path] = _Seen(n_bytes, n_lines, tail, lock)
        return lock

    def adjudications(self) -> dict[tuple[str, str], Adjudicated]:
        """(trace id, dimension) -> the latest decision."""
        return {
            (entry.adjudicated.trace_id, entry.adjudicated.dimension): entry.adjudicated
            for entry in self.entries()
            if entry.adjudicated is not None
        }

    def _require_unlocked(self) -> None:
        lock = self.rating_lock()
        if lock is not None:
            raise UsageError(
                f"audit {self.audit_id!r}: expected ratings that are open, but they were locked at "
                f"{lock.at.isoformat(timespec='seconds')}; decide what is open by 'spinebench rate adjudicate', "
                "or make another audit"
            )

    def _keeps_what_is_rated(self, before: Assignment, after: Assignment) -> None:
        gone = {one.packet_id for one in before.traces} - {one.packet_id for one in after.traces}
        if not gone:
            return
        journal = self.ratings_journal(before.rater)
        rated = gone & {journal.parse(line).packet_id for line in journal.lines()}
        if rated:
            raise UsageError(
                f"assignment of rater {before.rater!r}: expected it to keep packet {min(rated)!r}, which is "
                f"rated ({len(rated)} such); add to the earlier list, or make another audit"
            )

    @property
    def _assignments_path(self) -> Path:
        return self.path / "assignments.jsonl"

    @property
    def _ratings_dir(self) -> Path:
        return self.path / "ratings"

    @property
    def _locks(self) -> Path:
        return self.path / "locks"


def latest_ratings(ratings: Sequence[Rating]) -> list[Rating]:
    """Of each rater and packet the last one, in the order in which those stand."""
    last = {(one.rater, one.packet_id): number for number, one in enumerate(ratings)}
    return [ratings[number] for number in sorted(last.values())]


def ratings_hash(ratings: Iterable[Rating]) -> str:
    """SHA-256 over the sorted ids of ratings: what a lock of the ratings holds."""
    return digest(sorted(one.rating_id for one in ratings))


def _new(journal: Journal[Rating], ratings: Sequence[Rating]) -> list[Rating]:
    known = {one.rating_id for one in journal.read()}
    return [one for one in {one.rating_id: one for one in ratings}.values() if one.rating_id not in known]


def _lines(spec: AuditSpec, traces: Iterable[AuditTrace]) -> Iterator[str]:
    seen: set[str] = set()
    for trace in traces:
        if trace.trace_id in seen:
            raise DataError(f"trace {trace.trace_id!r}: expected each trace once; draw the sample anew")
        seen.add(trace.trace_id)
        yield encode(trace).decode()
    if len(seen) != spec.n_traces:
        raise DataError(
            f"audit {spec.audit_id!r}: expected {spec.n_traces} traces, as its description says, but got "
            f"{len(seen)}; draw the sample anew"
        )
