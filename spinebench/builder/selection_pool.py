"""The accepted items as a selection sees them: label, unit, image and quality of each."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spinebench.builder.records import Candidate, StandardImage
from spinebench.builder.selection_plan import SelectionPlan
from spinebench.builder.units import connected
from spinebench.records import Item, Task

_TIERS = 10
"""Within a tier of quality the evenness of positions decides, for figures of quality that differ by less say little."""


@dataclass(frozen=True)
class Entry:
    """An accepted item with what decides about it."""

    candidate: Candidate
    label: str
    unit: int
    """Items of one unit never stand in two splits."""
    pixels: str
    """Pixel hash; the image's id where the standardized image is not known."""
    poor: str | None
    """Why its picture is too poor, in words; None where it is not."""
    tier: int
    """0: the best tenth of its modality."""
    rank: float
    """Mean of the ranks of sharpness and contrast within the modality, 0 (best) to 1."""
    tie: str
    """Seeded hash: decides where all else is equal."""

    @property
    def item(self) -> Item:
        return self.candidate.item

    @property
    def position(self) -> tuple[int, ...]:
        """Positions of the right options."""
        return tuple(self.item.options.index(text) for text in self.item.gold if text in self.item.options)


def label_of(item: Item, *, localization: str = "levels") -> str:
    """What an item is balanced over: the disease of a diagnosis; levels (joined by ` + `) or disease of a localization;
    else the right option."""
    if item.task is Task.LOCALIZATION and localization == "levels":
        return " + ".join(item.levels or sorted(item.gold))
    return item.disease or " + ".join(item.gold) or "no label"


def entries(
    accepted: Sequence[Candidate], standard: Mapping[str, StandardImage], plan: SelectionPlan
) -> list[Entry]:
    """The accepted items in the order of their ids."""
    ordered = sorted(accepted, key=lambda one: one.item.id)
    images = [standard.get(one.image_id) for one in ordered]
    pixels = [
        one.image_id if image is None else image.pixel_hash
        for one, image in zip(ordered, images, strict=True)
    ]
    groups = [
        {one.group, one.group if image is None else image.group}
        for one, image in zip(ordered, images, strict=True)
    ]
    units = connected(
        [
            [("cluster", one.item.cluster), ("pixels", pixel), *(("group", group) for group in group_names)]
            for one, pixel, group_names in zip(ordered, pixels, groups, strict=True)
        ]
    )
    ranks = _ranks(ordered, standard)
    return [
        Entry(
            candidate=one,
            label=label_of(one.item, localization=plan.localization_label),
            unit=unit,
            pixels=pixel,
            poor=_poor(image, ranks.get(one.image_id, 1.0), plan),
            tier=min(_TIERS - 1, int(ranks.get(one.image_id, 1.0) * _TIERS)),
            rank=ranks.get(one.image_id, 1.0),
            tie=hashlib.sha256(f"{plan.seed}:{one.item.id}".encode()).hexdigest(),
        )
        for one, image, pixel, unit in zip(ordered, images, pixels, units, strict=True)
    ]


def _ranks(ordered: Sequence[Candidate], standard: Mapping[str, StandardImage]) -> dict[str, float]:
    """Per image id, 0 (best) to 1 within the modality; equal figures share the better rank, and so do equal means.

    The rank of the mean of ranks is taken once more, so that a share of the images lies below each value.
    """
    by_modality: dict[str, dict[str, StandardImage]] = defaultdict(dict)
    for one in ordered:
        if one.image_id in standard:
            by_modality[one.item.modality or ""][one.image_id] = standard[one.image_id]
    found: dict[str, float] = {}
    for images in by_modality.values():
        sharp = _order({name: image.quality.sharpness for name, image in images.items()})
        contrast = _order({name: image.quality.contrast for name, image in images.items()})
        both = _order({name: -(sharp[name] + contrast[name]) for name in images})
        found |= {name: place / len(images) for name, place in both.items()}
    return found


def _order(values: Mapping[str, float]) -> dict[str, int]:
    """How many values are greater than each."""
    first: dict[float, int] = {}
    for place, value in enumerate(sorted(values.values(), reverse=True)):
        first.setdefault(value, place)
    return {name: first[value] for name, value in values.items()}


def _poor(image: StandardImage | None, rank: float, plan: SelectionPlan) -> str | None:
    if not plan.has_quality_limits:
        return None
    if image is None:
        return "its quality is not known, and the plan sets limits"
    quality = image.quality
    limits = (
        ("sharpness", quality.sharpness, plan.min_sharpness),
        ("contrast", quality.contrast, plan.min_contrast),
        ("shortest side", quality.shortest_side, plan.min_shortest_side),
    )
    for what, value, least in limits:
        if not value >= least:  # a figure that is no number is too poor, too
            return f"{what} {value:g}, expected at least {least:g}"
    if rank >= plan.best_quantile:
        return f"rank {rank:.4f} of its modality's images, expected one below {plan.best_quantile:g}"
    return None
