from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spinebench.benchmarks import load_benchmark
from spinebench.demo import write_demo_benchmark
from spinebench.errors import UsageError
from spinebench.records import Task
from spinebench.terms import DISEASES, HEALTHY, LEVELS

DIAGNOSIS, LOCALIZATION = "spine_disease_classification", "spine_lesion_localization"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_benchmark(tmp_path_factory.mktemp("demo"), seed=0)


@pytest.fixture(scope="module")
def records(written: Path) -> list[dict[str, Any]]:
    found = json.loads(written.read_text("utf-8"))
    assert isinstance(found, list)
    return found


def _of(records: list[dict[str, Any]], task: str) -> list[dict[str, Any]]:
    return [record for record in records if record["task"] == task]


def test_sixty_items_of_both_tasks_with_all_labels(records: list[dict[str, Any]]) -> None:
    assert len(records) == 60
    diagnoses = _of(records, DIAGNOSIS)
    assert (len(diagnoses), len(_of(records, LOCALIZATION))) == (36, 24)
    labels = [record["answers"] for record in diagnoses]
    assert set(labels) == {*DISEASES, HEALTHY}
    assert labels.count(HEALTHY) == 10


def test_diagnosis_has_five_options_with_healthy_and_gold(records: list[dict[str, Any]]) -> None:
    for record in _of(records, DIAGNOSIS):
        options = record["options"]
        assert len(set(options)) == 5
        assert HEALTHY in options
        assert record["answers"] in options


def test_localization_has_all_levels_in_various_orders(records: list[dict[str, Any]]) -> None:
    found = _of(records, LOCALIZATION)
    assert all(sorted(record["options"]) == sorted(LEVELS) for record in found)
    assert len({tuple(record["options"]) for record in found}) > 12
    assert all(record["answers"] and set(record["answers"]) <= set(LEVELS) for record in found)
    assert {len(record["answers"]) for record in found} == {1, 2}


def test_some_images_carry_both_tasks(records: list[dict[str, Any]]) -> None:
    both = {r["image"] for r in _of(records, DIAGNOSIS)} & {r["image"] for r in _of(records, LOCALIZATION)}
    assert len(both) >= 10


def test_the_gold_disease_of_a_shared_image_is_the_one_asked_to_locate(records: list[dict[str, Any]]) -> None:
    labels = {record["image"]: record["answers"] for record in _of(records, DIAGNOSIS)}
    shared = [record for record in _of(records, LOCALIZATION) if record["image"] in labels]
    assert shared
    for record in shared:
        assert labels[record["image"]].casefold() in record["question"].casefold()


def test_neither_path_nor_question_of_a_diagnosis_gives_the_label_away(records: list[dict[str, Any]]) -> None:
    for record in _of(records, DIAGNOSIS):
        if record["answers"] != HEALTHY:
            assert record["answers"].casefold() not in record["question"].casefold()
        assert record["answers"].split()[-1].casefold() not in record["image"].casefold()


def test_questions_are_worded_in_many_ways(records: list[dict[str, Any]]) -> None:
    assert len({record["question"] for record in records}) >= 30


def test_the_reader_takes_it_without_complaint_and_marks_it_as_simulated(written: Path) -> None:
    benchmark = load_benchmark(written)
    assert benchmark.invalid == ()
    assert benchmark.info.simulated is True
    assert benchmark.info.n_by_task == {"diagnosis": 36, "localization": 24}
    for item in benchmark.items:
        assert item.disease in {*DISEASES, HEALTHY}
        assert (item.task is Task.LOCALIZATION) == bool(item.levels)
        data = (benchmark.image_root / item.images[0].path).read_bytes()
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.format == "PNG"
            assert picture.mode == "RGB"


def test_the_sidecar_says_that_it_is_drawn(written: Path) -> None:
    meta = json.loads(written.with_name("demo.meta.json").read_text("utf-8"))
    assert meta["name"] == "demo-phantoms"
    assert meta["simulated"] is True


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def bytes_of(folder: str, seed: int) -> dict[str, bytes]:
        root = write_demo_benchmark(tmp_path / folder, seed=seed, n_items=6).parent
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    first = bytes_of("a", 1)
    assert first == bytes_of("b", 1)
    assert first["demo.json"] != bytes_of("c", 2)["demo.json"]


@pytest.mark.parametrize("n_items", [1, 2, 130])
def test_any_number_of_items_can_be_written(
    n_items: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the count matters here: drawing 100 pictures would take ten seconds.
    monkeypatch.setattr("spinebench.demo.phantoms.Phantom.png", lambda self: b"")
    path = write_demo_benchmark(tmp_path, n_items=n_items)
    assert len(json.loads(path.read_text("utf-8"))) == n_items


@pytest.mark.parametrize(("seed", "n_items"), [(0, 0), (0, -3), (-1, 10)])
def test_senseless_numbers_are_refused(seed: int, n_items: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected at least 1 item"):
        write_demo_benchmark(tmp_path, seed=seed, n_items=n_items)
