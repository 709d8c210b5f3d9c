"""Folders and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from spinebench.errors import StoppedError
from spinebench.store.journal import sync_folder


def create_folder(path: Path, files: Mapping[str, Iterable[str]], *, what: str) -> None:
    """Make a folder that holds these files, each given as the texts it consists of.

    Killed or failed half-way it leaves no folder of that name. Raises StoppedError on a full disk.
    """
    draft = path.with_name(f".new-{path.name}-{os.getpid()}")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, texts in files.items():
            _write_synced(draft / name, texts)
        sync_folder(draft)
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoppedError(
            f"{what}: expected to write its folder {str(path)!r}, but {error.strerror}; "
            "make room or choose another --workspace, then call it again"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def replace_file(path: Path, texts: Iterable[str], *, what: str) -> None:
    """Replace a file whole, on disk when it returns: a reader sees the old or the new one.

    Raises StoppedError on a full disk; the old file is then as it was.
    """
    draft = path.with_name(f".{path.name}.new-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        _write_synced(draft, texts)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoppedError(
            f"{what}: expected to write {str(path)!r}, but {error.strerror}; make room, then call it again"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _write_synced(path: Path, texts: Iterable[str]) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for text in texts:
            file.write(text)
        file.flush()
        os.fsync(file.fileno())
