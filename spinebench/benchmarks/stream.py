"""Reads the records of a JSON list or of JSON lines one by one, without holding the file in memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from spinebench.benchmarks.problems import RecordProblem, shown
from spinebench.errors import DataError

_CHUNK = 1 << 16
_LARGEST_RECORD = 1 << 25
"""Characters. A record holds text and paths: a larger one is a damaged or a hostile file."""
_DEEPEST = 100
"""Lists and objects inside one another. Pydantic writes no more than 255 and reads no more than 200."""
_CUT_OFF = "cut off: the file ends within this record"
_SPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as JSON gave it, or why there is none."""

    index: int
    line: int
    value: object
    problem: RecordProblem | None = None
    fatal: bool = False
    """True where nothing behind this record can be read."""


def layout(path: Path) -> Literal["list", "lines"]:
    """Whether a file is one JSON list or one JSON object per line, by its first character.

    Raises `DataError` where it is neither, is empty, is not UTF-8, or cannot be read.
    """
    with _open(path) as stream:
        head = stream.read(_CHUNK)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise _wrong(path, "UTF-16 text", "UTF-8 text")
        head = head.removeprefix(codecs.BOM_UTF8).lstrip()
        while not head and (more := stream.read(_CHUNK)):
            head = more.lstrip()
    if not head:
        raise _wrong(path, "an empty file", "a JSON list of records, or one JSON object per line")
    match head[:1]:
        case b"[":
            return "list"
        case b"{":
            return "lines"
        case _:
            start = shown(head[:20].decode("utf-8", "replace"))
            raise _wrong(path, f"a file that starts with {start}", "a JSON list or one JSON object per line")


def read_records(path: Path) -> Iterator[RawRecord]:
    """All records of a file in order. NaN, as pandas writes an empty cell, reads as null.

    A line of JSON lines that is no JSON is reported and passed over. In a JSON list nothing behind a syntax
    error can be trusted: the last record given is then `fatal`.
    """
    if layout(path) == "list":
        with _open(path) as stream:
            yield from _ListReader(stream).records()
    else:
        yield from _read_lines(path)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise DataError(
            f"benchmark file {str(path)!r}: expected a file, but there is none; check the path"
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise _wrong(path, f"not readable ({reason})", "a readable file", "check its permissions") from error


def _wrong(path: Path, found: str, expected: str, mend: str = "see docs/benchmark-files.md") -> DataError:
    return DataError(f"benchmark file {path.name!r} is {found}: expected {expected}; {mend}")


class _Decoder:
    """A JSON decoder that notices keys written twice in one object."""

    def __init__(self) -> None:
        self._twice: list[str] = []
        self._json = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_constant)

    def decode(self, text: str, start: int) -> tuple[object, int, RecordProblem | None]:
        """Value, end, and the problem that makes the value unusable. Raises ValueError, RecursionError."""
        self._twice.clear()
        value, end = self._json.raw_decode(text, start)
        problem = None
        if self._twice:
            problem = RecordProblem(
                field=self._twice[0], value="written twice in one object", expected="each key once"
            )
        elif _too_deep(text, start, end, value):
            problem = RecordProblem(
                field=None,
                value="lists or objects nested too deeply",
                expected=f"at most {_DEEPEST} inside one another",
            )
        elif "\\ud" in text[start:end].lower():  # only an escape can bring half a surrogate pair
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                bad = shown(error.object[error.start : error.end])
                problem = RecordProblem(field=None, value=f"text with {bad}", expected="valid Unicode text")
        return value, end, problem

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(pairs)
        if len(record) != len(pairs):
            names = [key for key, _ in pairs]
            self._twice += [key for key in record if names.count(key) > 1]
        return record


def _too_deep(text: str, start: int, end: int, value: object) -> bool:
    """Whether a value is nested deeper than the records that will carry it can be written and read."""
    if text.count("[", start, end) + text.count("{", start, end) <= _DEEPEST:
        return False
    layer = [value]
    for _ in range(_DEEPEST + 1):
        inside = [part for part in layer if isinstance(part, dict | list)]
        layer = [one for part in inside for one in (part.values() if isinstance(part, dict) else part)]
    return bool(inside)


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError(f"{name} is no JSON number")


class _ListReader:
    """Decodes the members of a JSON list from a sliding window over the file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = _Decoder()
        self._text = ""
        self._at = 0
        self._line = 1
        self._chunk = _CHUNK
        self._ended = False
        self._bad_bytes: RecordProblem | None = None

    def records(self) -> Iterator[RawRecord]:
        self._space()
        self._take(self._at + 1)  # the bracket that `layout` has seen
        index = 0
        first = True
        while True:
            self._space()
            sign = self._text[self._at : self._at + 1]
            if sign == "]":
                yield from self._behind(index)
                return
            if not first:
                if sign != ",":
                    yield self._fatal(index, "expected ',' or ']' between records")
                    return
                self._take(self._at + 1)
                self._space()
            first = False
            line = self._line
            decoded = self._member()
            if isinstance(decoded, str):
                yield self._fatal(index, decoded)
                return
            value, problem = decoded
            yield RawRecord(index=index, line=line, value=value, problem=problem)
            index += 1

    def _member(self) -> tuple[object, RecordProblem | None] | str:
        """The next value with its own problem, or why the list cannot be read on."""
        while True:
            try:
                value, end, problem = self._decoder.decode(self._text, self._at)
            except RecursionError:
                return "objects and lists nested too deeply"
            except json.JSONDecodeError as error:
                # An unterminated string is reported where it starts, anything else where the text stops
                # making sense: only close to the end of the window can more text mend it.
                unterminated = error.msg.startswith("Unterminated string")
                reason = error.msg
                if not unterminated and error.pos < len(self._text) - 16:
                    self._take(error.pos)
                    return reason
                if unterminated or error.pos >= len(self._text.rstrip()):
                    reason = _CUT_OFF
            except ValueError as error:
                return str(error)
            else:
                if end < len(self._text) or self._ended:
                    self._take(end)
                    self._chunk = _CHUNK
                    return value, problem
                reason = ""
            if len(self._text) - self._at > _LARGEST_RECORD:
                return f"a record of more than {_LARGEST_RECORD:,} characters"
            if not self._more():
                return reason or _CUT_OFF

    def _behind(self, index: int) -> Iterator[RawRecord]:
        """Only white space may follow the list."""
        self._take(self._at + 1)
        self._space()
        if self._at < len(self._text) or self._bad_bytes:
            yield self._fatal(index, "nothing may follow the closing ']'")

    def _fatal(self, index: int, reason: str) -> RawRecord:
        rest = self._text[self._at : self._at + 40]
        value = f"{shown(rest)} ({reason})" if rest else f"not there ({reason})"
        problem = self._bad_bytes or RecordProblem(field=None, value=value, expected="a complete JSON list")
        return RawRecord(index=index, line=self._line, value=None, problem=problem, fatal=True)

    def _space(self) -> None:
        while True:
            end = self._at
            while end < len(self._text) and self._text[end] in _SPACE:
                end += 1
            self._take(end)
            if end < len(self._text) or not self._more():
                return

    def _take(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Read a further chunk, each larger than the one before, so that long records stay linear."""
        while not self._ended:
            data = self._stream.read(self._chunk)
            self._chunk *= 2
            self._ended = not data
            try:
                added = self._utf8.decode(data, final=not data)
            except UnicodeDecodeError as error:
                self._ended = True
                bad = shown(error.object[error.start : error.end])
                self._bad_bytes = RecordProblem(
                    field=None, value=f"followed by the bytes {bad}", expected="UTF-8 text"
                )
                added = error.object[: error.start].decode("utf-8", "ignore")
            if added:
                self._text = self._text[self._at :] + added
                self._at = 0
                return True
        return False


def _read_lines(path: Path) -> Iterator[RawRecord]:
    decoder: Final = _Decoder()
    index = 0
    with _open(path) as stream:
        line = 0
        while data := stream.readline(_LARGEST_RECORD):
            line += 1
            if line == 1:
                data = data.removeprefix(codecs.BOM_UTF8)
            if len(data) == _LARGEST_RECORD and not data.endswith(b"\n"):
                problem = RecordProblem(
                    field=None,
                    value=f"{shown(data[:40])}, a line of more than {_LARGEST_RECORD:,} bytes",
                    expected="one JSON object per line",
                )
                yield RawRecord(index=index, line=line, value=None, problem=problem, fatal=True)
                return
            if not data.strip():
                continue
            yield _line(decoder, data, index=index, line=line)
            index += 1


def _line(decoder: _Decoder, data: bytes, *, index: int, line: int) -> RawRecord:
    try:
        text = data.decode().strip(_SPACE)
        value, end, problem = decoder.decode(text, 0)
        if end != len(text):
            raise ValueError(f"text behind the object: {shown(text[end : end + 40])}")
    except UnicodeDecodeError as error:
        bad = shown(error.object[error.start : error.end])
        problem = RecordProblem(field=None, value=f"a line with the bytes {bad}", expected="UTF-8 text")
        value = None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        value = None
        problem = RecordProblem(
            field=None,
            value=f"{shown(data[:60].decode('utf-8', 'replace'))} ({reason})",
            expected="one complete JSON object on the line",
        )
    return RawRecord(index=index, line=line, value=value, problem=problem)
