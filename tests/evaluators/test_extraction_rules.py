"""Rule ids, spans, the phrase parameter, and how options may be given."""

from __future__ import annotations

import re

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.extraction import EXTRACTION_VERSION, ClosingPhrases, Rule, extract
from spinebench.records import AnswerStatus, Task

OPTIONS = ("Healthy", "Osteophytes", "Spinal Canal Stenosis", "Foraminal stenosis", "Spondylolisthesis")

RULES = {
    "closing_line": "Spurs at L3.\nMy final option: [B]",
    "boxed": r"Hence \boxed{\text{B}}.",
    "answer_tag": "<answer>B</answer>",
    "json": '{"answer": "B"}',
    "answer_phrase": "The answer is (B).",
    "choice_phrase": "I would go with B.",
    "option_text": "My final option: Osteophytes",
    "conclusion": "There are spurs. Therefore, B.",
    "bare_choice": "B. Osteophytes",
    "named_option": "The finding on this film is (B) Osteophytes, as the spurs show.",
    "empty": "  \n",
    "none_of_the_options": "My final option: none of the above",
    "refusal": "I'm sorry, but I can't assist with that.",
    "outside_options": "My final option: [F]",
    "several_options": "My final option: [B, C]",
    "letter_text_conflict": "My final option: [A] Osteophytes",
    "hedged": "My final option: [B] or [C]",
    "range": "My final option: A-C",
    "unreadable": "My final option: fracture of the sacrum",
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_names_itself(rule: str) -> None:
    found = extract(RULES[rule], task=Task.DIAGNOSIS, options=OPTIONS)
    assert (found.rule, found.version) == (rule, EXTRACTION_VERSION)


def test_the_rules_are_a_closed_set() -> None:
    assert {rule.value for rule in Rule} - set(RULES) == {"all_options"}
    found = extract("My final options: all of the above", task="localization", options=OPTIONS)
    assert (found.rule, found.letters) == ("all_options", ("A", "B", "C", "D", "E"))


@pytest.mark.parametrize(
    ("text", "spanned"),
    [
        ("Spurs.\n**My final option: [B]**", "B]"),
        ("My final option: Ｂ", "Ｂ"),
        ("Ａ　long　way\n最终答案：【Ｂ】。", "Ｂ】"),
        ("My final option: spinal canal\r\n  stenosis", "spinal canal\r\n  stenosis"),
        ("<p>My&nbsp;final option: <b>Osteophytes</b></p>", "Osteophytes"),
        ("\x1b[1mMy final option:\x1b[0m \\textbf{B} Osteophytes", "B} Osteophytes"),
        ("<think>My final option: [A]</think>My final option: [B]", "B]"),
    ],
)
def test_spans_are_places_in_the_text_as_written(text: str, spanned: str) -> None:
    found = extract(text, task="diagnosis", options=OPTIONS)
    assert found.span is not None
    assert text[found.span[0] : found.span[1]] == spanned


@pytest.mark.parametrize(
    "phrases",
    [
        "Verdict of the panel",
        r"verdict of the (?:panel|jury):",
        r"verdict of the panel: \[([A-E])\]",
        ["something else", re.compile("Verdict of the panel")],
        ClosingPhrases(("verdict of the panel",), generic=False),
    ],
    ids=["words", "regex", "group", "list", "record"],
)
def test_a_data_set_can_bring_its_own_phrase(
    phrases: str | list[str | re.Pattern[str]] | ClosingPhrases,
) -> None:
    text = "Verdict of the panel: [D]\nThe panel was of one mind."
    assert extract(text, task="diagnosis", options=OPTIONS).letters == ()
    found = extract(text, task="diagnosis", options=OPTIONS, phrases=phrases)
    assert (found.letters, found.rule) == (("D",), "closing_line")


def test_generic_announcements_can_be_switched_off() -> None:
    text = "Verdict of the panel: [D]\nThe answer is B."
    both = ClosingPhrases(("verdict of the panel",))
    only = ClosingPhrases(("verdict of the panel",), generic=False)
    assert extract(text, task="diagnosis", options=OPTIONS, phrases=both).letters == ("B",)
    assert extract(text, task="diagnosis", options=OPTIONS, phrases=only).letters == ("D",)


def test_a_phrase_that_is_no_regular_expression_is_taken_literally() -> None:
    found = extract("Pick (:-( B", task="diagnosis", options=OPTIONS, phrases="Pick (:-(")
    assert found.letters == ("B",)


def test_options_may_be_a_mapping_and_skip_letters() -> None:
    options = {"A": "Healthy", "C": "Osteophytes", "e": "Spondylolisthesis"}
    assert extract("My final option: [C]", task="diagnosis", options=options).letters == ("C",)
    assert extract("My final option: spondylolisthesis", task="diagnosis", options=options).letters == ("E",)
    assert extract("My final option: [B]", task="diagnosis", options=options).rule == "outside_options"


def test_an_option_that_says_none_of_the_above_is_an_option() -> None:
    options = ("Healthy", "Osteophytes", "None of the above")
    assert extract("My final option: none of the above", task="diagnosis", options=options).letters == ("C",)


def test_options_that_share_a_text_are_not_guessed_between() -> None:
    options = ("Osteophytes", "Osteophytes", "Healthy")
    found = extract("My final option: osteophytes", task="diagnosis", options=options)
    assert (found.status, found.rule) == (AnswerStatus.UNPARSED, "several_options")


def test_the_longest_option_text_wins() -> None:
    options = ("Stenosis", "Spinal Canal Stenosis", "Healthy")
    assert extract("Answer: spinal canal stenosis", task="diagnosis", options=options).letters == ("B",)


def test_numbers_are_matched_whole() -> None:
    options = ("1", "10", "1.5", "-1.5")
    found = [
        extract(f"Answer: {n}", task="knowledge", options=options).letters
        for n in ("1", "10", "1.5", "-1.5", "100")
    ]
    assert found == [("A",), ("B",), ("C",), ("D",), ()]


def test_a_report_has_nothing_to_extract() -> None:
    found = extract("Findings: normal spine.", task="report", options=())
    assert (found.status, found.letters) == (AnswerStatus.UNPARSED, ())


def test_what_only_a_programmer_can_get_wrong_is_said() -> None:
    with pytest.raises(UsageError, match="task 'riddle'"):
        extract("B", task="riddle", options=OPTIONS)
    with pytest.raises(UsageError, match="number of options 27"):
        extract("B", task="diagnosis", options=["x"] * 27)
    with pytest.raises(UsageError, match="option letter 'AA'"):
        extract("B", task="diagnosis", options={"AA": "x"})
