"""Builders of benchmark files and images, as fixtures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images"
DISEASES = ["Healthy", "Osteophytes", "Spondylolisthesis", "Disc space narrowing", "Foraminal stenosis"]
LEVELS = ["L5/S1", "L1/L2", "L3/L4", "L4/L5", "L2/L3"]


@pytest.fixture
def real_images() -> Path:
    """Folder of real images beside the checkout."""
    if not REAL.is_dir():
        pytest.skip("the folder of real images is not there")
    return REAL


@pytest.fixture
def diagnosis() -> Callable[..., dict[str, Any]]:
    """A record of the released format; a field given as None is left out."""

    def build(**changes: Any) -> dict[str, Any]:
        record = {
            "image": "rsna/4003253/702807833/5.jpg",
            "question": "Which condition does the image show?",
            "task": "spine_disease_classification",
            "answers": "Osteophytes",
            "options": DISEASES,
        } | changes
        return {name: value for name, value in record.items() if value is not None}

    return build


@pytest.fixture
def localization(diagnosis: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build(**changes: Any) -> dict[str, Any]:
        base = {
            "task": "spine_lesion_localization",
            "question": "At which levels is the lesion?",
            "answers": ["L3/L4", "L4/L5"],
            "options": LEVELS,
        }
        return diagnosis(**(base | changes))

    return build


@pytest.fixture
def as_list(tmp_path: Path) -> Callable[..., Path]:
    """Writes records as one JSON list."""

    def write(*records: object, name: str = "test.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(list(records), ensure_ascii=False, indent=1), "utf-8")
        return path

    return write


@pytest.fixture
def as_lines(tmp_path: Path) -> Callable[..., Path]:
    """Writes records as one JSON object per line; a text is written as it is."""

    def write(*records: object, name: str = "test.jsonl") -> Path:
        path = tmp_path / name
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    return write


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Bytes of a small image file with a gradient; options are passed on to pillow."""

    def build(
        kind: str = "PNG", *, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any
    ) -> bytes:
        grey = Image.linear_gradient("L").resize(size)
        sink = io.BytesIO()
        grey.convert(mode).save(sink, kind, **options)
        return sink.getvalue()

    return build
