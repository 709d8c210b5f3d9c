"""Finds traces that say which model wrote them. The text stays as it is; the study lead is told."""

from __future__ import annotations

import re
from functools import lru_cache

from spinebench.audit_records import AuditTrace

_FAMILIES = re.compile(
    r"(?<![a-z0-9])(?:chat[ -]?gpt|gpt[ -]?\d\w*|o[134]-(?:mini|pro|preview)|claude|gemini|gemma|medgemma|llama|llava"
    r"|qwen|mistral|pixtral|mixtral|deepseek|grok|internvl|minicpm|phi-\d|kimi|chatglm|glm-\d|command[ -]r|copilot"
    r"|openai|anthropic|deepmind|meta ai|alibaba cloud|x\.?ai)(?:[-.]?\d[\w.-]*)?(?![a-z])",
    re.IGNORECASE,
)
"""Names of model families and of their makers, as a model says them of itself."""
_MAKES_ITSELF_KNOWN = re.compile(
    r"\b(?:I am|I'm|I was|as|my name is|this is)\s+(?:an? )?(?P<name>[^\s.,;:!?]{2,40})", re.IGNORECASE
)


def names_its_model(trace: AuditTrace) -> tuple[str, ...]:
    """Passages of the trace (answer and native reasoning) that name its model, any model family or its maker.

    A model's own name counts where it has several parts or digits (`qwen2.5-vl`), or stands with its provider;
    a plain word (`careful`) only after "I am", "as" and the like. Empty: none was found, which is no proof.
    """
    found: dict[str, None] = {}
    for text in (trace.answer.reasoning or "", trace.answer.text):
        for pattern in (_FAMILIES, *_own_names(trace.answer.key.model)):
            for match in pattern.finditer(text):
                start, end = max(0, match.start() - 30), min(len(text), match.end() + 30)
                found.setdefault(" ".join(text[start:end].split()))
        plain = _plain_word(trace.answer.key.model)
        for match in _MAKES_ITSELF_KNOWN.finditer(text) if plain else ():
            if match["name"].casefold() == plain:
                found.setdefault(" ".join(match[0].split()))
    return tuple(found)


@lru_cache(maxsize=256)
def _own_names(model: str) -> tuple[re.Pattern[str], ...]:
    provider, _, rest = model.partition("/")
    name = rest.rsplit("/", 1)[-1] or provider
    patterns = [re.escape(model)]
    parts = re.findall(r"[a-z]+|\d+", name.casefold())
    while len(parts) > 1 and (parts[-1].isdigit() and len(parts[-1]) in {2, 4, 8}) and len(parts) > 3:
        parts = parts[:-1]  # a date behind the name is not said
    if len(parts) > 1:
        patterns.append(r"[\W_]*".join(parts))
    return tuple(re.compile(rf"(?<![a-z0-9]){one}(?![a-z0-9])", re.IGNORECASE) for one in patterns)


def _plain_word(model: str) -> str | None:
    name = model.rpartition("/")[2].casefold()
    return name if re.fullmatch(r"[a-z]{3,40}", name) else None
