from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Extension
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from spinebench.benchmarks import ImageStore
from spinebench.benchmarks.identifiers import in_dicom, in_path, masked_path
from spinebench.records import ImageRef

Picture = Callable[..., bytes]


@pytest.mark.parametrize(
    "path",
    [
        "rsna/4003253/702807833/5.jpg",
        "rsna/20121103/20130415/5.jpg",
        "vindr/00a1b2c3d4e5f60718293a4b5c6d7e8f.png",
        "CSXA/datasets-PNG/0001.png",
        "images/Lumbar_Spine.png",
        "Normal_Image_0001.png",
        "T2_SAG_0003.png",
        "train__with_pain__spine_0000.png",
        "patient_12/image.png",
        "sub-verse004/ct.nii.gz",
        "1.2.840.113619.2.5.1762583153.215519.978957063.78/slice.png",
        "16_t1.png",
        "drm/mri.png",
    ],
)
def test_public_paths_are_no_identifiers(path: str) -> None:
    assert [finding for finding in in_path(path) if finding.direct] == []


@pytest.mark.parametrize(
    "path",
    [
        "DOE^JANE/1.dcm",
        "patient_name_doe/1.png",
        "dob-1956/1.png",
        "scans/19560412/1.png",
        "scans/1956-04-12.png",
        "12.04.1956/1.png",
        "mrn00123456.png",
        "MRN_123456/x.png",
        "PatientID-99812/x.png",
        "123-45-6789.png",
        "Smith_John_19560412.dcm",
        "Doe, Jane.png",
        "John_Smith/axial.png",
    ],
)
def test_paths_with_names_dates_and_record_numbers(path: str) -> None:
    findings = [finding for finding in in_path(path) if finding.direct]
    assert len(findings) == 1
    assert findings[0].kind == "path"
    text = (findings[0].model_dump_json() + masked_path(path)).casefold()
    assert not any(part in text for part in ("doe", "jane", "smith", "1956", "123456", "99812", "6789"))


@pytest.mark.parametrize(
    "path",
    [
        "N108--Rt-TAIS--F--14-Yrs_jpg.rf.56ff34cc906c17c4b94dd9e3364a72c5.jpg",
        "N1-S-20-F_1_0_jpg.rf.30c347037bb4af999bbd3784827d48c8.jpg",
        "N17-S-F-17_1_0_jpg.rf.77ba5643491310cb47958874b09dd966.jpg",
        "LA/0001-F-037Y1.jpg",
    ],
)
def test_sex_and_age_are_told_apart(path: str) -> None:
    assert [(finding.kind, finding.direct) for finding in in_path(path)] == [("demographics", False)]


def header(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def nested() -> Dataset:
    inner, outer = Dataset(), Dataset()
    inner.ReferringPhysicianName = "Doe^Jane"
    outer.RequestAttributesSequence = Sequence([inner])
    return outer


@pytest.mark.parametrize(
    ("dataset", "where"),
    [
        (header(PatientName="Doe^Jane"), "PatientName"),
        (header(PatientID="12345678"), "PatientID"),
        (header(PatientBirthDate="19560412"), "PatientBirthDate"),
        (header(InstitutionName="Doe Clinic"), "InstitutionName"),
        (header(AccessionNumber="A1234"), "AccessionNumber"),
        (header(StudyDate="20190412"), "StudyDate"),
        (header(OperatorsName="Doe"), "OperatorsName"),
        (header(PatientAge="093Y"), "PatientAge"),
        (header(PatientName="Doe^Jane", PatientIdentityRemoved="YES"), "PatientName"),
        (nested(), "RequestAttributesSequence > ReferringPhysicianName"),
        (header(BurnedInAnnotation="YES"), "BurnedInAnnotation"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_dicom_headers(dataset: Dataset, where: str) -> None:
    (finding,) = in_dicom(dataset)
    assert finding.where.startswith(where)
    assert finding.kind == ("burned_in" if where == "BurnedInAnnotation" else "dicom_header")
    text = f"{finding.where} {finding.what}"
    assert not any(value in text for value in ("Doe", "12345678", "1956", "2019", "A1234"))


def private(vr: Any, value: Any, **elements: Any) -> Dataset:
    dataset = header(**elements)
    dataset.add_new(0x00090010, "LO", "MAKER 1.0")
    dataset.add_new(0x00091001, vr, value)
    return dataset


@pytest.mark.parametrize(
    ("dataset", "where", "what"),
    [
        (private("LO", "Patient: Jane Roe"), "private element (0009,1001)", "a name"),
        (private("DA", "20190412"), "private element (0009,1001)", "a date"),
        (private("UN", b"MRN 00123456"), "private element (0009,1001)", "a record number"),
        (header(SeriesDescription="SAG T2 2019-04-12"), "SeriesDescription (0008,103E)", "a date"),
        (header(StudyDescription="Tel. 555 0199"), "StudyDescription (0008,1030)", "a telephone number"),
        (header(ProtocolName="病人:王芳"), "ProtocolName (0018,1030)", "a name"),
    ],
    ids=[
        "private name",
        "private date",
        "private bytes",
        "date in a description",
        "telephone",
        "chinese name",
    ],
)
def test_dicom_texts_and_private_elements(dataset: Dataset, where: str, what: str) -> None:
    (finding,) = in_dicom(dataset)
    assert (finding.kind, finding.where) == ("dicom_header", where)
    assert finding.what.startswith(what)
    assert not any(value in finding.what for value in ("Roe", "2019", "00123456", "555", "王芳"))


def test_the_patients_own_name_elsewhere_in_the_header() -> None:
    dataset = header(PatientName="Doe^Jane", SeriesDescription="doe jane lumbar")
    assert [(one.where.split()[0], one.what.split(",")[0]) for one in in_dicom(dataset)] == [
        ("SeriesDescription", "the patient's own name or number"),
        ("PatientName", "a value of 8 characters"),
    ]


@pytest.mark.parametrize(
    "dataset",
    [
        header(SeriesDescription="SAG T2 L1-S1", StudyDescription="MRI Lumbar Spine", ProtocolName="t2_tse_384"),
        header(SoftwareVersions="syngo MR E11 20150312", Manufacturer="SIEMENS", ManufacturerModelName="Avanto 1.5T"),
        private("LO", "0.5/1.0/2.0"),
        private("UN", bytes(range(256))),
        private("OB", b"MRN 00123456"),
        header(PatientName="case_7", PatientID="case_7", SeriesDescription="case_7", PatientIdentityRemoved="YES"),
    ],
    ids=["descriptions", "software", "private numbers", "private bytes", "not a text", "pseudonym"],
)  # fmt: skip
def test_texts_of_a_header_that_say_nothing_about_a_patient(dataset: Dataset) -> None:
    assert list(in_dicom(dataset)) == []


@pytest.mark.parametrize(
    "dataset",
    [
        header(),
        header(PatientName="", PatientID=None, PatientBirthDate=""),
        header(PatientName="ANONYMOUS^", PatientID="Anonymized01", PatientBirthDate="19000101"),
        header(PatientName="^^^^", PatientID="0000", OtherPatientIDs=["", "none"]),
        header(PatientName="case_7", PatientID="case_7", StudyDate="20190412", PatientIdentityRemoved="YES"),
        header(PatientSex="F", PatientAge="061Y", BurnedInAnnotation="NO"),
    ],
    ids=range(6),
)
def test_blank_and_pseudonymous_headers(dataset: Dataset) -> None:
    assert list(in_dicom(dataset)) == []


@pytest.mark.parametrize(
    ("tags", "where"),
    [
        ({0x013B: "Jane Roe"}, "Artist"),
        ({0x010E: "Roe, Jane, L-spine"}, "ImageDescription"),
        ({0x9C9D: "Jane Roe".encode("utf-16-le")}, "XPAuthor"),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif(tmp_path: Path, picture: Picture, tags: dict[int, Any], where: str, kind: str) -> None:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    (tmp_path / "a").write_bytes(picture(kind, exif=exif))
    (finding,) = ImageStore(tmp_path, cache_dir=tmp_path).identifiers(ImageRef(path="a"))
    assert (finding.kind, finding.where) == ("exif", f"a: {where}")
    assert "Roe" not in finding.what


def test_a_place_in_exif(tmp_path: Path, picture: Picture) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 1.0, 2.0)
    (tmp_path / "a").write_bytes(picture("JPEG", exif=exif))
    (finding,) = ImageStore(tmp_path, cache_dir=tmp_path).identifiers(ImageRef(path="a"))
    assert finding.where == "a: GPSInfo"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("Author", "Jane Roe", True),
        ("Comment", "Roe, born 1956", True),
        ("Description", "PatientName=Doe^Jane", True),
        ("PatientID", "12345678", True),
        ("Title", "Jane Roe", True),
        ("Software", "Matplotlib version3.9", False),
        ("Comment", "Created with GIMP", False),
        ("date:create", "2024-01-02T03:04:05+00:00", False),
        ("Comment", "", False),
    ],
)
def test_texts_of_a_png(tmp_path: Path, picture: Picture, name: str, text: str, found: bool) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text(name, text)
    (tmp_path / "a").write_bytes(picture(pnginfo=texts))
    store = ImageStore(tmp_path, cache_dir=tmp_path)
    findings = store.identifiers(ImageRef(path="a"))
    assert [finding.kind for finding in findings] == (["text"] if found else [])
    assert "Roe" not in str(findings)
    assert store.prepare(ImageRef(path="a")).image.transform == f"metadata removed ({name})"


def test_texts_of_a_jpeg(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "a").write_bytes(picture("JPEG", comment=b"Roe Jane"))
    (tmp_path / "b").write_bytes(picture("JPEG", comment=b"Lavc58.134.100"))
    (tmp_path / "c").write_bytes(picture("JPEG", xmp=b"<x dicom:PatientName='Doe'/>"))
    (tmp_path / "d").write_bytes(picture("JPEG", xmp=b"<x xmp:CreateDate='2024-01-02'/>"))
    store = ImageStore(tmp_path, cache_dir=tmp_path)
    assert [len(store.identifiers(ImageRef(path=name))) for name in "abcd"] == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("fields", "extension", "found"),
    [
        ({"descrip": b"TE=1.2e+02;Time=113717.208;phase=1"}, None, False),
        ({"descrip": b"FSL5.0", "aux_file": b"none"}, None, False),
        ({"descrip": b"Doe^Jane 12.04.1956"}, None, True),
        ({"db_name": b"Tel. 555 0199"}, None, True),
        ({"aux_file": b"Patient: Jane Roe"}, None, True),
        ({"intent_name": b"DOB 19560412"}, None, True),
        ({}, Nifti1Extension(6, b"mrn: 1234567"), True),
        ({}, Nifti1Extension(6, b"resampled"), False),
    ],
)
def test_nifti_headers(
    tmp_path: Path, fields: dict[str, bytes], extension: Nifti1Extension | None, found: bool
) -> None:
    volume = nib.Nifti1Image(np.zeros((3, 4, 5), np.uint8), np.eye(4))
    for name, value in fields.items():
        volume.header[name] = value
    if extension is not None:
        volume.header.extensions.append(extension)
    nib.save(volume, tmp_path / "v.nii")
    findings = ImageStore(tmp_path, cache_dir=tmp_path).identifiers(ImageRef(path="v.nii"))
    assert [finding.kind for finding in findings] == (["nifti_header"] if found else [])
    assert not any(value in str(findings) for value in ("Doe", "1956", "1234567"))


def test_demographics_are_given_when_asked_for(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "0001-F-037Y0.png").write_bytes(picture())
    store = ImageStore(tmp_path, cache_dir=tmp_path)
    ref = ImageRef(path="0001-F-037Y0.png")
    assert store.identifiers(ref) == ()
    assert [finding.kind for finding in store.identifiers(ref, demographics=True)] == ["demographics"]
