"""What the runner does when something other than a provider fails."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.errors import StoppedError
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ImagePart
from spinebench.records import ImageCondition, Item, JournalEntry, RunState
from spinebench.runs.plan import plan_of
from spinebench.runs.prepare import PreparedRun, prepare_run
from spinebench.runs.progress import Progress
from spinebench.runs.results import run_results
from spinebench.runs.runner import sit
from spinebench.runs.stopping import StopRequest, StopSwitch
from spinebench.store.journal import Journal
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace
from tests.exams import asking, write_exam

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


def _prepared(tmp_path: Path, workspace: Workspace, *, n: int = 6, **more: Any) -> PreparedRun:
    file = write_exam(tmp_path / "bench", n=n).file
    plan = plan_of({"benchmark": str(file), "models": "baseline/random", **more})
    return prepare_run(plan, workspace=workspace)


class TripsOver:
    """Images whose preparation meets a bug for one item."""

    def __init__(self, prepared: PreparedRun, item_id: str) -> None:
        self._images, self._item_id = prepared.images, item_id

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        if item.id == self._item_id:
            raise ZeroDivisionError("a bug of ours")
        return await self._images.show(item, condition)


async def test_a_bug_on_one_item_is_that_items_failure(tmp_path: Path, workspace: Workspace) -> None:
    prepared = _prepared(tmp_path, workspace)
    broken = prepared.items[2].id
    tripping: Any = TripsOver(prepared, broken)
    folder = workspace.create_run(prepared.spec, prepared.items)
    with folder.lock():
        status = await sit(dataclasses.replace(prepared, images=tripping), folder, gateway=Gateway())
    assert (status.state, status.n_done, status.n_failed) == (RunState.INCOMPLETE, 5, 1)
    failed = [e.answer for e in folder.latest() if e.answer is not None and e.answer.failures]
    (answer,) = failed
    assert answer.key.item_id == broken
    (failure,) = answer.failures
    assert failure.failure_class.value == "internal"
    assert failure.message == "ZeroDivisionError: a bug of ours"
    (result,) = run_results(workspace, folder.run_id)
    assert (result.denominators.asked, result.denominators.errored) == (6, 1)

    with folder.lock():
        status = await sit(prepared, folder, gateway=Gateway())
    assert (status.state, status.n_done, status.n_failed) == (RunState.DONE, 6, 0)


@pytest.mark.parametrize("error", [StoppedError("disk: full; make room"), ValueError("a bug")], ids=str)
async def test_a_journal_that_cannot_be_written_ends_the_sitting(
    tmp_path: Path, workspace: Workspace, error: Exception
) -> None:
    """It must neither wait for ever nor go on asking."""
    prepared = _prepared(tmp_path, workspace, n=40, max_connections=2)
    folder = workspace.create_run(prepared.spec, prepared.items)
    n_written = 0

    class Failing(Journal[JournalEntry]):
        def append(self, entries: Sequence[JournalEntry]) -> None:
            nonlocal n_written
            n_written += len(entries)
            if n_written > 5:
                raise error
            super().append(entries)

    folder.journal = Failing(folder.journal.path, JournalEntry)
    with pytest.raises(type(error)), folder.lock():
        await sit(prepared, folder, gateway=Gateway())
    kept = RunFolder(folder.path)
    assert 0 < len(kept.done_keys()) <= 5
    assert n_written <= 5 + 2 * 4, "nothing more was asked"
    status = kept.status()
    assert status is not None
    assert status.state is RunState.INCOMPLETE
    assert status.n_done == len(kept.done_keys())


async def test_an_aborted_sitting_counts_all_that_is_in_the_journal(
    tmp_path: Path, workspace: Workspace
) -> None:
    prepared = _prepared(tmp_path, workspace, n=30, max_connections=3)
    folder = workspace.create_run(prepared.spec, prepared.items)
    switch = StopSwitch()
    n_written = 0

    class Stopping(Journal[JournalEntry]):
        def append(self, entries: Sequence[JournalEntry]) -> None:
            nonlocal n_written
            super().append(entries)
            n_written += len(entries)
            if n_written >= 4:
                switch.throw(StopRequest.DRAIN)

    folder.journal = Stopping(folder.journal.path, JournalEntry)
    with folder.lock():
        status = await sit(prepared, folder, gateway=Gateway(), switch=switch)
    assert status.state is RunState.INCOMPLETE
    assert 4 <= status.n_done == len(RunFolder(folder.path).done_keys()) < 30
    assert status.message == "stopped on request (drain)"


async def test_progress_is_told_and_kept_in_the_status_file(tmp_path: Path, workspace: Workspace) -> None:
    prepared = _prepared(tmp_path, workspace)
    folder = workspace.create_run(prepared.spec, prepared.items)
    told: list[Progress] = []
    with folder.lock():
        status = await sit(
            prepared, folder, gateway=Gateway(), on_progress=lambda p: told.append(dataclasses.replace(p))
        )
    assert told[0].n_done == 0
    assert told[0].rate_per_s() is None
    assert told[-1].n_done == told[-1].n_planned == 6
    assert told[-1].eta_s() == 0
    assert json.loads((folder.path / "status.json").read_text()) == json.loads(status.model_dump_json())


UNREADABLE = "Both seem possible to me and the image is of poor quality; I would look at it again tomorrow."


def test_replies_on_which_the_extractor_failed_are_read_when_the_run_goes_on(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    """The examinee is not asked again, also where its replies are not kept for reuse."""
    exam = write_exam(tmp_path / "bench", n=6)
    provider_server.models = ["test-model", "reader-model"]
    for index in (2, 4):
        exam.planted[exam.question(index)] = UNREADABLE
    arguments = asking(exam, provider_server)
    planted = exam.answer

    def answer(request: Any) -> Any:
        return '{"letters": ["B"]}' if request.model == "reader-model" else planted(request)

    provider_server.answer = answer
    fault = provider_server.fault("bad_request", match="REPLY-")
    plan = tmp_path / "plan.yaml"
    reader = f"{{name: openai-compatible/reader-model, args: {{base_url: '{provider_server.openai_url}'}}}}"
    plan.write_text(f"benchmark: bench/test.json\nreuse: false\nmodel_roles: {{extractor: {reader}}}\n")
    first = cli(arguments[0], plan, *arguments[3:], "--json")
    assert first.code == 0, first.err
    assert "the extractor failed on 2 replies" in first.err
    assert first.record("result")["denominators"]["unparsed"] == 2

    provider_server.faults.remove(fault)
    exam.asked.clear()
    again = cli("resume", "latest", "--json")
    assert again.code == 0, again.err
    assert exam.asked == []
    assert again.record("result")["denominators"]["unparsed"] == 0
    # gold of cases 2 and 4: Healthy (B) and Spondylolisthesis (C)
    assert again.record("result")["diagnosis"]["accuracy"]["of_asked"]["value"] == pytest.approx(2 / 3)
    n_before = provider_server.n_requests
    cli("resume", "latest")
    assert provider_server.n_requests == n_before, "read once, it stays read"
