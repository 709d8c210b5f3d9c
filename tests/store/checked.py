"""Workspaces that are damaged, and what the check says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from spinebench.store import Workspace
from spinebench.store.check import Severity, check

Damage: TypeAlias = Callable[[Workspace], object]


def tree(workspace: Workspace) -> dict[str, bytes]:
    """All files of a workspace but its locks."""
    return {
        str(path.relative_to(workspace.path)): path.read_bytes()
        for path in workspace.path.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def append(path: Path, data: bytes) -> None:
    """Bytes behind the end of a file."""
    with path.open("ab") as file:
        file.write(data)


def edit(workspace: Workspace, statement: str) -> None:
    """A change of the database behind the back of the journals."""
    with workspace.database.writing() as connection:
        connection.execute(statement)


def assert_only_error(workspace: Workspace, where: str, what: str) -> None:
    """The check finds this one error, beside whatever notices, and changes nothing."""
    before = tree(workspace)
    errors = [finding for finding in check(workspace) if finding.severity is Severity.ERROR]
    assert [finding.where for finding in errors] == [where]
    assert what in errors[0].what
    assert tree(workspace) == before


def assert_only_notice(workspace: Workspace, where: str, what: str) -> None:
    """The check has this one notice to give, and no error."""
    (finding,) = check(workspace)
    assert (finding.severity, finding.where) == (Severity.NOTICE, where)
    assert what in finding.what
