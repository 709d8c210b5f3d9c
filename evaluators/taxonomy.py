"""Outcomes of an answer: what kind of right or wrong it is.

Diagnosis after figures 12-15 of arXiv 2510.12267; localization by comparing the set of levels named with the
gold set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spinebench.evaluators.levels import positions
from spinebench.records import Outcome
from spinebench.terms import HEALTHY, canonical_disease


class DiagnosisOutcome(NamedTuple):
    """Outcome of a single-answer diagnosis, and the disease it was taken for where that is wrong."""

    outcome: Outcome
    confused_with: str | None = None


class LocalizationOutcome(NamedTuple):
    """Outcome of a localization, and the signed shift in levels (caudal positive) where it is uniform."""

    outcome: Outcome
    shift: int | None = None


def disease_label(text: str) -> str:
    """The canonical label of an option text; the text itself where the vocabulary does not know it."""
    return canonical_disease(text) or text


def diagnosis_outcome(gold: str, chosen: str, *, correct: bool) -> DiagnosisOutcome:
    """Classify an answered diagnosis. `confused_with` is a disease: None when right or answered `Healthy`."""
    truth, answer = disease_label(gold), disease_label(chosen)
    if correct:
        return DiagnosisOutcome(Outcome.CORRECT_HEALTHY if truth == HEALTHY else Outcome.CORRECT_DISEASE)
    if truth == HEALTHY:
        return DiagnosisOutcome(Outcome.HEALTHY_MISDIAGNOSED, answer)
    if answer == HEALTHY:
        return DiagnosisOutcome(Outcome.DISEASE_MISSED)
    return DiagnosisOutcome(Outcome.DISEASE_CONFUSED, answer)


def localization_outcome(gold: Sequence[str], chosen: Sequence[str]) -> LocalizationOutcome:
    """Classify an answered localization; both arguments hold distinct option texts.

    A uniform shift goes before `mixed` and `disjoint`: L3/L4 + L4/L5 answered as L4/L5 + L5/S1 is one error
    (a miscount by one level), not one hit, one miss and one extra.
    """
    truth, answer = frozenset(gold), frozenset(chosen)
    if answer == truth:
        return LocalizationOutcome(Outcome.EXACT)
    shift = uniform_shift(gold, chosen)
    if shift is not None:
        return LocalizationOutcome(Outcome.SHIFTED, shift)
    if answer < truth:
        return LocalizationOutcome(Outcome.MISSED_LEVELS)
    if answer > truth:
        return LocalizationOutcome(Outcome.EXTRA_LEVELS)
    return LocalizationOutcome(Outcome.MIXED if answer & truth else Outcome.DISJOINT)


def uniform_shift(gold: Sequence[str], chosen: Sequence[str]) -> int | None:
    """The non-zero number of levels by which all chosen levels are off (caudal positive); None if not
    uniform.

    None too where an option names no level of one chain, or either side is empty.
    """
    if not gold or len(gold) != len(chosen):
        return None
    chain = positions((*gold, *chosen))
    if chain is None:
        return None
    truth, answer = sorted(chain[: len(gold)]), sorted(chain[len(gold) :])
    shifts = {there - here for here, there in zip(truth, answer, strict=True)}
    return shifts.pop() if len(shifts) == 1 and 0 not in shifts else None
