"""The Python interface: runs, audits, and what `agree`, `calibrate`, `scores`, `compare` and `levels` say of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spinebench.benchmarks import load_benchmark
from spinebench.errors import UsageError
from spinebench.evaluators.results import ModelSummary
from spinebench.records import ImageCondition, RunSpec, RunStatus, Task
from spinebench.runs.plan import RunPlan, plan_from, plan_of
from spinebench.runs.prepare import prepare_run
from spinebench.runs.results import graded_table, run_results
from spinebench.runs.sitting import sit_through
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from spinebench.audit_records import AuditSpec, AuditStatus
    from spinebench.audits.level_aware import LevelAwareReport
    from spinebench.audits.plan import AuditPlan
    from spinebench.audits.results import AuditResults
    from spinebench.evaluators.agreement import AgreementReport
    from spinebench.evaluators.agreement.intervals import IntervalMethod
    from spinebench.evaluators.audit_rows import AuditRows
    from spinebench.evaluators.calibration import CalibrationReport
    from spinebench.evaluators.comparison import Comparison
    from spinebench.runs.level_tables import LevelTables
    from spinebench.store.audit_folder import AuditFolder

__all__ = [
    "Audit",
    "Run",
    "Workspace",
    "aaudit",
    "agreement",
    "arun",
    "audit",
    "calibrate",
    "compare",
    "levels",
    "load_benchmark",
    "run",
    "scores",
]

T = TypeVar("T")


class Run:
    """A run in a workspace: what it is, where it stands, its answers and its results."""

    def __init__(self, workspace: Workspace, folder: RunFolder) -> None:
        self.workspace = workspace
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.run_id

    @property
    def spec(self) -> RunSpec:
        """What was planned."""
        return self.folder.spec()

    @property
    def status(self) -> RunStatus | None:
        """Where it stands; None before the first question."""
        return self.folder.status()

    def results(self) -> tuple[ModelSummary, ...]:
        """One summary per model, persona, image condition and option order."""
        return run_results(self.workspace, self.id)

    def graded(self) -> pa.Table:
        """The graded answers, one row each: the columns of the `graded` view (docs/store.md)."""
        return graded_table(self.workspace, [self.id])

    def audits(self) -> list[Audit]:
        """The audits that drew from this run, oldest first."""
        found = (one for one in self.workspace.audits() if self.id in one.spec().sample.run_ids)
        return [Audit(self.workspace, one) for one in found]

    def __repr__(self) -> str:
        return f"Run({self.id!r}, workspace={str(self.workspace.path)!r})"


async def arun(
    plan: RunPlan | dict[str, Any] | str | Path, *, workspace: str | Path = "spinebench-workspace"
) -> Run:
    """Sit an exam: ask, extract, grade, store.

    Args:
        plan: a `RunPlan`, its fields as a dict, or the path of a plan file. Where it asks for
            an audit, that follows the exam: see `Run.audits`.
        workspace: folder of runs and database, made if need be.

    Raises `SpinebenchError`: `UsageError`, `DataError`, `ProviderError` before the first question,
    `StoppedError` when a budget ends it; what is finished then is stored and can be resumed.
    """
    if isinstance(plan, str | Path):
        resolved = plan_from(flags={}, file=Path(plan))
    elif isinstance(plan, dict):
        resolved = plan_of(plan)
    else:
        resolved = plan
    place = Workspace(workspace)
    prepared = prepare_run(resolved, workspace=place)
    if resolved.audit_section() is None:
        await sit_through(prepared, place)
    else:
        from spinebench.audits.plan import audit_plan_of_run
        from spinebench.audits.prepare import check_before_exam

        await check_before_exam(audit_plan_of_run(resolved, [prepared.spec.run_id]), place, prepared.items)
        await sit_through(prepared, place)
        await aaudit(audit_plan_of_run(resolved, [prepared.spec.run_id]), workspace=workspace)
    return Run(place, place.run(prepared.spec.run_id))


def run(
    plan: RunPlan | dict[str, Any] | str | Path, *, workspace: str | Path = "spinebench-workspace"
) -> Run:
    """`arun`, waited for; also where an event loop is already running, as in a notebook."""
    return _wait_for(arun(plan, workspace=workspace))


class Audit:
    """An audit in a workspace: what was drawn, where it stands, its judgements, its figures so far."""

    def __init__(self, workspace: Workspace, folder: AuditFolder) -> None:
        self.workspace = workspace
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.audit_id

    @property
    def spec(self) -> AuditSpec:
        """What was drawn, by whom it is judged and how."""
        return self.folder.spec()

    @property
    def status(self) -> AuditStatus | None:
        """Where it stands; None before the first call."""
        return self.folder.status()

    def results(self) -> AuditResults:
        """The judges' means per model and task, weighted to all answers, and what the judges used."""
        from spinebench.audits.results import audit_results

        return audit_results(self.folder)

    def rows(self) -> AuditRows:
        """Traces, scores and marks as agreement and calibration take them."""
        from spinebench.audits.rows import audit_rows

        return audit_rows(self.workspace, [self.id])

    def __repr__(self) -> str:
        return f"Audit({self.id!r}, workspace={str(self.workspace.path)!r})"


async def aaudit(
    plan: AuditPlan | dict[str, Any] | str | Path, *, workspace: str | Path = "spinebench-workspace"
) -> Audit:
    """Audit the reasoning of runs: draw traces, have judges score them, refer to clinicians.

    Args:
        plan: an `AuditPlan`, its fields as a dict (`runs`, `judges`, ...), or the path of a plan file.
        workspace: the folder that holds the runs.

    Raises `SpinebenchError`: `UsageError`, `DataError`, `ProviderError` before the first call, `StoppedError` when a
    budget ends it; what is finished then is stored, and `spinebench audit --resume` goes on.
    """
    from spinebench.audits.plan import audit_plan_from, audit_plan_of
    from spinebench.audits.prepare import prepare_audit
    from spinebench.audits.sitting import audit_through

    if isinstance(plan, str | Path):
        resolved = audit_plan_from(flags={}, file=Path(plan))
    elif isinstance(plan, dict):
        resolved = audit_plan_of(plan)
    else:
        resolved = plan
    place = Workspace(workspace)
    prepared = prepare_audit(resolved, place)
    await audit_through(prepared, place)
    return Audit(place, place.audit(prepared.spec.audit_id))


def audit(
    plan: AuditPlan | dict[str, Any] | str | Path, *, workspace: str | Path = "spinebench-workspace"
) -> Audit:
    """`aaudit`, waited for; also where an event loop is already running, as in a notebook."""
    return _wait_for(aaudit(plan, workspace=workspace))


def compare(runs: Run | Sequence[Run], *, models: Sequence[str] | None = None, seed: int = 0) -> Comparison:
    """Paired comparison of models on the questions they share, per task and overall.

    Args:
        runs: the runs that hold the answers, in one workspace.
        models: model strings; None: all models of the runs.
        seed: of the rank intervals' resampling.
    """
    from spinebench.runs.results import compare_models

    several = [runs] if isinstance(runs, Run) else list(runs)
    if not several:
        raise UsageError("runs []: expected at least one run; pass what run() returned")
    return compare_models(several[0].workspace, [one.id for one in several], models=models, seed=seed)


def levels(
    runs: Run | Sequence[Run], *, tasks: Sequence[Task | str] = (), level: float = 0.95
) -> LevelTables:
    """What `spinebench levels` says: vertebrae, discs and sides that answers name, against their items' references.

    Args:
        runs: the runs that hold the answers, in one workspace.
        tasks: tasks to read; (): all but knowledge questions.
        level: of all intervals.

    Raises `UsageError` for no run, runs of two workspaces or an unknown task, `DataError` where no item that was
    answered says anything of levels.
    """
    from spinebench.runs.level_tables import level_tables

    several = [runs] if isinstance(runs, Run) else list(runs)
    if not several:
        raise UsageError("runs []: expected at least one run; pass what run() returned")
    _one_workspace("runs", several)
    return level_tables(several[0].workspace, [one.id for one in several], tasks=tasks, level=level)


def agreement(
    audits: Audit | Sequence[Audit],
    *,
    dimensions: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    interval: IntervalMethod = "jackknife",
    level: float = 0.95,
    seed: int = 0,
) -> AgreementReport:
    """What `spinebench agree` says: each judge with clinicians beside clinicians with each other.

    Args:
        audits: one audit, or several that asked for the same scales, in one workspace.
        dimensions: of the rubric; None: all.
        judges: judges to report; None: all, and their median.
        interval: of coefficients, jackknife-t or the BCa bootstrap.
        level: of all intervals.
        seed: of everything that is drawn.

    A figure that cannot be had is None with a reason. Raises `UsageError` for no audit, audits of two workspaces
    or whose scales differ. Ratings that are in no audit go to `spinebench.evaluators.agreement` directly.
    """
    from spinebench.evaluators.agreement import agreement_report

    return agreement_report(
        _rows_of(audits), dimensions=dimensions, judges=judges, interval=interval, level=level, seed=seed
    )


def calibrate(
    audits: Audit | Sequence[Audit],
    *,
    dimension: str | None = None,
    judge: str | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> CalibrationReport:
    """What `spinebench calibrate` says of scores: each model's mean by the judge, by clinicians, and corrected.

    Args:
        audits: one audit, or several that asked for the same scales, in one workspace.
        dimension: of the rubric; None: all.
        judge: whose scores; None: the median of the panel.
        level: of all intervals.
        seed: of the folds of the calibration curve.

    A model without rated traces has no corrected mean, with the reason. Raises `UsageError` for no audit, an
    unknown dimension or judge, audits of two workspaces or whose scales differ. Right answers with wrong reasons and
    failure modes: `spinebench.evaluators.reasoning`, on `Audit.rows()`.
    """
    from spinebench.evaluators.calibration import calibration_report

    return calibration_report(_rows_of(audits), dimension=dimension, judge=judge, level=level, seed=seed)


def scores(
    runs: Run | Sequence[Run],
    audits: Audit | Sequence[Audit] | None = None,
    *,
    image_condition: ImageCondition | str = ImageCondition.NORMAL,
    level: float = 0.95,
    seed: int = 0,
) -> LevelAwareReport:
    """What `spinebench scores` says: text, image, report and overall scores of the level-aware benchmark, per model.

    Args:
        runs: the runs that hold knowledge questions and reports, in one workspace.
        audits: that judged the reports by a rubric with sections; None: of each run the latest such audit.
        image_condition: only answers under this condition count.
        level: of all intervals.
        seed: of the resampling.

    Without an audit reports are unscored, counted, and overall is of the questions. Raises `UsageError` for no run,
    an audit of other runs or without sections; `DataError` where there is nothing to score.
    """
    from spinebench.audits.level_aware import level_aware_report

    several = [runs] if isinstance(runs, Run) else list(runs)
    if not several:
        raise UsageError("runs []: expected at least one run; pass what run() returned")
    _one_workspace("runs", several)
    named = [audits] if isinstance(audits, Audit) else audits
    return level_aware_report(
        several[0].workspace,
        [one.id for one in several],
        None if named is None else [one.id for one in named],
        image_condition=ImageCondition(image_condition),
        level=level,
        seed=seed,
    )


def _rows_of(audits: Audit | Sequence[Audit]) -> AuditRows:
    from spinebench.audits.rows import audit_rows

    several = [audits] if isinstance(audits, Audit) else list(audits)
    if not several:
        raise UsageError("audits []: expected at least one audit; pass what audit() returned")
    _one_workspace("audits", several)
    return audit_rows(several[0].workspace, [one.id for one in several])


def _one_workspace(what: str, several: Sequence[Run] | Sequence[Audit]) -> None:
    paths = {one.workspace.path.resolve() for one in several}
    if len(paths) > 1:
        raise UsageError(
            f"{what} of {sorted(map(str, paths))}: expected {what} of one workspace; pass them workspace by workspace"
        )


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: Future[T] = Future()
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def told() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.set_result((asyncio.get_running_loop(), task))
        return await work

    def target() -> None:
        try:
            outcome.set_result(asyncio.run(told()))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, nothing is swallowed
            outcome.set_exception(error)

    threading.Thread(target=target, name="spinebench-run").start()
    try:
        # Not Thread.join: that of Python 3.11, once interrupted, takes a living thread for ended (bpo-45274).
        wait([outcome])
    except KeyboardInterrupt:  # a notebook's stop button: nothing more is asked, what is finished is kept
        loop, task = running.result()
        with contextlib.suppress(RuntimeError):  # it ended by itself in the meantime
            loop.call_soon_threadsafe(task.cancel)
        wait([outcome])
        raise
    return outcome.result()
