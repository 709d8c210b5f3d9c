"""Figures of one group of answers on both denominators: asked (unanswered is wrong) and answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from spinebench.evaluators.answers import Answers
from spinebench.evaluators.baselines import Baseline
from spinebench.evaluators.clustered import UNIT, BoolArray, FloatArray, Part, combined_mean, proportion
from spinebench.evaluators.estimate import Estimate, Interval, Rate, undefined
from spinebench.evaluators.proportions import Bounds
from spinebench.records import Outcome, Record


class TaskAccuracy(Record):
    """How often the questions of one task are answered rightly, beside answering without looking."""

    accuracy: Rate
    baselines: tuple[Baseline, ...]
    chance_corrected: Estimate


class OutcomeRate(Record):
    """How often an outcome came about, among the answers where it could."""

    outcome: Outcome
    among: Literal["all", "diseased", "healthy"]
    """The denominator: all questions, those on diseased or those on healthy images."""
    rate: Rate
    """`of_answered` is undefined for `not_answered`."""


NONE_ANSWERED = "none of the questions was answered"


def share(
    name: str, answers: Answers, hit: BoolArray, *, safety: bool = False, level: float = 0.95, empty: str
) -> Rate:
    """Share of answers with `hit`; unanswered ones count as no hit in `of_asked` and are left out in
    `of_answered`.
    """
    denominators = answers.denominators()
    where = answers.answered

    def of(label: str, hits: BoolArray, group: Answers, reason: str) -> Estimate:
        return proportion(
            f"{name}, {label}",
            hits,
            group.cluster,
            safety=safety,
            level=level,
            denominators=denominators,
            empty=reason,
        )

    return Rate(
        of_asked=of("of asked", hit & where, answers, empty),
        of_answered=of(
            "of answered", hit[where], answers.take(where), NONE_ANSWERED if len(answers) else empty
        ),
    )


def not_answered(name: str, answers: Answers, *, level: float = 0.95, empty: str) -> Rate:
    """Share of questions without an answer."""
    denominators = answers.denominators()
    return Rate(
        of_asked=proportion(
            f"{name} not answered, of asked",
            ~answers.answered,
            answers.cluster,
            level=level,
            denominators=denominators,
            empty=empty,
        ),
        of_answered=undefined(
            f"{name} not answered, of answered", "answered questions are answered", denominators=denominators
        ),
    )


def mean(
    name: str,
    answers: Answers,
    values: FloatArray,
    *,
    unanswered: float = 0.0,
    limits: Bounds = UNIT,
    level: float = 0.95,
    empty: str,
) -> Rate:
    """Mean of a value per answer; an unanswered one has the value `unanswered` in `of_asked`."""
    denominators = answers.denominators()
    where = answers.answered
    strict = np.where(where, values, unanswered)
    return Rate(
        of_asked=combined_mean(
            f"{name}, of asked",
            (Part(strict, answers.cluster),),
            level=level,
            limits=limits,
            denominators=denominators,
            empty=empty,
        ),
        of_answered=combined_mean(
            f"{name}, of answered",
            (Part(values[where], answers.cluster[where]),),
            level=level,
            limits=limits,
            denominators=denominators,
            empty=NONE_ANSWERED if len(answers) else empty,
        ),
    )


def mean_of_shares(
    name: str, groups: list[tuple[Answers, BoolArray]], answers: Answers, *, level: float = 0.95, empty: str
) -> Rate:
    """Unweighted mean of several groups' shares of hits, the groups' answers sharing clusters with each
    other.
    """
    denominators = answers.denominators()
    weight = 1 / len(groups) if groups else 0.0

    def of(label: str, pick: Callable[[Answers, BoolArray], Part], reason: str) -> Estimate:
        return combined_mean(
            f"{name}, {label}",
            [pick(group, hit) for group, hit in groups],
            level=level,
            denominators=denominators,
            empty=reason,
        )

    def asked(group: Answers, hit: BoolArray) -> Part:
        return Part((hit & group.answered).astype(np.float64), group.cluster, weight)

    def answered(group: Answers, hit: BoolArray) -> Part:
        return Part(hit[group.answered].astype(np.float64), group.cluster[group.answered], weight)

    return Rate(
        of_asked=of("of asked", asked, empty),
        of_answered=of(
            "of answered",
            answered,
            empty if not groups else "a group has no answered question to average over",
        ),
    )


def chance_corrected(accuracy: Estimate, chance: float | None, against: str) -> Estimate:
    """(accuracy - chance) / (1 - chance): 0 at chance, 1 all right. Chance is taken as known."""
    name = f"chance-corrected {accuracy.name} (chance: {against})"
    if accuracy.value is None:
        return accuracy.model_copy(update={"name": name})
    if chance is None or chance >= 1:
        reason = "chance is not known" if chance is None else "chance is 1: every answer is right"
        return undefined(name, reason, n=accuracy.n, denominators=accuracy.denominators)

    def scaled(value: float) -> float:
        return (value - chance) / (1 - chance)

    def moved(interval: Interval) -> Interval:
        return interval.model_copy(update={"low": scaled(interval.low), "high": scaled(interval.high)})

    return accuracy.model_copy(
        update={
            "name": name,
            "value": scaled(accuracy.value),
            "interval": None if accuracy.interval is None else moved(accuracy.interval),
            "other_intervals": tuple(moved(interval) for interval in accuracy.other_intervals),
            "se": None if accuracy.se is None else accuracy.se / (1 - chance),
            "count": None,
        }
    )
