"""Stage folders: made once per input, made again after a change, a kill or damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinebench.builder.record_files import read_records, write_records
from spinebench.builder.records import Dropped, Stage
from spinebench.builder.stages import STAGE_FILE, BuildFolder
from spinebench.errors import DataError


class Work:
    """Writes one file, and counts how often it was called."""

    def __init__(self, text: str = "result\n") -> None:
        self.text = text
        self.n = 0

    def __call__(self, folder: Path) -> dict[str, int]:
        self.n += 1
        (folder / "out.jsonl").write_text(self.text)
        return {"items": 3}


def test_a_stage_is_made_once_per_input(tmp_path: Path) -> None:
    work, build = Work(), BuildFolder(tmp_path)
    first = build.run(Stage.ITEMS, {"seed": 1}, work, files=["out.jsonl"])
    again = build.run(Stage.ITEMS, {"seed": 1}, work, files=["out.jsonl"])
    assert (again, work.n) == (first, 1)
    other = build.run(Stage.ITEMS, {"seed": 2}, work, files=["out.jsonl"])
    assert (other.key == first.key, work.n) == (False, 2)
    assert other.outputs() == first.outputs()  # what it holds is the same


@pytest.mark.parametrize("damage", ["changed", "gone", "no record", "torn record"])
def test_a_damaged_stage_is_made_again(tmp_path: Path, damage: str) -> None:
    work, build = Work(), BuildFolder(tmp_path)
    first = build.run(Stage.ITEMS, {}, work, files=["out.jsonl"])
    folder = build.of(Stage.ITEMS)
    match damage:
        case "changed":
            (folder / "out.jsonl").write_text("other")
        case "gone":
            (folder / "out.jsonl").unlink()
        case "no record":
            (folder / STAGE_FILE).unlink()
        case "torn record":
            (folder / STAGE_FILE).write_text('{"stage": "ite')
    assert build.record(Stage.ITEMS) is None
    assert build.run(Stage.ITEMS, {}, work, files=["out.jsonl"]) == first
    assert work.n == 2


def test_a_stage_that_fails_is_not_done(tmp_path: Path) -> None:
    build = BuildFolder(tmp_path)
    work = Work()
    build.run(Stage.ITEMS, {}, work, files=["out.jsonl"])

    def fails(folder: Path) -> dict[str, int]:
        raise DataError("no")

    with pytest.raises(DataError):
        build.run(Stage.ITEMS, {"seed": 2}, fails, files=["out.jsonl"])
    # The old output may be half overwritten: it no longer counts for the old input either.
    assert build.record(Stage.ITEMS) is None


def test_records_survive_a_file(tmp_path: Path) -> None:
    records = [
        Dropped(stage=Stage.IMPORT, subject="train.csv:3", reason="bad_row", detail="grün\u2028 'x'"),
        Dropped(stage=Stage.REVIEW, subject="d-1", reason="rejected"),
    ]
    path = tmp_path / "new" / "dropped.jsonl"
    assert write_records(path, records) == 2
    assert list(read_records(path, Dropped)) == records
    assert "source" not in json.loads(path.read_text().split("\n")[0])


def test_a_damaged_record_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "dropped.jsonl"
    write_records(path, [Dropped(stage=Stage.IMPORT, subject="a", reason="r")])
    path.write_text(path.read_text() + '{"stage": "import"}\n')
    with pytest.raises(DataError, match=r"dropped\.jsonl, line 2: expected a Dropped, found .*subject"):
        list(read_records(path, Dropped))
