"""`spinebench runs`: what was run, how far it got, and how it came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.cli.workspace_option import JsonOption, WorkspaceOption, keep, opened, wants_json

if TYPE_CHECKING:
    from spinebench.store import RunFolder, Workspace

app = typer.Typer(help="List and show runs.", add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def runs(ctx: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List and show runs."""
    keep(ctx, workspace, json)
    if ctx.invoked_subcommand is None:
        _list(opened(ctx, workspace), json=json)


@app.command("list")
def list_runs(ctx: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """All runs, oldest first."""
    _list(opened(ctx, workspace), json=wants_json(ctx, json))


@app.command()
def show(
    ctx: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id, its unique beginning, or 'latest'.")
    ] = "latest",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """What a run is, how far it got, and its results by model."""
    from spinebench.cli.console import emit
    from spinebench.cli.results_table import emit_results, print_results
    from spinebench.errors import UsageError
    from spinebench.runs.results import run_results

    place = opened(ctx, workspace)
    found = place.latest() if run == "latest" else place.run(run)
    if found is None:
        raise UsageError(
            f"workspace {str(place.path)!r}: expected a run, but there is none; "
            "make one by 'spinebench run' or 'spinebench demo', or name another folder with --workspace"
        )
    results = run_results(place, found.run_id)
    n_unscored = place.query("unscored", run_id=found.run_id).num_rows
    summary = _summary(found)
    if wants_json(ctx, json):
        spec = found.spec().model_dump(mode="json")
        emit({"type": "run", **summary, "n_unscored": n_unscored, "spec": spec})
        emit_results(results)
        return
    _print_facts(found, summary, n_unscored)
    if results:
        status = found.status()
        if status is not None and summary["n_done"] is not None:
            status = status.model_copy(update={"n_done": summary["n_done"]})
        print_results(found.spec(), status, results)


def _list(place: Workspace, *, json: bool) -> None:
    from spinebench.cli.console import emit, print_table, say

    for path, error in place.unreadable_runs():
        say(f"not listed: {path.name}: {error}")
    found = [_summary(run) for run in place.runs()]
    if json:
        for summary in found:
            emit({"type": "run", **summary})
    elif found:
        columns = ("run", "created (UTC)", "benchmark", "models", "done", "state", "")
        print_table(columns, [_row(summary) for summary in found])
        for summary in found:
            if summary["n_done"] is None:
                say(f"{summary['run_id']}: {summary['message']}")
    else:
        say(
            f"{place.path}: no runs yet. 'spinebench demo' makes one without keys; see also "
            "'spinebench run --help'."
        )


def _summary(run: RunFolder) -> dict[str, Any]:
    """What `list` tells of a run, from its files alone: the database may be behind, or busy."""
    from spinebench.errors import DataError
    from spinebench.records import RunState

    spec = run.spec()
    status = run.status()
    n_done = None if status is None else status.n_done
    message = None if status is None else status.message
    if status is None or (status.state is RunState.INCOMPLETE and status.n_done < spec.n_planned):
        try:
            n_done = len(run.done_keys())  # the status file of a killed run lags behind its journal
        except DataError as error:
            message = str(error)
    return {
        "run_id": run.run_id,
        "created_at": _utc(run),
        "benchmark": spec.benchmark.name,
        "models": list(spec.models),
        "n_done": n_done,
        "n_failed": None if status is None else status.n_failed,
        "n_planned": spec.n_planned,
        "state": (RunState.INCOMPLETE if status is None else status.state).value,
        "message": message,
        "partial": spec.partial,
        "simulated": spec.simulated,
    }


def _row(summary: dict[str, Any]) -> tuple[object, ...]:
    models = summary["models"]
    return (
        summary["run_id"],
        summary["created_at"][:16].replace("T", " "),
        summary["benchmark"],
        ", ".join(models[:3]) + (f" and {len(models) - 3} more" if len(models) > 3 else ""),
        f"{_count(summary)}/{summary['n_planned']}",
        summary["state"],
        _labels(simulated=summary["simulated"], partial=summary["partial"]),
    )


def _count(summary: dict[str, Any]) -> object:
    return "?" if summary["n_done"] is None else summary["n_done"]


def _labels(*, simulated: bool, partial: bool) -> str:
    return ", ".join(label for label, applies in (("SIMULATED", simulated), ("partial", partial)) if applies)


def _print_facts(run: RunFolder, summary: dict[str, Any], n_unscored: int) -> None:
    import sys

    from spinebench.cli.console import printable

    spec = run.spec()
    drawn = " (drawn: SIMULATED)" if spec.benchmark.simulated else ""
    facts = {
        "run": f"{run.run_id}  {_labels(simulated=spec.simulated, partial=spec.partial)}".rstrip(),
        "created": f"{summary['created_at'][:16].replace('T', ' ')} UTC",
        "benchmark": f"{spec.benchmark.name}{drawn}, {spec.n_items} of {spec.benchmark.n_items} items",
        "models": ", ".join(spec.models),
        "personas": ", ".join(spec.personas),
        "images": ", ".join(spec.image_conditions),
        "options": ", ".join(spec.option_orders),
        "epochs": f"{spec.epochs}, seed {spec.seed}",
        "state": f"{summary['state']}, {_count(summary)} of {spec.n_planned} answers"
        + (f", {summary['n_failed']} failed" if summary["n_failed"] else "")
        + (f": {summary['message']}" if summary["message"] else ""),
        "folder": str(run.path),
    }
    if n_unscored:
        facts["unscored"] = f"{n_unscored} answers; 'spinebench score {run.run_id}' grades them"
    for name, text in facts.items():
        sys.stdout.write(printable(f"{name:10} {text}") + "\n")


def _utc(run: RunFolder) -> str:
    from datetime import UTC

    moment = run.spec().created_at
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).isoformat()
