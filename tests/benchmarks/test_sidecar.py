from __future__ import annotations

import json
from pathlib import Path

import pytest

from spinebench.benchmarks import load_benchmark
from spinebench.errors import DataError

RECORD = {
    "image": "a.png",
    "question": "Which disease?",
    "task": "spine_disease_classification",
    "options": ["Healthy", "Osteophytes"],
    "answers": "Healthy",
}


def _benchmark(folder: Path) -> Path:
    path = folder / "test.json"
    path.write_text(json.dumps([RECORD]), "utf-8")
    return path


def test_without_a_sidecar_the_format_names_the_benchmark(tmp_path: Path) -> None:
    info = load_benchmark(_benchmark(tmp_path)).info
    assert (info.name, info.simulated) == ("pathology", False)


def test_a_sidecar_names_and_labels_the_benchmark(tmp_path: Path) -> None:
    path = _benchmark(tmp_path)
    (tmp_path / "test.meta.json").write_text('{"name": "phantoms", "simulated": true, "seed": 3}', "utf-8")
    info = load_benchmark(path).info
    assert (info.name, info.simulated) == ("phantoms", True)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": ""}', '{"simulated": "perhaps"}'])
def test_a_damaged_sidecar_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = _benchmark(tmp_path)
    (tmp_path / "test.meta.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match=r"test\.meta\.json"):
        load_benchmark(path)
