"""`spinebench runs` as a user meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spinebench.cli.app import run_app
from spinebench.records import RunState
from spinebench.store import Workspace
from tests.stored_runs import ITEMS, failed, right, spec, status_of, stored_run


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SPINEBENCH_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("COLUMNS", "200")
    return Workspace(tmp_path / "workspace")


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_no_runs_yet(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["runs"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no runs yet" in err
    assert run_app(["runs", "show"]) == 2
    assert "expected a run, but there is none" in capsys.readouterr().err
    assert not workspace.path.exists()


@pytest.mark.parametrize("command", [["runs"], ["runs", "list"]])
def test_the_list_names_what_each_run_is(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    stored_run(workspace, [right(ITEMS[0], run_id="later")], run_id="later", minutes=9)
    stored_run(workspace, [right(ITEMS[0], run_id="early")], run_id="early")
    workspace.create_run(spec("part").model_copy(update={"partial": True, "simulated": False}), ITEMS)
    assert run_app(command) == 0
    lines = [
        line.split() for line in capsys.readouterr().out.splitlines() if "bench" in line and "sim/a" in line
    ]
    assert [line[0] for line in lines] == ["early", "part", "later"]
    assert lines[0][1:] == [
        "2026-03-04",
        "05:06",
        "bench",
        "sim/a,",
        "sim/b",
        "1/10",
        "incomplete",
        "SIMULATED",
    ]
    assert lines[1][-1] == "partial"


def test_a_live_run_is_told_from_a_dead_one(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored_run(workspace, [right(ITEMS[0]), right(ITEMS[1]), failed(ITEMS[2])])
    with run.lock():
        run.write_status(status_of(run, RunState.RUNNING, n_done=1, pid=os.getpid()))
        assert run_app(["runs", "--json"]) == 0
        (live,) = records(capsys)
    assert run_app(["runs", "list", "--json"]) == 0
    (dead,) = records(capsys)
    assert (live["state"], live["n_done"], live["n_planned"]) == ("running", 1, 10)
    # The status file was written before the last answers; the journal knows better.
    assert (dead["state"], dead["n_done"]) == ("incomplete", 2)
    assert "spinebench resume run-1" in str(dead["message"])


def test_an_unreadable_run_is_told_beside_the_list(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    stored_run(workspace)
    broken = stored_run(workspace, run_id="broken")
    (broken.path / "run.json").write_text("{")
    assert run_app(["runs"]) == 0
    out, err = capsys.readouterr()
    assert "run-1" in out
    assert "not listed: broken: run description" in err


def test_show_loads_what_is_new_and_prints_results_by_model(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run(workspace, [right(item) for item in ITEMS])
    run.write_status(status_of(run, RunState.DONE, n_done=10))
    assert run_app(["runs", "show", "run"]) == 0
    out = capsys.readouterr().out
    assert "run-1  SIMULATED" in out
    assert "bench (drawn: SIMULATED), 5 of 5 items" in out
    assert "done, 10 of 10 answers" in out
    assert "sim/a" in out.split("SIMULATION")[1]
    run.journal.append([right(ITEMS[0], "sim/b")])
    assert run_app(["runs", "show", "--json", "latest"]) == 0
    first, *results = records(capsys)
    assert (first["type"], first["run_id"], first["n_unscored"]) == ("run", "run-1", 0)
    assert [result["model"] for result in results] == ["sim/a", "sim/b"]


def test_show_of_a_killed_run_has_one_number_of_answers(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run(workspace, [right(item) for item in ITEMS[:4]])
    run.write_status(status_of(run, RunState.RUNNING, n_done=3))  # its last words, an answer ago
    assert run_app(["runs", "show"]) == 0
    out = capsys.readouterr().out
    assert "incomplete, 4 of 10 answers" in out
    assert "4/10 answers]" in out


def test_show_before_any_answer(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    stored_run(workspace)
    assert run_app(["runs", "show"]) == 0
    assert "incomplete, 0 of 10 answers" in capsys.readouterr().out


def test_show_of_a_run_that_is_not_there(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    stored_run(workspace)
    assert run_app(["runs", "show", "other"]) == 2
    err = capsys.readouterr().err
    assert "run 'other': expected a run of" in err
    assert err.splitlines()[-1] == "call 'spinebench runs list' to see their ids"


def test_show_of_a_run_with_a_corrupt_journal_exits_with_3(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run(workspace, [right(ITEMS[0])])
    with run.journal.path.open("ab") as file:
        file.write(b"oops\n")
    assert run_app(["runs", "show"]) == 3
    assert "store check --set-aside" in capsys.readouterr().err.splitlines()[-1]


def test_a_corrupt_journal_hides_no_run_from_the_list(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run(workspace, [right(ITEMS[0])])
    stored_run(workspace, run_id="run-2", minutes=1)
    with run.journal.path.open("ab") as file:
        file.write(b"oops\n")
    assert run_app(["runs"]) == 0
    out, err = capsys.readouterr()
    assert "?/10" in out
    assert "run-2" in out
    assert "run-1: journal " in err


def test_hostile_names_cannot_write_to_the_terminal(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = spec().model_copy(update={"models": ("sim/\x1b[31mred\x1b]0;title\x07", "[bold]x")})
    workspace.create_run(hostile, ITEMS)
    for command in (["runs"], ["runs", "show"]):
        assert run_app(command) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "sim/red" in out
        assert "[bold]x" in out


def test_workspace_may_follow_the_noun_or_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SPINEBENCH_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    stored_run(Workspace(tmp_path / "here"))
    stored_run(Workspace("spinebench-workspace"), run_id="default")
    found = []
    for command in (
        ["runs", "--workspace", "here", "--json"],
        ["runs", "--workspace", "here", "list", "--json"],
        ["runs", "list", "--json", "--workspace", "here"],
        ["runs", "--json"],
    ):
        assert run_app(command) == 0
        found += [record["run_id"] for record in records(capsys)]
    assert found == ["run-1", "run-1", "run-1", "default"]
