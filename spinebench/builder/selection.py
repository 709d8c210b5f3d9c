"""Which accepted items go into which split: greedy, seeded, with an account of what could not be had.

Splits are filled in the plan's order, in each task by task. One item is taken at a time: the label that is furthest
behind its share is chosen (Sainte-Laguë's divisors for shares, the fewest items for equal numbers; ties to the rarer
label), and of it the best item: first of the patient or study with the fewest items so far, then of a unit that the
split holds already (it is lost to other splits anyway), then of the better tenth of quality, then the one that keeps
the positions of the right options even, then the better picture, then by the seeded hash. Greedy means: no item is
given back, so a better whole may exist where limits collide; every constraint holds all the same.
"""

from __future__ import annotations

import heapq
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spinebench.builder.records import Candidate, Dropped, Stage, StandardImage
from spinebench.builder.selection_plan import SelectionPlan
from spinebench.builder.selection_pool import Entry, entries
from spinebench.builder.selection_report import LabelSelection, SelectionReport, TaskSelection
from spinebench.records import Task

REASONS = {
    "too_poor": "below the plan's limits of quality",
    "image_used": "the image is asked already in this task",
    "split_apart": "its cluster or near-duplicate group is held by another split",
    "cluster_limit": "the patient or study has its items already",
    "not_needed": "not needed for the numbers asked for",
}
"""Why an accepted item is in no split."""


@dataclass(frozen=True)
class Selected:
    """The benchmark's splits. Items stand in the order of their ids."""

    splits: dict[str, tuple[Candidate, ...]]
    dropped: tuple[Dropped, ...]
    report: SelectionReport


def select(
    accepted: Sequence[Candidate], standard: Mapping[str, StandardImage], plan: SelectionPlan
) -> Selected:
    """Fill the plan's splits from the accepted items; `standard` holds images by id.

    The same input, in whatever order, gives the same result. No accepted item: every split is empty, and the report
    says by how much each falls short.
    """
    filling = _Filling(entries(accepted, standard, plan), plan)
    for split, wanted in plan.splits.items():
        tasks = wanted or dict.fromkeys(filling.tasks)
        for task, n in tasks.items():
            filling.fill(split, task, n, limited=True)
    if plan.rest is not None:
        for task in filling.tasks:
            filling.fill(plan.rest, task, None, limited=plan.limit_rest)
    return filling.selected()


@dataclass
class _Filling:
    """The state of a selection while splits are filled."""

    pool: list[Entry]
    plan: SelectionPlan
    split_of: dict[str, str] = field(default_factory=dict)
    """Item id -> split."""
    owner: dict[int, str] = field(default_factory=dict)
    """Unit -> split that holds it."""
    asked_images: set[tuple[Task, str]] = field(default_factory=set)
    of_cluster: Counter[tuple[str, Task, str]] = field(default_factory=Counter)
    """Items by split, task and cluster."""
    fills: list[tuple[str, Task, int | None, dict[str, int] | None]] = field(default_factory=list)
    """Split, task, number asked for, and by label, of every step."""

    @property
    def tasks(self) -> list[Task]:
        """Tasks of the accepted items."""
        present = {entry.item.task for entry in self.pool}
        return [task for task in Task if task in present]

    def fill(self, split: str, task: Task, n: int | None, *, limited: bool) -> None:
        """Take up to `n` items of a task into a split (None: all), held to quality and clusters where `limited`."""
        by_label: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.pool:
            if entry.item.task is task:
                by_label[entry.label].append(entry)
        supply = {label: len(by_label[label]) for label in sorted(by_label)}
        named = split in self.plan.splits
        asked = None if n is None else _apportioned(supply, n, self.plan)
        self.fills.append((split, task, n, asked if named else None))
        held = {unit for unit, owner in self.owner.items() if owner == split}
        places: Counter[tuple[str, int]] = Counter()

        def rank(entry: Entry) -> tuple[int, bool, int, float, float, str]:
            spots = entry.position
            return (
                self.of_cluster[split, task, entry.item.cluster],
                entry.unit not in held,
                entry.tier,
                sum(places[entry.label, spot] for spot in spots) / max(1, len(spots)),
                entry.rank,
                entry.tie,
            )

        queues: dict[str, list[tuple[tuple[int, bool, int, float, float, str], int]]] = {}
        for label in supply:
            queues[label] = [
                (rank(entry), at)
                for at, entry in enumerate(by_label[label])
                if not (limited and entry.poor is not None)
            ]
            heapq.heapify(queues[label])

        def best(label: str) -> Entry | None:
            """The label's best item that may be taken; what can never be taken again leaves the queue."""
            queue = queues[label]
            while queue:
                known, at = queue[0]
                entry = by_label[label][at]
                if not self._free(entry, split, limited=limited):
                    heapq.heappop(queue)
                elif (now := rank(entry)) != known:  # ranks only ever get worse within a step
                    heapq.heapreplace(queue, (now, at))
                else:
                    heapq.heappop(queue)
                    return entry
            return None

        taken: Counter[str] = Counter()
        choose = _chooser(supply, n, self.plan)
        open_labels = set(supply)
        while open_labels and (n is None or taken.total() < n):
            turn = choose(taken, open_labels)
            if turn is None:
                break
            found = best(turn)
            if found is None:
                open_labels.discard(turn)
                continue
            taken[turn] += 1
            self._take(found, split)
            for spot in found.position:
                places[turn, spot] += 1

    def _free(self, entry: Entry, split: str, *, limited: bool) -> bool:
        item = entry.item
        full = self.plan.max_per_cluster
        return (
            item.id not in self.split_of
            and (item.task, entry.pixels) not in self.asked_images
            and self.owner.get(entry.unit, split) == split
            and not (limited and full is not None and self.of_cluster[split, item.task, item.cluster] >= full)
        )

    def _take(self, entry: Entry, split: str) -> None:
        item = entry.item
        self.split_of[item.id] = split
        self.asked_images.add((item.task, entry.pixels))
        self.owner[entry.unit] = split
        self.of_cluster[split, item.task, item.cluster] += 1

    def selected(self) -> Selected:
        splits: dict[str, list[Entry]] = {
            name: [] for name in (*self.plan.splits, self.plan.rest) if name is not None
        }
        dropped = []
        for entry in self.pool:
            split = self.split_of.get(entry.item.id)
            if split is not None:
                splits[split].append(entry)
            else:
                dropped.append(self._dropped(entry))
        sizes = Counter(entry.unit for entry in self.pool)
        report = SelectionReport(
            n_accepted=len(self.pool),
            tasks=tuple(self._task_row(split, task, n) for split, task, n, _ in self.fills),
            labels=tuple(
                row
                for split, task, n, asked in self.fills
                if split in self.plan.splits
                for row in self._label_rows(split, task, n, asked)
            ),
            dropped=dict(sorted(Counter(one.reason for one in dropped).items())),
            n_units=len(sizes),
            largest_unit=max(sizes.values(), default=0),
            positions=_positions(splits),
        )
        return Selected(
            splits={name: tuple(entry.candidate for entry in held) for name, held in splits.items()},
            dropped=tuple(dropped),
            report=report,
        )

    def _reason(self, entry: Entry, splits: Sequence[str], *, limited: bool) -> str:
        """Why an item is in none of these splits, of which its task was filled."""
        item = entry.item
        if limited and entry.poor is not None:
            return "too_poor"
        if self.owner.get(entry.unit) not in {None, *splits}:
            return "split_apart"
        if (item.task, entry.pixels) in self.asked_images:
            return "image_used"
        full = self.plan.max_per_cluster
        if limited and full is not None:
            counts = [self.of_cluster[split, item.task, item.cluster] for split in splits]
            if any(n >= full for n in counts):
                return "cluster_limit"
        return "not_needed"

    def _dropped(self, entry: Entry) -> Dropped:
        item = entry.item
        filled = [split for split, task, _, _ in self.fills if task is item.task]
        rest = self.plan.rest
        if rest is None:
            reason = self._reason(entry, filled, limited=True)
        else:
            reason = self._reason(entry, [rest], limited=self.plan.limit_rest)
        detail = entry.poor if reason == "too_poor" and entry.poor is not None else REASONS[reason]
        if reason == "split_apart":
            detail = f"{detail}: {self.owner[entry.unit]!r}"
        return Dropped(stage=Stage.SELECT, subject=item.id, reason=reason, detail=detail, source=item.source)

    def _task_row(self, split: str, task: Task, n: int | None) -> TaskSelection:
        held = [
            entry
            for entry in self.pool
            if entry.item.task is task and self.split_of.get(entry.item.id) == split
        ]
        return TaskSelection(
            split=split,
            task=task,
            asked=n,
            taken=len(held),
            n_images=len({entry.pixels for entry in held}),
            n_clusters=len({entry.item.cluster for entry in held}),
        )

    def _label_rows(
        self, split: str, task: Task, n: int | None, asked: dict[str, int] | None
    ) -> list[LabelSelection]:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in self.pool:
            if entry.item.task is not task:
                continue
            where = self.split_of.get(entry.item.id)
            if where == split:
                counts[entry.label]["taken"] += 1
            elif where in self.plan.splits:
                counts[entry.label]["split_apart"] += 1
            else:
                counts[entry.label][self._reason(entry, [split], limited=True)] += 1
        return [
            LabelSelection(
                split=split,
                task=task,
                label=label,
                asked=None if asked is None else asked.get(label, 0),
                accepted=tally.total(),
                taken=tally["taken"],
                other_split=tally["split_apart"],
                too_poor=tally["too_poor"],
                image_used=tally["image_used"],
                cluster_limit=tally["cluster_limit"],
                not_needed=tally["not_needed"],
            )
            for label, tally in sorted(counts.items())
        ]


def _chooser(
    supply: Mapping[str, int], n: int | None, plan: SelectionPlan
) -> Callable[[Counter[str], set[str]], str | None]:
    """A function that names the label whose turn it is; None where every open label has its cap."""
    cap = None if plan.cap is None or n is None else max(1, int(plan.cap * n + 1e-9))

    def key(label: str, taken: int) -> tuple[float, ...]:
        if taken < plan.floor:
            return (0, taken, supply[label])
        if plan.balance == "equal":
            return (1, taken, supply[label])
        return (1, (2 * taken + 1) / supply[label], supply[label])

    def choose(taken: Counter[str], open_labels: set[str]) -> str | None:
        able = [label for label in open_labels if cap is None or taken[label] < cap]
        return min(able, key=lambda label: (key(label, taken[label]), label), default=None)

    return choose


def _apportioned(supply: Mapping[str, int], n: int, plan: SelectionPlan) -> dict[str, int]:
    """Items per label by balance, cap and floor alone, as if there were enough of each."""
    choose = _chooser(supply, n, plan)
    found: Counter[str] = Counter()
    for _ in range(n):
        label = choose(found, set(supply))
        if label is None:
            break
        found[label] += 1
    return {label: found[label] for label in supply}


def _positions(splits: Mapping[str, Sequence[Entry]]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for name, held in splits.items():
        for entry in held:
            found[f"{name}/{entry.item.task.value}"].update(entry.position)
    letters = string.ascii_uppercase
    return {
        name: {letters[at] if at < 26 else str(at + 1): n for at, n in sorted(counts.items())}
        for name, counts in found.items()
    }
