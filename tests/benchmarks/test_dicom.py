from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from spinebench.benchmarks import ImageError, ImagePolicy, ImageProblem, ImageStore
from spinebench.records import ImageRef

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a DICOM file of the given stored values; further arguments are header elements."""

    def write(
        values: NDArray[Any], *, name: str = "a.dcm", syntax: str = ExplicitVRLittleEndian, **elements: Any
    ) -> Path:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
        dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
        dataset.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
        colour = values.ndim > 2 and values.shape[-1] == 3
        frames = values.ndim > (3 if colour else 2)
        dataset.Rows, dataset.Columns = values.shape[1:3] if frames else values.shape[:2]
        if frames:
            dataset.NumberOfFrames = values.shape[0]
        dataset.SamplesPerPixel = 3 if colour else 1
        dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        if colour:
            dataset.PlanarConfiguration = 0
        bits = values.dtype.itemsize * 8
        dataset.BitsAllocated = dataset.BitsStored = bits
        dataset.HighBit = bits - 1
        dataset.PixelRepresentation = int(values.dtype.kind == "i")
        dataset.PixelData = values.tobytes()
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return write


def shown(folder: Path, ref: ImageRef, policy: ImagePolicy | None = None) -> tuple[NDArray[Any], str]:
    prepared = ImageStore(folder, cache_dir=folder / "cache", policy=policy).prepare(ref)
    assert prepared.image.media_type == "image/png"
    with Image.open(prepared.file) as image:
        assert image.mode == "RGB"
        return np.asarray(image), prepared.image.transform


REF = ImageRef(path="a.dcm")
STORED = np.array([[0, 900, 1000, 1100, 2000]], np.uint16)


@pytest.mark.parametrize(
    ("elements", "grey", "transform"),
    [
        # LINEAR, centre 1000, width 201: 0 at or below 899.5, 255 above 1099.5; 1000 -> 0.5025 * 255 = 128.1.
        pytest.param(
            {"WindowCenter": 1000, "WindowWidth": 201}, [0, 1, 128, 255, 255], "window=1000/201", id="window"
        ),
        pytest.param(
            {"WindowCenter": [1000, 5], "WindowWidth": [201, 1]},
            [0, 1, 128, 255, 255],
            "window=1000/201",
            id="first of two windows",
        ),
        # Values are stored * 2 - 1000, so 900 -> 800, 1000 -> 1000, 1100 -> 1200.
        pytest.param(
            {"WindowCenter": 1000, "WindowWidth": 201, "RescaleSlope": 2, "RescaleIntercept": -1000},
            [0, 0, 128, 255, 255],
            "window=1000/201",
            id="rescaled",
        ),
        pytest.param(
            {"WindowCenter": 1000, "WindowWidth": 201, "PhotometricInterpretation": "MONOCHROME1"},
            [255, 254, 127, 0, 0],
            "window=1000/201 inverted",
            id="monochrome1",
        ),
        # LINEAR_EXACT: 0 at 900, 255 at 1100.
        pytest.param(
            {"WindowCenter": 1000, "WindowWidth": 200, "VOILUTFunction": "LINEAR_EXACT"},
            [0, 0, 128, 255, 255],
            "window=1000/200 exact",
            id="linear exact",
        ),
        # SIGMOID: 255 / (1 + exp(-4 (x - 1000) / 200)); at 900 and 1100 1 / (1 + exp(+-2)).
        pytest.param(
            {"WindowCenter": 1000, "WindowWidth": 200, "VOILUTFunction": "SIGMOID"},
            [0, 30, 128, 225, 255],
            "window=1000/200 sigmoid",
            id="sigmoid",
        ),
        # No window: percentiles 0.5 and 99.5 of five values lie 2 % inside the extremes' gaps: 18 and 1982.
        pytest.param({}, [0, 115, 128, 140, 255], "percentiles=18..1982", id="percentiles"),
        pytest.param(
            {"WindowCenter": 1000, "WindowWidth": 0},
            [0, 115, 128, 140, 255],
            "percentiles=18..1982",
            id="no width",
        ),
        # Padding is left out: percentiles of 900, 1000, 1100, 2000.
        pytest.param(
            {"PixelPaddingValue": 0}, [0, 0, 23, 47, 255], "percentiles=901.5..1986.5", id="padding"
        ),
    ],
)
def test_grey_values(
    make: Make, tmp_path: Path, elements: dict[str, Any], grey: list[int], transform: str
) -> None:
    make(STORED, **elements)
    image, how = shown(tmp_path, REF)
    assert image[0, :, 0].tolist() == grey
    assert how == f"dicom frame=0/1 {transform}; png"
    assert (image[..., 0] == image[..., 1]).all()


@pytest.mark.parametrize(
    ("vr", "data"), [("US", [10, 20, 30]), ("OW", b"\x0a\0\x14\0\x1e\0")], ids=["US", "OW"]
)
def test_a_voi_lut(make: Make, tmp_path: Path, vr: str, data: object) -> None:
    lut = Dataset()
    lut.add_new(0x00283002, "US", [3, 1000, 8])
    lut.add_new(0x00283006, vr, data)
    make(np.array([[0, 1000, 1001, 1002, 9]], np.uint16), VOILUTSequence=Sequence([lut]))
    image, how = shown(tmp_path, REF)
    assert image[0, :, 0].tolist() == [10, 10, 20, 30, 10]
    assert "voi lut" in how


def test_negative_values(make: Make, tmp_path: Path) -> None:
    make(np.array([[-1000, 0, 1000]], np.int16), WindowCenter=0.5, WindowWidth=2001)
    assert shown(tmp_path, REF)[0][0, :, 0].tolist() == [0, 128, 255]


def test_colour(make: Make, tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    make(values)
    image, how = shown(tmp_path, REF)
    assert (image == values).all()
    assert how == "dicom frame=0/1 rgb; png"


@pytest.mark.parametrize(("frame", "value", "said"), [(None, 3, "3/5"), (0, 1, "0/5"), (4, 5, "4/5")])
def test_frames(make: Make, tmp_path: Path, frame: int | None, value: int, said: str) -> None:
    values = np.stack([np.full((2, 2), n, np.uint8) for n in (1, 2, 3, 4, 5)])
    make(values, WindowCenter=128, WindowWidth=256)
    image, how = shown(tmp_path, ImageRef(path="a.dcm", frame=frame))
    assert image.max() == value
    assert f"frame={said if frame is not None else '2/5'} " in how


@pytest.mark.parametrize("frame", [-1, 5, 10**9])
def test_a_frame_that_is_not_there(make: Make, tmp_path: Path, frame: int) -> None:
    make(np.zeros((5, 2, 2), np.uint8))
    with pytest.raises(ImageError, match="0 to 4") as caught:
        shown(tmp_path, ImageRef(path="a.dcm", frame=frame))
    assert caught.value.problem is ImageProblem.FRAME


def test_each_frame_has_its_own_window(make: Make, tmp_path: Path) -> None:
    def group(center: int) -> Dataset:
        voi, frame = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = center, 201
        frame.FrameVOILUTSequence = Sequence([voi])
        return frame

    make(np.stack([STORED, STORED]), PerFrameFunctionalGroupsSequence=Sequence([group(1000), group(2000)]))
    assert shown(tmp_path, ImageRef(path="a.dcm", frame=0))[0][0, 2, 0] == 128
    assert shown(tmp_path, ImageRef(path="a.dcm", frame=1))[0][0, 4, 0] == 128


def test_pixels_are_made_square(make: Make, tmp_path: Path) -> None:
    make(np.zeros((10, 20), np.uint8), PixelSpacing=[2.0, 1.0])
    image, how = shown(tmp_path, REF)
    assert image.shape == (20, 20, 3)
    assert "square pixels 20x20" in how


def test_size_limit(make: Make, tmp_path: Path) -> None:
    make(np.zeros((10, 40), np.uint8))
    image, how = shown(tmp_path, REF, ImagePolicy(longest_side=20))
    assert image.shape == (5, 20, 3)
    assert how.endswith("resize 20x5; png")


def test_jpeg_2000(make: Make, tmp_path: Path) -> None:
    sink = io.BytesIO()
    Image.linear_gradient("L").save(sink, "JPEG2000", no_jp2=True)
    path = make(
        np.zeros((256, 256), np.uint8),
        syntax="1.2.840.10008.1.2.4.90",
        PixelData=encapsulate([sink.getvalue()]),
        WindowCenter=128,
        WindowWidth=256,
    )
    image, _ = shown(tmp_path, REF)
    assert (image[..., 0] == np.asarray(Image.linear_gradient("L"))).all()
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError):
        shown(tmp_path, REF)


def test_a_missing_decoder_is_named(make: Make, tmp_path: Path) -> None:
    make(
        np.zeros((4, 4), np.uint8),
        syntax="1.2.840.10008.1.2.4.80",
        PixelData=encapsulate([b"\xff\xd8" + bytes(20)]),
    )
    with pytest.raises(ImageError, match="'pyjpegls'") as caught:
        shown(tmp_path, REF)
    assert caught.value.problem is ImageProblem.UNSUPPORTED


def test_a_file_that_is_compressed_as_a_whole_is_never_unpacked(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(np.zeros((64, 64), np.uint8), syntax=DeflatedExplicitVRLittleEndian)

    def unpack(*_: object) -> bytes:
        raise AssertionError("unpacked")

    monkeypatch.setattr("zlib.decompress", unpack)
    with pytest.raises(ImageError, match=r"compressed as a whole .*'dcmconv \+te'") as caught:
        shown(tmp_path, REF)
    assert caught.value.problem is ImageProblem.UNSUPPORTED


@pytest.mark.parametrize(
    ("elements", "problem"),
    [
        pytest.param({"Rows": 0}, "unsupported", id="no rows"),
        pytest.param({"Rows": 60_000, "Columns": 60_000}, "too_large", id="bomb"),
        pytest.param({"Rows": 50}, None, id="fewer values than promised"),
        pytest.param({"BitsAllocated": 13}, None, id="odd bits"),
        pytest.param({"PhotometricInterpretation": "PALETTE COLOR"}, None, id="palette without a palette"),
        pytest.param({"SamplesPerPixel": 7}, None, id="seven samples"),
        pytest.param({"PixelData": b""}, None, id="no pixels"),
    ],
)
def test_hostile_headers(make: Make, tmp_path: Path, elements: dict[str, Any], problem: str | None) -> None:
    make(np.zeros((4, 4), np.uint8), **elements)
    with pytest.raises(ImageError) as caught:
        shown(tmp_path, REF)
    assert problem is None or caught.value.problem is ImageProblem(problem)


@pytest.mark.parametrize("length", [100, 131, 132, 140, 200, 300])
def test_files_cut_off(make: Make, tmp_path: Path, length: int) -> None:
    path = make(np.zeros((40, 40), np.uint8))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ImageError):
        shown(tmp_path, REF)


def test_a_text_with_a_dicom_ending(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"not a DICOM file at all\n" * 20)
    with pytest.raises(ImageError) as caught:
        shown(tmp_path, REF)
    assert caught.value.problem in {ImageProblem.NOT_AN_IMAGE, ImageProblem.TRUNCATED}


def test_a_real_ct(real_images: Path, tmp_path: Path) -> None:
    store = ImageStore(real_images, cache_dir=tmp_path)
    ref = ImageRef(path="dicom_ct_scrubbed/ct_slice_00.dcm")
    prepared = store.prepare(ref)
    assert prepared.image.transform == "dicom frame=0/1 window=40/300; png"
    assert (prepared.image.width, prepared.image.height) == (512, 512)
    grey = np.asarray(Image.open(prepared.file))[..., 0]
    assert grey[0, 0] == 0  # air
    assert 100 < np.median(grey[200:300, 120:200]) < 200  # liver, on the left of the picture
    assert (grey == 255).mean() > 0.005  # bone
    assert store.identifiers(ref) == ()
