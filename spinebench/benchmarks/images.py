"""The images of a benchmark, from reference to the file whose bytes are sent."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

from spinebench.benchmarks import identifiers
from spinebench.benchmarks.identifiers import IdentifierFinding
from spinebench.benchmarks.image_cache import ImageCache
from spinebench.benchmarks.paths import Folder
from spinebench.benchmarks.preparing import (
    ImagePolicy,
    Source,
    blank,
    converted,
    open_source,
    unchanged,
)
from spinebench.records import ImageRef, SentImage, digest

CONVERSION = "1"
"""Version of everything that decides a converted picture; part of its name in the cache."""
_REMEMBERED = 8192

_K = TypeVar("_K")
_V = TypeVar("_V")
Identity = tuple[int, int, int, int, int]
"""Device, inode, size, times of change: what a file cannot keep when its content is replaced."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image ready for sending."""

    image: SentImage
    file: Path
    """Holds exactly the bytes of `image.sha256`."""


class ImageStore:
    """The images below one folder. Safe to use from several threads.

    Nothing is decoded where a file can be sent as it is: it is read once, hashed, and its structure checked
    to its end. Converted files are kept in `cache_dir` by the hash of source and policy, and used again.
    """

    def __init__(self, root: Path | str, *, cache_dir: Path | str, policy: ImagePolicy | None = None) -> None:
        self.root = Path(root)
        self.policy = policy or ImagePolicy()
        self._policy_hash = digest([self.policy.model_dump(), CONVERSION])[:16]
        self._folder = Folder(self.root)
        self._cache = ImageCache(Path(cache_dir))
        self._prepared: OrderedDict[ImageRef, tuple[Identity, PreparedImage]] = OrderedDict()
        self._findings: OrderedDict[str, tuple[Identity, tuple[IdentifierFinding, ...]]] = OrderedDict()
        self._lock = Lock()

    def prepare(self, ref: ImageRef) -> PreparedImage:
        """The file to send for a reference, and its record.

        An image that was asked for before is not read again unless its file changed.
        Raises `ImageError` where it cannot be used, `StoppedError` where the disk is full.
        """
        known = self._prepared.get(ref)
        if known is not None and self._still(ref, *known):
            return known[1]
        place = self._folder.locate(ref.path)
        source = open_source(place, ref, self.policy)
        image = unchanged(source, self.policy)
        prepared = PreparedImage(image, place.file) if image is not None else self._converted(source, ref)
        identity = _identity(place.status)
        self._remember(self._prepared, ref, (identity, prepared))
        if source.kind == "raster":  # what it takes is at hand now, and cheap
            self._remember(self._findings, ref.path, (identity, tuple(source_findings(source))))
        return prepared

    def check(self, ref: ImageRef) -> SentImage:
        """What `prepare` would send; nothing is written or remembered. Raises `ImageError`."""
        source = open_source(self._folder.locate(ref.path), ref, self.policy)
        return unchanged(source, self.policy) or converted(source, ref, self.policy)[1]

    def blank(self, like: ImageRef) -> PreparedImage:
        """A uniform mid-grey image of the size in which `like` would be sent. Raises as `prepare` does."""
        size = self.prepare(like).image
        name = f"blank-{size.width}x{size.height}-{self._policy_hash}"
        kept = self._cache.get(name)
        if kept is not None:
            return PreparedImage(*kept)
        data, image = blank((size.width, size.height), self.policy)
        return PreparedImage(image, self._cache.put(name, data, image))

    def identifiers(self, ref: ImageRef, *, demographics: bool = False) -> tuple[IdentifierFinding, ...]:
        """What may identify a patient in the image's path, headers and texts, values masked.

        Sex and age in a path are left out unless asked for. Raises `ImageError` where the file cannot be
        read.
        """
        known = self._findings.get(ref.path)
        if known is None or not self._untouched(ref, known[0]):
            place = self._folder.locate(ref.path)
            source = open_source(place, ImageRef(path=ref.path), self.policy)
            known = _identity(place.status), tuple(source_findings(source))
            self._remember(self._findings, ref.path, known)
        return tuple(finding for finding in known[1] if demographics or finding.direct)

    def _converted(self, source: Source, ref: ImageRef) -> PreparedImage:
        frame = "" if ref.frame is None else f"-{ref.frame}"
        plane = "" if ref.plane is None else f"-{ref.plane}"
        name = f"{source.sha256}-{self._policy_hash}{frame}{plane}"
        kept = self._cache.get(name)
        if kept is not None:
            return PreparedImage(kept[0].model_copy(update={"source_path": ref.path}), kept[1])
        data, image = converted(source, ref, self.policy)
        return PreparedImage(image, self._cache.put(name, data, image))

    def _still(self, ref: ImageRef, identity: Identity, prepared: PreparedImage) -> bool:
        """Whether the source is untouched and the file to send is still there."""
        if prepared.image.transform == "as_is":
            return self._untouched(ref, identity)
        try:
            there = prepared.file.stat().st_size == prepared.image.n_bytes
        except OSError:
            return False
        return there and self._untouched(ref, identity)

    def _untouched(self, ref: ImageRef, identity: Identity) -> bool:
        try:
            return _identity(self._folder.status(ref.path)) == identity
        except OSError:
            return False

    def _remember(self, memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
        with self._lock:
            memory[key] = value
            while len(memory) > _REMEMBERED:
                memory.popitem(last=False)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def source_findings(source: Source) -> Iterator[IdentifierFinding]:
    """What may identify a patient in a source's path, headers and texts, values masked. Raises `ImageError`."""
    path = source.place.path
    shown = identifiers.masked_path(path)
    for finding in (*identifiers.in_path(path), *_inside(source)):
        yield finding.model_copy(update={"where": f"{shown}: {finding.where}"})


def _inside(source: Source) -> Iterator[IdentifierFinding]:
    match source.kind:
        case "raster":
            if source.raster is not None and source.raster.notes:
                yield from identifiers.in_notes(source.raster.notes)
        case "dicom":
            from spinebench.benchmarks.dicom import header_findings

            yield from header_findings(source.place)
        case "nifti":
            from spinebench.benchmarks.nifti import header_texts

            yield from identifiers.in_nifti(*header_texts(source.place))
        case "metaimage":
            from spinebench.benchmarks.metaimage import header_fields

            yield from identifiers.in_metaimage(header_fields(source.place))
