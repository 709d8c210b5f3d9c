"""Properties of extraction over any text: total, honest about what it read, and bounded in time."""

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.evaluators.extraction import extract
from spinebench.evaluators.extraction.text import plain
from spinebench.records import AnswerStatus, Extraction

DISEASES = ("Healthy", "Osteophytes", "Spinal Canal Stenosis", "Foraminal stenosis", "Spondylolisthesis")
LEVELS = ("L4/L5", "L1/L2", "L5/S1", "L2/L3", "L3/L4")
FRAGMENTS = (
    *(
        "My final option: ",
        "My final options: ",
        "[A]",
        "[B",
        "]",
        "(C)",
        "A, ",
        "B and ",
        "or ",
        "C",
        "D.",
        "E",
        "F",
    ),
    *(
        "not ",
        "\n",
        "\n\n",
        " ",
        "the answer is ",
        "Answer: ",
        "\\boxed{",
        "}",
        "{",
        "<answer>",
        "</answer>",
        "**",
        "`",
    ),
    *(
        "<think>",
        "</think>",
        '{"answer": "',
        '"',
        "None of the above",
        "Osteophytes",
        "L4/L5",
        "L5-S1",
        "I ",
        "A ",
        "?",
    ),
    *(
        "for example: ",
        "If ",
        "is correct",
        "Wait, it is ",
        "~~",
        "$",
        "答案是",
        "最终答案：",
        "Ｂ",
        "é",
        "e\u0301",
        "\u200b",
    ),
    *(
        "<b>",
        "</b>",
        "&nbsp;",
        "&",
        "\\",
        "_",
        "- ",
        "1. ",
        "| ",
        ":",
        ";",
        "...",
        "I'm sorry, I can't help with that. ",
    ),
)
replies = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
tasks = st.sampled_from(["diagnosis", "localization", "knowledge"])


def check(found: Extraction, text: str, task: str, letters: str) -> None:
    assert (found.status is AnswerStatus.ANSWERED) == bool(found.letters)
    assert list(found.letters) == sorted(set(found.letters))
    assert set(found.letters) <= set(letters)
    assert task == "localization" or len(found.letters) <= 1
    assert found.status in {
        AnswerStatus.ANSWERED,
        AnswerStatus.NO_ANSWER,
        AnswerStatus.UNPARSED,
        AnswerStatus.REFUSED,
    }
    if found.span is not None:
        assert 0 <= found.span[0] <= found.span[1] <= len(text)
    if found.letters:
        assert found.rule is not None
        assert found.span is not None
        assert found.span[0] < found.span[1]


@settings(max_examples=600)
@given(text=replies, task=tasks, levels=st.booleans())
def test_any_text_gives_an_extraction_that_holds_together(text: str, task: str, levels: bool) -> None:
    options = LEVELS if levels else DISEASES
    found = extract(text, task=task, options=options)
    check(found, text, task, "ABCDE")
    assert extract(text, task=task, options=options) == found


@settings(max_examples=300)
@given(text=replies, task=tasks, tail=st.sampled_from(["\n", "  ", "\n\n\n", "**", "\t\n", "`"]))
def test_trailing_white_space_and_marks_change_nothing(text: str, task: str, tail: str) -> None:
    before = extract(text, task=task, options=DISEASES)
    if text.endswith(("\\", "<", "&", "~", "_")) or not text.strip():
        return  # the tail would complete another mark
    after = extract(text + tail, task=task, options=DISEASES)
    assert (after.letters, after.status) == (before.letters, before.status)


@settings(max_examples=200)
@given(
    order=st.permutations(range(5)),
    chosen=st.integers(0, 4),
    form=st.sampled_from(
        ["My final option: {}", "Answer: {}.", "**Final answer:** {}", "{}", "The answer is {}."]
    ),
)
def test_an_option_named_by_its_text_is_found_wherever_it_stands(
    order: list[int], chosen: int, form: str
) -> None:
    options = tuple(DISEASES[i] for i in order)
    found = extract(form.format(DISEASES[chosen]), task="diagnosis", options=options)
    assert found.letters == (string.ascii_uppercase[order.index(chosen)],)


@settings(max_examples=200)
@given(
    letters=st.sets(st.sampled_from("ABCDE"), min_size=1),
    joint=st.sampled_from([", ", ",", " and ", "; ", "/", " & "]),
    form=st.sampled_from(["[{}]", "{}", "({})", "**{}**", "${}$", "\\boxed{{{}}}"]),
    before=replies,
)
def test_the_last_closing_line_is_read_whatever_stands_before(
    letters: set[str], joint: str, form: str, before: str
) -> None:
    if unicodedata.normalize("NFKC", before).count("<") or before.count("~") or before.count("\\"):
        return  # an opened tag, strike or command may swallow the line
    text = f"{before}.\n\nIn conclusion.\nMy final options: {form.format(joint.join(sorted(letters)))}"
    assert extract(text, task="localization", options=LEVELS).letters == tuple(sorted(letters))


REMARKS = (
    "The bodies keep their height.",
    "Spurs at L3, 1.5 mm",
    "No slip! None at all.",
    "Is the canal narrow? It cannot be judged.",
    "Höhe — unverändert.",
    "A long sentence that goes on about marginal spurs, end plates and the posterior line without any stop in it",
)


@settings(max_examples=300)
@given(text=replies)
def test_plain_text_keeps_a_place_for_each_character(text: str) -> None:
    found = plain(text)
    places = [found.original(i, i + 1) for i in range(len(found.text))]
    assert len(found.text) == len(found.flat)
    assert places == sorted(places)
    assert all(0 <= a < b <= len(text) for a, b in places)
    assert all(
        text[a] == found.text[i]
        for i, (a, b) in enumerate(places)
        if text[a:b].isalpha() and text[a:b].isascii()
    )


@settings(max_examples=200)
@given(
    before=st.lists(st.sampled_from(REMARKS), max_size=40),
    behind=st.lists(st.sampled_from(REMARKS), max_size=40),
    closing=st.sampled_from(
        [
            "My final option: {}",
            "The correct answer is {}.",
            "**Answer:** {}",
            "Die beste Antwort: {}",
            "\\boxed{{{}}}",
        ]
    ),
)
def test_an_announcement_is_found_at_any_distance_from_the_end(
    before: list[str], behind: list[str], closing: str
) -> None:
    text = "\n".join([*before, closing.format("[B]"), *behind])
    found = extract(text, task="diagnosis", options=DISEASES)
    assert found.letters == ("B",)
    assert found.span is not None
    assert found.span[0] in (text.index("[B]"), text.index("[B]") + 1)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            " ",
            "\n",
            "*",
            "#",
            "<",
            "<a",
            "<!--",
            "~~a",
            "<think>",
            "[",
            "(",
            "$",
            "\\",
            '"',
            "_a",
            "&",
            "é",
            "e\u0301",
        ),
        *(
            "answer ",
            "the answer is ",
            "my final option: ",
            "my final option ",
            "A, ",
            "[A][B]",
            "\\boxed{",
            "I choose ",
        ),
        *(
            '"answer": [',
            "答案是",
            "not ",
            "no correct ",
            "so ",
            "L4/",
            "is (A) ",
            "A. x\n",
            "Answer: A or ",
            "if the answer is A, ",
        ),
        *(
            "for example: my final option: [A] ",
            "My final option: [B]. wait ",
            "the",
            "correct option for ",
            "\u200b",
        ),
    ],
)
def test_hostile_repetition_is_read_in_linear_time(piece: str) -> None:
    """100,000 characters: anything worse than linear would not end before the suite's time limit."""
    text = (piece * (100_000 // len(piece) + 1))[:100_000]
    check(extract(text, task="localization", options=LEVELS), text, "localization", "ABCDE")
