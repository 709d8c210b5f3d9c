"""`spinebench doctor`: versions, keys present (never shown), state of the workspace."""

from __future__ import annotations

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY")
_PACKAGES = (
    "spinebench", "langgraph", "langchain-core", "pydantic", "openai", "anthropic", "google-genai",
    "duckdb", "streamlit", "torch", "transformers",
)  # fmt: skip


@app.command()
def doctor(*, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> int:
    """Print versions, which keys are present (never their values) and the state of the workspace."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from spinebench.cli.console import emit, print_table
    from spinebench.cli.environment import environment
    from spinebench.store.workspace import Workspace

    environment()
    rows: list[tuple[str, str, str]] = [("version", "python", platform.python_version())]
    for package in _PACKAGES:
        try:
            rows.append(("version", package, version(package)))
        except PackageNotFoundError:
            rows.append(("version", package, "not installed (pip install 'spinebench[local]')"))
    rows += [("key", name, "present" if os.environ.get(name) else "not set") for name in _KEYS]
    place = Workspace(workspace)
    if place.exists():
        runs = place.runs()
        torn = sum(len(list(run.path.glob("journal.torn-*"))) for run in runs)
        rows.append(("workspace", str(workspace), f"{len(runs)} runs, {torn} torn journal lines kept aside"))
    else:
        rows.append(("workspace", str(workspace), "none yet; the first run makes it"))
    if json:
        for kind, name, value in rows:
            emit({"type": kind, "name": name, "value": value})
    else:
        print_table(("", "name", "state"), rows)
    return 0
