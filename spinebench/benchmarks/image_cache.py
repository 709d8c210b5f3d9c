"""Keeps converted images on disk: made once, and sent from there."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from spinebench.benchmarks.paths import sha256_of
from spinebench.errors import StoppedError, UsageError
from spinebench.records import SentImage

_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg"}


class ImageCache:
    """Files by name, each beside the record of what it is. What is damaged counts as absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> tuple[SentImage, Path] | None:
        """The record and file kept under a name; None where there is none or it is damaged."""
        try:
            image = SentImage.model_validate_json(self._place(name, ".json").read_bytes())
            file = self._place(name, _ENDINGS[image.media_type])
            with file.open("rb") as stream:
                same = sha256_of(stream) == image.sha256
        except (OSError, ValidationError):
            return None
        return (image, file) if same else None

    def put(self, name: str, data: bytes, image: SentImage) -> Path:
        """Keep the bytes and their record; each file appears whole or not at all.

        Raises `StoppedError` where the disk is full, `UsageError` where the folder cannot be written.
        """
        file = self._place(name, _ENDINGS[image.media_type])
        record = image.model_copy(update={"source_path": None})  # equal files may lie under several paths
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, data)
            _write(self._place(name, ".json"), record.model_dump_json().encode())
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StoppedError(
                    f"prepared image {file.name!r}: expected room to write it, the disk is full; "
                    "free some space and resume"
                ) from error
            raise UsageError(
                f"folder for prepared images {str(self._folder)!r}: expected to be able to write there "
                f"({error.strerror}); choose another workspace"
            ) from error
        return file

    def _place(self, name: str, ending: str) -> Path:
        return self._folder / name[:2] / f"{name}{ending}"


def _write(file: Path, data: bytes) -> None:
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(part, file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
