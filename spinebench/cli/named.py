"""The run or audit that a person names on the command line, and how a line to be copied names the workspace."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spinebench.errors import UsageError

if TYPE_CHECKING:
    from spinebench.store.audit_folder import AuditFolder
    from spinebench.store.run_folder import RunFolder
    from spinebench.store.workspace import Workspace

DEFAULT_WORKSPACE = Path("spinebench-workspace")
_COMMAND = re.compile(
    r"'(spinebench (?:run|resume|audit|scores|score|rate|compare|agree|calibrate|levels|sheets|dashboard|runs|store|"
    r"doctor|demo)\b[^'\n]*)'"
)
"""A command in a message, of those that take a workspace."""


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


def named_audit(workspace: Workspace, name: str) -> AuditFolder:
    """The audit of that id, its unique beginning, or `latest`. Raises `UsageError` where there is none."""
    if name != "latest":
        return workspace.audit(name)
    latest = workspace.latest_audit()
    if latest is None:
        raise UsageError(
            f"workspace {str(workspace.path)!r}: expected at least one audit; make one with 'spinebench audit RUN', "
            "or name another workspace with --workspace"
        )
    return latest


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def at(workspace: Path) -> str:
    """What a printed command needs to mean this workspace: ` --workspace PATH`, or nothing for the default one."""
    return "" if workspace == DEFAULT_WORKSPACE else f" --workspace {quoted(workspace)}"


def in_workspace_of(args: Sequence[str], text: str) -> str:
    """A message with its commands as they mean the workspace that these arguments name, so that they can be copied."""
    given = [
        args[place + 1] if one == "--workspace" else one.partition("=")[2]
        for place, one in enumerate(args)
        if (one == "--workspace" and place + 1 < len(args)) or one.startswith("--workspace=")
    ]
    if not given:
        return text
    option = at(Path(given[-1]))

    def named(match: re.Match[str]) -> str:
        return match[0] if "--workspace" in match[1] else f"'{match[1]}{option}'"

    return _COMMAND.sub(named, text)
