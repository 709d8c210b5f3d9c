"""Figures that outlive the server: in the workspace's cache folder, each under a digest of all that it was made from.

A figure is found again only while the data, the question and the code are the same ones, so that nothing stale is
shown; what is damaged, cut short or of another layout counts as not kept. The folder may be removed at any time, and
where it cannot be written to, everything is computed as before. Nothing in it is executed: JSON and Arrow.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

import spinebench

MOST_BYTES = 64 << 20
"""Of all kept figures of a workspace together; beyond it those that were not asked for the longest are removed."""
MOST_FILES = 4_000
_LARGEST = 4 << 20
"""Of one figure: what is larger is computed anew."""
_LAYOUT = 1
_PRUNED_EVERY = 50
_LIBRARIES = ("duckdb", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "scikit-learn", "statsmodels")
_ELSEWHERE = frozenset({"__pycache__", "builder", "cli", "corpus", "demo"})
"""Folders of code that no figure is made by."""
_writes = count(1)
_Found = TypeVar("_Found")


class KeptFigures:
    """The kept figures of one workspace. Several processes may read and write them at once."""

    def __init__(
        self, cache_dir: Path, *, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES
    ) -> None:
        self.folder = cache_dir / "figures"
        self._most_bytes, self._most_files = most_bytes, most_files

    def read(self, key: str) -> bytes | None:
        """What is kept under a key (of `key_of`); None where nothing is, or not what was written."""
        path = self.folder / f"{key}.kept"
        try:
            head, _, content = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if head != _head(key, content):
            return None
        with suppress(OSError):  # what is still asked for is removed last
            os.utime(path)
        return content

    def write(self, key: str, content: bytes) -> None:
        """Keep it, whole or not at all; nothing happens where the folder cannot be written to."""
        if len(content) > _LARGEST:
            return
        draft = self.folder / f".{key}.{os.getpid()}-{threading.get_ident()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(_head(key, content) + b"\n" + content)
            draft.replace(self.folder / f"{key}.kept")
        except OSError:  # full, or only to be read: the figure is shown all the same
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            return
        if next(_writes) % _PRUNED_EVERY == 0:
            self.prune()

    def prune(self) -> None:
        """Remove the oldest files until the rest is within the bounds, drafts of ended processes among them."""
        found = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    with suppress(OSError):  # a draft that has become a figure meanwhile
                        stat = entry.stat()
                        found.append((stat.st_mtime_ns, stat.st_size, entry.path))
        except OSError:
            return
        found.sort(reverse=True)
        room = self._most_bytes
        for place, (_, size, path) in enumerate(found):
            room -= size
            if room < 0 or place >= self._most_files:
                with suppress(OSError):  # another process was faster
                    os.unlink(path)


def kept_record(
    figures: KeptFigures,
    key: str,
    kind: TypeAdapter[_Found],
    compute: Callable[[], _Found],
    still: Callable[[], bool],
) -> _Found:
    """What is kept under the key, or else what `compute` gives, kept for the next time.

    It is kept only if `still` says after the computation that the data are those that the key names.
    """
    found = read_record(figures, key, kind)
    if found is not None:
        return found
    made = compute()
    if still():
        figures.write(key, kind.dump_json(made))
    return made


def read_record(figures: KeptFigures, key: str, kind: TypeAdapter[_Found]) -> _Found | None:
    """What is kept under the key; None where nothing is, or nothing of that kind."""
    content = figures.read(key)
    if content is None:
        return None
    try:
        return kind.validate_json(content)
    except ValidationError:
        return None


def kept_table(
    figures: KeptFigures, key: str, compute: Callable[[], pa.Table], still: Callable[[], bool]
) -> pa.Table:
    """As `kept_record`, for a table."""
    content = figures.read(key)
    if content is not None:
        try:
            return pa.ipc.open_stream(content).read_all()
        except (pa.ArrowException, OSError):
            pass
    made = compute()
    if made.nbytes <= _LARGEST and still():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, made.schema) as stream:
            stream.write_table(made)
        figures.write(key, sink.getvalue().to_pybytes())
    return made


def key_of(what: str, *asked: object) -> str:
    """A digest of what is asked, of which state of the data, and of the code that answers.

    `asked` are parts that JSON can hold; times and paths among them as text.
    """
    text = json.dumps([_LAYOUT, code_digest(), what, *asked], default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest() -> str:
    """Of the code and queries that figures are made by, and of the versions of what they are computed with."""
    found = hashlib.sha256()
    for root, folders, names in os.walk(Path(spinebench.__file__).parent, followlinks=True):
        folders[:] = sorted(set(folders) - _ELSEWHERE)
        for name in sorted(names):
            if name.endswith((".py", ".sql")):
                path = Path(root, name)
                found.update(f"{path.name}\n".encode())
                found.update(path.read_bytes())
    for name in _LIBRARIES:
        try:
            found.update(f"{name} {version(name)}\n".encode())
        except PackageNotFoundError:
            continue
    return found.hexdigest()


def _head(key: str, content: bytes) -> bytes:
    return f"{key} {hashlib.sha256(content).hexdigest()}".encode()
