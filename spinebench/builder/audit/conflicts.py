"""Items about one picture whose gold answers cannot all be right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from spinebench.builder.audit.report import Conflict, Conflicts
from spinebench.builder.audit.same_pictures import Pictures
from spinebench.evaluators.taxonomy import disease_label
from spinebench.records import MULTIPLE_ANSWER_TASKS, Item, Task
from spinebench.terms import HEALTHY, fold

_EXAMPLES = 50


@dataclass(frozen=True)
class _Claim:
    """All that decides whether two items about one picture contradict each other; items of one claim agree."""

    task: Task
    answers: frozenset[str]
    offered: frozenset[str]
    about: str | None
    """The disease asked about, of a task with several right answers; the question, of any other but a diagnosis."""


class ConflictCounts:
    """Counts pairs of items that contradict each other.

    One right answer: they do where one offers what is right in the other (in a diagnosis also where one says
    `Healthy` and the other does not); items that are no diagnosis only where they ask the same. Several right
    answers: where they ask about one disease, or do not say which, and the sets differ.
    """

    def __init__(self, splits: Mapping[str, Sequence[Item]], pictures: Pictures) -> None:
        self._pictures = pictures
        self._claims: dict[frozenset[int], dict[_Claim, list[tuple[str, Item]]]] = defaultdict(dict)
        for split, items in splits.items():
            for item in items:
                if item.gold and item.images:
                    claims = self._claims[pictures.of(split, item)]
                    claims.setdefault(_claim(item), []).append((split, item))
        self._n = {"same_image": 0, "near_duplicate": 0}
        self._n_apart = 0
        self._examples: dict[str, list[Conflict]] = {"same_image": [], "near_duplicate": []}
        for claims in self._claims.values():
            for one, other in combinations(claims, 2):
                if one.task is not other.task or one.answers == other.answers:
                    continue
                if contradict(one, other):
                    self._add("same_image", claims[one], claims[other])
                else:
                    self._n_apart += len(claims[one]) * len(claims[other])

    def add_near(self, first: int, second: int) -> None:
        """Two different pictures that look alike; items that show several pictures are not compared."""
        left, right = self._claims.get(frozenset({first}), {}), self._claims.get(frozenset({second}), {})
        for one, other in product(left, right):
            if one.task is other.task and contradict(one, other):
                self._add("near_duplicate", left[one], right[other])

    def conflicts(self) -> Conflicts:
        return Conflicts(
            n_same_image=self._n["same_image"],
            n_near=self._n["near_duplicate"],
            n_asked_apart=self._n_apart,
            examples=(*self._examples["same_image"], *self._examples["near_duplicate"]),
        )

    def _add(self, kind: str, left: Sequence[tuple[str, Item]], right: Sequence[tuple[str, Item]]) -> None:
        self._n[kind] += len(left) * len(right)
        examples = self._examples[kind]
        if len(examples) < _EXAMPLES:
            (split, one), (there, other) = left[0], right[0]
            examples.append(
                Conflict.model_validate(
                    {
                        "kind": kind,
                        "task": one.task,
                        "items": (one.id, other.id),
                        "gold": (one.gold, other.gold),
                        "images": (one.images[0].path, other.images[0].path),
                        "splits": (split, there),
                    }
                )
            )


def contradict(one: _Claim, other: _Claim) -> bool:
    """Whether two claims of one task about one picture cannot both be right."""
    if one.answers == other.answers:
        return False
    if one.task in MULTIPLE_ANSWER_TASKS:
        return one.about is None or other.about is None or one.about == other.about
    if one.task is Task.DIAGNOSIS and HEALTHY in one.answers | other.answers:
        return True
    return one.about == other.about and bool(one.offered & other.answers or other.offered & one.answers)


def _claim(item: Item) -> _Claim:
    name = disease_label if item.task is Task.DIAGNOSIS else fold
    about: str | None
    if item.task in MULTIPLE_ANSWER_TASKS:
        about = None if item.disease is None else disease_label(item.disease)
    else:
        about = None if item.task is Task.DIAGNOSIS else fold(item.question)
    return _Claim(
        task=item.task,
        answers=frozenset(name(text) for text in item.gold),
        offered=frozenset(name(text) for text in item.options),
        about=about,
    )
