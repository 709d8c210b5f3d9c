"""Tables that persons fill in: what is written comes back, and what cannot be read is named."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from spinebench.errors import DataError
from spinebench.runs.filled_sheets import cell, filled_rows

COLUMNS = ("id", "note")


def read(path: Path) -> list[tuple[int, dict[str, object]]]:
    rows = filled_rows(path, what="sheet", columns=COLUMNS, written_by="build something")
    return [(line, dict(row)) for line, row in rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("text", ["=1+1", "'tis L4/L5", "two\nlines; a, b", "", "－1", " +x"])
def test_a_text_comes_back_as_it_was(tmp_path: Path, text: str, delimiter: str) -> None:
    table = io.StringIO()
    writer = csv.writer(table, delimiter=delimiter)
    writer.writerows([COLUMNS, ("a", cell(text)), ("b", "")])
    path = tmp_path / "sheet.csv"
    path.write_bytes(("\ufeff" + table.getvalue()).encode())
    first, second = read(path)
    assert first == (2, {"id": "a", "note": text})
    assert second == (3 + text.count("\n"), {"id": "b", "note": ""})


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        ("a.csv", b"id\n1\n", "expected the columns id, note, found no note; fill in the sheet"),
        ("a.csv", b'id,note\n1,"open\n', "line 2"),
        ("a.csv", b"\xff\xfe", "expected UTF-8"),
        ("a.jsonl", b'{"id": "a"}\n[]\n', "line 2: expected a JSON object"),
        ("a.jsonl", b"[" * 100_000, "line 1: expected JSON"),
    ],
    ids=["column", "quote", "encoding", "list", "nested"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, data: bytes, named: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=named):
        read(tmp_path / name)
