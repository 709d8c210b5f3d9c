"""A small finished build as records and pictures, for tests of the package."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spinebench.builder.package import Packaged, PackagePlan, SourceFacts, package, source_facts
from spinebench.builder.records import (
    Candidate,
    Dropped,
    Finding,
    LabelledImage,
    Quality,
    Stage,
    StandardImage,
)
from spinebench.builder.standard_policy import StandardPolicy
from spinebench.errors import DataError
from spinebench.records import ImageRef, Item, JsonValue, Task

LEVELS = ("L5/S1", "L1/L2", "L3/L4", "L4/L5", "L2/L3")
REPORTS: dict[str, JsonValue] = {
    "settings": {"seed": 7, "sources": [{"kind": "rsna", "folder": "/data/private/rsna"}]},
    "encoder": {"name": "tiny", "fingerprint": "ab" * 32, "simulated": True},
    "review": {"n_reviewers": 2, "double_share": 0.1, "agreement": {"kappa": 0.81, "n": 12}},
    "audit": {"findings": [{"check": "text-only", "accuracy": 0.61, "found": True}]},
}


def png(seed: int) -> bytes:
    """A small RGB picture that depends on the seed alone."""
    grey = np.random.default_rng(seed).integers(0, 256, (12, 10), dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(sink, "PNG")
    return sink.getvalue()


@dataclass
class Build:
    """What the stages before leave behind, as arguments of `package`."""

    root: Path
    labelled: dict[str, LabelledImage]
    standard: dict[str, StandardImage]
    splits: dict[str, tuple[Candidate, ...]]
    sources: tuple[SourceFacts, ...]
    ledger: tuple[Dropped, ...]

    @property
    def pictures(self) -> Path:
        return self.root / "standardize"

    def source(self, name: str) -> Path:
        """The user's own copy of a source."""
        return self.root / "sources" / name

    def package(
        self,
        *,
        to: str = "package",
        reports: Mapping[str, JsonValue] | None = None,
        policy: StandardPolicy | None = None,
        **settings: Any,
    ) -> tuple[Packaged, Path]:
        folder = self.root / to
        packaged = package(
            self.splits,
            self.standard,
            self.labelled,
            folder=folder,
            picture_root=self.pictures,
            sources=self.sources,
            plan=PackagePlan.model_validate({"name": "mini"} | settings),
            ledger=self.ledger,
            reports=REPORTS if reports is None else reports,
            policy=policy,
        )
        return packaged, folder


def a_build(root: Path) -> Build:
    """Six RSNA images (two studies), four of SPIDER (two patients), three of a table; questions in two splits."""
    build = Build(
        root,
        {},
        {},
        {},
        (source_facts("rsna"), source_facts("spider"), source_facts("table", name="own")),
        (),
    )
    for n in range(6):
        add_image(
            build,
            "rsna",
            f"train_images/10{n % 2}/7/{n}.dcm",
            n,
            study=f"10{n % 2}",
            series="7",
            modality="MRI",
        )
    for n in range(4):
        add_image(
            build, "spider", f"images/{n // 2}_t{n % 2 + 1}.png", 10 + n, patient=f"{n // 2}", modality="MRI"
        )
    for n in range(3):
        add_image(build, "own", f"films/film {n}.png", 20 + n, modality="X-ray")
    ids = list(build.labelled)
    build.splits["evaluation"] = (
        *(candidate(build, one, Task.DIAGNOSIS) for one in ids[:3] + ids[6:8] + ids[10:12]),
        *(candidate(build, one, Task.LOCALIZATION) for one in ids[:2]),
    )
    build.splits["train"] = tuple(
        candidate(build, one, Task.DIAGNOSIS) for one in ids[3:6] + ids[8:10] + ids[12:]
    )
    build.ledger = (
        Dropped(
            stage=Stage.IMPORT,
            subject="train.csv:12",
            reason="bad_row",
            detail="value 'Mild?'",
            source="rsna",
        ),
        Dropped(stage=Stage.IMPORT, subject="train.csv:19", reason="bad_row", source="rsna"),
        Dropped(
            stage=Stage.REVIEW, subject="diagnosis-0", reason="rejected", detail="see /home/me/notes.txt"
        ),
    )
    return build


def add_image(build: Build, source: str, path: str, seed: int, **known: Any) -> str:
    """An image with its file in the source, its standardized picture, and records of both."""
    original = f"source file of {path}".encode() * (seed + 1)
    file = build.source(source) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(original)
    data = png(seed)
    pixels = hashlib.sha256(Image.open(io.BytesIO(data)).tobytes()).hexdigest()
    name = f"images/{pixels[:2]}/{pixels}.png"
    (build.pictures / name).parent.mkdir(parents=True, exist_ok=True)
    (build.pictures / name).write_bytes(data)
    image_id = f"{source}/{path}"
    build.labelled[image_id] = LabelledImage(
        id=image_id,
        source=source,
        path=path,
        findings=(
            Finding(label="narrow", disease="Spinal Canal Stenosis", level="L3/L4", row="train.csv:2"),
        ),
        **known,
    )
    build.standard[image_id] = StandardImage(
        id=image_id,
        file=name,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_hash=pixels,
        picture_hash="0" * 64,
        width=10,
        height=12,
        source_sha256=hashlib.sha256(original).hexdigest(),
        source_width=10,
        source_height=12,
        transform="png",
        quality=Quality(sharpness=1, contrast=1, exposure=0.5, dark=0, bright=0, shortest_side=10),
        group=image_id,
    )
    return image_id


def candidate(build: Build, image_id: str, task: Task, **changes: Any) -> Candidate:
    image, standard = build.labelled[image_id], build.standard[image_id]
    several = task is Task.LOCALIZATION
    options = LEVELS if several else ("Osteophytes", "Healthy", "Spinal Canal Stenosis", "Foraminal stenosis")
    item = Item(
        id=f"{task.value}-{standard.pixel_hash[:16]}",
        benchmark="mini",
        task=task,
        question="Which levels are affected?" if several else "What does the image show?",
        options=options,
        gold=("L3/L4", "L4/L5") if several else ("Spinal Canal Stenosis",),
        images=(ImageRef(path=standard.file, sha256=standard.sha256, view="sagittal"),),
        disease="Spinal Canal Stenosis",
        levels=("L3/L4", "L4/L5") if several else (),
        modality=image.modality,
        source=image.source,
        cluster=image.cluster,
        metadata={"builder": {"template": "t1", "encoder": "/models/private/siglip"}},
    )
    return Candidate(
        item=item.model_copy(update=changes),
        image_id=image_id,
        group=image_id,
        labels=("Spinal Canal Stenosis",),
        rows=("train.csv:2",),
        template="t1",
        provenance={"statistic": "mean"},
    )


def drawn(image: LabelledImage, root: Path, policy: Mapping[str, JsonValue]) -> bytes:
    """Stands in for the standardization: the seed is how often a source file repeats its text, less one."""
    if policy.get("broken"):
        raise DataError(f"image {image.id!r}: expected a picture; restore the file")
    words = (root / image.path).read_bytes()
    return png(words.count(b"source file of") - 1)
