"""What the folders of runs and of audits share: a description written once, a lock, and progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, Self, TypeVar

from pydantic import ValidationError

from spinebench.audit_records import AuditSpec, AuditStatus
from spinebench.errors import DataError, UsageError
from spinebench.records import RunSpec, RunState, RunStatus
from spinebench.store.folders import create_folder
from spinebench.store.journal import explain
from spinebench.store.locks import is_held, run_lock

SpecT = TypeVar("SpecT", RunSpec, AuditSpec)
StatusT = TypeVar("StatusT", RunStatus, AuditStatus)


@dataclass(frozen=True)
class Kind(Generic[SpecT, StatusT]):
    """What makes a folder one of a run or one of an audit."""

    what: str
    """Its name in messages; `<what>.json` is the description's file."""
    spec: type[SpecT]
    status: type[StatusT]
    id_of: Callable[[SpecT], str]
    resume: str
    """The command that goes on with it, without the id."""


class WorkFolder(Generic[SpecT, StatusT]):
    """A run or an audit on disk. Reading takes no lock; whoever writes the status holds `lock()`."""

    def __init__(self, path: Path, kind: Kind[SpecT, StatusT]) -> None:
        self.path = path
        self._kind: Kind[SpecT, StatusT] = kind

    @property
    def title(self) -> str:
        """How messages name it: `run <id>` or `audit <id>`."""
        return f"{self._kind.what} {self.path.name}"

    def spec(self) -> SpecT:
        """What it is, as it was written before the first call. Raises DataError where the file is unreadable,
        names another one than the folder does, or was written by a later version."""
        return self._spec

    @cached_property
    def _spec(self) -> SpecT:
        what = self._kind.what
        path = self.path / f"{what}.json"
        try:
            spec = self._kind.spec.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(
                f"{what} {self.path.name!r}: expected {str(path)!r}, but {error.strerror}; restore it from a "
                "backup"
            ) from error
        except ValidationError as error:
            raise DataError(
                f"{what} description {str(path)!r}: expected one of this version, but {explain(error)}; "
                "restore it from a backup, or use the version that wrote it"
            ) from None
        named = self._kind.id_of(spec)
        if named != self.path.name:
            raise DataError(
                f"{what} folder {str(self.path)!r}: expected the name {named!r}, as its {path.name} says; "
                "rename the folder, or move the copy out of the workspace"
            )
        return spec

    @contextmanager
    def lock(self) -> Iterator[Self]:
        """Be the one process at work on it. Raises UsageError with the holder's pid.

        A lock left by a killed process is free: the kernel let go of it.
        """
        with run_lock(self.path / "lock", run_id=self.path.name, what=self._kind.what):
            yield self

    def is_live(self) -> bool:
        """Whether a living process holds the lock."""
        return is_held(self.path / "lock")

    def write_status(self, status: StatusT) -> None:
        """Replace `status.json` whole: a reader sees the old or the new one."""
        draft = self.path / ".status.json.new"
        draft.write_text(status.model_dump_json() + "\n", encoding="utf-8")
        draft.replace(self.path / "status.json")

    def status(self) -> StatusT | None:
        """The last progress written; None before the first and where the file is unreadable.

        What is `running` by its status, but has no living process, is `incomplete`; the counts are those of its
        last breath.
        """
        try:
            status = self._kind.status.model_validate_json((self.path / "status.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        if status.state is RunState.RUNNING and not self.is_live():
            message = (
                f"its process {status.pid} ended without a word; "
                f"'{self._kind.resume} {self.path.name}' goes on"
            )
            return status.model_copy(update={"state": RunState.INCOMPLETE, "message": message})
        return status


def create_work_folder(
    path: Path, kind: Kind[SpecT, StatusT], spec: SpecT, files: dict[str, Iterable[str]]
) -> None:
    """Write the description and `files`, and let the folder appear whole, or not at all.

    Raises UsageError where one of that id exists, StoppedError on a full disk.
    """
    what = f"{kind.what} {kind.id_of(spec)!r}"
    if path.exists():
        raise UsageError(f"{what}: expected a new id, but it exists; resume it, or name another")
    create_folder(path, {f"{kind.what}.json": (spec.model_dump_json(indent=2) + "\n",), **files}, what=what)
