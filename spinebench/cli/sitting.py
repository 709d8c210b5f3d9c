"""What `run`, `resume` and `demo` share: start a sitting, show it, end it with a table and an exit code."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinebench.cli import collection
from spinebench.cli.console import emit, print_table, put, say
from spinebench.cli.progress import progress_display
from spinebench.cli.results_table import emit_results, print_results
from spinebench.cli.run import DEFAULT_WORKSPACE
from spinebench.errors import ExitCode, SpinebenchError

if TYPE_CHECKING:
    from spinebench.evaluators.results import ModelSummary
    from spinebench.records import RunSpec, RunStatus
    from spinebench.runs.plan import RunPlan
    from spinebench.runs.prepare import PreparedRun
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
    from spinebench.runs.stopping import StopSwitch

    spec = prepared.spec
    for warning in prepared.warnings:
        say(f"warning: {warning}")
    if spec.simulated:
        say("SIMULATION: simulated models or drawn images; no figure below is a measurement of a model.")
    switch = StopSwitch()
    started: list[RunFolder] = []
    error: SpinebenchError | None = None
    status: RunStatus | None = None
    try:
        try:
            status = asyncio.run(_sit(prepared, workspace, folder, switch, display, started.append))
        except SpinebenchError as met:
            if not started:
                raise
            error, status = met, started[0].status()
        return _end(prepared, workspace, status, switch, error, as_json=as_json)
    except (KeyboardInterrupt, asyncio.CancelledError):
        if started or folder is not None:
            _say_how_to_go_on(spec.run_id, workspace)
        else:
            say("Nothing was asked yet; call the same command again.")
        return ExitCode.TERMINATED if switch.signal == signal.SIGTERM else ExitCode.INTERRUPTED


async def _sit(
    prepared: PreparedRun,
    workspace: Workspace,
    folder: RunFolder | None,
    switch: StopSwitch,
    display: str,
    on_start: Callable[[RunFolder], None],
) -> RunStatus:
    from spinebench.runs.sitting import sit_through

    _catch_signals(switch)
    with collection.rare(), progress_display(display) as shown:
        return await sit_through(
            prepared,
            workspace,
            folder=folder,
            switch=switch,
            on_progress=shown.show,
            on_start=on_start,
        )


def _catch_signals(switch: StopSwitch) -> None:
    """First Ctrl-C drains, the second aborts; SIGTERM aborts at once. The journal stays whole either way."""
    from spinebench.runs.stopping import StopRequest

    def on_interrupt() -> None:
        if switch.request is None:
            say("stopping: waiting for the calls in flight; press Ctrl-C again to give them up")
            switch.throw(StopRequest.DRAIN, by=signal.SIGINT)
        else:
            switch.throw(StopRequest.ABORT, by=signal.SIGINT)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    loop.add_signal_handler(signal.SIGTERM, lambda: switch.throw(StopRequest.ABORT, by=signal.SIGTERM))


def _end(
    prepared: PreparedRun,
    workspace: Workspace,
    status: RunStatus | None,
    switch: StopSwitch,
    error: SpinebenchError | None,
    *,
    as_json: bool,
) -> int:
    """Print what there is, then why it is not all, then how to go on; returns the exit code."""
    from spinebench.runs.results import missed_gates
    from spinebench.runs.sitting import exceeds

    plan, spec = prepared.plan, prepared.spec
    results = _results(spec, workspace, error)
    if as_json:
        _emit_run(spec, status, results)
    elif results:
        print_results(spec, status, results)
        place = "" if workspace.path == Path(DEFAULT_WORKSPACE) else f" --workspace {quoted(workspace.path)}"
        say(f"run {spec.run_id} in {workspace.path}; read it with: spinebench runs show {spec.run_id}{place}")
    if error is not None:
        say(f"error: {error}")
        _say_how_to_go_on(spec.run_id, workspace)
        return error.exit_code
    assert status is not None
    if switch.request is not None:
        _say_how_to_go_on(spec.run_id, workspace)
        return ExitCode.TERMINATED if switch.signal == signal.SIGTERM else ExitCode.INTERRUPTED
    if status.message:
        say(f"note: {status.message}")
    missed = missed_gates(plan.gates, results)
    for line in missed:
        say(f"gate missed: {line}")
    if status.n_failed and exceeds(status.n_failed, status.n_planned, plan.fail_on_error):
        say(f"{status.n_failed} of {status.n_planned} answers failed: {_reasons(workspace, spec.run_id)}")
        _say_how_to_go_on(spec.run_id, workspace)
        return ExitCode.FAILURES
    if missed:
        say("The run is complete; the gates of the plan are not met.")
        return ExitCode.FAILURES
    return ExitCode.DONE


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


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def print_plan(plan: RunPlan, *, as_json: bool) -> None:
    """The resolved plan, as YAML that can be used as a plan file, or as one JSON line."""
    import yaml

    if as_json:
        emit(_told(json.loads(plan.model_dump_json())))
    else:
        values = _told(plan.model_dump(mode="json"))
        put(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Without the fields that are None by default: there, None says nothing."""
    from spinebench.runs.plan import RunPlan

    fields = RunPlan.model_fields
    return {
        name: value for name, value in values.items() if value is not None or fields[name].default is not None
    }


def print_dry_run(plan: RunPlan, workspace: Workspace, *, as_json: bool) -> None:
    """What the plan would do and cost."""
    from spinebench.runs.dry_run import dry_run
    from spinebench.runs.prepare import prepare_run

    report = dry_run(prepare_run(plan, workspace=workspace, dry=True))
    if as_json:
        emit({"type": "dry_run", **report.model_dump(mode="json")})
        return
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
        for estimate in report.models
    ]
    print_table(
        ("model", "calls", "input tokens", "output tokens", "price", "sent to"),
        rows,
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
    left = ", ".join(report.leaves_machine)
    say(f"Questions and images would be sent to: {left}" if left else "Nothing would leave this machine.")
