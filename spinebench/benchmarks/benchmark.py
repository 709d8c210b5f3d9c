"""A loaded benchmark: its items, what was wrong with its file, its hashes, and images to swap in."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from spinebench.benchmarks.hashing import FileHashes
from spinebench.benchmarks.problems import InvalidRecord
from spinebench.benchmarks.sidecar import Sidecar
from spinebench.benchmarks.swapping import SwapIndex
from spinebench.errors import DataError, UsageError
from spinebench.records import BenchmarkInfo, ImageRef, Item, canonical_json


@dataclass(frozen=True)
class Benchmark:
    """A list of items and the folder of their images. Made by `load_benchmark`."""

    info: BenchmarkInfo
    items: tuple[Item, ...]
    image_root: Path
    invalid: tuple[InvalidRecord, ...] = ()
    """Records that gave no item; empty unless loaded with `skip_invalid`."""
    duplicates: tuple[tuple[str, ...], ...] = ()
    """Ids of items made from records that say the same, in file order: `(x, x-2, x-3)`."""

    def item(self, item_id: str) -> Item:
        """The item with this id. Raises `UsageError` where there is none."""
        found = self._by_id.get(item_id)
        if found is None:
            raise UsageError(
                f"item {item_id!r} of benchmark {self.info.name!r}: expected one of its {len(self.items)} "
                "ids; "
                f"list them with 'spinebench data show {self.info.path}'"
            )
        return found

    def hash(self, *, cache_file: Path | None = None) -> str:
        """SHA-256 over `info.items_hash` and the bytes of every image file, whatever the order of items.

        Files are read in pieces. With `cache_file`, a file of unchanged size and times is not read again.
        Raises `ImageError` (a `DataError`) for the first image that cannot be read.
        """
        paths = sorted({image.path for item in self.items for image in item.images})
        with FileHashes(self.image_root, cache_file=cache_file) as hashes:
            images = [[path, hashes.sha256(path)] for path in paths]
        return hashlib.sha256(canonical_json([self.info.items_hash, images]).encode()).hexdigest()

    def swapped_image(self, item: Item, *, seed: int, position: int = 0) -> tuple[Item, ImageRef]:
        """Another item's image of another disease, to be shown in place of `item.images[position]`.

        The donor depends on the benchmark's items, the seed and the item alone. It shows another cluster and
        no disease that the item's own images show; where no disease is known (a localization), other gold
        levels; where neither is, any image of another cluster will do.
        Same modality and task are preferred, then same modality, then anything. Several images of one item
        are swapped for those of one donor, which repeat where it has fewer.

        Raises `DataError` where no other image qualifies.
        """
        donor = self._swap_index.donor(item, seed=seed)
        if donor is None:
            raise DataError(
                f"image to swap in for item {item.id!r}: expected another item's image of another disease, "
                f"the benchmark {self.info.name!r} has none; leave out the image condition 'swapped'"
            )
        return donor, donor.images[position % len(donor.images)]

    @cached_property
    def _by_id(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def _swap_index(self) -> SwapIndex:
        return SwapIndex(self.items)


def describe(items: Sequence[Item], *, file: Path, file_format: str, sidecar: Sidecar) -> BenchmarkInfo:
    """The info record of a benchmark's items."""
    names = sorted({item.benchmark for item in items})
    return BenchmarkInfo.model_validate(
        {
            "name": sidecar.name or "+".join(names) or file.stem,
            "format": file_format,
            "path": file.name,
            "n_items": len(items),
            "n_by_task": dict(sorted(Counter(item.task.value for item in items).items())),
            "n_clusters": len({item.cluster for item in items}),
            "items_hash": items_hash(items),
            "simulated": sidecar.simulated or any(item.metadata.get("simulated") is True for item in items),
        }
    )


def items_hash(items: Iterable[Item]) -> str:
    """SHA-256 over the items in canonical form, whatever their order; image digests are no part of it.

    Fields at their defaults are left out, so that a later optional field changes no hash.
    """
    exclude = {"images": {"__all__": {"sha256"}}}
    digests = sorted(
        hashlib.sha256(
            json.dumps(
                item.model_dump(mode="json", exclude=exclude, exclude_defaults=True),
                sort_keys=True,
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
        ).digest()
        for item in items
    )
    return hashlib.sha256(b"".join(digests)).hexdigest()
