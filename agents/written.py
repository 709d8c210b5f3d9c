"""What free text consists of, read by rule: the sections of a report, the turns of a consultation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from spinebench.evaluators.report_sections import VERSION as SECTIONS_VERSION
from spinebench.evaluators.report_sections import ReportStatus, parse_report
from spinebench.records import (
    Answer,
    AnswerStatus,
    Extraction,
    Grade,
    Item,
    Outcome,
    SectionSpan,
    Task,
    Turn,
)

WRITTEN_VERSION = "1"
"""Raised whenever another outcome could be given to the same free text."""


def read_written(answer: Answer, item: Item) -> tuple[Extraction, Grade]:
    """A stored free text read again; used by `spinebench score`."""
    match item.task:
        case Task.REPORT:
            return read_report(answer.text, status=answer.status)
        case Task.CONSULTATION:
            n_turns = len(item.case.turns) if item.case else 0
            return read_consultation(answer.turns, n_turns=n_turns, status=answer.status)
        case Task.DIAGNOSIS | Task.LOCALIZATION | Task.KNOWLEDGE:
            raise ValueError(f"task {item.task.value!r} has options: it is extracted and graded")
        case _:
            assert_never(item.task)


def read_report(text: str, *, status: AnswerStatus) -> tuple[Extraction, Grade]:
    """The sections of a report with a known status of its reply.

    A report that was cut off stays `truncated`, with the sections that it has.
    """
    parsed = parse_report(text)
    found = tuple(
        SectionSpan(section=one.section.value, audience=one.audience, span=one.body)
        for one in parsed.sections
        if one.body[0] < one.body[1]
    )
    extraction = Extraction(
        status=status,
        rule="headings" if found else None,
        sections=found,
        version=f"sections {SECTIONS_VERSION}",
    )
    return extraction, _grade(status, complete=parsed.status is ReportStatus.COMPLETE)


def read_consultation(
    turns: Sequence[Turn], *, n_turns: int, status: AnswerStatus
) -> tuple[Extraction, Grade]:
    """Whether a consultation was played to its end."""
    replied = sum(bool(turn.text.strip()) for turn in turns)
    extraction = Extraction(
        status=status, rule="turns" if replied else None, version=f"written {WRITTEN_VERSION}"
    )
    return extraction, _grade(status, complete=replied == n_turns)


def _grade(status: AnswerStatus, *, complete: bool) -> Grade:
    """The grade of a free text: never right or wrong, only whether everything asked for is there."""
    if status not in {AnswerStatus.ANSWERED, AnswerStatus.TRUNCATED}:
        outcome = Outcome.NOT_ANSWERED
    else:
        outcome = Outcome.COMPLETE if complete else Outcome.INCOMPLETE
    return Grade(correct=None, gold=(), outcome=outcome, version=f"written {WRITTEN_VERSION}")
