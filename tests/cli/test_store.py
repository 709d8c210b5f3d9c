"""`spinebench store` as a user meets it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinebench.cli.app import run_app
from spinebench.store import RunFolder, Workspace
from spinebench.store.ingest import ingest
from tests.stored_runs import ITEMS, right, stored_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("SPINEBENCH_WORKSPACE", str(tmp_path / "workspace"))
    return stored_run(Workspace(tmp_path / "workspace"), [right(item) for item in ITEMS])


def test_rebuild_says_what_it_read(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["store", "rebuild"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "spinebench.duckdb: made from 1 run(s), 5 journal line(s)." in err
    assert run_app(["store", "rebuild", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"type": "loaded", "run_id": "run-1", "n_lines": 5}


def test_bare_store_shows_what_is_loaded(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    run_app(["store", "rebuild"])
    capsys.readouterr()
    assert run_app(["store", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["runs"], counts["items"], counts["answers"], counts["failures"]) == (1, 5, 5, 0)
    assert run_app(["store"]) == 0
    assert "extractions" in capsys.readouterr().out


def test_a_sound_workspace_exits_with_0(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    run_app(["store", "rebuild"])
    assert run_app(["store", "check"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "sound; 1 run(s), 0 notice(s)." in err


def test_a_corrupt_line_exits_with_3_until_it_is_set_aside(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    place = run.journal.path.stat().st_size
    with run.journal.path.open("ab") as file:
        file.write(b"\x1b[31moops\n")
    assert run_app(["store", "check"]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("error   runs/run-1/journal.jsonl: journal ")
    assert f"line 6 (byte {place}): expected a journal entry" in out
    assert "\x1b" not in out
    assert err.splitlines()[-1].endswith("Each error above says how to mend it.")

    assert run_app(["store", "rebuild"]) == 3
    out, err = capsys.readouterr()
    assert f"line 6 (byte {place})" in err
    assert "store check --set-aside" in err.splitlines()[-1]

    assert run_app(["store", "check", "--set-aside"]) == 0
    out, err = capsys.readouterr()
    assert "run run-1: 10 byte(s) moved to journal.corrupt-1; 'spinebench resume run-1'" in err
    assert "notice  runs/run-1/journal.corrupt-1" in out
    assert run_app(["store", "rebuild"]) == 0


def test_a_run_at_work_is_not_touched(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with run.journal.path.open("ab") as file:
        file.write(b"oops\n")
    with run.lock():
        assert run_app(["store", "check", "--set-aside"]) == 3
    assert "run run-1: left alone, as a process is at work on it." in capsys.readouterr().err
    assert run.journal.path.read_bytes().endswith(b"oops\n")


def test_findings_as_json(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with run.journal.path.open("ab") as file:
        file.write(b"torn")
    assert run_app(["store", "--json", "check"]) == 0
    findings = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(finding["severity"], finding["where"]) for finding in findings] == [
        ("notice", "runs/run-1/journal.jsonl"),
        ("notice", "spinebench.duckdb"),
    ]


def test_a_database_that_differs_from_the_journals_is_found_and_mended(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(run.path.parent.parent)
    ingest(workspace)
    with workspace.database.writing() as connection:
        connection.execute("UPDATE grades SET correct = NOT correct")
    assert run_app(["store", "check"]) == 3
    assert "run run-1, table grades: 5 rows" in capsys.readouterr().out
    assert run_app(["store", "rebuild"]) == 0
    assert run_app(["store", "check"]) == 0


@pytest.mark.parametrize("command", [["store"], ["store", "check"], ["store", "rebuild"]])
def test_without_a_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert run_app([*command, "--workspace", str(tmp_path / "nowhere")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "expected a folder with runs" in err
    assert "--workspace" in err.splitlines()[-1]
    assert not (tmp_path / "nowhere").exists()
