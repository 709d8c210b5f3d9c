"""Starts a sitting of an audit, shows it, and ends it with a table and an exit code."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from spinebench.cli.audit_table import emit_audit, print_audit
from spinebench.cli.carrying_out import carry_out, interrupted
from spinebench.cli.console import emit, say
from spinebench.cli.named import at, quoted
from spinebench.cli.sitting import print_estimates
from spinebench.errors import ExitCode, SpinebenchError

if TYPE_CHECKING:
    from spinebench.audit_records import AuditStatus
    from spinebench.audits.plan import AuditPlan
    from spinebench.audits.prepare import PreparedAudit
    from spinebench.records import Item
    from spinebench.runs.plan import RunPlan
    from spinebench.runs.progress import Progress
    from spinebench.runs.stopping import StopSwitch
    from spinebench.store.audit_folder import AuditFolder
    from spinebench.store.workspace import Workspace


def check_audit_of(plan: RunPlan, workspace: Workspace, items: Sequence[Item]) -> None:
    """Refuse, before an exam of these items, the audit that its plan asks for where it could not begin."""
    from spinebench.audits.plan import audit_plan_of_run
    from spinebench.audits.prepare import check_before_exam

    asyncio.run(check_before_exam(audit_plan_of_run(plan, ["latest"]), workspace, items))


def audit_run(plan: RunPlan, run_id: str, workspace: Workspace, *, display: str, as_json: bool) -> int:
    """The audit that a run's plan asks for, begun or gone on with; returns its exit code."""
    from spinebench.audits.plan import audit_plan_of_run
    from spinebench.audits.prepare import prepare_audit, prepare_audit_resume

    wanted = audit_plan_of_run(plan, [run_id])
    values = json.loads(wanted.model_dump_json())
    stored = [one for one in workspace.audits() if one.spec().plan == values]
    folder = stored[-1] if stored else None
    try:
        prepared = (
            prepare_audit(wanted, workspace) if folder is None else prepare_audit_resume(folder, workspace)
        )
        return audit_and_print(prepared, workspace, folder=folder, display=display, as_json=as_json)
    except SpinebenchError as error:
        say(f"error: the exam is complete, its audit could not begin: {error}")
        say(f"go on with: spinebench resume {run_id} --workspace {quoted(workspace.path)}")
        return error.exit_code


def audit_and_print(
    prepared: PreparedAudit,
    workspace: Workspace,
    *,
    folder: AuditFolder | None,
    display: str,
    as_json: bool,
) -> int:
    """Sit a prepared audit and print its results. The last line of one that is not done says how to go on."""
    from spinebench.audits.sitting import audit_through

    for warning in prepared.warnings:
        say(f"warning: {warning}")
    if prepared.spec.simulated:
        say("SIMULATION: simulated traces or judges; no figure below is a measurement of a model.")

    async def sit(
        switch: StopSwitch, show: Callable[[Progress], None], on_start: Callable[[AuditFolder], None]
    ) -> AuditStatus:
        return await audit_through(
            prepared, workspace, folder=folder, switch=switch, on_progress=show, on_start=on_start
        )

    return carry_out(
        sit,
        display=display,
        status_of=lambda started: started.status(),
        end=lambda status, switch, error: _end(prepared, workspace, status, switch, error, as_json=as_json),
        how_to_go_on=lambda: _say_how_to_go_on(prepared.spec.audit_id, workspace),
        begun=folder is not None,
    )


def _end(
    prepared: PreparedAudit,
    workspace: Workspace,
    status: AuditStatus | None,
    switch: StopSwitch,
    error: SpinebenchError | None,
    *,
    as_json: bool,
) -> int:
    """Print what there is, then why it is not all, then how to go on; returns the exit code."""
    from spinebench.audits.results import audit_results
    from spinebench.runs.sitting import exceeds

    plan, audit_id = prepared.plan, prepared.spec.audit_id
    results = audit_results(workspace.audit(audit_id))
    place = at(workspace.path)
    if as_json:
        emit_audit(prepared.spec, status, results)
    else:
        print_audit(prepared.spec, status, results)
        say(f"audit {audit_id} in {workspace.path}; read it with: spinebench audit --show {audit_id}{place}")
    if error is not None:
        say(f"error: {error}")
        _say_how_to_go_on(audit_id, workspace)
        return error.exit_code
    assert status is not None
    if switch.request is not None:
        _say_how_to_go_on(audit_id, workspace)
        return interrupted(switch)
    if status.message:
        say(f"note: {status.message}")
    if status.n_failed and exceeds(status.n_failed, status.n_planned, plan.fail_on_error):
        say(
            f"{status.n_failed} of {status.n_planned} judgements failed: "
            f"{_reasons(workspace.audit(audit_id))}"
        )
        _say_how_to_go_on(audit_id, workspace)
        return ExitCode.FAILURES
    if not as_json and results.n_referred and not workspace.audit(audit_id).assignments():
        say(f"{results.n_referred} traces go to clinicians; next: spinebench rate packets {audit_id}{place}")
    return gates_kept(plan, workspace.audit(audit_id), workspace)


def gates_kept(plan: AuditPlan, folder: AuditFolder, workspace: Workspace) -> ExitCode:
    """Name the gates of the plan that an audit misses as it stands; exit code 1 if there are any."""
    from spinebench.audits.gate_figures import commands_behind, missed_audit_gates

    missed = missed_audit_gates(plan.gates, folder, workspace) if plan.gates else []
    for line in missed:
        say(f"gate missed: {line}")
    if not missed:
        return ExitCode.DONE
    place = f" --workspace {quoted(workspace.path)}"
    for command in commands_behind([gate for gate in plan.gates if _is_missed(gate, missed)]):
        say(f"what is behind them: spinebench {command} {folder.audit_id}{place}")
    say(f"case by case, scores beside traces: spinebench dashboard{place}")
    if folder.rating_lock() is None:
        say(
            "The gates are not met as the audit stands; hold it against those of its plan again, with what clinicians "
            f"have rated by then: spinebench audit --show {folder.audit_id}{place}"
        )
    else:
        say(
            "The gates are not met, and the ratings are locked: more traces, and ratings of them, by "
            f"spinebench audit --extend {folder.audit_id} --per-cell N{place}"
        )
    return ExitCode.FAILURES


def _is_missed(gate: str, lines: Sequence[str]) -> bool:
    from spinebench.runs.gates import parse_gate

    metric = parse_gate(gate).metric
    return any(re.match(rf"{metric}\b", line) for line in lines)


def _reasons(folder: AuditFolder) -> str:
    """Failure classes of the judgements that ended in an error, each with their number: `3 timeout, 1 image`.

    By judge where they did not all fail alike: `8 server (openai/gpt-5.2)`.
    """
    from collections import Counter

    from spinebench.audit_records import JudgementStatus

    by_judge: dict[str, Counter[str]] = {judge: Counter() for judge in folder.spec().judges}
    for judgement in folder.judgements():
        if judgement.status is JudgementStatus.ERROR and judgement.failures:
            by_judge[judgement.key.judge][judgement.failures[-1].failure_class.value] += 1

    def listed(counts: Counter[str]) -> str:
        return ", ".join(f"{n} {name}" for name, n in counts.most_common())

    if len({frozenset(counts.items()) for counts in by_judge.values()}) == 1:
        return listed(sum(by_judge.values(), Counter()))
    return "; ".join(f"{listed(counts)} ({judge})" for judge, counts in by_judge.items() if counts)


def _say_how_to_go_on(audit_id: str, workspace: Workspace) -> None:
    say(f"go on with: spinebench audit --resume {audit_id} --workspace {quoted(workspace.path)}")


def print_audit_dry_run(prepared: PreparedAudit, *, as_json: bool) -> None:
    """What the plan would ask and cost."""
    from spinebench.audits.dry_run import audit_dry_run

    report = audit_dry_run(prepared)
    if as_json:
        emit({"type": "dry_run", **report.model_dump(mode="json")})
        return
    print_estimates(
        report.judges,
        title=f"Dry run of an audit of {', '.join(report.runs)}: nothing was sent",
        caption=(
            f"{report.n_traces} of {report.n_frame} traces x {report.n_judges} judges x {report.repeats} repeats = "
            f"{report.n_judgements} judgements, {report.n_images} images. A reply that does not pass the checks is "
            "asked for again, at most twice. Token figures are ranges by rules of thumb."
        ),
    )
    for warning in report.warnings:
        say(f"warning: {warning}")
    left = ", ".join(report.leaves_machine)
    say(
        f"Questions, traces and images would be sent to: {left}"
        if left
        else "Nothing would leave this machine."
    )
