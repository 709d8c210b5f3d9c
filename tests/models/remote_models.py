"""Remote models before the loopback provider: one of each wire format, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spinebench.models.protocol import ChatModel, ImagePart, JsonSchema, Message, ModelRequest, TextPart
from spinebench.records import DecodingOptions

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

MODELS = {
    "openai": "openai/gpt-test",
    "openai-compatible": "openai-compatible/test-vl",
    "anthropic": "anthropic/claude-test",
    "google": "google/gemini-3-test",
}
SCHEMA = JsonSchema(
    name="verdict",
    schema={
        "type": "object",
        "properties": {"letter": {"type": "string"}},
        "required": ["letter"],
        "additionalProperties": False,
    },
)


def base_url(server: ProviderServer, provider: str) -> str:
    """Where a server speaks a provider's protocol."""
    return server.openai_url if provider.startswith("openai") else server.url


def ask(*parts: TextPart | ImagePart | str, system: str | None = None, **decoding: Any) -> ModelRequest:
    """A request of one user turn, after a system turn where there is one."""
    user = tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts or ("Which?",))
    messages = [Message(role="user", parts=user)]
    if system is not None:
        messages.insert(0, Message(role="system", parts=(TextPart(text=system),)))
    return ModelRequest(messages=tuple(messages), decoding=DecodingOptions(**decoding))


@dataclass
class Bench:
    """A model and the server it talks to."""

    provider: str
    model: ChatModel
    server: ProviderServer
