"""Assigned traces of free text, made of those of `rated_audits`, for tests of packets and of their page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from spinebench.agents.written import read_written
from spinebench.audit_records import AuditTrace
from spinebench.exchange.packets import WrittenPacket, write_packet
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.assigning import Rateable, assign
from spinebench.records import ClinicalCase, ImageRef, Item, Task, Turn
from spinebench.rubrics.load import load_rubric
from tests.rated_audits import HASH, make_audit

AT = datetime(2026, 3, 4, tzinfo=UTC)
CASE = ClinicalCase(
    history="Leg pain since March.",
    examination="Weak big toe.",
    key_facts=("fact of the case",),
    turns=("My leg hurts.", "Since March.", "Can I work?"),
)
REPORT = (
    "A word before.\n\n## Imaging findings\nProtrusion at L4/L5.\n\n### Measurements\n7 mm.\n\n"
    "## Appendix\nA text between.\n\n## Diagnosis\nRadiculopathy.\n"
)
"""Two sections, with text before and between them."""
REPLIES = ("Since when?", "Any weakness?")


def report_of(trace: AuditTrace, text: str = REPORT) -> AuditTrace:
    """A trace as if its model had been asked for a report and written this."""
    return _as(trace, Task.REPORT, CASE.model_copy(update={"turns": ()}), text, ())


def consultation_of(trace: AuditTrace, replies: Sequence[str] = REPLIES) -> AuditTrace:
    """A trace as if its model had replied to the first turns of the script."""
    turns = tuple(
        Turn(patient=said, text=text, reasoning=f"Thought {number}.", request_hash=HASH)
        for number, (said, text) in enumerate(zip(CASE.turns, replies, strict=False), start=1)
    )
    return _as(trace, Task.CONSULTATION, CASE, "\n\n".join(replies), turns)


def _as(trace: AuditTrace, task: Task, case: ClinicalCase, text: str, turns: tuple[Turn, ...]) -> AuditTrace:
    item = Item(
        id=trace.item.id, benchmark=trace.item.benchmark, task=task, question="What is asked.", cluster="c", case=case,
        images=(ImageRef(path="secret.png", modality="MRI T2", view="sagittal", level="L4/L5"),),
        reference="The expected text.", language="en",
    )  # fmt: skip
    answer = trace.answer.model_copy(
        update={
            "text": text,
            "turns": turns,
            "option_permutation": (),
            "reasoning": turns[-1].reasoning if turns else None,
        }
    )
    assert trace.scored is not None
    extraction, grade = read_written(answer, item)
    scored = trace.scored.model_copy(update={"extraction": extraction, "grade": grade})
    drawn = trace.pick.trace.model_copy(
        update={"task": task, "correct": None, "outcome": grade.outcome.value}
    )
    pick = trace.pick.model_copy(update={"trace": drawn})
    return trace.model_copy(update={"item": item, "answer": answer, "scored": scored, "pick": pick})


def written_book(folder: Path, *, gold: bool = False, texts: Sequence[str] = (REPORT,)) -> RatingBook:
    """Reports of these texts and one consultation, rated by a and b; the reports on the ten dimensions."""
    rubrics = (load_rubric("spinemed_report"), load_rubric("reasoning"))
    _, audit = make_audit(
        folder, n_items=len(texts) + 1, models=("sim/x",), images=False, gold=gold, rubrics=rubrics
    )
    plain = list(audit.traces())
    traces = [report_of(trace, text) for trace, text in zip(plain, texts, strict=False)]
    traces.append(consultation_of(plain[-1]))
    made = assign(
        [Rateable.of(trace) for trace in traces], ["a", "b"], audit_id=audit.audit_id, seed=3, at=AT, duplicates=0.1,
        earlier={},
    )  # fmt: skip
    return RatingBook(
        audit.spec(), {one.rater: one for one in made}, {trace.trace_id: trace for trace in traces}
    )


def packet_of(book: RatingBook, out: Path) -> WrittenPacket:
    """Rater a's packet, without images."""
    return write_packet(book, "a", out, images=lambda trace: ())
