"""What every importer has in common: wrong rows and files are named, and harm no sound image."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from spinebench.builder.importers import Source, kinds, read_source
from spinebench.builder.record_files import read_records, write_records
from spinebench.builder.records import Dropped
from spinebench.builder.severity import SeverityPolicy, judged, load_policy
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from tests.builder import trees
from tests.builder.damage import damage

KINDS = ("rsna", "vindr", "buu", "csxa", "spider", "table")
LABELS = Vocabulary.default()


def write(kind: str, folder: Path, *, pictures: bool = True) -> Path:
    written: Path = getattr(trees, f"write_{kind}")(folder, pictures=pictures)
    return written


def source(kind: str, folder: Path) -> Source:
    return Source.model_validate({"kind": kind, "folder": str(folder)})


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_rows_and_files_are_named_and_sound_images_stay(kind: str, tmp_path: Path) -> None:
    folder = write(kind, tmp_path / kind)
    sound = read_source(source(kind, folder), LABELS)
    named = damage(kind, folder)
    result = read_source(source(kind, folder), LABELS)
    known = {(one.subject, one.reason) for one in sound.dropped}
    assert {(one.subject, one.reason) for one in result.dropped} == known | named
    assert result.images == sound.images
    assert all(one.source == kind and one.detail for one in result.dropped)
    assert result.counts["dropped"] == len(result.dropped)


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_sorted_and_the_same_each_time(kind: str, tmp_path: Path) -> None:
    folder = write(kind, tmp_path / kind)
    damage(kind, folder)
    one, other = (read_source(source(kind, folder), LABELS) for _ in range(2))
    assert one == other
    ids = [image.id for image in one.images]
    assert ids == sorted(set(ids))
    assert all(image.id.startswith(f"{kind}/") and (folder / image.path).is_file() for image in one.images)
    assert str(tmp_path) not in one.model_dump_json()


@pytest.mark.parametrize("kind", KINDS)
def test_another_name_stands_in_ids_and_ledger(kind: str, tmp_path: Path) -> None:
    folder = write(kind, tmp_path / kind)
    damage(kind, folder)
    result = read_source(source(kind, folder).model_copy(update={"name": "mine"}), LABELS)
    assert {image.source for image in result.images} == {one.source for one in result.dropped} == {"mine"}
    assert all(image.id.startswith("mine/") for image in result.images)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("empty", [True, False], ids=["empty folder", "no folder"])
def test_a_folder_without_the_label_files_is_an_error(kind: str, empty: bool, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    if empty:
        folder.mkdir()
    with pytest.raises(DataError, match="expected"):
        read_source(source(kind, folder), LABELS)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("rsna", "train.csv"),
        ("rsna", "train_label_coordinates.csv"),
        ("rsna", "train_series_descriptions.csv"),
        ("vindr", "annotations/train.csv"),
        ("csxa", "datasets.xlsx"),
        ("spider", "radiological_gradings.csv"),
        ("table", "labels.csv"),
    ],
)
@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\x01\x02\xff", b"a,b,c\n1,2,3\n", b"\xff\xfea\x00"],
    ids=["empty", "binary", "other", "utf-16"],
)
def test_a_label_file_that_is_another_is_an_error(kind: str, file: str, data: bytes, tmp_path: Path) -> None:
    folder = write(kind, tmp_path / kind, pictures=False)
    (folder / file).write_bytes(data)
    with pytest.raises(DataError, match=Path(file).name):
        read_source(source(kind, folder), LABELS)


@pytest.mark.parametrize(("kind", "file"), [("rsna", "train.csv"), ("vindr", "annotations/test.csv")])
def test_a_label_file_outside_the_folder_is_not_read(kind: str, file: str, tmp_path: Path) -> None:
    folder = write(kind, tmp_path / kind, pictures=False)
    (folder / file).rename(tmp_path / "elsewhere.csv")
    (folder / file).symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(DataError, match="leads out"):
        read_source(source(kind, folder), LABELS)


def test_links_to_images_count_only_inside_the_folder(tmp_path: Path) -> None:
    folder = write("table", tmp_path / "table")
    outside = tmp_path / "outside.png"
    (folder / "images/000.png").rename(outside)
    (folder / "images/000.png").symlink_to(outside)
    (folder / "images/001.png").rename(folder / "kept.png")
    (folder / "images/001.png").symlink_to(folder / "kept.png")
    (folder / "images/002.png").write_bytes(b"")
    result = read_source(source("table", folder), LABELS)
    assert {(one.subject, one.reason) for one in result.dropped} == {
        ("table/images/000.png", "outside_folder"),
        ("table/images/002.png", "unreadable_image"),
    }
    assert "table/images/001.png" in {image.id for image in result.images}


@pytest.mark.parametrize(
    ("kind", "place"),
    [("buu", "LA"), ("csxa", "datasets-PNG"), ("spider", "")],
    ids=["buu", "csxa", "spider"],
)
def test_a_file_name_that_is_no_text_is_named_in_a_ledger_that_can_be_written(
    kind: str, place: str, tmp_path: Path
) -> None:
    folder = write(kind, tmp_path / kind)
    sound = read_source(source(kind, folder), LABELS)
    ending = {"buu": b".jpg"}.get(kind, b".png")
    # Latin-1, as archives of older Windows programs unpack.
    Path(os.fsdecode(os.fsencode(folder / place) + b"/R\xf6ntgen" + ending)).write_bytes(b"x")
    result = read_source(source(kind, folder), LABELS)
    assert result.images == sound.images
    (named,) = (one for one in result.dropped if one.reason == "bad_name")
    assert named.subject == f"{place}/".lstrip("/") + "R\\udcf6ntgen" + ending.decode()
    write_records(tmp_path / "dropped.jsonl", result.dropped)
    assert tuple(read_records(tmp_path / "dropped.jsonl", Dropped)) == result.dropped


def test_a_flood_of_damaged_lines_is_counted_line_by_line(tmp_path: Path) -> None:
    folder = write("rsna", tmp_path / "rsna")
    sound = read_source(source("rsna", folder), LABELS)
    with open(folder / "train_label_coordinates.csv", "ab") as stream:
        stream.write(
            b"\xff\xfe broken\n" * 3000 + b"\n\n" + b'"' * 70_000 + b"\n" + b"x" * (1 << 21) + b"\nlast,line"
        )
    result = read_source(source("rsna", folder), LABELS)
    assert result.images == sound.images
    lines = [one.subject for one in result.dropped]
    # 101 lines of the tree (header and 25 per study), 3,000 bad ones, two blank, one of quotation marks, one long one.
    assert lines == [f"train_label_coordinates.csv:{n}" for n in (*range(102, 3102), 3104, 3105, 3106)]
    assert {one.reason for one in result.dropped} == {"bad_row"}
    assert max(len(one.detail) for one in result.dropped) < 400


def test_a_source_name_occurs_once() -> None:
    sources = [Source(kind="rsna", folder="a"), Source(kind="rsna", folder="b", name="second")]
    assert kinds(sources) == {"rsna": "rsna", "second": "rsna"}
    with pytest.raises(ValueError, match="'rsna': expected each once"):
        kinds([*sources, Source(kind="rsna", folder="c")])


def test_fields_of_a_table_belong_to_a_table() -> None:
    with pytest.raises(ValueError, match=r"\['file'\] of a source of kind 'rsna'"):
        Source(kind="rsna", folder="a", file="labels.csv")


PAGE = Path(__file__).resolve().parents[2] / "docs" / "builder-sources.md"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_every_reason(kind: str, tmp_path: Path) -> None:
    folder = write(kind, tmp_path / kind, pictures=False)
    damage(kind, folder)
    imported = read_source(source(kind, folder), LABELS)
    _, dropped = judged(imported.images, load_policy())
    reasons = {one.reason for one in (*imported.dropped, *dropped)}
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in PAGE.read_text("utf-8")] == []


def test_the_page_shows_valid_sources_and_the_default_policy() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    sources, policy = (yaml.safe_load(block) for block in blocks)
    assert sorted(kinds(map(Source.model_validate, sources["sources"])).values()) == sorted(KINDS)
    assert SeverityPolicy.model_validate(policy) == load_policy()
