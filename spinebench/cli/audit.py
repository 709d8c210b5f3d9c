"""`spinebench audit`: traces of runs are drawn, scored by judges against rubrics, and referred to clinicians."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.audits.plan import AuditPlan
from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import Display, DisplayOption, JsonOption, WorkspaceOption
from spinebench.cli.plan_options import given, with_plan_options
from spinebench.errors import ExitCode, UsageError
from spinebench.runs.plan_reading import flag_names

if TYPE_CHECKING:
    from spinebench.store.audit_folder import AuditFolder
    from spinebench.store.workspace import Workspace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

_STORED = "An audit that is there"
_OUTPUT = "Output and workspace"
_PLANNING = "Planning"

_MAY_CHANGE = (
    "image_root", "max_connections", "adaptive_connections", "max_retries", "timeout", "item_timeout", "budget_usd",
    "token_limit", "reuse", "fail_on_error", "allow_identifiers", "gates",
)  # fmt: skip
"""What `--resume` takes: nothing of it can change a judgement."""


def _stored(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="AUDIT", help=text, rich_help_panel=_STORED, show_default=False)


@app.command()
@with_plan_options(AuditPlan)
def audit(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="Run ids, their unique beginnings, or 'latest'."),
    ] = None,
    *,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Plan file (YAML); options override its keys.", rich_help_panel=_OUTPUT),
    ] = None,
    resume: Annotated[
        str | None, _stored("--resume", "Go on with an audit: what is finished is kept.")
    ] = None,
    show: Annotated[
        str | None, _stored("--show", "Print its results so far; exit code 1 if they miss its gates.")
    ] = None,
    verify: Annotated[
        str | None,
        _stored("--verify", "Draw its sample again and name every difference; exit code 3 if any."),
    ] = None,
    extend: Annotated[
        str | None,
        _stored(
            "--extend", "A new audit with its picks and judgements, and more: --per-cell, --judge, --repeats."
        ),
    ] = None,
    plan_ratings: Annotated[
        bool,
        typer.Option(
            "--plan-ratings", help="What ratings of --per-cell traces would buy.", rich_help_panel=_PLANNING
        ),
    ] = False,
    ratings: Annotated[
        int | None,
        typer.Option(
            "--ratings", min=0, help="Plan for this many ratings instead.", rich_help_panel=_PLANNING
        ),
    ] = None,
    raters: Annotated[
        int,
        typer.Option(
            "--raters", min=1, help="Clinicians per trace, for the plan.", rich_help_panel=_PLANNING
        ),
    ] = 2,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Count traces, calls, tokens, price and what would leave the machine; no network.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    print_config: Annotated[
        bool,
        typer.Option("--print-config", help="Print the resolved plan and stop.", rich_help_panel=_OUTPUT),
    ] = False,
    **flags: Any,
) -> int:
    """Audit the reasoning of runs: draw traces with known probabilities, have judges score them, refer to clinicians.

    Example: spinebench audit latest --judge openai/gpt-5.2 --judge anthropic/claude-sonnet-4-5
    """
    from spinebench.audits.plan import audit_plan_from
    from spinebench.audits.prepare import prepare_audit, prepare_audit_resume
    from spinebench.cli.audit_sitting import audit_and_print, print_audit_dry_run
    from spinebench.cli.environment import environment
    from spinebench.cli.named import named_audit
    from spinebench.cli.sitting import print_plan
    from spinebench.store.workspace import Workspace

    variables = environment()
    place = Workspace(workspace)
    values = given(flags, AuditPlan)
    if runs:
        values["runs"] = tuple(runs)
    stored = {"--resume": resume, "--show": show, "--verify": verify, "--extend": extend}
    named = [(flag, name) for flag, name in stored.items() if name is not None]
    if named:
        flag, name = named[0]
        _refuse_beside(flag, [other for other, _ in named[1:]], values, plan)
        folder = named_audit(place, name)
        if show is not None:
            return _show(folder, place, gates=values.get("gates"), as_json=json)
        if verify is not None:
            return _verify(folder, place, as_json=json)
        if resume is not None:
            prepared = prepare_audit_resume(folder, place, **values)
            return audit_and_print(prepared, place, folder=folder, display=display.value, as_json=json)
        resolved = _extended(folder, values)
    elif not (runs or plan or variables.get("SPINEBENCH_AUDIT_RUNS")):
        raise UsageError(
            "RUN: expected the runs whose traces are drawn; name them, e.g. 'spinebench audit latest --judge MODEL'"
        )
    else:
        folder = None
        resolved = audit_plan_from(flags=values, file=plan, environ=variables)
    if print_config:
        print_plan(resolved, as_json=json)
        return ExitCode.DONE
    if plan_ratings:
        return _plan_ratings(resolved, place, budget=ratings, raters=raters, as_json=json)
    prepared = prepare_audit(resolved, place, extends=folder, dry=dry_run)
    if dry_run:
        print_audit_dry_run(prepared, as_json=json)
        return ExitCode.DONE
    return audit_and_print(prepared, place, folder=None, display=display.value, as_json=json)


def _refuse_beside(flag: str, others: list[str], values: dict[str, Any], plan: Path | None) -> None:
    """Raise `UsageError` for options that do not go with one that names a stored audit."""
    if plan is not None:
        others = [*others, "--plan"]
    allowed = {
        "--resume": set(_MAY_CHANGE),
        "--extend": set(AuditPlan.model_fields) - {"runs"},
        "--show": {"gates"},
    }.get(flag, set())
    others += [_as_given(name) for name in values if name not in allowed]
    if others:
        expected = {
            "--resume": f"only {', '.join(map(_as_given, _MAY_CHANGE))}, which cannot change a judgement",
            "--extend": "no RUN and no plan file: they are the earlier audit's",
            "--show": "only --gate, in place of the gates of its plan",
        }.get(flag, "nothing else")
        raise UsageError(
            f"{flag} with {', '.join(others)}: expected {expected}; leave it out, or start a new audit"
        )


def _as_given(field: str) -> str:
    return next(iter(flag_names(AuditPlan, field)), "RUN").partition("/")[0]


def _extended(folder: AuditFolder, values: dict[str, Any]) -> AuditPlan:
    from spinebench.audits.plan import audit_plan_of

    spec = folder.spec()
    stored = {**spec.plan, "runs": spec.sample.run_ids}
    if "judges" in values:
        values = {**values, "judges": [*stored["judges"], *values["judges"]]}
    return audit_plan_of({**stored, **values})


def _show(folder: AuditFolder, workspace: Workspace, *, gates: tuple[str, ...] | None, as_json: bool) -> int:
    """The results, held against `gates`, or where there are none against those of the audit's plan."""
    from spinebench.audits.plan import audit_plan_of
    from spinebench.audits.results import audit_results
    from spinebench.cli.audit_sitting import gates_kept
    from spinebench.cli.audit_table import emit_audit, print_audit

    stored = folder.spec().plan
    plan = audit_plan_of(stored if gates is None else {**stored, "gates": gates})
    results = audit_results(folder)
    (emit_audit if as_json else print_audit)(folder.spec(), folder.status(), results)
    return gates_kept(plan, folder, workspace)


def _verify(folder: AuditFolder, workspace: Workspace, *, as_json: bool) -> int:
    from spinebench.audits.prepare import verify_audit
    from spinebench.cli.console import emit, say

    differences = verify_audit(folder, workspace)
    if as_json:
        emit({"type": "verify", "audit_id": folder.audit_id, "differences": differences})
    n = folder.spec().n_traces
    if not differences:
        say(
            f"audit {folder.audit_id}: drawn again, the same {n} traces with the same probabilities come out."
        )
        return ExitCode.DONE
    for line in differences:
        say(line)
    say(
        f"audit {folder.audit_id}: {len(differences)} differences; its runs have other answers or scores than when it "
        "was drawn. It stands as it was drawn; a new one takes the runs as they are."
    )
    return ExitCode.DATA


def _plan_ratings(
    plan: AuditPlan, workspace: Workspace, *, budget: int | None, raters: int, as_json: bool
) -> int:
    from spinebench.audits.prepare import audit_frame, named_runs
    from spinebench.cli.audit_table import print_rating_plan
    from spinebench.cli.console import emit, say
    from spinebench.evaluators.planning import rating_plan

    frame = audit_frame(plan, named_runs(plan.runs, workspace))
    found = rating_plan(
        budget,
        per_cell=plan.per_cell if budget is None else None,
        n_models=len({trace.model for trace in frame.traces}),
        n_tasks=len({trace.task for trace in frame.traces}),
        raters=raters,
    )
    if as_json:
        emit({"type": "rating_plan", **found.model_dump(mode="json")})
        return ExitCode.DONE
    print_rating_plan(found)
    for warning in dict.fromkeys(
        [*found.warnings, *(line for cell in found.cells for line in cell.warnings)]
    ):
        say(f"warning: {warning}")
    return ExitCode.DONE
