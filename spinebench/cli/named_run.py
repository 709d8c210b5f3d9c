"""The run that a person names on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinebench.errors import UsageError

if TYPE_CHECKING:
    from spinebench.store.run_folder import RunFolder
    from spinebench.store.workspace import Workspace


def named_run(workspace: Workspace, name: str) -> RunFolder:
    """The run of that id, its unique beginning, or `latest`. Raises `UsageError` where there is none."""
    if name != "latest":
        return workspace.run(name)
    latest = workspace.latest()
    if latest is None:
        raise UsageError(
            f"workspace {str(workspace.path)!r}: expected at least one run; start one with 'spinebench run' or "
            "'spinebench demo', or name another workspace with --workspace"
        )
    return latest
