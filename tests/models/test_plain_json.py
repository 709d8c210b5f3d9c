"""A schema becomes words at the end of the prompt; everything else stays."""

from __future__ import annotations

import json

from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import JsonSchema, Message, ModelRequest, TextPart

SCHEMA = {"type": "object", "properties": {"letters": {"type": "array"}}}
MESSAGES = (
    Message(role="system", parts=(TextPart(text="Be brief."),)),
    Message(role="user", parts=(TextPart(text="Which?"),)),
)


def test_without_a_schema_nothing_changes() -> None:
    assert ask_for_json(ModelRequest(messages=MESSAGES)) == MESSAGES


def test_the_schema_follows_the_last_message() -> None:
    request = ModelRequest(messages=MESSAGES, json_schema=JsonSchema(name="choice", schema=SCHEMA))
    system, user = ask_for_json(request)
    assert system == MESSAGES[0]
    assert user.parts[0] == MESSAGES[1].parts[0]
    (wish,) = user.parts[1:]
    assert isinstance(wish, TextPart)
    assert json.loads(wish.text.partition("\n")[2]) == SCHEMA
