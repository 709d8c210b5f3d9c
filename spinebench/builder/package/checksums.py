"""`SHA256SUMS`: one line per file, as `sha256sum -c` reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from spinebench.builder.record_files import file_sha256, put_whole
from spinebench.records import Sha256

SUMS: Final = "SHA256SUMS"


def files_below(folder: Path) -> tuple[str, ...]:
    """Paths of all files below a folder, `/` between folders, sorted."""
    return tuple(sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()))


def write_sums(folder: Path, known: Mapping[str, Sha256] | None = None) -> None:
    """Write `SHA256SUMS` over every file below the folder but itself; `known` hashes are not taken again."""
    known = known or {}
    lines = [
        f"{known.get(name) or file_sha256(folder / name)}  {name}\n"
        for name in files_below(folder)
        if name != SUMS
    ]
    put_whole(folder / SUMS, [line.encode() for line in lines])


def tree_hash(folder: Path) -> Sha256:
    """SHA-256 over the names and bytes of all files below a folder."""
    whole = hashlib.sha256()
    for name in files_below(folder):
        whole.update(f"{file_sha256(folder / name)}  {name}\n".encode())
    return whole.hexdigest()
