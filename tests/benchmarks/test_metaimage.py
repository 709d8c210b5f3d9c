"""MetaImage volumes: shown like the same volume in NIfTI, refused by name where damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spinebench.benchmarks import ImageError, ImageProblem, ImageStore
from spinebench.records import ImageRef
from tests.benchmarks.metaimages import write_mha


def volume(codes: str) -> nib.Nifti1Image:
    """Random voxels of three sizes, stored along `codes`, with an oblique tilt in space."""
    voxels = np.random.default_rng(0).integers(0, 200, (5, 7, 9)).astype(np.int16)
    tilt = np.deg2rad(10)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turn * (4.0, 1.0, 1.0)
    affine[:3, 3] = (-20, 30, 55)
    image = nib.Nifti1Image(voxels, affine)
    wanted = nib.orientations.axcodes2ornt(tuple(codes))
    return image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(affine), wanted))


def shown(folder: Path, ref: ImageRef) -> tuple[NDArray[Any], str]:
    prepared = ImageStore(folder, cache_dir=folder / "cache").prepare(ref)
    with Image.open(prepared.file) as image:
        return np.asarray(image), prepared.image.transform


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAR"])
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"packed": True},
        {"big": True},
        {"kind": "f4"},
        {"kind": "u1", "packed": True},
        {"kind": "i8"},
    ],
    ids=["plain", "packed", "big endian", "float", "bytes", "64 bit"],
)
def test_the_picture_is_that_of_the_same_volume_in_nifti(
    tmp_path: Path, codes: str, form: dict[str, Any]
) -> None:
    image = volume(codes)
    nib.save(image, tmp_path / "v.nii")
    write_mha(tmp_path / "v.mha", np.asarray(image.dataobj), image.affine, **form)
    for ref in ({}, {"plane": "axial", "frame": 1}, {"plane": "coronal"}):
        expected, how = shown(tmp_path, ImageRef(path="v.nii", **ref))
        found, its_how = shown(tmp_path, ImageRef(path="v.mha", **ref))
        np.testing.assert_array_equal(found, expected)
        assert its_how == how.replace("nifti", "metaimage", 1)


def test_a_plane_of_two_dimensions(tmp_path: Path) -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    head = "NDims = 2\nDimSize = 4 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "p.mha").write_bytes(head.encode() + grey.tobytes())
    found, how = shown(tmp_path, ImageRef(path="p.mha"))
    assert found.shape == (3, 4, 3)
    assert how.startswith("metaimage axial slice=0/1 ")
    np.testing.assert_array_equal(found[..., 0] >= 128, grey >= 6)  # first row on top, first column left


DAMAGE: list[Any] = [
    pytest.param({"DimSize": "5 7 10"}, ImageProblem.TRUNCATED, "630 bytes of voxels", id="short"),
    pytest.param({"DimSize": "90000 90000 90000"}, ImageProblem.TOO_LARGE, "claims 90000 x", id="huge"),
    pytest.param({"DimSize": "5 7"}, ImageProblem.NOT_AN_IMAGE, "the ElementSpacing", id="sizes"),
    pytest.param({"DimSize": "five"}, ImageProblem.NOT_AN_IMAGE, "the DimSize 'five'", id="words"),
    pytest.param({"DimSize": "5 7 0"}, ImageProblem.UNSUPPORTED, "the DimSize '5 7 0'", id="empty"),
    pytest.param({"ElementType": "MET_OTHER"}, ImageProblem.UNSUPPORTED, "MET_OTHER", id="type"),
    pytest.param({"BinaryData": "False"}, ImageProblem.UNSUPPORTED, "as text", id="text"),
    pytest.param({"CompressedData": "True"}, ImageProblem.TRUNCATED, "cannot be unpacked", id="no zlib"),
    pytest.param(
        {"TransformMatrix": "0 0 0 0 0 0 0 0 0"},
        ImageProblem.UNSUPPORTED,
        "the TransformMatrix",
        id="no direction",
    ),
    pytest.param({"Offset": "nan 0 0"}, ImageProblem.NOT_AN_IMAGE, "the Offset 'nan 0 0'", id="nan"),
    pytest.param(
        {"ElementDataFile": "../other.raw"}, ImageProblem.UNSUPPORTED, "another file", id="elsewhere"
    ),
]


@pytest.mark.parametrize(("changes", "problem", "words"), DAMAGE)
def test_a_damaged_file_is_refused(
    tmp_path: Path, changes: dict[str, str], problem: ImageProblem, words: str
) -> None:
    image = volume("RAS")
    write_mha(tmp_path / "v.mha", np.asarray(image.dataobj), image.affine, changes=changes)
    with pytest.raises(ImageError) as caught:
        shown(tmp_path, ImageRef(path="v.mha"))
    assert words in str(caught.value)
    assert caught.value.problem is problem


@pytest.mark.parametrize(
    "data", [b"\x00\x01", b"NDims = 3\n", b"x" * (2 << 20), b"NDims = 3\nElementDataFile"]
)
def test_what_has_no_header_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "v.mha").write_bytes(data)
    with pytest.raises(ImageError, match="header"):
        shown(tmp_path, ImageRef(path="v.mha"))


def test_identifiers_of_the_header_are_found(tmp_path: Path) -> None:
    image = volume("RAS")
    extra = "Comment = scanned 2019-04-01\nPatientName = Ms Drawn\nModality = MET_MOD_MR\n"
    write_mha(tmp_path / "v.mha", np.asarray(image.dataobj), image.affine, extra=extra)
    store = ImageStore(tmp_path, cache_dir=tmp_path / "cache")
    found = store.identifiers(ImageRef(path="v.mha"))
    assert {one.kind for one in found} == {"metaimage_header"}
    assert {one.where for one in found} == {"v.mha: Comment", "v.mha: PatientName"}
    assert not any("2019" in str(one) or "Drawn" in str(one) for one in found)
