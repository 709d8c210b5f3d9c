"""What a database holds once journals were loaded."""

from __future__ import annotations

from pathlib import Path

from spinebench.store import Workspace
from spinebench.store.database import connect, statement
from spinebench.store.rebuild import build


def rows(workspace: Workspace, text: str, **params: str) -> list[tuple[object, ...]]:
    """The rows of an SQL query."""
    return [tuple(row.values()) for row in workspace.sql(text, params).to_pylist()]


def fingerprints(workspace: Workspace) -> set[tuple[object, ...]]:
    """Numbers of rows and sums over their contents, per table and run."""
    with workspace.database.reading() as connection:
        return set(connection.execute(statement("loading", "fingerprint")).fetchall())


def fingerprints_anew(workspace: Workspace, path: Path) -> set[tuple[object, ...]]:
    """The same of a database made at `path` from the journals."""
    build(workspace, path)
    with connect(path, read_only=True) as connection:
        return set(connection.execute(statement("loading", "fingerprint")).fetchall())
