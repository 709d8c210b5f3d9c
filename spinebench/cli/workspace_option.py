"""Options of the housekeeping commands: given after the noun or after the verb (`runs --json`, `runs list
--json`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from spinebench.store import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        envvar="SPINEBENCH_WORKSPACE",
        help="Folder of runs and database.",
        show_default=str(DEFAULT_WORKSPACE),
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="NDJSON on stdout, all else on stderr.")]


def keep(context: typer.Context, workspace: Path | None, json: bool) -> None:
    """Remember what was given after the noun, for the verb."""
    context.obj = (workspace, json)


def opened(context: typer.Context, workspace: Path | None) -> Workspace:
    """The workspace that the verb names, or the noun, or the default one."""
    from spinebench.store import Workspace

    given = context.obj[0] if isinstance(context.obj, tuple) else None
    return Workspace(workspace or given or DEFAULT_WORKSPACE)


def wants_json(context: typer.Context, json: bool) -> bool:
    """Whether `--json` was given anywhere."""
    return json or (isinstance(context.obj, tuple) and bool(context.obj[1]))
