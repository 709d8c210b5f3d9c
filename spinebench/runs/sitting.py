"""One sitting of a run from lock to database: shared by the commands and the Python interface."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial

from spinebench.errors import UsageError
from spinebench.records import RunStatus
from spinebench.runs.calling import gateway_to
from spinebench.runs.digest import changed_images, changed_items, differences
from spinebench.runs.plan import plan_of
from spinebench.runs.prepare import PreparedRun, prepare_run
from spinebench.runs.progress import Progress
from spinebench.runs.runner import sit
from spinebench.runs.stopping import StopSwitch
from spinebench.store.ingest import ingest
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace

_log = logging.getLogger(__name__)
_NAMED = 5
"""Changed items and images named in one message."""


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
    before the first question nothing is left behind, afterwards everything finished is. A stop request that
    comes before the first question raises `CancelledError`.
    """
    models = [*prepared.models, *([prepared.extractor] if prepared.extractor else [])]
    plan = prepared.plan
    async with contextlib.AsyncExitStack() as stack:
        if folder is not None:  # a second process is refused before it calls anyone
            stack.enter_context(folder.lock())
            check_models = check_models and len(folder.done_keys()) < prepared.spec.n_planned
        gateway = await stack.enter_async_context(
            gateway_to(
                models,
                policy=plan.gateway_policy(),
                prices=plan.prices,
                workspace=workspace,
                check=check_models,
                switch=switch,
            )
        )
        if folder is None:
            folder = workspace.create_run(prepared.spec, prepared.items)
            stack.enter_context(folder.lock())
        if on_start is not None:
            on_start(folder)
        try:
            status = await sit(prepared, folder, gateway=gateway, switch=switch, on_progress=on_progress)
        except BaseException:
            ingest_if_possible(partial(ingest, workspace, folder.run_id), "answers")
            raise
        ingest(workspace, folder.run_id)
        return status


def ingest_if_possible(take_in: Callable[[], object], what: str) -> None:
    """Fill the database after a sitting that ended early, without hiding what ended it. `what`: answers, say."""
    try:
        take_in()
    except Exception as error:  # noqa: BLE001 - the journal is whole, and the next ingest takes it in
        _log.warning("the database does not hold all %s yet: %s", what, str(error).splitlines()[0])


def prepare_resume(folder: RunFolder, workspace: Workspace, **changes: object) -> PreparedRun:
    """The stored plan of a run, prepared again, with other limits or places where `changes` names some.

    Raises `UsageError` listing what differs where anything that can change an answer is not as it was. Images
    that could not be used before may have been mended meanwhile.
    """
    spec = folder.spec()
    plan = plan_of({**spec.plan, **changes})
    unusable = spec.digest_parts.get("unusable_images", [])
    prepared = prepare_run(plan, workspace=workspace, run_id=spec.run_id, unusable_before=unusable)
    changes_found = list(_changes(folder, prepared)) if prepared.spec.digest != spec.digest else []
    if changes_found:
        raise UsageError(
            f"run {spec.run_id!r}: expected everything that can change an answer to be as it was, but "
            + " | ".join(changes_found)
            + "; put it back, or start a new run with 'spinebench run'"
        )
    return prepared


def _changes(folder: RunFolder, prepared: PreparedRun) -> Iterator[str]:
    for line in differences(folder.spec().digest_parts, prepared.spec.digest_parts):
        part = line.partition(":")[0]
        named: list[str] = []
        if part == "items":
            named = changed_items(folder.items(), prepared.items)
        elif part == "images":
            answers = (entry.answer for entry in folder.latest() if entry.answer is not None)
            named = changed_images(answers, prepared.image_hashes)
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        yield f"{part}: {', '.join(named[:_NAMED])}{more}" if named else line


def exceeds(n_failed: int, n_planned: int, fail_on_error: float) -> bool:
    """Whether failures exceed the threshold: a share of the planned answers below 1, otherwise a number."""
    if fail_on_error < 1:
        return n_failed > fail_on_error * n_planned
    return n_failed > fail_on_error
