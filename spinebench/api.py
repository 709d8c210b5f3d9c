"""The Python interface: `run`, `arun`, `load_benchmark`, `Workspace`, `compare`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spinebench.benchmarks import load_benchmark
from spinebench.evaluators.results import ModelSummary
from spinebench.records import RunSpec, RunStatus
from spinebench.runs.plan import RunPlan, plan_from
from spinebench.runs.prepare import prepare_run
from spinebench.runs.results import graded_table, run_results
from spinebench.runs.sitting import sit_through
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from spinebench.evaluators.comparison import Comparison

__all__ = ["Run", "Workspace", "arun", "compare", "load_benchmark", "run"]

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

    def __repr__(self) -> str:
        return f"Run({self.id!r}, workspace={str(self.workspace.path)!r})"


async def arun(
    plan: RunPlan | dict[str, Any] | str | Path, *, workspace: str | Path = "spinebench-workspace"
) -> Run:
    """Sit an exam: ask, extract, grade, store.

    Args:
        plan: a `RunPlan`, its fields as a dict, or the path of a plan file.
        workspace: folder of runs and database, made if need be.

    Raises `SpinebenchError`: `UsageError`, `DataError`, `ProviderError` before the first question,
    `StoppedError` when a budget ends it; what is finished then is stored and can be resumed.
    """
    if isinstance(plan, str | Path):
        resolved = plan_from(flags={}, file=Path(plan))
    elif isinstance(plan, dict):
        resolved = plan_from(flags=plan)
    else:
        resolved = plan
    place = Workspace(workspace)
    prepared = prepare_run(resolved, workspace=place)
    await sit_through(prepared, place)
    return Run(place, place.run(prepared.spec.run_id))


def run(
    plan: RunPlan | dict[str, Any] | str | Path, *, workspace: str | Path = "spinebench-workspace"
) -> Run:
    """`arun`, waited for; also where an event loop is already running, as in a notebook."""
    return _wait_for(arun(plan, workspace=workspace))


def compare(runs: Run | Sequence[Run], *, models: Sequence[str] | None = None, seed: int = 0) -> Comparison:
    """Paired comparison of models on the questions they share, per task and overall.

    Args:
        runs: the runs that hold the answers, in one workspace.
        models: model strings; None: all models of the runs.
        seed: of the rank intervals' resampling.
    """
    from spinebench.runs.results import compare_models

    several = [runs] if isinstance(runs, Run) else list(runs)
    return compare_models(several[0].workspace, [one.id for one in several], models=models, seed=seed)


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[T] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, nothing is swallowed
            failure.append(error)

    thread = threading.Thread(target=target, name="spinebench-run")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
