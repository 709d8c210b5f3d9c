"""How far one comes without looking at a picture: every baseline out of fold, against chance and a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinebench.builder.audit.choice_model import by_frequency, out_of_fold, share_of_hits
from spinebench.builder.audit.facts import Facts
from spinebench.builder.audit.features import features_of
from spinebench.builder.audit.plan import AuditPlan, BaselineName
from spinebench.builder.audit.questions import Questions
from spinebench.builder.audit.report import Difference, ShortcutResult, Skipped
from spinebench.evaluators.clustered import FloatArray, IntArray, Part, combined_mean, t_p_value
from spinebench.evaluators.multiplicity import p_adjust
from spinebench.evaluators.proportions import Bounds

_SEE_OPTIONS = {BaselineName.OPTIONS, BaselineName.TEXT, BaselineName.ALL}
"""That a label is right whenever it is offered is what these are there to find; the others look beyond it."""
LEAST_CLUSTERS = 20
"""Clusters below which no baseline is tried: nothing could be said about it."""
_EITHER_WAY = Bounds(-1, 1)
"""Range of a difference between two scores."""


@dataclass(frozen=True)
class _Scores:
    """What a baseline scores per item, by measure."""

    accuracy: FloatArray
    jaccard: FloatArray | None


def shortcuts(
    groups: Sequence[Questions], facts: Facts | None, plan: AuditPlan
) -> tuple[tuple[ShortcutResult, ...], tuple[Skipped, ...]]:
    """Every baseline of the plan on every task of every split."""
    found: list[ShortcutResult] = []
    skipped: list[Skipped] = []
    for questions in groups:
        n_clusters = len(np.unique(questions.clusters))
        if n_clusters < LEAST_CLUSTERS or questions.n_folds < 2:
            why = (
                f"{n_clusters} clusters, fewer than {LEAST_CLUSTERS}"
                if n_clusters < LEAST_CLUSTERS
                else "all clusters fall into one fold"
            )
            skipped.append(_skipped(questions, None, why))
            continue
        if questions.choices.offered.max(axis=0).max() < 0 or questions.choices.offered.shape[1] < 2:
            skipped.append(_skipped(questions, None, "one answer only is ever right"))
            continue
        frequency = _scored(questions, by_frequency(questions.choices, questions.folds))
        acceptance = _scores(questions, BaselineName.FREQUENCY, facts, plan)
        for name in BaselineName:
            if name is BaselineName.FREQUENCY:
                found += _results(questions, name, frequency, None, plan)
            elif name in plan.baselines:
                scores = _scores(questions, name, facts, plan)
                if scores is None:
                    skipped.append(_skipped(questions, name, "the same for every item, or not known"))
                else:
                    reference = frequency if name in _SEE_OPTIONS else acceptance
                    found += _results(questions, name, scores, reference, plan)
    return _adjusted(found, plan), tuple(skipped)


def _scores(questions: Questions, name: BaselineName, facts: Facts | None, plan: AuditPlan) -> _Scores | None:
    features = features_of(questions, name, facts)
    if features is None:
        return None
    return _scored(questions, out_of_fold(questions.choices, features, questions.folds, penalty=plan.penalty))


def _scored(questions: Questions, shares: FloatArray) -> _Scores:
    return _Scores(
        accuracy=share_of_hits(shares, questions.choices.right),
        jaccard=questions.jaccard(shares)[0] if questions.several else None,
    )


def _results(
    questions: Questions, name: BaselineName, scores: _Scores, reference: _Scores | None, plan: AuditPlan
) -> list[ShortcutResult]:
    found = [
        _result(
            questions,
            name,
            "accuracy",
            scores.accuracy,
            questions.chance,
            None if reference is None else reference.accuracy,
            plan,
        )
    ]
    if scores.jaccard is not None:
        by_guess = questions.jaccard(np.zeros(questions.choices.offered.shape))[1]
        found.append(
            _result(
                questions,
                name,
                "jaccard",
                scores.jaccard,
                by_guess,
                None if reference is None else reference.jaccard,
                plan,
            )
        )
    return found


def _result(
    questions: Questions,
    name: BaselineName,
    measure: str,
    scores: FloatArray,
    chance: FloatArray,
    reference: FloatArray | None,
    plan: AuditPlan,
) -> ShortcutResult:
    # A score is 0 to 1 and chance is known: less than chance below it, or more than the rest above it, cannot be.
    possible = Bounds(-float(chance.max()), 1 - float(chance.min()))
    above_chance, p_chance = _difference(scores - chance, questions.clusters, plan, possible)
    above_reference, p_reference = (
        (None, p_chance) if reference is None else _difference(scores - reference, questions.clusters, plan)
    )
    return ShortcutResult.model_validate(
        {
            "split": questions.split,
            "task": questions.task,
            "baseline": name,
            "measure": measure,
            "n_items": len(questions.items),
            "n_clusters": len(np.unique(questions.clusters)),
            "score": _round(scores.mean()),
            "chance": _round(chance.mean()),
            "reference": _round((chance if reference is None else reference).mean()),
            "above_chance": above_chance,
            "above_reference": above_reference,
            "p": _round(max(p_chance, p_reference)),
            "p_holm": 1.0,
            "shortcut": False,
        }
    )


def _difference(
    values: FloatArray, clusters: IntArray, plan: AuditPlan, possible: Bounds = _EITHER_WAY
) -> tuple[Difference, float]:
    """The mean with its interval, cut at what is `possible`, and the one-sided p-value that it is no more than delta.

    Where all values are alike there is no standard error; then Hoeffding's bound (1963) on the number of clusters,
    for values in -1 to 1, gives the p-value.
    """
    found = combined_mean("difference", [Part(values, clusters)], level=plan.level, limits=_EITHER_WAY)
    assert found.value is not None
    assert found.interval is not None
    beyond = found.value - plan.delta
    if found.se:
        two_sided = t_p_value(beyond / found.se, found.n_clusters - 1)
        p = two_sided / 2 if beyond > 0 else 1 - two_sided / 2
    else:
        p = math.exp(-found.n_clusters * beyond**2 / 2) if beyond > 0 else 1.0
    low, high = max(possible.low, found.interval.low), min(possible.high, found.interval.high)
    return Difference(value=_round(found.value), low=_round(low), high=_round(high)), p


def _adjusted(found: Sequence[ShortcutResult], plan: AuditPlan) -> tuple[ShortcutResult, ...]:
    adjusted = p_adjust([one.p for one in found], "holm")
    return tuple(
        one.model_copy(
            update={
                "p_holm": _round(p or 0.0),
                "shortcut": (p or 0.0) <= 1 - plan.level
                and one.above_chance.low > plan.delta
                and (one.above_reference is None or one.above_reference.low > plan.delta),
            }
        )
        for one, p in zip(found, adjusted, strict=True)
    )


def _skipped(questions: Questions, name: BaselineName | None, why: str) -> Skipped:
    return Skipped(split=questions.split, task=questions.task, baseline=name, why=why)


def _round(value: float) -> float:
    return round(float(value), 6) + 0.0
