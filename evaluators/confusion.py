"""Diagnosis confusion as data: what was there against what was answered."""

from __future__ import annotations

import numpy as np

from spinebench.evaluators.answers import Answers, groups, read_answers
from spinebench.evaluators.clustered import IntArray
from spinebench.evaluators.taxonomy import disease_label
from spinebench.records import Outcome, Record, Task
from spinebench.terms import DISEASES, HEALTHY

NOT_ANSWERED = "not answered"


class Confusion(Record):
    """Counts of one group's diagnosis answers: `counts[i][j]` gold `gold[i]` answered as `answered[j]`."""

    model: str
    persona: str
    image_condition: str
    option_order: str
    gold: tuple[str, ...]
    """Labels that occur, diseases in vocabulary order, then unknown ones, `Healthy` last."""
    answered: tuple[str, ...]
    """Labels that occur as gold or answer in the same order, then `not answered`."""
    counts: tuple[tuple[int, ...], ...]
    n: int


def confusion(graded: object) -> list[Confusion]:
    """One matrix per model, persona, image condition and family of option orders that has diagnosis answers.

    `graded` is a pyarrow.Table or a mapping with the columns of the store's `graded` view. Rows without a
    gold label are left out, `n` counts the rest.
    """
    found = []
    for key, group in groups(read_answers(graded)):
        answers = group.of_task(Task.DIAGNOSIS)
        answers = answers.take(answers.disease.codes >= 0)
        if len(answers):
            gold, answered, counts = _matrix(answers)
            found.append(
                Confusion(**key._asdict(), gold=gold, answered=answered, counts=counts, n=len(answers))
            )
    return found


def _matrix(answers: Answers) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, ...], ...]]:
    truth_labels = answers.disease.labels
    given, given_labels = _given(answers)
    names = sorted({*truth_labels, *given_labels}, key=_place)
    place = {name: index for index, name in enumerate(names)}
    rows = np.array([place[label] for label in truth_labels])[answers.disease.codes]
    lookup = np.array([*(place[label] for label in given_labels), len(names)])
    cells = np.bincount(rows * (len(names) + 1) + lookup[given], minlength=len(names) * (len(names) + 1))
    table = cells.reshape(len(names), len(names) + 1)
    seen_rows = np.flatnonzero(table.sum(axis=1))
    seen = np.flatnonzero((table.sum(axis=0) > 0)[:-1] | (table.sum(axis=1) > 0))
    kept = table[np.ix_(seen_rows, np.append(seen, len(names)))]
    return (
        tuple(names[i] for i in seen_rows),
        (*(names[i] for i in seen), NOT_ANSWERED),
        tuple(tuple(int(value) for value in row) for row in kept),
    )


def _given(answers: Answers) -> tuple[IntArray, tuple[str, ...]]:
    """Code of the answered label per row (-1: none, the last entry of a lookup), and the labels."""
    columns = answers.columns
    if columns.has("chosen"):
        chosen = columns.lists("chosen", answers.rows)
        codes = np.where(answers.answered, chosen.firsts(), -1)
        return codes, tuple(disease_label(label) for label in chosen.labels)
    wrong = columns.text("confused_with").take(answers.rows)
    labels = (*answers.disease.labels, *wrong.labels, HEALTHY)
    codes = np.where(wrong.codes >= 0, wrong.codes + len(answers.disease.labels), -1)
    codes = np.where(answers.correct, answers.disease.codes, codes)
    codes = np.where(answers.has_outcome(Outcome.DISEASE_MISSED), len(labels) - 1, codes)
    return np.where(answers.answered, codes, -1), labels


def _place(label: str) -> tuple[int, str]:
    if label in DISEASES:
        return (DISEASES.index(label), "")
    return (len(DISEASES) + (label == HEALTHY), label)
