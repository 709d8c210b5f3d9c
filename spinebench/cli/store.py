"""`spinebench store`: the database over the journals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.workspace_option import JsonOption, WorkspaceOption, keep, opened, wants_json

if TYPE_CHECKING:
    from spinebench.store import Workspace
    from spinebench.store.check import Finding

app = typer.Typer(help="Rebuild and check the DuckDB store.", add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def store(ctx: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Where the database is and what it holds."""
    keep(ctx, workspace, json)
    if ctx.invoked_subcommand is not None:
        return
    from spinebench.cli.console import emit, print_table

    place = opened(ctx, workspace)
    database = place.database
    database.require_workspace()
    counts = place.query("counts").to_pylist()[0]
    size_mb = database.path.stat().st_size / 1e6
    if json:
        emit({"type": "store", "database": str(database.path), "size_mb": round(size_mb, 3), **counts})
        return
    print_table(
        ("table", "rows"),
        list(counts.items()),
        title=f"{database.path} ({size_mb:.1f} MB)",
        caption="As last loaded from the journals, which hold the truth; 'spinebench store check' compares them.",
    )


@app.command()
def rebuild(ctx: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Make the database anew from the journals."""
    from spinebench.cli.console import emit, say
    from spinebench.store.ingest import Ingested
    from spinebench.store.rebuild import rebuild as make_anew

    place = opened(ctx, workspace)
    done = make_anew(place)
    if wants_json(ctx, json):
        for one in done:
            emit({"type": "loaded", **one.model_dump(mode="json", include={"run_id", "audit_id", "n_lines"})})
    n_lines = sum(one.n_lines for one in done)
    n_runs = sum(isinstance(one, Ingested) for one in done)
    audits = f", {len(done) - n_runs} audit(s)" if len(done) > n_runs else ""
    say(f"{place.database.path}: made from {n_runs} run(s){audits}, {n_lines} journal line(s).")


@app.command()
def check(
    ctx: typer.Context,
    set_aside: Annotated[
        bool,
        typer.Option(
            "--set-aside", help="First move journal lines that cannot be read into a file beside the journal."
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Read every file and hold the database against the journals; exit 3 when something is wrong."""
    from spinebench.cli.console import emit, say
    from spinebench.errors import ExitCode
    from spinebench.store.check import Severity
    from spinebench.store.check import check as findings_of

    place = opened(ctx, workspace)
    if set_aside:
        _set_aside(place)
    found = findings_of(place)
    for finding in found:
        if wants_json(ctx, json):
            emit({"type": "finding", **finding.model_dump(mode="json")})
        else:
            _print(finding)
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    if errors:
        say(
            f"{place.path}: {errors} error(s), {len(found) - errors} notice(s). Each error above says "
            "how to mend it."
        )
        return ExitCode.DATA
    audits = f", {n} audit(s)" if (n := len(place.audits())) else ""
    say(f"{place.path}: sound; {len(place.runs())} run(s){audits}, {len(found)} notice(s).")
    return ExitCode.DONE


def _set_aside(place: Workspace) -> None:
    from spinebench.cli.console import say
    from spinebench.store.mend import set_aside_corrupt, set_aside_corrupt_in_audit

    for run in place.runs():
        if run.is_live():
            say(f"run {run.run_id}: left alone, as a process is at work on it.")
            continue
        aside = set_aside_corrupt(run)
        if aside is not None:
            say(
                f"run {run.run_id}: {aside.n_bytes} byte(s) moved to {aside.file}; "
                f"'spinebench resume {run.run_id}' asks again what is missing."
            )
    for audit in place.audits():
        if audit.is_live():
            say(f"audit {audit.audit_id}: left alone, as a process is at work on it.")
            continue
        for aside in set_aside_corrupt_in_audit(audit):
            say(
                f"audit {audit.audit_id}: {aside.n_bytes} byte(s) moved to {aside.file}; "
                f"'spinebench audit --resume {audit.audit_id}' asks again what judges said, "
                "'spinebench rate import' takes ratings in again."
            )


def _print(finding: Finding) -> None:
    import sys

    from spinebench.cli.console import printable

    sys.stdout.write(printable(f"{finding.severity.value:6}  {finding.where}: {finding.what}") + "\n")
