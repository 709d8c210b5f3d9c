"""The prompt that an answer was asked with, composed again from what is stored, where that is provably the same."""

from __future__ import annotations

from collections.abc import Sequence

from spinebench.agents.options import presented, written
from spinebench.agents.personas import PERSONAS, packaged
from spinebench.agents.prompt_text import prompt_text
from spinebench.records import WRITTEN_TASKS, Item


def asked_prompt(
    *,
    persona: str,
    task: str,
    prompt_hash: str,
    question: str,
    options: Sequence[str],
    permutation: Sequence[int],
    item: Item | None = None,
) -> str | None:
    """The prompt's text; None where the template at hand is not the one that the answer's hash is of.

    `options` in the item's own order, `permutation` as stored with the answer. Templates of users' own files are not
    stored, so that prompts made of them cannot be composed again. The prompt of a report or a consultation, of which it
    is the first message, is made of the whole `item`; None without it.
    """
    if persona not in PERSONAS:
        return None
    template = packaged(persona).templates.get(task)
    if template is None or template.hash != prompt_hash or sorted(permutation) != list(range(len(options))):
        return None
    if task in {one.value for one in WRITTEN_TASKS}:
        return None if item is None else prompt_text(template, item, ())
    return template.fill(question=question, options=written(presented(options, permutation)))
