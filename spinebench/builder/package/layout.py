"""Where an image lies in a package: `images/<source>/<study>/<series>/<name>.png`, as pathology files name theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from spinebench.benchmarks.identifiers import in_path
from spinebench.builder.records import LabelledImage, StandardImage
from spinebench.errors import DataError
from spinebench.records import digest

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 80
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")
"""Names that Windows keeps for devices."""


def image_paths(
    images: Iterable[str], labelled: Mapping[str, LabelledImage], standard: Mapping[str, StandardImage]
) -> dict[str, str]:
    """Image id -> path in the package, each path once, whatever the order of ids.

    Source, study and series are kept, so that the reader finds source and study again. A part that looks like a name, a
    date or a record number, or that states sex or age, is replaced by digits of a hash. Two images whose paths would
    differ only in case get digits of their own.

    Raises `DataError` for an id that has no labelled or no standardized image.
    """
    wanted: dict[str, list[str]] = {}
    for image_id in sorted(set(images)):
        if image_id not in labelled or image_id not in standard:
            where = "labelled" if image_id not in labelled else "standardized"
            raise DataError(
                f"image {image_id!r} of an accepted question: expected it among the {where} images; build again "
                "from the stage before"
            )
        wanted.setdefault(_path(labelled[image_id]), []).append(image_id)
    folded: dict[str, int] = {}
    for path, ids in wanted.items():
        folded[path.casefold()] = folded.get(path.casefold(), 0) + len(ids)
    paths = {}
    for path, ids in wanted.items():
        for image_id in ids:
            alone = folded[path.casefold()] == 1
            paths[image_id] = path if alone else f"{path.removesuffix('.png')}-{digest(image_id)[:12]}.png"
    return paths


def _path(image: LabelledImage) -> str:
    stem = PurePosixPath(image.path.replace("\\", "/")).name
    stem = re.sub(r"(?i)\.(png|jpe?g|dcm|dicom|ima|nii|nii\.gz|mha|tiff?|bmp)$", "", stem)
    if image.frame is not None:
        stem += f"-{image.plane or 'frame'}-{image.frame}"
    parts = [image.source, image.study or image.patient, image.series, stem]
    return "images/" + "/".join(_safe(part, image.source) for part in parts if part) + ".png"


def _safe(part: str, source: str) -> str:
    """A part of a path without anything that identifies a person or that some file system refuses."""
    name = _UNSAFE.sub("_", part).strip("._")
    if (
        not name
        or len(name) > _LONGEST
        or _RESERVED.match(name)
        or _tells(part, source)
        or _tells(name, source)
    ):
        return digest(part)[:16]
    return name


def _tells(part: str, source: str) -> bool:
    """Whether a part looks like an identifier; the numbers of a public data set below its own folder do not."""
    return next(in_path(f"{source}/{part}/_"), None) is not None
