"""Free text in parts: nothing of it lost, headings the model's own, what is missing named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.evaluators.written_parts import (
    SECTION_NAMES,
    found_sections,
    missing_sections,
    report_parts,
    unanswered_turns,
)
from spinebench.records import SectionSpan, Turn

HASH = "ab" * 32
LINES = st.sampled_from(
    ["## Imaging findings", "## Diagnosis", "**Risk and prognosis**", "## Appendix", "影像学表现：", "", "One line.",
     "  * x", "## Risk, prognosis and postoperative management", "Treatment: rest", "| Diagnosis | none |", "<dx>"]
)  # fmt: skip


def characters(text: str, sections: tuple[SectionSpan, ...] | None = None) -> str:
    """All characters of all parts in their order, without white space."""
    return "".join("".join(f"{one.heading}{one.text}".split()) for one in report_parts(text, sections))


@given(st.lists(LINES, max_size=14).map("\n".join))
def test_the_parts_of_a_report_are_the_whole_of_it(text: str) -> None:
    assert characters(text) == "".join(text.split())


@given(
    st.text(alphabet="ab \n", max_size=40),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6),
)
def test_whatever_ranges_are_stored_nothing_is_lost(text: str, ranges: list[tuple[int, int]]) -> None:
    sections = tuple(SectionSpan(section="findings", span=one) for one in ranges)
    assert characters(text, sections) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "heading", "body"),
    [
        pytest.param("## Diagnosis\n**A fracture.**\n", "## Diagnosis", "**A fracture.**", id="all bold"),
        pytest.param("## Diagnosis\n**A** fracture.\n", "## Diagnosis", "**A** fracture.", id="begins bold"),
        pytest.param("**Diagnosis:** A fracture.", "**Diagnosis:**", "A fracture.", id="heading in the line"),
    ],
)
def test_emphasis_stays_with_what_it_is_of(text: str, heading: str, body: str) -> None:
    (part,) = [one for one in report_parts(text) if one.kind == "section"]
    assert part.heading == heading
    assert part.text == body


def test_a_heading_of_two_sections_is_one_part_under_both_names() -> None:
    text = "## Findings\nA.\n\n## Risk, prognosis and postoperative management\nB."
    last = report_parts(text)[-1]
    assert (last.heading, last.text) == ("## Risk, prognosis and postoperative management", "B.")
    assert last.read_as == ("Risk and prognosis", "Postoperative management")


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_blank_report_has_no_parts_and_lacks_all(text: str) -> None:
    assert report_parts(text) == ()
    assert missing_sections(found_sections(text)) == tuple(SECTION_NAMES.values())


def test_turns_without_a_reply_are_named_by_number() -> None:
    turns = [Turn(patient="a", text="yes", request_hash=HASH), Turn(patient="b", text=" ", request_hash=HASH)]
    assert unanswered_turns(("a", "b", "c"), turns) == ("Reply 2", "Reply 3")
