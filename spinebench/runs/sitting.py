"""One sitting of a run from lock to database: shared by the commands and the Python interface."""

from __future__ import annotations

from collections.abc import Callable

from spinebench.errors import ProviderError, SpinebenchError, UsageError
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Gateway
from spinebench.models.prices import PriceBook
from spinebench.records import RunStatus
from spinebench.runs.digest import differences
from spinebench.runs.plan import RunPlan
from spinebench.runs.prepare import PreparedRun, prepare_run
from spinebench.runs.runner import Progress, StopSwitch, sit
from spinebench.store.ingest import ingest
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace


async def sit_through(
    prepared: PreparedRun,
    workspace: Workspace,
    *,
    folder: RunFolder | None = None,
    check_models: bool = True,
    switch: StopSwitch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[RunFolder], None] | None = None,
) -> RunStatus:
    """Check the models, create the run (or go on with `folder`), ask, journal, and fill the database.

    The database is filled also when the sitting ends early. Raises `SpinebenchError` of what ended it:
    before the first question nothing is left behind, afterwards everything finished is.
    """
    models = [*prepared.models, *([prepared.extractor] if prepared.extractor else [])]
    cache = ReplyCache(workspace.cache_dir / "replies.sqlite")
    plan = prepared.plan
    gateway = Gateway(plan.gateway_policy(), cache=cache, prices=PriceBook(plan.prices))
    try:
        gateway.require_prices(models)
        if check_models:
            await gateway.check(models)
        folder = folder or workspace.create_run(prepared.spec, prepared.items)
        with folder.lock():
            if on_start is not None:
                on_start(folder)
            try:
                return await sit(prepared, folder, gateway=gateway, switch=switch, on_progress=on_progress)
            finally:
                ingest(workspace, folder.run_id)
    finally:
        for model in models:
            await model.aclose()
        cache.close()


def prepare_resume(folder: RunFolder, workspace: Workspace, **changes: object) -> PreparedRun:
    """The stored plan of a run, prepared again, with other limits where `changes` names some.

    Raises `UsageError` listing what differs where anything that can change an answer is not as it was.
    """
    spec = folder.spec()
    plan = RunPlan.model_validate({**spec.plan, **changes})
    prepared = prepare_run(plan, workspace=workspace, run_id=spec.run_id)
    if prepared.spec.digest != spec.digest:
        changed = differences(spec.digest_parts, prepared.spec.digest_parts)
        raise UsageError(
            f"run {spec.run_id!r}: expected everything that can change an answer to be as it was; "
            + " | ".join(changed)
            + "; put it back, or start a new run with 'spinebench run'"
        )
    return prepared


def exceeds(n_failed: int, n_planned: int, fail_on_error: float) -> bool:
    """Whether failures exceed the threshold: a share of the planned answers below 1, otherwise a number."""
    if fail_on_error < 1:
        return n_failed > fail_on_error * n_planned
    return n_failed > fail_on_error


def is_resumable(error: SpinebenchError, folder: RunFolder | None) -> bool:
    """Whether `spinebench resume` can go on after this error."""
    return folder is not None or not isinstance(error, ProviderError)
