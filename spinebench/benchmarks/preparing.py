"""Decides what is sent: the image file itself, the file without its metadata, or a rendered picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from spinebench.benchmarks.paths import Place, sha256_of
from spinebench.benchmarks.problems import ImageError, ImageProblem
from spinebench.benchmarks.raster import JPEG_SIGNATURE, PNG_SIGNATURE, Raster, StructureError, read_raster
from spinebench.records import ImageRef, Record, SentImage

if TYPE_CHECKING:
    from spinebench.benchmarks.render import GreyWindow, Picture

MID_GREY: Final = 128
_LARGEST_FILE: Final = 1 << 28
"""Bytes of a PNG or JPEG file: it is read whole."""
_DICOM_ENDINGS: Final = (".dcm", ".dicom", ".ima")
_NIFTI_ENDINGS: Final = (".nii", ".nii.gz")
_METAIMAGE_ENDINGS: Final = (".mha", ".mhd")


class ImagePolicy(Record):
    """How images are made ready for sending. Part of what can change an answer."""

    longest_side: int | None = Field(default=2048, ge=16)
    """Pixels. A larger image is made smaller; None: no limit."""
    format: Literal["auto", "png", "jpeg"] = "auto"
    """`auto`: PNG and JPEG stay what they are, a picture from DICOM or NIfTI becomes PNG."""
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    max_pixels: int = Field(default=80_000_000, ge=1, le=89_000_000)
    """Pixels decoded at most; a larger image is refused by its header."""


SourceKind = Literal["raster", "dicom", "nifti", "metaimage"]


@dataclass(frozen=True, slots=True)
class Source:
    """An image file that has been read far enough to be hashed and recognized."""

    place: Place
    sha256: str
    kind: SourceKind
    data: bytes = b""
    """The whole file, of a raster image only."""
    raster: Raster | None = None


def open_source(place: Place, ref: ImageRef, policy: ImagePolicy) -> Source:
    """Read, hash and recognize a file; PNG and JPEG are walked through to their end.

    Raises `ImageError`: not an image, cut off, too large, or another hash than `ref.sha256`.
    """
    small = place.status.st_size <= _LARGEST_FILE
    with place.open() as stream:
        data = stream.read() if small else stream.read(512)
        if data.startswith((PNG_SIGNATURE, JPEG_SIGNATURE)):
            if not small:
                size = f"{place.status.st_size:,}"
                raise _too_large(place, f"has {size} bytes", f"at most {_LARGEST_FILE:,} bytes")
            raster = _raster(place, data, policy)
            source = Source(place, hashlib.sha256(data).hexdigest(), "raster", data, raster)
        else:
            kind = _kind(place, data)
            stream.seek(0)
            source = Source(place, sha256_of(stream), kind)
    if ref.sha256 is not None and ref.sha256 != source.sha256:
        raise ImageError(
            ImageProblem.CHANGED,
            place.path,
            f"has the SHA-256 {source.sha256}",
            expected=f"{ref.sha256}, as the benchmark says",
            mend="restore the file, or correct the benchmark",
        )
    return source


def unchanged(source: Source, policy: ImagePolicy) -> SentImage | None:
    """The record of a file that can be sent as it is; None where it cannot.

    It can where it is 8-bit RGB, within the size limit, in the format asked for, and free of metadata.
    """
    raster = source.raster
    if raster is None or raster.notes or not _fits(raster, policy):
        return None
    return SentImage(
        source_path=source.place.path,
        source_sha256=source.sha256,
        sha256=source.sha256,
        media_type=raster.media_type,
        width=raster.width,
        height=raster.height,
        n_bytes=len(source.data),
        transform="as_is",
    )


def converted(source: Source, ref: ImageRef, policy: ImagePolicy) -> tuple[bytes, SentImage]:
    """The bytes to send in place of the file, without any metadata. Raises `ImageError`."""
    raster = source.raster
    if raster is not None and _fits(raster, policy) and _upright(raster):
        removed = ", ".join(dict.fromkeys(note.name[:40] for note in raster.notes))
        return _described(
            raster.stripped(source.data),
            raster.media_type,
            (raster.width, raster.height),
            (f"metadata removed ({removed})",),
            source,
        )
    from spinebench.benchmarks.render import encoded, limited

    picture = limited(rendered(source, ref, policy), policy.longest_side)
    lossy = raster is not None and raster.media_type == "image/jpeg"
    data, media_type, steps = encoded(picture, policy, lossy_source=lossy)
    return _described(data, media_type, picture.image.size, steps, source)


def blank(size: tuple[int, int], policy: ImagePolicy) -> tuple[bytes, SentImage]:
    """A uniform mid-grey picture."""
    from PIL import Image

    from spinebench.benchmarks.render import Picture, encoded

    picture = Picture(Image.new("RGB", size, (MID_GREY,) * 3), (f"blank {MID_GREY}",))
    data, media_type, steps = encoded(picture, policy, lossy_source=False)
    return _described(data, media_type, size, steps, None)


def _fits(raster: Raster, policy: ImagePolicy) -> bool:
    small = policy.longest_side is None or max(raster.width, raster.height) <= policy.longest_side
    return raster.plain and small and policy.format in {"auto", raster.media_type.removeprefix("image/")}


def _upright(raster: Raster) -> bool:
    if raster.exif is None:
        return True
    from spinebench.benchmarks.render import orientation

    return orientation(raster.exif) == 1


def rendered(source: Source, ref: ImageRef, policy: ImagePolicy, window: GreyWindow | None = None) -> Picture:
    """The picture of a source, or of the frame or slice that `ref` names, in its own size as 8-bit RGB. Raises
    `ImageError`. `window`: None for the usual one; it does not concern PNG and JPEG."""
    from spinebench.benchmarks.render import DEFAULT_WINDOW

    window = window or DEFAULT_WINDOW
    limit = policy.max_pixels
    match source.kind:
        case "raster":
            from spinebench.benchmarks.render import from_raster

            assert source.raster is not None
            return from_raster(source.place.path, source.data, source.raster)
        case "dicom":
            from spinebench.benchmarks.dicom import render_dicom

            return render_dicom(source.place, frame=ref.frame, max_pixels=limit, window=window)
        case "nifti" | "metaimage":
            from spinebench.benchmarks.nifti import render_nifti

            return render_nifti(
                source.place, frame=ref.frame, plane=ref.plane, max_pixels=limit, window=window
            )


def _described(
    data: bytes,
    media_type: Literal["image/png", "image/jpeg"],
    size: tuple[int, int],
    steps: tuple[str, ...],
    source: Source | None,
) -> tuple[bytes, SentImage]:
    image = SentImage(
        source_path=None if source is None else source.place.path,
        source_sha256=None if source is None else source.sha256,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        width=size[0],
        height=size[1],
        n_bytes=len(data),
        transform="; ".join(steps),
    )
    return data, image


def _raster(place: Place, data: bytes, policy: ImagePolicy) -> Raster:
    try:
        raster = read_raster(data)
    except StructureError as error:
        raise ImageError(
            ImageProblem.TRUNCATED if error.truncated else ImageProblem.NOT_AN_IMAGE,
            place.path,
            str(error),
            expected="a complete PNG or JPEG file",
            mend="restore the file from its source",
        ) from error
    assert raster is not None
    if raster.width * raster.height > policy.max_pixels:
        size = f"{raster.width} x {raster.height} pixels"
        raise _too_large(place, f"has {size}", f"at most {policy.max_pixels:,} pixels")
    return raster


def _kind(place: Place, head: bytes) -> SourceKind:
    name = place.path.casefold()
    if head[128:132] == b"DICM" or name.endswith(_DICOM_ENDINGS):
        return "dicom"
    if name.endswith(_NIFTI_ENDINGS):
        return "nifti"
    if name.endswith(_METAIMAGE_ENDINGS):
        return "metaimage"
    raise ImageError(
        ImageProblem.NOT_AN_IMAGE,
        place.path,
        f"starts with the bytes {head[:8]!r}",
        expected="a PNG, JPEG, DICOM, NIfTI or MetaImage (.mha) file",
        mend="convert it to PNG, or correct the path",
    )


def _too_large(place: Place, found: str, expected: str) -> ImageError:
    return ImageError(
        ImageProblem.TOO_LARGE,
        place.path,
        found,
        expected=expected,
        mend="make it smaller, or raise max_pixels of the image policy",
    )
