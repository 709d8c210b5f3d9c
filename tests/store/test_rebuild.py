"""Rebuilding: the journals alone give the same tables, and the old database stays until the new one is
whole."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from spinebench.errors import DataError, UsageError
from spinebench.store import CorruptLineError, Workspace
from spinebench.store.ingest import Ingested, ingest
from spinebench.store.rebuild import rebuild
from tests.stored_runs import ITEMS, diagnosis, failed, python, right, stored_run

TABLES = (
    "benchmarks", "runs", "items", "answers", "extractions", "grades", "usage", "failures", "graded", "results",
    "confusion", "outcomes", "ingested",
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    for number in (1, 2):
        run_id = f"run-{number}"
        run = stored_run(workspace, [failed(ITEMS[0], run_id=run_id)], run_id=run_id, minutes=number)
        ingest(workspace)
        for item in ITEMS:
            run.journal.append([right(item, run_id=run_id), right(item, "sim/b", run_id=run_id)])
        ingest(workspace, run_id)
        run.journal.close()
    return workspace


def contents(workspace: Workspace) -> dict[str, list[str]]:
    """Every table and view, row by row, whatever the order."""
    with workspace.database.reading() as connection:
        return {
            table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}").fetchall()))  # noqa: S608
            for table in TABLES
        }


def test_the_tables_are_the_same(workspace: Workspace) -> None:
    before = contents(workspace)
    assert all(before.values())
    done = rebuild(workspace)
    assert done == [Ingested(run_id=f"run-{number}", n_lines=11) for number in (1, 2)]
    assert contents(workspace) == before
    assert ingest(workspace) == []


@pytest.mark.parametrize("state", ["removed", "broken", "tampered", "with the log of a killed writer"])
def test_whatever_became_of_the_database(workspace: Workspace, state: str) -> None:
    before = contents(workspace)
    path = workspace.database.path
    if state == "removed":
        path.unlink()
    elif state == "broken":
        path.write_bytes(b"x" * 100_000)
    elif state == "tampered":
        with workspace.database.writing() as connection:
            connection.execute("DELETE FROM grades; UPDATE answers SET text = 'else'")
    else:
        path.with_name(path.name + ".wal").write_bytes(b"x" * 1000)
    rebuild(workspace)
    assert contents(workspace) == before
    names = {entry.name for entry in workspace.path.iterdir()}
    assert names == {"locks", "runs", "spinebench.duckdb", "workspace.json"}


def test_nothing_is_skipped_and_the_old_database_stays(workspace: Workspace) -> None:
    before = contents(workspace)
    with (workspace.runs_dir / "run-2" / "journal.jsonl").open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(CorruptLineError, match=r"run-2/journal.jsonl', line 12"):
        rebuild(workspace)
    assert contents(workspace) == before
    (workspace.runs_dir / "run-1" / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run-1/run\.json"):
        rebuild(workspace)
    assert contents(workspace) == before


def test_killed_while_rebuilding_the_old_database_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    items = [diagnosis(f"i{number}") for number in range(500)]
    stored_run(workspace, [right(item) for item in items], items=items)
    ingest(workspace)
    before = contents(workspace)
    generator = random.Random(5)
    code = """
import sys
from spinebench.store import Workspace
from spinebench.store.rebuild import rebuild
print("begin", flush=True)
rebuild(Workspace(sys.argv[1]))
"""
    for _ in range(3):
        process = python(code, workspace.path)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(generator.uniform(0.0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert contents(workspace) == before
    rebuild(workspace)
    assert contents(workspace) == before
    assert not list(workspace.path.glob("spinebench.duckdb.*"))


def test_without_a_workspace_there_is_nothing_to_rebuild(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder with runs"):
        rebuild(Workspace(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_workspace_gives_an_empty_database(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    assert rebuild(workspace) == []
    assert workspace.query("results").num_rows == 0
