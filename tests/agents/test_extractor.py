from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.agents.extractor import (
    extractor_request,
    extractor_template,
    is_unread,
    read_extractor_reply,
)
from spinebench.evaluators.extraction import extract
from spinebench.models.protocol import ModelRequest, RequestTag
from spinebench.records import Extraction, Item, Task

OPTIONS = ("Osteophytes", "Healthy", "Spondylolisthesis")
TAG = RequestTag(item_id="x")


def item(task: Task) -> Item:
    return Item(
        id="x", benchmark="b", task=task, question="?", options=OPTIONS, gold=("Healthy",), cluster="c"
    )


def asked(text: str, task: Task = Task.DIAGNOSIS) -> ModelRequest:
    return extractor_request(text, item=item(task), options=OPTIONS, tag=TAG)


def test_it_shows_options_and_reply_but_neither_gold_nor_image() -> None:
    request = asked("I waver.")
    (message,) = request.messages
    assert "B: Healthy" in message.text
    assert "I waver." in message.text
    assert [part.kind for part in message.parts] == ["text"]
    assert request.tag is not None
    assert request.tag.role == "extractor"
    assert request.decoding.temperature == 0.0


@given(st.text(max_size=200))
def test_a_reply_cannot_close_its_own_markers(text: str) -> None:
    shown = asked(text).messages[0].text
    (marker,) = set(re.findall(r"<<<(REPLY-[0-9a-f]{16})$", shown, re.MULTILINE)) - set(
        re.findall(r"<<<(REPLY-[0-9a-f]{16})$", text, re.MULTILINE)
    )
    assert marker not in text
    between = shown.partition(f"<<<{marker}\n")[2].rpartition(f"\n{marker}>>>")[0]
    assert between == text


@pytest.mark.parametrize(
    ("task", "several"),
    [(Task.DIAGNOSIS, False), (Task.KNOWLEDGE, False), (Task.LOCALIZATION, True)],
    ids=lambda value: str(value),
)
def test_only_questions_with_several_right_options_ask_for_several(task: Task, several: bool) -> None:
    shown = asked("I waver.", task).messages[0].text
    assert ("one or more correct options" in shown) == several
    assert ("or on more than one" in shown) == (not several)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("I cannot say more about it.", True),
        ("My final option: the one on the left", True),
        ("My final option: [B]", False),
        ("My final option: [A] or [B]", False),
        ("My final option: [Z]", False),
        ("", False),
    ],
    ids=["no rule fired", "announced, not read", "read", "several", "outside", "empty"],
)
def test_the_model_reads_only_what_no_rule_could(text: str, unread: bool) -> None:
    assert is_unread(extract(text, task="diagnosis", options=list(OPTIONS))) == unread


def test_places_in_a_reply_are_not_filled() -> None:
    assert "{{options}} {{reply}}" in asked("{{options}} {{reply}}").messages[0].text


def test_the_schema_lists_the_letters_that_are_there() -> None:
    schema = asked("x").json_schema
    assert schema is not None
    assert schema.schema_["properties"]["letters"]["items"]["enum"] == ["A", "B", "C"]


def read(text: str, task: Task = Task.DIAGNOSIS) -> Extraction:
    return read_extractor_reply(text, model="m", task=task, options=OPTIONS)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ('{"letters": ["B"]}', ("B",)),
        ('```json\n{"letters": ["B"]}\n```', ("B",)),
        ('Sure! {"letters": "B"} Bye.', ("B",)),
        ('{"letters": ["b"]}', ("B",)),
    ],
)
def test_a_clear_list_of_letters_is_read(text: str, letters: tuple[str, ...]) -> None:
    extraction = read(text)
    assert extraction.letters == letters
    assert extraction.status.value == "answered"
    assert extraction.rule == "model:m"
    assert extraction.version == extractor_template(Task.DIAGNOSIS).hash[:16]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B",
        "{}",
        "[]",
        '{"letters": []}',
        '{"letters": null}',
        '{"letters": ["D"]}',
        '{"letters": ["A", "B"]}',
        '{"letters": {"A": 1}}',
        '{"letters": [1]}',
        '{"letters": ["B"',
        '{"letters": ' + "[" * 100_000,
        '{"a": ' * 100_000 + "}" * 100_000,
    ],
    ids=lambda text: text[:30] or "empty",
)
def test_anything_else_is_unparsed(text: str) -> None:
    extraction = read(text)
    assert extraction.letters == ()
    assert extraction.status.value == "unparsed"


def test_several_letters_are_an_answer_where_several_may_be_right() -> None:
    assert read('{"letters": ["C", "A"]}', Task.LOCALIZATION).letters == ("A", "C")
    assert extractor_template(Task.LOCALIZATION).text != extractor_template(Task.DIAGNOSIS).text
