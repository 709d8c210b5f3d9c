"""The files of a source: label files by name, and whether an image is there, without a look at each one."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from spinebench.benchmarks.paths import Folder
from spinebench.benchmarks.problems import ImageError, ImageProblem
from spinebench.builder.importers.source import Source
from spinebench.errors import DataError

_REASONS = {ImageProblem.MISSING: "missing_image", ImageProblem.OUTSIDE: "outside_folder"}
_EXPORTS = (".png", ".jpg", ".jpeg")


class SourceFiles:
    """A source's folder: nothing outside it is read, links followed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._folder = Folder(source.folder)
        self._listings: dict[str, dict[str, bool]] = {}
        if not os.path.isdir(self._folder.real):
            raise DataError(
                f"folder {source.folder!r} of source {source.source_name!r}: expected a folder with the files of "
                f"{source.kind}; correct its path (docs/builder-sources.md shows the tree)"
            )

    def label_file(self, path: str) -> Path:
        """A label file below the folder. Raises `DataError` where it is missing, empty, or leads out of the folder."""
        try:
            return self._folder.locate(path).file
        except ImageError as error:
            what = {
                ImageProblem.MISSING: "there is none",
                ImageProblem.OUTSIDE: "it leads out of the source's folder",
            }.get(error.problem, "it is empty or cannot be read")
            raise DataError(
                f"label file {path!r} of source {self.source.source_name!r}: expected a file in the folder, "
                f"but {what}; see docs/builder-sources.md for the tree"
            ) from None

    def has(self, path: str) -> bool:
        """Whether there is something of this name below the folder."""
        parent, _, name = path.rpartition("/")
        return name in self._listing(parent)

    def spelled(self, path: str) -> str:
        """The path as the file has it.

        Where only its ending is in capitals (`1.DCM`, as older systems write it), or where an accented letter is one
        character here and two there (names of files from macOS).
        """
        for form in (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path)):
            stem, dot, ending = form.rpartition(".")
            for spelling in (form, stem + dot + ending.upper()):
                if self.has(spelling):
                    return spelling
        return path

    def names(self, folder: str = "") -> list[str]:
        """Names of the files directly in a folder below the source's, sorted; none where it is no folder inside."""
        return sorted(self._listing(folder))

    def problem(self, path: str) -> tuple[str, str] | None:
        """Reason and words why an image cannot be used, None where it is a file with something in it.

        A folder is listed once; only a link is looked at by itself.
        """
        parent, _, name = path.rpartition("/")
        if self._safe(path) and self._listing(parent).get(name) is True:
            return None
        try:
            self._folder.locate(path)
        except ImageError as error:
            words = {
                "missing_image": "is not in the source's folder",
                "outside_folder": "leads out of the source's folder",
            }
            reason = _REASONS.get(error.problem, "unreadable_image")
            if reason == "missing_image" and (other := self._converted(path)) is not None:
                how = (
                    "correct the path in the table"
                    if self.source.kind == "table"
                    else "get the original file, or list pictures of your own in a source of kind 'table'"
                )
                return reason, f"is not in the source's folder, but {other!r} is: {how}"
            return reason, words.get(reason, "is empty or no file that can be read")
        return None

    def _converted(self, path: str) -> str | None:
        """A picture of the same name in another format beside it, as exports of DICOM files are."""
        stem = path.rpartition(".")[0]
        return next((stem + one for one in _EXPORTS if self.has(stem + one)), None)

    @staticmethod
    def _safe(path: str) -> bool:
        return not path.startswith("/") and not {"..", ""} & set(path.split("/"))

    def _listing(self, folder: str) -> dict[str, bool]:
        """Names in a folder; True for a plain file that is not empty."""
        found = self._listings.get(folder)
        if found is None:
            found = self._listings[folder] = self._list(folder)
        return found

    def _list(self, folder: str) -> dict[str, bool]:
        try:
            real = os.path.realpath(os.path.join(self._folder.real, folder))
            if real != self._folder.real and not real.startswith(self._folder.real.rstrip(os.sep) + os.sep):
                return {}
            with os.scandir(real) as entries:
                return {
                    entry.name: entry.is_file(follow_symlinks=False)
                    and entry.stat(follow_symlinks=False).st_size > 0
                    for entry in entries
                    if not entry.is_dir()
                }
        except (OSError, ValueError):
            return {}
