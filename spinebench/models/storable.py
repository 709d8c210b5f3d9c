"""Texts from outside that a UTF-8 file can hold."""

from __future__ import annotations

from spinebench.models.protocol import ModelReply


def storable(reply: ModelReply) -> ModelReply:
    """The reply itself, unless a text of it holds half a surrogate pair (JSON's \\ud800 can bring one in).

    No file can hold such a text as UTF-8; the replacement character takes the half pair's place.
    """
    texts = {"text": reply.text, "reasoning": reply.reasoning, "refusal": reply.refusal}
    changed = {name: encodable(text) for name, text in texts.items() if text is not None}
    changed = {name: text for name, text in changed.items() if text is not texts[name]}
    return reply.model_copy(update=changed) if changed else reply


def encodable(text: str) -> str:
    """`text` itself, unless UTF-8 cannot hold it: then with the replacement character in those places."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
