"""Ratings from tables: a filled packet table (a row per showing) and the long form (a row per score)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spinebench.exchange.packets import MODE_COLUMN
from spinebench.exchange.rating_book import RatingBook, folded
from spinebench.exchange.rating_rows import RawRating, is_blank, strings, text_or_none
from spinebench.exchange.table_text import separator

_NAMES = {
    "packet": "packet_id", "packet_id": "packet_id", "trace": "trace_id", "trace_id": "trace_id",
    "rater": "rater", "rater_id": "rater", "annotator": "rater", "dimension": "dimension", "score": "score",
    "rating": "score", "value": "score", "comment": "comment", "comments": "comment", "safety": "safety",
    "failure_modes": "failure_modes", "failure_mode": "failure_modes", "packet_set": "packet_set",
    "rubric_hash": "rubric_hash", "saved_at": "saved_at",
}  # fmt: skip
"""How a column may be called -> what it is."""
_BOTH = frozenset({"annotation_id", "lead_time"})
"""A table with these is of Label Studio: the task's data and the answers, whose names may differ in spelling alone."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: the header folded, and each row under the line it begins on."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    too_long: tuple[int, ...]
    """Lines of rows with more cells than the header has."""

    @property
    def is_long(self) -> bool:
        return {"dimension", "score"} <= set(self.header)

    @property
    def is_ratings(self) -> bool:
        return bool({"packet_id", "trace_id"} & set(self.header))


def read_table(text: str) -> Table:
    """Read comma, semicolon or tab separated text; a first line `sep=;` is heeded.

    A quote that is not closed would take the rows after it into its cell, so quotes are read strictly. A filled
    cell under a column without a name counts as one too many. Raises ValueError where it is no table.
    """
    delimiter, text = separator(text)
    longest_before = csv.field_size_limit(max(len(text), 1))
    line = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = tuple(_folded(name) for name in next(reader, []))
        rows, too_long = [], []
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                beyond = (cell for place, cell in enumerate(cells) if not "".join(header[place : place + 1]))
                if any(cell.strip() for cell in beyond):
                    too_long.append(line)
                else:
                    rows.append((line, _row(header, cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"it cannot be read as a table: in the row that begins in line {line}, {error}"
        ) from error
    finally:
        csv.field_size_limit(longest_before)
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice and not _BOTH.issubset(header):
        raise ValueError(f"its header has {', '.join(twice)} more than once")
    return Table(header, tuple(rows), tuple(too_long))


def _row(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Cells by name. Of columns of one name that counts which is filled; of several filled ones the last."""
    row: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=False):
        if name not in row or not (is_blank(cell) or cell == "-"):
            row[name] = cell
    return row


def _folded(name: str) -> str:
    plain = folded(name)
    return _NAMES.get(plain, plain)


def wide_ratings(table: Table, book: RatingBook) -> Iterator[RawRating | None]:
    """One rating per row of a filled packet table; None for a row that nothing was filled into."""
    rated = [name for name in table.header if name in book.dimensions]
    marked = [
        name for name in table.header if name.startswith(MODE_COLUMN) or name in book.failure_modes
    ]  # a mode that the rubric does not have is rejected where it is filled
    for line, row in table.rows:
        scores = {name: row.get(name) for name in rated}
        marks = {name.removeprefix(MODE_COLUMN): row.get(name) for name in marked if name not in rated}
        filled: Sequence[object] = [
            *scores.values(), *marks.values(), row.get("comment"), row.get("safety"), row.get("failure_modes"),
        ]  # fmt: skip
        if all(is_blank(value) or value == "-" for value in filled):
            yield None
            continue
        yield RawRating(
            row=f"row {line}",
            source="csv",
            packet_id=text_or_none(row.get("packet_id")),
            trace_id=text_or_none(row.get("trace_id")),
            rater=text_or_none(row.get("rater")),
            set_id=text_or_none(row.get("packet_set")),
            rubric_hash=text_or_none(row.get("rubric_hash")),
            scores=dict(scores),
            marks=dict(marks),
            modes=strings(row.get("failure_modes")),
            safety=row.get("safety"),
            comment=row.get("comment"),
            saved_at=row.get("saved_at"),
        )


def long_ratings(table: Table) -> Iterator[RawRating | None]:
    """One rating of one dimension per row; None for a row without a score, comment or mark."""
    for line, row in table.rows:
        name, score = text_or_none(row.get("dimension")), row.get("score")
        beside = [row.get("comment"), row.get("safety"), row.get("failure_modes")]
        if is_blank(score) and all(map(is_blank, beside)):
            yield None
            continue
        yield RawRating(
            row=f"row {line}",
            source="csv",
            packet_id=text_or_none(row.get("packet_id")),
            trace_id=text_or_none(row.get("trace_id")),
            rater=text_or_none(row.get("rater")),
            set_id=text_or_none(row.get("packet_set")),
            rubric_hash=text_or_none(row.get("rubric_hash")),
            scores={} if is_blank(score) else {(name or "dimension").strip(): score},
            modes=strings(row.get("failure_modes")),
            safety=row.get("safety"),
            comment=row.get("comment"),
            saved_at=row.get("saved_at"),
            partial=True,
        )
