"""What can be wrong with a benchmark file or one of its images, as data and as errors."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from spinebench.errors import DataError
from spinebench.records import Record

SHOWN = 10
"""Invalid records named one by one in an error; the rest is counted."""


class RecordProblem(Record):
    """One thing wrong with one record."""

    field: str | None
    """Field of the record; None where the record as a whole is meant."""
    value: str
    """The offending value, shortened, as Python's repr writes it."""
    expected: str
    gold_absent: bool = False
    """True where the gold answer is not among the options."""

    def __str__(self) -> str:
        where = "the record" if self.field is None else f"field {self.field!r}"
        return f"{where} is {self.value}: expected {self.expected}"


class InvalidRecord(Record):
    """A record that gave no item, and everything that is wrong with it."""

    file: str
    """File name without its folders."""
    index: int
    """Position in the file, counted from 0."""
    line: int
    """Line where the record starts, counted from 1."""
    problems: tuple[RecordProblem, ...]

    def __str__(self) -> str:
        return f"record {self.index} (line {self.line}): {'; '.join(map(str, self.problems))}"


class BenchmarkFileError(DataError):
    """A benchmark file with invalid records. `invalid` lists all of them."""

    def __init__(self, message: str, invalid: Sequence[InvalidRecord] = ()) -> None:
        super().__init__(message)
        self.invalid = tuple(invalid)


def file_error(
    file: str, invalid: Sequence[InvalidRecord], *, n_records: int, mend: str
) -> BenchmarkFileError:
    """One error over all invalid records: the first ones in words, and the count of all."""
    lines = [f"benchmark file {file!r}: {len(invalid)} of {n_records} records are invalid"]
    lines += [f"  {record}" for record in invalid[:SHOWN]]
    if len(invalid) > SHOWN:
        lines.append(f"  and {len(invalid) - SHOWN} more")
    return BenchmarkFileError("\n".join(lines) + f"; {mend}", invalid)


def shown(value: object, *, limit: int = 80) -> str:
    """repr of a value, cut to `limit` characters, with control characters escaped."""
    if isinstance(value, str) and len(value) > limit:
        value = value[:limit] + "…"
    text = repr(value)
    return text if len(text) <= limit + 20 else text[: limit + 19] + "…"


class ImageProblem(StrEnum):
    """Why an image cannot be used."""

    MISSING = "missing"
    OUTSIDE = "outside"  # its path leads out of the benchmark's image folder
    UNREADABLE = "unreadable"  # not a regular file, no permission, empty
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"  # cut off or damaged
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"  # an image, but no decoder or no picture in it
    CHANGED = "changed"  # another SHA-256 than the benchmark declares
    FRAME = "frame"  # a frame, slice or plane that the image does not have


class ImageError(DataError):
    """An image that cannot be used; the item is not asked, the others are."""

    def __init__(self, problem: ImageProblem, path: str, found: str, *, expected: str, mend: str) -> None:
        super().__init__(f"image {shown(path, limit=200)} {found}: expected {expected}; {mend}")
        self.problem = problem
        self.path = path
