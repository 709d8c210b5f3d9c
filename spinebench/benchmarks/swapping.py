"""Finds, for the image condition `swapped`, another item's image of another disease."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from spinebench.records import Item, Task

_DRAWS = 64


class SwapIndex:
    """Donors by task and modality, one per image, and the labels that each image is known to show."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._diseases: dict[str, set[str]] = defaultdict(set)
        self._levels: dict[str, set[str]] = defaultdict(set)
        first: dict[tuple[Task, str], Item] = {}
        for item in sorted((item for item in items if item.images), key=lambda item: item.id):
            for image in item.images:
                if item.disease is not None:
                    self._diseases[image.path].add(item.disease)
                self._levels[image.path].update(item.levels)
            first.setdefault((item.task, item.images[0].path), item)
        self._same_both: dict[tuple[Task, str | None], list[Item]] = defaultdict(list)
        self._same_modality: dict[str | None, list[Item]] = defaultdict(list)
        self._all = list(first.values())
        for item in self._all:
            self._same_both[item.task, item.modality].append(item)
            self._same_modality[item.modality].append(item)

    def donor(self, item: Item, *, seed: int) -> Item | None:
        """The item whose images are shown instead; None where none qualifies or the item has no image."""
        if not item.images:
            return None
        pools = (
            self._same_both.get((item.task, item.modality), []),
            self._same_modality.get(item.modality, []),
            self._all,
        )
        for pool in pools:
            for candidate in _draws(pool, seed=seed, item_id=item.id):
                if self._differs(item, candidate):
                    return candidate
        return None

    def _differs(self, item: Item, candidate: Item) -> bool:
        if candidate.cluster == item.cluster:
            return False
        if {image.path for image in candidate.images} & {image.path for image in item.images}:
            return False
        own, other = self._shown(item, self._diseases), self._shown(candidate, self._diseases)
        if item.disease is not None:
            own = own | {item.disease}
        if own and other:
            return not own & other
        # A disease is unknown on one side: for a localization the levels can still differ for certain.
        own_levels, other_levels = self._shown(item, self._levels), self._shown(candidate, self._levels)
        if own_levels and other_levels:
            return own_levels != other_levels
        return not own and not own_levels

    @staticmethod
    def _shown(item: Item, by_path: dict[str, set[str]]) -> set[str]:
        return {label for image in item.images for label in by_path.get(image.path, ())}


def _draws(pool: Sequence[Item], *, seed: int, item_id: str) -> Iterator[Item]:
    """The pool in an order that seed and item fix: a few independent draws first, then all of it from a
    point.

    Draws reach a candidate at once in a large pool; the walk behind them reaches every candidate there is.
    """
    if not pool:
        return
    for draw in range(_DRAWS):
        word = hashlib.sha256(f"{seed}\0{item_id}\0{draw}".encode()).digest()[:8]
        start = int.from_bytes(word) % len(pool)
        yield pool[start]
    yield from pool[start:]
    yield from pool[:start]
