"""The different pictures of a benchmark's splits, who asks about each, and which of them look alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from spinebench.builder.audit.facts import Facts, facts_of, same_image_names
from spinebench.builder.near_duplicates import near_pairs
from spinebench.builder.units import connected
from spinebench.records import ImageRef, Item


class Pictures:
    """Pictures by number: images that share pixels, bytes or, where neither is known, a path, have one number."""

    def __init__(self, splits: Mapping[str, Sequence[Item]], facts: Facts | None) -> None:
        places = list(
            dict.fromkeys(
                (split, image) for split, items in splits.items() for item in items for image in item.images
            )
        )
        numbers = connected([same_image_names(split, image, facts) for split, image in places])
        self._number: dict[tuple[str, ImageRef], int] = dict(zip(places, numbers, strict=True))
        self.paths: dict[int, dict[str, str]] = defaultdict(dict)
        """Number -> split -> the first path that it has there."""
        hashes: dict[str, dict[int, None]] = defaultdict(dict)
        self.n_known = 0
        """Pictures of which a picture hash is known."""
        known: set[int] = set()
        for (split, image), number in self._number.items():
            self.paths[number].setdefault(split, image.path)
            found = facts_of(split, image, facts).picture_hash
            if found is not None:
                hashes[found][number] = None
                known.add(number)
        self.n = len(self.paths)
        self.n_known = len(known)
        self._hashes = {text: tuple(hashes[text]) for text in sorted(hashes)}

    def of(self, split: str, item: Item) -> frozenset[int]:
        """The pictures of an item."""
        return frozenset(self._number[split, image] for image in item.images)

    def of_split(self, split: str) -> int:
        """Different pictures of a split."""
        return sum(split in places for places in self.paths.values())

    def alike(self, near_bits: int) -> Iterator[tuple[int, int]]:
        """Pairs of different pictures whose hashes differ in at most `near_bits` bits, none held in memory."""
        for numbers in self._hashes.values():
            yield from combinations(numbers, 2)
        texts = list(self._hashes)
        for pair in near_pairs(texts, texts, max_bits=near_bits):
            for one, other in product(self._hashes[pair.id], self._hashes[pair.other]):
                if one != other:
                    yield one, other
