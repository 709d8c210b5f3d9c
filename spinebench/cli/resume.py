"""`spinebench resume`: go on with what a run is missing or failed."""

from __future__ import annotations

from typing import Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import Display, DisplayOption, JsonOption, WorkspaceOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

_PANEL = "Connections, retries and limits"
_PLACES = "Where things are"


@app.command()
def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its unique beginning, or 'latest'.")],
    *,
    benchmark: Annotated[
        str | None,
        typer.Option("--benchmark", "-b", rich_help_panel=_PLACES, help="Where the benchmark file is now."),
    ] = None,
    image_root: Annotated[
        str | None, typer.Option("--images", rich_help_panel=_PLACES, help="Where its images are now.")
    ] = None,
    allow_identifiers: Annotated[
        bool | None,
        typer.Option("--allow-identifiers", rich_help_panel=_PLACES, help="As for run.", show_default=False),
    ] = None,
    max_connections: Annotated[
        int | None, typer.Option("--max-connections", min=1, rich_help_panel=_PANEL, help="As for run.")
    ] = None,
    max_retries: Annotated[
        int | None, typer.Option("--max-retries", min=0, rich_help_panel=_PANEL, help="As for run.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", rich_help_panel=_PANEL, help="As for run.")
    ] = None,
    item_timeout: Annotated[
        float | None, typer.Option("--item-timeout", rich_help_panel=_PANEL, help="As for run.")
    ] = None,
    budget_usd: Annotated[
        float | None, typer.Option("--budget-usd", rich_help_panel=_PANEL, help="For this sitting.")
    ] = None,
    token_limit: Annotated[
        int | None, typer.Option("--token-limit", rich_help_panel=_PANEL, help="For this sitting.")
    ] = None,
    fail_on_error: Annotated[
        float | None, typer.Option("--fail-on-error", rich_help_panel=_PANEL, help="As for run.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
) -> int:
    """Go on with a run: finished answers are kept, missing and failed ones are asked.

    Refused where anything that can change an answer differs from the run's beginning; it lists what.
    """
    from spinebench.cli.environment import environment
    from spinebench.cli.named import named_run
    from spinebench.cli.sitting import sit_and_print
    from spinebench.runs.sitting import prepare_resume
    from spinebench.store.workspace import Workspace

    environment()
    place = Workspace(workspace)
    folder = named_run(place, run)
    changes = {
        "benchmark": benchmark,
        "image_root": image_root,
        "allow_identifiers": allow_identifiers,
        "max_connections": max_connections,
        "max_retries": max_retries,
        "timeout": timeout,
        "item_timeout": item_timeout,
        "budget_usd": budget_usd,
        "token_limit": token_limit,
        "fail_on_error": fail_on_error,
    }
    prepared = prepare_resume(
        folder, place, **{name: value for name, value in changes.items() if value is not None}
    )
    return sit_and_print(prepared, place, folder=folder, display=display.value, as_json=json)
