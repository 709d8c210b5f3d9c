"""Several right answers: lists of letters and of levels.

`ABC` stands for letters read from the text; `unparsed`, `no_answer` and `refused` for a status without letters.
"""

from __future__ import annotations

import pytest

from spinebench.evaluators.extraction import extract
from spinebench.records import AnswerStatus

LEVELS = ("L4/L5", "L1/L2", "L5/S1", "L2/L3", "L3/L4")

LISTS: tuple[tuple[str, str], ...] = (
    ("My final options: [A, C]", "AC"),
    ("My final options: A and C", "AC"),
    ("My final options: [A,C]", "AC"),
    ("My final options: L4-L5 and L5-S1", "AC"),
    ("My final options: L4/5, L3–L4", "AE"),
    ('{"answer": ["A","C"]}', "AC"),
    ("My final options: A, B, and C", "ABC"),
    ("My final options: A & C", "AC"),
    ("My final options: A/C", "AC"),
    ("My final options: A; C", "AC"),
    ("My final options: [A][C]", "AC"),
    ("My final options: both A and C", "AC"),
    ("My final options: ACD", "ACD"),
    ("My final options: all of the above", "ABCDE"),
    ("My final options: A-C", "unparsed"),
    ("My final options: A to C", "unparsed"),
    ("My final options: [X, Y, ...]", "unparsed"),
    ("My final options:\n- A\n- C", "AC"),
    ("My final options:\n1. A: L4/L5\n2. C: L5/S1", "AC"),
    ("My final options: [A: L4/L5, C: L5/S1]", "AC"),
    ("My final options: L4/L5 (A) and L5/S1 (C)", "AC"),
    (
        "with two choices, for example, it has the form [X, Y]; with one, [X]):\nMy final options: [X, Y, ...]",
        "unparsed",
    ),
    ("For example: My final options: [A, C]\n\nMy final options: [B, D]", "BD"),
    ("My final options: [B, D]\n\n(For example: My final options: [A, C])", "BD"),
    ("My final options: [A, B, C, D, E]", "ABCDE"),
    ('{"answers": ["L4/L5", "L5/S1"]}', "AC"),
    ('{"final_options": "A, C"}', "AC"),
    ("\\boxed{A, C}", "AC"),
    ("\\boxed{\\text{A and C}}", "AC"),
    ("<answer>A,C</answer>", "AC"),
    ("My final options: L4/5", "A"),
    ("My final options: L4-L5, L5-S1", "AC"),
    ("My final options: L4\u2011L5; L3\u20114", "AE"),
    ("My final options: L4_L5", "A"),
    ("My final options: L1 / L2", "B"),
    ("My final options: L3-L5", "unparsed"),
    ("My final options: L5/S1 and L4/L5.", "AC"),
    ("Answer: L5-S1", "C"),
    ("My final options: [L4/L5, L5/S1]", "AC"),
    ("My final options: none", "no_answer"),
    ("My final options: all of the levels", "ABCDE"),
    ("My final options: all except B", "unparsed"),
    ("My final options: all of the above except B", "unparsed"),
    ("My final options: [A,B,C,D]", "ABCD"),
    ("My final options: {A, C}", "AC"),
    ("My final options: (A), (C)", "AC"),
    ("My final options: (A) and (C)", "AC"),
    ("My final options: A, C, and D.", "ACD"),
    ("My final options: A + C", "AC"),
    ("My final options: Ａ、Ｃ", "AC"),
    ("My final options: A (L4/L5) and C (L5/S1)", "AC"),
    ("My final options: A: L4/L5\nC: L5/S1", "AC"),
    ("My final options: [A]\n[C]", "AC"),
    ("My final options: A, F", "unparsed"),
    ("My final options: [A, F]", "unparsed"),
    ("My final options: A or C", "unparsed"),
    ("My final options: [A]", "A"),
    ("My final option: [C]", "C"),
    ("A, C", "AC"),
    ("A and C", "AC"),
    ("My final options: L4/L5 (severe), L5/S1 (mild)", "AC"),
    ("My final options: [A, C] (L4/L5, L5/S1)", "AC"),
    ("My final options: A and C (L4/L5 and L5/S1)", "AC"),
    ("My final options: A, C: L4/L5, L5/S1", "AC"),
    ("My final options: A: L4/L5, C: L1/L2", "unparsed"),
    ("A: L4/L5, B: L1/L2, C: L5/S1, D: L2/L3, E: L3/L4", "unparsed"),
    ("Options: A: L4/L5, B: L1/L2, C: L5/S1, D: L2/L3, E: L3/L4", "unparsed"),
    ("A. L4/L5\nC. L5/S1", "AC"),
)


def outcome(text: str, task: str, options: tuple[str, ...]) -> str:
    found = extract(text, task=task, options=options)
    assert (found.status is AnswerStatus.ANSWERED) == bool(found.letters)
    return "".join(found.letters) or found.status.value


@pytest.mark.parametrize(("text", "expected"), LISTS, ids=[repr(text)[:60] for text, _ in LISTS])
def test_lists_are_read_whole_or_not_at_all(text: str, expected: str) -> None:
    assert outcome(text, "localization", LEVELS) == expected


def test_several_letters_answer_only_where_several_may_be_right() -> None:
    text = "My final options: [A, C]"
    assert extract(text, task="localization", options=LEVELS).letters == ("A", "C")
    single = extract(text, task="diagnosis", options=LEVELS)
    assert (single.status, single.rule, single.letters) == (AnswerStatus.UNPARSED, "several_options", ())
