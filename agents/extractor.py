"""The LLM extractor: reads which options a reply chose, where no rule could. It never sees gold or image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from spinebench.agents.options import letters
from spinebench.agents.personas import Template, packaged
from spinebench.evaluators.extraction import Rule, read_letters
from spinebench.models.protocol import JsonSchema, Message, ModelRequest, RequestTag, TextPart
from spinebench.records import (
    MULTIPLE_ANSWER_TASKS,
    AnswerStatus,
    DecodingOptions,
    Extraction,
    Item,
    Task,
)

_MAX_REPLY_TOKENS = 2000
"""Room for a reasoning model to think before its one-line reply."""


_UNREAD = frozenset({None, Rule.UNREADABLE, Rule.RANGE})
"""No rule fired, or one found an announcement and could not read what stands there. Where a rule did read the reply
(several options, one outside, none of them), that reading stands: a second reader would only guess."""


def is_unread(extraction: Extraction) -> bool:
    """Whether a complete reply was left unread by the rules, so that the extractor model may read it."""
    return extraction.status is AnswerStatus.UNPARSED and extraction.rule in _UNREAD


def extractor_template(task: Task) -> Template:
    """The packaged extractor prompt of a task; its hash is the version of what it reads."""
    name = "multiple" if task in MULTIPLE_ANSWER_TASKS else "single"
    return packaged("extractor").templates[name]


def extractor_request(text: str, *, item: Item, options: Sequence[str], tag: RequestTag) -> ModelRequest:
    """The request that asks a model which of `options` (as presented) the reply `text` settles on.

    The reply stands between marker lines derived from its own hash, so that it cannot close them itself.
    """
    marker = f"REPLY-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    names = letters(len(options))
    prompt = extractor_template(item.task).fill(
        options="\n".join(f"{letter}: {option}" for letter, option in zip(names, options, strict=True)),
        marker=marker,
        reply=text,
    )
    schema = {
        "type": "object",
        "properties": {"letters": {"type": "array", "items": {"type": "string", "enum": list(names)}}},
        "required": ["letters"],
        "additionalProperties": False,
    }
    return ModelRequest(
        messages=(Message(role="user", parts=(TextPart(text=prompt),)),),
        decoding=DecodingOptions(temperature=0.0, max_tokens=_MAX_REPLY_TOKENS),
        json_schema=JsonSchema(name="chosen_options", schema=schema),
        tag=tag.model_copy(update={"role": "extractor"}),
    )


def read_extractor_reply(text: str, *, model: str, task: Task, options: Sequence[str]) -> Extraction:
    """The extraction of an extractor's JSON reply; anything but a clear list of letters is `unparsed`."""
    version = extractor_template(task).hash[:16]
    rule = f"model:{model}"
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1])["letters"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Extraction(status=AnswerStatus.UNPARSED, rule=rule, version=version)
    chosen = read_letters(value, task=task, options=options)
    if not chosen:
        return Extraction(status=AnswerStatus.UNPARSED, rule=rule, version=version)
    return Extraction(letters=chosen, status=AnswerStatus.ANSWERED, rule=rule, version=version)
