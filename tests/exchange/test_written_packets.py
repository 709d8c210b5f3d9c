"""Packets of free text: a report by its sections, a consultation turn by turn, nothing that blinding keeps back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from spinebench.exchange.packets import packet_content
from spinebench.exchange.rating_book import RatingBook
from spinebench.records import Task
from tests.rated_audits import PERSONA, RUN
from tests.written_audits import REPORT, packet_of, written_book


def cases_of(book: RatingBook) -> dict[str, dict[str, Any]]:
    """Task -> what the page shows of a trace of it."""
    content: Any = packet_content(book, "a", {})
    return {one["task"]: one for one in content["cases"]}


def trace_of(book: RatingBook, task: Task) -> Any:
    return next(one for one in book.traces.values() if one.item.task is task)


def with_(trace: Any, **changes: Any) -> Any:
    return trace.model_copy(update=changes)


def test_a_report_is_shown_section_by_section_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    shown = cases_of(written_book(tmp_path))["report"]
    assert [(one["kind"], one["heading"], one["read_as"], one["text"]) for one in shown["parts"]] == [
        ("between", "", [], "A word before."),
        (
            "section",
            "## Imaging findings",
            ["Imaging findings"],
            "Protrusion at L4/L5.\n\n### Measurements\n7 mm.",
        ),
        ("between", "", [], "## Appendix\nA text between."),
        ("section", "## Diagnosis", ["Diagnosis"], "Radiculopathy."),
    ]
    words = " ".join(f"{one['heading']} {one['text']}" for one in shown["parts"]).split()
    assert words == REPORT.split()
    assert shown["missing"] == [
        "Treatment", "Risk and prognosis", "Postoperative management", "Rationale and disclaimer",
    ]  # fmt: skip
    assert len(shown["dimensions"]) == 10 + 1, "the ten of reports, and the one of any reasoning"


def test_a_report_without_headings_is_one_part(tmp_path: Path) -> None:
    shown = cases_of(written_book(tmp_path, texts=["No heading at all."]))["report"]
    assert [(one["kind"], one["text"]) for one in shown["parts"]] == [("between", "No heading at all.")]
    assert len(shown["missing"]) == 6


def test_a_consultation_is_shown_turn_by_turn(tmp_path: Path) -> None:
    shown = cases_of(written_book(tmp_path))["consultation"]
    assert [(one["kind"], one["text"], one["reasoning"]) for one in shown["parts"]] == [
        ("patient", "My leg hurts.", None),
        ("reply", "Since when?", "Thought 1."),
        ("patient", "Since March.", None),
        ("reply", "Any weakness?", "Thought 2."),
    ]
    assert shown["missing"] == ["Reply 3"]
    assert shown["reasoning"] is None, "it stands with its reply"


def test_the_case_is_the_question(tmp_path: Path) -> None:
    for shown in cases_of(written_book(tmp_path)).values():
        for part in ("Leg pain since March.", "Weak big toe.", "MRI T2, sagittal, L4/L5", "What is asked."):
            assert part in shown["question"]


@pytest.mark.parametrize("gold", [True, False])
def test_what_is_expected_is_shown_only_where_the_audit_shows_it(tmp_path: Path, gold: bool) -> None:
    packet = packet_of(written_book(tmp_path, gold=gold), tmp_path / "out")
    for path in (packet.html, packet.csv):
        text = path.read_text("utf-8-sig")
        assert ("The expected text." in text) is gold
        assert ("fact of the case" in text) is gold


def test_no_packet_tells_what_nobody_is_to_know(tmp_path: Path) -> None:
    book = written_book(tmp_path)
    packet = packet_of(book, tmp_path / "out")
    text = (packet.html.read_text() + packet.csv.read_text("utf-8-sig")).casefold()
    secrets = {"sim/x", PERSONA, RUN, "secret", book.spec.audit_id, "stratum"}
    for trace in book.traces.values():
        secrets |= {trace.trace_id, trace.answer.key.id(), trace.item.id}
    assert [secret for secret in secrets if secret.casefold() in text] == []


def test_the_table_holds_case_and_turns(tmp_path: Path) -> None:
    packet = packet_of(written_book(tmp_path), tmp_path / "out")
    with packet.csv.open(newline="", encoding="utf-8-sig") as file:
        answers = {row["answer"]: row["question"] for row in csv.DictReader(file)}
    spoken = next(text for text in answers if "Any weakness?" in text)
    assert spoken.index("Patient: Since March.") < spoken.index("Reply: Any weakness?")
    assert all("Leg pain since March." in question for question in answers.values())


def test_the_hash_of_what_is_shown_covers_case_sections_and_turns(tmp_path: Path) -> None:
    book = written_book(tmp_path, gold=True)
    report, spoken = (trace_of(book, task) for task in (Task.REPORT, Task.CONSULTATION))
    first = spoken.answer.turns[0].model_copy(update={"patient": "My arm hurts."})
    case = report.item.case.model_copy(update={"history": "None."})
    extraction = report.scored.extraction.model_copy(update={"sections": ()})
    turns = (first, *spoken.answer.turns[1:])
    others = {
        "history": with_(report, item=report.item.model_copy(update={"case": case})),
        "reference": with_(report, item=report.item.model_copy(update={"reference": "Another."})),
        "sections": with_(report, scored=report.scored.model_copy(update={"extraction": extraction})),
        "turn": with_(spoken, answer=spoken.answer.model_copy(update={"turns": turns})),
    }
    hashes = {name: book.shown_sha256(trace) for name, trace in others.items()}
    hashes |= {"report": book.shown_sha256(report), "spoken": book.shown_sha256(spoken)}
    assert len(set(hashes.values())) == len(hashes), json.dumps(hashes)
