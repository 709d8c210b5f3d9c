"""Levels named in stored answers: what was planted in simulated reports comes out of the store again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import spinebench
from spinebench.agents.written import read_report
from spinebench.api import Run
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.level_naming import FindingOutcome, Support, compare_levels
from spinebench.records import AnswerStatus, Task
from spinebench.runs import level_tables as module
from spinebench.runs.level_tables import LevelRow, level_tables
from spinebench.runs.plan import plan_of
from spinebench.runs.prepare import prepare_run
from spinebench.runs.sitting import sit_through
from spinebench.store import Workspace
from tests.written_exams import PLAIN, report_items, write_items

MISSED, OFF, SWAPPED = 0.2, 0.1, 0.1
LEVEL = 0.99


def sat(
    folder: Path, items: list[dict[str, Any]], models: list[dict[str, Any]], **plan: Any
) -> tuple[Workspace, str]:
    """A run of the items with a fixed id, which the simulated models' draws do not depend on."""
    workspace = Workspace(folder / "workspace")
    benchmark = write_items(folder / "planted.jsonl", items)
    made = plan_of({"benchmark": str(benchmark), "models": models, "seed": 11, **plan})
    asyncio.run(sit_through(prepare_run(made, workspace=workspace, run_id="planted"), workspace))
    return workspace, "planted"


def model(name: str, **rates: float) -> dict[str, Any]:
    return {"name": name, "args": {**PLAIN, **rates}}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """300 reports by a model that departs from the facts, and by one that does not."""
    return sat(
        tmp_path_factory.mktemp("levels"),
        report_items(300),
        [
            model("sim/careful", fact_missed=MISSED, fact_level_off=OFF, fact_side_swapped=SWAPPED),
            model("sim/overcaller"),
        ],
    )


def holds(estimate: Estimate, value: float) -> bool:
    assert estimate.interval is not None, estimate
    assert estimate.interval.high - estimate.interval.low < 0.15, "an interval that says something"
    return estimate.interval.low <= value <= estimate.interval.high


def test_planted_departures_are_recovered(planted: tuple[Workspace, str]) -> None:
    """Of a fact: missed, else a level off or not, and by itself the side swapped or not.

    450 facts: one per report, a second one in every second. A level off is one level off (the ends of the chain turn
    inwards), so it is `within_one` whatever its side, and what the report names there is unsupported.
    """
    row, clean = level_tables(planted[0], [planted[1]], level=LEVEL).rows
    found = row.levels
    assert (row.task, row.n_asked, row.n_no_text, row.n_no_reference) == (Task.REPORT, 300, 0, 0)
    assert (found.n_texts, found.n_without_findings, found.exact_or_within_one.n) == (300, 0, 450)
    told = 1 - MISSED
    expected = {
        FindingOutcome.MISSED: MISSED,
        FindingOutcome.WITHIN_ONE: told * OFF,
        FindingOutcome.WRONG_SIDE: told * (1 - OFF) * SWAPPED,
        FindingOutcome.EXACT: told * (1 - OFF) * (1 - SWAPPED),
    }
    for outcome, share in expected.items():
        assert holds(found.outcomes[outcome], share), (outcome, found.outcomes[outcome])
    assert found.outcomes[FindingOutcome.SIDE_NOT_SAID].count == 0
    assert holds(found.wrong_side, SWAPPED)
    assert holds(found.support[Support.UNSUPPORTED], OFF)
    assert not holds(found.wrong_side, 2 * SWAPPED), "the interval tells planted rates apart"

    right = clean.levels
    assert right.outcomes[FindingOutcome.EXACT].count == 450
    assert right.all_right.count == 300
    assert right.support[Support.SUPPORTED].count == 450, "the padding names no level"


def test_the_size_of_a_page_changes_nothing(
    planted: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = level_tables(planted[0], [planted[1]])
    sizes = []
    query = Workspace.query

    def counted(self: Workspace, name: str, **params: Any) -> Any:
        found = query(self, name, **params)
        if name == "level_texts":
            sizes.append(found.num_rows)
        return found

    monkeypatch.setattr(Workspace, "query", counted)
    monkeypatch.setattr(module, "PAGE", 70)
    assert level_tables(planted[0], [planted[1]]) == whole
    assert sizes == [*[70] * 8, 40], "600 answers, never more than a page of them"


def test_in_python_as_by_the_command(planted: tuple[Workspace, str]) -> None:
    place, run_id = planted
    run = Run(place, place.run(run_id))
    assert spinebench.levels(run, tasks=["report"]) == level_tables(place, [run_id], tasks=[Task.REPORT])
    with pytest.raises(UsageError, match="'reports'"):
        spinebench.levels([run], tasks=["reports"])
    with pytest.raises(UsageError, match="at least one run"):
        spinebench.levels([])


def test_each_task_is_held_against_what_its_items_say(tmp_path: Path) -> None:
    """A localization against its gold, a diagnosis against its levels, a consultation against key facts.

    Items that say nothing of levels are counted and left out: a report and a diagnosis without either.
    """
    levels = ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]
    items: list[dict[str, Any]] = [
        {"id": "loc", "task": "localization", "question": "Where?", "options": levels, "gold": ["L4/L5"]},
        {
            "id": "dia", "task": "diagnosis", "question": "What?", "options": ["Healthy", "Stenosis"],
            "gold": ["Stenosis"], "levels": ["L4/L5"],
        },
        {
            "id": "dia2", "task": "diagnosis", "question": "What?", "options": ["Healthy", "Stenosis"],
            "gold": ["Stenosis"],
        },
        {"id": "rep", "task": "report", "question": "Write.", "case": {"history": "Pain."}},
        {
            "id": "con", "task": "consultation", "question": "A patient.",
            "case": {"history": "Pain.", "turns": ["It hurts."], "key_facts": ["Left herniation at L4/L5."]},
        },
    ]  # fmt: skip
    workspace, run_id = sat(tmp_path, items, [model("sim/careful")])
    rows = {row.task: row for row in level_tables(workspace, [run_id]).rows}
    assert set(rows) == {Task.LOCALIZATION, Task.DIAGNOSIS, Task.CONSULTATION}
    assert {task: (row.n_asked, row.n_no_reference) for task, row in rows.items()} == {
        Task.LOCALIZATION: (1, 0),
        Task.DIAGNOSIS: (2, 1),
        Task.CONSULTATION: (1, 0),
    }
    assert all(row.levels.exact_or_within_one.n == 1 for row in rows.values())
    # The simulated replies of a consultation name no level.
    assert rows[Task.CONSULTATION].levels.outcomes[FindingOutcome.MISSED].count == 1
    with pytest.raises(DataError, match="'levels' or a 'reference'"):
        level_tables(workspace, [run_id], tasks=["report"])


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        pytest.param(
            {"refused": 1.0, "unseen_unparsed": 0.0}, (20, 0, 20), id="refused: all findings missed"
        ),
        pytest.param({"section_missing": 1.0}, (20, 0, 20), id="an empty text likewise"),
        pytest.param({}, (0, 0, 0), id="whole reports"),
    ],
)
def test_answers_without_a_text(
    tmp_path: Path, rates: dict[str, float], expected: tuple[int, int, int]
) -> None:
    workspace, run_id = sat(tmp_path, report_items(20), [model("sim/careful", **rates)])
    (row,) = level_tables(workspace, [run_id]).rows
    assert (row.n_no_text, row.n_without_sections, row.levels.n_silent) == expected
    assert row.levels.exact_or_within_one.count == (0 if rates else 30)
    assert row.levels.exact_or_within_one.n == 30


CASES = [
    pytest.param("## Findings\nLeft L4/5 herniation.\n\n## Plan\nFuse L2/3.", (1, 1, 0), id="findings only"),
    pytest.param(
        "Impression: left L4/5 herniation.\nPlan: fuse L2/3.", (1, 1, 0), id="diagnosis, in plain lines"
    ),
    pytest.param("Left L4/5 herniation. Fuse L2/3.", (1, 2, 1), id="no headings: the whole text"),
    pytest.param("## Plan\nFuse L2/3.", (0, 1, 1), id="neither section: the whole text"),
]


@pytest.mark.parametrize("stored", [True, False], ids=["stored sections", "not extracted yet"])
@pytest.mark.parametrize(("text", "expected"), CASES)
def test_which_part_of_a_report_is_read(text: str, expected: tuple[int, int, int], stored: bool) -> None:
    extraction, _ = read_report(text, status=AnswerStatus.ANSWERED)
    sections = "[" + ",".join(one.model_dump_json() for one in extraction.sections) + "]"
    row = {
        "task": "report",
        "status": "answered",
        "text": text,
        "sections": sections if stored and extraction.sections else None,
    }
    read, whole = module._text(row)
    compared = compare_levels(read, "Left L4/L5 herniation.")
    exact = sum(one.outcome is FindingOutcome.EXACT for one in compared.findings)
    assert (exact, len(compared.named), whole) == expected


def test_a_row_per_persona_and_image_condition(tmp_path: Path) -> None:
    workspace, run_id = sat(
        tmp_path, report_items(4), [model("sim/careful")], personas=["surgeon", "radiologist"]
    )
    rows: tuple[LevelRow, ...] = level_tables(workspace, [run_id]).rows
    assert [(row.persona, row.levels.n_texts) for row in rows] == [("surgeon", 4), ("radiologist", 4)]
