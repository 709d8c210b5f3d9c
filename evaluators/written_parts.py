"""Free text in the parts that it is read by: a report under its own headings, a consultation turn by turn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from spinebench.evaluators.report_sections import ReportSection, parse_report
from spinebench.records import Answer, Extraction, Item, Record, SectionSpan, Task, Turn

SECTION_NAMES: dict[str, str] = {
    ReportSection.FINDINGS: "Imaging findings",
    ReportSection.DIAGNOSIS: "Diagnosis",
    ReportSection.TREATMENT: "Treatment",
    ReportSection.PROGNOSIS: "Risk and prognosis",
    ReportSection.POSTOPERATIVE: "Postoperative management",
    ReportSection.RATIONALE: "Rationale and disclaimer",
}
"""Id of a section -> what a reader calls it."""
_EMPHASIS_BEFORE = re.compile(r"(?<!\S)[*_]+\Z")
_EMPHASIS_AFTER = re.compile(r"[*_]+(?!\S)")


class WrittenPart(Record):
    """One part of a free text, in the text's order. All parts of a report together are the whole of it."""

    kind: Literal["section", "between", "patient", "reply"]
    """`between`: text of a report that belongs to no section, its first words and its last among it."""
    heading: str = ""
    """Of a section: the line above it, as the model wrote it."""
    read_as: tuple[str, ...] = ()
    """Names of the sections that it is read as; of the treatment with whom it is for, where the report says so."""
    text: str = ""
    reasoning: str | None = None
    """Of a reply: native reasoning that came with it."""


def written_parts(
    item: Item, answer: Answer, extraction: Extraction | None = None
) -> tuple[WrittenPart, ...]:
    """The parts of an answer; () for a task with options and where nothing was written.

    `extraction`: its stored sections are taken; None: the text is read again. A turn of a script that was not
    reached has no part.
    """
    if item.task is Task.CONSULTATION:
        return turn_parts(answer.turns)
    if item.task is Task.REPORT:
        return report_parts(answer.text, None if extraction is None else extraction.sections)
    return ()


def turn_parts(turns: Sequence[Turn]) -> tuple[WrittenPart, ...]:
    """What was said and replied, turn by turn."""
    parts = []
    for turn in turns:
        parts.append(WrittenPart(kind="patient", text=turn.patient))
        parts.append(WrittenPart(kind="reply", text=turn.text, reasoning=turn.reasoning or None))
    return tuple(parts)


def report_parts(text: str, sections: Sequence[SectionSpan] | None = None) -> tuple[WrittenPart, ...]:
    """A report by its sections, with all that stands before, between and behind them; () for a blank text.

    `sections`: those that were found in it; None: it is read now. A text without headings is one part.
    """
    if not text.strip():
        return ()
    parts: list[WrittenPart] = []
    at = 0
    for span, names in _joined(found_sections(text) if sections is None else sections, text):
        before, heading = _heading(text[at : span[0]])
        if before.strip():
            parts.append(WrittenPart(kind="between", text=before))
        parts.append(WrittenPart(kind="section", heading=heading, read_as=names, text=text[slice(*span)]))
        at = span[1]
    if text[at:].strip() or not parts:
        parts.append(WrittenPart(kind="between", text=text[at:].strip("\r\n")))
    return tuple(parts)


def found_sections(text: str) -> tuple[SectionSpan, ...]:
    """The sections of a report that have text, in its order."""
    return tuple(
        SectionSpan(section=one.section.value, audience=one.audience, span=one.body)
        for one in parse_report(text).sections
        if one.body[0] < one.body[1]
    )


def missing_sections(sections: Sequence[SectionSpan]) -> tuple[str, ...]:
    """Names of the sections that a report lacks, in the order of the format."""
    held = {one.section for one in sections}
    return tuple(name for section, name in SECTION_NAMES.items() if section not in held)


def missing_of(item: Item, answer: Answer, extraction: Extraction | None = None) -> tuple[str, ...]:
    """What of a free text is not there, in words: sections of a report, replies of a consultation."""
    if item.task is Task.CONSULTATION:
        return unanswered_turns(item.case.turns if item.case else (), answer.turns)
    if item.task is Task.REPORT:
        return missing_sections(found_sections(answer.text) if extraction is None else extraction.sections)
    return ()


def unanswered_turns(script: Sequence[str], turns: Sequence[Turn]) -> tuple[str, ...]:
    """`Reply 3` for each turn of a script that has no reply."""
    replied = {number for number, turn in enumerate(turns) if turn.text.strip()}
    return tuple(f"Reply {number + 1}" for number in range(len(script)) if number not in replied)


def _joined(sections: Sequence[SectionSpan], text: str) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
    """Ranges in the text's order, none over another; several sections of one range are one."""
    names: dict[tuple[int, int], list[str]] = {}
    for one in sections:
        low, high = _with_emphasis(text, *(min(max(edge, 0), len(text)) for edge in one.span))
        name = SECTION_NAMES.get(one.section, one.section)
        label = name if one.audience is None else f"{name} (for the {one.audience})"
        held = names.setdefault((low, high), [])
        if label not in held:
            held.append(label)
    at = 0
    for span in sorted(names):
        if at <= span[0] < span[1]:
            yield span, tuple(names[span])
            at = span[1]


def _with_emphasis(text: str, low: int, high: int) -> tuple[int, int]:
    """The range with the marks of emphasis that stand beside it and belong to no heading."""
    before, after = _EMPHASIS_BEFORE.search(text, max(0, low - 8), low), _EMPHASIS_AFTER.match(text, high)
    return low if before is None else before.start(), high if after is None else after.end()


def _heading(gap: str) -> tuple[str, str]:
    """What stands between two sections: text, and the heading, which is its last line that is not blank."""
    lines = gap.rstrip().splitlines(keepends=True)
    if not lines:
        return "", ""
    return "".join(lines[:-1]).strip("\r\n"), lines[-1].strip()
