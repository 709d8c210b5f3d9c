"""Where an image that may not be copied is to be had: its file in the source and what is made of it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from spinebench.benchmarks.identifiers import in_path
from spinebench.builder.package.machine_paths import machine_paths
from spinebench.builder.records import LabelledImage, StandardImage
from spinebench.errors import DataError
from spinebench.records import JsonValue, Record, Sha256, digest

POINTERS: Final = "pointers.jsonl"
STANDARDIZING: Final = "standardizing.json"


class Pointer(Record):
    """One line of `pointers.jsonl`."""

    image: str = Field(min_length=1)
    """Path in the release, where the restored image belongs."""
    source: str
    path: str | None = None
    """Below the source's folder; None where it looks like a name, a date or a record number: found by its hash then."""
    source_sha256: Sha256
    frame: int | None = None
    """As the label files ask for it; None: by the rule of `standardizing.json`."""
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    transform: str
    """Steps as they were recorded, to be read: the slice that was taken, window, resizing."""
    sha256: Sha256
    """Of the image file to be restored."""
    pixel_hash: Sha256
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class Standardizing(Record):
    """`standardizing.json`: everything beside the source file that decides the pixels."""

    policy: dict[str, JsonValue] = Field(default_factory=dict)
    """The plan's settings for standardization that decide a picture."""


def pointer(image: LabelledImage, standard: StandardImage, *, path: str) -> Pointer:
    """The pointer of an image. Raises `DataError` where its path below the source is absolute."""
    if machine_paths(image.path) or ".." in image.path.split("/"):
        raise DataError(
            f"path {image.path!r} of image {image.id!r}: expected a path below the folder of source {image.source!r}; "
            "import again"
        )
    tells = any(finding.direct for finding in in_path(f"{image.source}/{image.path}"))
    return Pointer(
        image=path,
        source=image.source,
        path=None if tells else image.path,
        source_sha256=standard.source_sha256,
        frame=image.frame,
        plane=image.plane,
        transform=standard.transform,
        sha256=standard.sha256,
        pixel_hash=standard.pixel_hash,
        width=standard.width,
        height=standard.height,
    )


def public_id(image_id: str) -> str:
    """An image's id as it may be given on: a hash in place of what looks like a name, a date or a record number."""
    if not any(finding.direct for finding in in_path(image_id)):
        return image_id
    source, _, _ = image_id.partition("/")
    return f"{source}/{digest(image_id)[:16]}"


def with_public_ids(value: JsonValue) -> JsonValue:
    """A JSON value with `public_id` in place of every text that is a path, such as an image's id or a cluster."""
    if isinstance(value, str):
        return public_id(value) if "/" in value and "\n" not in value and len(value) < 400 else value
    if isinstance(value, dict):
        return {key: with_public_ids(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_public_ids(one) for one in value]
    return value
