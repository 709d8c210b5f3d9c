"""The planted truth about simulated traces: how good the reasoning is held to be, and which failures it has.

The truth is drawn from the trace's text, so that every judge and clinician of a simulation errs around the same
one. It is not read from what the text says: a simulation shows that the pipeline recovers what was planted, and
nothing about reasoning.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

QUALITY_OF_CORRECT: tuple[float, ...] = (0.04, 0.08, 0.18, 0.35, 0.35)
QUALITY_OF_WRONG: tuple[float, ...] = (0.22, 0.30, 0.26, 0.15, 0.07)
"""Probability of each fifth of a scale, lowest first, for traces that end in a right and in a wrong answer."""
QUALITY_OF_WRITTEN: tuple[float, ...] = (0.12, 0.20, 0.26, 0.24, 0.18)
"""The same for free text, which is neither right nor wrong."""
STEP = 0.15
"""Probability that one dimension lies a step above the trace's quality; as often it lies a step below."""

MODE_RATES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "missed_finding": (0.10, 0.45),
        "invented_finding": (0.06, 0.30),
        "misread_view_or_modality": (0.02, 0.08),
        "wrong_level": (0.03, 0.25),
        "wrong_side": (0.02, 0.06),
        "wrong_structure": (0.03, 0.12),
        "knowledge_error": (0.05, 0.15),
        "logic_gap": (0.10, 0.30),
        "contradiction": (0.02, 0.10),
        "unsupported_certainty": (0.15, 0.35),
        "elimination_without_evidence": (0.20, 0.30),
        "broken_persona": (0.01, 0.02),
        "refusal": (0.0, 0.01),
    }
)
"""Failure mode -> how often traces with a right and with a wrong answer have it; free text has it midway."""
OTHER_MODES = (0.05, 0.15)
"""The same for the modes of a user's rubric."""


@dataclass(frozen=True)
class Quality:
    """What was planted in one trace."""

    scores: dict[str, int]
    """Dimension -> true score, a value of its scale."""
    modes: frozenset[str]
    """Failure modes that it has."""


def planted(
    text: str,
    item_id: str,
    *,
    correct: bool | None,
    scales: Mapping[str, Sequence[int]],
    modes: Sequence[str],
) -> Quality:
    """The truth about a trace: the same for whoever asks, in whatever order.

    A scale of other than five values is cut into fifths. The expected values are known from the tables above.
    """
    quality = draw(item_id, "quality", text)
    answered = QUALITY_OF_CORRECT if correct else QUALITY_OF_WRONG
    chances = QUALITY_OF_WRITTEN if correct is None else answered
    fifth = quality.choices(range(5), chances)[0]
    scores = {}
    for dimension, scale in scales.items():
        step = draw(item_id, "dimension", dimension, text).random()
        place = fifth - 1 if step < STEP else fifth + 1 if step >= 1 - STEP else fifth
        scores[dimension] = scale[_place(min(4, max(0, place)), len(scale))]
    found = {mode for mode in modes if draw(item_id, "mode", mode, text).random() < _mode_rate(mode, correct)}
    return Quality(scores, frozenset(found))


@dataclass(frozen=True)
class Reader:
    """How a simulated judge or clinician departs from the truth. All are probabilities per vote or mark."""

    harsher: float = 0.0
    """A vote one step below the truth, beside the noise."""
    milder: float = 0.0
    noise: float = 0.0
    """A vote one step off, up or down with equal chance."""
    halo: float = 0.0
    """A vote one step up where the answer is right, one step down where it is wrong; nothing for free text."""
    finds: float = 1.0
    """A failure mode that is there is marked."""
    invents: float = 0.0
    """A failure mode that is not there is marked."""


def vote(
    truth: int, scale: Sequence[int], reader: Reader, *, correct: bool | None, rng: random.Random
) -> int:
    """A score around the truth, at the ends of the scale cut off. Always three draws."""
    leaning, following, slipping = rng.random(), rng.random(), rng.random()
    place = list(scale).index(truth)
    place += -1 if leaning < reader.harsher else 1 if leaning >= 1 - reader.milder else 0
    if correct is not None and following < reader.halo:
        place += 1 if correct else -1
    place += -1 if slipping < reader.noise / 2 else 1 if slipping >= 1 - reader.noise / 2 else 0
    return scale[min(len(scale) - 1, max(0, place))]


def marks(quality: Quality, modes: Sequence[str], reader: Reader, rng: random.Random) -> list[str]:
    """The failure modes that a reader marks, in the order of `modes`."""
    chances = [(mode, rng.random()) for mode in modes]
    return [mode for mode, u in chances if u < (reader.finds if mode in quality.modes else reader.invents)]


def draw(*key: object) -> random.Random:
    """A generator that depends on the key alone."""
    return random.Random(hashlib.sha256(repr(key).encode()).digest())


def _mode_rate(mode: str, correct: bool | None) -> float:
    of_right, of_wrong = MODE_RATES.get(mode, OTHER_MODES)
    return (of_right + of_wrong) / 2 if correct is None else of_right if correct else of_wrong


def _place(fifth: int, n: int) -> int:
    return round(fifth * (n - 1) / 4)
