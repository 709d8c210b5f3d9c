"""The simulated extractor: reads letters or option texts from the end of a reply."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from spinebench.models.protocol import ModelFailure, ModelReply, ModelRequest
from spinebench.models.questions import Questions, letters_of, presented
from spinebench.models.registry import ModelContext
from spinebench.records import MULTIPLE_ANSWER_TASKS, FailureClass, FinishReason, Usage

_REPLY = re.compile(r"<<<(?P<marker>\S+)\n(?P<reply>.*?)\n(?P=marker)>>>", re.DOTALL)
_CHOSEN = re.compile(
    r"\b(?:options?|answers?|choices?|choose|select|pick)\b[\s:*]*(?:is|are)?[\s:*]*"
    r"[\[(]?([A-Z](?:(?:\s*(?:,|and|&)\s*)+[A-Z])*)\b(?![\w'])",
)
_OPEN = re.compile(
    r"cannot decide|leave the question|could as well|not let me settle|open for now", re.IGNORECASE
)


class SimulatedExtractor:
    """Answers `{"letters": [...]}`; empty where the reply settles on nothing, or on several for one."""

    def __init__(self, context: ModelContext) -> None:
        self._name = context.name
        self._questions = Questions(context.items, model=context.name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return "sim"

    @property
    def host(self) -> str | None:
        return None

    @property
    def simulated(self) -> bool:
        return True

    @property
    def config(self) -> dict[str, Any]:
        return {}

    async def generate(self, request: ModelRequest) -> ModelReply:
        """The letters as JSON. Raises `ModelFailure` for a request that asks for no extraction."""
        item, tag = self._questions.asked(request)
        prompt = request.messages[-1].text if request.messages else ""
        if tag.role != "extractor":
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"{self._name} plays the extractor only; it cannot be the {tag.role}",
            )
        framed = _REPLY.search(prompt)
        reply = prompt if framed is None else framed.group("reply")
        letters = read(reply, presented(item, tag), several=item.task in MULTIPLE_ANSWER_TASKS)
        text = json.dumps({"letters": list(letters)})
        return ModelReply(
            text=text,
            finish_reason=FinishReason.STOP,
            usage=Usage(input_tokens=len(prompt) // 4, output_tokens=len(text) // 4),
            provider_model="simulated",
        )

    async def check(self) -> None:
        """Nothing to verify."""

    async def aclose(self) -> None:
        """Nothing to close."""


def read(reply: str, options: Sequence[str], *, several: bool) -> tuple[str, ...]:
    """Letters that a reply settles on: its last "option B", else the option texts of its last paragraph."""
    known = set(letters_of(options, options))
    tail = reply.strip().rpartition("\n\n")[2]
    if _OPEN.search(tail):
        return ()
    named = [set(re.findall("[A-Z]", match.group(1))) for match in _CHOSEN.finditer(tail)]
    found = (
        named[-1]
        if named
        else set(letters_of((o for o in options if o.casefold() in tail.casefold()), options))
    )
    if not found <= known or (len(found) > 1 and not several):
        return ()
    return tuple(sorted(found))
