"""The decisions on disk: one append-only journal per reviewer, in which a later decision replaces an earlier one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints, TypeAdapter, ValidationError

from spinebench.audit_records import RaterId
from spinebench.builder.record_files import make_folder
from spinebench.builder.records import ReviewDecision
from spinebench.errors import DataError
from spinebench.records import Record
from spinebench.store.journal import CorruptLineError, Line, SharedJournal
from spinebench.store.locks import turn

DECISIONS = "decisions"
"""Folder of the journals, below that of the review."""

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
_RATER = TypeAdapter(RaterId)


class ReviewEntry(Record):
    """One line: a decision, or that it is taken back."""

    key: Key
    """Made where it was decided: handing in the same twice adds nothing."""
    decision: ReviewDecision
    withdrawn: bool = False
    """The reviewer takes `decision` back: the item is open again for them."""
    at: datetime
    source: Literal["page", "sheet", "simulation"]


class _Entries(SharedJournal[ReviewEntry]):
    def corrupt(self, line: Line, why: str) -> CorruptLineError:
        return CorruptLineError(
            f"decisions {str(self.path)!r}, line {line.number} (byte {line.offset}): expected a decision, but {why}; "
            "restore the file from a backup, or remove the line: its item is then to be reviewed again"
        )


@dataclass
class ReviewerJournal:
    """One reviewer's journal, read on from where it was read last."""

    folder: Path
    """Of the review."""
    reviewer: str
    _standing: dict[tuple[str, str], ReviewEntry] = field(default_factory=dict)
    _keys: dict[str, ReviewEntry] = field(default_factory=dict)
    _offset: int = 0
    _number: int = 1
    _guard: threading.RLock = field(default_factory=threading.RLock)

    @property
    def path(self) -> Path:
        return self.folder / DECISIONS / f"{self.reviewer}.jsonl"

    def standing(self) -> dict[tuple[str, str], ReviewEntry]:
        """(Item id, item hash) -> the last decision of it, those taken back left out. Raises CorruptLineError."""
        with self._guard:
            self._read_on()
            return {name: one for name, one in self._standing.items() if not one.withdrawn}

    def last(self, item_id: str, item_hash: str) -> ReviewEntry | None:
        """The last line of an item, also where it takes a decision back."""
        with self._guard:
            self._read_on()
            return self._standing.get((item_id, item_hash))

    def known(self, key: str) -> ReviewEntry | None:
        """The line with this key, whether it stands or not."""
        with self._guard:
            self._read_on()
            return self._keys.get(key)

    def add(self, choose: Callable[[], Sequence[ReviewEntry]]) -> Sequence[ReviewEntry]:
        """Append what `choose` returns; inside it nobody else adds to the journal. Returns it once it is on disk."""
        _RATER.validate_python(self.reviewer)
        with self._guard:
            make_folder(self.path.parent)
            return self._journal().append_new(choose)

    def _read_on(self) -> None:
        journal = self._journal()
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size < self._offset:  # replaced by another file, e.g. a backup
            self._standing, self._keys, self._offset, self._number = {}, {}, 0, 1
        for line in journal.lines(offset=self._offset, number=self._number):
            entry = journal.parse(line)
            if entry.decision.reviewer != self.reviewer:
                raise journal.corrupt(line, f"it is of reviewer {entry.decision.reviewer!r}")
            self._standing[entry.decision.item_id, entry.decision.item_hash] = entry
            self._keys[entry.key] = entry
            self._offset = line.offset + len(line.data)
            self._number = line.number + 1

    def _journal(self) -> _Entries:
        @contextmanager
        def in_turn() -> Iterator[None]:
            with turn(self.folder / "locks" / f"{self.reviewer}.lock"):
                yield

        return _Entries(
            self.path, ReviewEntry, way_on="call the same 'spinebench build review' again", turn=in_turn
        )


def journals_of(folder: Path) -> list[ReviewerJournal]:
    """The journals of a review's folder, by reviewer. Raises `DataError` for a file that is named after nobody."""
    found = []
    for path in sorted((folder / DECISIONS).glob("*.jsonl")):
        try:
            _RATER.validate_python(path.stem)
        except ValidationError as error:
            raise DataError(
                f"file {path.name!r} of {DECISIONS!r}: expected the pseudonym of a reviewer as its name; take it away"
            ) from error
        found.append(ReviewerJournal(folder, path.stem))
    return found


def decisions_of(folder: Path) -> tuple[ReviewDecision, ...]:
    """The decisions that stand in the journals of a review's folder, by reviewer, item and hash; none without one.

    Of each reviewer the last of each item and hash; a decision that was taken back is not among them. Raises
    CorruptLineError.
    """
    return tuple(
        entry.decision
        for journal in journals_of(folder)
        for _, entry in sorted(journal.standing().items(), key=lambda pair: pair[0])
    )
