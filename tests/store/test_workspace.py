"""Workspaces: made on demand, careful with folders that are something else, forgiving about ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinebench.errors import DataError, SpinebenchError, UsageError
from spinebench.store import RunFolder, Workspace
from tests.stored_runs import ITEMS, diagnosis, python, spec, stored_run


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "deep" / "workspace")


def test_looking_makes_nothing(workspace: Workspace) -> None:
    assert not workspace.exists()
    assert workspace.runs() == []
    assert workspace.latest() is None
    assert workspace.unreadable_runs() == []
    with pytest.raises(UsageError, match="expected a folder with runs"):
        workspace.query("results")
    assert not workspace.path.exists()


def test_a_run_comes_back_as_it_was_created(workspace: Workspace) -> None:
    run = stored_run(workspace)
    assert run.path == workspace.path / "runs" / "run-1"
    again = workspace.run("run-1")
    assert again.spec() == spec()
    assert tuple(again.items()) == ITEMS
    assert workspace.exists()
    assert [path.name for path in run.path.iterdir()] != []
    assert not list(workspace.runs_dir.glob(".new-*"))


def test_runs_are_ordered_by_creation(workspace: Workspace) -> None:
    for run_id, minutes in (("b", 5), ("a", 9), ("c", 0)):
        stored_run(workspace, run_id=run_id, minutes=minutes)
    assert [run.run_id for run in workspace.runs()] == ["c", "b", "a"]
    latest = workspace.latest()
    assert latest is not None
    assert latest.run_id == "a"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("20260101-x-aaaa", "20260101-x-aaaa", id="whole id"),
        pytest.param("2027", "20270101-x-cccc", id="unique prefix"),
        pytest.param("run", "run", id="an id that begins others"),
    ],
)
def test_a_run_is_found_by_id_or_unique_prefix(workspace: Workspace, asked: str, found: str) -> None:
    for run_id in ("20260101-x-aaaa", "20260101-x-bbbb", "20270101-x-cccc", "run", "run-2"):
        stored_run(workspace, run_id=run_id)
    assert workspace.run(asked).run_id == found


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param("2026", "expected one run, not 2: 2026-a, 2026-b", id="several"),
        pytest.param("2030", r"expected a run of .* \(the last ones: 2026-a, 2026-b\)", id="none"),
        pytest.param("", "expected a run of", id="empty"),
        pytest.param("../runs/2026-a", "expected a run of", id="a path"),
    ],
)
def test_an_id_that_names_no_single_run_is_explained(workspace: Workspace, asked: str, message: str) -> None:
    for run_id in ("2026-a", "2026-b"):
        stored_run(workspace, run_id=run_id)
    with pytest.raises(UsageError, match=message):
        workspace.run(asked)


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "a\n", "a\x00", "é", "x" * 201]
)
def test_an_id_that_is_no_safe_file_name_is_refused(workspace: Workspace, run_id: str) -> None:
    with pytest.raises(UsageError, match="run id"):
        workspace.create_run(spec(run_id), ITEMS)
    assert not workspace.path.exists()


def test_an_existing_run_is_not_overwritten(workspace: Workspace) -> None:
    run = stored_run(workspace)
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    with pytest.raises(UsageError, match="expected a new id, but it exists"):
        stored_run(workspace)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


def test_items_with_one_id_are_refused_and_leave_no_run(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="item 'same': expected an id of its own"):
        stored_run(workspace, items=[diagnosis("same"), diagnosis("same", "Healthy")])
    assert list(workspace.runs_dir.iterdir()) == []


def test_a_folder_with_other_things_is_not_made_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    (tmp_path / "runs").mkdir()  # of some other program
    workspace = Workspace(tmp_path)
    assert workspace.runs() == []
    with pytest.raises(
        UsageError, match=r"expected a workspace or an empty folder, but it holds 'thesis.tex'"
    ):
        workspace.create_run(spec(), ITEMS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "thesis.tex"]


@pytest.mark.parametrize("name", [".gitignore", "cache", "locks"])
def test_a_folder_with_nothing_but_our_own_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert stored_run(Workspace(tmp_path)).spec() == spec()


def test_other_things_inside_a_workspace_are_left_alone(workspace: Workspace) -> None:
    stored_run(workspace)
    (workspace.path / "notes.txt").write_text("mine")
    (workspace.runs_dir / "scratch").mkdir()
    (workspace.runs_dir / "readme").write_text("mine")
    stored_run(workspace, run_id="run-2")
    assert [run.run_id for run in workspace.runs()] == ["run-1", "run-2"]


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="expected a folder, but it is a file"):
        Workspace(tmp_path / "file")


@pytest.mark.parametrize(
    ("marker", "error", "message"),
    [
        pytest.param('{"format": 2}', UsageError, "expected format 1 or earlier, but it is 2", id="later"),
        pytest.param("{", DataError, "expected a readable workspace.json", id="no JSON"),
        pytest.param("[]", DataError, "expected a readable workspace.json", id="no object"),
        pytest.param('{"format": "x"}', DataError, "expected a readable workspace.json", id="no number"),
    ],
)
def test_a_marker_of_another_version_is_refused(
    tmp_path: Path, marker: str, error: type[SpinebenchError], message: str
) -> None:
    (tmp_path / "workspace.json").write_text(marker)
    with pytest.raises(error, match=message):
        Workspace(tmp_path)


def test_a_copied_run_is_not_mistaken_for_the_original(workspace: Workspace) -> None:
    run = stored_run(workspace)
    copy = workspace.runs_dir / "run-1 (copy)"
    copy.mkdir()
    for path in run.path.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert [found.run_id for found in workspace.runs()] == ["run-1"]
    ((path, error),) = workspace.unreadable_runs()
    assert path == copy
    assert "expected the name 'run-1', as its run.json says" in str(error)
    with pytest.raises(DataError, match="move the copy out"):
        workspace.run("run-1 (copy)")


@pytest.mark.parametrize("text", ["", "{", '{"run_id": "run-1"}', json.dumps({"later": 1})])
def test_an_unreadable_description_is_told_and_hides_no_other_run(workspace: Workspace, text: str) -> None:
    broken = stored_run(workspace)
    stored_run(workspace, run_id="run-2")
    (broken.path / "run.json").write_text(text)
    assert [run.run_id for run in workspace.runs()] == ["run-2"]
    with pytest.raises(DataError, match=r"run description .*run\.json"):
        RunFolder(broken.path).spec()


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workspace("~/runs of mine").path == tmp_path / "runs of mine"


def test_importing_the_store_loads_neither_duckdb_nor_arrow() -> None:
    process = python("import sys, spinebench.store; print({'duckdb', 'pyarrow'} & set(sys.modules))")
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("set()\n", "")
