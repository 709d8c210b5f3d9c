"""Reports and consultations in the dashboard: section by section, turn by turn, and never right or wrong."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.evaluators.question_table import STATUSES, QuestionTable
from spinebench.evaluators.results import accuracies, summarize
from spinebench.runs.plan import plan_of
from spinebench.runs.prepare import prepare_run
from spinebench.runs.sitting import sit_through
from spinebench.store import Workspace
from spinebench.store.ingest import ingest

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

Opened = Callable[..., "AppTest"]
MODELS = ("sim/careful", "sim/overcaller")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two simulated models on four knowledge questions, ten reports and a consultation."""
    folder = tmp_path_factory.mktemp("written")
    rows: list[dict[str, Any]] = [
        {"id": f"k{number}", "task": "knowledge", "question": f"Which approach {number}?", "cluster": f"k{number}",
         "options": ["ALIF", "PLIF", "TLIF"], "gold": ["TLIF"]}
        for number in range(4)
    ]  # fmt: skip
    rows += [
        {"id": f"r{number}", "task": "report", "question": "Write the report.", "cluster": f"r{number}",
         "case": {"history": "Pain since March.", "key_facts": ["Disc protrusion at L4/L5, left"]},
         "reference": "A protrusion of the disc.", "language": "en"}
        for number in range(10)
    ]  # fmt: skip
    rows.append(
        {"id": "c0", "task": "consultation", "question": "In your clinic.", "cluster": "c0",
         "case": {"turns": ["My leg hurts.", "Can I work?"]}, "language": "en"}
    )  # fmt: skip
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    workspace = Workspace(folder / "workspace")
    plan = plan_of({"benchmark": str(path), "models": list(MODELS), "seed": 1})
    asyncio.run(sit_through(prepare_run(plan, workspace=workspace), workspace))
    ingest(workspace)
    return workspace


def answers_to(workspace: Workspace, item: str) -> list[dict[str, Any]]:
    """The answers to an item, with what was found in them, by model."""
    rows: list[dict[str, Any]] = workspace.database.sql(
        "SELECT a.*, g.outcome FROM answers AS a JOIN grades AS g USING (run_id, answer_id) WHERE item_id = $item "
        "ORDER BY model",
        {"item": item},
    ).to_pylist()
    return rows


def shown(app: AppTest) -> str:
    """All HTML of a page."""
    return "\n".join(str(one.proto.body) for one in app.get("html"))


def test_a_report_is_shown_by_its_sections_with_case_and_key_facts(written: Workspace, page: Opened) -> None:
    one = answers_to(written, "r0")[0]
    app = page(written.path, "cases", case=f"{one['run_id']}/{one['answer_id']}")
    assert not app.exception
    text = shown(app)
    assert text.count('class="written section"') == 7
    for name in (
        "Imaging findings",
        "Diagnosis",
        "Treatment (for the patient)",
        "Treatment (for the physician)",
    ):
        assert f"read as: {name}" in text
    for known in ("Pain since March.", "Disc protrusion at L4/L5, left", "A protrusion of the disc."):
        assert known in text
    assert "Exact prompt" in [expander.label for expander in app.expander]
    assert not re.search(r'class="tag (right|wrong)"', text), "free text is neither"


def test_what_a_report_lacks_is_named(written: Workspace, page: Opened) -> None:
    lacking = [
        one
        for number in range(10)
        for one in answers_to(written, f"r{number}")
        if one["outcome"] == "incomplete"
    ]
    assert lacking, "the second model leaves sections out now and then"
    app = page(written.path, "cases", case=f"{lacking[0]['run_id']}/{lacking[0]['answer_id']}")
    assert not app.exception
    (missing,) = [one.value for one in app.warning if "No section found by its heading" in one.value]
    assert shown(app).count('class="written section"') < 7
    assert any(
        name in missing for name in ("Treatment", "prognosis", "Postoperative", "Rationale", "findings")
    )


def test_a_consultation_is_shown_turn_by_turn(written: Workspace, page: Opened) -> None:
    one = answers_to(written, "c0")[0]
    app = page(written.path, "cases", case=f"{one['run_id']}/{one['answer_id']}")
    assert not app.exception
    assert re.findall(r'class="written (\w+)"', shown(app)) == ["patient", "reply", "patient", "reply"]
    for turn in json.loads(one["turns"]):
        assert turn["patient"] in shown(app)


def test_packed_answers_count_complete_texts_as_the_rows_do(written: Workspace) -> None:
    (run,) = (folder.spec() for folder in written.runs())
    table = written.query("questions", run_ids=[run.run_id], models=list(MODELS), statuses=list(STATUSES))
    packed = QuestionTable.of(table, [run], list(MODELS)).graded(
        run_ids=[run.run_id], models=MODELS, personas=["surgeon"], conditions=["normal"]
    )
    by_rows = {one.model: one for one in summarize(written.query("graded"))}
    for one in accuracies(packed):
        assert one.written == by_rows[one.model].written
        assert sum(part.n_complete for part in one.written) > 0
        assert one.knowledge == by_rows[one.model].knowledge


@pytest.mark.parametrize("name", ["overview", "errors", "cases", "runs", "agreement"])
def test_every_page_opens_on_free_text(written: Workspace, page: Opened, name: str) -> None:
    app = page(written.path, name)
    assert not app.exception
    assert not app.error
