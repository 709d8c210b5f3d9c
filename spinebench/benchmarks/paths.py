"""Finds the file of an image path, and refuses every path that leads out of the benchmark's image folder."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spinebench.benchmarks.problems import ImageError, ImageProblem


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image lies, with links resolved, and what the file system said of it."""

    path: str
    named: Path
    """The file under its own name, which tells some formats apart."""
    file: Path
    """The file with links resolved."""
    status: os.stat_result

    def open(self) -> BinaryIO:
        """The file, opened for reading. Raises `ImageError` where that is not allowed."""
        try:
            return open(self.file, "rb")
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def read(self) -> bytes:
        """All bytes of the file. Raises `ImageError`."""
        with self.open() as stream:
            return stream.read()


def sha256_of(stream: BinaryIO) -> str:
    """SHA-256 (hex) of what a stream still holds, read in pieces."""
    sha256 = hashlib.sha256()
    while piece := stream.read(1 << 20):
        sha256.update(piece)
    return sha256.hexdigest()


class Folder:
    """A folder of images, and the only way to the files in it."""

    def __init__(self, root: Path | str) -> None:
        self.name = Path(root).name
        self.real = os.path.realpath(root)

    def locate(self, path: str) -> Place:
        """The regular, non-empty file that `path` names below the folder.

        Raises `ImageError`: absolute paths, `..` and links that leave the folder are `outside`, and so is a
        NUL character; folders, pipes and devices are never opened.
        """
        drive = len(path) > 1 and path[1] == ":" and path[0].isascii() and path[0].isalpha()
        if not path or path.startswith(("/", "\\")) or drive or "\0" in path:
            raise _outside(path)
        named = os.path.join(self.real, path)
        try:
            real = os.path.realpath(named)
            if not real.startswith(self.real.rstrip(os.sep) + os.sep):
                raise _outside(path)
            status = os.stat(real)
        except FileNotFoundError:
            raise ImageError(
                ImageProblem.MISSING,
                path,
                f"is not in the folder {self.name!r}",
                expected="a file of the benchmark's image folder",
                mend="add the file, or name the right folder",
            ) from None
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
            raise ImageError(
                ImageProblem.UNREADABLE, path, f"is {kind}", expected="an image file", mend="correct the path"
            )
        if status.st_size == 0:
            raise ImageError(
                ImageProblem.UNREADABLE, path, "is empty", expected="an image file", mend="restore the file"
            )
        return Place(path, Path(named), Path(real), status)

    def status(self, path: str) -> os.stat_result:
        """What the file system says of a path that was located before. Raises `OSError`."""
        return os.stat(os.path.join(self.real, path))


def _outside(path: str) -> ImageError:
    return ImageError(
        ImageProblem.OUTSIDE,
        path,
        "leads out of the benchmark's image folder",
        expected="a relative path to a file inside it, links followed",
        mend="move the file into the folder, or name another folder",
    )


def _unreadable(path: str, error: Exception) -> ImageError:
    reason = getattr(error, "strerror", None) or str(error)
    return ImageError(
        ImageProblem.UNREADABLE,
        path,
        f"cannot be read ({reason})",
        expected="a readable file",
        mend="check its path and permissions",
    )
