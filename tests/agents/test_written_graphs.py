"""The graphs of free text: one report with its sections, one consultation turn by turn."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from spinebench.agents.consultation import consultation_graph
from spinebench.agents.exam_records import journal_entry
from spinebench.agents.report import report_graph
from spinebench.agents.state import ExamState
from spinebench.agents.written import read_written
from spinebench.models.gateway import Gateway, GatewayPolicy
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.records import (
    AnswerKey,
    AnswerStatus,
    ClinicalCase,
    FailureClass,
    FinishReason,
    ImageCondition,
    Item,
    JournalEntry,
    Outcome,
    Task,
    Usage,
)
from tests.scripted_model import ScriptedModel, failure

REPORT = Item(
    id="r-1",
    benchmark="level-aware",
    task=Task.REPORT,
    question="Write the report.",
    reference="A secret reference.",
    case=ClinicalCase(
        history="Leg pain since March.", examination="Weak big toe.", key_facts=("a secret fact",)
    ),
    language="en",
    cluster="case 1",
)
CONSULTATION = Item(
    id="c-1",
    benchmark="level-aware",
    task=Task.CONSULTATION,
    question="The patient sits before you.",
    case=ClinicalCase(turns=("My back hurts.", "For two weeks.", "Can I work?")),
    language="zh",
    cluster="case 2",
)
WHOLE = """Of course.

## Structured imaging findings
Protrusion at L4/L5, left.

## AI-assisted diagnosis
Disc herniation.

## Treatment recommendations: patient guidance
Keep walking.

## Treatment recommendations: physician plan
Six weeks of physiotherapy.

## Risk and prognosis
Good.

## Postoperative management
None needed.

## Rationale and disclaimer
From one image.
"""


def said(text: str, finish: FinishReason = FinishReason.STOP) -> ModelReply:
    return ModelReply(
        text=text,
        finish_reason=finish,
        usage=Usage(input_tokens=10, output_tokens=2),
        response_id=f"of {text}",
    )


def entry_of(graph: Any, item: Item) -> JournalEntry:
    state = asyncio.run(graph.ainvoke({"item": item.model_dump(mode="json")}))
    key = AnswerKey(
        item_id=item.id, model="m/x", persona="surgeon", image_condition=ImageCondition.NORMAL,
        option_order="as_given", epoch=1,
    )  # fmt: skip
    return journal_entry(cast(ExamState, state), key=key, run_id="run-1", at=datetime(2026, 1, 1, tzinfo=UTC))


def once() -> Gateway:
    return Gateway(GatewayPolicy(max_retries=0))


def test_a_report_is_asked_with_the_case_and_its_headings_and_never_with_what_is_expected() -> None:
    asked: list[ModelRequest] = []

    def decide(request: ModelRequest, number: int) -> ModelReply:
        asked.append(request)
        return said(WHOLE)

    entry = entry_of(report_graph(ScriptedModel(decide=decide)), REPORT)
    prompt = asked[0].messages[0].text
    for part in (
        "Leg pain since March.",
        "Weak big toe.",
        "Write the report.",
        "in English",
        "## Risk and prognosis",
    ):
        assert part in prompt
    assert "secret" not in prompt
    assert entry.answer is not None
    assert entry.scored is not None
    assert entry.answer.text == WHOLE
    found = [(one.section, one.audience) for one in entry.scored.extraction.sections]
    assert found == [
        ("findings", None), ("diagnosis", None), ("treatment", "patient"), ("treatment", "physician"),
        ("prognosis", None), ("postoperative", None), ("rationale", None),
    ]  # fmt: skip
    assert [WHOLE[slice(*one.span)] for one in entry.scored.extraction.sections][:2] == [
        "Protrusion at L4/L5, left.", "Disc herniation.",
    ]  # fmt: skip
    assert (entry.scored.grade.correct, entry.scored.grade.outcome) == (None, Outcome.COMPLETE)
    assert read_written(entry.answer, REPORT) == (entry.scored.extraction, entry.scored.grade)


@pytest.mark.parametrize(
    ("reply", "status", "outcome", "n_sections"),
    [
        pytest.param(said("No headings at all."), "answered", "incomplete", 0, id="no headings"),
        pytest.param(said("## Diagnosis\nA fracture."), "answered", "incomplete", 1, id="one section"),
        pytest.param(said(WHOLE, FinishReason.LENGTH), "truncated", "complete", 7, id="cut off"),
        pytest.param(said("", FinishReason.REFUSAL), "refused", "not_answered", 0, id="refused"),
        pytest.param(said(" "), "no_answer", "not_answered", 0, id="blank"),
        pytest.param(failure(FailureClass.BAD_REQUEST), "error", "not_answered", 0, id="error"),
    ],
)
def test_what_is_missing_of_a_report_is_recorded(
    reply: Any, status: str, outcome: str, n_sections: int
) -> None:
    entry = entry_of(report_graph(ScriptedModel([reply]), gateway=once()), REPORT)
    assert entry.answer is not None
    assert entry.scored is not None
    assert entry.answer.status is AnswerStatus(status)
    assert entry.scored.extraction.status is AnswerStatus(status)
    assert entry.scored.grade.outcome is Outcome(outcome)
    assert entry.scored.grade.correct is None
    assert len(entry.scored.extraction.sections) == n_sections


def test_a_consultation_goes_turn_by_turn() -> None:
    asked: list[ModelRequest] = []

    def decide(request: ModelRequest, number: int) -> ModelReply:
        asked.append(request)
        return said(f"Reply {number}.")

    entry = entry_of(consultation_graph(ScriptedModel(decide=decide)), CONSULTATION)
    assert [len(request.messages) for request in asked] == [1, 3, 5]
    assert [(message.role, message.text) for message in asked[2].messages[1:]] == [
        ("assistant", "Reply 1."), ("user", "For two weeks."), ("assistant", "Reply 2."), ("user", "Can I work?"),
    ]  # fmt: skip
    first = asked[0].messages[0].text
    assert "My back hurts." in first
    assert "Can I work?" not in first
    assert "in Chinese" in first
    answer, scored = entry.answer, entry.scored
    assert answer is not None
    assert scored is not None
    assert [(turn.patient, turn.text) for turn in answer.turns] == [
        ("My back hurts.", "Reply 1."), ("For two weeks.", "Reply 2."), ("Can I work?", "Reply 3."),
    ]  # fmt: skip
    assert answer.text == "Reply 1.\n\nReply 2.\n\nReply 3."
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 6)
    assert (answer.attempts, answer.response_id) == (3, "of Reply 3.")
    assert len({turn.request_hash for turn in answer.turns}) == 3
    assert (scored.grade.correct, scored.grade.outcome) == (None, Outcome.COMPLETE)
    assert read_written(answer, CONSULTATION) == (scored.extraction, scored.grade)


@pytest.mark.parametrize(
    ("script", "status", "n_turns", "outcome"),
    [
        pytest.param([said("One."), said("")], "no_answer", 2, "not_answered", id="silent at the second"),
        pytest.param(
            [said("One."), said("Tw", FinishReason.LENGTH)], "truncated", 2, "incomplete", id="cut off"
        ),
        pytest.param(
            [said("One."), said("Two."), failure(FailureClass.SERVER)], "error", 2, "not_answered", id="error"
        ),
        pytest.param([said("", FinishReason.REFUSAL)], "refused", 1, "not_answered", id="refused at once"),
    ],
)
def test_a_consultation_that_breaks_off_keeps_what_was_said(
    script: list[Any], status: str, n_turns: int, outcome: str
) -> None:
    entry = entry_of(consultation_graph(ScriptedModel(script), gateway=once()), CONSULTATION)
    assert entry.answer is not None
    assert entry.scored is not None
    assert entry.answer.status is AnswerStatus(status)
    assert len(entry.answer.turns) == n_turns
    assert entry.scored.grade.outcome is Outcome(outcome)


def test_attempts_that_failed_on_the_way_are_kept() -> None:
    model = ScriptedModel([failure(FailureClass.SERVER), said("One."), said("Two."), said("Three.")])
    policy = GatewayPolicy(max_retries=2)
    entry = entry_of(consultation_graph(model, gateway=Gateway(policy)), CONSULTATION)
    assert entry.answer is not None
    assert [one.failure_class for one in entry.answer.failures] == [FailureClass.SERVER]
    assert (entry.answer.attempts, len(entry.answer.turns)) == (4, 3)
