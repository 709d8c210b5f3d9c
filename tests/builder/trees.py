"""Writes small trees of each source data set, in the layout that its owners ship: label files and drawn pictures.

Everything follows from the arguments: what a file says is counted out below, so that expected results can be derived
by hand. The pictures are drawn, DICOM included; two of different seeds are no near duplicates, and two of one look
(a disease) have a pattern in common, so that an encoder can tell the looks apart.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.benchmarks.metaimages import write_mha

LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
SIDES = ("left", "right")
RSNA_SERIES = ("Sagittal T1", "Sagittal T2/STIR", "Axial T2")
CURVATURE = "Curvature: 1.Lordotic, 2.Straight, 3.Sigmoid1, 4.Sigmoid2, 5.Kyphotic"
SPIDER_HEADER = (
    "Patient,IVD label,Modic,UP endplate,LOW endplate,Spondylolisthesis,Disc herniation,Disc narrowing,"
    "Disc bulging,Pfirrman grade"
)
VINDR_LABELS: tuple[tuple[str, ...], ...] = (
    ("No finding",),
    ("Osteophytes",),
    ("Disc space narrowing",),
    ("Foraminal stenosis",),
    ("Spondylolysthesis",),
    ("Vertebral collapse",),
    ("Osteophytes", "Disc space narrowing"),
    ("Other lesions",),
    ("Surgical implant", "Osteophytes"),
)
"""What the images of the VinDr tree show, one after another, and again from the start."""


# ---------------------------------------------------------------- pictures


def picture(seed: int, look: str, *, height: int = 192, width: int = 160) -> NDArray[np.uint8]:
    """A grey picture: clouds of the seed, a column of blocks, and stripes that belong to the look."""
    rng = np.random.default_rng([seed, zlib.crc32(look.encode())])
    clouds = Image.fromarray(rng.random((9, 8)).astype(np.float32))
    grey = np.asarray(clouds.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64) * 0.6
    down, across = np.mgrid[0:height, 0:width]
    middle = width * (0.5 + 0.1 * np.sin(down / height * np.pi * rng.uniform(0.5, 1.5)))
    block = (down * 6 / height) % 1 < 0.75
    grey += 0.25 * (block & (np.abs(across - middle) < width * 0.12))
    code = zlib.crc32(look.encode())
    angle, waves = (code % 12) * np.pi / 12, 5 + (code // 12) % 7
    along = (across * np.cos(angle) + down * np.sin(angle)) / width
    grey += 0.2 * np.sin(2 * np.pi * waves * along)
    grey += rng.normal(0, 0.02, grey.shape)
    low, high = np.percentile(grey, (1, 99))
    scaled: NDArray[np.uint8] = (np.clip((grey - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return scaled


def write_picture(file: Path, grey: NDArray[np.uint8]) -> None:
    """A PNG, JPEG, NIfTI or MetaImage file, by the ending of its name. A volume holds five sagittal slices."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.name.endswith((".nii", ".nii.gz", ".mha")):
        import nibabel

        # Axes right, anterior, superior: the picture's columns run to the front, its rows downwards.
        slices, affine = np.stack([grey.T[:, ::-1]] * 5).astype(np.int16), np.diag([4.0, 1.0, 1.0, 1.0])
        if file.suffix == ".mha":
            write_mha(file, slices, affine)
        else:
            nibabel.save(nibabel.Nifti1Image(slices, affine), file)
    else:
        Image.fromarray(grey).save(file)


def write_dicom(
    file: Path,
    grey: NDArray[np.uint8],
    *,
    ids: tuple[str, str, str],
    modality: Literal["MR", "DX"],
    monochrome1: bool = False,
    jpeg2000: bool = False,
    **elements: Any,
) -> None:
    """A DICOM file as a scanner writes it, with a window, 12 bits a pixel, and a made-up patient in its header.

    `ids` are the study, series and instance. JPEG 2000 is lossless, of 8 bits, and without a window.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless if jpeg2000 else ExplicitVRLittleEndian
    kind = UID("1.2.840.10008.5.1.4.1.1.4" if modality == "MR" else "1.2.840.10008.5.1.4.1.1.1.1")
    instance = UID("1.2.826.0.1.3680043.8.498." + str(zlib.crc32("/".join(ids).encode())))
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = kind
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = instance
    dataset.Modality = modality
    dataset.PatientName = "Drawn^Patient"
    dataset.PatientID = f"P{ids[0][:8]}"
    dataset.PatientBirthDate = "19600229"
    dataset.StudyDate = "20190401"
    dataset.Rows, dataset.Columns = grey.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if monochrome1 else "MONOCHROME2"
    shown = 255 - grey if monochrome1 else grey
    dataset.PixelRepresentation = 0
    if jpeg2000:
        dataset.BitsAllocated = dataset.BitsStored = 8
        stream = io.BytesIO()
        Image.fromarray(shown).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
        dataset.PixelData = encapsulate([stream.getvalue()])
    else:
        dataset.BitsAllocated, dataset.BitsStored = 16, 12
        stored = shown.astype(np.uint16) * 16
        dataset.WindowCenter, dataset.WindowWidth = 2040, 4081
        dataset.PixelData = stored.tobytes()
    dataset.HighBit = dataset.BitsStored - 1
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(file, enforce_file_format=True)


def _write_csv(file: Path, rows: Iterable[Sequence[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


# ---------------------------------------------------------------- sources


def rsna_study(index: int) -> str:
    """Id of the study at a position of the RSNA tree."""
    return str(4003253 + 7919 * index)


def rsna_conditions() -> tuple[tuple[str, str | None], ...]:
    """Condition as `train_label_coordinates.csv` spells it, with its side."""
    sided = [
        (f"{side.title()} {name}", side)
        for name in ("Neural Foraminal Narrowing", "Subarticular Stenosis")
        for side in SIDES
    ]
    return (("Spinal Canal Stenosis", None), *sided)


def rsna_severity(index: int, condition: str, level: str) -> str:
    """Study 0, 4, 8...: nothing. 1, 5...: the canal, severe at L4/L5 and moderate at L5/S1. 2, 6...: the left foramen,
    severe at one level. 3, 7...: the right recess, moderate at one level. That level is `LEVELS[index % 5]`."""
    kind = index % 4
    if kind == 1 and condition == "Spinal Canal Stenosis":
        return {"L4/L5": "Severe", "L5/S1": "Moderate"}.get(level, "Normal/Mild")
    here = level == LEVELS[index % 5]
    if kind == 2 and condition == "Left Neural Foraminal Narrowing" and here:
        return "Severe"
    if kind == 3 and condition == "Right Subarticular Stenosis" and here:
        return "Moderate"
    return "Normal/Mild"


def write_rsna(folder: Path, studies: int = 4, *, pictures: bool = True) -> Path:
    """RSNA 2024: eight labelled instances per study, 8 x `studies` images, 25 coordinate rows per study.

    Sagittal T2 instance 7: the canal at all five levels. Sagittal T1 instances 4 and 12: right and left foramen at all
    five levels. Axial instances 1 to 5: both recesses at one level each.
    """
    conditions = [name for name, _ in rsna_conditions()]
    columns = [
        f"{name}_{level}".lower().replace(" ", "_").replace("/", "_")
        for name in conditions
        for level in LEVELS
    ]
    gradings: list[Sequence[object]] = [("study_id", *columns)]
    places: list[Sequence[object]] = [
        ("study_id", "series_id", "instance_number", "condition", "level", "x", "y")
    ]
    series_rows: list[Sequence[object]] = [("study_id", "series_id", "series_description")]
    for index in range(studies):
        study = rsna_study(index)
        gradings.append(
            (study, *(rsna_severity(index, name, level) for name in conditions for level in LEVELS))
        )
        series = {text: str(1000 * (index + 1) + 7 * n) for n, text in enumerate(RSNA_SERIES)}
        series_rows += [(study, number, text) for text, number in series.items()]
        shown: dict[tuple[str, int], list[tuple[str, str]]] = {}
        for name in conditions:
            for n, level in enumerate(LEVELS):
                if name == "Spinal Canal Stenosis":
                    place = ("Sagittal T2/STIR", 7)
                elif "Foraminal" in name:
                    place = ("Sagittal T1", 12 if name.startswith("Left") else 4)
                else:
                    place = ("Axial T2", n + 1)
                shown.setdefault(place, []).append((name, level))
        for (text, instance), found in shown.items():
            for name, level in found:
                x, y = 60 + 5 * LEVELS.index(level) + 0.25, 20 + 30 * LEVELS.index(level) + 0.5
                places.append((study, series[text], instance, name, level, x, y))
            if pictures:
                ill = [name for name, level in found if rsna_severity(index, name, level) != "Normal/Mild"]
                look = " ".join(ill[0].split()[-2:]) if ill else "Healthy"
                file = folder / "train_images" / study / series[text] / f"{instance}.dcm"
                ids = (study, series[text], str(instance))
                grey = picture(zlib.crc32("/".join(ids).encode()), look)
                write_dicom(
                    file, grey, ids=ids, modality="MR", SeriesDescription=text, InstanceNumber=instance
                )
    _write_csv(folder / "train.csv", gradings)
    _write_csv(folder / "train_label_coordinates.csv", places)
    _write_csv(folder / "train_series_descriptions.csv", series_rows)
    return folder


def vindr_image(split: str, index: int) -> str:
    """Id of the image at a position of a split of the VinDr tree."""
    return hashlib.md5(f"{split} {index}".encode(), usedforsecurity=False).hexdigest()


def write_vindr(folder: Path, train: int = 9, test: int = 9, *, pictures: bool = True) -> Path:
    """VinDr-SpineXR: `train` and `test` images with the labels of `VINDR_LABELS` in turn, two images per study.

    Every lesion has one box. Pixels are MONOCHROME1, every third image is JPEG 2000.
    """
    for split, count in (("train", train), ("test", test)):
        rows: list[Sequence[object]] = [
            ("study_id", "series_id", "image_id", "rad_id", "lesion_type", "xmin", "ymin", "xmax", "ymax")
        ]
        for index in range(count):
            image = vindr_image(split, index)
            study, series = (
                vindr_image(f"{split} study", index // 2),
                vindr_image(f"{split} series", index // 2),
            )
            labels = VINDR_LABELS[index % len(VINDR_LABELS)]
            for n, label in enumerate(labels):
                box = ("", "", "", "") if label == "No finding" else (20 + n, 30, 60 + n, 80)
                rows.append((study, series, image, f"rad{index % 3 + 1}", label, *box))
            if pictures:
                grey = picture(zlib.crc32(image.encode()), labels[0])
                file = folder / f"{split}_images" / f"{image}.dicom"
                ids = (study, series, image)
                write_dicom(file, grey, ids=ids, modality="DX", monochrome1=True, jpeg2000=index % 3 == 2)
        _write_csv(folder / "annotations" / f"{split}.csv", rows)
    return folder


def buu_stem(index: int, view: Literal["AP", "LA"]) -> str:
    """Stem of the files of a case: women of odd number, ages 40, 41, ..."""
    return f"{index + 1:04d}-{'FM'[index % 2]}-{40 + index:03d}Y{0 if view == 'AP' else 1}"


def write_buu(folder: Path, cases: int = 6, *, pictures: bool = True) -> Path:
    """BUU-LSPINE: an AP and a lateral image per case.

    Case 0, 3...: all edges 0. Case 1, 4...: lateral, lower edge of L4, class 3. Case 2, 5...: AP, upper edge of L3,
    class 1, and lateral, upper edge of S1, class 4.
    """
    for index in range(cases):
        for view, n_rows in (("AP", 10), ("LA", 11)):
            codes = [0] * n_rows
            if index % 3 == 1 and view == "LA":
                codes[7] = 3
            elif index % 3 == 2:
                row, code = (4, 1) if view == "AP" else (10, 4)
                codes[row] = code
            stem = buu_stem(index, "AP" if view == "AP" else "LA")
            rows = [(40, 12 + 16 * n, 110, 14 + 16 * n, code) for n, code in enumerate(codes)]
            _write_csv(folder / view / f"{stem}.csv", rows)
            if pictures:
                look = "Spondylolisthesis" if any(codes) else "Healthy"
                write_picture(folder / view / f"{stem}.jpg", picture(zlib.crc32(stem.encode()), look))
    return folder


def csxa_stem(number: int) -> str:
    """Stem of an image: the number in four digits, then the age in three."""
    return f"{number:04d}{20 + number:03d}"


def write_csxa(folder: Path, cases: int = 10, *, pictures: bool = True) -> Path:
    """CSXA: numbers 1 to `cases`, curvature 1, 2, 3, 4, 5 in turn; women of odd number, ages 21, 22, ..."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(["Cervical Spine X-ray Atlas"])
    sheet.append(["Number", "Gender: 1.Male, 2.Female", "Age", "Pixel equivalent", CURVATURE])
    looks = (
        "cervical Lordosis",
        "Straight cervical vertebrae",
        "sigmoid cervical vertebrae",
        "sigmoid cervical vertebrae",
        "cervical Kyphosis",
    )
    for number in range(1, cases + 1):
        code = (number - 1) % 5 + 1
        sheet.append([number, 2 if number % 2 else 1, 20 + number, 0.144, code])
        if pictures:
            stem = csxa_stem(number)
            grey = picture(zlib.crc32(stem.encode()), looks[code - 1])
            write_picture(folder / "datasets-PNG" / f"{stem}.png", grey)
    folder.mkdir(parents=True, exist_ok=True)
    book.save(folder / "datasets.xlsx")
    return folder


def spider_grades(index: int, disc: int) -> tuple[int, ...]:
    """Grades of a disc (1 is L5/S1), in the order of the columns.

    Patient 0, 4...: nothing, Pfirrmann 2. 1, 5...: disc 2 narrowed and bulging, Pfirrmann 4. 2, 6...: disc 1
    herniated, with Modic 2. 3, 7...: disc 3 slipped.
    """
    kind = index % 4
    if kind == 1 and disc == 2:
        return (0, 0, 0, 0, 0, 1, 1, 4)
    if kind == 2 and disc == 1:
        return (2, 1, 1, 0, 1, 0, 0, 3)
    if kind == 3 and disc == 3:
        return (0, 0, 0, 1, 0, 0, 0, 2)
    return (0, 0, 0, 0, 0, 0, 0, 2)


def write_spider(folder: Path, patients: int = 4, *, ending: str = ".png", pictures: bool = True) -> Path:
    """SPIDER: patients 1, 2, ... with six discs each and a T1 and a T2 image, `ending` `.png`, `.nii.gz` or `.mha`."""
    rows: list[Sequence[object]] = [SPIDER_HEADER.split(",")]
    overview: list[Sequence[object]] = [
        ("new_file_name", "num_vertebrae", "num_discs", "sex", "birth_date", "subset")
    ]
    looks = ("Healthy", "Disc space narrowing", "Disc herniation", "Spondylolisthesis")
    for index in range(patients):
        rows += [(index + 1, disc, *spider_grades(index, disc)) for disc in range(1, 7)]
        for weighting in ("t1", "t2"):
            stem = f"{index + 1}_{weighting}"
            subset = "validation" if index % 4 == 3 else "training"
            overview.append((stem, 7, 7, "FM"[index % 2] + " ", "", subset))
            if pictures:
                write_picture(
                    folder / f"{stem}{ending}", picture(zlib.crc32(stem.encode()), looks[index % 4])
                )
    _write_csv(folder / "radiological_gradings.csv", rows)
    _write_csv(folder / "overview.csv", overview)
    return folder


def write_table(folder: Path, images: int = 6, *, pictures: bool = True) -> Path:
    """A folder of images with a `labels.csv` in one row per label; every third image is Healthy, the others alternate
    between osteophytes at L3/L4 and a canal stenosis at two levels. Two images per study."""
    rows: list[Sequence[object]] = [("image", "label", "level", "study", "modality")]
    for index in range(images):
        file, study = f"images/{index:03d}.png", f"s{index // 2}"
        if index % 3 == 0:
            labels = [("Healthy", "")]
        elif index % 2:
            labels = [("Osteophytes", "L3/L4")]
        else:
            labels = [("Spinal Canal Stenosis", "L4/L5"), ("Spinal Canal Stenosis", "L5/S1")]
        rows += [(file, label, level, study, "MRI") for label, level in labels]
        if pictures:
            write_picture(folder / file, picture(zlib.crc32(f"table {index}".encode()), labels[0][0]))
    _write_csv(folder / "labels.csv", rows)
    return folder
