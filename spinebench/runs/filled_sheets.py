"""Tables that persons fill in with a spreadsheet: cells that are no formulas, and filled files read back strictly."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from spinebench.errors import DataError

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONGEST_CELL: Final = 32_000
"""Characters; a spreadsheet takes 32,767 in a cell and cuts off the rest without a word."""
_LARGEST: Final = 1 << 28
"""Bytes of a file that is taken in."""


def cell(text: str) -> str:
    """A text as a spreadsheet shows it: never a formula, never cut off without a word.

    What begins like a formula has an apostrophe before it, which `filled_rows` takes off again.
    """
    if len(text) > _LONGEST_CELL:
        return f"({len(text)} characters, too long for a table: read it on the page)"
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\r\n", "\n")
    text = _CONTROLS.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_FORMULA) else text


def filled_rows(
    path: Path, *, what: str, columns: Sequence[str], written_by: str
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """(Line, row) of a filled CSV table, or of the objects of a file of JSON lines.

    `columns` have to be in a table; `what` and the command `written_by` are for messages. Raises `DataError` for a file
    that cannot be read as a whole.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(
                f"{what} {path.name!r}: expected at most {_LARGEST >> 20} MiB; name the filled {what}"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{what} {str(path)!r}: expected a readable file, but {error.strerror}; correct the path"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{what} {path.name!r}: expected UTF-8 text (byte {error.start}); save it as 'CSV UTF-8'"
        ) from error
    named = f"{what} {path.name!r}"
    if path.suffix.lower() in {".html", ".htm"}:
        raise DataError(
            f"{named}: expected a filled table or the file that a page saves, found the page itself; open it, save its "
            "decisions file, and name that"
        )
    if path.suffix.lower() == ".csv":
        return _of_table(named, text, columns, f"fill in the {what} that 'spinebench {written_by}' wrote")
    return _of_json_lines(named, text)


def _of_table(
    named: str, text: str, columns: Sequence[str], mend: str
) -> Iterator[tuple[int, Mapping[str, object]]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # some spreadsheets save it with another one
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1  # where the row that is being read begins: an open quote is only noticed at the end
    try:
        names = [name for name in reader.fieldnames or () if name]
        if missing := [name for name in columns if name not in names]:
            raise DataError(
                f"{named}: expected the columns {', '.join(columns)}, found no {', '.join(missing)}; {mend}"
            )
        line = reader.line_num + 1
        for row in reader:
            yield line, {name: (row[name] or "").removeprefix("'") for name in names}
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{named}, line {line}: expected a row of a CSV table, found {error}; save it again as "
            "'CSV UTF-8'"
        ) from error


def _of_json_lines(named: str, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{named}, line {number}: expected JSON, found {error}; correct the line"
            ) from error
        if not isinstance(row, dict):
            raise DataError(f"{named}, line {number}: expected a JSON object; correct the line")
        yield number, row
