"""Makes one image an 8-bit RGB PNG without header, named by its pixels, and measures it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spinebench.benchmarks.images import source_findings
from spinebench.benchmarks.picture_hash import image_hash
from spinebench.benchmarks.preparing import Source, rendered
from spinebench.builder.quality import measure_quality
from spinebench.builder.record_files import put_whole
from spinebench.builder.records import Dropped, LabelledImage, Stage, StandardImage
from spinebench.builder.slices import choose_slice
from spinebench.builder.standard_policy import StandardPolicy
from spinebench.records import ImageRef

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES: Final = "images"
_COMPRESSION: Final = 3
"""Of the PNG files, lossless at any level: against level 6 they are 2 % larger and written in half the time."""


def standard_picture(
    image: LabelledImage, source: Source, folder: Path, policy: StandardPolicy
) -> StandardImage | Dropped:
    """The image of a source that has been read, its picture written below `folder`; or why it is left out.

    Its group is its own id. Raises `ImageError`, and `StoppedError` where the disk is full.
    """
    from spinebench.benchmarks.render import GreyWindow, limited

    findings = tuple(source_findings(source))
    burned_in = [one for one in findings if one.kind == "burned_in"]
    if burned_in and not policy.allow_identifiers:
        return dropped(image, "burned_in", "; ".join(sorted(one.what for one in burned_in)))
    taken = choose_slice(
        source,
        frame=image.frame,
        plane=image.plane or policy.plane,
        rule=policy.slice_rule,
        fraction=policy.slice_fraction,
        max_pixels=policy.max_pixels,
    )
    low, high = policy.percentiles
    whole = rendered(
        source,
        ImageRef(path=image.path, frame=taken.frame, plane=taken.plane),
        policy.of_reading(),
        GreyWindow(header=policy.window == "header", low=low, high=high),
    )
    picture = limited(whole, policy.longest_side)
    if policy.drop_blank and picture.image.getcolors(1) is not None:
        return dropped(image, "blank", "every pixel has the same colour: expected a picture")
    quality = measure_quality(picture.image, shortest_side=min(whole.image.size))
    padded, steps = _padded(picture.image) if policy.size == "square-pad" else (picture.image, ())
    pixel_hash = _pixel_hash(padded)
    file = f"{PICTURES}/{pixel_hash[:2]}/{pixel_hash}.png"
    data = _png(padded)
    put_whole(folder / file, [data])
    return StandardImage(
        id=image.id,
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_hash=pixel_hash,
        # Of the picture without its margins, which would make pictures of different patients alike.
        picture_hash=image_hash(picture.image),
        width=padded.width,
        height=padded.height,
        source_sha256=source.sha256,
        source_width=whole.image.width,
        source_height=whole.image.height,
        transform="; ".join(one for one in (taken.why, *picture.steps, *steps) if one) or "as it is",
        frame=taken.frame,
        plane=taken.plane,
        quality=quality,
        identifiers=tuple(sorted({one.kind for one in findings})),
        group=image.id,
    )


def _padded(picture: Image) -> tuple[Image, tuple[str, ...]]:
    from PIL import Image as pillow

    side = max(picture.size)
    if picture.size == (side, side):
        return picture, ()
    square = pillow.new("RGB", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square, (f"padded to {side}x{side}",)


def _pixel_hash(picture: Image) -> str:
    """SHA-256 over width and height as text and the RGB bytes, row by row."""
    return hashlib.sha256(f"{picture.width}x{picture.height}:".encode() + picture.tobytes()).hexdigest()


def _png(picture: Image) -> bytes:
    from PIL import Image as pillow

    sink = io.BytesIO()
    bare = pillow.frombytes("RGB", picture.size, picture.tobytes())  # leaves profile, EXIF and texts behind
    bare.save(sink, "PNG", compress_level=_COMPRESSION)
    return sink.getvalue()


def dropped(image: LabelledImage, reason: str, detail: str) -> Dropped:
    """An image that does not go on from here."""
    return Dropped(
        stage=Stage.STANDARDIZE, subject=image.id, reason=str(reason), detail=detail, source=image.source
    )
