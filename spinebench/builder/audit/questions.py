"""The items of one task as choices: which answers each allows, which is right, and where folds are cut."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spinebench.builder.audit.choice_model import Choices
from spinebench.builder.audit.facts import Facts, same_image_names
from spinebench.builder.units import connected
from spinebench.evaluators.chance import random_subset
from spinebench.evaluators.clustered import FloatArray, IntArray
from spinebench.evaluators.taxonomy import disease_label
from spinebench.records import MULTIPLE_ANSWER_TASKS, Item, Task
from spinebench.terms import fold

_MOST_CLASSES = 64
_LEAST_OFFERED = 5
"""Option texts offered less often share one class: nothing can be learned about each."""
_MOST_NAMES = 500
"""Different answers up to which each is looked for in the others."""


@dataclass(frozen=True)
class Questions:
    """Items of one task and split that have options and a right one."""

    split: str
    task: Task
    items: tuple[Item, ...]
    choices: Choices
    """Single answer: places are the options. Several answers: places are the sets of options that are right in any
    item, the most frequent ones."""
    members: tuple[tuple[str, ...], ...]
    """Several answers: the options of each place; else empty."""
    class_of: Mapping[str, str]
    """Option text -> the answer that it stands for, however it is written."""
    chance: FloatArray
    """Per item: expected share of right answers by guessing: 1 / options, or of a random non-empty set."""
    clusters: IntArray
    folds: IntArray
    n_folds: int
    """Folds that could be cut; below 2 nothing can be trained."""

    @property
    def several(self) -> bool:
        return self.task in MULTIPLE_ANSWER_TASKS

    def jaccard(self, probabilities: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Per item: Jaccard index of the set with the greatest expected one by these probabilities, and that of a
        random non-empty set."""
        sets = [frozenset(one) for one in self.members]
        between = np.array([[_jaccard(one, other) for other in sets] for one in sets])
        expected = np.where(self.choices.offered >= 0, probabilities @ between, -1.0)
        best = np.argmax(np.round(expected, 9), axis=1)
        gold = [frozenset(item.gold) for item in self.items]
        known: dict[tuple[int, frozenset[str]], float] = {}
        found = np.array(
            [
                known.setdefault((place, truth), _jaccard(sets[place], truth))
                for place, truth in zip(best.tolist(), gold, strict=True)
            ]
        )
        by_guess = {
            key: random_subset(*key).jaccard
            for key in {(len(item.options), len(item.gold)) for item in self.items}
        }
        return found, np.array([by_guess[len(item.options), len(item.gold)] for item in self.items])


def questions_of(
    split: str, task: Task, items: Sequence[Item], facts: Facts | None, *, folds: int, seed: int
) -> Questions | None:
    """The items of a task that can be answered by choosing, or None where there are none."""
    usable = tuple(
        item
        for item in items
        if item.task is task and len(item.options) > 1 and item.gold and set(item.gold) <= set(item.options)
    )
    if not usable:
        return None
    class_of = classes(usable)
    if task in MULTIPLE_ANSWER_TASKS:
        choices, members = _sets(usable)
        by_size = {
            key: random_subset(*key).exact for key in {(len(item.options), len(item.gold)) for item in usable}
        }
        chance = np.array([by_size[len(item.options), len(item.gold)] for item in usable])
    else:
        choices, members = _single(usable, class_of), ()
        chance = np.array([1 / len(item.options) for item in usable])
    codes: dict[str, int] = {}
    clusters = np.array([codes.setdefault(item.cluster, len(codes)) for item in usable], dtype=np.int64)
    fold, n_folds = _folds(split, usable, facts, folds, seed)
    return Questions(
        split=split,
        task=task,
        items=usable,
        choices=choices,
        members=members,
        class_of=class_of,
        chance=chance,
        clusters=clusters,
        folds=fold,
        n_folds=n_folds,
    )


def classes(items: Sequence[Item]) -> dict[str, str]:
    """Option text -> the answer that it stands for: its disease, else its folded text.

    A text that is no known disease's is another spelling of the disease of the items in which it is right, or of the
    longest other text whose words it holds, provided that the two never stand in one item: else an answer that is
    written with more words where it is right would pass for a label of its own.
    """
    own = {text: disease_label(fold(text)) for item in items for text in item.options}
    beside: defaultdict[str, set[str]] = defaultdict(set)
    right: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        offered = [own[text] for text in item.options]
        for text in offered:
            beside[text].update(offered)
        if item.task is Task.DIAGNOSIS and item.disease:
            right[own[item.gold[0]]][disease_label(fold(item.disease))] += 1
    names = sorted(beside, key=lambda name: (-len(name), name))
    holds = {
        name: re.compile(rf"(?<!\w){re.escape(fold(name))}(?!\w)")
        for name in names
        if len(names) <= _MOST_NAMES
    }
    meant: dict[str, str] = {}
    for name in names:
        stated = min(right[name], key=lambda one: (-right[name][one], one), default=name)
        held = (
            one for one in names if len(one) < len(name) and one in holds and holds[one].search(fold(name))
        )
        for one in (stated, *held):
            if one != name and one in beside and one not in beside[name]:
                meant[name] = one
                break
    return {text: meant.get(name, name) for text, name in own.items()}


def _single(items: Sequence[Item], class_of: Mapping[str, str]) -> Choices:
    offered = Counter(class_of[text] for item in items for text in item.options)
    known = sorted(
        (text for text, n in offered.items() if n >= _LEAST_OFFERED), key=lambda t: (-offered[t], t)
    )
    code = {text: at for at, text in enumerate(known[:_MOST_CLASSES])}
    width = max(len(item.options) for item in items)
    table = np.full((len(items), width), -1, dtype=np.int64)
    for row, item in enumerate(items):
        table[row, : len(item.options)] = [code.get(class_of[text], len(code)) for text in item.options]
    right = np.array([item.options.index(item.gold[0]) for item in items], dtype=np.int64)
    return Choices(table, right, len(code) + 1)


def _sets(items: Sequence[Item]) -> tuple[Choices, tuple[tuple[str, ...], ...]]:
    golds = [tuple(sorted(set(item.gold))) for item in items]
    counts = Counter(golds)
    places = sorted(counts, key=lambda one: (-counts[one], one))[:_MOST_CLASSES]
    code = {one: at for at, one in enumerate(places)}
    all_places = np.arange(len(places), dtype=np.int64)
    fitting: dict[frozenset[str], IntArray] = {}
    table = np.empty((len(items), len(places)), dtype=np.int64)
    for row, item in enumerate(items):
        options = frozenset(item.options)
        if options not in fitting:
            fits = np.array([options.issuperset(one) for one in places])
            fitting[options] = np.where(fits, all_places, -1)
        table[row] = fitting[options]
    # An item whose own set is too rare to be a place may fit none: then the first place stands for it, never right.
    empty = (table < 0).all(axis=1)
    table[empty, 0] = 0
    right = np.array([code.get(one, -1) for one in golds], dtype=np.int64)
    return Choices(table, right, len(places)), tuple(places)


def _folds(
    split: str, items: Sequence[Item], facts: Facts | None, folds: int, seed: int
) -> tuple[IntArray, int]:
    """The fold of each item; clusters and copies of an image are in one fold. Units go, in seeded order, to the fold
    with the fewest items."""
    units = connected(
        [
            [
                ("cluster", item.cluster),
                *(name for image in item.images for name in same_image_names(split, image, facts)),
            ]
            for item in items
        ]
    )
    sizes = Counter(units)
    least: dict[int, str] = {}
    for unit, item in zip(units, items, strict=True):
        least[unit] = min(least.get(unit, item.id), item.id)
    order = sorted(sizes, key=lambda unit: hashlib.sha256(f"{seed}:{least[unit]}".encode()).hexdigest())
    n = min(folds, len(order))
    filled = [0] * n
    fold_of: dict[int, int] = {}
    for unit in order:
        fold_of[unit] = min(range(n), key=lambda at: (filled[at], at))
        filled[fold_of[unit]] += sizes[unit]
    return np.array([fold_of[unit] for unit in units], dtype=np.int64), n


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    either = len(one | other)
    return len(one & other) / either if either else 0.0
