"""The errors page: figures as planted, and behind every mark the cases that it counts."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

from spinebench.dashboard.confusion_matrix import ConfusedPair, case_filters, confused_pairs
from spinebench.dashboard.failure_mode_chart import doubts
from spinebench.evaluators.estimate import Estimate, Interval
from spinebench.records import JournalEntry, Outcome, Scored
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from spinebench.terms import HEALTHY
from tests.simulated_audits import judged, rate
from tests.stored_runs import answer, diagnosis, key, localization, right, scored, stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VARIABLE = "SPINEBENCH_DASHBOARD_WORKSPACE"
DISEASED = [diagnosis(f"d{number}") for number in range(4)]
WELL = [diagnosis(f"h{number}", HEALTHY) for number in range(3)]
LEVELS = [localization("l0"), localization("l1")]


def wrong(item: Any, chosen: str, outcome: Outcome, *, confused: bool = True) -> JournalEntry:
    of = key(item.id)
    return JournalEntry(
        answer=answer(of),
        scored=scored(of, item, (chosen,), outcome, confused_with=chosen if confused else None),
    )


def shifted(score: Scored) -> Scored:
    """The score, with all levels one too far down."""
    assert score.grade is not None
    return score.model_copy(update={"grade": score.grade.model_copy(update={"shift": 1})})


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One model: of four Osteophytes one right, two answered Vertebral collapse, one Healthy; of three healthy
    images two answered Osteophytes, one not answered; one localization right, one a level too far down."""
    workspace = Workspace(tmp_path_factory.mktemp("planted") / "workspace")
    silent = answer(key("h2"), text="?")
    below = key("l1")
    entries = [
        right(DISEASED[0]),
        wrong(DISEASED[1], "Vertebral collapse", Outcome.DISEASE_CONFUSED),
        wrong(DISEASED[2], "Vertebral collapse", Outcome.DISEASE_CONFUSED),
        wrong(DISEASED[3], HEALTHY, Outcome.DISEASE_MISSED, confused=False),
        wrong(WELL[0], "Osteophytes", Outcome.HEALTHY_MISDIAGNOSED),
        wrong(WELL[1], "Osteophytes", Outcome.HEALTHY_MISDIAGNOSED),
        JournalEntry(
            answer=silent,
            scored=scored(silent.key, WELL[2], (), Outcome.NOT_ANSWERED, status="unparsed"),  # type: ignore[arg-type]
        ),
        right(LEVELS[0]),
        JournalEntry(
            answer=answer(below),
            scored=shifted(scored(below, LEVELS[1], ("L2/L3", "L3/L4"), Outcome.SHIFTED)),
        ),
    ]
    stored_run(workspace, entries, items=[*DISEASED, *WELL, *LEVELS])
    ingest(workspace)
    return workspace


def page(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, **asked: str) -> AppTest:
    def script() -> None:
        from spinebench.dashboard.pages.errors import show

        show()

    monkeypatch.setenv(VARIABLE, str(workspace.path))
    shown = AppTest.from_function(script, default_timeout=30)
    for name, value in asked.items():
        shown.query_params[name] = value
    shown.run()
    assert not shown.exception
    return shown


def charts(shown: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in shown.get("vega_lite_chart")]


def titles(shown: AppTest) -> list[str]:
    return [str(chart["title"]["text"]) for chart in charts(shown)]


def test_answers_of_a_model_that_the_plan_does_not_name_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "ws")
    items = DISEASED[:2]
    stored_run(workspace, [right(items[0], "sim/unplanned"), right(items[1])], items=items)
    ingest(workspace)
    shown = page(workspace, monkeypatch)
    assert any("Correct disease, of 2" in one.proto.body for one in shown.get("html"))


def test_points_without_an_interval_or_of_few_traces_are_counted() -> None:
    span = Interval(low=0.1, high=0.5, level=0.95, method="Wilson")
    points = [
        Estimate(name="share", value=0.2, interval=span, n=12, n_clusters=12),
        Estimate(name="share", value=0.2, interval=span, n=9, n_clusters=9),
        Estimate(name="share", value=-0.8, interval=None, n=1, n_clusters=1),
        Estimate(name="share", value=None, interval=None, n=0, n_clusters=0, reason="no labels"),
    ]
    bare, few = doubts(points)
    assert bare.startswith("1 of 3 points have no interval")
    assert few == "2 of 3 points rest on fewer than 10 traces: rough."
    assert doubts(points[:1]) == []


@pytest.mark.parametrize("part", ["diagnosis", "localization"])
def test_a_chart_that_is_saved_says_what_the_page_warns_of(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    drawn = charts(page(planted, monkeypatch, part=part))
    assert drawn
    assert all(chart["title"]["subtitle"][-1] == "SIMULATION, INCOMPLETE" for chart in drawn)


def test_shares_of_all_asked_say_of_how_many(planted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two of three healthy images were answered with a disease, which is two of seven diagnoses.
    html = "".join(str(one.proto.body) for one in page(planted, monkeypatch).get("html"))
    assert "<dt>Healthy misdiagnosed, of 7</dt><dd>28.6 %</dd>" in html


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        pytest.param(True, "No wrong diagnosis among the 1 answered, of 2 asked.", id="one right"),
        pytest.param(False, "Not one of 2 questions was answered", id="none answered"),
    ],
)
def test_no_wrong_diagnosis_is_said_of_answers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: bool, said: str
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    silent = [
        JournalEntry(
            answer=answer(key(item.id), text="?"),
            scored=scored(key(item.id), item, (), Outcome.NOT_ANSWERED, status="unparsed"),  # type: ignore[arg-type]
        )
        for item in DISEASED[:2]
    ]
    stored_run(workspace, [right(DISEASED[0]) if answered else silent[0], silent[1]], items=DISEASED)
    ingest(workspace)
    captions = [str(one.value) for one in page(workspace, monkeypatch).caption]
    assert any(caption.startswith(said) for caption in captions)


CONFUSION = Counter(
    {
        ("Osteophytes", "Osteophytes"): 1,
        ("Osteophytes", "Vertebral collapse"): 2,
        ("Osteophytes", HEALTHY): 1,
        (HEALTHY, "Osteophytes"): 2,
        (HEALTHY, "(not answered)"): 1,
    }
)


def test_pairs_are_wrong_answers_the_most_frequent_first() -> None:
    assert confused_pairs(CONFUSION) == [
        ConfusedPair(HEALTHY, "Osteophytes", 2, 3),  # 2/3 of its row goes before 2/4
        ConfusedPair("Osteophytes", "Vertebral collapse", 2, 4),
        ConfusedPair("Osteophytes", HEALTHY, 1, 4),
    ]
    assert confused_pairs(Counter()) == []


@pytest.mark.parametrize(("cell", "n"), CONFUSION.items(), ids=lambda value: str(value))
def test_behind_a_cell_are_as_many_cases_as_it_says(
    planted: Workspace, cell: tuple[str, str], n: int
) -> None:
    names = {"task": "tasks", "disease": "diseases", "answered": "answered", "outcome": "outcomes"}
    filters = {names[name]: [value] for name, value in case_filters(*cell).items()}
    found = planted.query("cases", runs=["run-1"], **filters).to_pylist()
    assert len(found) == n
    assert {row["disease"] for row in found} == {cell[0]}


def test_diagnosis_shows_shares_matrix_pairs_and_healthy_images(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page(planted, monkeypatch)
    assert titles(shown) == [
        "Outcomes, diagnosis: share of asked questions",
        "Diagnosis: gold against answered, all models, n = 7",
        "Healthy misdiagnosed, by modality",
        "Healthy misdiagnosed, by region",
        "Healthy misdiagnosed, by source",
    ]
    pairs = shown.dataframe[0].value
    assert pairs["answers"].tolist() == [2, 2, 1]
    assert pairs["share of gold"].tolist() == ["66.7%", "50.0%", "25.0%"]
    assert any("SIMULATION" in warning.value for warning in shown.warning)


def test_the_matrix_sets_healthy_and_unanswered_apart(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = charts(page(planted, monkeypatch))[1]["layer"][0]["encoding"]
    across, down = (matrix[axis]["scale"]["domain"] for axis in ("x", "y"))
    assert [label.strip() for label in across] == [
        "Osteophytes",
        "Vertebral collapse",
        "",
        HEALTHY,
        "",
        "(not answered)",
    ]
    assert [label.strip() for label in down] == ["Osteophytes (n = 4)", "", "Healthy (n = 3)"]
    assert len(set(across)) == len(across)


def test_localization_shows_levels_shifts_and_offsets(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page(planted, monkeypatch, part="localization")
    assert titles(shown)[0] == "Outcomes, localization: share of asked questions"
    assert "Hits per level, sim/a (hits/n)" in titles(shown)
    offsets = shown.dataframe[0].value
    assert offsets["n"].tolist() == [2, 2, 2, 2]
    assert str(offsets["value"][0]).startswith("0.50")  # one answer in place, one a level further down
    assert str(offsets["value"][3]).startswith("50.0%")


def test_without_an_audit_the_page_says_how_to_get_failure_modes(
    planted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page(planted, monkeypatch, part="modes")
    assert "spinebench audit" in shown.info[0].value


def test_failure_modes_of_an_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, audit = judged(tmp_path, n=10)
    rate(workspace, audit, tmp_path)
    shown = page(workspace, monkeypatch, part="modes")
    assert titles(shown) == ["Failure modes by model: corrected, with 95 % intervals"]
    shown.segmented_control(key="figure").set_value("judge").run()
    assert titles(shown) == ["Failure modes by model: judge, with 95 % intervals"]


def test_a_click_on_a_point_of_healthy_images_opens_them(address: str, tab: Page) -> None:
    tab.goto(f"{address}/errors")
    chart = tab.get_by_test_id("stVegaLiteChart").nth(2)
    chart.scroll_into_view_if_needed()
    chart.locator("path[aria-roledescription=point]").first.click(force=True)
    tab.wait_for_url("**/cases?*")
    tab.get_by_text("2 cases").wait_for()  # two of the three healthy images were answered with a disease
    assert {"outcome=healthy_misdiagnosed", "modality=X-ray"} <= set(tab.url.split("?")[1].split("&"))


def test_what_was_opened_can_be_opened_again(address: str, tab: Page) -> None:
    tab.goto(f"{address}/errors")
    for _ in range(2):
        chart = tab.get_by_test_id("stVegaLiteChart").nth(2)
        chart.scroll_into_view_if_needed()
        chart.locator("path[aria-roledescription=point]").first.click(force=True)
        tab.wait_for_url("**/cases?*")
        tab.get_by_text("2 cases").wait_for()
        tab.go_back()
        tab.get_by_text("Most confused pairs").wait_for()
        tab.wait_for_timeout(500)  # the charts are drawn again when their width is known
    table = tab.get_by_test_id("stDataFrame").locator("canvas").first
    table.click(position={"x": 18, "y": 52}, force=True)
    tab.wait_for_url("**/cases?*")


def test_a_click_in_the_table_of_shifts_opens_what_is_shifted(address: str, tab: Page) -> None:
    tab.goto(f"{address}/errors?part=localization")
    chart = tab.get_by_test_id("stVegaLiteChart").filter(has_text="Uniform shifts")
    chart.scroll_into_view_if_needed()
    chart.locator("path[aria-roledescription='rect mark']").first.click(force=True)
    tab.wait_for_url("**/cases?*")
    tab.get_by_text("1 case").wait_for()
    assert "shift=1" in tab.url


def test_an_empty_workspace_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = page(Workspace(tmp_path), monkeypatch)
    assert "no run yet" in shown.info[0].value


@pytest.fixture
def address(planted: Workspace) -> Iterator[str]:
    """The dashboard as its command starts it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "spinebench", "dashboard", "--workspace", str(planted.path)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--no-browser"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _when_up(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(30)


def _when_up(url: str, process: subprocess.Popen[bytes]) -> str:
    for _ in range(300):
        assert process.poll() is None, "the dashboard ended"
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return url
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("the dashboard did not start within 30 s")


def test_from_the_confusion_matrix_to_a_case_in_three_clicks(address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        # The first address that this server is asked for is not its front page.
        tab.goto(f"{address}/errors")
        cell = tab.locator('[aria-label="Osteophytes, answered Vertebral collapse: 2"]')
        cell.wait_for(timeout=30_000)
        tab.wait_for_timeout(500)  # the chart is drawn again when its width is known
        cell.click(force=True)  # first click; the figures lie over the cell
        tab.wait_for_url("**/cases?*disease=Osteophytes*", timeout=20_000)
        tab.get_by_text("2 cases").wait_for(timeout=20_000)
        table = tab.get_by_test_id("stDataFrame").locator("canvas").first
        table.click(position={"x": 18, "y": 52}, force=True)  # second click: the first row
        tab.wait_for_url("**case=run-1*", timeout=20_000)
        browser.close()


def test_a_label_that_turns_the_line_round_is_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = "\u202elive"
    item = diagnosis("d1").model_copy(
        update={"options": (turned, HEALTHY, "A", "B", "C"), "gold": (turned,), "disease": turned}
    )
    of = key("d1")
    wrong = scored(of, item, ("A",), Outcome.DISEASE_CONFUSED, confused_with="A")
    workspace = Workspace(tmp_path / "ws")
    stored_run(workspace, [JournalEntry(answer=answer(of), scored=wrong)], items=[item])
    ingest(workspace)
    shown = page(workspace, monkeypatch)
    assert list(shown.dataframe[0].value["gold"]) == ["⟨U+202E⟩live"]
    matrix = next(one for one in charts(shown) if "gold against answered" in json.dumps(one["title"]))
    encodings = json.dumps(matrix["layer"], ensure_ascii=False)
    assert "⟨U+202E⟩live (n = 1)" in encodings
    assert turned not in encodings
