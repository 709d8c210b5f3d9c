"""From decisions to what enters the benchmark: only what persons accepted, or corrected to a valid answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from spinebench.builder.records import Candidate, Dropped, ReviewDecision, Stage
from spinebench.builder.review.agreement import ReviewAgreement, agreement_of
from spinebench.builder.review.assignment import doubled
from spinebench.builder.review.checking import Canonical, answer_of, corrected, problem_of
from spinebench.builder.review.plan import ReviewPlan
from spinebench.records import Record
from spinebench.terms import canonical_disease

WaitsFor = Literal["first", "second", "adjudication"]


class Reviewed(Record):
    """What a review came to."""

    accepted: tuple[Candidate, ...]
    """In the order of the candidates; corrected ones with their new answer."""
    dropped: tuple[Dropped, ...]
    """Rejected items with the reason, in the same order. Reviewers' notes are not repeated: they may name persons."""
    waiting: tuple[str, ...]
    """Ids of the items that no decision holds for yet, in the same order; none of them enters."""
    waits_for: dict[WaitsFor, int]
    """How many of them lack a first decision, a second one, or the adjudicator's."""
    corrected: tuple[str, ...]
    """Ids among `accepted` whose answer a reviewer changed."""
    adjudicated: tuple[str, ...]
    """Ids that the adjudicator decided."""
    n_changed: int
    """Items waiting with a decision on an earlier form of them: changed since, to be decided anew."""
    n_unused: int
    """Decisions that count for nothing: of nobody in the plan, on items that are gone, or not allowed."""
    n_simulated: int
    """Accepted, corrected and dropped items that rest on a simulated reviewer's decision."""
    agreement: ReviewAgreement

    @property
    def simulated(self) -> bool:
        """Whether any of it rests on a simulated reviewer: shown wherever the benchmark is named."""
        return self.n_simulated > 0 or self.agreement.simulated


def resolve(
    candidates: Sequence[Candidate],
    decisions: Iterable[ReviewDecision],
    plan: ReviewPlan,
    *,
    canonical: Canonical = canonical_disease,
) -> Reviewed:
    """What becomes of every candidate; each is accepted, dropped or waiting, and nothing else.

    An item needs one decision, or two where `doubled` says so; all that there are have to agree: all reject, or all
    name the same right answer (accepting names the marked one). Where they do not, the adjudicator decides alone.
    A decision holds for exactly the item that was read. `canonical` names diseases by the vocabulary.
    """
    known = {one.item.id: one for one in candidates}
    hashes = {name: one.hash() for name, one in known.items()}
    standing: defaultdict[str, dict[str, ReviewDecision]] = defaultdict(dict)
    earlier: set[str] = set()
    n_unused = 0
    for by in decisions:
        if by.item_id in known and by.reviewer in plan.people and by.item_hash != hashes[by.item_id]:
            earlier.add(by.item_id)
        elif by.item_id not in known or problem_of(by, known[by.item_id], plan) is not None:
            n_unused += 1
        else:
            standing[by.item_id][by.reviewer] = by
    twice = doubled(candidates, plan)
    ends = {
        one.item.id: _end(one, standing.get(one.item.id, {}), plan, need=2 if one.item.id in twice else 1)
        for one in candidates
    }
    accepted: list[Candidate] = []
    dropped: list[Dropped] = []
    waiting: list[str] = []
    waits_for: Counter[WaitsFor] = Counter()
    changed: list[str] = []
    n_simulated = 0
    for name, one in known.items():
        end = ends[name]
        if isinstance(end, str):
            waiting.append(name)
            waits_for[end] += 1
            continue
        n_simulated += any(by.simulated for by in end)
        gold = answer_of(end[0], one.item)
        if gold is None:
            dropped.append(_dropped(one, end))
        elif set(gold) == set(one.item.gold):
            accepted.append(one)
        else:
            changed.append(name)
            names = tuple(by.reviewer for by in end)
            accepted.append(corrected(one, gold, reviewers=names, canonical=canonical))
    places: tuple[WaitsFor, ...] = ("first", "second", "adjudication")
    return Reviewed(
        accepted=tuple(accepted),
        dropped=tuple(dropped),
        waiting=tuple(waiting),
        waits_for={place: waits_for[place] for place in places},
        corrected=tuple(changed),
        adjudicated=tuple(
            name
            for name, end in ends.items()
            if not isinstance(end, str) and end[0].reviewer == plan.adjudicator
        ),
        n_changed=len(earlier & set(waiting)),
        n_unused=n_unused,
        n_simulated=n_simulated,
        agreement=agreement_of(
            candidates,
            (by for row in standing.values() for by in row.values()),
            reviewers=plan.reviewers,
        ),
    )


def disputed(
    candidates: Sequence[Candidate], decisions: Iterable[ReviewDecision], plan: ReviewPlan
) -> list[str]:
    """Ids of the items that are the adjudicator's: reviewers differ, whether it is decided by now or not."""
    known = {one.item.id: one for one in candidates}
    rows: defaultdict[str, dict[str, ReviewDecision]] = defaultdict(dict)
    for one in decisions:
        if (
            one.reviewer in plan.reviewers
            and one.item_id in known
            and problem_of(one, known[one.item_id], plan) is None
        ):
            rows[one.item_id][one.reviewer] = one
    return [
        name for name, one in known.items() if name in rows and not _agree(one, list(rows[name].values()))
    ]


def _end(
    candidate: Candidate, standing: Mapping[str, ReviewDecision], plan: ReviewPlan, *, need: int
) -> tuple[ReviewDecision, ...] | WaitsFor:
    """The decisions that settle an item, all of one mind, in the order of the plan; or what it waits for."""
    by_reviewers = tuple(standing[name] for name in plan.reviewers if name in standing)
    if not _agree(candidate, by_reviewers):
        last = None if plan.adjudicator is None else standing.get(plan.adjudicator)
        return "adjudication" if last is None else (last,)
    if len(by_reviewers) < need:
        return "second" if by_reviewers else "first"
    return by_reviewers


def _agree(candidate: Candidate, decisions: Sequence[ReviewDecision]) -> bool:
    return len({answer_of(one, candidate.item) for one in decisions}) <= 1


def _dropped(candidate: Candidate, by: Sequence[ReviewDecision]) -> Dropped:
    said = "; ".join(f"{one.reviewer}: {one.reason}" for one in by)
    return Dropped(
        stage=Stage.REVIEW,
        subject=candidate.item.id,
        reason=f"rejected_{by[0].reason}",
        detail=f"rejected on review ({said})" + (" (simulated)" if any(one.simulated for one in by) else ""),
        source=candidate.item.source,
    )
