from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.benchmarks import BenchmarkFileError, load_benchmark, native_schema, write_native
from spinebench.benchmarks.native import shipped_schema
from spinebench.errors import DataError
from spinebench.records import ClinicalCase, ImageRef, Item, Task
from spinebench.terms import DISEASES, LEVELS

Write = Callable[..., Path]

EXAMPLES: dict[str, dict[str, Any]] = {
    "diagnosis": {
        "id": "d1",
        "task": "diagnosis",
        "question": "What is shown?",
        "options": ["Healthy", "Left Subarticular Stenosis", "Right Subarticular Stenosis"],
        "gold": ["Healthy"],
        "images": ["a.png"],
    },
    "localization": {
        "id": "l1",
        "task": "localization",
        "question": "Where?",
        "options": ["L1/L2", "L4-L5", "L5/S1"],
        "gold": ["L5/S1", "L4/L5"],
        "images": [{"path": "v.nii.gz", "frame": 3, "plane": "axial", "sha256": "0" * 64}],
        "disease": "Foraminal stenosis",
        "cluster": "patient 7",
    },
    "knowledge": {
        "id": "k1",
        "benchmark": "level-aware",
        "task": "knowledge",
        "question": "Which implant?",
        "options": ["pH", "PH"],
        "gold": ["PH"],
        "subspecialty": "trauma",
    },
    "report": {
        "id": "r1",
        "task": "report",
        "question": "Write the report.",
        "images": ["b.png", "c.png"],
        "reference": "No finding.",
        "case": {"history": "Back pain for a year.", "examination": "No deficit.", "key_facts": ["L4/L5"]},
        "language": "en",
        "metadata": {"sections": [1, 2]},
    },
    "consultation": {
        "id": "t1",
        "task": "consultation",
        "question": "A patient in your clinic.",
        "images": [{"path": "b.png", "modality": "MRI T2", "view": "sagittal", "level": "L4/L5"}],
        "case": {"turns": ["My leg hurts.", "Since March."]},
        "language": "zh-CN",
    },
}


def test_the_shipped_schema_is_the_one_of_the_model() -> None:
    assert json.loads(shipped_schema()) == native_schema()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_follow_the_schema_and_are_read(as_lines: Write, name: str) -> None:
    jsonschema.Draft202012Validator(native_schema()).validate(EXAMPLES[name])
    (item,) = load_benchmark(as_lines(EXAMPLES[name])).items
    assert item.task is Task(name)


def test_what_an_item_leaves_out_is_filled_in(as_lines: Write) -> None:
    benchmark = load_benchmark(as_lines(*EXAMPLES.values(), name="mine.jsonl"))
    diagnosis, localization, knowledge, report, consultation = benchmark.items
    assert (diagnosis.benchmark, diagnosis.disease, diagnosis.cluster) == ("mine", "Healthy", "a.png")
    assert localization.gold == ("L5/S1", "L4-L5")
    assert localization.levels == ("L4/L5", "L5/S1")
    assert localization.images[0] == ImageRef(path="v.nii.gz", frame=3, plane="axial", sha256="0" * 64)
    assert localization.cluster == "patient 7"
    assert (knowledge.gold, knowledge.cluster, knowledge.disease) == (("PH",), "k1", None)
    assert (report.reference, report.cluster) == ("No finding.", "b.png")
    assert report.case == ClinicalCase(
        history="Back pain for a year.", examination="No deficit.", key_facts=("L4/L5",)
    )
    assert consultation.case == ClinicalCase(turns=("My leg hurts.", "Since March."))
    assert consultation.images[0].level == "L4/L5"
    assert benchmark.info.name == "level-aware+mine"
    assert benchmark.info.n_by_task == {
        "consultation": 1,
        "diagnosis": 1,
        "knowledge": 1,
        "localization": 1,
        "report": 1,
    }
    assert benchmark.info.n_clusters == 4
    assert not benchmark.info.simulated


def test_ids_left_out_are_derived_and_stay_the_same(as_lines: Write) -> None:
    bare = {name: value for name, value in EXAMPLES["diagnosis"].items() if name != "id"}
    benchmark = load_benchmark(as_lines(bare, bare))
    first, second = benchmark.items
    assert second.id == f"{first.id}-2"
    assert benchmark.duplicates == ((first.id, second.id),)


def test_drawn_images_make_a_simulated_benchmark(as_lines: Write) -> None:
    drawn = EXAMPLES["diagnosis"] | {"metadata": {"simulated": True}}
    assert load_benchmark(as_lines(EXAMPLES["report"], drawn)).info.simulated


@pytest.mark.parametrize(
    ("name", "changes", "field", "said"),
    [
        pytest.param("diagnosis", {"task": "guess"}, "task", "'diagnosis', 'localization'", id="task"),
        pytest.param("diagnosis", {"question": " "}, "question", "not empty", id="empty question"),
        pytest.param("diagnosis", {"gold": []}, "gold", "exactly one", id="no gold"),
        pytest.param("diagnosis", {"gold": ["A"]}, "gold", "one of the options", id="gold absent"),
        pytest.param("diagnosis", {"gold": "Healthy"}, "gold", "a list", id="gold is a text"),
        pytest.param("diagnosis", {"options": ["Healthy"]}, "options", "at least two", id="one option"),
        pytest.param("diagnosis", {"options": ["Healthy", "healthy "]}, "options", "once", id="option twice"),
        pytest.param("diagnosis", {"disease": "Osteophytes"}, "disease", "'Healthy'", id="another disease"),
        pytest.param("diagnosis", {"opitons": []}, "opitons", "'options'", id="misspelt field"),
        pytest.param(
            "diagnosis", {"images": [{"path": "a", "slice": 1}]}, "images[0].slice", "known", id="image field"
        ),
        pytest.param("diagnosis", {"images": [7]}, "images[0]", "7", id="image is a number"),
        pytest.param("localization", {"gold": ["L4/L5", "L4-L5"]}, "gold", "once", id="gold twice"),
        pytest.param("localization", {"levels": ["T1/T2"]}, "levels", "L1/L2", id="no lumbar level"),
        pytest.param("localization", {"levels": ["L1/L2"]}, "levels", "'gold' names", id="other levels"),
        pytest.param("knowledge", {"gold": ["pH", "PH"]}, "gold", "exactly one", id="two right answers"),
        pytest.param("report", {"options": ["a", "b"]}, "options", "no options", id="report with options"),
        pytest.param("report", {"gold": ["a"]}, "gold", "'reference'", id="report with gold"),
        pytest.param("report", {"case": {"turns": ["Hello"]}}, "case.turns", "'consultation'", id="turns"),
        pytest.param("report", {"case": {"hystory": "x"}}, "case.hystory", "'history'", id="case field"),
        pytest.param("report", {"language": "de"}, "language", "en or zh", id="language"),
        pytest.param("consultation", {"case": None}, "case.turns", "at least one turn", id="no patient"),
        pytest.param("consultation", {"case": {"turns": [" "]}}, "case.turns[0]", "not empty", id="silence"),
        pytest.param("knowledge", {"case": {"history": "x"}}, "case", "no case", id="case with options"),
    ],
)
def test_what_is_wrong_is_said(
    as_lines: Write, name: str, changes: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(BenchmarkFileError) as caught:
        load_benchmark(as_lines(EXAMPLES["report"] | {"id": "ok"}, EXAMPLES[name] | changes))
    (invalid,) = caught.value.invalid
    assert invalid.line == 2
    assert field in [problem.field for problem in invalid.problems]
    assert said in str(invalid)


def test_an_id_stands_once(as_lines: Write) -> None:
    benchmark = load_benchmark(as_lines(EXAMPLES["report"], EXAMPLES["report"]), skip_invalid=True)
    assert [problem.field for problem in benchmark.invalid[0].problems] == ["id"]


def test_a_broken_line_is_named(as_lines: Write) -> None:
    path = as_lines(EXAMPLES["report"], '{"task": "report", ', EXAMPLES["diagnosis"])
    with pytest.raises(BenchmarkFileError, match=r"record 1 \(line 2\)"):
        load_benchmark(path)
    assert len(load_benchmark(path, skip_invalid=True).items) == 2


_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda t: bool(t.strip())
)
_metadata = st.dictionaries(
    _text, st.none() | st.integers() | _text | st.lists(_text, max_size=2), max_size=3
)
_image = st.builds(
    ImageRef,
    path=st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5}){0,2}\.png", fullmatch=True),
    sha256=st.none() | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    frame=st.none() | st.integers(0, 50),
    plane=st.sampled_from([None, "axial", "coronal", "sagittal"]),
    modality=st.none() | _text,
    view=st.none() | _text,
    level=st.none() | _text,
)
_turns = st.lists(_text, min_size=1, max_size=3).map(tuple)
_no_turns = st.just(())


def _cases(turns: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[ClinicalCase]:
    facts = st.lists(_text, max_size=2).map(tuple)
    known = st.none() | _text
    return st.builds(ClinicalCase, history=known, examination=known, key_facts=facts, turns=turns)


@st.composite
def _items(draw: st.DrawFn) -> Item:
    task = draw(st.sampled_from(list(Task)))
    options: list[str] = []
    gold: list[str] = []
    case = None
    match task:
        case Task.REPORT:
            case = draw(st.none() | _cases(_no_turns))
        case Task.CONSULTATION:
            case = draw(_cases(_turns))
        case Task.DIAGNOSIS:
            options = draw(st.lists(st.sampled_from(["Healthy", *DISEASES]), min_size=2, unique=True))
        case Task.LOCALIZATION:
            options = draw(st.permutations(LEVELS))
        case Task.KNOWLEDGE:
            options = draw(st.lists(_text, min_size=2, max_size=6, unique_by=str.strip))
    if task is Task.LOCALIZATION:
        gold = draw(st.lists(st.sampled_from(options), min_size=1, unique=True))
    elif options:
        gold = [draw(st.sampled_from(options))]
    return Item(
        id=draw(_text),
        benchmark=draw(_text),
        task=task,
        question=draw(_text),
        options=tuple(options),
        gold=tuple(gold),
        images=tuple(draw(st.lists(_image, max_size=2))),
        disease=gold[0] if task is Task.DIAGNOSIS else draw(st.sampled_from([None, *DISEASES])),
        levels=tuple(level for level in LEVELS if level in gold),
        modality=draw(st.none() | _text),
        region=draw(st.none() | _text),
        source=draw(st.none() | _text),
        cluster=draw(_text),
        subspecialty=draw(st.none() | _text),
        reference=draw(st.none() | _text),
        case=case,
        language=draw(st.sampled_from([None, "en", "zh", "zh-CN"])),
        metadata=draw(_metadata),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(items=st.lists(_items(), min_size=1, max_size=6, unique_by=lambda item: item.id))
def test_written_items_are_read_back(tmp_path: Path, items: list[Item]) -> None:
    path = tmp_path / "items.jsonl"
    assert write_native(path, items) == len(items)
    benchmark = load_benchmark(path, format="native")
    assert list(benchmark.items) == items
    schema = jsonschema.Draft202012Validator(native_schema())
    for line in path.read_text("utf-8").split("\n")[:-1]:
        schema.validate(json.loads(line))


def test_the_writer_refuses_what_the_reader_would(tmp_path: Path) -> None:
    item = Item(id="x", benchmark="b", task=Task.DIAGNOSIS, question="?", options=("a",), cluster="c")
    path = tmp_path / "items.jsonl"
    with pytest.raises(DataError, match="at least two"):
        write_native(path, [item])
    good = Item(id="x", benchmark="b", task=Task.REPORT, question="?", cluster="c")
    with pytest.raises(DataError, match="each id once"):
        write_native(path, [good, good])
    assert list(tmp_path.iterdir()) == []


def test_a_pathology_file_survives_the_native_format(
    diagnosis: Callable[..., dict[str, Any]],
    localization: Callable[..., dict[str, Any]],
    as_list: Write,
    tmp_path: Path,
) -> None:
    released = load_benchmark(as_list(diagnosis(note="x"), localization(), diagnosis(note="x")))
    write_native(tmp_path / "native.jsonl", released.items)
    native = load_benchmark(tmp_path / "native.jsonl")
    assert native.items == released.items
    assert native.info.items_hash == released.info.items_hash
    assert (native.info.format, released.info.format) == ("native-jsonl", "pathology-json")
