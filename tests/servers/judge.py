"""A judge behind the loopback provider: reads from the request's JSON schema what is asked, and answers it.

Assign `JudgeAnswers(...).answer` to `ProviderServer.answer`; requests without a judgement's schema go to `otherwise`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.wire import Received, Reply

WRONG_QUOTE = "The cord looks like a string of pearls."


def asked_schema(request: Received) -> dict[str, Any] | None:
    """The JSON schema that a request wants its reply to follow, in any of the three protocols; None for none."""
    body = request.body
    found = {
        "openai": lambda: body.get("response_format", {}).get("json_schema", {}).get("schema"),
        "anthropic": lambda: body.get("output_config", {}).get("format", {}).get("schema"),
        "google": lambda: body.get("generationConfig", {}).get("responseJsonSchema"),
    }[request.protocol]()
    return found if isinstance(found, dict) and "claims" in found.get("properties", {}) else None


def verdict(
    schema: dict[str, Any], *, quote: str, score: Callable[[str], int], modes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A reply of that form: each dimension scored with one quote, the named failure modes, one claim."""
    properties = schema["properties"]
    reply: dict[str, Any] = {}
    if "scores" in properties:
        reply["scores"] = [
            {"dimension": name, "quotes": [quote], "reason": "As quoted.", "score": score(name)}
            for name in properties["scores"]["items"]["properties"]["dimension"]["enum"]
        ]
    if "failure_modes" in properties:
        reply["failure_modes"] = [{"mode": mode, "quotes": [quote]} for mode in modes]
    reply["claims"] = [{"quote": quote, "verdict": "not_verifiable"}]
    return reply


@dataclass
class JudgeAnswers:
    """Judges by model id, and an examinee for everything else."""

    otherwise: Callable[[Received], Reply]
    quote: str = "I looked at the image."
    """A passage that every trace holds."""
    scores: dict[str, int] = field(default_factory=dict)
    """Model id -> the score it gives in every dimension; 3 for the others."""
    misquotes_first: frozenset[str] = frozenset()
    """Models whose first reply to each case quotes what is not there."""
    asked: list[Received] = field(default_factory=list)
    """Requests to judges, in order."""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Received) -> Reply:
        schema = asked_schema(request)
        if schema is None:
            return self.otherwise(request)
        with self._guard:
            self.asked.append(request)
        first = sum(message["role"] == "assistant" for message in request.body["messages"]) == 0
        misquoted = first and request.model in self.misquotes_first
        score = self.scores.get(request.model, 3)
        found = verdict(schema, quote=WRONG_QUOTE if misquoted else self.quote, score=lambda _: score)
        return Reply(text=json.dumps(found), input_tokens=1000, output_tokens=200)
