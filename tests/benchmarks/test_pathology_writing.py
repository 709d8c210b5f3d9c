"""The released format, written and read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.benchmarks.load import load_benchmark
from spinebench.benchmarks.native import write_native
from spinebench.benchmarks.pathology import read_pathology
from spinebench.benchmarks.pathology_writing import pathology_record, write_pathology
from spinebench.errors import DataError
from spinebench.records import ClinicalCase, ImageRef, Item, Task
from spinebench.terms import DISEASES, HEALTHY, LEVELS


def item(**changes: Any) -> Item:
    fields: dict[str, Any] = {
        "id": "own-id",
        "benchmark": "mine",
        "task": Task.DIAGNOSIS,
        "question": "What is shown?",
        "options": ("Healthy", "Osteophytes"),
        "gold": ("Osteophytes",),
        "images": (ImageRef(path="images/spider/1_t2.png"),),
        "disease": "Osteophytes",
        "modality": "MRI",
        "source": "spider",
        "cluster": "spider/1",
    }
    return Item(**(fields | changes))


def localization(**changes: Any) -> Item:
    fields: dict[str, Any] = {
        "task": Task.LOCALIZATION,
        "options": ("L5/S1", "L1/L2", "L3/L4", "L4/L5", "L2/L3"),
        "gold": ("L3/L4", "L4/L5"),
        "levels": ("L3/L4", "L4/L5"),
        "disease": "Disc herniation",
    }
    return item(**(fields | changes))


def test_the_fields_are_those_of_the_released_files() -> None:
    assert pathology_record(item()) == {
        "image": "images/spider/1_t2.png",
        "question": "What is shown?",
        "task": "spine_disease_classification",
        "answers": "Osteophytes",
        "options": ["Healthy", "Osteophytes"],
        "source": "spider",
        "modality": "MRI",
    }
    record = pathology_record(localization())
    assert (record["task"], record["answers"]) == ("spine_lesion_localization", ["L3/L4", "L4/L5"])
    assert record["disease"] == "Disc herniation"


def test_a_file_of_it_loads(tmp_path: Path) -> None:
    items = [item(), localization(metadata={"item_id": "x", "deep": {"a": [1, None]}})]
    assert write_pathology(tmp_path / "test.json", items) == 2
    loaded = load_benchmark(tmp_path / "test.json")
    assert loaded.info.format == "pathology-json"
    assert [one.gold for one in loaded.items] == [("Osteophytes",), ("L3/L4", "L4/L5")]
    assert [one.source for one in loaded.items] == ["spider", "spider"]
    assert loaded.items[1].metadata == {"item_id": "x", "deep": {"a": [1, None]}}
    assert write_pathology(tmp_path / "none.json", []) == 0
    assert json.loads((tmp_path / "none.json").read_text("utf-8")) == []


def test_an_rsna_path_gives_back_study_and_region(tmp_path: Path) -> None:
    image = ImageRef(path="images/rsna/4003253/702807833/5.png")
    write_pathology(tmp_path / "a.json", [item(images=(image,), source="rsna", cluster="rsna/4003253")])
    (read,) = load_benchmark(tmp_path / "a.json").items
    assert (read.cluster, read.region, read.source) == ("rsna/4003253", "lumbar", "rsna")


@st.composite
def released(draw: st.DrawFn) -> dict[str, Any]:
    """Any record that the reader takes, in any of its spellings of options and answers."""
    text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(
        lambda one: bool(one.strip())
    )
    is_diagnosis = draw(st.booleans())
    pool = [*DISEASES, HEALTHY] if is_diagnosis else list(LEVELS)
    options = draw(st.permutations(pool).map(lambda some: some[:5]))
    n_gold = 1 if is_diagnosis else draw(st.integers(1, 5))
    gold = draw(st.permutations(options))[:n_gold]
    record: dict[str, Any] = {
        draw(st.sampled_from(["image", "image_path"])): draw(
            st.sampled_from(["a.jpg", "rsna/1/2/3.jpg", "x/vindr/0.png", "csxa\\9.png"])
        ),
        draw(st.sampled_from(["question", "query"])): draw(text),
        "task": "spine_disease_classification" if is_diagnosis else "spine_lesion_localization",
        draw(st.sampled_from(["answers", "answer"])): gold[0] if n_gold == 1 else gold,
    }
    if draw(st.booleans()):
        record["choices"] = options
    else:
        record |= {f"option {letter}": one for letter, one in zip("ABCDE", options, strict=False)}
    record |= draw(
        st.dictionaries(
            st.sampled_from(["source", "dataset", "modality", "disease", "note", "id", "cluster", "A"]),
            st.one_of(text, st.integers(), st.lists(st.integers(), max_size=2)),
            max_size=4,
        )
    )
    return record


@given(released())
def test_what_the_reader_made_comes_back_equal(record: dict[str, Any]) -> None:
    first = read_pathology(record)
    assert isinstance(first, Item), first
    assert read_pathology(json.loads(json.dumps(pathology_record(first)))) == first


@pytest.mark.parametrize(
    ("make", "named"),
    [
        pytest.param(lambda: item(task=Task.KNOWLEDGE), "'knowledge'", id="another task"),
        pytest.param(
            lambda: item(
                task=Task.REPORT, options=(), gold=(), disease=None, case=ClinicalCase(history="x"), images=()
            ),
            "'report'",
            id="free text",
        ),
        pytest.param(lambda: item(images=()), "no image", id="no image"),
        pytest.param(lambda: item(images=(ImageRef(path="a.nii", frame=3),)), "frame", id="a slice of a volume"),
        pytest.param(lambda: item(metadata={"question": "?"}), "'question'", id="metadata in the way"),
        pytest.param(lambda: item(options=("A. Healthy", "B. Osteophytes"), gold=("B. Osteophytes",)),
                     "options", id="letters that the reader takes off"),
        pytest.param(lambda: item(gold=("Kyphosis",)), "'answers'", id="gold is no option"),
        pytest.param(lambda: localization(levels=("L1/L2",)), "levels", id="levels that gold does not name"),
        pytest.param(lambda: item(images=(ImageRef(path="/abs/a.png"), ImageRef(path=" "))), "image", id="no path"),
    ],
)  # fmt: skip
def test_what_the_format_cannot_hold_is_refused(make: Callable[[], Item], named: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="own-id") as caught:
        write_pathology(tmp_path / "out.json", [item(), make()])
    assert named in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_both_formats_hold_the_same_questions(tmp_path: Path) -> None:
    items = [item(), localization(id="second")]
    write_native(tmp_path / "native.jsonl", items)
    write_pathology(tmp_path / "released.json", items)
    keep = ("task", "question", "options", "gold", "images", "disease", "levels", "source", "modality")
    native = [
        [getattr(one, name) for name in keep] for one in load_benchmark(tmp_path / "native.jsonl").items
    ]
    other = [
        [getattr(one, name) for name in keep] for one in load_benchmark(tmp_path / "released.json").items
    ]
    assert native == other
