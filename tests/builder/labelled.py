"""Labelled and standardized images, and similarities, written down by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from spinebench.builder.question_pool import QuestionPlan, QuestionPool, load_pool
from spinebench.builder.records import (
    Finding,
    LabelledImage,
    Quality,
    SimilarDisease,
    Similarities,
    StandardImage,
)
from spinebench.builder.vocabulary import Vocabulary

QUALITY = Quality(sharpness=1, contrast=0.5, exposure=0.4, dark=0, bright=0, shortest_side=256)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def finding(disease: str | None, level: str | None = None, **more: Any) -> Finding:
    """A finding that counts, of row `labels.csv:2` unless said otherwise."""
    label = disease or "Other lesions"
    fields = {"label": label, "disease": disease, "level": level, "row": "labels.csv:2"}
    return Finding.model_validate(fields | more)


def image(name: str, *findings: Finding | str, **more: Any) -> LabelledImage:
    """An image of the source `a`; a text is a disease without a level, no finding at all is healthy."""
    found = tuple(finding(one) if isinstance(one, str) else one for one in findings)
    fields = {
        "id": f"a/{name}",
        "source": "a",
        "path": f"{name}.png",
        "findings": found,
        "healthy": not found,
        "rows": (f"labels.csv:{name}",),
        "modality": "MRI",
    }
    return LabelledImage.model_validate(fields | more)


def standard_of(
    *images: LabelledImage,
    pixels: Mapping[str, str] = MappingProxyType({}),
    group: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, StandardImage]:
    """Standardized images by id; `pixels` and `group` by id where they are not the image's own."""
    return {
        one.id: StandardImage(
            id=one.id,
            file=f"images/{(known := sha(pixels.get(one.id, one.id)))[:2]}/{known}.png",
            sha256=sha(known),
            pixel_hash=known,
            picture_hash="0" * 64,
            width=256,
            height=256,
            source_sha256=sha(f"file of {one.id}"),
            source_width=256,
            source_height=256,
            transform="as_is",
            quality=QUALITY,
            group=group.get(one.id, one.id),
        )
        for one in images
    }


def similar(image_id: str, figures: Mapping[str, float | tuple[float, float]], *, n: int = 5) -> Similarities:
    """Similarities by disease; one figure stands for mean and maximum."""
    rows = []
    for name, value in figures.items():
        mean, maximum = value if isinstance(value, tuple) else (value, value)
        rows.append(SimilarDisease(disease=name, mean=mean, maximum=maximum, n=n))
    return Similarities(id=image_id, encoder="tiny", diseases=tuple(rows))


def hashed_similarities(images: list[LabelledImage], vocabulary: Vocabulary) -> dict[str, Similarities]:
    """A figure between 0 and 1 for every image and disease, from their names."""

    def figure(image: LabelledImage, disease: str) -> float:
        return int(sha(image.id + disease)[:6], 16) / 0xFFFFFF

    return {
        one.id: similar(one.id, {disease: figure(one, disease) for disease in vocabulary.diseases})
        for one in images
    }


def shipped(*languages: str) -> QuestionPool:
    return load_pool(QuestionPlan(languages=languages or ("en",)), vocabulary=Vocabulary.default())
