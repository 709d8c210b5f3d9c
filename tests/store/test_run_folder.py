"""A run's folder: what is latest, what is done, where it stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spinebench.records import AnswerStatus, JournalEntry, Outcome, RunState
from spinebench.store import CorruptLineError, RunFolder, Workspace
from tests.stored_runs import (
    ITEMS,
    answer,
    diagnosis,
    failed,
    key,
    localization,
    python,
    right,
    scored,
    spec,
    status_of,
    stored_run,
)

D1, D2 = ITEMS[0], ITEMS[1]
FIRST = right(D1, text="first")
SECOND = right(D1, text="second")
RESCORED = JournalEntry(scored=scored(key("d1"), D1, (), Outcome.NOT_ANSWERED, version="2"))
RESCORED_AGAIN = JournalEntry(scored=scored(key("d1"), D1, ("Healthy",), Outcome.DISEASE_MISSED, version="3"))
UNSCORED = JournalEntry(answer=answer(key("d1"), text="unscored"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.mark.parametrize(
    ("written", "latest"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([FIRST, right(D2)], [FIRST, right(D2)], id="one each"),
        pytest.param([failed(D1), right(D2), FIRST], [right(D2), FIRST], id="error, then answered"),
        pytest.param([FIRST, SECOND], [SECOND], id="answered twice"),
        pytest.param(
            [FIRST, RESCORED, RESCORED_AGAIN],
            [JournalEntry(answer=FIRST.answer, scored=RESCORED_AGAIN.scored)],
            id="scored again",
        ),
        pytest.param([FIRST, RESCORED, SECOND], [SECOND], id="the score of an earlier answer"),
        pytest.param([FIRST, UNSCORED], [UNSCORED], id="no score is inherited"),
        pytest.param([RESCORED, UNSCORED], [UNSCORED], id="a score before its answer"),
        pytest.param([RESCORED], [], id="a score without an answer"),
    ],
)
def test_latest_answer_with_latest_score_of_that_very_answer(
    workspace: Workspace, written: list[JournalEntry], latest: list[JournalEntry]
) -> None:
    assert list(stored_run(workspace, written).latest()) == latest


def test_latest_may_be_read_while_scores_are_appended(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(item) for item in ITEMS])
    seen = 0
    for _ in run.latest():
        seen += 1
        run.journal.append([RESCORED])
    assert seen == len(ITEMS)


def test_done_is_whatever_need_not_be_asked_again(workspace: Workspace) -> None:
    statuses = {
        "answered": AnswerStatus.ANSWERED,
        "refused": AnswerStatus.REFUSED,
        "truncated": AnswerStatus.TRUNCATED,
        "error": AnswerStatus.ERROR,
    }
    written = [
        JournalEntry(answer=answer(key(item_id), status=status)) for item_id, status in statuses.items()
    ]
    run = stored_run(workspace, [*written, failed(diagnosis("mended")), right(diagnosis("mended"))])
    assert run.done_keys() == {key(name).id() for name in ("answered", "refused", "truncated", "mended")}


def test_a_torn_answer_is_not_done(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(D1), right(D2)])
    data = run.journal.path.read_bytes()
    run.journal.path.write_bytes(data[:-1])
    assert run.done_keys() == {key("d1").id()}


def test_a_corrupt_line_stops_whoever_relies_on_the_journal(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(D1)])
    with run.journal.path.open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(CorruptLineError, match="line 2"):
        run.done_keys()
    with pytest.raises(CorruptLineError, match="line 2"):
        list(run.latest())


def test_a_corrupt_item_is_named(workspace: Workspace) -> None:
    run = stored_run(workspace)
    with (run.path / "items.jsonl").open("ab") as file:
        file.write(b'{"id": ""}\n')
    with pytest.raises(CorruptLineError, match=r"items '.*items\.jsonl', line 6 \(byte \d+\)"):
        list(run.items())


def test_status_is_none_before_the_first_and_where_it_is_unreadable(workspace: Workspace) -> None:
    run = stored_run(workspace)
    assert run.status() is None
    (run.path / "status.json").write_text("{")
    assert run.status() is None


@pytest.mark.parametrize("state", list(RunState))
def test_status_comes_back_while_the_run_is_held(workspace: Workspace, state: RunState) -> None:
    run = stored_run(workspace)
    with run.lock():
        status = status_of(run, state, n_done=3, pid=os.getpid())
        run.write_status(status)
        assert workspace.run("run-1").status() == status


def test_a_run_whose_process_died_is_incomplete(workspace: Workspace) -> None:
    run = stored_run(workspace)
    with run.lock():
        run.write_status(status_of(run, RunState.RUNNING, n_done=3, pid=4711))
    status = run.status()
    assert status is not None
    assert (status.state, status.n_done) == (RunState.INCOMPLETE, 3)
    assert status.message is not None
    assert "4711" in status.message
    assert "spinebench resume run-1" in status.message


def test_a_full_disk_leaves_no_half_made_run(workspace: Workspace) -> None:
    code = """
import resource, sys
from spinebench.errors import StoppedError
from spinebench.store import Workspace
from tests.stored_runs import localization, spec
workspace = Workspace(sys.argv[1])
workspace.create()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    workspace.create_run(spec(), (localization(f"l{n}") for n in range(1000)))
except StoppedError as error:
    print(error)
"""
    process = python(code, workspace.path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "make room or choose another --workspace" in out
    assert list(workspace.runs_dir.iterdir()) == []


def test_items_are_streamed(workspace: Workspace) -> None:
    """A generator of items is written as it comes, and read one by one."""
    run = RunFolder.create(workspace.runs_dir / "run-1", spec(), (localization(f"l{n}") for n in range(100)))
    items = run.items()
    assert next(items).id == "l0"
    assert sum(1 for _ in items) == 99
