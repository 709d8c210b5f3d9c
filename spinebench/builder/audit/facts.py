"""What is known of an image without looking at what it shows, and which images are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from spinebench.builder.records import LabelledImage, StandardImage
from spinebench.records import ImageRef, Item, Record, Sha256

if TYPE_CHECKING:
    from spinebench.benchmarks.benchmark import Benchmark
    from spinebench.errors import DataError

_CONTRAST = (5, 95)


class ImageFacts(Record):
    """An image as a file; what is not known stays None."""

    width: int | None = None
    height: int | None = None
    n_bytes: int | None = None
    grey_mean: float | None = None
    """0 to 1."""
    grey_contrast: float | None = None
    """Distance of the 95th and the 5th percentile of grey, 0 to 1."""
    sha256: Sha256 | None = None
    """Of the file's bytes."""
    pixel_hash: str | None = None
    picture_hash: str | None = None
    """Perceptual, 64 hex digits (`benchmarks.picture_hash`)."""
    sex: Literal["F", "M"] | None = None
    age: int | None = None


Facts = Mapping[str, ImageFacts]
"""By `facts_key`, or by the image's path alone where all splits share one folder."""


def facts_key(split: str, image: ImageRef) -> str:
    """The name of an image's facts where splits have folders of their own, or files hold several frames."""
    parts = [split, image.path]
    if image.frame is not None or image.plane is not None:
        parts.append(f"{image.plane or ''}{'' if image.frame is None else image.frame}")
    return ":".join(parts)


def facts_of(split: str, image: ImageRef, facts: Facts | None) -> ImageFacts:
    """What is known of an item's image; empty facts where nothing is."""
    if facts is None:
        return _NOTHING
    found = facts.get(facts_key(split, image))
    return facts.get(image.path, _NOTHING) if found is None else found


_NOTHING = ImageFacts()


def facts_of_standard(image: StandardImage, labelled: LabelledImage | None = None) -> ImageFacts:
    """The facts of a standardized image, as its benchmark ships it."""
    return ImageFacts(
        width=image.width,
        height=image.height,
        grey_mean=image.quality.exposure,
        grey_contrast=image.quality.contrast,
        sha256=image.sha256,
        pixel_hash=image.pixel_hash,
        picture_hash=image.picture_hash,
        sex=None if labelled is None else labelled.sex,
        age=None if labelled is None else labelled.age,
    )


def same_image_names(split: str, image: ImageRef, facts: Facts | None) -> tuple[tuple[str, str], ...]:
    """Names that an image shares with every copy of it: hash of the pixels, of the bytes, or else the path."""
    known = facts_of(split, image, facts)
    slice_name = f"#{image.plane or ''}{'' if image.frame is None else image.frame}"
    names = []
    if known.pixel_hash is not None:
        names.append(("pixels", known.pixel_hash))
    sha256 = known.sha256 or image.sha256
    if sha256 is not None:
        names.append(("bytes", sha256 + slice_name))
    return tuple(names) or (("path", image.path + slice_name),)


def read_facts(split: str, benchmark: Benchmark) -> tuple[dict[str, ImageFacts], tuple[DataError, ...]]:
    """Facts of every image of a benchmark by `facts_key`, from the pictures that a model would be sent.

    What cannot be read has no facts and is in the second part, one error per image.
    """
    from tempfile import TemporaryDirectory

    from spinebench.benchmarks.images import ImageStore
    from spinebench.benchmarks.problems import ImageError

    found: dict[str, ImageFacts] = {}
    errors: list[DataError] = []
    with TemporaryDirectory(prefix="spinebench-audit-") as scratch:
        store = ImageStore(benchmark.image_root, cache_dir=scratch)
        for image in _distinct(benchmark.items):
            try:
                prepared = store.prepare(image)
                data = prepared.file.read_bytes()
                found[facts_key(split, image)] = _measured(data, prepared.image.source_sha256)
            except ImageError as error:
                errors.append(error)
    return found, tuple(errors)


def _distinct(items: Iterable[Item]) -> Sequence[ImageRef]:
    return tuple(dict.fromkeys(image for item in items for image in item.images))


def _measured(data: bytes, source_sha256: str | None) -> ImageFacts:
    import hashlib
    from io import BytesIO

    import numpy as np
    from PIL import Image

    from spinebench.benchmarks.picture_hash import picture_hash

    with Image.open(BytesIO(data)) as image:
        rgb = image.convert("RGB")
    pixels = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode() + rgb.tobytes()).hexdigest()
    grey = np.asarray(rgb.convert("L"), dtype=np.float64) / 255
    low, high = np.percentile(grey, _CONTRAST)
    return ImageFacts(
        width=rgb.width,
        height=rgb.height,
        n_bytes=len(data),
        grey_mean=round(float(grey.mean()), 6),
        grey_contrast=round(float(high - low), 6),
        sha256=source_sha256,
        pixel_hash=pixels,
        picture_hash=picture_hash(data),
    )


def ending(image: ImageRef) -> str:
    """The ending of an image's file name, e.g. `.png`."""
    return PurePosixPath(image.path).suffix.casefold()
