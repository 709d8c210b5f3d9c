"""Trees of the four source data sets with drawn pictures of clinical sizes, for measuring the builder.

    python benchmarks/synthetic_sources.py FOLDER [--images 5000]

Label files are in the sources' own layouts. The pictures are smooth noise with grain; nothing about them is clinical.
Of 100 images 60 are RSNA (384 x 384, 16 bit DICOM), 24 VinDr (1600 x 1200, 16 bit DICOM, every third JPEG 2000),
6 BUU (1000 x 2000 JPEG) and 10 CSXA (1000 x 1200 PNG): 1.7 GB for 5,000.
"""

from __future__ import annotations

import argparse
import csv
import io
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
SHARES = {"rsna": 60, "vindr": 24, "buu": 6, "csxa": 10}
CONDITIONS = (
    "Spinal Canal Stenosis",
    "Left Neural Foraminal Narrowing",
    "Right Neural Foraminal Narrowing",
    "Left Subarticular Stenosis",
    "Right Subarticular Stenosis",
)
SEVERITIES = ("Normal/Mild", "Moderate", "Severe")
LESIONS = (
    "No finding",
    "Osteophytes",
    "Disc space narrowing",
    "Foraminal stenosis",
    "Spondylolysthesis",
    "Vertebral collapse",
    "Other lesions",
)
CURVATURE = "Curvature: 1.Lordotic, 2.Straight, 3.Sigmoid1, 4.Sigmoid2, 5.Kyphotic"


def make(folder: Path, images: int) -> dict[str, int]:
    """Write the trees below `folder` and return images by source."""
    counts = {source: images * share // 100 for source, share in SHARES.items()}
    _rsna(folder / "rsna", counts["rsna"])
    _vindr(folder / "vindr", counts["vindr"])
    _buu(folder / "buu", counts["buu"])
    _csxa(folder / "csxa", counts["csxa"])
    return counts


def _drawn(name: str, width: int, height: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    clouds = Image.fromarray((rng.random((10, 8)) * 255).astype(np.uint8))
    smooth = np.asarray(clouds.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = rng.integers(-4, 5, (height, width), dtype=np.int16)
    drawn: NDArray[np.uint8] = np.clip(smooth + grain, 0, 255).astype(np.uint8)
    return drawn


def _dicom(file: Path, name: str, width: int, height: int, *, jpeg2000: bool, monochrome1: bool) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless

    grey = _drawn(name, width, height)
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless if jpeg2000 else ExplicitVRLittleEndian
    kind = UID("1.2.840.10008.5.1.4.1.1.4")
    instance = UID(f"1.2.826.0.1.3680043.8.498.{zlib.crc32(name.encode())}")
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = kind
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = instance
    data.Rows, data.Columns, data.SamplesPerPixel, data.PixelRepresentation = height, width, 1, 0
    data.PhotometricInterpretation = "MONOCHROME1" if monochrome1 else "MONOCHROME2"
    if jpeg2000:
        data.BitsAllocated = data.BitsStored = 8
        stream = io.BytesIO()
        Image.fromarray(grey).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
        data.PixelData = encapsulate([stream.getvalue()])
    else:
        data.BitsAllocated, data.BitsStored = 16, 12
        data.WindowCenter, data.WindowWidth = 2040, 4081
        data.PixelData = (grey.astype(np.uint16) * 16).tobytes()
    data.HighBit = data.BitsStored - 1
    file.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(file, enforce_file_format=True)


def _csv(file: Path, rows: Iterable[Sequence[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def _rsna(folder: Path, n: int) -> None:
    """Ten axial images with one or two labels each per study."""
    rng = np.random.default_rng(1)
    columns = [
        f"{name}_{level}".lower().replace(" ", "_").replace("/", "_")
        for name in CONDITIONS
        for level in LEVELS
    ]
    gradings: list[Sequence[object]] = [("study_id", *columns)]
    places: list[Sequence[object]] = [
        ("study_id", "series_id", "instance_number", "condition", "level", "x", "y")
    ]
    series: list[Sequence[object]] = [("study_id", "series_id", "series_description")]
    for start in range(0, n, 10):
        study, one = str(4_000_000 + start), str(9_000_000 + start)
        gradings.append((study, *rng.choice(SEVERITIES, len(columns), p=(0.7, 0.2, 0.1))))
        series.append((study, one, "Axial T2"))
        for number in range(min(10, n - start)):
            for condition in rng.choice(CONDITIONS, 1 + number % 2, replace=False):
                places.append((study, one, number + 1, condition, LEVELS[number // 2], 100.5, 120.25))
            file = folder / "train_images" / study / one / f"{number + 1}.dcm"
            _dicom(file, f"rsna {study} {number}", 384, 384, jpeg2000=False, monochrome1=False)
    _csv(folder / "train.csv", gradings)
    _csv(folder / "train_label_coordinates.csv", places)
    _csv(folder / "train_series_descriptions.csv", series)


def _vindr(folder: Path, n: int) -> None:
    rng = np.random.default_rng(2)
    rows: list[Sequence[object]] = [
        ("study_id", "series_id", "image_id", "rad_id", "lesion_type", "xmin", "ymin", "xmax", "ymax")
    ]
    for index in range(n):
        image, study = f"{index:032x}", f"{index // 2:031x}a"
        lesion = str(rng.choice(LESIONS, p=(0.4, 0.2, 0.12, 0.08, 0.08, 0.04, 0.08)))
        box = ("", "", "", "") if lesion == "No finding" else (100, 200, 300, 400)
        rows.append((study, f"{index // 2:031x}b", image, "rad1", lesion, *box))
        file = folder / "train_images" / f"{image}.dicom"
        _dicom(file, f"vindr {image}", 1200, 1600, jpeg2000=index % 3 == 2, monochrome1=True)
    _csv(folder / "annotations" / "train.csv", rows)
    _csv(folder / "annotations" / "test.csv", rows[:1])


def _buu(folder: Path, n: int) -> None:
    for index in range(n):
        view, n_rows = (("AP", 10), ("LA", 11))[index % 2]
        stem = f"{index // 2 + 1:04d}-{'FM'[index // 2 % 2]}-{30 + index % 50:03d}Y{index % 2}"
        codes = [3 if index % 3 == 0 and row == 7 else 0 for row in range(n_rows)]
        _csv(folder / view / f"{stem}.csv", [(40, 10 * k, 110, 10 * k + 2, c) for k, c in enumerate(codes)])
        Image.fromarray(_drawn(f"buu {stem}", 1000, 2000)).save(folder / view / f"{stem}.jpg", quality=90)


def _csxa(folder: Path, n: int) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(["Cervical Spine X-ray Atlas"])
    sheet.append(["Number", "Gender: 1.Male, 2.Female", "Age", "Pixel equivalent", CURVATURE])
    (folder / "datasets-PNG").mkdir(parents=True, exist_ok=True)
    for number in range(1, n + 1):
        sheet.append([number, 1 + number % 2, 20 + number % 60, 0.144, number % 5 + 1])
        picture = Image.fromarray(_drawn(f"csxa {number}", 1000, 1200))
        picture.save(folder / "datasets-PNG" / f"{number:04d}{20 + number % 60:03d}.png", compress_level=1)
    book.save(folder / "datasets.xlsx")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=5000)
    options = parser.parse_args()
    print(make(options.folder, options.images))
