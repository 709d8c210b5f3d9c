"""What a drafted question must be, and how a model's reply is read."""

from __future__ import annotations

import json

import pytest

from spinebench.corpus.questions import problems_of_mcq, problems_of_open, remarks_on_mcq, tidy_options
from spinebench.corpus.replies import CheckReply, McqDraft, OpenDraft
from spinebench.runs.json_replies import read_reply
from tests.corpus_authors import MCQ, OPEN


def mcq(**changed: object) -> McqDraft:
    return McqDraft.model_validate({**MCQ, **changed})


def test_a_good_question_has_no_problem() -> None:
    assert problems_of_mcq(mcq(), language="en") == ()
    assert problems_of_open(OpenDraft.model_validate(OPEN), language="en") == ()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"options": ["Extrusion at L4/L5", "B", "C"]}, "3 options"),
        ({"options": [*"abcdefgh", "Extrusion at L4/L5"]}, "9 options"),
        ({"options": ["Extrusion at L4/L5", "extrusion at L4-L5", "C", "D"]}, "twice"),
        ({"options": ["Extrusion at L4/L5", " ", "C", "D"]}, "empty"),
        ({"answer": "Something else"}, "not exactly one"),
        ({"options": ["Extrusion at L4/L5", "All of the above", "C", "D"]}, "all or none"),
        ({"options": ["Extrusion at L4/L5", "以上都是", "C", "D"]}, "all or none"),
        (
            {
                "options": ["Extrusion at L4/L5 (correct)", "B", "C", "D"],
                "answer": "Extrusion at L4/L5 (correct)",
            },
            "marked",
        ),
        ({"question": "Where is the extrusion at L4/L5 seen here?"}, "contains the right option"),
        ({"question": "What is the finding in Figure 3?"}, "numbered figure"),
        ({"question": "According to the text, what is seen?"}, "speaks of the text"),
        ({"question": "根据上文，图像显示什么？"}, "language"),
        ({"question": " "}, "question is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_broken_question(changed: dict[str, object], word: str) -> None:
    assert word in "; ".join(problems_of_mcq(mcq(**changed), language="en"))


def test_signs_make_options_differ() -> None:
    options = ["> 5 mm", "< 5 mm", "= 5 mm", "10 mm"]
    assert problems_of_mcq(mcq(options=options, answer="< 5 mm"), language="en") == ()


def test_a_question_that_names_right_and_wrong_options_gives_nothing_away() -> None:
    draft = mcq(question="Is it an extrusion at L4/L5 or a protrusion at L3/L4?")
    assert problems_of_mcq(draft, language="en") == ()


@pytest.mark.parametrize(
    ("question", "given_away"), [("图像中椎间盘突出在哪里？", True), ("图像显示哪种改变？", False)]
)
def test_given_away_in_chinese(question: str, given_away: bool) -> None:
    draft = mcq(
        question=question, options=["椎间盘突出", "椎管狭窄", "椎体骨折", "脊柱侧弯"], answer="椎间盘突出"
    )
    assert bool(problems_of_mcq(draft, language="zh")) is given_away


def test_letters_before_options_are_taken_off() -> None:
    draft = tidy_options(mcq(options=["A. Cyst", "B. Lipoma", "C. Abscess", "D. Scar"], answer="B"))
    assert (draft.options, draft.answer) == (("Cyst", "Lipoma", "Abscess", "Scar"), "Lipoma")


def test_options_that_only_look_lettered_stay() -> None:
    assert tidy_options(mcq(options=["C. difficile", "Cyst", "Scar", "Lipoma"])).options[0] == "C. difficile"


def test_a_much_longer_right_option_is_remarked() -> None:
    long = "An extruded disc fragment that migrated far in the caudal direction"
    assert remarks_on_mcq(mcq(options=[long, "B", "C", "D"], answer=long))
    assert remarks_on_mcq(mcq()) == ()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"key_facts": []}, "no key facts"),
        ({"reference": " "}, "no reference"),
        ({"history": "Known disc extrusion at L4/L5."}, "tells a key fact"),
        ({"question": "The disc at L4/L5 is extruded. Report."}, "contains the reference"),
    ],
)
def test_a_broken_open_task(changed: dict[str, object], word: str) -> None:
    found = problems_of_open(OpenDraft.model_validate({**OPEN, **changed}), language="en")
    assert word in "; ".join(found)


YES = {"agree": True, "reason": "so"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(YES),
        f"Here it is:\n```json\n{json.dumps(YES)}\n```\nDone.",
        f'<think>{{"agree": false, "reason": "draft"}}</think>{json.dumps(YES)}',
        f"{json.dumps(YES)}\n{json.dumps(YES)}",
    ],
    ids=["bare", "fence", "thinking", "twice the same"],
)
def test_a_reply_that_is_read(text: str) -> None:
    assert read_reply(text, CheckReply) == CheckReply(agree=True, reason="so")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("yes", "no JSON"),
        ('{"agree": true, "reason": "cut', "broken"),
        ('{"agree": true}', "fields"),
        ('{"agree": true, "reason": "a", "more": 1}', "fields"),
        ('{"agree": true, "reason": "a"} {"agree": false, "reason": "b"}', "2 different"),
        ('{"agree": true, "reason": "\\ud800"}', "fields"),
        ("{" * 5000, "broken"),
        ("", "no JSON"),
    ],
    ids=["prose", "cut off", "missing", "unknown", "two", "surrogate", "deep", "empty"],
)
def test_a_reply_that_is_not(text: str, word: str) -> None:
    found = read_reply(text, CheckReply)
    assert isinstance(found, str)
    assert word in found
