"""Fields of OpenAI's wire format: texts, finish reasons, token counts, JSON schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spinebench.models.body import mapping, whole_number
from spinebench.models.protocol import JsonSchema
from spinebench.records import FinishReason, JsonValue, Usage


def content_of(content: object) -> str:
    """Text of a message, empty where the model said nothing; some servers give a list of parts."""
    if isinstance(content, list):
        return "".join(str(mapping(part).get("text") or "") for part in content)
    return content if isinstance(content, str) else ""


def finish_reason_of(reason: object) -> FinishReason:
    """Why the model stopped; `other` for a reason that is absent or unknown."""
    known = {
        "stop": FinishReason.STOP,
        "length": FinishReason.LENGTH,
        "max_tokens": FinishReason.LENGTH,
        "content_filter": FinishReason.FILTER,
        "refusal": FinishReason.REFUSAL,
    }
    return known.get(reason, FinishReason.OTHER) if isinstance(reason, str) else FinishReason.OTHER


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """Tokens of a reply; None for what the server does not report."""
    prompt = whole_number(usage.get("prompt_tokens"))
    output = whole_number(usage.get("completion_tokens"))
    total = whole_number(usage.get("total_tokens"))
    reasoning = whole_number(mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    # xAI counts reasoning beside the completion tokens, OpenAI within them; the total tells which.
    if prompt is not None and output is not None and total is not None and reasoning:
        output = output + reasoning if total == prompt + output + reasoning else output
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        reasoning_tokens=reasoning,
        cached_input_tokens=whole_number(mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
    )


def response_format(schema: JsonSchema) -> dict[str, Any]:
    """The field that asks for JSON under a schema; strict wherever the schema allows it."""
    strict = _allows_strict(schema.schema_)
    return {
        "type": "json_schema",
        "json_schema": {"name": schema.name, "schema": schema.schema_, "strict": strict},
    }


def _allows_strict(schema: JsonValue) -> bool:
    """Whether the strict mode takes a schema: every object closed, and all its properties required."""
    if isinstance(schema, list):
        return all(_allows_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict):
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(
            properties
        ):
            return False
    elif schema.get("type") == "object":
        return False
    return all(_allows_strict(part) for part in schema.values())
