"""Locks between processes: one per run or audit, one importer per rater, many readers or one writer of the
database.

They are operating-system locks (`flock`) on files that are never removed: the kernel frees them when a
process dies, however it dies, so that no lock is ever stale. Linux and macOS.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinebench.errors import StoppedError, UsageError

_PROBE_GRACE_S = 0.3
"""How long a run's lock is tried for: `is_held` takes it, shared, for an instant."""


@contextmanager
def run_lock(path: Path, *, run_id: str, what: str = "run") -> Iterator[None]:
    """Hold the lock of a run or audit, with this process's pid in it.

    Raises UsageError with the holder's pid where another process (or another part of this one) holds it, StoppedError
    where its folder cannot be written to.
    """
    try:
        descriptor = _open(path)
    except OSError as error:
        raise StoppedError(
            f"{what} {run_id!r}: expected leave to write its lock {str(path)!r}, but {error.strerror}; mend that, then "
            "call the same command again"
        ) from error
    try:
        if not _wait(descriptor, fcntl.LOCK_EX, time.monotonic() + _PROBE_GRACE_S):
            raise UsageError(
                f"{what} {run_id!r}: expected no other process at work on it, but {_holder(descriptor)} is; "
                "wait for it to end, or stop it, then try again"
            )
        note = {"pid": os.getpid(), "host": socket.gethostname()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the run lock at `path`; False where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def turn(path: Path, *, shared: bool = False, timeout_s: float = 120.0) -> Iterator[None]:
    """Wait for a lock that others hold for moments only, and hold it; `shared`: together with others who do.

    Raises StoppedError when it is not to be had in time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open(path)
    try:
        operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        if not _wait(descriptor, operation, time.monotonic() + timeout_s):
            raise StoppedError(
                f"lock {str(path)!r}: expected it to be free within {timeout_s:g} s, but another process keeps "
                "it; nothing is lost: end that process, then try again"
            )
        yield
    finally:
        os.close(descriptor)


class DatabaseLock:
    """Many readers or one writer, neither of which starves.

    Whoever wants in passes a turnstile first. A writer keeps it while it waits for the readers inside to
    leave, so that no new ones enter before it; readers pass it one by one while a writer works, so that the
    next writer finds one of them ahead. A second lock serializes the writers, for all parts of one load.
    """

    def __init__(self, folder: Path, *, timeout_s: float = 120.0, writers_timeout_s: float = 900.0) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._writers_timeout_s = writers_timeout_s

    @contextmanager
    def shared(self) -> Iterator[None]:
        """For the length of one query. Raises StoppedError when a writer does not let go in time."""
        with self._entered("database", fcntl.LOCK_SH):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """For one short transaction. Raises StoppedError when a reader does not let go in time."""
        with self._entered("database", fcntl.LOCK_EX):
            yield

    @contextmanager
    def writer(self) -> Iterator[None]:
        """For a whole load or rebuild, between whose transactions readers come in."""
        with self._held("writer", fcntl.LOCK_EX, self._writers_timeout_s):
            yield

    @contextmanager
    def _entered(self, name: str, operation: int) -> Iterator[None]:
        descriptor = self._open(name)
        if descriptor is None:
            yield
            return
        try:
            with self._held("turnstile", fcntl.LOCK_EX, self._timeout_s):
                self._take(descriptor, operation, name, self._timeout_s)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _held(self, name: str, operation: int, timeout_s: float) -> Iterator[None]:
        descriptor = self._open(name)
        if descriptor is None:
            yield
            return
        try:
            self._take(descriptor, operation, name, timeout_s)
            yield
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int | None:
        """A descriptor of a lock file; None on a read-only file system, where no one can write anyway."""
        path = self._folder / f"{name}.lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return _open(path)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None

    def _take(self, descriptor: int, operation: int, name: str, timeout_s: float) -> None:
        if not _wait(descriptor, operation, time.monotonic() + timeout_s):
            raise StoppedError(
                f"database lock {self._folder / name!s}: expected it to be free within {timeout_s:g} "
                "s, but another "
                "process keeps it; nothing is lost: end that process, then call 'spinebench store rebuild'"
            )


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UsageError(
            f"file lock: expected a file system that has them, but {error.strerror}; "
            "put the workspace on a local disk (--workspace)"
        ) from error
    return True


def _wait(descriptor: int, operation: int, deadline: float) -> bool:
    """Poll for the lock, at random intervals so that pollers do not march in step; False past the
    deadline."""
    while not _try(descriptor, operation):
        if time.monotonic() >= deadline:
            return False
        time.sleep(random.uniform(0.001, 0.01))
    return True


def _holder(descriptor: int) -> str:
    """Who holds a run's lock; the note is written just after the lock is taken, so it may lag an instant."""
    for _ in range(20):
        try:
            note = json.loads(os.pread(descriptor, 1000, 0))
            here = note["host"] == socket.gethostname()
            return f"process {note['pid']}" if here else f"process {note['pid']} on {note['host']}"
        except (ValueError, KeyError, TypeError):
            time.sleep(0.01)
    return "another process"
