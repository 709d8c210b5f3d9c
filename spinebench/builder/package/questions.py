"""Accepted candidates as the items of a package: images at their place in it, and nothing of the building machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from spinebench.benchmarks.load import load_benchmark
from spinebench.benchmarks.native import write_native
from spinebench.benchmarks.pathology_writing import write_pathology
from spinebench.builder.package.card import SplitCounts
from spinebench.builder.package.machine_paths import machine_paths_in, without_machine_paths
from spinebench.builder.package.plan import NAME, PackagePlan
from spinebench.builder.package.pointers import public_id, with_public_ids
from spinebench.builder.record_files import write_json
from spinebench.builder.records import Candidate, LabelledImage, StandardImage
from spinebench.errors import DataError, UsageError
from spinebench.records import ImageRef, Item

_TAKEN: Final = frozenset(
    {
        "card",
        "croissant",
        "images",
        "ledger",
        "licences",
        "pointers",
        "provenance",
        "sha256sums",
        "standardizing",
        "verify",
    }
)
"""Names that other files of a package have."""


def check_split_names(names: Sequence[str]) -> None:
    """Raise `UsageError` for a name that cannot be a file's, or that another file of the package has."""
    folded = [name.casefold() for name in names]
    for name in names:
        if not re.match(NAME, name) or name.casefold() in _TAKEN or folded.count(name.casefold()) > 1:
            raise UsageError(
                f"split {name!r}: expected letters, digits, '.', '_' or '-', each name once, and none of "
                f"{', '.join(sorted(_TAKEN))}; rename it in the plan"
            )


def packaged_items(
    candidates: Sequence[Candidate],
    paths: Mapping[str, str],
    labelled: Mapping[str, LabelledImage],
    standard: Mapping[str, StandardImage],
) -> tuple[Item, ...]:
    """The items in their order, with the image's path and hash in the package.

    Absolute paths leave the metadata; clusters and ids that look like a name, a date or a record number become hashes.

    Raises `DataError` for an item without exactly one image, of another source than its image, or with an absolute
    path in what is asked.
    """
    items = []
    for candidate in candidates:
        item = candidate.item
        source = labelled[candidate.image_id].source
        if len(item.images) != 1:
            raise DataError(
                f"item {item.id!r}: expected one image, found {len(item.images)}; the builder asks about single images"
            )
        if item.source not in {None, source}:
            raise DataError(
                f"source {item.source!r} of item {item.id!r}: expected that of its image, {source!r}; build the items "
                "again"
            )
        image = ImageRef(
            path=paths[candidate.image_id],
            sha256=standard[candidate.image_id].sha256,
            modality=item.images[0].modality,
            view=item.images[0].view,
            level=item.images[0].level,
        )
        item = item.model_copy(
            update={
                "images": (image,),
                "source": source,
                "cluster": public_id(item.cluster),
                "metadata": with_public_ids(without_machine_paths(item.metadata)),
            }
        )
        for place, path in machine_paths_in(item.model_dump(mode="json", exclude_defaults=True)):
            raise DataError(
                f"{place} of item {item.id!r}: expected nothing of the building machine, found the path {path!r}; "
                "correct the label files or the question pool"
            )
        items.append(item)
    return tuple(items)


def write_split(
    folder: Path, name: str, items: Sequence[Item], *, plan: PackagePlan, simulated: Sequence[str]
) -> SplitCounts:
    """Write the question files of a split and its `<name>.meta.json`, read them again, and return the counts."""
    native = released = None
    counts = None
    write_json(
        folder / f"{name}.meta.json",
        {
            "name": f"{plan.name}-{name}",
            "simulated": bool(simulated),
            **({"simulated_parts": list(simulated)} if simulated else {}),
            "version": plan.version,
        },
    )
    if "released" in plan.formats:
        released = f"{name}.json"
        write_pathology(folder / released, map(_with_identity, items))
        counts = load_benchmark(folder / released).info
    if "native" in plan.formats:
        native = f"{name}.jsonl"
        write_native(folder / native, items)
        counts = load_benchmark(folder / native).info
    assert counts is not None, "a plan without formats"
    if counts.n_items != len(items):
        raise DataError(
            f"split {name!r}: expected {len(items)} questions to be read back, found {counts.n_items}"
        )
    return SplitCounts(
        name=name,
        native=native,
        released=released,
        n_items=counts.n_items,
        n_by_task=counts.n_by_task,
        n_clusters=len({item.cluster for item in items}),
        n_images=len({image.path for item in items for image in item.images}),
        items_hash=counts.items_hash,
    )


def _with_identity(item: Item) -> Item:
    """Metadata that tells what the released format has no field for, so that both files can be joined."""
    told = {"item_id": item.id, "cluster": item.cluster, "region": item.region, "language": item.language}
    told = {name: value for name, value in told.items() if value is not None and name not in item.metadata}
    return item.model_copy(update={"metadata": {**told, **item.metadata}})
