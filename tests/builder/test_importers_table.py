"""A table of labelled images: what is read of it as users write it, and what is refused with words."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spinebench.builder.importers import Columns
from spinebench.errors import DataError
from tests.builder import trees
from tests.builder.reading import by_id, read, told


def test_table_one_row_per_label(tmp_path: Path) -> None:
    result = read("table", trees.write_table(tmp_path, 3))
    assert not result.dropped
    assert {image.path: (image.healthy, told(image)) for image in result.images} == {
        "images/000.png": (True, []),
        "images/001.png": (False, [("Osteophytes", "L3/L4", None, None)]),
        "images/002.png": (
            False,
            [("Spinal Canal Stenosis", "L4/L5", None, None), ("Spinal Canal Stenosis", "L5/S1", None, None)],
        ),
    }
    assert result.images[2].rows == ("labels.csv:4", "labels.csv:5")
    assert [image.study for image in result.images] == ["s0", "s0", "s1"]


def write_images(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize(
    ("kind", "ending", "how"),
    [
        pytest.param("rsna", ".dcm", "in a source of kind 'table'", id="RSNA"),
        pytest.param("vindr", ".dicom", "in a source of kind 'table'", id="VinDr"),
        pytest.param("table", ".png", "correct the path in the table", id="table"),
    ],
)
def test_exported_pictures_are_told_from_lost_ones(kind: str, ending: str, how: str, tmp_path: Path) -> None:
    match kind:
        case "rsna":
            folder = trees.write_rsna(tmp_path, 1)
        case "vindr":
            folder = trees.write_vindr(tmp_path, 1, 1)
        case _:
            folder = trees.write_table(tmp_path, 1)
    for file in folder.rglob(f"*{ending}"):
        file.rename(file.with_suffix(".png" if kind != "table" else ".jpg"))
    result = read(kind, folder)
    assert not result.images
    assert {one.reason for one in result.dropped} == {"missing_image"}
    for one in result.dropped:
        assert f"is not in the source's folder, but '{'images/' if kind == 'table' else ''}" in one.detail
        assert how in one.detail


def test_accents_are_one_character_or_two(tmp_path: Path) -> None:
    one, two = (unicodedata.normalize(form, "Rücken") for form in ("NFC", "NFD"))
    assert one != two
    write_images(tmp_path, f"{two}/{two}.png", f"{one}.png")
    lines = [
        "image,label,patient",
        f"{one}/{one}.png,Osteophytes,{one}",
        f"{two}/{two}.png,Disc space narrowing,{two}",  # the same image of the same patient
        f"{two}.png,Healthy,{two}",
    ]
    (tmp_path / "labels.csv").write_text("\n".join(lines), "utf-8")
    result = read("table", tmp_path)
    assert not result.dropped
    assert {image.path: image.patient for image in result.images} == {
        f"{two}/{two}.png": one,
        f"{one}.png": one,
    }
    assert sorted(len(image.findings) for image in result.images) == [0, 2]


TEXT = "image;label;patient\r\na.png;Osteophytes;Müller\r\nb.png;Healthy;Weiß\r\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            TEXT.encode("utf-16"), "perhaps UTF-16.*; save the table anew as CSV in UTF-8", id="UTF-16"
        ),
        pytest.param(
            TEXT.replace("label", "läbel").encode("cp1252"),
            "no UTF-8 text.*; save the table anew",
            id="cp1252",
        ),
        pytest.param(b"sep=;\r\n" + TEXT.encode(), "begins with the line 'sep=;' of Excel", id="sep="),
        pytest.param(TEXT.replace("\r\n", "\r").encode(), "lines that end in CR alone", id="CR"),
    ],
)
def test_tables_as_excel_saves_them_otherwise(data: bytes, message: str, tmp_path: Path) -> None:
    write_images(tmp_path, "a.png", "b.png")
    (tmp_path / "labels.csv").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read("table", tmp_path)


def test_rows_that_are_no_utf8_say_how_to_go_on(tmp_path: Path) -> None:
    write_images(tmp_path, "a.png", "b.png")
    (tmp_path / "labels.csv").write_bytes(TEXT.replace("Weiß", "Weiss").encode("cp1252"))
    result = read("table", tmp_path)
    assert [image.id for image in result.images] == ["table/b.png"]
    assert "save the table anew as CSV in UTF-8" in result.dropped[0].detail


TABLE = [
    # Path, labels, level, side, severity, patient, age, sex
    ("a.png", "Osteophyte; disc space narrowing", "l3-l4", "", "", 7, 61, "female"),
    ("b/b.png", "Neural foraminal narrowing", "L4/5|L5/S1", "both", "Severe", 8, None, "M"),
    ("b/c.png", "no finding", "", "", "", 8, 40, None),
    ("d.png", "cervical Kyphosis", "C5/6", "", "", None, None, None),
]
HEADER = ("Bild", "Befund", "Level", "Side", "Severity", "Patient_ID", "Age", "Sex")


@pytest.mark.parametrize("form", [".csv", ".parquet", "semicolon"])
def test_table_columns_separators_and_formats(form: str, tmp_path: Path) -> None:
    write_images(tmp_path, *(row[0] for row in TABLE))
    name = "my labels.parquet" if form == ".parquet" else "my labels.csv"
    if form == ".parquet":
        columns = {column: [row[n] for row in TABLE] for n, column in enumerate(HEADER)}
        pq.write_table(pa.table(columns), tmp_path / name)
    else:
        between = ";" if form == "semicolon" else ","
        cells = [[str(one if one is not None else "") for one in row] for row in [HEADER, *TABLE]]
        quoted = [[f'"{one}"' if ";" in one else one for one in row] for row in cells]
        (tmp_path / name).write_text("\n".join(between.join(row) for row in quoted))
    result = read("table", tmp_path, columns={"image": "bild", "label": "BEFUND"}, name="own")
    assert not result.dropped
    images = by_id(result)
    assert told(images["own/a.png"]) == [
        ("Osteophytes", "L3/L4", None, None),
        ("Disc space narrowing", "L3/L4", None, None),
    ]
    assert told(images["own/b/b.png"]) == [
        ("Foraminal stenosis", level, side, "Severe")
        for level in ("L4/L5", "L5/S1")
        for side in ("left", "right")
    ]
    assert images["own/b/c.png"].healthy
    assert told(images["own/d.png"]) == [("cervical Kyphosis", "C5/C6", None, None)]
    first = images["own/a.png"]
    assert (first.patient, first.age, first.sex) == ("7", 61, "F")
    assert first.rows == ("my labels.parquet:1" if form == ".parquet" else "my labels.csv:2",)


def test_parquet_cells_that_are_no_text(tmp_path: Path) -> None:
    write_images(tmp_path, "a.png", "b.png", "c.png")
    broken = pa.array([b"\xff\xfe", b"Healthy", b"Healthy", b"Healthy"]).view(pa.string())
    images = pa.array(
        [b"a.png", b"b.png", b"c\0/c.png", b"c.png"]
    )  # bytes: texts that are not marked as such
    late = pa.array([10**15] * 4, pa.timestamp("s"))  # a year that Python does not have
    pq.write_table(pa.table({"Image ": images, "label": broken, "late": late}), tmp_path / "t.parquet")
    result = read("table", tmp_path)
    assert [(one.id, one.healthy) for one in result.images] == [("table/b.png", True), ("table/c.png", True)]
    assert {(one.subject, one.reason) for one in result.dropped} == {
        ("t.parquet:1", "bad_row"),
        ("table/a.png", "doubtful_label"),
        ("table/c\0/c.png", "outside_folder"),
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param(
            [("image", "a.png"), ("label", "Healthy"), ("Label", "Osteophytes")], "twice", id="twice"
        ),
        pytest.param(
            [("image", {"bytes": b"x", "path": "a.png"}), ("label", "Healthy")], "struct", id="struct"
        ),
    ],
)
def test_parquet_columns_that_say_nothing_certain(
    columns: list[tuple[str, object]], message: str, tmp_path: Path
) -> None:
    names = [name for name, _ in columns]
    pq.write_table(pa.table([pa.array([value]) for _, value in columns], names=names), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=message):
        read("table", tmp_path)


@pytest.mark.parametrize(
    ("header", "rows", "labels"),
    [
        pytest.param(
            "image,label,report",
            ['a.png,Osteophytes,"Findings:\n\nL4/L5, spurs.\nSays ""no slip""."', "b.png,Healthy,none"],
            {"a.png": ["Osteophytes"], "b.png": []},
            id="a report in the last column",
        ),
        pytest.param(
            "report;image;label",
            ['"Findings:\nspurs";a.png;Osteophytes', '"x";b.png;Healthy'],
            {"a.png": ["Osteophytes"], "b.png": []},
            id="a report in the first column",
        ),
        pytest.param(
            "image,report,label",
            ['a.png,"1\r\n2\r\n3",Osteophytes', "b.png,,Healthy"],
            {"a.png": ["Osteophytes"], "b.png": []},
            id="line ends of other systems",
        ),
        pytest.param(
            "image,label,level",
            ['a.png,"Osteophytes\nSpondylolisthesis",L4/L5', "b.png,Healthy,"],
            {"a.png": ["Osteophytes", "Spondylolisthesis"], "b.png": []},
            id="labels below each other",
        ),
    ],
)
def test_table_cells_with_line_breaks(
    header: str, rows: list[str], labels: dict[str, list[str]], tmp_path: Path
) -> None:
    write_images(tmp_path, *labels)
    (tmp_path / "t.csv").write_bytes("\n".join([header, *rows]).encode())
    result = read("table", tmp_path)
    assert not result.dropped
    assert {one.path: [finding.disease for finding in one.findings] for one in result.images} == labels
    assert result.images[0].rows == ("t.csv:2",)


@pytest.mark.parametrize(
    ("rows", "damaged", "read_all_the_same"),
    [
        (['a.png,"Osteophytes', "b.png,Healthy"], [2], {"b.png"}),
        (['a.png,"Osteophytes', "b.png,Healthy", 'c.png,Healthy"'], [2], {"b.png", "c.png"}),
        (['"a.png,Osteophytes', "b.png,Healthy", 'c.png,"Healthy"'], [2], {"b.png", "c.png"}),
        (['a.png,"Osteophytes', "words", 'more words"', "b.png,Healthy"], [], {"a.png", "b.png"}),
        (['a.png,"Osteophytes', *["words"] * 300, 'more words"', "b.png,Healthy"], None, {"b.png"}),
    ],
    ids=["never closed", "closed by another fault", "first cell", "closed", "too long"],
)
def test_table_marks_that_stay_open_swallow_no_row(
    rows: list[str], damaged: list[int] | None, read_all_the_same: set[str], tmp_path: Path
) -> None:
    write_images(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "t.csv").write_text("\n".join(["image,label", *rows]))
    result = read("table", tmp_path)
    bad = [one.subject for one in result.dropped if one.reason == "bad_row"]
    assert bad == [f"t.csv:{line}" for line in (range(2, 304) if damaged is None else damaged)]
    assert {image.path for image in result.images} | {
        one.subject.rpartition("/")[2] for one in result.dropped if one.reason == "no_label"
    } == read_all_the_same


def test_table_of_dicom_headers(tmp_path: Path) -> None:
    # Age, sex and modality as the header writes them; O is neither, and no reason to lose the label.
    write_images(tmp_path, "a.png", "b.png")
    rows = ["image,label,sex,age,modality", "a.png,Osteophytes,O,045Y,XR", "b.png,Healthy,unknown,,DX"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    result = read("table", tmp_path)
    assert not result.dropped
    assert [(one.sex, one.age, one.modality) for one in result.images] == [
        (None, 45, "X-ray"),
        (None, None, "X-ray"),
    ]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param(["a.png,Osteophytes", "a.png,Osteophytes"], {("t.csv:3", "duplicate")}, id="said twice"),
        pytest.param(["a.png,Healthy", "./a.png,normal"], {("t.csv:3", "duplicate")}, id="healthy twice"),
        pytest.param(
            ["a.png,Osteophytes,,p1", "a.png,Spondylolisthesis,,p2"],
            {("table/a.png", "label_conflict")},
            id="two patients",
        ),
        pytest.param(
            ["a.png,Healthy,L4/L5"],
            {("t.csv:2", "bad_row"), ("table/a.png", "doubtful_label")},
            id="healthy level",
        ),
        pytest.param(
            ["a.png,Osteophytes,L3/L5"], {("t.csv:2", "bad_row"), ("table/a.png", "doubtful_label")}, id="gap"
        ),
        pytest.param(
            ["a.png,Surgical implant"], {("table/a.png", "no_label")}, id="no label of the vocabulary"
        ),
        pytest.param(["/etc/hosts,Osteophytes"], {("table//etc/hosts", "outside_folder")}, id="absolute"),
        pytest.param(["sub,Osteophytes"], {("table/sub", "unreadable_image")}, id="folder"),
        pytest.param(
            ['a.png,"Osteophytes'], {("t.csv:2", "bad_row"), ("table/a.png", "doubtful_label")}, id="quote"
        ),
    ],
)
def test_table_rows_that_contradict(rows: list[str], found: set[tuple[str, str]], tmp_path: Path) -> None:
    write_images(tmp_path, "a.png", "sub/x.png")
    filled = [row + "," * (3 - row.count(",")) if '"' not in row else row for row in rows]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,level,patient", *filled]))
    result = read("table", tmp_path)
    assert {(one.subject, one.reason) for one in result.dropped} == found


@pytest.mark.parametrize(
    ("columns", "header", "message"),
    [
        (Columns(label="diagnose"), "image,label", "the column 'diagnose' for label"),
        (Columns(), "image,text", "a column for label"),
        (Columns(), "picture,label", "a column for image"),
        (Columns(), "image,image,label", "the column 'image' twice"),
    ],
)
def test_table_without_the_columns(columns: Columns, header: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n{'a,' * header.count(',')}b\n")
    with pytest.raises(DataError, match=message):
        read("table", tmp_path, columns=columns)


def test_table_without_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"image,label\n")
    with pytest.raises(DataError, match="found none"):
        read("table", tmp_path)


def test_table_which_of_two_files(tmp_path: Path) -> None:
    folder = trees.write_table(tmp_path, 3)
    (folder / "other.csv").write_text("image,label\n")
    with pytest.raises(DataError, match=r"found labels\.csv, other\.csv"):
        read("table", folder)
    assert len(read("table", folder, file="labels.csv").images) == 3
    with pytest.raises(DataError, match="leads out"):
        read("table", folder, file="../labels.csv")
