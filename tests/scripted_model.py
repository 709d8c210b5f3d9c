"""A chat model in this process that does what its script says: replies, failures, waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from spinebench.models.protocol import Message, ModelFailure, ModelReply, ModelRequest, RequestTag, TextPart
from spinebench.records import DecodingOptions, FailureClass, FinishReason, Usage

Step = ModelReply | BaseException | float
"""One step of a script: a reply to give, an exception to raise, or seconds to take before the next step."""

OK = ModelReply(
    text="My final option: [B]",
    finish_reason=FinishReason.STOP,
    usage=Usage(input_tokens=1000, output_tokens=100),
)


def failure(
    failure_class: FailureClass, message: str = "scripted", *, retry_after_s: float | None = None
) -> ModelFailure:
    """A failure as an adapter raises it."""
    return ModelFailure(failure_class, message, retry_after_s=retry_after_s)


def request(text: str = "Which level?", *, epoch: int = 1, max_tokens: int | None = None) -> ModelRequest:
    """A request of one user message."""
    return ModelRequest(
        messages=(Message(role="user", parts=(TextPart(text=text),)),),
        decoding=DecodingOptions(max_tokens=max_tokens),
        tag=RequestTag(item_id=text, epoch=epoch),
    )


class ScriptedModel:
    """Follows `script` call by call (each entry one attempt's steps), then gives `otherwise` for ever.

    `decide`, if given, takes the place of the script: it returns the steps of each attempt from the request
    and the number of the attempt (from 1, over all requests).
    """

    def __init__(
        self,
        script: Iterable[Step | tuple[Step, ...]] = (),
        *,
        otherwise: Step | tuple[Step, ...] = OK,
        decide: Callable[[ModelRequest, int], Step | tuple[Step, ...]] | None = None,
        name: str = "openai/gpt-5.2",
        account: str = "openai",
        host: str | None = "api.openai.com",
        simulated: bool = False,
        config: dict[str, Any] | None = None,
        checks: Iterable[Step | tuple[Step, ...]] = (),
    ) -> None:
        self.name = name
        self.account = account
        self.host = host
        self.simulated = simulated
        self.config = config or {}
        self._script = list(script)
        self._otherwise = otherwise
        self._decide = decide
        self._checks = list(checks)
        self.asked: list[tuple[float, str]] = []
        """Loop time and text of each attempt."""
        self.in_flight = 0
        self.most_in_flight = 0

    async def generate(self, request: ModelRequest) -> ModelReply:
        self.asked.append((asyncio.get_running_loop().time(), request.messages[-1].text))
        number = len(self.asked)
        if self._decide is not None:
            steps = self._decide(request, number)
        else:
            steps = self._script.pop(0) if self._script else self._otherwise
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = await _follow(steps)
        finally:
            self.in_flight -= 1
        assert reply is not None, "a script ends with a reply or an exception"
        return reply

    async def check(self) -> None:
        if self._checks:
            await _follow(self._checks.pop(0))

    async def aclose(self) -> None:
        pass


async def _follow(steps: Step | tuple[Step, ...]) -> ModelReply | None:
    for step in steps if isinstance(steps, tuple) else (steps,):
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, ModelReply):
            return step
        await asyncio.sleep(step)
    return None
