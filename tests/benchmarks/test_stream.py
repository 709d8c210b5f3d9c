from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.benchmarks.stream import layout, read_records
from spinebench.errors import DataError

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
_objects = st.lists(st.dictionaries(st.text(max_size=6), _values, max_size=5), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(records=_objects, indent=st.sampled_from([None, 1]), ascii_only=st.booleans(), bom=st.booleans())
def test_a_list_is_read_as_json_reads_it(
    tmp_path: Path, records: list[Any], indent: int | None, ascii_only: bool, bom: bool
) -> None:
    text = json.dumps(records, indent=indent, ensure_ascii=ascii_only)
    path = tmp_path / "list.json"
    path.write_bytes((codecs.BOM_UTF8 if bom else b"") + text.encode())
    read = list(read_records(path))
    assert [record.value for record in read] == records
    assert [record.index for record in read] == list(range(len(records)))
    assert not any(record.problem for record in read)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(records=_objects)
def test_lines_are_read_as_json_reads_them(tmp_path: Path, records: list[Any]) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("\r\n".join(json.dumps(record) for record in records), "utf-8", newline="")
    assert [record.value for record in read_records(path)] == records


def test_records_longer_than_a_chunk_and_many_of_them(tmp_path: Path) -> None:
    records = [{"text": 'é\n\\"' * 70_000, "n": n} for n in range(3)] + [{"n": n} for n in range(20_000)]
    path = tmp_path / "list.json"
    path.write_text(json.dumps(records, ensure_ascii=False, indent=1), "utf-8")
    assert [record.value for record in read_records(path)] == records


def test_line_numbers_point_at_the_record(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('[\n\n {"a": 1,\n "b": 2},\n\n\n {"a": 3}]', "utf-8")
    assert [record.line for record in read_records(path)] == [3, 7]


@pytest.mark.parametrize(
    ("content", "n_good", "said"),
    [
        pytest.param('[{"a": 1}, {"a": 2', 1, "cut off", id="cut off"),
        pytest.param('[{"a": 1}, {"a": tru}, {"a": 3}]', 1, "Expecting value", id="bad literal"),
        pytest.param('[{"a": 1} {"a": 2}]', 1, "expected ','", id="no comma"),
        pytest.param('[{"a": 1}] {"a": 2}', 1, "nothing may follow", id="text behind"),
        pytest.param('[{"a": 1}, ]', 1, "Expecting value", id="comma at the end"),
        pytest.param('[{"a": Infinity}]', 0, "Infinity", id="infinity"),
        pytest.param("[" + '{"a":' * 200_000, 0, "nested too deeply", id="nested too deeply"),
        pytest.param('[{"a": ' + "9" * 5000 + "}]", 0, "4300", id="number too long"),
    ],
)
def test_a_broken_list_ends_with_a_fatal_record(tmp_path: Path, content: str, n_good: int, said: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(content, "utf-8")
    *good, last = read_records(path)
    assert len(good) == n_good
    assert not any(record.problem for record in good)
    assert last.fatal
    assert last.problem is not None
    assert said in str(last.problem)


def test_broken_lines_do_not_hide_those_behind_them(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n\n{"a": "\xff"}\n{"a": 2} x\n{"a": 3}\n')
    read = list(read_records(path))
    assert [record.line for record in read] == [1, 2, 4, 5, 6]
    assert [record.problem is None for record in read] == [True, False, False, False, True]
    assert not any(record.fatal for record in read)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        pytest.param('{"A": "x", "A": "y"}', "written twice", id="key twice"),
        pytest.param('{"a": "\\ud800"}', "valid Unicode", id="half a surrogate pair"),
        pytest.param('{"a": ' + "[" * 100 + "]" * 100 + "}", "nested too deeply", id="too deep to be stored"),
    ],
)
def test_json_that_says_nothing_certain_is_a_problem(tmp_path: Path, record: str, said: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(f'[{record}, {{"b": "\\ud83d\\ude00", "c": NaN}}]', "utf-8")
    first, second = read_records(path)
    assert said in str(first.problem)
    assert not first.fatal
    assert second.value == {"b": "😀", "c": None}


def test_depth_counts_and_not_the_number_of_brackets(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    value = [{"a": [[]] * 500, "b": json.loads("[" * 99 + "]" * 99)}]
    path.write_text(json.dumps(value), "utf-8")
    assert [record.value for record in read_records(path) if record.problem is None] == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b" \n ", "empty", id="white space"),
        pytest.param(b"image,question\n", "starts with", id="csv"),
        pytest.param("[]".encode("utf-16"), "UTF-16", id="utf-16"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        layout(path)


def test_bytes_that_are_no_utf8_end_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(b'[{"a": 1}, {"a": "\xe9t\xe9"}]')
    *good, last = read_records(path)
    assert len(good) == 1
    assert last.fatal
    assert "UTF-8" in str(last.problem)


def test_a_folder_or_a_missing_file_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        list(read_records(tmp_path / "none.json"))
    with pytest.raises(DataError, match="not readable"):
        list(read_records(tmp_path))
