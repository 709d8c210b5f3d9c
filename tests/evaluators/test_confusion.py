"""Diagnosis confusion as data."""

from __future__ import annotations

from spinebench.evaluators.confusion import NOT_ANSWERED, confusion
from spinebench.terms import HEALTHY
from tests.graded_columns import Asked, columns, diagnosis, localization

ASKED = [
    Asked(diagnosis("1", "Osteophytes", HEALTHY, "Spondylolisthesis"), ("Osteophytes",)),
    Asked(diagnosis("2", "Osteophytes", HEALTHY, "Spondylolisthesis"), ("Spondylolisthesis",)),
    Asked(diagnosis("3", "Osteophytes", HEALTHY), (HEALTHY,)),
    Asked(diagnosis("4", "Osteophytes", HEALTHY), None),
    Asked(diagnosis("5", HEALTHY, "Neural foraminal narrowing"), ("Neural foraminal narrowing",)),
    Asked(diagnosis("6", HEALTHY, "Osteophytes"), (HEALTHY,)),
    Asked(diagnosis("7", "Neural foraminal narrowing", HEALTHY), ("Neural foraminal narrowing",)),
    Asked(localization("8", "L4/L5"), ("L4/L5",)),
]


def test_counts_by_hand() -> None:
    (found,) = confusion(columns(ASKED))
    assert found.gold == ("Foraminal stenosis", "Osteophytes", HEALTHY)
    assert found.answered == ("Foraminal stenosis", "Osteophytes", "Spondylolisthesis", HEALTHY, NOT_ANSWERED)
    assert found.counts == (
        (1, 0, 0, 0, 0),
        (0, 1, 1, 1, 1),
        (1, 0, 0, 1, 0),
    )
    assert found.n == 7


def test_without_the_chosen_texts_the_outcome_tells_the_answer() -> None:
    table = columns(ASKED)
    del table["chosen"]
    assert confusion(table) == confusion(columns(ASKED))


def test_one_matrix_per_model() -> None:
    both = [*ASKED, Asked(diagnosis("1", "Osteophytes", HEALTHY), (HEALTHY,), model="sim/b")]
    found = confusion(columns(both))
    assert [(one.model, one.n) for one in found] == [("sim/a", 7), ("sim/b", 1)]


def test_no_diagnosis_no_matrix() -> None:
    assert confusion(columns(ASKED[-1:])) == []
