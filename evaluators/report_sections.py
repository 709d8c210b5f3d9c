"""The sections of a generated report, found by its headings, with what is missing. The text itself stays as it is.

A report has six parts to write (SpineBench, arXiv 2510.03160): imaging findings, diagnosis, treatment for the
patient and for the physician, risk and prognosis, postoperative management, rationale and disclaimer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum

from spinebench.evaluators.report_headings import Audience, Meaning, ReportSection
from spinebench.evaluators.report_marks import Mark, find_marks
from spinebench.records import Record

__all__ = ["Audience", "FoundSection", "ParsedReport", "ReportSection", "ReportStatus", "parse_report"]

VERSION = "1"
"""Of the rules: raised whenever a text may be read in another way."""

Span = tuple[int, int]
"""Half-open range of the text."""

_STRENGTH = ("{", "<", "#", "**", "[", "|", "1.", ":")
"""Styles of headings, the plainest last: the earlier one leads where two show equally many sections."""
_TRIMMED = " \t\r\n\u2028\u2029*_"


class ReportStatus(StrEnum):
    """What a text is as a report."""

    COMPLETE = "complete"  # every section has text
    PARTIAL = "partial"  # some have
    NO_HEADINGS = "no_headings"  # text, but no heading of a section
    EMPTY = "empty"


class FoundSection(Record):
    """One stretch of text under a heading."""

    section: ReportSection
    audience: Audience | None = None
    """Of a part of the treatment; None: for both, or not said."""
    heading: Span
    body: Span
    """Without white space and emphasis around it; empty where nothing follows the heading."""
    shared: bool = False
    """True where the heading names another section too: both have the same range."""


class ParsedReport(Record):
    """A report by its sections, in the order of the text; a section may stand several times."""

    status: ReportStatus
    sections: tuple[FoundSection, ...] = ()
    missing: tuple[ReportSection, ...] = ()
    """Sections without a heading, in the order of the format."""
    blank: tuple[ReportSection, ...] = ()
    """Sections with a heading and nothing under it."""
    preamble: Span = (0, 0)
    """Text before the first heading of a section; the whole text where there is none."""
    other: tuple[Span, ...] = ()
    """Text under headings that belong to no section."""
    version: str = VERSION

    def texts(self, text: str, section: ReportSection, audience: Audience | None = None) -> tuple[str, ...]:
        """What stands under a section's headings; of the treatment with `audience`, that part only."""
        return tuple(
            text[slice(*one.body)]
            for one in self.sections
            if one.section == section and (audience is None or one.audience == audience)
        )

    @property
    def missing_audiences(self) -> tuple[Audience, ...]:
        """For whom no part of the treatment was written, as far as headings tell."""
        found = {one.audience for one in self.sections if one.body[0] < one.body[1]}
        return tuple(audience for audience in Audience if audience not in found)


def parse_report(text: str) -> ParsedReport:
    """The sections of a report. Never raises for what the text holds; linear in its length.

    Headings are read in Markdown, bold lines, numbers, brackets, tables, HTML and XML tags, JSON keys and plain lines,
    in English and Chinese. The style that shows most sections leads: a heading of another style counts where
    its section has none of the leading style and it has its line to itself; others are words inside a section.
    """
    if not text.strip():
        return ParsedReport(status=ReportStatus.EMPTY, missing=tuple(ReportSection))
    marks = find_marks(text)
    taken = _taken(marks)
    first = next((mark.start for mark in taken if mark.meaning.known), len(text))
    found, other = _bodies(text, taken)
    if not found:
        return ParsedReport(
            status=ReportStatus.NO_HEADINGS, missing=tuple(ReportSection), preamble=(0, len(text))
        )
    headed = {one.section for one in found}
    filled = {one.section for one in found if one.body[0] < one.body[1]}
    return ParsedReport(
        status=ReportStatus.COMPLETE if filled == set(ReportSection) else ReportStatus.PARTIAL,
        sections=tuple(found),
        missing=tuple(section for section in ReportSection if section not in headed),
        blank=tuple(section for section in ReportSection if section in headed - filled),
        preamble=(0, first),
        other=tuple(other),
    )


def _leading(marks: Iterable[Mark]) -> str | None:
    """The style whose headings name most sections."""
    shown: defaultdict[str, set[ReportSection]] = defaultdict(set)
    for mark in marks:
        if mark.meaning.sure:
            shown[mark.style].update(mark.meaning.sections)
    named = {style: sections for style, sections in shown.items() if sections}
    return min(named, key=lambda style: (-len(named[style]), _rank(style)), default=None)


def _rank(style: str) -> tuple[int, str]:
    kind = next(position for position, prefix in enumerate(_STRENGTH) if style.startswith(prefix))
    return kind, style


def _taken(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that divide the text: sections, audiences inside the treatment, and unknown headings between."""
    leading = _leading(marks)
    if leading is None:
        return []
    sure = {
        section
        for mark in marks
        if mark.style == leading and mark.meaning.sure
        for section in mark.meaning.sections
    }
    taken: list[Mark] = []
    section: Mark | None = None
    for mark in marks:
        if taken and mark.start < taken[-1].end:
            continue
        sections = mark.meaning.sections
        if mark.style == leading and mark.meaning.audience is not None and not sections:
            # `## For the patient` beside `## Diagnosis`: a treatment without a heading of its own.
            counts = ReportSection.TREATMENT not in sure and not mark.meaning.plain
        elif mark.style == leading:
            counts = bool(sections) and (mark.meaning.sure or not sure.intersection(sections))
        else:
            counts = mark.whole and mark.meaning.sure and bool(sections) and not sure.intersection(sections)
        if counts:
            section = mark
            taken.append(mark)
        elif section is None:
            continue
        elif ReportSection.TREATMENT in section.meaning.sections and mark.meaning.audience is not None:
            taken.append(mark)
        elif mark.style[0] == section.style[0] == "#" and mark.style <= section.style:
            # An unknown heading of the same level or above ends the section, a deeper one lies inside it.
            section = Mark(mark.start, mark.end, mark.style, Meaning(), mark.whole, mark.stop)
            taken.append(section)
    return taken


def _bodies(text: str, taken: Sequence[Mark]) -> tuple[list[FoundSection], list[Span]]:
    found: list[FoundSection] = []
    other: list[Span] = []
    for position, mark in enumerate(taken):
        following = taken[position + 1] if position + 1 < len(taken) else None
        stop = len(text) if following is None else following.start
        if mark.stop is not None:
            stop = min(stop, mark.stop)
        body = _trimmed(text, mark.end, stop)
        meaning = mark.meaning
        if not meaning.known:
            other.append(body)
            continue
        divided = (
            following is not None
            and following.meaning.audience is not None
            and not following.meaning.sections
        )
        if divided and body[0] == body[1] and meaning.sections:
            continue  # the heading above both parts of the treatment
        for section in meaning.sections or (ReportSection.TREATMENT,):
            found.append(
                FoundSection(
                    section=section,
                    audience=meaning.audience,
                    heading=(mark.start, mark.end),
                    body=body,
                    shared=len(meaning.sections) > 1,
                )
            )
    return found, other


def _trimmed(text: str, low: int, high: int) -> Span:
    """The range without white space and emphasis at its ends."""
    while low < high and text[low] in _TRIMMED:
        low += 1
    while high > low and text[high - 1] in _TRIMMED:
        high -= 1
    return low, high
