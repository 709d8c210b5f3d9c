"""Journals: one JSON line per finished answer, judgement or rating, synced before it counts as done.

The journal is the truth; the database is filled from it. A line counts when its newline is on disk. What
follows the last newline was cut off by a kill or a power loss: it is set aside in a file of its own before
anything is appended, and never read as an entry.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from spinebench.errors import DataError, StoppedError, UsageError
from spinebench.records import JsonValue, Record

_log = logging.getLogger(__name__)
_BLOCK = 1 << 20
EntryT = TypeVar("EntryT", bound=Record)
"""What a line of a journal holds."""


class SetAside(Record):
    """Bytes that were taken off a journal because they were no whole entry."""

    file: str
    """Name of the file beside the journal that now holds them."""
    offset: int
    """Where in the journal they began."""
    n_bytes: int


class CorruptLineError(DataError):
    """A whole line of a journal or item file that is not what it has to be."""


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line of a JSONL file, newline included."""

    number: int
    """1-based."""
    offset: int
    data: bytes


class Journal(Generic[EntryT]):
    """An append-only file of records. One process appends (see `RunFolder.lock`); any number read.

    `way_on` ends the messages: what brings back what is missing. A journal of which several processes are
    writers at once is a `SharedJournal`.
    """

    def __init__(self, path: Path, entry: type[EntryT], *, way_on: str | None = None) -> None:
        self.path = path
        self.entry = entry
        self.way_on = way_on or f"call 'spinebench resume {path.parent.name}'"
        self._descriptor: int | None = None
        self._end = 0
        self._guard = threading.Lock()

    def open(self) -> SetAside | None:
        """Make ready to append; returns what was set aside of a torn last line, None where it was whole.

        `append` does this by itself and logs a warning; call it first to tell the person.
        """
        with self._guard:
            return self._open()

    def append(self, entries: Sequence[EntryT]) -> None:
        """Write the entries with one write and one sync; when it returns they outlive a power loss.

        Either all of the batch is kept or, on a full disk, none of it, and StoppedError is raised. UsageError
        where another process has written meanwhile.
        """
        if not entries:
            return
        assert not any(is_empty(entry) for entry in entries), "an empty entry"
        data = b"".join(encode(entry) for entry in entries)
        with self._guard:
            if self._descriptor is None:
                aside = self._open()
                if aside is not None:
                    _log.warning(
                        "%s: the torn last line (%d bytes) is now in %s", self.path, aside.n_bytes, aside.file
                    )
            self._write(data, len(entries))

    def close(self) -> None:
        """Let go of the file; a later `append` opens it again."""
        with self._guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def read(self) -> Iterator[EntryT]:
        """All whole entries in the order they were written; none where the file does not exist.

        Raises CorruptLineError, which names file, line and byte offset, on a line that is no entry.
        """
        for line in self.lines():
            yield self.parse(line)

    def lines(self, *, offset: int = 0, number: int = 1) -> Iterator[Line]:
        """Whole lines from a byte offset on, whose first line has that number. A torn tail is left out."""
        return read_lines(self.path, offset=offset, number=number)

    def parse(self, line: Line) -> EntryT:
        """The entry of a line; raises CorruptLineError."""
        try:
            entry = self.entry.model_validate_json(line.data)
        except ValidationError as error:
            raise self.corrupt(line, explain(error)) from None
        if is_empty(entry):
            raise self.corrupt(line, "it holds nothing")
        return entry

    def corrupt(self, line: Line, why: str) -> CorruptLineError:
        """The error that names a bad line of this journal and how to go on."""
        return CorruptLineError(
            f"journal {str(self.path)!r}, line {line.number} (byte {line.offset}): expected a journal "
            f"entry, but {why}; "
            "call 'spinebench store check --set-aside' to move such lines into a file beside the journal, "
            f"then {self.way_on} to have again what they held"
        )

    def torn(self) -> int:
        """Bytes after the last newline; 0 for a whole journal and for none."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                return size - _last_newline(file.fileno(), size)
        except FileNotFoundError:
            return 0

    def _open(self) -> SetAside | None:
        if self._descriptor is not None:
            return None
        new = not self.path.exists()
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise UsageError(
                f"journal {str(self.path)!r}: expected a file to write to, but {error.strerror}; "
                "check the folder's permissions"
            ) from error
        try:
            if new:
                sync_folder(self.path.parent)
            size = os.fstat(descriptor).st_size
            end = _last_newline(descriptor, size)
            aside = self._set_aside(descriptor, end, size) if end < size else None
        except OSError as error:
            os.close(descriptor)
            raise self._stopped(error, "a torn last line set aside") from error
        self._descriptor, self._end = descriptor, end
        return aside

    def _set_aside(self, descriptor: int, end: int, size: int) -> SetAside:
        with free_name(self.path.parent, f"{self.path.stem}.torn").open("xb") as file:
            for start in range(end, size, _BLOCK):
                file.write(os.pread(descriptor, min(_BLOCK, size - start), start))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
        return SetAside(file=Path(file.name).name, offset=end, n_bytes=size - end)

    def _write(self, data: bytes, n_entries: int) -> None:
        descriptor = self._descriptor
        assert descriptor is not None
        size = os.fstat(descriptor).st_size
        if size != self._end:
            raise UsageError(
                f"journal {str(self.path)!r}: expected {self._end} bytes, as this process left it, "
                f"but found {size}; "
                f"stop the other process that writes to it, then {self.way_on}"
            )
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
            self._end += len(data)
        except OSError as error:
            self._take_back()
            raise self._stopped(error, f"{n_entries} more entries ({len(data)} bytes) on disk") from error
        except BaseException:  # a signal between two writes: nothing of the batch was promised
            self._take_back()
            raise

    def _take_back(self) -> None:
        """Cut a batch that was not finished; where even that fails, the next `open` sets it aside."""
        descriptor, self._descriptor = self._descriptor, None
        assert descriptor is not None
        try:
            os.ftruncate(descriptor, self._end)
            os.fsync(descriptor)
        except OSError as error:
            _log.warning("%s: an unfinished entry could not be cut off: %s", self.path, error.strerror)
        finally:
            os.close(descriptor)

    def _stopped(self, error: OSError, what: str) -> StoppedError:
        return StoppedError(
            f"journal {str(self.path)!r}: expected {what}, but {error.strerror}; all earlier entries "
            "are safe: "
            f"make room, then {self.way_on}"
        )


class SharedJournal(Journal[EntryT]):
    """A journal that several processes append to in turn.

    `turn` is entered for each batch and keeps every other writer out; it may refuse by raising. Nothing is
    kept open between batches, so that what another process added meanwhile is never taken for damage.
    """

    def __init__(
        self,
        path: Path,
        entry: type[EntryT],
        *,
        way_on: str,
        turn: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(path, entry, way_on=way_on)
        self._turn = turn

    def append(self, entries: Sequence[EntryT]) -> None:
        """As `Journal.append`, in this process's turn."""
        self.append_new(lambda: entries)

    def append_new(self, choose: Callable[[], Sequence[EntryT]]) -> Sequence[EntryT]:
        """Append what `choose` returns, which is called inside the turn: what it reads of the journal still
        holds when its entries are written. Returns them once they are on disk."""
        with self._turn():
            try:
                entries = choose()
                super().append(entries)
            finally:
                self.close()
        return entries


def is_empty(entry: Record) -> bool:
    """Whether no field of an entry is set."""
    return all(value is None for value in vars(entry).values())


def encode(record: Record) -> bytes:
    """One line of JSON, UTF-8, newline included. Lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    try:
        return record.model_dump_json().encode() + b"\n"
    except PydanticSerializationError:
        return to_json(_encodable(record.model_dump(mode="json")), inf_nan_mode="null") + b"\n"


def _encodable(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        # Through UTF-16, so that two halves that belong together become the one character they mean.
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_encodable(name): _encodable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(part) for part in value]
    return value


def read_lines(path: Path, *, offset: int = 0, number: int = 1) -> Iterator[Line]:
    """Whole lines of a file from a byte offset on; none where there is no file. A last line without newline
    is left out."""
    try:
        file = path.open("rb", buffering=_BLOCK)
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        for data in file:
            if not data.endswith(b"\n"):
                return
            yield Line(number, offset, data)
            offset += len(data)
            number += 1


def explain(error: ValidationError) -> str:
    """The first fault of a record, in a few words, without the record's own text."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    more = error.error_count() - 1
    return f"{where + ': ' if where else ''}{first['msg']}{f' (and {more} more)' if more else ''}"


def free_name(folder: Path, stem: str) -> Path:
    """`<stem>-1`, or the first such name that is free."""
    number = 1
    while (folder / f"{stem}-{number}").exists():
        number += 1
    return folder / f"{stem}-{number}"


def sync_folder(folder: Path) -> None:
    """Make a new or renamed entry of a folder outlive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_newline(descriptor: int, size: int) -> int:
    """The offset just after the last newline; 0 where there is none."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
