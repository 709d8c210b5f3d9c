"""Whether a decision is one that may be taken of an item, and what a corrected item is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spinebench.builder.records import Candidate, ReviewDecision
from spinebench.builder.review.plan import ReviewPlan
from spinebench.records import MULTIPLE_ANSWER_TASKS, Item, JsonValue, Task
from spinebench.terms import HEALTHY, canonical_disease, canonical_level, fold, level_index

LONGEST_NOTE = 10_000
"""Characters."""

Canonical = Callable[[str], str | None]
"""Gives the vocabulary's label of a text; None where it has none."""


def problem_of(decision: ReviewDecision, candidate: Candidate, plan: ReviewPlan) -> str | None:
    """Why a decision cannot stand for this candidate, in words for the reviewer; None where it can."""
    item = candidate.item
    if decision.reviewer not in plan.people:
        return f"reviewer {decision.reviewer!r}: expected one of {', '.join(plan.people) or 'nobody, so far'}"
    if decision.item_hash != candidate.hash():
        return "the item has changed since it was read: decide on it as it is now"
    if len(decision.note) > LONGEST_NOTE:
        return f"note of {len(decision.note)} characters: expected at most {LONGEST_NOTE}"
    if decision.decision == "accept":
        return "an accepted item has neither a reason nor another answer" if _says_more(decision) else None
    if decision.reason not in plan.reasons:
        return f"reason {decision.reason!r}: expected one of {', '.join(plan.reasons)}"
    if decision.decision == "reject":
        return "a rejected item has no other answer" if decision.gold else None
    return _problem_of_gold(decision.gold, item)


def answer_of(decision: ReviewDecision, item: Item) -> tuple[str, ...] | None:
    """The right options by a reviewer, in the item's order; None of a rejected item."""
    if decision.decision == "reject":
        return None
    gold = item.gold if decision.decision == "accept" else decision.gold
    return tuple(option for option in item.options if option in gold)


def corrected(
    candidate: Candidate,
    gold: tuple[str, ...],
    *,
    reviewers: tuple[str, ...],
    canonical: Canonical = canonical_disease,
) -> Candidate:
    """The candidate with another gold answer; options and id stay, the provenance says who changed it from what.

    Of a diagnosis `disease` and `labels` follow the new answer; of a localization `levels` do, in anatomical order.
    """
    item = candidate.item
    assert _problem_of_gold(gold, item) is None, (item.id, gold)
    changes: dict[str, object] = {"gold": tuple(option for option in item.options if option in gold)}
    labels = candidate.labels
    if item.task is Task.DIAGNOSIS:
        disease = canonical(gold[0]) or gold[0]
        before = {canonical(text) or text for text in item.gold} | {item.disease}
        changes["disease"] = disease
        others = () if disease == HEALTHY else labels
        labels = tuple(sorted({*(set(others) - before - {HEALTHY}), disease}))
    elif item.task is Task.LOCALIZATION:
        levels = {canonical_level(text) or text for text in gold}
        changes["levels"] = tuple(sorted(levels, key=lambda text: (level_index(text) or 0, text)))
    if isinstance(about := item.metadata.get("builder"), dict):
        changes["metadata"] = {**item.metadata, "builder": _about(about, item.task, labels, changes)}
    review = {
        "corrected_from": list(item.gold),
        "disease_before": item.disease,
        "reviewers": list(reviewers),
    }
    return candidate.model_copy(
        update={
            "item": item.model_copy(update=changes),
            "labels": labels,
            "provenance": {**candidate.provenance, "review": review},
        }
    )


def _about(
    about: dict[str, JsonValue], task: Task, labels: Sequence[str], changes: Mapping[str, object]
) -> dict[str, JsonValue]:
    """What the item's metadata say of its picture, after the correction.

    The levels that the source gave to another disease, or to a healthy picture, are not known for the right one.
    """
    stays = {name: value for name, value in about.items() if name not in {"diseases", "levels"}}
    if task is Task.DIAGNOSIS:
        diseases = [label for label in labels if label != HEALTHY]
        return {**stays, **({"diseases": list(diseases)} if diseases else {})}
    kept = {name: value for name, value in about.items() if name == "diseases"}
    levels = changes.get("levels")
    return {**stays, **kept, **({"levels": list(levels)} if isinstance(levels, tuple) else {})}


def _says_more(decision: ReviewDecision) -> bool:
    return decision.reason is not None or bool(decision.gold)


def _problem_of_gold(gold: tuple[str, ...], item: Item) -> str | None:
    if not gold:
        return "a corrected item needs its right answer: choose it among the options"
    if unknown := [text for text in gold if text not in item.options]:
        return f"answer {unknown[0]!r}: expected one of the item's options"
    if len(set(gold)) < len(gold):
        return f"answer {gold!r}: expected each option once"
    if item.task not in MULTIPLE_ANSWER_TASKS and len(gold) != 1:
        return f"{len(gold)} answers: expected one; an item with several right options is rejected (several_true)"
    if set(gold) == set(item.gold):
        return "the answer is the one that is marked already: accept the item, or choose another"
    if len({fold(text) for text in item.options}) < len(item.options):
        return "two options of this item are the same: reject it"
    return None
