"""Where a trace names the model that wrote it, which undoes the blinding of whoever reads it."""

from __future__ import annotations

import re

_FAMILIES = (
    "chatgpt|gpt|claude|gemini|gemma|medgemma|medpalm|llama|llava|qwen|qwq|qvq|deepseek|mistral|mixtral|pixtral|grok"
    "|internvl|internlm|copilot|glm|chatglm|kimi|minimax|ernie|doubao|hunyuan|molmo|idefics"
    "|smolvlm|huatuogpt|lingshu|biomedclip|nemotron|openai|anthropic|deepmind|moonshot|xai"
)
_SPEAKING = re.compile(
    r"\b(?:i\s+am|i['\u2019]m|as|my\s+name\s+is|this\s+is|call\s+me)\s+(?:an?\s+|the\s+)?(?:model\s+(?:named|called)\s+)?"
    rf"(?:{_FAMILIES})(?![a-z])[\w.\-]*(?:\s\d[\w.\-]*)?",
    re.IGNORECASE,
)
_MADE_BY = re.compile(
    r"\b(?:trained|made|built|developed|created)\s+by\s+(?:openai|anthropic|google(?:\s+deepmind)?|meta(?:\s+ai)?|alibaba|"
    r"deepseek|mistral(?:\s+ai)?|xai|microsoft|moonshot(?:\s+ai)?|zhipu(?:\s+ai)?)\b",
    re.IGNORECASE,
)
_DATE = re.compile(r"[-@_](?:\d{8}|\d{4}-\d{2}-\d{2}|latest|preview)$")
_UNNAMED = frozenset({"sim", "baseline", "recorded"})
"""Providers whose ids are ours, and often everyday words."""


def named_models(text: str, *, model: str) -> tuple[str, ...]:
    """Passages in which a trace speaks of itself as a model, in their order, each once; empty where there is none.

    Found are the id of `model` (a canonical model string; with and without its date, any separators), a known
    family in words that speak of oneself (`as GPT-4o`, `I'm Claude`), and who made it (`trained by Google`). An id
    without a digit is an everyday word as often as not and is looked for only in such words.
    """
    found = [match for pattern in (_SPEAKING, _MADE_BY) for match in pattern.finditer(text)]
    own = _own_id(model)
    if own is not None:
        found += own.finditer(text)
    return tuple(dict.fromkeys(match[0] for match in sorted(found, key=lambda match: match.start())))


def _own_id(model: str) -> re.Pattern[str] | None:
    provider, _, rest = model.partition("/")
    name = _DATE.sub("", rest.rstrip("/").rpartition("/")[2])
    if (
        provider in _UNNAMED
        or len(name) < 4
        or not re.search(r"\d", name)
        or not re.search(r"[A-Za-z]{2}", name)
    ):
        return None
    # qwen3-vl: also `Qwen 3 VL`; where letters and digits meet, a space may stand.
    pieces = re.findall(r"[A-Za-z]+|\d+", name)
    return re.compile(r"(?<![\w.])" + r"[-_.\s:]?".join(pieces) + r"(?![a-z0-9])", re.IGNORECASE)
