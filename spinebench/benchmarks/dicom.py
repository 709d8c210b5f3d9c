"""Renders one frame of a DICOM file as it is meant to be looked at. Imports pydicom.

Order of the transformations: DICOM PS3.4 N.2 (modality LUT, VOI LUT or window, inversion for MONOCHROME1);
window functions: PS3.3 C.11.2.1.2 and C.11.2.1.3.
"""

from __future__ import annotations

import io
import warnings
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from spinebench.benchmarks.identifiers import IdentifierFinding, in_dicom
from spinebench.benchmarks.paths import Place
from spinebench.benchmarks.problems import ImageError, ImageProblem
from spinebench.benchmarks.render import (
    DEFAULT_WINDOW,
    GreyWindow,
    Picture,
    decoding_failed,
    percentile_window,
    scaled_to_8_bit,
    square_pixels,
)

_DECODERS: Final = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.51": "python-gdcm",  # JPEG extended, 12 bit
        "1.2.840.10008.1.2.4.57": "python-gdcm",  # JPEG lossless
        "1.2.840.10008.1.2.4.70": "python-gdcm",  # JPEG lossless, first order
        "1.2.840.10008.1.2.4.80": "pyjpegls",
        "1.2.840.10008.1.2.4.81": "pyjpegls",
        "1.2.840.10008.1.2.4.201": "pylibjpeg-openjpeg",  # high-throughput JPEG 2000
        "1.2.840.10008.1.2.4.202": "pylibjpeg-openjpeg",
        "1.2.840.10008.1.2.4.203": "pylibjpeg-openjpeg",
    }
)
"""Package that decodes a transfer syntax which the installed ones may not."""


def read_header(place: Place) -> Dataset:
    """All elements but the pixels. Raises `ImageError` where the file is no DICOM file."""
    try:
        with place.open() as stream:
            _refuse_deflated(stream, place)
            return dcmread(stream, stop_before_pixels=True, force=True)
    except ImageError:
        raise
    except Exception as error:  # a hostile header raises anything
        problem = (
            ImageProblem.NOT_AN_IMAGE if isinstance(error, InvalidDicomError) else ImageProblem.TRUNCATED
        )
        raise ImageError(
            problem,
            place.path,
            f"has an unreadable DICOM header ({str(error)[:200]})",
            expected="a DICOM file",
            mend="restore the file from its source",
        ) from error


def _refuse_deflated(stream: BinaryIO, place: Place) -> None:
    """Before anything of it is unpacked: pydicom unpacks such a file whole, however large that is.

    Leaves the stream at its start. Raises `ImageError`.
    """
    read_preamble(stream, force=True)
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag >> 16 != 2,  # of the file's own header alone
    )
    stream.seek(0)
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise ImageError(
            ImageProblem.UNSUPPORTED,
            place.path,
            f"is compressed as a whole ({DeflatedExplicitVRLittleEndian.name}), which is not unpacked here",
            expected="another transfer syntax",
            mend="write it anew with 'dcmconv +te' of DCMTK or 'gdcmconv --raw' of GDCM, and name the new file",
        )


def render_dicom(
    place: Place, *, frame: int | None, max_pixels: int, window: GreyWindow = DEFAULT_WINDOW
) -> Picture:
    """One frame, windowed, upright as stored, as 8-bit RGB with square pixels. Raises `ImageError`.

    `frame` counts from 0; None takes the middle one. The first window of the header is used; without one, the
    header's VOI LUT; without either, or where `window` says so, the percentiles of the frame that `window` names.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers are common and harmless here
        try:
            return _render(place, frame, max_pixels, window)
        except ImageError:
            raise
        except (
            Exception
        ) as error:  # pydicom reads elements when they are asked for, and hostile ones raise anything
            raise decoding_failed(place.path, error) from error


def header_findings(place: Place) -> tuple[IdentifierFinding, ...]:
    """What may identify a patient in the header, also that a part of it cannot be read. Raises `ImageError`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = read_header(place)
        try:
            return tuple(in_dicom(header))
        except Exception:  # noqa: BLE001 - as above; what cannot be read may hold anything
            unread = "elements that cannot be read"
            return (IdentifierFinding(kind="dicom_header", where="header", what=unread),)


def frame_count(place: Place) -> int:
    """Frames of the file by its header, at least 1. Raises `ImageError` where the file is no DICOM file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = read_header(place)
        try:
            return max(1, _count(header, "NumberOfFrames", 1))
        except Exception as error:  # as above
            raise decoding_failed(place.path, error) from error


def _render(place: Place, frame: int | None, max_pixels: int, window: GreyWindow) -> Picture:
    header = read_header(place)
    rows, columns = _count(header, "Rows", 0), _count(header, "Columns", 0)
    if not rows or not columns:
        raise ImageError(
            ImageProblem.UNSUPPORTED if "SOPClassUID" in header else ImageProblem.NOT_AN_IMAGE,
            place.path,
            "holds no picture",
            expected="a DICOM file with Rows, Columns and pixel data",
            mend="leave out reports, presentation states and directories",
        )
    if rows * columns > max_pixels:
        raise ImageError(
            ImageProblem.TOO_LARGE,
            place.path,
            f"has {columns} x {rows} pixels",
            expected=f"at most {max_pixels:,} pixels",
            mend="make it smaller, or raise max_pixels of the image policy",
        )
    n_frames = max(1, _count(header, "NumberOfFrames", 1))
    index = n_frames // 2 if frame is None else frame
    if not 0 <= index < n_frames:
        raise ImageError(
            ImageProblem.FRAME,
            place.path,
            f"has no frame {index}",
            expected=f"a frame from 0 to {n_frames - 1}",
            mend="correct 'frame' of the image in the benchmark file",
        )
    rgb, how = _displayed(header, _pixels(place, header, index), index, window)
    image, square = square_pixels(Image.fromarray(rgb), **_spacing(header, index))
    return Picture(image, (" ".join([f"dicom frame={index}/{n_frames}", *how]), *square))


def _pixels(place: Place, header: Dataset, index: int) -> NDArray[Any]:
    syntax = UID(str(getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", "") or ""))
    try:
        if syntax:
            return np.asarray(pixel_array(str(place.file), index=index))
        # A file without meta header: implicit little endian is what such old files hold.
        dataset = dcmread(io.BytesIO(place.read()), force=True)
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2")
        return np.asarray(pixel_array(dataset, index=index))
    except (RuntimeError, NotImplementedError) as error:
        package = _DECODERS.get(str(syntax))
        if package is None:
            raise decoding_failed(place.path, error) from error
        raise ImageError(
            ImageProblem.UNSUPPORTED,
            place.path,
            f"is compressed as {syntax.name!r}, which no installed decoder could read",
            expected="a transfer syntax that the installed packages decode",
            mend=f"install {package!r}, or decompress the file",
        ) from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise decoding_failed(place.path, error) from error


def _displayed(
    header: Dataset, pixels: NDArray[Any], index: int, window: GreyWindow
) -> tuple[NDArray[np.uint8], list[str]]:
    """8-bit RGB and how it came about."""
    kind = str(header.get("PhotometricInterpretation", "MONOCHROME2")).upper()
    bits = _count(header, "BitsStored", 8)
    if kind == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, header)
        bits = 16 if pixels.dtype.itemsize > 1 else 8
        kind = "palette"
    if pixels.ndim == 3:
        return scaled_to_8_bit(pixels, 0, (1 << bits) - 1)[..., :3], [kind.casefold().replace(" ", "_")]
    values = _modality_values(header, pixels, index)
    grey, how = _windowed(header, values, pixels, index, window)
    if kind == "MONOCHROME1":
        grey = 255 - grey
        how = [*how, "inverted"]
    return np.repeat(grey[..., None], 3, axis=-1), how


def _modality_values(header: Dataset, pixels: NDArray[Any], index: int) -> NDArray[Any]:
    if header.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(pixels, header))
    group = "PixelValueTransformationSequence"
    slope = _number(_of_frame(header, index, group, "RescaleSlope"))
    intercept = _number(_of_frame(header, index, group, "RescaleIntercept"))
    return pixels.astype(np.float64) * (1.0 if slope is None else slope) + (intercept or 0.0)


def _windowed(
    header: Dataset, values: NDArray[Any], stored: NDArray[Any], index: int, window: GreyWindow
) -> tuple[NDArray[np.uint8], list[str]]:
    if not window.header:
        return _by_percentiles(header, values, stored, window)
    center = _number(_of_frame(header, index, "FrameVOILUTSequence", "WindowCenter"))
    width = _number(_of_frame(header, index, "FrameVOILUTSequence", "WindowWidth"))
    function = str(_of_frame(header, index, "FrameVOILUTSequence", "VOILUTFunction") or "LINEAR").upper()
    if center is not None and width is not None and width > (1 if function == "LINEAR" else 0):
        named = f"window={center:g}/{width:g}"
        match function:
            case "SIGMOID":
                shape = 255.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700, 700)))
                return np.rint(shape).astype(np.uint8), [f"{named} sigmoid"]
            case "LINEAR_EXACT":
                return scaled_to_8_bit(values, center - width / 2, center + width / 2), [f"{named} exact"]
            case _:
                low = center - 0.5 - (width - 1) / 2
                return scaled_to_8_bit(values, low, low + width - 1), [named]
    if header.get("VOILUTSequence"):
        return _looked_up(header, values), ["voi lut"]
    return _by_percentiles(header, values, stored, window)


def _by_percentiles(
    header: Dataset, values: NDArray[Any], stored: NDArray[Any], window: GreyWindow
) -> tuple[NDArray[np.uint8], list[str]]:
    padding = header.get("PixelPaddingValue")
    shown = values if padding is None else values[stored != padding]
    low, high = percentile_window(shown if shown.size else values, window)
    return scaled_to_8_bit(values, low, high), [f"percentiles={low:g}..{high:g}"]


def _looked_up(header: Dataset, values: NDArray[Any]) -> NDArray[np.uint8]:
    """The first VOI LUT of the header, scaled from its own bit depth (PS3.3 C.11.2.1.1)."""
    lut = header.VOILUTSequence[0]
    n_entries, first, bits = (int(value) for value in lut.LUTDescriptor)
    n_entries = n_entries or 1 << 16
    data = lut.LUTData
    if isinstance(data, bytes):
        data = np.frombuffer(data, dtype="<u2" if len(data) >= 2 * n_entries else "u1")
    table = np.asarray(data, dtype=np.int64)[:n_entries] & 0xFFFF
    if header.get("PixelRepresentation", 0) == 1 and first > 0x7FFF:
        first -= 1 << 16
    entries = table[np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)]
    return scaled_to_8_bit(entries, 0, (1 << bits) - 1)


def _spacing(header: Dataset, index: int) -> dict[str, float]:
    """Height and width of a pixel, as arguments of `square_pixels`; (1, 1) where the header does not say."""
    spacing = _of_frame(header, index, "PixelMeasuresSequence", "PixelSpacing")
    for value in (spacing, header.get("ImagerPixelSpacing"), header.get("PixelAspectRatio")):
        try:
            row, column = (float(part) for part in value or ())
        except (TypeError, ValueError):
            continue
        return {"row_mm": row, "column_mm": column}
    return {"row_mm": 1.0, "column_mm": 1.0}


def _of_frame(header: Dataset, index: int, group: str, keyword: str) -> Any:
    """An attribute of one frame: of its functional group, the shared one or the top level; else None."""
    frames = header.get("PerFrameFunctionalGroupsSequence") or ()
    places = [*frames[index : index + 1], *(header.get("SharedFunctionalGroupsSequence") or ())]
    for place in places:
        for entry in place.get(group) or ():
            if entry.get(keyword) is not None:
                return entry.get(keyword)
    return header.get(keyword)


def _number(value: Any) -> float | None:
    """The first value of an element as a finite number; None where there is none."""
    if value is None or isinstance(value, str):
        value = str(value or "nan").split("\\")[0]
    elif not isinstance(value, float | int):
        value = next(iter(value), "nan") if hasattr(value, "__iter__") else value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _count(header: Dataset, keyword: str, default: int) -> int:
    number = _number(header.get(keyword))
    return default if number is None else int(number)
