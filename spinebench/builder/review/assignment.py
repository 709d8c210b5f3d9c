"""Which reviewer reads which item, and which items two of them read; seeded, the same for the same candidates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from spinebench.builder.records import Candidate
from spinebench.builder.review.plan import ReviewPlan
from spinebench.records import Item, digest


def label_of(item: Item) -> str:
    """The label that an item counts under: its disease, else its gold answer."""
    return item.disease or "; ".join(item.gold) or "none"


def doubled(candidates: Sequence[Candidate], plan: ReviewPlan) -> frozenset[str]:
    """Ids of the items that need two reviewers.

    All of them under `both_agree`; otherwise the share of each stratum of task and label, rounded, at least one of
    each where the share is above 0; none with fewer than two reviewers.
    """
    if len(plan.reviewers) < 2:
        return frozenset()
    if plan.require == "both_agree":
        return frozenset(one.item.id for one in candidates)
    if plan.double_share == 0:
        return frozenset()
    strata: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for one in candidates:
        strata[one.item.task.value, label_of(one.item)].append(one.item.id)
    chosen: set[str] = set()
    for ids in strata.values():
        n = max(1, int(plan.double_share * len(ids) + 0.5))
        chosen.update(sorted(ids, key=lambda name: digest([plan.seed, "double", name]))[:n])
    return frozenset(chosen)


def assign(
    candidates: Sequence[Candidate], plan: ReviewPlan, *, attention: Mapping[str, int] | None = None
) -> dict[str, tuple[str, ...]]:
    """Reviewer -> ids of the items to read, in the order to read them; empty without reviewers.

    Every item goes to one reviewer, those of `doubled` to two different ones; parts are equal to within one item, and
    the second readings go round among the others. `attention`: id -> how suspicious the pre-screen found the item,
    used where the plan orders by it; equals stay in the reviewer's random order.
    """
    people = plan.reviewers
    parts: dict[str, list[str]] = {one: [] for one in people}
    if not people:
        return {}
    twice = doubled(candidates, plan)
    n_twice = 0
    ids = sorted((one.item.id for one in candidates), key=lambda name: digest([plan.seed, "deal", name]))
    for place, name in enumerate(ids):
        first = place % len(people)
        parts[people[first]].append(name)
        if name in twice:
            step = 1 + n_twice % (len(people) - 1)
            parts[people[(first + step) % len(people)]].append(name)
            n_twice += 1
    return {one: tuple(ordered(names, plan, one, attention=attention or {})) for one, names in parts.items()}


def ordered(
    names: Sequence[str], plan: ReviewPlan, reviewer: str, *, attention: Mapping[str, int]
) -> list[str]:
    """Item ids in the order of one reviewer."""
    found = sorted(names, key=lambda name: digest([plan.seed, "order", reviewer, name]))
    if plan.order == "attention":
        found.sort(key=lambda name: -attention.get(name, 0))
    return found
