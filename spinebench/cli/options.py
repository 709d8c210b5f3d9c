"""Options that commands of their own share; those of commands with subcommands are in `workspace_option.py`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PANEL = "Output and workspace"

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        envvar="SPINEBENCH_WORKSPACE",
        help="Folder of runs and database.",
        rich_help_panel=PANEL,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="NDJSON on stdout, all else on stderr.", rich_help_panel=PANEL)
]


class Display(StrEnum):
    """How progress is shown."""

    RICH = "rich"
    PLAIN = "plain"
    NONE = "none"


DisplayOption = Annotated[
    Display,
    typer.Option("--display", help="Progress on stderr; a bar only on a terminal.", rich_help_panel=PANEL),
]
