"""Sections of reports in the styles that models write, found by heading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.evaluators.report_headings import Audience
from spinebench.evaluators.report_sections import ParsedReport, ReportSection, ReportStatus, parse_report
from tests.evaluators.reports.kept_reports import KEPT
from tests.evaluators.reports.later_reports import LATER
from tests.evaluators.reports.report_texts import ReportCase, case
from tests.evaluators.reports.shown_reports import SHOWN

ALL = {
    **{f"shown: {name}": text for name, text in SHOWN.items()},
    **{f"kept: {name}": text for name, text in KEPT.items()},
    **{f"later: {name}": text for name, text in LATER.items()},
}


def places(one: ReportCase, report: ParsedReport) -> dict[str, frozenset[tuple[str, str | None]]]:
    """Sentence -> the sections in whose body it was found."""
    return {
        sentence: frozenset(
            (found.section.value, found.audience and found.audience.value)
            for found in report.sections
            if sentence in one.text[slice(*found.body)]
        )
        for sentence in (*one.places, *one.preamble, *one.unassigned)
    }


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_every_sentence_is_found_in_its_section(template: str) -> None:
    one = case(template)
    report = parse_report(one.text)
    assert places(one, report) == {
        **one.places,
        **dict.fromkeys((*one.preamble, *one.unassigned), frozenset()),
    }
    preamble = one.text[slice(*report.preamble)]
    assert [sentence for sentence in one.preamble if sentence not in preamble] == []
    others = "\n".join(one.text[slice(*span)] for span in report.other)
    assert [sentence for sentence in one.unassigned if sentence not in others] == []
    named = {section for found in one.places.values() for section, _ in found}
    assert {
        section.value for section in ReportSection if section not in (*report.missing, *report.blank)
    } == named
    for found in report.sections:
        assert 0 <= found.heading[0] < found.heading[1] <= found.body[0] <= found.body[1] <= len(one.text)


def test_a_report_without_headings_keeps_its_text() -> None:
    text = "The disc at L4/5 presses on the root. Surgery may help."
    report = parse_report(text)
    assert report.status is ReportStatus.NO_HEADINGS
    assert report.missing == tuple(ReportSection)
    assert text[slice(*report.preamble)] == text
    assert report.sections == ()


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_no_report_at_all(text: str) -> None:
    report = parse_report(text)
    assert (report.status, report.missing) == (ReportStatus.EMPTY, tuple(ReportSection))


def test_what_is_missing_and_what_is_blank() -> None:
    text = (
        "## Imaging findings\n\n## Diagnosis\nHerniation.\n## Treatment\n### For the patient\nKeep moving.\n"
    )
    report = parse_report(text)
    assert report.status is ReportStatus.PARTIAL
    assert report.blank == (ReportSection.FINDINGS,)
    assert report.missing == (ReportSection.PROGNOSIS, ReportSection.POSTOPERATIVE, ReportSection.RATIONALE)
    assert report.missing_audiences == (Audience.PHYSICIAN,)
    assert report.texts(text, ReportSection.TREATMENT, Audience.PATIENT) == ("Keep moving.",)
    assert report.texts(text, ReportSection.TREATMENT, Audience.PHYSICIAN) == ()


def test_a_section_that_stands_twice_is_given_twice() -> None:
    text = "## Diagnosis\nHerniation.\n## Findings\nL4/5.\n## Diagnosis\nOr a cyst.\n"
    assert parse_report(text).texts(text, ReportSection.DIAGNOSIS) == ("Herniation.", "Or a cyst.")


def test_a_heading_that_names_two_sections_gives_both_its_text() -> None:
    text = "## Diagnosis\nHerniation.\n## Prognosis and follow-up\nGood; six weeks.\n"
    report = parse_report(text)
    shared = [one for one in report.sections if one.shared]
    assert [one.section for one in shared] == [ReportSection.PROGNOSIS, ReportSection.POSTOPERATIVE]
    assert {text[slice(*one.body)] for one in shared} == {"Good; six weeks."}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("## Diagnosis: disc herniation\nleft, L4/5", "disc herniation\nleft, L4/5"),
        ("**Diagnosis: disc herniation**\nleft, L4/5", "disc herniation**\nleft, L4/5"),
        ("Diagnosis: disc herniation", "disc herniation"),
        ("诊断:椎间盘突出", "椎间盘突出"),
        ('{"diagnosis": "disc herniation", "findings": "L4/5"}', '"disc herniation"'),
        ("<diagnosis>disc herniation</diagnosis> and more", "disc herniation"),
    ],
)
def test_text_on_the_line_of_its_heading(text: str, body: str) -> None:
    assert parse_report(text).texts(text, ReportSection.DIAGNOSIS) == (body,)


@pytest.mark.parametrize(
    "line",
    [
        "The diagnosis is a herniation of the disc L4/5.",
        "Patient: 54-year-old man with leg pain",
        "1. Rest and ice",
        "Plan to see the patient again",
        "Risk of recurrence: 5 %",
        "L4/5: normal",
        "Treatment failed three times before",
        "诊断为腰椎间盘突出症",
        "术后两周拆线",
        "No diagnosis, no treatment, no prognosis",
    ],
)
def test_lines_that_are_no_headings(line: str) -> None:
    assert parse_report(f"Some words before.\n{line}\nSome words after.").status is ReportStatus.NO_HEADINGS


PIECES = [
    "## ", "# ", "**", "Diagnosis", "Imaging findings", ":", "\n", "\r\n", " ", "1. ", "【", "】", "治疗建议", "<h2>",
    "</h2>", "{", "}", '"', '"diagnosis": ', ",", "[", "]", "---\n", "<think>", "</think>", "|", "患者版",
    "Patient-facing", "\\", "a", "<diagnosis>", "</diagnosis>", "> ", "\u2028", "Risk and follow-up",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text_can_be_read_and_ranges_lie_in_order(text: str) -> None:
    report = parse_report(text)
    end = report.preamble[1] if report.sections else 0
    for found in report.sections:
        low, high = found.body
        assert 0 <= found.heading[0] < found.heading[1] <= low <= high <= len(text)
        if not found.shared:
            assert found.heading[0] >= end
            end = high
    headed = {one.section for one in report.sections}
    assert headed.isdisjoint(report.missing)
    assert headed | set(report.missing) == set(ReportSection)
    assert set(report.blank) <= headed
    if report.status is ReportStatus.NO_HEADINGS:
        assert report.preamble == (0, len(text))
