"""Small builds that are at their review, and simulated reviewers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spinebench.builder.record_files import write_records
from spinebench.builder.records import Candidate, Finding, LabelledImage, ReviewDecision
from spinebench.builder.review.desk import Desks
from spinebench.builder.review.plan import ReviewPlan
from spinebench.builder.review.queue import write_queue
from spinebench.records import ImageRef, Item, Task

OPTIONS = ("Healthy", "Osteophytes", "Spondylolisthesis", "Vertebral collapse", "Disc space narrowing")
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")


def candidate(number: int = 0, **changes: Any) -> Candidate:
    """A diagnosis of osteophytes, one image; `changes` go to the item."""
    fields: dict[str, Any] = {
        "id": f"item-{number:03}",
        "benchmark": "b",
        "task": Task.DIAGNOSIS,
        "question": f"Which disease does image {number} show?",
        "options": OPTIONS,
        "gold": ("Osteophytes",),
        "images": (ImageRef(path=f"images/{number:02}/{number}.png"),),
        "disease": "Osteophytes",
        "source": "vindr",
        "cluster": f"study-{number}",
    }
    item = Item(**{**fields, **changes})
    labels = (item.disease,) if item.disease else ()
    return Candidate(
        item=item,
        image_id=f"vindr/{number}",
        group=f"vindr/{number // 2 * 2}",
        labels=labels,
        rows=(f"train.csv:{number + 2}",),
        template="t1",
    )


def localization(number: int = 0, **changes: Any) -> Candidate:
    """Levels L4/L5 of a stenosis."""
    fields: dict[str, Any] = {
        "task": Task.LOCALIZATION,
        "options": LEVELS[::-1],
        "gold": ("L4/L5",),
        "levels": ("L4/L5",),
        "disease": "Spinal Canal Stenosis",
        "id": f"level-{number:03}",
    }
    return candidate(number, **{**fields, **changes})


def make_build(
    folder: Path, candidates: Sequence[Candidate], plan: ReviewPlan, *, images: bool = True
) -> Path:
    """A build of these candidates, at its review."""
    build = folder / "build"
    write_records(build / "items" / "candidates.jsonl", candidates)
    if images:
        for place, one in enumerate(candidates):
            for image in one.item.images:
                draw(build / "standardize" / image.path, place)
    sources = [
        LabelledImage(
            id=one.image_id,
            source="vindr",
            path=f"{one.image_id}.dicom",
            findings=(
                Finding(label="Osteophytes", disease="Osteophytes", severity="Moderate", row=one.rows[0]),
            ),
        )
        for one in candidates
    ]
    write_queue(build, plan, images=sources)
    return build


def draw(path: Path, seed: int) -> None:
    """A grey picture of 96 x 128."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 6), dtype=np.uint8)
    Image.fromarray(pixels).resize((96, 128), Image.Resampling.BICUBIC).convert("RGB").save(path)


def decision(one: Candidate, reviewer: str = "anna", said: str = "accept", **changes: Any) -> ReviewDecision:
    """A decision on a candidate as it is."""
    fields: dict[str, Any] = {
        "item_id": one.item.id,
        "item_hash": one.hash(),
        "reviewer": reviewer,
        "decision": said,
        "reason": None if said == "accept" else "wrong_label",
    }
    return ReviewDecision(**{**fields, **changes})


def simulate(build: Path, *, seed: int = 0, wrong: float = 0.1, adjudicate: bool = True) -> int:
    """Let everybody in the plan decide on their part, most items accepted; the number of decisions.

    They are reviewers of the demo and the tests: the plan has to name all of them as simulated.
    """
    desks = Desks(build)
    plan = desks.review().plan
    assert set(plan.people) == set(plan.simulated), "only simulated reviewers are simulated"
    n = 0
    for reviewer in plan.people if adjudicate else plan.reviewers:
        desk = desks.of(reviewer)
        assert desk is not None
        chance = random.Random(f"{seed}|{reviewer}")
        for name in desk.review.items_of(reviewer):
            item = desk.review.by_id[name].item
            draw_ = chance.random()
            sent: dict[str, Any] = {
                "key": f"{reviewer}-{n:08}",
                "item_id": name,
                "item_hash": desk.review.hashes[name],
                "decision": "accept",
            }
            others = [option for option in item.options if option not in item.gold]
            if draw_ < wrong / 2 or (draw_ < wrong and not others):
                sent |= {"decision": "reject", "reason": chance.choice(plan.reasons)}
            elif draw_ < wrong:
                sent |= {"decision": "correct", "reason": "wrong_label", "gold": [chance.choice(others)]}
            desk.take(sent, source="simulation")
            n += 1
    return n
