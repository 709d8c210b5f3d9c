"""What `run`, `resume` and `demo` share: start a sitting, show it, end it with a table and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from spinebench.cli import collection
from spinebench.cli.carrying_out import carry_out, interrupted
from spinebench.cli.console import emit, print_table, put, say
from spinebench.cli.named import at, quoted
from spinebench.cli.results_table import emit_results, print_results
from spinebench.errors import ExitCode, SpinebenchError

if TYPE_CHECKING:
    from spinebench.evaluators.results import ModelSummary
    from spinebench.records import RunSpec, RunStatus
    from spinebench.runs.dry_run import ModelEstimate
    from spinebench.runs.plan import RunPlan
    from spinebench.runs.prepare import PreparedRun
    from spinebench.runs.progress import Progress
    from spinebench.runs.stopping import StopSwitch
    from spinebench.store.run_folder import RunFolder
    from spinebench.store.workspace import Workspace


def sit_new_run(plan: RunPlan, workspace: Workspace, *, display: str, as_json: bool) -> int:
    """Prepare a plan, sit it, print the results; returns the exit code."""
    with collection.off():
        import spinebench.runs.results
        import spinebench.runs.sitting  # noqa: F401 - loaded here, where no collection slows it
        from spinebench.runs.prepare import prepare_run

        prepared = prepare_run(plan, workspace=workspace)
        if plan.audit_section() is not None:
            from spinebench.cli.audit_sitting import check_audit_of

            check_audit_of(plan, workspace, prepared.items)
    return sit_and_print(prepared, workspace, folder=None, display=display, as_json=as_json)


def sit_and_print(
    prepared: PreparedRun,
    workspace: Workspace,
    *,
    folder: RunFolder | None,
    display: str,
    as_json: bool,
) -> int:
    """Sit a prepared run and print its results. The last line of a run that is not done says how to go on."""
    from spinebench.runs.sitting import sit_through

    spec = prepared.spec
    for warning in prepared.warnings:
        say(f"warning: {warning}")
    if spec.simulated:
        say("SIMULATION: simulated models or benchmark; no figure below is a measurement of a model.")

    async def sit(
        switch: StopSwitch, show: Callable[[Progress], None], on_start: Callable[[RunFolder], None]
    ) -> RunStatus:
        return await sit_through(
            prepared, workspace, folder=folder, switch=switch, on_progress=show, on_start=on_start
        )

    def end(status: RunStatus | None, switch: StopSwitch, error: SpinebenchError | None) -> int:
        code, missed = _end(prepared, workspace, status, switch, error, as_json=as_json)
        if _is_complete(prepared, status, switch, error) and prepared.plan.audit_section() is not None:
            from spinebench.cli.audit_sitting import audit_run

            audited = audit_run(prepared.plan, spec.run_id, workspace, display=display, as_json=as_json)
            if audited:
                return audited  # its last line says how to go on; what the run missed stands above the audit
            for line in missed:  # again: the audit's tables stand between
                say(f"gate missed: {line}")
        if missed:
            say(
                "The run is complete; the gates of the plan are not met. Its answers: "
                f"spinebench runs show {spec.run_id}{at(workspace.path)}; "
                f"case by case, by outcome: spinebench dashboard{at(workspace.path)}"
            )
        return code

    return carry_out(
        sit,
        display=display,
        status_of=lambda started: started.status(),
        end=end,
        how_to_go_on=lambda: _say_how_to_go_on(spec.run_id, workspace),
        begun=folder is not None,
    )


def _is_complete(
    prepared: PreparedRun, status: RunStatus | None, switch: StopSwitch, error: SpinebenchError | None
) -> bool:
    """Whether the exam is done, but for failures that the plan tolerates."""
    from spinebench.runs.sitting import exceeds

    if error is not None or status is None or switch.request is not None:
        return False
    return not (status.n_failed and exceeds(status.n_failed, status.n_planned, prepared.plan.fail_on_error))


def _end(
    prepared: PreparedRun,
    workspace: Workspace,
    status: RunStatus | None,
    switch: StopSwitch,
    error: SpinebenchError | None,
    *,
    as_json: bool,
) -> tuple[int, list[str]]:
    """Print what there is, then why it is not all, then how to go on; returns the exit code and the gates that a
    complete run missed."""
    from spinebench.runs.gates import parse_gate
    from spinebench.runs.results import missed_gates
    from spinebench.runs.sitting import exceeds

    plan, spec = prepared.plan, prepared.spec
    results = _results(spec, workspace, error)
    if as_json:
        _emit_run(spec, status, results)
    elif results:
        print_results(spec, status, results)
        say(
            f"run {spec.run_id} in {workspace.path}; "
            f"read it with: spinebench runs show {spec.run_id}{at(workspace.path)}"
        )
    if error is not None:
        say(f"error: {error}")
        _say_how_to_go_on(spec.run_id, workspace)
        return error.exit_code, []
    assert status is not None
    if switch.request is not None:
        _say_how_to_go_on(spec.run_id, workspace)
        return interrupted(switch), []
    if status.message:
        say(f"note: {status.message}")
    # With an audit to come, gates on it are held against it afterwards; without one they are missed.
    to_come = plan.audit_section() is not None
    missed = missed_gates(
        [text for text in plan.gates if not (to_come and parse_gate(text).of_audit)], results
    )
    for line in missed:
        say(f"gate missed: {line}")
    if status.n_failed and exceeds(status.n_failed, status.n_planned, plan.fail_on_error):
        say(f"{status.n_failed} of {status.n_planned} answers failed: {_reasons(workspace, spec.run_id)}")
        _say_how_to_go_on(spec.run_id, workspace)
        return ExitCode.FAILURES, []
    return (ExitCode.FAILURES if missed else ExitCode.DONE), missed


def _results(spec: RunSpec, workspace: Workspace, error: SpinebenchError | None) -> tuple[ModelSummary, ...]:
    from spinebench.runs.results import run_results

    try:
        return run_results(workspace, spec.run_id)
    except Exception:
        if error is None:
            raise
        return ()  # what ended the sitting, a full disk perhaps, is what to tell


def _emit_run(spec: RunSpec, status: RunStatus | None, results: Sequence[ModelSummary]) -> None:
    known = {} if status is None else status.model_dump(mode="json")
    marks = {"run_id": spec.run_id, "simulated": spec.simulated, "partial": spec.partial}
    emit({"type": "run", **known, **marks})
    emit_results(results)


def _reasons(workspace: Workspace, run_id: str) -> str:
    """Failure classes of the answers that ended in an error, each with their number: `3 timeout, 1 image`."""
    from collections import Counter

    from spinebench.records import AnswerStatus

    answers = (entry.answer for entry in workspace.run(run_id).latest())
    last = Counter(
        answer.failures[-1].failure_class.value
        for answer in answers
        if answer is not None and answer.status is AnswerStatus.ERROR and answer.failures
    )
    return ", ".join(f"{n} {name}" for name, n in last.most_common())


def _say_how_to_go_on(run_id: str, workspace: Workspace) -> None:
    say(f"go on with: spinebench resume {run_id} --workspace {quoted(workspace.path)}")


def print_plan(plan: BaseModel, *, as_json: bool) -> None:
    """The resolved plan, as YAML that can be used as a plan file, or as one JSON line."""
    import yaml

    if as_json:
        emit(_told(plan, json.loads(plan.model_dump_json())))
    else:
        values = _told(plan, plan.model_dump(mode="json"))
        put(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _told(plan: BaseModel, values: dict[str, Any]) -> dict[str, Any]:
    """Without the fields that are None by default: there, None says nothing."""
    fields = type(plan).model_fields
    told = {}
    for name, value in values.items():
        section = getattr(plan, name)
        if isinstance(section, BaseModel):
            value = _told(section, value)
        if value is not None or fields[name].default is not None:
            told[name] = value
    return told


def print_estimates(estimates: Sequence[ModelEstimate], *, title: str, caption: str) -> None:
    """Calls, tokens, price and host of each model."""
    rows = [
        (
            estimate.model,
            estimate.calls,
            f"{estimate.input_tokens[0]:,}-{estimate.input_tokens[1]:,}",
            f"{estimate.output_tokens[0]:,}-{estimate.output_tokens[1]:,}",
            "unknown"
            if estimate.cost_usd is None
            else f"${estimate.cost_usd[0]:,.2f}-{estimate.cost_usd[1]:,.2f}",
            estimate.host or "this machine",
        )
        for estimate in estimates
    ]
    print_table(
        ("model", "calls", "input tokens", "output tokens", "price", "sent to"),
        rows,
        title=title,
        caption=caption,
    )


def print_dry_run(plan: RunPlan, workspace: Workspace, *, as_json: bool) -> None:
    """What the plan would do and cost."""
    from spinebench.runs.dry_run import dry_run
    from spinebench.runs.prepare import prepare_run

    report = dry_run(prepare_run(plan, workspace=workspace, dry=True))
    if as_json:
        emit({"type": "dry_run", **report.model_dump(mode="json")})
        return
    print_estimates(
        report.models,
        title=f"Dry run of {report.run_of}: nothing was sent",
        caption=(
            f"{report.n_items} items x {report.n_models} models x {report.n_personas} personas x "
            f"{report.n_image_conditions} image conditions x {report.n_option_orders} option order x "
            f"{report.epochs} epochs = {report.n_answers} answers, {report.n_images} images. "
            "Token figures are ranges by rules of thumb."
        ),
    )
    if report.extractor:
        say(f"{report.extractor} reads replies that no rule reads: at most one more call per answer.")
    for warning in report.warnings:
        say(f"warning: {warning}")
    if plan.audit_section() is not None:
        say(
            "The audit's calls depend on the answers: 'spinebench audit RUN --dry-run' counts them after the exam."
        )
    left = ", ".join(report.leaves_machine)
    say(f"Questions and images would be sent to: {left}" if left else "Nothing would leave this machine.")
