"""The page Overview: what it says about runs, and what it keeps in the address."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from spinebench.evaluators.results import summarize
from spinebench.records import JournalEntry, Outcome, RunState, Task
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from tests.stored_runs import ITEMS, key, right, scored, spec, status_of, stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from streamlit.testing.v1 import AppTest

Open = Callable[..., "AppTest"]


def texts(app: AppTest) -> str:
    """All the page says in words."""
    return "\n".join(
        str(getattr(one, "value", ""))
        for kind in ("text", "info", "warning", "error", "caption")
        for one in app.get(kind)
    )


def test_accuracies_are_those_of_the_evaluators_with_n_and_unanswered_beside(
    audited: Workspace, page: Open
) -> None:
    app = page(audited.path, "overview")
    assert not app.exception
    shown = app.dataframe[0].value
    expected = summarize(audited.query("graded"))
    diagnosis = {one.model: one.diagnosis.accuracy.of_asked for one in expected if one.diagnosis}
    assert len(shown) == 3
    for row in shown.to_dict("records"):
        estimate = diagnosis[row["model"].removesuffix(" (simulated)")]
        assert estimate.value is not None
        assert estimate.denominators is not None
        assert row["accuracy, %"] == pytest.approx(100 * estimate.value)
        assert row["n"] == estimate.n == 30
        assert row["unanswered"] == estimate.denominators.asked - estimate.denominators.answered
    # Five labels of six questions each, five options: a fifth is right whatever one does without looking.
    assert "random option 20.0, prior-matched 20.0, always Healthy (Healthy) 20.0" in texts(app)


def test_simulated_figures_say_so(audited: Workspace, page: Open) -> None:
    app = page(audited.path, "overview")
    assert "SIMULATION" in texts(app)
    assert all(name.endswith("(simulated)") for name in app.dataframe[0].value["model"])


def test_two_models_are_compared_and_the_questions_that_part_them_lead_to_cases(
    audited: Workspace, page: Open
) -> None:
    app = page(audited.path, "overview", first="sim/guesser", second="sim/careful")
    figures, listed = app.dataframe[2].value, app.dataframe[3].value
    turned = page(audited.path, "overview", first="sim/careful", second="sim/guesser").dataframe[2].value
    assert figures.loc[0, "difference, points"] == pytest.approx(-turned.loc[0, "difference, points"])
    assert figures.loc[0, "only first right"] == turned.loc[0, "only second right"]
    n = int(figures.loc[0, "only first right"] + figures.loc[0, "only second right"])
    assert f"of {n} questions" in texts(app)
    assert set(listed["right"]) <= {"sim/guesser", "sim/careful"}
    for row in listed.to_dict("records"):
        assert row["case of first"].startswith("/cases?case=")
        assert (row["first"] in {"correct_disease", "correct_healthy"}) == (row["right"] == "sim/guesser")


def test_runs_are_chosen_by_the_address_and_of_one_benchmark_by_default(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    stored_run(workspace, [right(item) for item in ITEMS[:3]], run_id="run-1")
    stored_run(workspace, [right(ITEMS[0], run_id="run-2")], run_id="run-2", minutes=5)
    ingest(workspace)
    app = page(workspace.path, "overview")
    assert app.multiselect[0].value == ["run-1", "run-2"]  # both are of the same benchmark
    app = page(workspace.path, "overview", run="run-2")
    assert app.multiselect[0].value == ["run-2"]
    assert app.dataframe[0].value["n"].tolist() == [1]
    app.multiselect[0].set_value(["run-1"]).run()
    assert app.query_params["run"] == ["run-1"] or app.query_params["run"] == "run-1"
    assert not app.exception
    assert app.dataframe[0].value["n"].tolist() == [3]


def test_a_question_asked_twice_counts_twice_and_it_is_said(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    for place, run_id in enumerate(("run-1", "run-2")):
        stored_run(
            workspace, [right(item, run_id=run_id) for item in ITEMS[:3]], run_id=run_id, minutes=place
        )
    ingest(workspace)
    app = page(workspace.path, "overview")
    assert app.dataframe[0].value["n"].tolist() == [6]
    assert app.dataframe[0].value["clusters"].tolist() == [3]
    assert "6 answers to 3 items, each counted" in texts(app)


def test_models_are_compared_over_all_personas_and_it_is_said(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    answers = [
        of_persona(right(item, model), persona)
        for item in ITEMS[:3]
        for model in ("sim/a", "sim/b")
        for persona in ("surgeon", "radiologist")
    ]
    both = spec().model_copy(update={"personas": ("surgeon", "radiologist")})
    run = workspace.create_run(both, ITEMS)
    run.journal.append(answers)
    run.journal.close()
    ingest(workspace)
    app = page(workspace.path, "overview")
    assert app.dataframe[2].value.loc[0, "questions"] == 6
    assert "An item counts once under each of the 2 personas chosen" in texts(app)
    app = page(workspace.path, "overview", persona="surgeon")
    assert app.dataframe[2].value.loc[0, "questions"] == 3
    assert "An item counts once" not in texts(app)


def of_persona(entry: JournalEntry, persona: str) -> JournalEntry:
    """The same answer under another persona."""
    assert entry.answer is not None
    assert entry.scored is not None
    of = entry.answer.key.model_copy(update={"persona": persona})
    return JournalEntry(
        answer=entry.answer.model_copy(update={"key": of}), scored=entry.scored.model_copy(update={"key": of})
    )


@pytest.mark.parametrize("width", [1024, 1440])
def test_charts_stand_below_each_other_where_there_is_no_room_for_two(
    dashboard: str, tab: Page, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(f"{dashboard}/errors")
    columns = tab.locator(".st-key-healthy-charts").get_by_test_id("stColumn")
    columns.nth(2).wait_for()
    lefts = {round(place["x"]) for one in columns.all() if (place := one.bounding_box()) is not None}
    assert len(lefts) == (3 if width == 1440 else 2)


def test_charts_below_each_other_keep_their_order(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    asked = [
        next(item for item in ITEMS if item.task is task) for task in (Task.DIAGNOSIS, Task.LOCALIZATION)
    ]
    stored_run(workspace, [right(item) for item in asked])
    ingest(workspace)
    app = page(workspace.path, "overview")
    # As the page holds them, column by column: so they stand where there is room for one column only.
    drawn = [json.loads(chart.proto.spec)["title"]["text"] for chart in app.get("vega_lite_chart")]
    assert [title.partition(":")[0] for title in drawn] == ["Diagnosis", "Localization", "Overall"]


@pytest.mark.parametrize(
    ("n_done", "n_failed", "marked"),
    [
        pytest.param(None, 0, True, id="never begun"),
        pytest.param(7, 2, True, id="stopped"),
        pytest.param(8, 2, False, id="all asked, two failed"),
        pytest.param(10, 0, False, id="all answered"),
    ],
)
def test_runs_that_have_not_asked_all_say_so(
    tmp_path: Path, page: Open, n_done: int | None, n_failed: int, marked: bool
) -> None:
    workspace = Workspace(tmp_path / "ws")
    run = stored_run(workspace, [right(ITEMS[0])])
    if n_done is not None:
        status = status_of(run, RunState.INCOMPLETE, n_done=n_done)
        run.write_status(status.model_copy(update={"n_failed": n_failed}))
    ingest(workspace)
    app = page(workspace.path, "overview")
    assert not app.exception
    assert ("INCOMPLETE: 1 of 1 chosen runs" in texts(app)) is marked


def test_answers_without_looking_are_those_of_the_model_that_was_asked_most(
    tmp_path: Path, page: Open
) -> None:
    workspace = Workspace(tmp_path / "ws")
    asked = [item for item in ITEMS if item.task is Task.DIAGNOSIS]
    stored_run(workspace, [right(asked[0]), *(right(item, "sim/b") for item in asked)])
    ingest(workspace)
    app = page(workspace.path, "overview")
    assert app.dataframe[0].value["n"].tolist() == [1, len(asked)]  # the model asked least comes first
    said = (
        f"Without looking, diagnosis, percent of {len(asked)} items, of which some rows were asked only part:"
    )
    assert said in texts(app)


def test_headline_shares_name_how_many_were_asked(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    asked = [item for item in ITEMS if item.task is Task.DIAGNOSIS]
    stored_run(workspace, [right(asked[0]), *(right(item, "sim/b") for item in asked)])
    ingest(workspace)
    shown = "".join(str(one.proto.body) for one in page(workspace.path, "overview").get("html"))
    assert f"<dt>Diagnosis right, of 1 to {len(asked)} each</dt><dd>100.0 %</dd>" in shown


def test_nothing_chosen_is_said(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    for number in (1, 2):
        stored_run(
            workspace, [right(ITEMS[0], run_id=f"run-{number}")], run_id=f"run-{number}", minutes=number
        )
    app = page(workspace.path, "overview")
    app.multiselect[0].set_value([]).run()
    assert "Nothing is chosen" in texts(app)


def test_a_question_of_two_runs_counts_once_and_by_the_later_run(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "ws")
    item = ITEMS[0]
    wrong = {
        run_id: right(item, "sim/b", run_id=run_id).model_copy(
            update={
                "scored": scored(
                    key(item.id, "sim/b"),
                    item,
                    ("Vertebral collapse",),
                    Outcome.DISEASE_CONFUSED,
                    run_id=run_id,
                    confused_with="Vertebral collapse",
                )
            }
        )
        for run_id in ("run-1", "run-2")
    }
    stored_run(workspace, [right(item), wrong["run-1"]], run_id="run-1")
    stored_run(workspace, [wrong["run-2"]], run_id="run-2", minutes=5)
    ingest(workspace)
    found = workspace.query("discordant", run_ids=["run-1", "run-2"], first="sim/a", second="sim/b", size=10)
    assert found.column("second_run_id").to_pylist() == ["run-2"]
    assert found.column("only").to_pylist() == ["sim/a"]
    app = page(workspace.path, "overview")
    assert app.dataframe[2].value.loc[0, "only first right"] == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda path: None, "but it is gone", id="nothing there"),
        pytest.param(lambda path: path.mkdir(), "This workspace holds no run yet", id="empty folder"),
        pytest.param(lambda path: stored_run(Workspace(path)), "No graded answer", id="no answer yet"),
    ],
)
def test_workspaces_without_figures_get_advice(
    tmp_path: Path, page: Open, make: Callable[[Path], object], said: str
) -> None:
    make(tmp_path / "ws")
    app = page(tmp_path / "ws", "overview")
    assert not app.exception
    assert said in texts(app)


def test_a_database_that_is_none_is_named(audited: Workspace, tmp_path: Path, page: Open) -> None:
    copy = tmp_path / "ws"
    shutil.copytree(audited.path, copy)
    Workspace(copy).database.path.write_bytes(b"no database")
    app = page(copy, "overview")
    assert not app.exception
    assert "spinebench.duckdb" in texts(app)


def test_names_of_models_stay_text(tmp_path: Path, page: Open) -> None:
    hostile = "sim/<script>alert(1)</script>![x](http://evil.example/x.png)"
    workspace = Workspace(tmp_path / "ws")
    described = spec("run-1").model_copy(update={"models": (hostile, "sim/b")})
    run = workspace.create_run(described, ITEMS)
    run.journal.append([right(ITEMS[0], hostile), right(ITEMS[0], "sim/b")])
    run.journal.close()
    ingest(workspace)
    app = page(workspace.path, "overview")
    assert not app.exception
    assert hostile in str(app.dataframe[0].value.loc[0, "model"])
    formatted = [
        one
        for kind in ("markdown", "html", "caption", "warning", "info", "title", "subheader")
        for one in app.get(kind)
    ]
    assert not [one for one in formatted if "script" in str(one) or "evil" in str(one)]


def test_a_click_on_a_point_opens_the_cases_of_that_model_and_task(dashboard: str, tab: Page) -> None:
    tab.goto(dashboard)
    chart = tab.locator("[data-testid=stVegaLiteChart]").first
    chart.locator("[aria-roledescription=point]").nth(1).click()
    tab.wait_for_url("**/cases?*")
    filters = parse_qs(urlsplit(tab.url).query)
    assert filters["model"] == ["sim/overcaller"]
    assert filters["task"] == ["diagnosis"]
