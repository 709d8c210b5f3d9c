"""What each importer makes of a sound tree: expected values follow from the docstrings of `tests.builder.trees`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from spinebench.builder.importers.buu import level_of_edge
from spinebench.builder.standardizing import StandardPolicy, standardize
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from tests.builder import trees
from tests.builder.damage import add_lines
from tests.builder.reading import by_id, read, told

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
