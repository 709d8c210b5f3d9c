"""Turns decoded pixels into the 8-bit RGB picture that is sent, and notes every step. Imports pillow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from spinebench.benchmarks.problems import ImageError, ImageProblem
from spinebench.benchmarks.raster import Raster

if TYPE_CHECKING:
    from spinebench.benchmarks.preparing import ImagePolicy


@dataclass(frozen=True, slots=True)
class GreyWindow:
    """Which grey values of a DICOM file or a volume become black and white."""

    header: bool = True
    """Take the window or VOI LUT of a DICOM header, where there is one, rather than the percentiles."""
    low: float = 0.5
    """Percentile of the frame or slice that becomes black."""
    high: float = 99.5
    """Percentile that becomes white."""


DEFAULT_WINDOW: Final = GreyWindow()


@dataclass(frozen=True, slots=True)
class Picture:
    """An 8-bit RGB picture and the steps that made it."""

    image: Image.Image
    steps: tuple[str, ...]
    qtables: dict[int, list[int]] | None = None
    """Quantization tables of the JPEG it came from, while its pixels are still those of that file."""


def orientation(exif: bytes | None) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where there is none or it cannot be read."""
    if exif is None:
        return 1
    try:
        tags = Image.Exif()
        tags.load(exif)
        value = tags.get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises whatever it likes, and is no reason to lose the image
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def from_raster(path: str, data: bytes, raster: Raster) -> Picture:
    """Decode a PNG or JPEG, bring it upright and to 8-bit RGB. Raises `ImageError`."""
    turn = orientation(raster.exif)
    try:
        # Without metadata: a decoder cannot stumble over it, nor unpack a compressed text.
        image: Image.Image = Image.open(io.BytesIO(raster.stripped(data)), formats=("PNG", "JPEG"))
        image.load()
    except Exception as error:
        raise decoding_failed(path, error) from error
    qtables = getattr(image, "quantization", None) if raster.layout == "grey" else None
    image, steps = _to_rgb(image, raster)
    if turn != 1:
        image.getexif()[ExifTags.Base.Orientation] = turn
        image = ImageOps.exif_transpose(image)
        steps.append(f"exif orientation {turn}")
        qtables = None
    return Picture(image, tuple(steps), qtables)


def decoding_failed(path: str, error: Exception) -> ImageError:
    """What a decoder's own error means to the user."""
    text = str(error).strip().rstrip(".") or type(error).__name__
    cut = any(word in text.casefold() for word in ("truncat", "incomplete", "broken data", "end of", "eof"))
    return ImageError(
        ImageProblem.TRUNCATED if cut else ImageProblem.UNSUPPORTED,
        path,
        f"cannot be decoded ({text[:200]})",
        expected="a complete image",
        mend="restore the file from its source, or convert it to PNG",
    )


def _to_rgb(image: Image.Image, raster: Raster) -> tuple[Image.Image, list[str]]:
    if image.mode == "RGB":
        return image, ["16 to 8 bit"] if raster.bits == 16 else []
    if raster.layout == "grey" and raster.bits == 16:
        values = np.asarray(image).astype(np.int64)
        bits = max(8, int(values.max()).bit_length())
        grey = ((values * 255 + (1 << (bits - 1))) // ((1 << bits) - 1)).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB"), [f"grey {bits} of 16 bit to rgb"]
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA"}:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, (0, 0, 0, 255))
        return Image.alpha_composite(ground, layered).convert("RGB"), [f"{raster.layout} over black to rgb"]
    return image.convert("RGB"), [f"{raster.layout} to rgb"]


def scaled_to_8_bit(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Values from `low` (0) to `high` (255), linear and clipped; all 0 where `high` is not above `low`."""
    finite = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    if not high > low:
        return np.zeros(values.shape, np.uint8)
    scaled = (finite - low) / (high - low) * 255.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def percentile_window(values: NDArray[Any], window: GreyWindow = DEFAULT_WINDOW) -> tuple[float, float]:
    """The window's two percentiles of the finite values; (0, 0) where there are none.

    Where they coincide (a nearly empty picture), the smallest and largest value.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 0.0
    low, high = (float(bound) for bound in np.percentile(finite, (window.low, window.high)))
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def square_pixels(image: Image.Image, *, row_mm: float, column_mm: float) -> tuple[Image.Image, list[str]]:
    """Stretch the coarser direction so that a pixel is as high (`row_mm`) as wide (`column_mm`)."""
    if not (row_mm > 0 and column_mm > 0) or abs(row_mm / column_mm - 1) < 0.01:
        return image, []
    finest = min(row_mm, column_mm)
    size = (max(1, round(image.width * column_mm / finest)), max(1, round(image.height * row_mm / finest)))
    if max(size) > 16 * max(image.size):  # a header that says this is wrong
        return image, []
    return image.resize(size, Image.Resampling.BICUBIC), [f"square pixels {size[0]}x{size[1]}"]


def limited(picture: Picture, longest_side: int | None) -> Picture:
    """The picture, made smaller where its longest side exceeds the limit; never made larger."""
    width, height = picture.image.size
    if longest_side is None or max(width, height) <= longest_side:
        return picture
    factor = longest_side / max(width, height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = picture.image.resize(size, Image.Resampling.LANCZOS)
    return Picture(image, (*picture.steps, f"resize {size[0]}x{size[1]}"))


def encoded(
    picture: Picture, policy: ImagePolicy, *, lossy_source: bool
) -> tuple[bytes, Literal["image/png", "image/jpeg"], tuple[str, ...]]:
    """The file to send, its media type and all steps. No metadata goes with it.

    Under `auto` a picture from a JPEG is written as JPEG, any other as PNG, which loses nothing.
    """
    sink = io.BytesIO()
    image = picture.image
    bare = Image.frombytes("RGB", image.size, image.tobytes())  # leaves profile, EXIF and texts behind
    if policy.format == "png" or (policy.format == "auto" and not lossy_source):
        bare.save(sink, "PNG", compress_level=6)
        return sink.getvalue(), "image/png", (*picture.steps, "png")
    if picture.qtables and policy.format == "auto":
        # The tables the pixels were coded with give nearly the same coefficients again.
        table = picture.qtables[0]
        bare.save(sink, "JPEG", qtables={0: table, 1: table}, subsampling=0)
        return sink.getvalue(), "image/jpeg", (*picture.steps, "jpeg own tables")
    bare.save(sink, "JPEG", quality=policy.jpeg_quality, subsampling=0)
    return sink.getvalue(), "image/jpeg", (*picture.steps, f"jpeg {policy.jpeg_quality}")
