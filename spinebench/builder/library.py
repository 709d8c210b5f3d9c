"""The library: some images of every disease, which all other images are compared with."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from spinebench.builder.record_files import write_json
from spinebench.builder.records import LabelledImage, StandardImage
from spinebench.errors import DataError
from spinebench.records import Record

LIBRARY_FILE: Final = "library.json"


class LibrarySpec(Record):
    """How many images stand for a disease."""

    per_disease: int = Field(
        default=200, ge=1, description="Images of each disease; fewer where the data have fewer."
    )


class LibraryClass(Record):
    """The images that stand for one disease, or for `Healthy`."""

    label: str
    images: tuple[str, ...]
    """Ids, ascending."""
    n_available: int
    """Images of this label."""
    n_groups: int
    """Near-duplicate groups among them: the most that could be drawn."""
    n_clusters: int
    """Patients (or studies) among them."""


class Library(Record):
    """`library.json`: what was drawn, and from how much.

    An image with several diseases may stand for each of them.
    """

    seed: int
    per_disease: int
    diseases: tuple[LibraryClass, ...]
    """In the order of the vocabulary, also those without an image."""
    healthy: LibraryClass
    """Apart: no image is compared with it for its options; the comparison of encoders uses it."""

    @property
    def short(self) -> tuple[LibraryClass, ...]:
        """Diseases with fewer images than asked for."""
        return tuple(one for one in self.diseases if len(one.images) < self.per_disease)

    def classes(self) -> tuple[LibraryClass, ...]:
        """The diseases and, where it has images, `Healthy`, last."""
        return (*self.diseases, *((self.healthy,) if self.healthy.images else ()))


def draw_library(
    images: Sequence[StandardImage],
    labelled: Mapping[str, LabelledImage],
    spec: LibrarySpec,
    *,
    diseases: Sequence[str],
    healthy: str,
    seed: int,
) -> Library:
    """Draw up to `per_disease` images of each disease: over clusters, and one of a near-duplicate group.

    Clusters (patients) and the images in them are put in an order by a hash of seed, label and name. One image of every
    cluster is taken in turn, then a second one, until there are enough: a patient with many slices does not fill the
    library. The draw of a disease does not depend on the other diseases, nor on the order of `images`.
    `labelled` is by image id; a `StandardImage` without its labels raises `DataError`.
    """
    if missing := sorted(one.id for one in images if one.id not in labelled):
        raise DataError(
            f"image {missing[0]!r}: expected its labels beside its picture, {len(missing)} have none; build again"
        )
    members: dict[str, list[StandardImage]] = defaultdict(list)
    for image in images:
        for label in labels_of(labelled[image.id], healthy):
            members[label].append(image)

    def drawn(label: str) -> LibraryClass:
        found = members[label]
        return LibraryClass(
            label=label,
            images=_draw(found, labelled, spec.per_disease, f"{seed}\0{label}"),
            n_available=len(found),
            n_groups=len({one.group for one in found}),
            n_clusters=len({labelled[one.id].cluster for one in found}),
        )

    return Library(
        seed=seed,
        per_disease=spec.per_disease,
        diseases=tuple(drawn(label) for label in diseases),
        healthy=drawn(healthy),
    )


def labels_of(image: LabelledImage, healthy: str) -> tuple[str, ...]:
    """Diseases of an image that count, else `healthy` where the image is; nothing where neither is known."""
    return image.diseases or ((healthy,) if image.healthy else ())


def write_library(folder: Path, library: Library) -> None:
    """Write `library.json`."""
    write_json(folder / LIBRARY_FILE, library.model_dump(mode="json"))


def _draw(
    images: Sequence[StandardImage], labelled: Mapping[str, LabelledImage], wanted: int, salt: str
) -> tuple[str, ...]:
    def order(name: str) -> str:
        return hashlib.sha256(f"{salt}\0{name}".encode()).hexdigest()

    by_cluster: dict[str, list[StandardImage]] = defaultdict(list)
    for image in sorted(images, key=lambda one: order(one.id)):
        by_cluster[labelled[image.id].cluster].append(image)
    waiting = [iter(by_cluster[name]) for name in sorted(by_cluster, key=order)]
    taken: dict[str, str] = {}
    while waiting and len(taken) < wanted:
        left = []
        for cluster in waiting:
            # A group may reach over clusters; the first that is drawn of it stands for all.
            found = next((one for one in cluster if one.group not in taken), None)
            if found is None:
                continue
            if len(taken) < wanted:
                taken[found.group] = found.id
            left.append(cluster)
        waiting = left
    return tuple(sorted(taken.values()))
