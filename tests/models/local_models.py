"""What local models are asked in tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from spinebench.models.protocol import (
    ChatModel,
    ImagePart,
    Message,
    ModelFailure,
    ModelRequest,
    RequestTag,
    TextPart,
)
from spinebench.records import DecodingOptions

Draw = Callable[..., ImagePart]
Open = Callable[..., AbstractAsyncContextManager[ChatModel]]


def ask(
    question: str, *images: ImagePart, system: str | None = None, epoch: int = 1, **decoding: Any
) -> ModelRequest:
    """A question about images, of 12 new tokens unless `max_tokens` says more."""
    parts: tuple[TextPart | ImagePart, ...] = (TextPart(text=question), *images)
    messages = [Message(role="user", parts=parts)]
    if system is not None:
        messages.insert(0, Message(role="system", parts=(TextPart(text=system),)))
    return ModelRequest(
        messages=tuple(messages),
        decoding=DecodingOptions(**{"max_tokens": 12, **decoding}),
        tag=RequestTag(item_id="item", epoch=epoch),
    )


async def failure(model: ChatModel, request: ModelRequest) -> ModelFailure:
    """How a request fails."""
    with pytest.raises(ModelFailure) as failed:
        await model.generate(request)
    return failed.value
