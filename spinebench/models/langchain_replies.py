"""From a LangChain message to a reply: text, reasoning, finish reason and usage under our names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from spinebench.models.protocol import ModelFailure, ModelReply
from spinebench.records import FailureClass, FinishReason, Usage

_FINISH: dict[str, FinishReason] = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "complete", "completed", "eos"), FinishReason.STOP),
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"),
        FinishReason.LENGTH,
    ),
    **dict.fromkeys(("refusal", "refused"), FinishReason.REFUSAL),
    **dict.fromkeys(
        (
            "content_filter",
            "content_filtered",
            "guardrail_intervened",
            "safety",
            "recitation",
            "prohibited_content",
            "blocklist",
            "spii",
            "image_safety",
        ),
        FinishReason.FILTER,
    ),
}
_REASON_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason")


def read_reply(message: BaseMessage) -> ModelReply:
    """The reply in a model's message. Raises `ModelFailure` (malformed) for anything but an AI message."""
    if not isinstance(message, AIMessage):
        raise ModelFailure(
            FailureClass.MALFORMED,
            f"the LangChain model returned a {type(message).__name__}: expected an AIMessage",
        )
    try:
        blocks: list[Any] = list(message.content_blocks)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFailure(
            FailureClass.MALFORMED, f"message content cannot be read: {type(error).__name__}: {error}"
        ) from error
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    thoughts = [
        str(block["reasoning"])
        for block in blocks
        if block.get("type") == "reasoning" and block.get("reasoning")
    ]
    refusal = _refusal(message, blocks)
    metadata: Mapping[str, Any] = message.response_metadata or {}
    reason = _finish_reason(metadata)
    if refusal is not None and reason in (FinishReason.STOP, FinishReason.OTHER):
        reason = FinishReason.REFUSAL
    return ModelReply(
        text="".join(texts),
        reasoning="\n\n".join(thoughts) if thoughts else None,
        finish_reason=reason,
        refusal=refusal,
        usage=_usage(message),
        provider_model=_text(metadata.get("model_name")) or _text(metadata.get("model")),
        response_id=_response_id(message, metadata),
    )


def _finish_reason(metadata: Mapping[str, Any]) -> FinishReason:
    """`other` where the model reports none, or one that is not in the table."""
    incomplete = metadata.get("incomplete_details")
    if isinstance(incomplete, Mapping) and incomplete.get("reason"):
        return _FINISH.get(str(incomplete["reason"]).lower(), FinishReason.OTHER)
    for key in _REASON_KEYS:
        value = metadata.get(key)
        if value:
            # Enums of SDKs print as `FinishReason.STOP`.
            name = str(getattr(value, "name", value)).rpartition(".")[2].lower()
            return _FINISH.get(name, FinishReason.OTHER)
    if metadata.get("status") == "completed":
        return FinishReason.STOP
    return FinishReason.OTHER


def _refusal(message: AIMessage, blocks: list[Any]) -> str | None:
    stated = message.additional_kwargs.get("refusal")
    if isinstance(stated, str) and stated:
        return stated
    for block in blocks:
        inner = block.get("value") if block.get("type") == "non_standard" else block
        if isinstance(inner, Mapping) and inner.get("type") == "refusal":
            return str(inner.get("refusal") or "") or None
    return None


def _usage(message: AIMessage) -> Usage:
    usage: Mapping[str, Any] | None = message.usage_metadata
    if not usage:
        return Usage()
    into: Mapping[str, Any] = usage.get("input_token_details") or {}
    out: Mapping[str, Any] = usage.get("output_token_details") or {}
    return Usage(
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        reasoning_tokens=out.get("reasoning"),
        cached_input_tokens=into.get("cache_read"),
    )


def _response_id(message: AIMessage, metadata: Mapping[str, Any]) -> str | None:
    stated = _text(metadata.get("id")) or _text(message.id)
    # LangChain makes up these where the provider gave none.
    return None if stated is None or stated.startswith(("run-", "lc_")) else stated


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
