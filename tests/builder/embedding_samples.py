"""Standardized pictures, labels and encoders for tests of embeddings and similarities."""

from __future__ import annotations

import hashlib
import io
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinebench.builder.embedding import SHARD_SIZE, Embeddings, keep_vectors
from spinebench.builder.encoders import EncoderSpec
from spinebench.builder.library import Library, LibraryClass
from spinebench.builder.records import Finding, LabelledImage, Quality, StandardImage
from tests.builder.trees import picture

ROOT = Path(__file__).resolve().parents[2]
_QUALITY = Quality(sharpness=0.1, contrast=0.5, exposure=0.4, dark=0.0, bright=0.0, shortest_side=64)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def standard(
    name: str, *, group: str | None = None, pixels: str | None = None, **changed: Any
) -> StandardImage:
    """A standardized image whose picture is named by `pixels`, by its own name where not given."""
    pixel_hash = digest_of(pixels or name)
    fields: dict[str, Any] = {
        "id": name,
        "file": f"images/{pixel_hash[:2]}/{pixel_hash}.png",
        "sha256": pixel_hash,
        "pixel_hash": pixel_hash,
        "picture_hash": pixel_hash,
        "width": 64,
        "height": 64,
        "source_sha256": pixel_hash,
        "source_width": 64,
        "source_height": 64,
        "transform": "none",
        "quality": _QUALITY,
        "group": group or name,
    }
    return StandardImage(**{**fields, **changed})


def labelled(
    name: str, *diseases: str, patient: str | None = None, source: str = "one", healthy: bool = False
) -> LabelledImage:
    """An image with diseases that count; without a patient it is a cluster of its own."""
    findings = tuple(Finding(label=one, disease=one, row="labels.csv:1") for one in diseases)
    return LabelledImage(
        id=name, source=source, path=name, findings=findings, healthy=healthy, patient=patient
    )


def library_of(classes: Mapping[str, Sequence[str]], *, healthy: Sequence[str] = ()) -> Library:
    """A library of the images named."""

    def one(label: str, names: Sequence[str]) -> LibraryClass:
        n = len(names)
        return LibraryClass(label=label, images=tuple(sorted(names)), n_available=n, n_groups=n, n_clusters=n)

    return Library(
        seed=0,
        per_disease=200,
        diseases=tuple(one(label, names) for label, names in classes.items()),
        healthy=one("Healthy", healthy),
    )


def kept(
    folder: Path,
    images: Sequence[StandardImage],
    vectors: Sequence[Sequence[float]] | NDArray[Any],
    *,
    name: str = "by-hand",
    shard_size: int = SHARD_SIZE,
    simulated: bool = False,
) -> Embeddings:
    """Embeddings with these vectors; images of equal pixels have equal vectors."""
    rows = {image.pixel_hash: row for image, row in zip(images, vectors, strict=True)}
    spec = EncoderSpec(model=name, simulated=simulated)
    return keep_vectors(
        folder, list(rows), np.array(list(rows.values())), spec, fingerprint="0" * 64, shard_size=shard_size
    )


def write_pictures(root: Path, n: int, *, looks: Sequence[str] = ("a", "b")) -> list[StandardImage]:
    """Drawn pictures as standardization leaves them: image `p00`, `p01`... with the looks in turn."""
    images = []
    for at in range(n):
        drawn = Image.fromarray(picture(at, looks[at % len(looks)], height=64, width=48 + at % 3)).convert(
            "RGB"
        )
        sink = io.BytesIO()
        drawn.save(sink, "PNG")
        pixel_hash = hashlib.sha256(drawn.tobytes()).hexdigest()
        file = f"images/{pixel_hash[:2]}/{pixel_hash}.png"
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(sink.getvalue())
        sha256 = hashlib.sha256(sink.getvalue()).hexdigest()
        images.append(standard(f"p{at:02}", file=file, pixel_hash=pixel_hash, sha256=sha256))
    return images


class Tones:
    """An encoder of one's own: a vector of the picture's mean tones in four stripes. Counts what it is given."""

    n_embedded = 0

    def __init__(self, spec: EncoderSpec) -> None:
        self.fingerprint = digest_of(spec.model)
        self.pooling = "stripes"

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        type(self).n_embedded += len(pictures)
        grey = [np.asarray(one.convert("L"), dtype=np.float32) for one in pictures]
        return np.array([[part.mean() for part in np.array_split(one, 4)] for one in grey], dtype=np.float32)


class KilledTones(Tones):
    """Kills its process, as `kill -9` does, when more than seven pictures have been embedded."""

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        found = super().embed(pictures)
        if type(self).n_embedded > 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return found


class BlankTones(Tones):
    """Has nothing to say of any picture."""

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        return np.zeros((len(pictures), 4), dtype=np.float32)


class NoEncoder:
    """Lacks everything that an encoder has."""

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec = spec
