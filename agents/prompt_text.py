"""The text of a prompt: a persona's template filled with an item, the same wherever it is composed."""

from __future__ import annotations

from collections.abc import Sequence

from spinebench.agents.options import presented, written
from spinebench.agents.personas import Template
from spinebench.evaluators.written_case import case_text, language_name, section_list
from spinebench.records import WRITTEN_TASKS, Item


def prompt_text(template: Template, item: Item, order: Sequence[int]) -> str:
    """The template of the item's task, filled; `order` is the permutation of its options."""
    if item.task in WRITTEN_TASKS:
        return template.fill(
            question=case_text(item),
            sections=section_list(item.language),
            patient=item.case.turns[0] if item.case and item.case.turns else "",
            language=language_name(item.language),
        )
    return template.fill(question=item.question, options=written(presented(item.options, order)))
