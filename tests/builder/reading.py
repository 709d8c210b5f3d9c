"""Reads a source's tree, and says what came of it in a form that tests compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spinebench.builder.importers import Imported, Source, read_source
from spinebench.builder.records import LabelledImage
from spinebench.builder.vocabulary import Vocabulary

LABELS = Vocabulary.default()


def read(kind: str, folder: Path, vocabulary: Vocabulary = LABELS, **fields: Any) -> Imported:
    return read_source(Source.model_validate({"kind": kind, "folder": str(folder), **fields}), vocabulary)


def by_id(result: Imported) -> dict[str, LabelledImage]:
    return {image.id: image for image in result.images}


def told(image: LabelledImage) -> list[tuple[str | None, str | None, str | None, str | None]]:
    return [(one.disease, one.level, one.side, one.severity) for one in image.findings]
