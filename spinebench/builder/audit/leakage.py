"""What two splits share: patients and studies, pictures, pictures that look alike, whole items."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from spinebench.builder.audit.report import Overlap
from spinebench.builder.audit.same_pictures import Pictures
from spinebench.records import Item
from spinebench.terms import fold

_EXAMPLES = 20
Key = TypeVar("Key", bound=Hashable)


def overlaps(splits: Mapping[str, Sequence[Item]], pictures: Pictures) -> tuple[Overlap, ...]:
    """Clusters, pictures and items that two splits share, for each pair of splits; `n` is 0 where there are none.

    Near duplicates are counted by `NearOverlaps`. One split: ().
    """
    found = []
    clusters = {split: {item.cluster: item.cluster for item in items} for split, items in splits.items()}
    shown = {
        split: {number: places[split] for number, places in pictures.paths.items() if split in places}
        for split in splits
    }
    asked = {split: _by_content(split, items, pictures) for split, items in splits.items()}
    for one, other in combinations(splits, 2):
        found += [
            _shared("clusters", one, other, clusters),
            _shared("images", one, other, shown),
            _shared("items", one, other, asked),
        ]
    return tuple(found)


class NearOverlaps:
    """Counts pairs of pictures that look alike in two splits, as they come."""

    def __init__(self, splits: Sequence[str], pictures: Pictures) -> None:
        self._pictures = pictures
        self._pairs = list(combinations(splits, 2))
        self._n = dict.fromkeys(self._pairs, 0)
        self._examples: dict[tuple[str, str], list[tuple[str, str]]] = {pair: [] for pair in self._pairs}

    def add(self, first: int, second: int) -> None:
        """Two different pictures that look alike."""
        places, there = self._pictures.paths[first], self._pictures.paths[second]
        for one, other in self._pairs:
            for left, right in ((places, there), (there, places)):
                if one in left and other in right:
                    self._n[one, other] += 1
                    if len(self._examples[one, other]) < _EXAMPLES:
                        self._examples[one, other].append((left[one], right[other]))

    def overlaps(self) -> tuple[Overlap, ...]:
        return tuple(
            Overlap(
                kind="near_duplicates", one=one, other=other, n=n, examples=tuple(self._examples[one, other])
            )
            for (one, other), n in self._n.items()
        )


def _shared(kind: str, one: str, other: str, held: Mapping[str, Mapping[Key, str]]) -> Overlap:
    pairs = sorted((held[one][key], held[other][key]) for key in held[one].keys() & held[other].keys())
    return Overlap.model_validate(
        {"kind": kind, "one": one, "other": other, "n": len(pairs), "examples": pairs[:_EXAMPLES]}
    )


def _by_content(split: str, items: Sequence[Item], pictures: Pictures) -> dict[Hashable, str]:
    found: dict[Hashable, str] = {}
    for item in items:
        options = tuple(sorted(fold(text) for text in item.options))
        found.setdefault((item.task, fold(item.question), options, pictures.of(split, item)), item.id)
    return found
