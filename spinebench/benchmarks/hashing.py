"""SHA-256 of image files, read in pieces, with an optional memory of files that have not changed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from spinebench.benchmarks.paths import Folder, sha256_of


class FileHashes:
    """Hashes files below a root; as a context manager it saves its memory at the end, also after an error."""

    def __init__(self, root: Path, *, cache_file: Path | None = None) -> None:
        self._folder = Folder(root)
        self._cache_file = cache_file
        self._known: dict[str, list[object]] = _load(cache_file)
        self._changed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cache_file is not None and self._changed:
            with suppress(
                OSError
            ):  # the memory only saves time: a full disk or a read-only folder costs nothing else
                self._cache_file.parent.mkdir(parents=True, exist_ok=True)
                part = self._cache_file.with_name(f".{self._cache_file.name}.{os.getpid()}.part")
                part.write_text(json.dumps(self._known), "utf-8")
                part.replace(self._cache_file)

    def sha256(self, path: str) -> str:
        """SHA-256 (hex) of the file that an image path names. Raises `ImageError`."""
        place = self._folder.locate(path)
        status = place.status
        identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        known = self._known.get(str(place.file))
        if known is not None and known[1:] == identity:
            return str(known[0])
        with place.open() as stream:
            digest = sha256_of(stream)
        self._known[str(place.file)] = [digest, *identity]
        self._changed = True
        return digest


def _load(cache_file: Path | None) -> dict[str, list[object]]:
    """What an earlier hashing left; a damaged memory is no memory."""
    if cache_file is None:
        return {}
    try:
        known = json.loads(cache_file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
