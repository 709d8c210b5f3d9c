"""What judges are sent of free text, and what of their replies counts: reports by sections, consultations by turns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spinebench.agents.judge import judge_prompt_hash, judge_request
from spinebench.agents.judge_case import case_of
from spinebench.agents.judge_reply import read_judge_reply
from spinebench.audit_records import AuditTrace, Blinding
from spinebench.records import ClinicalCase, Task, Turn
from spinebench.rubrics.load import load_rubric
from tests.agents.audit_cases import RUBRICS, SHA, trace

REPORT = load_rubric("spinemed_report")
FACTS = ("protrusion at L4/L5", "left paracentral")
WRITTEN = "## Findings\nA protrusion at L5/S1 on the right.\n\n## Diagnosis\nRadiculopathy of the first sacral root."
SAID = (("My leg hurts.", "Since when does it hurt?"), ("Since March.", "Then let us look at your reflexes."))


def report(text: str = WRITTEN, *, reference: str | None = "The expected report.") -> AuditTrace:
    case = ClinicalCase(
        history="Leg pain.", examination="Weak big toe.", key_facts=FACTS if reference else ()
    )
    fields = {
        "task": Task.REPORT,
        "question": "Write it.",
        "options": (),
        "gold": (),
        "case": case,
        "reference": reference,
    }
    return trace(text, item=fields, permutation=())


def consultation() -> AuditTrace:
    case = ClinicalCase(turns=tuple(patient for patient, _ in SAID))
    fields = {"task": Task.CONSULTATION, "options": (), "gold": (), "case": case}
    held = trace("\n\n".join(text for _, text in SAID), item=fields, permutation=())
    turns = tuple(
        Turn(patient=patient, text=text, reasoning=f"Thought before: {text}", request_hash=SHA)
        for patient, text in SAID
    )
    return held.model_copy(update={"answer": held.answer.model_copy(update={"turns": turns})})


def verdict(quote: str, *, score: int = 4) -> str:
    scores = [
        {"dimension": one.id, "quotes": [quote], "reason": "As quoted.", "score": score}
        for one in REPORT.dimensions
    ]
    return json.dumps({"scores": scores, "claims": []})


def test_the_rubrics_sections_group_its_ten_dimensions() -> None:
    rules = judge_request(report(), [REPORT]).messages[0].text
    places = []
    for section in REPORT.sections:
        places.append(rules.index(f"=== {section.name} ==="))
        places += [rules.index(f"`{one.id}` - {one.name}") for one in REPORT.dimensions_of(section.id)]
    assert len(places) == 5 + 10
    assert places == sorted(places)
    for one in REPORT.dimensions:
        assert all(text.strip() in rules for text in one.anchors.values()), one.id
    assert "===" not in judge_request(trace(), RUBRICS).messages[0].text, (
        "a rubric without sections has no groups"
    )


@pytest.mark.parametrize("gold", [True, False])
def test_reference_and_key_facts_are_shown_where_blinding_says_so(gold: bool) -> None:
    shown = judge_request(report(), [REPORT], blinding=Blinding(gold=gold)).messages[1].text
    assert "History: Leg pain." in shown
    assert "Examination: Weak big toe." in shown
    assert WRITTEN in shown
    for expected in ("The expected report.", *FACTS):
        assert (expected in shown) is gold
    assert "RIGHT ANSWER" not in shown


def test_where_no_reference_is_known_the_judge_is_told_so() -> None:
    shown = judge_request(report(reference=None), [REPORT], blinding=Blinding(gold=True)).messages[1].text
    assert "Nothing is known of what the text is expected to say." in shown
    assert "KEY FACTS" not in shown


def test_the_ten_dimensions_pass_with_quotes_and_not_without() -> None:
    read = read_judge_reply(verdict("A protrusion at L5/S1 on the right."), report(), [REPORT])
    assert read.problems == ()
    assert [one.dimension for one in read.scores] == [one.id for one in REPORT.dimensions]
    for wrong in ("a protrusion at L4/L5 on the left", "Leg pain.", "The expected report."):
        assert read_judge_reply(verdict(wrong), report(), [REPORT]).problems
    left_out = json.loads(verdict("A protrusion at L5/S1 on the right."))
    left_out["scores"].pop()
    (problem,) = read_judge_reply(json.dumps(left_out), report(), [REPORT]).problems
    assert REPORT.dimensions[-1].id in problem


LONG = "## Findings\n" + "".join(f"Level {number}: the disc is degenerate there.\n" for number in range(500))


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        pytest.param(LONG, "Level 499: the disc is degenerate there.", id="20,000 characters"),
        pytest.param(
            "No heading stands here, only a sentence on stenosis.", "a sentence on stenosis", id="no headings"
        ),
    ],
)
def test_any_report_is_shown_whole_and_can_be_quoted(text: str, quote: str) -> None:
    assert text in judge_request(report(text), [REPORT]).messages[1].text
    assert read_judge_reply(verdict(quote), report(text), [REPORT]).problems == ()


def test_the_long_report_is_long() -> None:
    assert len(LONG) > 20_000


def test_a_consultation_is_shown_turn_by_turn() -> None:
    shown = judge_request(consultation(), RUBRICS).messages[1].text
    pieces: list[str] = []
    for number, (patient, text) in enumerate(SAID, start=1):
        pieces += [
            f"PATIENT {number}\n{patient}",
            f"REASONING BEFORE THE REPLY {number}\nThought before: {text}",
        ]
        pieces += [f"REPLY {number}\n{text}"]
    places = [shown.index(piece) for piece in pieces]
    assert places == sorted(places)


def test_of_a_consultation_only_the_replies_can_be_quoted() -> None:
    def reply(quote: str) -> str:
        scores: list[dict[str, Any]] = [
            {"dimension": one, "quotes": [quote], "reason": "So.", "score": 3}
            for one in ("rationality", "features")
        ]
        return json.dumps({"scores": scores, "failure_modes": [], "claims": []})

    for said in ("let us look at your reflexes", "Thought before: Since when"):
        assert read_judge_reply(reply(said), consultation(), RUBRICS).problems == ()
    # the patient's words, and a passage that runs across two replies
    for said in ("Since March.", "does it hurt? Then let us look"):
        assert read_judge_reply(reply(said), consultation(), RUBRICS).problems


def test_the_shown_hash_covers_the_turns() -> None:
    held = consultation()
    first = held.answer.turns[0].model_copy(update={"patient": "My arm hurts."})
    other = held.model_copy(
        update={"answer": held.answer.model_copy(update={"turns": (first, *held.answer.turns[1:])})}
    )
    assert case_of(held, Blinding()).shown_hash(()) != case_of(other, Blinding()).shown_hash(())


def test_a_sections_name_changes_the_prompt_hash() -> None:
    renamed = REPORT.model_copy(
        update={"sections": (REPORT.sections[0].model_copy(update={"name": "Other"}), *REPORT.sections[1:])}
    )
    assert judge_prompt_hash([REPORT], Blinding()) != judge_prompt_hash([renamed], Blinding())
