"""Records as lines of JSON: files that appear whole or not at all, and are read back strictly."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from spinebench.errors import DataError, StoppedError
from spinebench.records import JsonValue, Record, Sha256

R = TypeVar("R", bound=Record)


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write one record per line, defaults left out, and return their number. Raises `StoppedError` on a full disk."""
    n = 0

    def lines() -> Iterator[bytes]:
        nonlocal n
        for record in records:
            n += 1
            fields = record.model_dump(mode="json", exclude_defaults=True)
            yield (json.dumps(fields, ensure_ascii=False) + "\n").encode()

    put_whole(path, lines())
    return n


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """The records of a file that `write_records` wrote. Raises `DataError` with file and line where one is none."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(
            f"{path.name!r} of the build: expected a file to read, but {error.strerror}; build again"
        ) from error
    with stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield kind.model_validate_json(line)
            except ValidationError as error:
                found = error.errors(include_url=False)[0]
                raise DataError(
                    f"{path.name}, line {number}: expected a {kind.__name__}, found {found['msg']} at "
                    f"{'.'.join(str(part) for part in found['loc']) or 'the line'}; delete the file and build again"
                ) from error


def write_json(path: Path, value: JsonValue) -> None:
    """Write one JSON value, indented, keys in their order."""
    put_whole(path, [(json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()])


def put_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that appears whole, synced, or not at all; its folder is made where missing.

    Raises `StoppedError` where the disk is full or the folder cannot be written to.
    """
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise _stopped("file", path, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        _unlink(name)
        raise _stopped("file", path, error) from error
    except BaseException:
        _unlink(name)
        raise


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where missing. Raises `StoppedError` where that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _stopped("folder", path, error) from error


def _stopped(what: str, path: Path, error: OSError) -> StoppedError:
    return StoppedError(
        f"{what} {path.name!r} of the build: expected room and leave to write it, but {error.strerror}; mend that, "
        "then call the same command again"
    )


def file_sha256(path: Path) -> Sha256:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unlink(name: str) -> None:
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass
