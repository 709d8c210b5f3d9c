"""What each importer makes of a sound tree: expected values follow from the docstrings of `tests.builder.trees`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spinebench.builder.importers import Columns, Imported, Source, read_source
from spinebench.builder.importers.buu import level_of_edge
from spinebench.builder.records import LabelledImage
from spinebench.builder.standardizing import StandardPolicy, standardize
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from tests.builder import trees
from tests.builder.damage import add_lines

LABELS = Vocabulary.default()


def read(kind: str, folder: Path, vocabulary: Vocabulary = LABELS, **fields: Any) -> Imported:
    return read_source(Source.model_validate({"kind": kind, "folder": str(folder), **fields}), vocabulary)


def by_id(result: Imported) -> dict[str, LabelledImage]:
    return {image.id: image for image in result.images}


def told(image: LabelledImage) -> list[tuple[str | None, str | None, str | None, str | None]]:
    return [(one.disease, one.level, one.side, one.severity) for one in image.findings]


# ---------------------------------------------------------------- RSNA


def test_rsna_findings_come_from_coordinates_and_gradings(tmp_path: Path) -> None:
    result = read("rsna", trees.write_rsna(tmp_path, 4))
    assert not result.dropped
    # Per study 25 coordinates on 1 + 2 + 5 instances; rows: 4 x (1 grading + 25 coordinates + 3 series).
    assert result.counts == {"rows": 116, "images": 32, "findings": 100, "dropped": 0}
    canal = by_id(result)["rsna/4011172/2007/7"]  # study 1, series 2000 + 7
    assert canal.path == "train_images/4011172/2007/7.dcm"
    assert (canal.study, canal.patient, canal.series) == ("4011172", "4011172", "2007")
    assert (canal.modality, canal.region) == ("MRI", "lumbar")
    assert (canal.sequence, canal.view) == ("Sagittal T2/STIR", "sagittal")
    assert told(canal) == [
        ("Spinal Canal Stenosis", level, None, severity)
        for level, severity in zip(
            trees.LEVELS, ("Normal/Mild", "Normal/Mild", "Normal/Mild", "Severe", "Moderate"), strict=True
        )
    ]
    # Header, 25 rows of study 0, then the canal's five first.
    assert canal.findings[3].row == "train_label_coordinates.csv:30"
    assert canal.rows[0] == "train.csv:3"
    axial = by_id(result)["rsna/4019091/3014/3"]  # study 2: the left foramen is severe, no recess is
    assert axial.view == "axial"
    assert told(axial) == [
        ("Subarticular Stenosis", "L3/L4", "left", "Normal/Mild"),
        ("Subarticular Stenosis", "L3/L4", "right", "Normal/Mild"),
    ]
    assert [(one.label, one.severity) for one in axial.study_gradings] == [
        ("Left Neural Foraminal Narrowing", "Normal/Mild"),
        ("Left Neural Foraminal Narrowing", "Severe"),
        ("Left Subarticular Stenosis", "Normal/Mild"),
        ("Right Neural Foraminal Narrowing", "Normal/Mild"),
        ("Right Subarticular Stenosis", "Normal/Mild"),
        ("Spinal Canal Stenosis", "Normal/Mild"),
    ]


def test_rsna_numbers_as_pandas_writes_them_and_other_spellings(tmp_path: Path) -> None:
    folder = trees.write_rsna(tmp_path, 1)
    sound = read("rsna", folder)
    file = folder / "train_label_coordinates.csv"
    text = file.read_text().replace("L1/L2", "l1-l2").replace("Spinal Canal", "SPINAL  canal")
    lines = [line.split(",", 3) for line in text.splitlines()]
    floats = [f"{study}.0,{series}.0,{instance}.0,{rest}" for study, series, instance, rest in lines[1:]]
    file.write_text("\n".join([",".join(lines[0]), *floats]), newline="\r\n")
    (folder / "train.csv").write_bytes(b"\xef\xbb\xbf" + (folder / "train.csv").read_bytes())
    assert read("rsna", folder).images == sound.images


@pytest.mark.parametrize(
    ("kind", "pattern"), [("rsna", "*/*.dcm"), ("vindr", "*.dicom")], ids=["rsna", "vindr"]
)
def test_endings_in_capitals(kind: str, pattern: str, tmp_path: Path) -> None:
    folder = getattr(trees, f"write_{kind}")(tmp_path)
    sound = read(kind, folder)
    moved = {}
    for file in folder.glob(f"*_images/{pattern}" if kind == "vindr" else f"train_images/*/{pattern}"):
        capitals = file.with_suffix(file.suffix.upper())
        moved[str(file.relative_to(folder))] = str(file.rename(capitals).relative_to(folder))
    assert moved
    result = read(kind, folder)
    assert result.images == tuple(one.model_copy(update={"path": moved[one.path]}) for one in sound.images)
    assert result.dropped == sound.dropped


def test_rsna_repeats_and_contradictions(tmp_path: Path) -> None:
    folder = trees.write_rsna(tmp_path, 2)
    study = trees.rsna_study(0)
    again = add_lines(
        folder / "train_label_coordinates.csv", f"{study},1007,7,Spinal Canal Stenosis,L1/L2,1,2"
    )
    gradings = (folder / "train.csv").read_text().splitlines()
    same = add_lines(folder / "train.csv", gradings[1])
    other = add_lines(folder / "train.csv", gradings[2].replace("Severe", "Moderate"))
    result = read("rsna", folder)
    told_rows = {one.subject: one.reason for one in result.dropped}
    assert told_rows[again[0]] == told_rows[same[0]] == "duplicate"
    assert told_rows[other[0]] == "label_conflict"
    # The contradicted grading (canal, L4/L5) leaves its image in doubt, and the study without a full grading.
    assert told_rows["rsna/4011172/2007/7"] == "doubtful_label"
    rest = by_id(result)["rsna/4011172/2000/4"]
    assert [one.label for one in rest.study_gradings if one.severity is None] == ["Spinal Canal Stenosis"]
    assert len(result.images) == 15


# ---------------------------------------------------------------- VinDr


def test_vindr_labels_splits_and_boxes(tmp_path: Path) -> None:
    folder = trees.write_vindr(tmp_path, 9, 3)
    image = trees.vindr_image("train", 6)
    places = add_lines(
        folder / "annotations/train.csv",
        f"{trees.vindr_image('train study', 3)},x,{image},rad9,Osteophytes,1,2,3,4",
        f"{trees.vindr_image('train study', 3)},x,{image},rad9,Osteophytes,1,2,1,4",
    )
    result = read("vindr", folder)
    assert {one.subject: one.reason for one in result.dropped} == {
        f"annotations/{places[1]}": "zero_box",  # the label stands with a good box beside it: no doubt
        f"vindr/{trees.vindr_image('train', 7)}": "no_label",  # only Other lesions
    }
    # 9 + 3 images with 11 + 3 rows, one `No finding` in each split, and two rows more, one of them of no size.
    assert result.counts["rows"] == 16
    assert result.counts["boxes"] == 13
    images = by_id(result)
    both = images[f"vindr/{image}"]
    assert both.diseases == ("Disc space narrowing", "Osteophytes")
    assert [one.row for one in both.findings] == ["annotations/train.csv:8", "annotations/train.csv:9"]
    assert len(both.rows) == 4
    assert (both.split, both.modality, both.study) == ("train", "X-ray", trees.vindr_image("train study", 3))
    implant = images[f"vindr/{trees.vindr_image('train', 8)}"]
    assert [(one.label, one.disease) for one in implant.findings] == [
        ("Surgical implant", None),
        ("Osteophytes", "Osteophytes"),
    ]
    assert images[f"vindr/{trees.vindr_image('train', 4)}"].diseases == ("Spondylolisthesis",)
    healthy = [image.id for image in result.images if image.healthy]
    assert sorted(healthy) == sorted(f"vindr/{trees.vindr_image(split, 0)}" for split in ("train", "test"))


def test_vindr_boxes_of_nan_are_none(tmp_path: Path) -> None:
    folder = trees.write_vindr(tmp_path)
    sound = read("vindr", folder)
    for file in (folder / "annotations").glob("*.csv"):
        file.write_text(file.read_text().replace(",,,,", ",nan,NaN,nan,nan"))
    assert read("vindr", folder) == sound


def test_vindr_with_one_split_says_so(tmp_path: Path) -> None:
    folder = trees.write_vindr(tmp_path, 3, 3)
    (folder / "annotations/test.csv").unlink()
    result = read("vindr", folder)
    assert [(one.subject, one.reason) for one in result.dropped] == [("annotations/test.csv", "missing_file")]
    assert {image.split for image in result.images} == {"train"}


# ---------------------------------------------------------------- BUU


@pytest.mark.parametrize(
    ("position", "level"),
    # Lines: L1 upper, L1 lower, L2 upper, L2 lower, ..., L5 upper (8), L5 lower (9), S1 upper (10).
    [(0, "T12/L1"), (1, "L1/L2"), (2, "L1/L2"), (3, "L2/L3"), (8, "L4/L5"), (9, "L5/S1"), (10, "L5/S1")],
)
def test_an_edge_borders_a_disc(position: int, level: str) -> None:
    assert level_of_edge(position) == level


def test_buu_views_and_classes(tmp_path: Path) -> None:
    result = read("buu", trees.write_buu(tmp_path, 3))
    assert not result.dropped
    images = by_id(result)
    assert {key: (image.healthy, told(image)) for key, image in images.items()} == {
        "buu/AP/0001-F-040Y0": (True, []),
        "buu/LA/0001-F-040Y1": (True, []),
        "buu/AP/0002-M-041Y0": (True, []),
        "buu/LA/0002-M-041Y1": (False, [("Spondylolisthesis", "L4/L5", None, "3 anterolisthesis")]),
        "buu/AP/0003-F-042Y0": (False, [("Spondylolisthesis", "L2/L3", None, "1 left")]),
        "buu/LA/0003-F-042Y1": (False, [("Spondylolisthesis", "L5/S1", None, "4 retrolisthesis")]),
    }
    lateral = images["buu/LA/0002-M-041Y1"]
    assert (lateral.view, lateral.sex, lateral.age, lateral.patient) == ("lateral", "M", 41, "0002")
    assert lateral.findings[0].row == "LA/0002-M-041Y1.csv:8"
    assert images["buu/AP/0001-F-040Y0"].view == "AP"


def test_buu_keeps_a_class_that_nobody_explains(tmp_path: Path) -> None:
    folder = trees.write_buu(tmp_path, 1)
    file = folder / "LA" / "0001-F-040Y1.csv"
    file.write_text(file.read_text().replace(",0\n", ",7.0\n", 1))
    assert told(by_id(read("buu", folder))["buu/LA/0001-F-040Y1"]) == [
        ("Spondylolisthesis", "T12/L1", None, "7")
    ]


# ---------------------------------------------------------------- CSXA


def test_csxa_curvatures(tmp_path: Path) -> None:
    result = read("csxa", trees.write_csxa(tmp_path, 5))
    assert not result.dropped
    assert [(image.id, image.diseases, image.findings[0].label) for image in result.images] == [
        ("csxa/0001021", ("cervical Lordosis",), "Lordotic"),
        ("csxa/0002022", ("Straight cervical vertebrae",), "Straight"),
        ("csxa/0003023", ("sigmoid cervical vertebrae",), "Sigmoid1"),
        ("csxa/0004024", ("sigmoid cervical vertebrae",), "Sigmoid2"),
        ("csxa/0005025", ("cervical Kyphosis",), "Kyphotic"),
    ]
    first = result.images[0]
    assert (first.region, first.view, first.modality) == ("cervical", "lateral", "X-ray")
    assert (first.sex, first.age, first.rows) == ("F", 21, ("datasets.xlsx:3",))
    assert not any(image.healthy for image in result.images)


def test_csxa_numbers_as_text_and_two_pictures_of_one_number(tmp_path: Path) -> None:
    folder = trees.write_csxa(tmp_path, 2)
    book = openpyxl.load_workbook(folder / "datasets.xlsx")
    book["Sheet1"]["A3"], book["Sheet1"]["E3"] = "0001", "5"
    book.save(folder / "datasets.xlsx")
    trees.write_picture(folder / "datasets-PNG" / "0002099.png", trees.picture(1, "Healthy"))
    result = read("csxa", folder)
    assert [(image.id, image.diseases) for image in result.images] == [
        ("csxa/0001021", ("cervical Kyphosis",))
    ]
    assert [(one.subject, one.reason) for one in result.dropped] == [("csxa/0002022", "label_conflict")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda book: setattr(book["Sheet1"], "title", "Other"), "has the sheets Other", id="sheet"
        ),
        pytest.param(lambda book: book["Sheet1"].delete_rows(1), "no column 'Number' in row 2", id="header"),
        pytest.param(lambda book: book["Sheet1"].delete_cols(5), "no column 'Curvature", id="column"),
        pytest.param(lambda book: book["Sheet1"].delete_rows(1, 99), "has no second row", id="empty"),
        pytest.param(
            lambda book: setattr(book["Sheet1"]["A2"], "value", "Numbers"),
            "which holds 'Numbers, Gender: 1.Male, .*; correct sheet, row or column names in a copy of it",
            id="other spelling",
        ),
        pytest.param(
            lambda book: setattr(book["Sheet1"]["E2"], "value", "Curvature: 1.Straight, 2.Lordotic"),
            "says in its header that curvature 1 is 'straight'",
            id="other codes",
        ),
    ],
)
def test_csxa_another_workbook(change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    folder = trees.write_csxa(tmp_path, 2)
    book = openpyxl.load_workbook(folder / "datasets.xlsx")
    change(book)
    book.save(folder / "datasets.xlsx")
    with pytest.raises(DataError, match=message):
        read("csxa", folder)


# ---------------------------------------------------------------- SPIDER

DISCS = Vocabulary(
    diseases=(
        "Disc space narrowing",
        "Spondylolisthesis",
        "Disc herniation",
        "Disc bulging",
        "Modic changes",
        "Endplate changes",
        "Disc degeneration",
    )
)


@pytest.mark.parametrize("ending", [".png", ".nii.gz", ".mha"])
def test_spider_grades_by_level(ending: str, tmp_path: Path) -> None:
    result = read("spider", trees.write_spider(tmp_path, 4, ending=ending), DISCS)
    assert not result.dropped
    images = by_id(result)
    assert list(images) == [f"spider/{n}_{weighting}" for n in range(1, 5) for weighting in ("t1", "t2")]
    pfirrmann = "Disc degeneration"
    # Patient 2: disc 2 (L4/L5) narrowed and bulging with Pfirrmann 4, the others Pfirrmann 2.
    assert [one for one in told(images["spider/2_t1"]) if one[0] != pfirrmann] == [
        ("Disc space narrowing", "L4/L5", None, "1"),
        ("Disc bulging", "L4/L5", None, "1"),
    ]
    assert [one for one in told(images["spider/2_t1"]) if one[0] == pfirrmann] == [
        (pfirrmann, "L5/S1", None, "2"),
        (pfirrmann, "L4/L5", None, "4"),
        *((pfirrmann, level, None, "2") for level in ("L3/L4", "L2/L3", "L1/L2", "T12/L1")),
    ]
    # Patient 3: disc 1 with Modic 2, both end plates, herniated.
    assert [(one.label, one.disease, one.level, one.severity) for one in images["spider/3_t2"].findings][
        :4
    ] == [
        ("Modic", "Modic changes", "L5/S1", "2"),
        ("UP endplate", "Endplate changes", "L5/S1", "1"),
        ("LOW endplate", "Endplate changes", "L5/S1", "1"),
        ("Disc herniation", "Disc herniation", "L5/S1", "1"),
    ]
    first = images["spider/1_t2"]
    assert (first.sex, first.split, first.sequence, first.view) == (
        "F",
        "training",
        "Sagittal T2",
        "sagittal",
    )
    assert first.plane == (None if ending == ".png" else "sagittal")
    assert images["spider/4_t1"].split == "validation"


def test_spider_volumes_as_shared_give_the_pictures_of_their_nifti_copies(tmp_path: Path) -> None:
    pictures = []
    for ending in (".mha", ".nii.gz"):
        folder = trees.write_spider(tmp_path / ending, 2, ending=ending)
        images = read("spider", folder, DISCS).images
        made = standardize(images, {"spider": folder}, tmp_path / f"out{ending}", StandardPolicy(), workers=1)
        assert not made.dropped
        pictures.append({one.id: (one.pixel_hash, one.plane, one.frame) for one in made.images})
    assert len(pictures[0]) == 4
    assert pictures[0] == pictures[1]


def test_spider_without_overview_and_with_two_files_of_an_image(tmp_path: Path) -> None:
    folder = trees.write_spider(tmp_path, 1)
    (folder / "overview.csv").unlink()
    (folder / "1_t1.nii").write_bytes(b"x")
    file = folder / "radiological_gradings.csv"
    same, other = add_lines(file, "1,1,0,0,0,0,0,0,0,2", "1,2,0,0,0,0,0,0,0,5")
    result = read("spider", folder)
    assert [(one.subject, one.reason) for one in result.dropped] == [
        (same, "duplicate"),
        (other, "label_conflict"),
        ("1_t1.nii", "duplicate"),
        ("spider/1_t1", "label_conflict"),
        ("spider/1_t2", "label_conflict"),
    ]


REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images" / "mri_spider"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real SPIDER slices are not beside this checkout")
def test_spider_real_gradings() -> None:
    result = read("spider", REAL, DISCS)
    assert not result.dropped
    assert len(result.images) == 24  # 12 patients, T1 and T2
    images = by_id(result)
    beside = [one for one in told(images["spider/12_t2"]) if one[0] != "Disc degeneration"]
    # `12,1,...,bulging 1`, `12,2,...,herniation 1, narrowing 1`; on the picture the second disc from below is the dark
    # and flat one.
    assert beside == [
        ("Disc bulging", "L5/S1", None, "1"),
        ("Disc herniation", "L4/L5", None, "1"),
        ("Disc space narrowing", "L4/L5", None, "1"),
    ]
    # `16,1,...`: on the picture L5 has slipped before the sacrum.
    slipped = images["spider/16_t1"]
    assert slipped.levels("Spondylolisthesis") == ("L5/S1",)
    assert slipped.rows[0] == "radiological_gradings.csv:8"
    assert {image.cluster for image in result.images} == {
        f"spider/{image.patient}" for image in result.images
    }


# ---------------------------------------------------------------- tables


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
