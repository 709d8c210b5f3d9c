"""The folder of one run: what it is (`run.json`), its items, its journal and its progress."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from spinebench.errors import DataError
from spinebench.records import AnswerKey, AnswerStatus, Item, JournalEntry, RunSpec, RunStatus
from spinebench.store.journal import CorruptLineError, Journal, Line, encode, explain, read_lines
from spinebench.store.work_folder import Kind, WorkFolder, create_work_folder

_RUN = Kind("run", RunSpec, RunStatus, lambda spec: spec.run_id, resume="spinebench resume")


class RunFolder(WorkFolder[RunSpec, RunStatus]):
    """One run on disk. Reading takes no lock; whoever appends or writes the status holds `lock()`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _RUN)
        self.run_id = path.name
        self.journal = Journal(path / "journal.jsonl", JournalEntry)

    @classmethod
    def create(cls, path: Path, spec: RunSpec, items: Iterable[Item]) -> RunFolder:
        """Write `run.json` and `items.jsonl` and let the folder appear whole, or not at all.

        Raises UsageError where a run of that id exists, DataError where two items share an id, StoppedError
        on a full disk.
        """
        create_work_folder(path, _RUN, spec, {"items.jsonl": _item_lines(items)})
        return cls(path)

    def items(self) -> Iterator[Item]:
        """The run's items in its own order, streamed. Raises CorruptLineError on a bad line."""
        path = self.path / "items.jsonl"
        for line in read_lines(path):
            yield parse_item(path, line)

    def latest(self) -> Iterator[JournalEntry]:
        """Per answer key the latest answer, with the latest score made of it, in the order of the answers.

        A score that is older than the answer belongs to an earlier answer of the same key and is left out.
        Memory grows with the number of keys, not with their texts: the journal is read twice.
        """
        places = self._places()
        with self.journal.path.open("rb") if places else open(os.devnull, "rb") as file:

            def entry_at(line: Line) -> JournalEntry:
                file.seek(line.offset)
                return self.journal.parse(Line(line.number, line.offset, file.readline()))

            for answered, scored in sorted(places, key=lambda pair: pair[0].offset):
                entry = entry_at(answered)
                score = entry.scored if scored == answered else entry_at(scored).scored if scored else None
                yield JournalEntry(answer=entry.answer, scored=score)

    def done_keys(self) -> frozenset[str]:
        """Ids (`AnswerKey.id`) whose latest answer is no error: what a resumed run need not ask again."""
        status = {
            brief.answer.key.id(): brief.answer.status
            for _, brief in self._briefs()
            if brief.answer is not None
        }
        return frozenset(key for key, value in status.items() if value is not AnswerStatus.ERROR)

    def _places(self) -> list[tuple[Line, Line | None]]:
        places: dict[str, tuple[Line, Line | None]] = {}
        for line, brief in self._briefs():
            place = Line(line.number, line.offset, b"")
            if brief.answer is not None:
                places[brief.answer.key.id()] = (place, None)
            if brief.scored is not None:
                key = brief.scored.key.id()
                if key in places:
                    places[key] = (places[key][0], place)
        return list(places.values())

    def _briefs(self) -> Iterator[tuple[Line, _BriefEntry]]:
        for line in self.journal.lines():
            try:
                yield line, _BriefEntry.model_validate_json(line.data)
            except ValidationError as error:
                raise self.journal.corrupt(line, explain(error)) from None


class _Brief(BaseModel):
    """As much of a record as finding it takes: a fifth of the cost of reading it whole."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: AnswerKey


class _BriefAnswer(_Brief):
    status: AnswerStatus


class _BriefEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    answer: _BriefAnswer | None = None
    scored: _Brief | None = None


def parse_item(path: Path, line: Line) -> Item:
    """The item of a line; raises CorruptLineError."""
    try:
        return Item.model_validate_json(line.data)
    except ValidationError as error:
        raise CorruptLineError(
            f"items {str(path)!r}, line {line.number} (byte {line.offset}): expected an item, but "
            f"{explain(error)}; "
            "restore the file from a backup, or start the run anew"
        ) from None


def _item_lines(items: Iterable[Item]) -> Iterator[str]:
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise DataError(f"item {item.id!r}: expected an id of its own, but two items have it; rename one")
        seen.add(item.id)
        yield encode(item).decode()
