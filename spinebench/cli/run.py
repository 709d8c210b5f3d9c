"""`spinebench run`: a benchmark file and model names in, graded answers out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import PANEL, Display, DisplayOption, JsonOption, WorkspaceOption
from spinebench.cli.plan_options import given, with_plan_options
from spinebench.runs.plan import RunPlan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
@with_plan_options(RunPlan)
def run(
    plan: Annotated[
        Path | None, typer.Argument(metavar="PLAN", help="Plan file (YAML); options override its keys.")
    ] = None,
    *,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Count calls, tokens, price and what would leave the machine; no network.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the resolved plan and stop.", rich_help_panel=PANEL)
    ] = False,
    **flags: Any,
) -> int:
    """Sit an exam: ask every item under the persona prompt, extract, grade, store, print the results.

    Example: spinebench run -b evaluation/test.json -m openai/gpt-5.2 --limit 10
    """
    from spinebench.cli.environment import environment
    from spinebench.cli.sitting import print_dry_run, print_plan, sit_new_run
    from spinebench.runs.plan import plan_from
    from spinebench.store.workspace import Workspace

    resolved = plan_from(flags=given(flags, RunPlan), file=plan, environ=environment())
    if print_config:
        print_plan(resolved, as_json=json)
        return 0
    if dry_run:
        print_dry_run(resolved, Workspace(workspace), as_json=json)
        return 0
    return sit_new_run(resolved, Workspace(workspace), display=display.value, as_json=json)
