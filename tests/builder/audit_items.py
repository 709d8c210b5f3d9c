"""Drawn items without pictures, clean or with a planted shortcut, for the tests of the audit. Nothing is real."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from spinebench.builder.audit.facts import ImageFacts
from spinebench.records import ImageRef, Item, Task

DISEASES = (
    "Disc space narrowing",
    "Foraminal stenosis",
    "Osteophytes",
    "Spinal Canal Stenosis",
    "Spondylolisthesis",
    "Vertebral collapse",
)
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
WORDINGS = (
    "Which finding does the image show?",
    "What is the most likely diagnosis here?",
    "Name the abnormality in this picture.",
    "Choose the diagnosis that fits best.",
)

Plant = Callable[[random.Random, dict[str, Any]], None]
"""Changes the fields of an item that are drawn: `question`, `options`, `modality`, `facts`, ..."""


def diagnoses(
    n: int,
    *,
    seed: int = 0,
    plant: Plant | None = None,
    share: float = 1.0,
    prefix: str = "i",
    items_per_cluster: int = 1,
) -> tuple[list[Item], dict[str, ImageFacts]]:
    """`n` diagnosis items: a disease or Healthy, all equally frequent, with Healthy and three or four random others;
    wording, modality and size of the image say nothing. `plant` is applied to a share of them."""
    rng = random.Random(f"{prefix}{seed}")
    items, facts = [], {}
    for at in range(n):
        truth = rng.choice(("Healthy", *DISEASES))
        others = rng.sample([name for name in DISEASES if name != truth], 4 if truth == "Healthy" else 3)
        options = [*dict.fromkeys([truth, "Healthy", *others])]
        rng.shuffle(options)
        fields: dict[str, Any] = {
            "truth": truth,
            "question": rng.choice(WORDINGS),
            "options": options,
            "modality": rng.choice(["MRI", "X-ray"]),
            "source": rng.choice(["one", "two"]),
            "region": rng.choice(["lumbar", "cervical"]),
            "view": rng.choice(["AP", "lateral"]),
            "width": rng.randrange(400, 600),
        }
        if plant is not None and rng.random() < share:
            plant(rng, fields)
        path = f"{fields.get('folder', '')}{prefix}{at}.png"
        items.append(
            Item(
                id=f"{prefix}{at:05}",
                benchmark="drawn",
                task=Task.DIAGNOSIS,
                question=fields["question"],
                options=tuple(fields["options"]),
                gold=(fields["truth"],),
                images=(ImageRef(path=path, view=fields["view"]),),
                disease=fields["truth"],
                modality=fields["modality"],
                region=fields["region"],
                source=fields["source"],
                cluster=f"{prefix}-p{at // items_per_cluster}",
            )
        )
        facts[path] = ImageFacts(width=fields["width"], height=512)
    return items, facts


def localizations(n: int, *, seed: int = 0, plant: Plant | None = None, prefix: str = "l") -> list[Item]:
    """`n` localization items: one or two neighbouring levels, all five offered in random order."""
    rng = random.Random(f"{prefix}{seed}")
    items = []
    for at in range(n):
        first = rng.randrange(5)
        gold = LEVELS[first : first + rng.choice([1, 2])]
        options = list(LEVELS)
        rng.shuffle(options)
        fields: dict[str, Any] = {"gold": gold, "question": rng.choice(WORDINGS), "options": options}
        if plant is not None:
            plant(rng, fields)
        items.append(
            Item(
                id=f"{prefix}{at:05}",
                benchmark="drawn",
                task=Task.LOCALIZATION,
                question=fields["question"],
                options=tuple(fields["options"]),
                gold=tuple(fields["gold"]),
                images=(ImageRef(path=f"{prefix}{at}.png"),),
                disease="Osteophytes",
                levels=tuple(fields["gold"]),
                modality="MRI",
                source="one",
                cluster=f"{prefix}-p{at}",
            )
        )
    return items
