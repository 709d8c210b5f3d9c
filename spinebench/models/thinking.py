"""Native reasoning written into the answer's own text, e.g. `<think>...</think>`, taken apart from it."""

from __future__ import annotations

from typing import NamedTuple

THINKING_TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought\n", "<channel|>"),
)
"""Opening and closing tags that chat templates of open models define for reasoning.

A prompt of our own that asks for a marked reasoning section is no native reasoning and is not in this list.
"""


class Thought(NamedTuple):
    """An answer and the native reasoning before it."""

    text: str
    reasoning: str | None
    """None where the model wrote no tag; empty where it wrote an empty pair."""
    closed: bool
    """False where the reasoning was cut off before its closing tag."""


def split_thinking(
    raw: str, *, opened_by: str | None = None, lone_close: frozenset[str] = frozenset()
) -> Thought:
    """The answer and the reasoning of a generated text, byte for byte: only the two tags are left out.

    Reasoning counts only at the start of the text (white space before its tag is dropped with the tag); a tag
    inside an answer stays there. `opened_by` is the opening tag that the prompt itself ended with.
    `lone_close` holds closing tags that are believed even where no opening tag was seen, because they are
    tokens of the model's own vocabulary. Unclosed reasoning leaves an empty answer.
    """
    for opening, closing in THINKING_TAGS:
        if opened_by == opening:
            body = raw
        elif raw.lstrip().startswith(opening):
            body = raw.lstrip()[len(opening) :]
        else:
            continue
        reasoning, tag, text = body.partition(closing)
        return Thought(text, reasoning, closed=bool(tag))
    for opening, closing in THINKING_TAGS:
        if closing in lone_close and closing in raw and opening not in raw.partition(closing)[0]:
            reasoning, _, text = raw.partition(closing)
            return Thought(text, reasoning, closed=True)
    return Thought(raw, None, closed=True)


def opened_in(prompt: str) -> str | None:
    """The opening tag that a rendered prompt ends with, white space aside; None if it ends with none."""
    tail = prompt.rstrip()
    return next((opening for opening, _ in THINKING_TAGS if tail.endswith(opening.rstrip())), None)
