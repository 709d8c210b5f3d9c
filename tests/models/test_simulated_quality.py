"""The planted truth has the planted rates, and readers depart from it at theirs."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from spinebench.models.simulated_quality import (
    MODE_RATES,
    QUALITY_OF_CORRECT,
    QUALITY_OF_WRONG,
    STEP,
    Quality,
    Reader,
    marks,
    planted,
    vote,
)

SCALE = (1, 2, 3, 4, 5)
N = 4000


def truths(*, correct: bool, scale: tuple[int, ...] = SCALE) -> list[Quality]:
    modes = list(MODE_RATES)
    return [
        planted(f"trace {n}", f"item {n}", correct=correct, scales={"a": scale, "b": scale}, modes=modes)
        for n in range(N)
    ]


def with_step(chances: tuple[float, ...]) -> list[float]:
    """Distribution after a step up or down that stops at the ends."""
    out = [0.0] * 5
    for place, chance in enumerate(chances):
        out[max(0, place - 1)] += chance * STEP
        out[min(4, place + 1)] += chance * STEP
        out[place] += chance * (1 - 2 * STEP)
    return out


@pytest.mark.parametrize(("correct", "chances"), [(True, QUALITY_OF_CORRECT), (False, QUALITY_OF_WRONG)])
def test_scores_and_modes_come_at_the_planted_rates(correct: bool, chances: tuple[float, ...]) -> None:
    found = truths(correct=correct)
    counts = Counter(truth.scores["a"] for truth in found)
    for value, expected in zip(SCALE, with_step(chances), strict=True):
        # four standard errors of a share of 4,000
        assert counts[value] / N == pytest.approx(expected, abs=4 * (0.25 / N) ** 0.5)
    for mode, rates in MODE_RATES.items():
        share = sum(mode in truth.modes for truth in found) / N
        expected = rates[0 if correct else 1]
        assert share == pytest.approx(expected, abs=4 * (max(expected, 0.001) / N) ** 0.5 + 1e-9)


def test_the_truth_of_a_trace_is_the_same_whoever_asks() -> None:
    both = planted("text", "item", correct=True, scales={"a": SCALE, "b": SCALE}, modes=["logic_gap", "x"])
    one = planted("text", "item", correct=True, scales={"b": SCALE}, modes=["logic_gap"])
    assert both.scores["b"] == one.scores["b"]
    assert ("logic_gap" in both.modes) == ("logic_gap" in one.modes)


@pytest.mark.parametrize("scale", [(1, 3, 5), (0, 1), (1, 2, 3, 4, 5, 6, 7)], ids=str)
def test_scores_are_values_of_the_declared_scale(scale: tuple[int, ...]) -> None:
    scores = {truth.scores["a"] for truth in truths(correct=True, scale=scale)[:400]}
    assert scores <= set(scale)
    assert {scale[0], scale[-1]} <= scores


@pytest.mark.parametrize(
    ("reader", "correct", "expected"),
    [
        pytest.param(Reader(), True, 0.0, id="exact"),
        pytest.param(Reader(milder=0.6), True, 0.6, id="mild"),
        pytest.param(Reader(harsher=0.4, milder=0.1), False, -0.3, id="harsh on balance"),
        pytest.param(Reader(halo=0.5), True, 0.5, id="halo on a right answer"),
        pytest.param(Reader(halo=0.5), False, -0.5, id="halo on a wrong answer"),
        pytest.param(Reader(noise=0.8), True, 0.0, id="noise is even"),
    ],
)
def test_votes_depart_by_the_planted_mean(reader: Reader, correct: bool, expected: float) -> None:
    rng = random.Random(1)
    scale = tuple(range(1, 10))  # the middle of a long scale: nothing is cut off
    shifts = [vote(5, scale, reader, correct=correct, rng=rng) - 5 for _ in range(N)]
    assert sum(shifts) / N == pytest.approx(expected, abs=4 * (1 / N) ** 0.5)


def test_votes_stop_at_the_ends() -> None:
    rng = random.Random(1)
    assert {vote(5, SCALE, Reader(milder=1.0, halo=1.0), correct=True, rng=rng) for _ in range(20)} == {5}
    assert {vote(1, SCALE, Reader(harsher=1.0), correct=True, rng=rng) for _ in range(20)} == {1}


def test_marks_are_found_and_invented_at_their_rates() -> None:
    rng = random.Random(2)
    quality = Quality({}, frozenset({"there"}))
    reader = Reader(finds=0.7, invents=0.2)
    counts = Counter(mode for _ in range(N) for mode in marks(quality, ["there", "absent"], reader, rng))
    assert counts["there"] / N == pytest.approx(0.7, abs=0.03)
    assert counts["absent"] / N == pytest.approx(0.2, abs=0.03)
