"""The page Reports: figures as planted, what is missing, advice where there is nothing, and the way to cases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pytest

from spinebench.dashboard.headlines import headline_html
from spinebench.dashboard.page_heads import page_head
from spinebench.dashboard.preparing import prepare
from spinebench.records import Item, JournalEntry, SectionSpan, Task
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from tests.dashboard.serving import serving
from tests.stored_audits import JUDGES
from tests.stored_reports import (
    EVEN,
    QUESTIONS,
    R1,
    R2,
    R3,
    REPORTS,
    all_at,
    answered,
    audit_of_reports,
    judged,
    report,
    run_of_reports,
    written,
)
from tests.stored_runs import diagnosis, right, stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from streamlit.testing.v1 import AppTest

Open = Callable[..., "AppTest"]
PANEL = "2 judges"


def unjudged_in(folder: Path) -> Workspace:
    workspace = Workspace(folder / "workspace")
    run_of_reports(workspace)
    ingest(workspace)
    return workspace


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Of `sim/a` the first judge gives 100 and 70 points and cannot be read once, the second 60 to the first report."""
    workspace = unjudged_in(tmp_path_factory.mktemp("scored"))
    entries = [
        judged(R1, all_at(5)),
        judged(R2, EVEN),
        judged(R3, None),
        judged(R1, all_at(3), judge=JUDGES[1]),
    ]
    audit_of_reports(workspace, entries)
    ingest(workspace)
    return workspace


def said(app: AppTest) -> str:
    assert not app.exception
    names = ("title", "subheader", "caption", "text", "info", "warning", "error", "code")
    texts = [str(cast(Any, one).value) for name in names for one in app.get(name)]
    return "\n".join([*texts, *(str(one.proto.body) for one in app.get("html"))])


def drawn(app: AppTest) -> dict[str, list[dict[str, Any]]]:
    """Title of each chart -> the data of the layer that has most."""
    found = {}
    for element in app.get("vega_lite_chart"):
        spec = json.loads(element.proto.spec)
        title = spec["title"] if isinstance(spec["title"], str) else spec["title"]["text"]
        data = [pa.ipc.open_stream(one.data.data).read_all().to_pylist() for one in element.proto.datasets]
        data += list(spec.get("datasets", {}).values())
        found[title] = max(data, key=len)
    return found


def shown_table(app: AppTest, column: str) -> Any:
    """The table that has this column."""
    return next(table.value for table in app.dataframe if column in table.value.columns)


def test_the_scores_of_each_model_are_drawn(scored: Workspace, page: Open) -> None:
    app = page(scored.path, "reports")
    charts = drawn(app)
    figures = {
        title: {row["label"]: (row["figure"].split(" [")[0], row["n"]) for row in rows}
        for title, rows in charts.items()
        if "label" in rows[0] and "figure" in rows[0] and "mean" not in rows[0]
    }
    # The first report has (100 + 60) / 2 points, the second 70; overall (3 + 1 right, x 100, + 150) / 8.
    assert figures == {
        "Text questions: share right": {"sim/a": ("75.0", 4), "sim/b": ("0.0", 4)},
        "Image questions: share right": {"sim/a": ("50.0", 2), "sim/b": ("0.0", 2)},
        "Reports: mean points": {"sim/a": ("75.0", 2), "sim/b": ("undefined", 0)},
        "Overall: weighted by the counts scored": {"sim/a": ("68.8", 8), "sim/b": ("0.0", 6)},
    }
    assert "SIMULATION" in said(app)
    counts = shown_table(app, "unscored").set_index("model")
    assert counts.loc["sim/a", ["asked", "scored", "unscored", "not written"]].tolist() == [4, 2, 1, 1]


def test_the_head_says_how_many_were_right_and_complete(scored: Workspace, page: Open) -> None:
    shown = said(page(scored.path, "reports"))
    head = page_head("reports")
    assert head is not None
    assert headline_html(head.figures) in shown
    # `sim/a` has four questions right and `sim/b` none, of six each; of the five reports one was refused.
    assert [(one.name, one.value) for one in head.figures] == [
        ("Questions right, of 12", "33.3 %"),
        ("Reports complete, of 5", "80.0 %"),
    ]


def test_scores_that_are_prepared_are_not_computed_by_the_page(
    scored: Workspace, page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import streamlit as st

    def forget() -> None:
        st.cache_data.clear()
        st.cache_resource.clear()

    own = Workspace(tmp_path / "workspace")
    shutil.copytree(scored.path, own.path, ignore=shutil.ignore_patterns("cache"))
    computed = said(page(own.path, "reports"))
    shutil.rmtree(own.cache_dir)
    forget()
    prepare()
    forget()  # as in a process of its own
    monkeypatch.setattr("spinebench.dashboard.report_data.level_aware_report", None)
    assert said(page(own.path, "reports")) == computed


def test_dimensions_and_sections_are_means_over_scored_reports(scored: Workspace, page: Open) -> None:
    charts = drawn(page(scored.path, "reports"))
    cells = {
        row["dimension"]: (row["mean"], row["n"]) for row in charts["Dimensions: mean score from 1 to 5"]
    }
    assert len(cells) == 10
    assert cells["cov"] == (2.5, 2)  # (5 + 3) / 2 of the first report, 1 of the second
    assert cells["rpm"] == (4.5, 2)
    bars = {row["section"]: row["points"] for row in charts["Sections: points of 100 (n = 2 reports)"]}
    assert bars["Structured imaging report"] == pytest.approx(70.0)  # 20 x (4 + 3) / 2
    assert bars["Reasoning and disclaimer"] == pytest.approx(65.0)  # 20 x (4 + 2.5) / 2


def test_one_judge_can_be_chosen_and_stands_in_the_address(scored: Workspace, page: Open) -> None:
    app = page(scored.path, "reports", rater=JUDGES[1])
    assert app.selectbox[0].options == [PANEL, *JUDGES]
    (cov,) = [row for row in drawn(app)["Dimensions: mean score from 1 to 5"] if row["dimension"] == "cov"]
    assert (cov["mean"], cov["n"]) == (3.0, 1)
    app.selectbox[0].set_value(JUDGES[0]).run()
    assert JUDGES[0] in app.query_params["rater"]
    (cov,) = [row for row in drawn(app)["Dimensions: mean score from 1 to 5"] if row["dimension"] == "cov"]
    assert (cov["mean"], cov["n"]) == (3.0, 2)  # 5 and 1


@pytest.mark.parametrize(
    ("by", "values"),
    [
        ("subspecialty", {"trauma", "degenerative"}),
        ("source", {"textbook", "hospital"}),
        ("modality", {"not stated", "CT", "CT + MRI T2"}),
        ("language", {"en", "zh", "not stated"}),
    ],
)
def test_scores_are_divided_by_what_is_chosen(
    scored: Workspace, page: Open, by: str, values: set[str]
) -> None:
    divided = shown_table(page(scored.path, "reports", by=by), by)
    assert set(divided.loc[divided["model"] == "sim/a", by]) == values
    assert divided["n text"].sum() == 8


def test_a_new_judgement_makes_new_figures(tmp_path: Path, page: Open) -> None:
    workspace = unjudged_in(tmp_path)
    audit = audit_of_reports(workspace, [judged(R1, all_at(5))])
    assert "100.0" in drawn(page(workspace.path, "reports"))["Reports: mean points"][0]["figure"]
    audit.journal.append([judged(R1, all_at(1), judge=JUDGES[1])])
    audit.journal.close()
    assert "60.0" in drawn(page(workspace.path, "reports"))["Reports: mean points"][0]["figure"]


def test_sections_that_are_missing_are_counted(tmp_path: Path, page: Open) -> None:
    def with_sections(item: Item, *names: str) -> JournalEntry:
        entry = written(item, "sim/a")
        assert entry.scored is not None
        spans = tuple(SectionSpan(section=name, span=(0, 3)) for name in names)
        found = entry.scored.extraction.model_copy(update={"sections": spans})
        return entry.model_copy(update={"scored": entry.scored.model_copy(update={"extraction": found})})

    workspace = Workspace(tmp_path / "workspace")
    entries = [
        with_sections(REPORTS[0], "findings", "diagnosis", "treatment", "treatment", "prognosis"),
        with_sections(REPORTS[1], "findings"),
        written(REPORTS[3], "sim/a"),  # refused: nothing is missing from what is not there
    ]
    stored_run(workspace, entries, items=(REPORTS[0], REPORTS[1], REPORTS[3]))
    ingest(workspace)
    row = shown_table(page(workspace.path, "reports"), "no findings").iloc[0]
    assert (row["asked"], row["not answered"]) == (3, 1)
    missing = [row[f"no {name}"] for name in ("findings", "diagnosis", "treatment", "prognosis")]
    assert missing == [0, 1, 1, 1]
    assert (row["no postoperative"], row["no rationale"]) == (2, 2)


def test_levels_named_are_shown_with_their_counts(tmp_path: Path, page: Open) -> None:
    def saying(item: Item, text: str) -> JournalEntry:
        entry = written(item, "sim/a")
        assert entry.answer is not None
        return entry.model_copy(update={"answer": entry.answer.model_copy(update={"text": text})})

    items = [
        report(name, subspecialty="trauma", language="en").model_copy(
            update={"reference": "Disc herniation at L4/L5 on the left."}
        )
        for name in ("r1", "r2", "r3")
    ]
    texts = ("Herniation at L4/L5, left.", "Herniation at L4/L5, right.", "Herniation at L1/L2.")
    workspace = Workspace(tmp_path / "workspace")
    stored_run(workspace, [saying(*one) for one in zip(items, texts, strict=True)], items=items)
    ingest(workspace)
    row = shown_table(page(workspace.path, "reports"), "unsupported").iloc[0]
    counts = {name: row[name].rpartition(", ")[2] for name in ("exact", "within one level", "missed")}
    assert counts == {"exact": "1 of 3", "within one level": "2 of 3", "missed": "1 of 3"}
    assert row["wrong side"].startswith("50.0 %")
    assert row["wrong side"].endswith("1 of 2")
    assert row["unsupported"].endswith("1 of 3")


def test_without_an_audit_of_sections_it_says_how_to_judge(tmp_path: Path, page: Open) -> None:
    app = page(unjudged_in(tmp_path).path, "reports")
    text = said(app)
    assert "spinebench audit run-1 --rubric spinemed_report" in text
    charts = drawn(app)
    assert "Text questions: share right" in charts
    assert "Reports: mean points" not in charts
    assert not any(title.startswith("Dimensions") for title in charts)


def test_reports_alone_that_nobody_judged_are_no_error(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "workspace")
    stored_run(workspace, [written(item, "sim/a") for item in REPORTS], items=REPORTS)
    ingest(workspace)
    app = page(workspace.path, "reports")
    assert "spinebench audit run-1" in said(app)
    assert not app.error
    assert shown_table(app, "no findings").iloc[0]["asked"] == 4
    overview = page(workspace.path, "overview")
    assert shown_table(overview, "incomplete").iloc[0]["asked"] == 4
    assert "Compare two models" not in said(overview)


def test_questions_without_free_text_have_no_part_on_reports(tmp_path: Path, page: Open) -> None:
    workspace = Workspace(tmp_path / "workspace")
    entries = [answered(item, "sim/a", right=True) for item in QUESTIONS]
    stored_run(workspace, entries, items=QUESTIONS)
    ingest(workspace)
    text = said(page(workspace.path, "reports"))
    assert "What was written" not in text
    assert "have judges" not in text.lower()
    overview = page(workspace.path, "overview")
    assert "Knowledge: the right option" in drawn(overview)
    assert "Free text" not in said(overview)


def test_other_tasks_alone_are_explained(audited: Workspace, page: Open) -> None:
    text = said(page(audited.path, "reports"))
    assert "no knowledge question and no free text" in text
    assert "spinebench run -b FILE -m MODEL" in text


def test_an_empty_workspace_is_explained(tmp_path: Path, page: Open) -> None:
    (tmp_path / "none").mkdir()
    assert "no run yet" in said(page(tmp_path / "none", "reports"))


def test_the_latest_run_with_such_items_is_shown_first(tmp_path: Path, page: Open) -> None:
    workspace = unjudged_in(tmp_path)
    item = diagnosis("d1")
    entry = right(item)
    assert entry.answer is not None
    assert entry.scored is not None
    later = JournalEntry(
        answer=entry.answer.model_copy(update={"run_id": "run-2"}),
        scored=entry.scored.model_copy(update={"run_id": "run-2"}),
    )
    stored_run(workspace, [later], run_id="run-2", items=[item])
    ingest(workspace)
    app = page(workspace.path, "reports")
    assert app.multiselect[0].value == ["run-1"]
    assert "Text questions: share right" in drawn(app)
    other = said(page(workspace.path, "reports", run="run-2"))
    assert "run-1" in other
    assert "no knowledge question" in other


def test_two_runs_with_the_same_questions_are_refused_in_words(tmp_path: Path, page: Open) -> None:
    workspace = unjudged_in(tmp_path)
    run_of_reports(workspace, run_id="run-2")
    ingest(workspace)
    app = page(workspace.path, "reports", run="run-1,run-2")
    assert not app.exception
    assert "name one of them" in app.error[0].value


def test_a_click_on_a_cell_opens_its_cases(scored: Workspace, tab: Page) -> None:
    with serving(scored) as address:
        tab.goto(f"{address}/reports")
        assert tab.get_by_role("heading", level=1).inner_text() == "Reports"
        cell = tab.locator('[aria-label="sim/a, Coverage of the evidence (COV): 2.50"]')
        cell.scroll_into_view_if_needed()
        tab.wait_for_timeout(800)  # the chart is drawn again when its width is known
        cell.click(force=True)  # the figures lie over the cell
        tab.wait_for_url("**/cases?*")
        tab.get_by_text("2 cases").wait_for()  # the third could not be read, the fourth was refused
        asked = set(tab.url.split("?")[1].split("&"))
        assert {f"task={Task.REPORT}", "dimension=cov", "audit=audit-1", "sort=score"} <= asked
