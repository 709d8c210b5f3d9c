"""Parts of a JSONL file, copied with a line number in each line, for DuckDB to read.

DuckDB reads a file from its start and in no particular order; a copy of what is new, up to the last whole
line, bounds both the time of a transaction and its memory, and a torn tail is never in it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spinebench.errors import StoppedError
from spinebench.store.journal import Line, read_lines

PART_LINES = 122_880
"""A row group of DuckDB, which then goes to disk once: parts of 64 MB took 2.7 times the CPU, for each was
written to the log and rewrote the row group that the one before had begun. Loading one takes some seconds,
for which readers wait; what a run adds between two loads is far smaller."""
PART_BYTES = 512 << 20
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Part:
    """A numbered copy of consecutive lines."""

    path: Path
    offset: int
    """In the original, of the first line."""
    first: int
    """Number of the first line."""
    n_lines: int
    end: int
    """In the original, after the last line."""
    longest: int
    """Bytes of the longest line of the copy."""


def parts(
    source: Path, draft: Path, *, offset: int = 0, number: int = 1, complain: Callable[[Line], object]
) -> Iterator[Part]:
    """Copies of the whole lines after `offset`, each written to `draft` over the one before.

    `complain` is called with a line that is no JSON object with fields, and has to raise.
    """
    lines = read_lines(source, offset=offset, number=number)
    pending = next(lines, None)
    while pending is not None:
        first, n_lines, written, longest, end = pending, 0, 0, 0, pending.offset
        try:
            with draft.open("wb", buffering=1 << 20) as copy:
                while (
                    pending is not None
                    and n_lines < PART_LINES
                    and (written == 0 or written + len(pending.data) <= PART_BYTES)
                ):
                    body = pending.data.lstrip()
                    if not body.startswith(b"{") or body[1:].lstrip().startswith(b"}"):
                        complain(pending)
                    data = b'{"line":%d,%b' % (pending.number, body[1:])
                    copy.write(data)
                    written += len(data)
                    longest = max(longest, len(data))
                    end = pending.offset + len(pending.data)
                    n_lines += 1
                    pending = next(lines, None)
        except OSError as error:
            raise StoppedError(
                f"copy {str(draft)!r} of a part of {source.name}: expected room for it, but "
                f"{error.strerror}; the "
                "journals are unharmed: make room, then try again"
            ) from error
        yield Part(draft, first.offset, first.number, n_lines, end, longest)


def tail_digest(path: Path, end: int) -> str | None:
    """SHA-256 of the last bytes before `end`; None where the file is shorter or gone.

    It tells a journal that only grew from one that was replaced.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < end:
                return None
            start = max(0, end - _TAIL_BYTES)
            file.seek(start)
            return hashlib.sha256(file.read(end - start)).hexdigest()
    except FileNotFoundError:
        return hashlib.sha256(b"").hexdigest() if end == 0 else None
