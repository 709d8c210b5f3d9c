"""Healthy images answered with a disease, by where they are from."""

from __future__ import annotations

import pytest

from spinebench.errors import DataError
from spinebench.evaluators.healthy import NOT_STATED, healthy_misdiagnosis

ROWS = [
    # model, disease, status, outcome, modality
    ("a", "Healthy", "answered", "correct_healthy", "MRI"),
    ("a", "Healthy", "answered", "healthy_misdiagnosed", "MRI"),
    ("a", "Healthy", "refused", "not_answered", "MRI"),
    ("a", "Healthy", "answered", "healthy_misdiagnosed", None),
    ("a", "Osteophytes", "answered", "disease_missed", "MRI"),
    ("b", "Healthy", "answered", "correct_healthy", "X-ray"),
]


def graded() -> dict[str, list[object]]:
    return {
        "model": [row[0] for row in ROWS],
        "disease": [row[1] for row in ROWS],
        "status": [row[2] for row in ROWS],
        "outcome": [row[3] for row in ROWS],
        "modality": [row[4] for row in ROWS],
        "correct": [row[3] == "correct_healthy" for row in ROWS],
        "task": ["diagnosis"] * len(ROWS),
        "item_id": [f"i{place}" for place in range(len(ROWS))],
        "cluster": [f"c{place}" for place in range(len(ROWS))],
    }


def test_rates_stand_on_healthy_images_asked_with_exact_intervals() -> None:
    found = healthy_misdiagnosis(graded(), by=["modality"])
    figures = [(one.model, one.value, one.rate.of_asked.count, one.rate.of_asked.n) for one in found]
    assert figures == [("a", "MRI", 1, 3), ("a", NOT_STATED, 1, 1), ("b", "X-ray", 0, 1)]
    assert found[0].rate.of_answered.n == 2
    last = found[2].rate.of_asked.interval
    assert last is not None
    # 0 of 1, Clopper and Pearson: 1 - (0.05 / 2) ** (1 / 1) = 0.975
    assert last.low == 0.0
    assert last.high == pytest.approx(0.975)


def test_without_healthy_images_there_is_no_rate() -> None:
    only_diseased = {name: column[4:5] for name, column in graded().items()}
    assert healthy_misdiagnosis(only_diseased, by=["modality"]) == []


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="'region'"):
        healthy_misdiagnosis(graded(), by=["region"])
