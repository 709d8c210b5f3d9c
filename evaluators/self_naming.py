"""Where a trace names the model that wrote it, which undoes the blinding of whoever reads it."""

from __future__ import annotations

import re

_FAMILIES = (
    "chatgpt|gpt|claude|gemini|gemma|medgemma|medpalm|llama|llava|qwen|qwq|qvq|deepseek|mistral|mixtral|pixtral|grok"
    r"|internvl|internlm|copilot|glm|chatglm|kimi|minimax(?=-|\s?m\d)|ernie|doubao|hunyuan|molmo|idefics"
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
_ANYWHERE = re.compile(
    r"(?<![A-Za-z0-9])(?:(?i:chat[ -]?gpt|gpt[ -]?\d\w*|o[134]-(?:mini|pro|preview)|medgemma|llava|qwen|pixtral|mixtral"
    r"|deepseek|internvl|minicpm|chatglm|glm-\d|phi-\d|openai|anthropic|deepmind|meta ai|alibaba cloud|x\.ai)"
    r"|Claude|Gemini|Gemma|Llama|LLaMA|Mistral|Grok|Kimi|Copilot|Command[ -]R)(?:[-.]?\d[\w.-]*)?(?![A-Za-z])"
)
"""Names of families and makers that are told from words by their spelling, found wherever they stand."""
_DATE = re.compile(r"[-@_](?:\d{8}|\d{4}-\d{2}-\d{2}|latest|preview)$")
_UNNAMED = frozenset({"sim", "baseline", "recorded"})
"""Providers whose ids are ours, and often everyday words."""


def named_models(text: str, *, model: str) -> tuple[str, ...]:
    """Passages in which a trace names a model, in their order, each once; empty where there is none.

    Found are the id of `model` (a canonical model string; with and without its date, any separators), known families
    and makers, and words that speak of oneself (`as GPT-4o`, `trained by Google`). An id without a digit is an
    everyday word as often as not and is not looked for.
    """
    return tuple(dict.fromkeys(text[start:end] for start, end in naming_spans(text, model=model)))


def naming_spans(text: str, *, model: str) -> tuple[tuple[int, int], ...]:
    """Where those passages stand, as half-open ranges of `text` that do not overlap."""
    own = _own_id(model)
    patterns = (_SPEAKING, _MADE_BY, _ANYWHERE, *(() if own is None else (own,)))
    found: list[tuple[int, int]] = []
    for start, end in sorted(match.span() for pattern in patterns for match in pattern.finditer(text)):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


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
