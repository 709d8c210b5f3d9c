"""Graded columns for tests, made by the real grading from letters, as the store's `graded` view holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from spinebench.evaluators.scoring import grade
from spinebench.records import AnswerStatus, Extraction, Item, Task
from spinebench.terms import LEVELS, level_index


@dataclass(frozen=True)
class Asked:
    """One question and what a model answered: option texts, or None for an unparsed text."""

    item: Item
    chosen: tuple[str, ...] | None
    model: str = "sim/a"
    persona: str = "surgeon"
    image_condition: str = "normal"
    option_order: str = "as_given"
    epoch: int = 1
    status: AnswerStatus | None = None


def diagnosis(name: str, gold: str, *others: str, cluster: str | None = None) -> Item:
    """A diagnosis item; the gold option stands last."""
    return Item(
        id=name,
        benchmark="test",
        task=Task.DIAGNOSIS,
        question="Which?",
        options=(*others, gold),
        gold=(gold,),
        disease=gold,
        cluster=cluster or name,
    )


def localization(name: str, *gold: str, cluster: str | None = None) -> Item:
    """A localization item over the five lumbar levels."""
    levels = tuple(sorted(gold, key=lambda level: level_index(level) or 0))
    return Item(
        id=name,
        benchmark="test",
        task=Task.LOCALIZATION,
        question="Where?",
        options=LEVELS,
        gold=levels,
        levels=levels,
        cluster=cluster or name,
    )


def extraction(item: Item, chosen: Sequence[str] | None, status: AnswerStatus | None = None) -> Extraction:
    """What the extractor would hand over for these option texts, options as given."""
    if chosen is None:
        return Extraction(status=status or AnswerStatus.UNPARSED, version="test")
    letters = tuple(sorted(ascii_uppercase[item.options.index(text)] for text in chosen))
    return Extraction(letters=letters, status=status or AnswerStatus.ANSWERED, version="test")


def columns(asked: Iterable[Asked]) -> dict[str, list[Any]]:
    """The columns of the `graded` view."""
    rows = [_row(one) for one in asked]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(asked: Asked) -> dict[str, Any]:
    item = asked.item
    found = extraction(item, asked.chosen, asked.status)
    result = grade(item, found, permutation=range(len(item.options)))
    return {
        "run_id": "run",
        "item_id": item.id,
        "model": asked.model,
        "persona": asked.persona,
        "image_condition": asked.image_condition,
        "option_order": asked.option_order,
        "epoch": asked.epoch,
        "benchmark": item.benchmark,
        "task": item.task.value,
        "disease": item.disease,
        "cluster": item.cluster,
        "status": found.status.value,
        "outcome": result.outcome.value,
        "correct": result.correct,
        "precision": result.precision,
        "recall": result.recall,
        "f1": result.f1,
        "jaccard": result.jaccard,
        "chosen": list(result.chosen),
        "gold": list(result.gold),
        "n_options": len(item.options),
        "options": list(item.options),
        "confused_with": result.confused_with,
        "shift": result.shift,
        "simulated": False,
        "partial": False,
    }
