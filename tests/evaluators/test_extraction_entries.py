"""Lists whose entries come with reasons, ranges, and options that are only guessed at."""

from __future__ import annotations

import pytest

from spinebench.evaluators.extraction import extract

DISEASES = ("Healthy", "Osteophytes", "Foraminal stenosis", "Spinal Canal Stenosis", "Disc space narrowing")
LEVELS = ("L5/S1", "L3/L4", "L1/L2", "L4/L5", "L2/L3")

REASONED = (
    "\n- A: {a} (severe)\n- D: {d} (moderate)",
    "\n- A: {a} - severe\n- D: {d} - moderate",
    "\n- A: {a} \u2013 severe\n- D: {d} \u2013 moderate",
    "\n- **A: {a}**: severe narrowing\n- **D: {d}**: moderate",
    " A ({a}) because of loss of height; D ({d}) because of bulge",
    "\n1. A: {a} (severe)\n2. D: {d} (moderate)",
    "\n1. A - severe narrowing of the disc, with a vacuum sign.\n2. D - moderate loss of height",
    "\n- [A] {a}: severe narrowing. Also oedema.\n- [D] {d}: mild narrowing.",
    "\n- {a}: severe\n- {d}: moderate",
    "\nA: {a}, severe narrowing\nD: {d}, moderate narrowing",
)
RANGES = (
    "[L3/L4 to L5/S1]",
    "L3/L4 through L5/S1",
    "L3/L4 bis L5/S1",
    "from L2/L3 to L5/S1",
    "L2/L3~L4/L5",
    "L3/L4 - L5/S1",
    "L3/L4 \u2013 L5/S1",
    "L3/L4-L5/S1",
    "A...C",
    "A-C",
    "[A]-[C]",
    "L3/L4 (B) to L5/S1 (A)",
    "between L3/L4 and L5/S1",
)
GUESSED = (
    "A, and possibly C",
    "A, maybe C",
    "A (and perhaps C)",
    "A and probably C",
    "[A], possibly also [C]",
    "A; C might also be affected",
)


@pytest.mark.parametrize("entries", REASONED)
def test_a_list_with_a_reason_per_entry_is_read_whole(entries: str) -> None:
    text = "My final options:" + entries.format(a="L5/S1", d="L4/L5")
    assert extract(text, task="localization", options=LEVELS).letters == ("A", "D")


@pytest.mark.parametrize("entries", REASONED)
def test_such_a_list_is_several_options_where_one_is_asked_for(entries: str) -> None:
    text = "My final option:" + entries.format(a="Healthy", d="Spinal Canal Stenosis")
    found = extract(text, task="diagnosis", options=DISEASES)
    assert (found.rule, found.letters) == ("several_options", ())


def test_a_listed_option_with_a_reason_against_it_leaves_the_list_unclear() -> None:
    text = "My final options:\n- A: L5/S1 (severe)\n- B: L3/L4 (normal)\n- D: L4/L5 (moderate)"
    assert extract(text, task="localization", options=LEVELS).rule == "hedged"


def test_an_option_ruled_out_below_the_answer_is_no_part_of_it() -> None:
    text = "My final options: A\n\nB: L3/L4 was ruled out."
    assert extract(text, task="localization", options=LEVELS).letters == ("A",)


@pytest.mark.parametrize("range_", RANGES)
def test_a_range_is_not_its_two_ends(range_: str) -> None:
    found = extract(f"My final options: {range_}", task="localization", options=LEVELS)
    assert (found.rule, found.letters) == ("range", ())


@pytest.mark.parametrize("guess", GUESSED)
def test_an_option_that_is_guessed_at_makes_the_list_hedged(guess: str) -> None:
    found = extract(f"My final options: {guess}", task="localization", options=LEVELS)
    assert (found.rule, found.letters) == ("hedged", ())


def test_levels_may_be_written_without_a_separator() -> None:
    assert extract("My final options: L4L5, L5S1", task="localization", options=LEVELS).letters == ("A", "D")
