"""The page Runs: progress from the status files, errors by class, budget, and the quality of the items."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.dashboard.live_progress import progress_of, rate_between
from spinebench.records import ImageRef, RunState
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from tests.stored_runs import ITEMS, NOW, diagnosis, failed, right, spec, status_of, stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from streamlit.testing.v1 import AppTest

Open = Callable[..., "AppTest"]


def texts(app: AppTest) -> str:
    """All the page says in words."""
    kinds = ("text", "info", "warning", "error", "caption", "code")
    return "\n".join(str(getattr(one, "value", "")) for kind in kinds for one in app.get(kind))


def metrics(app: AppTest) -> dict[str, str]:
    """The large figures by their names."""
    return {one.label: str(one.value) for one in app.metric}


@pytest.mark.parametrize(
    ("state", "held", "shown"),
    [
        pytest.param(None, False, "incomplete", id="never begun"),
        pytest.param(RunState.RUNNING, True, "running", id="at work"),
        pytest.param(RunState.RUNNING, False, "incomplete", id="killed"),
        pytest.param(RunState.INCOMPLETE, False, "incomplete", id="stopped"),
        pytest.param(RunState.DONE, False, "done", id="done"),
    ],
)
def test_states_are_told_apart(tmp_path: Path, state: RunState | None, held: bool, shown: str) -> None:
    run = stored_run(Workspace(tmp_path / "ws"))
    if state is not None:
        run.write_status(status_of(run, state, n_done=3, pid=os.getpid()))
    if held:
        with run.lock():
            found = progress_of(run)
    else:
        found = progress_of(run)
    assert (found.state, found.live) == (shown, held)
    assert (found.n_done, found.n_planned) == (0 if state is None else 3, 10)


def test_rate_is_answers_by_seconds() -> None:
    assert rate_between((NOW, 10), (NOW + timedelta(seconds=4), 30)) == 5.0
    assert rate_between((NOW, 10), (NOW, 10)) is None


def test_progress_follows_the_status_file_of_a_run_at_work(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    run = stored_run(workspace)
    with run.lock():
        run.write_status(status_of(run, RunState.RUNNING, n_done=2))
        app = page(workspace.path, "runs")
        assert not app.exception
        row = app.dataframe[0].value.iloc[0]
        assert (row["state"], row["done"], row["planned"]) == ("running", 2, 10)
        assert "1 at work" in texts(app)
        later = status_of(run, RunState.RUNNING, n_done=6)
        run.write_status(later.model_copy(update={"updated_at": NOW + timedelta(seconds=2)}))
        row = app.run().dataframe[0].value.iloc[0]
        assert (row["done"], row["per s"]) == (6, 2.0)
    assert app.run().dataframe[0].value.iloc[0]["state"] == "incomplete"


def test_what_is_not_in_the_database_yet_is_said_and_loaded_on_request(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    run = stored_run(workspace, [right(item) for item in ITEMS])
    run.write_status(status_of(run, RunState.INCOMPLETE, n_done=5))
    app = page(workspace.path, "runs")
    assert metrics(app)["In the database"] == "0"
    assert "5 answers are not in the database yet" in texts(app)
    app.button[0].click().run()
    assert not app.exception
    assert metrics(app)["In the database"] == "5"
    assert "not in the database yet" not in texts(app)


def test_no_attempt_failed_is_said_only_of_what_the_database_holds(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    run = stored_run(workspace, [right(item) for item in ITEMS])
    run.write_status(status_of(run, RunState.INCOMPLETE, n_done=5))
    assert "whether attempts failed is not known here" in texts(page(workspace.path, "runs"))
    ingest(workspace)
    assert f"No attempt failed, of {len(ITEMS)} answers in the database." in texts(
        page(workspace.path, "runs")
    )


def test_a_killed_run_has_done_what_the_database_holds(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    run = stored_run(workspace, [*(right(item) for item in ITEMS[:4]), failed(ITEMS[4], failures=2)])
    run.write_status(status_of(run, RunState.RUNNING, n_done=3))  # its last words, an answer ago
    ingest(workspace)
    shown = metrics(page(workspace.path, "runs"))
    assert (shown["Answers done"], shown["In the database"]) == ("4 of 10", "5")
    assert "may lag behind its journal" in texts(page(workspace.path, "runs"))


def test_errors_are_counted_by_class_with_an_example(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    stored_run(workspace, [right(ITEMS[0]), failed(ITEMS[1], failures=2), failed(ITEMS[2], failures=3)])
    ingest(workspace)
    app = page(workspace.path, "runs")
    table = next(one.value for one in app.dataframe if "class" in one.value)
    assert table.to_dict("records") == [
        {
            "model": "sim/a",
            "class": "server",
            "status code": None,
            "attempts": 5,
            "answers": 2,
            "example": "500",
        }
    ]


@pytest.mark.parametrize(
    ("budget", "cost", "said"),
    [
        pytest.param(None, None, "No budget was set.", id="neither"),
        pytest.param(None, 0.25, "The last sitting cost 0.2500 USD", id="cost alone"),
        pytest.param(2.0, None, "Budget 2.00 USD; what was spent is not known", id="no price"),
    ],
)
def test_cost_stands_against_the_budget(
    tmp_path: Path, page: Open, budget: float | None, cost: float | None, said: str
) -> None:
    workspace = Workspace(tmp_path / "ws")
    run = workspace.create_run(spec().model_copy(update={"plan": {"budget_usd": budget}}), ITEMS)
    run.write_status(status_of(run, RunState.DONE).model_copy(update={"cost_usd": cost}))
    assert said in texts(page(workspace.path, "runs"))


def test_plan_and_hashes_are_shown_as_written(audited: Workspace, page: Open) -> None:
    run = audited.runs()[0].spec()
    app = page(audited.path, "runs")
    facts = next(
        dict(one.value.values.tolist()) for one in app.dataframe if list(one.value) == ["what", "value"]
    )
    assert facts["digest"] == run.digest
    assert facts["items hash"] == run.benchmark.items_hash
    assert '"sim/overcaller"' in texts(app)


def test_an_audit_shows_its_judges_and_clinicians(audited: Workspace, page: Open) -> None:
    app = page(audited.path, "runs", view="Audit")
    assert not app.exception
    progress = audited.query("audits").to_pylist()[0]
    assert metrics(app)["Ratings of assigned"] == f"{progress['n_ratings']} of {progress['n_assigned']}"
    assert metrics(app)["Judgements done"] == "{0} of {0}".format(2 * progress["n_traces"])  # two judges
    who = next(one.value for one in app.dataframe if "as" in one.value)
    assert {"sim/judge-lenient", "sim-mild"} <= set(who["who"])


def test_repeats_and_shared_images_of_the_items_are_found(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    shared = (ImageRef(path="a.png"),)
    items = [
        diagnosis("d1").model_copy(update={"images": shared}),
        diagnosis("d2").model_copy(update={"images": shared}),  # the same in all but its id and study
        diagnosis("d3", "Healthy").model_copy(update={"images": shared}),
        diagnosis("d4").model_copy(update={"images": (ImageRef(path="b.png"),)}),
    ]
    stored_run(workspace, [right(items[0])], items=items)
    ingest(workspace)
    app = page(workspace.path, "runs", view="Data quality")
    assert not app.exception
    found = metrics(app)
    assert (found["Items"], found["Clusters"], found["Items that repeat others"]) == ("4", "4", "1")
    assert found["Images of several items"] == "1 of 2"
    assert "Images shown by items of different clusters: 1." in texts(app)
    counts = workspace.query("item_counts", run_id="run-1").to_pylist()
    labels = {one["value"]: one["n"] for one in counts if one["what"] == "disease"}
    assert labels == {"Osteophytes": 3, "Healthy": 1}
    # In the benchmark's order Osteophytes is the first option, Healthy the second.
    assert {one["value"]: one["n"] for one in counts if one["what"] == "right option"} == {"A": 3, "B": 1}


def test_a_broken_run_is_named_beside_the_others(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    stored_run(workspace, [right(ITEMS[0])])
    broken = workspace.runs_dir / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{", "utf-8")
    app = page(workspace.path, "runs")
    assert not app.exception
    assert "Cannot be read: broken" in texts(app)


def test_progress_is_drawn_anew_while_the_page_stays_open(
    dashboard: str, audited: Workspace, tab: Page
) -> None:
    tab.goto(dashboard)
    tab.get_by_role("link", name="Runs").click()
    tab.get_by_text("0 at work").wait_for()
    with audited.runs()[0].lock():
        tab.get_by_text("1 at work").wait_for()
    tab.get_by_text("0 at work").wait_for()
