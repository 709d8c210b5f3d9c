"""The three wire formats of the loopback provider: what a request says, how replies and errors are spelled.

Formats: OpenAI chat completions, Anthropic messages, Google generateContent. Field names are those of the
vendors' public references; only the fields that our adapters read or send are here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

Protocol = Literal["openai", "anthropic", "google"]


@dataclass(frozen=True, kw_only=True)
class Received:
    """One chat request as it reached the server."""

    index: int
    protocol: Protocol
    model: str
    path: str
    headers: dict[str, str]
    system: str
    """System text, wherever the protocol carries it."""
    text: str
    """Text parts of the user and assistant turns, joined by line feeds."""
    parts: tuple[tuple[str, str], ...]
    """In order: ("text", the text) or ("image", SHA-256 of the decoded bytes)."""
    images: tuple[str, ...]
    """SHA-256 of each decoded image, in order."""
    media_types: tuple[str, ...]
    body: dict[str, Any]
    """The JSON body with each image's data replaced by `sha256:<hex>`."""

    def as_json(self) -> dict[str, Any]:
        """As the control endpoint and the log file give it; headers with keys are left out."""
        secret = {"authorization", "x-api-key", "x-goog-api-key"}
        return {
            "index": self.index,
            "protocol": self.protocol,
            "model": self.model,
            "path": self.path,
            "headers": {key: value for key, value in self.headers.items() if key not in secret},
            "system": self.system,
            "text": self.text,
            "parts": [list(part) for part in self.parts],
            "images": list(self.images),
            "media_types": list(self.media_types),
            "body": self.body,
        }


@dataclass(kw_only=True)
class Reply:
    """What the model says, before it is spelled in a wire format."""

    text: str
    reasoning: str | None = None
    finish: Literal["stop", "length", "refusal", "filter"] = "stop"
    input_tokens: int = 100
    output_tokens: int = 20
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    model: str | None = None
    """The provider's own id of the model; None: the one asked for."""


@dataclass
class _Reading:
    """Collects parts while a body is walked; replaces image data in place."""

    system: list[str] = field(default_factory=list)
    parts: list[tuple[str, str]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    media_types: list[str] = field(default_factory=list)

    def text(self, text: str) -> None:
        self.parts.append(("text", text))

    def image(self, media_type: str, data: str) -> str:
        try:
            sha256 = hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest()
        except binascii.Error:
            sha256 = "not base64"
        self.parts.append(("image", sha256))
        self.images.append(sha256)
        self.media_types.append(media_type)
        return f"sha256:{sha256}"


def _pieces(content: str | list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _read_openai(body: dict[str, Any], reading: _Reading) -> None:
    for message in body.get("messages", []):
        content = message.get("content")
        for piece in _pieces(content):
            if piece.get("type") == "image_url":
                head, _, data = piece["image_url"]["url"].partition(";base64,")
                piece["image_url"]["url"] = reading.image(head.removeprefix("data:"), data)
            elif message.get("role") in ("system", "developer"):
                reading.system.append(piece["text"])
            else:
                reading.text(piece["text"])


def _read_anthropic(body: dict[str, Any], reading: _Reading) -> None:
    reading.system.extend(block["text"] for block in _pieces(body.get("system")))
    for message in body.get("messages", []):
        content = message.get("content")
        for block in _pieces(content):
            if block.get("type") == "image":
                source = block["source"]
                source["data"] = reading.image(source["media_type"], source["data"])
            elif block.get("type") == "text":
                reading.text(block["text"])


def _read_google(body: dict[str, Any], reading: _Reading) -> None:
    for part in (body.get("systemInstruction") or {}).get("parts", []):
        reading.system.append(part["text"])
    for content in body.get("contents", []):
        for part in content.get("parts", []):
            inline = part.get("inlineData") or part.get("inline_data")
            if inline:
                media_type = inline.get("mimeType") or inline.get("mime_type")
                # The Google SDK writes URL-safe base64; the service takes both alphabets.
                plain = inline["data"].replace("-", "+").replace("_", "/")
                inline["data"] = reading.image(media_type, plain)
            elif "text" in part:
                reading.text(part["text"])


_READERS = {"openai": _read_openai, "anthropic": _read_anthropic, "google": _read_google}


def received(
    index: int, protocol: Protocol, path: str, headers: dict[str, str], body: dict[str, Any], model: str
) -> Received:
    """The request behind a JSON body. The body is changed: image data becomes its digest."""
    reading = _Reading()
    _READERS[protocol](body, reading)
    return Received(
        index=index,
        protocol=protocol,
        model=model,
        path=path,
        headers=headers,
        system="\n".join(reading.system),
        text="\n".join(text for kind, text in reading.parts if kind == "text"),
        parts=tuple(reading.parts),
        images=tuple(reading.images),
        media_types=tuple(reading.media_types),
        body=body,
    )


def default_answer(request: Received) -> Reply:
    """Same request, same answer: one of A to E by hash, in the closing line that the prompt asks for."""
    seed = hashlib.sha256("\0".join([request.model, request.text, *request.images]).encode()).digest()
    letters = sorted({"ABCDE"[seed[0] % 5], "ABCDE"[seed[1] % 5]})
    if "final options:" in request.text and "final option:" not in request.text:
        return Reply(text=f"The levels differ in height.\n\nMy final options: [{', '.join(letters)}]")
    return Reply(text=f"The image decides it.\n\nMy final option: [{letters[0]}]")


def _openai_reply(request: Received, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reply.finish == "refusal":
        message |= {"content": None, "refusal": reply.text}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    finish = {"stop": "stop", "refusal": "stop", "length": "length", "filter": "content_filter"}[reply.finish]
    return {
        "id": f"chatcmpl-{request.index}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": reply.model or request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": reply.input_tokens + reply.output_tokens,
            "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        },
    }


def _anthropic_reply(request: Received, reply: Reply) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if reply.reasoning is not None:
        content.append({"type": "thinking", "thinking": reply.reasoning, "signature": "c2ln"})
    if reply.text and reply.finish not in ("refusal", "filter"):
        content.append({"type": "text", "text": reply.text})
    details = None
    if reply.finish in ("refusal", "filter"):
        details = {"type": "refusal", "category": "bio", "explanation": reply.text}
    finish = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal", "filter": "refusal"}[
        reply.finish
    ]
    return {
        "id": f"msg_{request.index}",
        "type": "message",
        "role": "assistant",
        "model": reply.model or request.model,
        "content": content,
        "stop_reason": finish,
        "stop_sequence": None,
        "stop_details": details,
        "usage": {
            "input_tokens": reply.input_tokens - reply.cached_tokens,
            "output_tokens": reply.output_tokens,
            "cache_read_input_tokens": reply.cached_tokens,
            "cache_creation_input_tokens": 0,
            "output_tokens_details": {"thinking_tokens": reply.reasoning_tokens},
        },
    }


def _google_reply(request: Received, reply: Reply) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if reply.reasoning is not None:
        parts.append({"text": reply.reasoning, "thought": True})
    stopped = reply.finish in ("refusal", "filter")
    if reply.text and not stopped:
        parts.append({"text": reply.text})
    finish = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY", "filter": "SAFETY"}[reply.finish]
    candidate: dict[str, Any] = {"index": 0, "finishReason": finish}
    if parts or not stopped:
        candidate["content"] = {"role": "model", "parts": parts}
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": reply.input_tokens,
            "candidatesTokenCount": reply.output_tokens - reply.reasoning_tokens,
            "thoughtsTokenCount": reply.reasoning_tokens,
            "cachedContentTokenCount": reply.cached_tokens,
            "totalTokenCount": reply.input_tokens + reply.output_tokens,
        },
        "modelVersion": reply.model or request.model,
        "responseId": f"resp-{request.index}",
    }


_REPLIES = {"openai": _openai_reply, "anthropic": _anthropic_reply, "google": _google_reply}


def reply_body(request: Received, reply: Reply) -> dict[str, Any]:
    """The reply in the wire format of the request."""
    return _REPLIES[request.protocol](request, reply)


_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_body(
    protocol: Protocol,
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    details: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """An error in the wire format of `protocol`; `code` and `param` are OpenAI's, `details` Google's."""
    if protocol == "openai":
        kind = "invalid_request_error" if status < 500 else "server_error"
        return {"error": {"message": message, "type": code or kind, "param": param, "code": code}}
    if protocol == "anthropic":
        kind = code or _ANTHROPIC_TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    error: dict[str, Any] = {
        "code": status,
        "message": message,
        "status": _GOOGLE_STATUS.get(status, "UNKNOWN"),
    }
    if details:
        error["details"] = details
    return {"error": error}


def encode(body: object) -> bytes:
    """Compact JSON."""
    return json.dumps(body, separators=(",", ":")).encode()
