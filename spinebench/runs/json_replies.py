"""How a reply that should be one JSON object is read."""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from spinebench.records import Record, canonical_json
from spinebench.store.journal import explain

_MOST_OPENINGS: Final = 50
_THOUGHT: Final = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>|\A.*?</think>", re.DOTALL)
ReplyT = TypeVar("ReplyT", bound=Record)


def schema_of(kind: type[Record]) -> dict[str, Any]:
    """The JSON Schema of a reply, every field required, nothing else allowed."""
    return kind.model_json_schema()


def read_reply(text: str, kind: type[ReplyT]) -> ReplyT | str:
    """The one JSON object of a reply that has the fields asked for, or why there is none.

    Read: the bare object, or one amid prose or a code fence; thinking before it is skipped. Two that differ are a
    problem, one that stands within another object is not looked for.
    """
    text = _THOUGHT.sub("", text, count=1)
    found: dict[str, ReplyT] = {}
    problem = "there is no JSON object"
    decoder = json.JSONDecoder(strict=False)
    at = 0
    for _ in range(_MOST_OPENINGS):
        at = text.find("{", at)
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            problem = "the JSON object is broken or cut off"
            at += 1
            continue
        at = end
        try:
            one = kind.model_validate_json(json.dumps(value))
        except RecursionError:
            problem = "the JSON object is nested too deeply"
            continue
        except ValidationError as error:
            problem = f"the JSON object does not have the fields that were asked for ({explain(error)})"
            continue
        found[canonical_json(one.model_dump(mode="json"))] = one
    if len(found) == 1:
        return next(iter(found.values()))
    return f"there are {len(found)} different JSON objects" if found else problem
