"""Rows of a CSV file with their lines; a damaged line is named and harms no other one."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spinebench.benchmarks.problems import shown
from spinebench.builder.importers.imported import Ledger
from spinebench.errors import DataError

_LONGEST_LINE = 1 << 20
_MOST_LINES = 200
"""Of one row whose cells hold line breaks."""
_SAVE = "save the table anew as CSV in UTF-8"
_DIGITS = re.compile(r"(\d{1,20})(?:\.0+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of a line without outer white space."""

    place: str
    """`<file>:<line>`, counted from 1."""
    cells: dict[str, str]
    """By the header's name in lower case."""

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def read_rows(
    file: Path,
    name: str,
    ledger: Ledger,
    *,
    columns: Sequence[str] = (),
    delimiters: str = ",",
    damaged: Callable[[Row], None] | None = None,
) -> Iterator[Row]:
    """The rows below a header line; blank lines are passed over.

    A line that is no UTF-8 or has another number of cells than the header goes into the ledger as `bad_row`, and the
    next one is read. So does one with an open quotation mark, unless the lines after it make it a row (`_closed`).
    `damaged` is given such a line as far as it can be read, missing cells empty: it may still know which image it
    speaks of. The delimiter is the one of `delimiters` that the header has most of. Raises `DataError` where the header
    lacks one of `columns`, names one twice, or is no text.
    """
    header: list[str] | None = None
    delimiter = delimiters[0]
    lines = _Lines(_lines(file, name))
    for line, text in lines:
        place = f"{name}:{line}"
        if header is None:
            if isinstance(text, bytes):
                raise _no_table(name, f"{_no_text(text)}: it starts with {shown(text[:20])}", _SAVE)
            if text.casefold().startswith("sep=") or "\r" in text:
                what = "lines that end in CR alone" if "\r" in text else f"the line {shown(text)} of Excel"
                raise _no_table(name, f"begins with {what}, which hides its header", _SAVE)
            delimiter = max(delimiters, key=text.count)
            header = _header(text, delimiter, name, columns)
            continue
        ledger.counts["rows"] += 1
        cells = _cells(text, delimiter)
        if isinstance(cells, str) and isinstance(text, str):
            cells = _closed(text, lines, delimiter, len(header)) or cells
        if not isinstance(cells, str):
            if len(cells) == len(header):
                yield Row(place, dict(zip(header, cells, strict=True)))
                continue
            cells = f"has {len(cells)} cells: expected {len(header)}, found {shown(text)}"
        ledger.drop(place, "bad_row", cells)
        if damaged is not None:
            rough = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
            parts = [part.strip() for part in rough.split(delimiter)] + [""] * len(header)
            damaged(Row(place, dict(zip(header, parts, strict=False))))
    if header is None:
        raise _no_table(name, "has no line")


def read_cells(file: Path, name: str, ledger: Ledger) -> Iterator[tuple[str, list[str] | str]]:
    """Place and cells of every line of a file without a header; a text in place of cells says what is wrong."""
    for line, text in _lines(file, name):
        ledger.counts["rows"] += 1
        yield f"{name}:{line}", _cells(text, ",")


def whole_number(text: str) -> str | None:
    """The digits of a number that is written as `7` or, as pandas writes a column with gaps, `7.0`; else None."""
    match = _DIGITS.fullmatch(text)
    return None if match is None else match[1]


class _Lines:
    """Lines one after the other, with a look at those that follow."""

    def __init__(self, lines: Iterator[tuple[int, str | bytes]]) -> None:
        self._lines = lines
        self._ahead: deque[tuple[int, str | bytes]] = deque()

    def __iter__(self) -> Iterator[tuple[int, str | bytes]]:
        while self._ahead or self._more():
            yield self._ahead.popleft()

    def following(self, n: int) -> Iterator[str | bytes]:
        """The texts of the next `n` lines, which stay."""
        for place in range(n):
            if place >= len(self._ahead) and not self._more():
                return
            yield self._ahead[place][1]

    def skip(self, n: int) -> None:
        """Pass over lines that were looked at."""
        for _ in range(n):
            self._ahead.popleft()

    def _more(self) -> bool:
        found = next(self._lines, None)
        if found is not None:
            self._ahead.append(found)
        return found is not None


def _closed(text: str, lines: _Lines, delimiter: str, n_cells: int) -> list[str] | None:
    """The cells of a row with line breaks within quotation marks, from its first line; its other lines are passed over.

    None where the mark is not closed within 200 lines, where the row has another number of cells, or where a line in
    between is a row by itself: then the mark is a fault, which must not swallow the rows below it.
    """
    first_cell_is_open = delimiter not in text.rpartition('"')[0]
    for n, following in enumerate(lines.following(_MOST_LINES), 1):
        if isinstance(following, bytes) or len(text) > _LONGEST_LINE:
            return None
        text += "\n" + following
        cells = _cells(text, delimiter) if '"' in following else ""
        closed = not isinstance(cells, str)
        if following.count(delimiter) + 1 == n_cells > 1 and not (closed and first_cell_is_open):
            return None
        if not isinstance(cells, str):
            if len(cells) != n_cells:
                return None
            lines.skip(n)
            return cells
    return None


def _lines(file: Path, name: str) -> Iterator[tuple[int, str | bytes]]:
    """Line number and text; bytes where the line is no text. Blank lines are left out."""
    try:
        with open(file, "rb") as stream:
            line = 0
            while raw := stream.readline(_LONGEST_LINE + 1):
                line += 1
                if len(raw) > _LONGEST_LINE:
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(_LONGEST_LINE)
                    yield line, b"a line of more than 1 MiB"
                    continue
                raw = raw.rstrip(b"\r\n")
                if line == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                if not raw.strip():
                    continue
                try:
                    text = raw.decode("utf-8")
                except UnicodeDecodeError:
                    yield line, raw
                else:
                    yield line, raw if "\0" in text else text
    except OSError as error:
        raise DataError(
            f"label file {name!r}: expected a readable file ({error.strerror or error}); check its permissions"
        ) from error


def _cells(text: str | bytes, delimiter: str) -> list[str] | str:
    if isinstance(text, bytes):
        return f"{_no_text(text)}: {shown(text[:40])}; {_SAVE}"
    if '"' not in text:
        return [cell.strip() for cell in text.split(delimiter)]
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return f"is no CSV line ({error}): {shown(text)}"
    return [cell.strip() for cell in rows[0]]


def _no_text(raw: bytes) -> str:
    """What a line is that could not be read, as Excel and Windows write such."""
    return "is no UTF-8 text but perhaps UTF-16" if b"\0" in raw else "is no UTF-8 text"


def _header(text: str, delimiter: str, name: str, columns: Sequence[str]) -> list[str]:
    cells = _cells(text, delimiter)
    if isinstance(cells, str):
        raise _no_table(name, cells)
    header = [cell.casefold() for cell in cells]
    if missing := [column for column in columns if column not in header]:
        raise _no_table(name, f"has the columns {shown(', '.join(cells))}, without {', '.join(missing)}")
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise _no_table(name, f"has the column {twice[0]!r} twice")
    return header


def _no_table(name: str, found: str, mend: str = "") -> DataError:
    mend = mend or "docs/builder-sources.md says which columns"
    return DataError(f"label file {name!r} {found}: expected a CSV file with a header line; {mend}")
