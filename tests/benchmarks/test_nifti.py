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

SHAPE = (5, 7, 9)


def place(folder: Path, ref: ImageRef) -> tuple[NDArray[Any], str]:
    prepared = ImageStore(folder, cache_dir=folder / "cache").prepare(ref)
    with Image.open(prepared.file) as image:
        assert image.mode == "RGB"
        return np.asarray(image)[..., 0], prepared.image.transform


def marked(codes: str, zooms: tuple[float, float, float] = (1, 1, 1)) -> nib.Nifti1Image:
    """A volume stored along `codes`, dark but for a bright block in the right, anterior, superior corner."""
    canonical = np.zeros(SHAPE, np.int16)
    canonical[3:, 4:, 6:] = 1000
    image = nib.Nifti1Image(canonical, np.diag([*zooms, 1.0]))
    wanted = nib.orientations.axcodes2ornt(tuple(codes))
    return image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(image.affine), wanted))


def bright(image: NDArray[Any]) -> tuple[str, str]:
    """Which half of the picture the bright block lies in."""
    rows, columns = np.nonzero(image > 128)
    return (
        "top" if rows.mean() < image.shape[0] / 2 else "bottom",
        "left" if columns.mean() < image.shape[1] / 2 else "right",
    )


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LAS", "PIR", "SAR", "IPL", "ASR"])
@pytest.mark.parametrize(
    ("plane", "frame", "size"),
    # Right is left, anterior is up (axial) or left (sagittal), superior is up.
    [("sagittal", 4, (9, 7)), ("coronal", 6, (9, 5)), ("axial", 8, (7, 5))],
)
def test_every_storage_order_is_shown_the_same_way(
    tmp_path: Path, codes: str, plane: Any, frame: int, size: tuple[int, int]
) -> None:
    nib.save(marked(codes), tmp_path / "v.nii")
    image, how = place(tmp_path, ImageRef(path="v.nii", plane=plane, frame=frame))
    assert image.shape == size
    assert bright(image) == ("top", "left")
    assert f"nifti {plane} slice={frame}/{frame + 1} " in how
    dark, _ = place(tmp_path, ImageRef(path="v.nii", plane=plane, frame=0))
    assert dark.max() == 0


@pytest.mark.parametrize(
    ("zooms", "plane", "index"),
    [
        ((4, 1, 1), "sagittal", "2/5"),
        ((1, 4, 1), "coronal", "3/7"),
        ((1, 1, 4), "axial", "4/9"),
        ((1, 1, 1), "sagittal", "2/5"),
    ],
)
@pytest.mark.parametrize("codes", ["RAS", "PIR"])
def test_the_plane_of_finest_resolution(
    tmp_path: Path, zooms: tuple[float, float, float], plane: str, index: str, codes: str
) -> None:
    nib.save(marked(codes, zooms), tmp_path / "v.nii.gz")
    _, how = place(tmp_path, ImageRef(path="v.nii.gz"))
    assert how.startswith(f"nifti {plane} slice={index} percentiles=")


def test_pixels_are_made_square(tmp_path: Path) -> None:
    nib.save(marked("RAS", (1, 1, 3)), tmp_path / "v.nii")
    image, how = place(tmp_path, ImageRef(path="v.nii", plane="sagittal"))
    assert image.shape == (27, 7)
    assert "square pixels 7x27" in how


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(np.zeros((4, 5, 6, 3), np.float32), "volume=0/3", id="series"),
        pytest.param(np.full((4, 5, 6), np.nan, np.float32), "percentiles=0..0", id="all NaN"),
        pytest.param(np.full((4, 5, 6), 7, np.uint8), "percentiles=7..7", id="all equal"),
        pytest.param(np.ones((4, 5, 1), np.uint8), "axial slice=0/1", id="one slice"),
        pytest.param(np.ones((4, 5, 6), np.complex64), "percentiles=1..1", id="complex"),
    ],
)
def test_unusual_volumes(tmp_path: Path, values: NDArray[Any], said: str) -> None:
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "v.nii.gz")
    assert said in place(tmp_path, ImageRef(path="v.nii.gz"))[1]


def test_colour_voxels(tmp_path: Path) -> None:
    colours = np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["R"] = 200
    nib.save(nib.Nifti1Image(colours, np.eye(4)), tmp_path / "v.nii")
    image, how = place(tmp_path, ImageRef(path="v.nii"))
    assert (image == 200).all()
    assert how.endswith(" rgb; png")


def test_rescaling_of_the_header_is_applied(tmp_path: Path) -> None:
    volume = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))
    volume.header.set_slope_inter(10, -1000)
    nib.save(volume, tmp_path / "v.nii")
    assert "percentiles=-" in place(tmp_path, ImageRef(path="v.nii", frame=0))[1]


@pytest.mark.parametrize("frame", [-1, 5, 10**9])
def test_a_slice_that_is_not_there(tmp_path: Path, frame: int) -> None:
    nib.save(marked("RAS"), tmp_path / "v.nii")
    with pytest.raises(ImageError, match="0 to 4") as caught:
        place(tmp_path, ImageRef(path="v.nii", frame=frame))
    assert caught.value.problem is ImageProblem.FRAME


def test_hostile_volumes(tmp_path: Path) -> None:
    nib.save(marked("RAS"), tmp_path / "v.nii")
    data = bytearray((tmp_path / "v.nii").read_bytes())
    ref = ImageRef(path="v.nii")
    (tmp_path / "v.nii").write_bytes(data[:400])
    with pytest.raises(ImageError):
        place(tmp_path, ref)
    (tmp_path / "v.nii").write_bytes(data[:100])
    with pytest.raises(ImageError):
        place(tmp_path, ref)
    data[40:48] = np.array([3, 32000, 32000, 32000], "<i2").tobytes()  # claims 65 terabytes
    (tmp_path / "v.nii").write_bytes(data)
    with pytest.raises(ImageError) as caught:
        place(tmp_path, ref)
    assert caught.value.problem is ImageProblem.TOO_LARGE


def test_a_damaged_archive(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 1000, SHAPE).astype(np.int16)
    nib.save(nib.Nifti1Image(noise, np.eye(4)), tmp_path / "v.nii.gz")
    data = (tmp_path / "v.nii.gz").read_bytes()
    (tmp_path / "v.nii.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError):
        place(tmp_path, ImageRef(path="v.nii.gz"))
    (tmp_path / "v.nii.gz").write_bytes(b"no archive at all")
    with pytest.raises(ImageError):
        place(tmp_path, ImageRef(path="v.nii.gz"))


@pytest.mark.parametrize("name", ["sct_t2_lumbar.nii.gz", "totalseg_example_ct.nii.gz"])
def test_real_volumes_agree_with_nibabels_canonical_order(
    real_images: Path, tmp_path: Path, name: str
) -> None:
    store = ImageStore(real_images, cache_dir=tmp_path)
    ref = ImageRef(path=f"nifti/{name}", frame=20, plane="sagittal")
    prepared = store.prepare(ref)
    volume = np.asarray(nib.as_closest_canonical(nib.load(real_images / "nifti" / name)).dataobj)
    expected = np.fliplr(np.rot90(volume[20]))
    low, high = np.percentile(expected, (0.5, 99.5))
    scaled = np.clip((expected - low) / (high - low) * 255, 0, 255)
    with Image.open(prepared.file) as image:
        assert np.abs(np.asarray(image)[..., 0] - scaled).max() <= 1
    assert store.identifiers(ref) == ()
