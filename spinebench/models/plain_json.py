"""The fallback for models without a JSON-schema output: the prompt itself asks for the JSON."""

from __future__ import annotations

import json

from spinebench.models.protocol import Message, ModelRequest, TextPart


def ask_for_json(request: ModelRequest) -> tuple[Message, ...]:
    """The request's messages, the last one ending with the schema and the wish for nothing but JSON.

    Unchanged where the request has no schema. The reply is not checked here: whoever asked reads it strictly.
    """
    if request.json_schema is None or not request.messages:
        return request.messages
    schema = json.dumps(request.json_schema.schema_, ensure_ascii=False, sort_keys=True)
    wish = TextPart(
        text=f"Reply with nothing but one JSON object that is valid under this JSON Schema:\n{schema}"
    )
    *before, last = request.messages
    return (*before, last.model_copy(update={"parts": (*last.parts, wish)}))
