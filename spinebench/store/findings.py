"""What a check of a workspace finds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from spinebench.records import Record
from spinebench.store.workspace import Workspace


class Severity(StrEnum):
    """Whether something is wrong or only worth knowing."""

    ERROR = "error"
    NOTICE = "notice"


class Finding(Record):
    """One thing that `check` found."""

    severity: Severity
    where: str
    """Path inside the workspace, or `run RUN, table TABLE`, `audit AUDIT, table TABLE`, `table TABLE`."""
    what: str
    """`<what>: expected <...>; <how to mend it>`, as errors read."""


def error(workspace: Workspace, path: Path, what: str) -> Finding:
    """Something that is wrong with a file."""
    return Finding(severity=Severity.ERROR, where=str(path.relative_to(workspace.path)), what=what)


def notice(workspace: Workspace, path: Path, what: str) -> Finding:
    """Something worth knowing of a file."""
    return Finding(severity=Severity.NOTICE, where=str(path.relative_to(workspace.path)), what=what)
