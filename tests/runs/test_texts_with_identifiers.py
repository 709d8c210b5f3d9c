"""Texts that look like they identify a person leave the machine only where the plan allows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.exams import Said

HISTORY = "Patient: Anna Kowalska. Leg pain."
ITEM: dict[str, Any] = {"id": "r1", "task": "report", "question": "Write the report.", "cluster": "p1"}


@pytest.fixture(autouse=True)
def _key(cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """After `cli`, which takes keys away."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")


@pytest.fixture
def benchmark(tmp_path: Path) -> Callable[..., Path]:
    def write(*items: dict[str, Any]) -> Path:
        path = tmp_path / "items.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
        return path

    return write


SENT: dict[str, dict[str, Any]] = {
    "a case": {**ITEM, "case": {"history": HISTORY}},
    "a turn": {**ITEM, "task": "consultation", "case": {"turns": [HISTORY]}},
    "a question": {**ITEM, "question": HISTORY},
    "an option": {**ITEM, "task": "knowledge", "options": ["TLIF", "Dr. Anna Kowalska"], "gold": ["TLIF"]},
}


@pytest.mark.parametrize("item", SENT.values(), ids=SENT)
def test_a_remote_model_is_refused_before_any_call(
    cli: Callable[..., Said], benchmark: Callable[..., Path], item: dict[str, Any]
) -> None:
    path = benchmark(item)
    asking = ("run", "-b", path, "-m", "openai/gpt-5", "--dry-run")
    said = cli(*asking)
    assert said.code == 3
    assert "item 'r1'" in said.err
    assert "api.openai.com" in said.err
    assert "--allow-identifiers" in said.last
    assert "Kowalska" not in said.err
    assert cli(*asking, "--allow-identifiers").code == 0
    assert cli("run", "-b", path, "-m", "sim/careful").code == 0, "nothing leaves the machine"


def test_what_is_not_selected_or_not_sent_holds_nothing_up(
    cli: Callable[..., Said], benchmark: Callable[..., Path]
) -> None:
    path = benchmark(
        {**ITEM, "id": "r0", "language": "zh", "case": {"history": HISTORY}},
        {**ITEM, "language": "en", "reference": HISTORY, "case": {"key_facts": [HISTORY]}},
    )
    asking = ("run", "-b", path, "-m", "openai/gpt-5", "--dry-run")
    assert cli(*asking).code == 3
    assert cli(*asking, "--language", "en").code == 0
    assert cli(*asking, "--language", "zh").code == 3


def test_a_remote_extractor_counts(cli: Callable[..., Said], benchmark: Callable[..., Path]) -> None:
    path = benchmark(SENT["an option"])
    asking = ("run", "-b", path, "-m", "sim/careful", "--dry-run")
    assert cli(*asking).code == 0
    assert cli(*asking, "--model-role", "extractor=openai/gpt-5").code == 3


JUDGED = ("--rubric", "spinemed_report", "--task", "report")


def test_a_remote_judge_who_sees_the_reference_is_refused_what_it_says(
    cli: Callable[..., Said], benchmark: Callable[..., Path]
) -> None:
    path = benchmark({**ITEM, "reference": HISTORY})
    assert cli("run", "-b", path, "-m", "sim/careful").code == 0
    asking = ("audit", "latest", *JUDGED, "--judge", "openai/gpt-5", "--dry-run")
    assert cli(*asking).code == 0, "the reference is not sent"
    said = cli(*asking, "--show-gold")
    assert said.code == 3
    assert "reference" in said.err
    assert "Kowalska" not in said.err
    assert cli(*asking, "--show-gold", "--allow-identifiers").code == 0
    local = ("audit", "latest", *JUDGED, "--judge", "sim/judge-accurate", "--dry-run", "--show-gold")
    assert cli(*local).code == 0


def test_a_run_can_go_on_where_its_texts_are_allowed_later(
    cli: Callable[..., Said], benchmark: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun on this machine, then its model is served elsewhere."""
    assert cli("run", "-b", benchmark(SENT["a case"]), "-m", "sim/careful").code == 0
    monkeypatch.setattr("spinebench.runs.prepare.remote_hosts", lambda models: ("elsewhere.example",))
    said = cli("resume", "latest")
    assert said.code == 3
    assert "elsewhere.example" in said.err
    assert cli("resume", "latest", "--allow-identifiers").code == 0


def test_a_plan_with_an_audit_is_refused_before_its_exam(
    cli: Callable[..., Said], benchmark: Callable[..., Path], tmp_path: Path
) -> None:
    benchmark({**ITEM, "case": {"history": HISTORY}})
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "benchmark: items.jsonl\nmodels: [sim/careful]\n"
        "audit: {judges: [openai/gpt-5], rubrics: [spinemed_report], tasks: [report]}\n"
    )
    said = cli("run", plan)
    assert said.code == 3
    assert "case.history" in said.err
    assert cli("runs", "list", "--json").records == [], "no exam was sat"


def test_a_run_of_one_language_is_partial(cli: Callable[..., Said], benchmark: Callable[..., Path]) -> None:
    path = benchmark(
        *({**ITEM, "id": f"r{n}", "language": code} for n, code in enumerate(("en", "zh", "zh-CN"))),
        {**ITEM, "id": "r3"},
    )
    said = cli("run", "-b", path, "-m", "sim/careful", "--language", "zh", "--json")
    assert said.code == 0
    (run,) = cli("runs", "list", "--json").records
    assert (run["n_planned"], run["partial"]) == (2, True)
    none = cli("run", "-b", path, "-m", "sim/careful", "--language", "zh-TW")
    assert none.code == 2
    assert "en (1), zh (1), zh-CN (1), not stated (1)" in none.err
    unknown = cli("run", "-b", path, "-m", "sim/careful", "--language", "fr")
    assert unknown.code == 2
    assert "'fr'" in unknown.err
