"""One extraction held against one item's gold answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from spinebench.errors import DataError
from spinebench.evaluators.taxonomy import diagnosis_outcome, localization_outcome
from spinebench.records import (
    MULTIPLE_ANSWER_TASKS,
    WRITTEN_TASKS,
    AnswerStatus,
    Extraction,
    Grade,
    Item,
    Outcome,
    Task,
)
from spinebench.terms import canonical_disease, canonical_level, fold

GRADING_VERSION = "1"
"""Raised whenever a change here or in the taxonomy could change a grade."""


class SetScores(NamedTuple):
    """How near a chosen set comes to the gold set, each in [0, 1]."""

    precision: float
    recall: float
    f1: float
    jaccard: float


def set_scores(chosen: Collection[str], gold: Collection[str]) -> SetScores:
    """Precision tp/|chosen|, recall tp/|gold|, F1 2tp/(|chosen|+|gold|) and Jaccard tp/|union| of two sets.

    Both empty: all 1. One empty: all 0, so an empty choice has precision 0 (the benchmark publishes no
    definition).
    """
    answer, truth = frozenset(chosen), frozenset(gold)
    if not answer and not truth:
        return SetScores(1.0, 1.0, 1.0, 1.0)
    hits = len(answer & truth)
    if not hits:
        return SetScores(0.0, 0.0, 0.0, 0.0)
    return SetScores(
        precision=hits / len(answer),
        recall=hits / len(truth),
        f1=2 * hits / (len(answer) + len(truth)),
        jaccard=hits / len(answer | truth),
    )


def grade(item: Item, extraction: Extraction, *, permutation: Sequence[int]) -> Grade:
    """Hold the extracted letters against the item's gold options.

    `permutation` is the answer's: presented[i] = item.options[permutation[i]]; letters count presented
    options. `chosen` and `gold` of the grade are option texts in the item's own order. Right means the exact
    set of gold options, for one-answer tasks the one gold option. An extraction that is not `answered` (or
    names no letter) is wrong with outcome `not_answered`; the permutation is not looked at then. Set scores
    exist for tasks with several right answers only, and are 0 when not answered.

    Raises DataError for free text (scored by judges, not here), a gold text that is no option, a diagnosis
    without exactly one gold option, a permutation that is none, and a letter outside the options.
    """
    if item.task in WRITTEN_TASKS:
        raise DataError(
            f"grade of item {item.id!r}: expected a task with options, not {item.task.value!r}; "
            "score free text with a rubric"
        )
    several = item.task in MULTIPLE_ANSWER_TASKS
    gold = _gold_indices(item)
    gold_texts = tuple(item.options[i] for i in gold)
    if extraction.status is not AnswerStatus.ANSWERED or not extraction.letters:
        zero = 0.0 if several else None
        return Grade(
            correct=False,
            gold=gold_texts,
            outcome=Outcome.NOT_ANSWERED,
            precision=zero,
            recall=zero,
            f1=zero,
            jaccard=zero,
            version=GRADING_VERSION,
        )
    chosen = _chosen_indices(item, extraction.letters, permutation)
    chosen_texts = tuple(item.options[i] for i in chosen)
    correct = chosen == gold
    if several:
        place = localization_outcome(gold_texts, chosen_texts)
        scores = set_scores(chosen_texts, gold_texts)
        return Grade(
            correct=correct,
            chosen=chosen_texts,
            gold=gold_texts,
            outcome=place.outcome,
            precision=scores.precision,
            recall=scores.recall,
            f1=scores.f1,
            jaccard=scores.jaccard,
            shift=place.shift,
            version=GRADING_VERSION,
        )
    if item.task is Task.DIAGNOSIS:
        if len(chosen) != 1:
            raise DataError(
                f"grade of item {item.id!r}: expected one letter for a diagnosis, not "
                f"{extraction.letters!r}; extract again with the item's own task"
            )
        found = diagnosis_outcome(gold_texts[0], chosen_texts[0], correct=correct)
        outcome, confused_with = found.outcome, found.confused_with
    else:
        outcome, confused_with = (Outcome.CORRECT if correct else Outcome.WRONG), None
    return Grade(
        correct=correct,
        chosen=chosen_texts,
        gold=gold_texts,
        outcome=outcome,
        confused_with=confused_with,
        version=GRADING_VERSION,
    )


def _gold_indices(item: Item) -> tuple[int, ...]:
    """Positions of the gold options in the item's own order: by text, else by folded text or synonym."""
    found: set[int] = set()
    for text in item.gold:
        hits = [i for i, option in enumerate(item.options) if option == text] or [
            i for i, option in enumerate(item.options) if _meaning(option) == _meaning(text)
        ]
        if len(hits) != 1:
            raise DataError(
                f"gold {text!r} of item {item.id!r}: expected exactly one of the options "
                f"{list(item.options)!r}, found {len(hits)}; check the file with 'spinebench data check'"
            )
        found.add(hits[0])
    if item.task is Task.DIAGNOSIS and len(found) != 1:
        raise DataError(
            f"gold {list(item.gold)!r} of item {item.id!r}: expected exactly one right option for a "
            "diagnosis; check the file with 'spinebench data check'"
        )
    return tuple(sorted(found))


def _meaning(text: str) -> str:
    return canonical_level(text) or canonical_disease(text) or fold(text)


def _chosen_indices(item: Item, letters: Sequence[str], permutation: Sequence[int]) -> tuple[int, ...]:
    """Positions of the chosen options in the item's own order."""
    if sorted(permutation) != list(range(len(item.options))):
        raise DataError(
            f"option permutation {list(permutation)!r} of item {item.id!r}: expected an order of "
            f"{len(item.options)} options; the answer belongs to another version of the item"
        )
    chosen: set[int] = set()
    for letter in letters:
        place = ascii_uppercase.find(letter) if len(letter) == 1 else -1
        if not 0 <= place < len(permutation):
            raise DataError(
                f"letter {letter!r} of item {item.id!r}: expected one of the {len(item.options)} options "
                "A, B, ...; extract again with the options as presented"
            )
        chosen.add(permutation[place])
    return tuple(sorted(chosen))
