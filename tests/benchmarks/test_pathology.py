from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.benchmarks import BenchmarkFileError, load_benchmark
from spinebench.errors import DataError, ExitCode, UsageError
from spinebench.records import ImageRef, Item, Task
from spinebench.terms import DISEASES, HEALTHY, LEVELS, synonyms

Build = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
FIVE = ["Healthy", "Osteophytes", "Spondylolisthesis", "Disc space narrowing", "Foraminal stenosis"]


def only(path: Path) -> Item:
    (item,) = load_benchmark(path).items
    return item


def test_a_record_as_released(diagnosis: Build, as_list: Write) -> None:
    item = only(as_list(diagnosis(answers=["Osteophytes"], severity="mild")))
    assert item.task is Task.DIAGNOSIS
    assert item.benchmark == "pathology"
    assert item.options == tuple(FIVE)
    assert item.gold == ("Osteophytes",)
    assert item.disease == "Osteophytes"
    assert item.images == (ImageRef(path="rsna/4003253/702807833/5.jpg"),)
    assert (item.source, item.modality, item.region) == ("rsna", "MRI", "lumbar")
    assert item.cluster == "rsna/4003253"
    assert item.metadata == {"severity": "mild"}
    assert item.id.startswith("diagnosis-")


def test_a_localization(localization: Build, as_list: Write) -> None:
    item = only(as_list(localization(answers=["L4/L5", "L3/L4"])))
    assert item.task is Task.LOCALIZATION
    assert item.gold == ("L3/L4", "L4/L5")
    assert item.levels == ("L3/L4", "L4/L5")
    assert item.disease is None


_LETTERS = dict(zip("ABCDE", FIVE, strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"options": None, "choices": FIVE}, id="choices"),
        pytest.param({"options": None, "candidates": FIVE}, id="candidates"),
        pytest.param({"options": _LETTERS}, id="mapping"),
        pytest.param({"options": dict(reversed(_LETTERS.items()))}, id="mapping in another order"),
        pytest.param({"options": {k.lower(): v for k, v in _LETTERS.items()}}, id="mapping, lower case"),
        pytest.param({"options": {f"Option {k}": v for k, v in _LETTERS.items()}}, id="mapping of names"),
        pytest.param({"options": [f"{k}. {v}" for k, v in _LETTERS.items()]}, id="list with letters"),
        pytest.param({"options": None} | {f"option {k}": v for k, v in _LETTERS.items()}, id="option A"),
        pytest.param({"options": None} | {f"Option_{k}": v for k, v in _LETTERS.items()}, id="Option_A"),
        pytest.param({"options": None} | {f"option{k}": v for k, v in _LETTERS.items()}, id="optionA"),
        pytest.param(
            {"options": None} | {f"OPTION-{k.lower()}": v for k, v in _LETTERS.items()}, id="OPTION-a"
        ),
        pytest.param({"options": None} | {f" option  {k} ": v for k, v in _LETTERS.items()}, id="spaces"),
        pytest.param({"options": None} | _LETTERS, id="bare letters"),
        pytest.param({"options": _LETTERS | {"F": None}}, id="empty cell behind the last"),
        pytest.param({"image": None, "image_path": "rsna/4003253/702807833/5.jpg"}, id="image_path"),
        pytest.param({"image": "rsna\\4003253\\702807833\\5.jpg"}, id="backslashes"),
        pytest.param({"image": "./rsna//4003253/702807833/5.jpg"}, id="dots and slashes"),
        pytest.param({"image": ["rsna/4003253/702807833/5.jpg"]}, id="image in a list"),
        pytest.param({"question": None, "query": "Which condition does the image show?"}, id="query"),
        pytest.param({"answers": None, "answer": "Osteophytes"}, id="answer"),
        pytest.param({"answers": None, "answer": ["Osteophytes"]}, id="answer in a list"),
        pytest.param({"answers": "osteophytes "}, id="case and space"),
        pytest.param({"answers": "Osteophyte formation"}, id="synonym"),
        pytest.param({"task": " Spine_Disease_Classification"}, id="task, case and space"),
    ],
)
def test_every_way_to_write_a_record_gives_the_same_item(
    diagnosis: Build, as_list: Write, as_lines: Write, changes: dict[str, Any]
) -> None:
    plain = only(as_list(diagnosis(), name="plain.json"))
    record = {name: value for name, value in (diagnosis() | changes).items() if value is not None}
    assert only(as_list(record)) == plain
    assert only(as_lines(record)) == plain


@pytest.mark.parametrize(
    "keys", ["{}", "option {}", "Option_{}"], ids=["bare letters", "option A", "Option_A"]
)
@pytest.mark.parametrize("empty", ["options", "choices", "candidates"])
def test_an_empty_column_of_options_hides_no_lettered_ones(
    diagnosis: Build, as_list: Write, keys: str, empty: str
) -> None:
    lettered = {keys.format(letter): text for letter, text in _LETTERS.items()}
    record = {name: value for name, value in diagnosis().items() if name != "options"}
    assert only(as_list(record | {empty: None} | lettered)) == only(as_list(diagnosis(), name="plain.json"))


def test_an_empty_column_of_options_alone_is_missing(diagnosis: Build, as_list: Write) -> None:
    with pytest.raises(BenchmarkFileError, match="'options' is missing"):
        load_benchmark(as_list(diagnosis() | {"options": None}))


@pytest.mark.parametrize(
    "answers",
    [["L3/L4", "L4/L5"], "L3/L4, L4/L5", "L3/L4 and L4/L5", ["L4-L5", "l3/4"], "L4/L5;L3/L4"],
    ids=str,
)
def test_several_levels(localization: Build, as_list: Write, answers: Any) -> None:
    assert only(as_list(localization(answers=answers))).levels == ("L3/L4", "L4/L5")


@pytest.mark.parametrize(
    ("path", "source", "cluster"),
    [
        ("rsna/1/2/3.jpg", "rsna", "rsna/1"),
        ("evaluation/RSNA/train_images/77/2/3.jpg", "rsna", "rsna/77"),
        ("rsna/3.jpg", "rsna", "rsna/3.jpg"),
        ("buu/0001-F-037Y0.jpg", "buu", "buu/0001-F-037Y0.jpg"),
        ("BUU-LSPINE/AP/0001-F-037Y0.jpg", "buu", "BUU-LSPINE/AP/0001-F-037Y0.jpg"),
        ("vindr-spinexr/a.png", "vindr", "vindr-spinexr/a.png"),
        ("CSXA/0001.png", "csxa", "CSXA/0001.png"),
        ("rsna/vindr/a.png", None, "rsna/vindr"),
        ("0001.png", None, "0001.png"),
        ("my_rsna_copy/1/2.png", None, "my_rsna_copy/1/2.png"),
    ],
)
def test_source_and_cluster_only_where_certain(
    diagnosis: Build, as_list: Write, path: str, source: str | None, cluster: str
) -> None:
    item = only(as_list(diagnosis(image=path)))
    assert (item.source, item.cluster) == (source, cluster)


def test_a_stated_source_goes_before_the_path(diagnosis: Build, as_list: Write) -> None:
    item = only(as_list(diagnosis(image="0001.png", dataset="VinDr-SpineXR", modality="xray")))
    assert (item.source, item.modality, item.metadata) == ("vindr", "X-ray", {})


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        pytest.param({"image": None}, "image", "missing", id="no image"),
        pytest.param({"image": ""}, "image", "''", id="empty image"),
        pytest.param({"image": 5}, "image", "5", id="image is a number"),
        pytest.param({"image": "https://x.org/a.png"}, "image", "relative", id="address"),
        pytest.param({"image_path": "other.jpg"}, "image_path", "only one of the two", id="two images"),
        pytest.param({"question": None}, "question", "'query'", id="no question"),
        pytest.param({"question": "  "}, "question", "text", id="empty question"),
        pytest.param({"task": None}, "task", "missing", id="no task"),
        pytest.param({"task": "spine_disease_clasification"}, "task", "did you mean", id="task misspelt"),
        pytest.param({"answers": None}, "answers", "'answer'", id="no answer"),
        pytest.param({"answers": []}, "answers", "[]", id="empty answers"),
        pytest.param({"answers": ["Healthy", 3]}, "answers", "3", id="answer is a number"),
        pytest.param(
            {"answers": ["Healthy", "Osteophytes"]}, "answers", "one right option", id="two diagnoses"
        ),
        pytest.param({"answers": "B"}, "answers", "not its letter", id="gold by letter"),
        pytest.param({"answers": "Vertebral collapse"}, "answers", "one of the options", id="gold absent"),
        pytest.param({"answers": "Osteopytes"}, "answers", "'Osteophytes'", id="gold misspelt"),
        pytest.param({"options": None}, "options", "among the keys", id="no options"),
        pytest.param({"options": []}, "options", "none of them empty", id="empty options"),
        pytest.param({"options": "A: Healthy B: Osteophytes"}, "options", "a list", id="options are a text"),
        pytest.param({"options": ["Osteophytes"]}, "options", "2 to 26", id="one option"),
        pytest.param({"options": ["Osteophytes", ""]}, "options", "none of them empty", id="empty option"),
        pytest.param({"options": ["Osteophytes", None]}, "options", "none of them", id="null option"),
        pytest.param({"options": ["Osteophytes", "osteophytes"]}, "options", "each option once", id="twice"),
        pytest.param({"options": ["Osteophytes", "Osteophyte"]}, "options", "names the same", id="synonyms"),
        pytest.param(
            {"options": {"A": "Osteophytes", "C": "Healthy"}}, "options", "gap", id="letters with a gap"
        ),
        pytest.param(
            {"options": {"A": "Osteophytes", "a": "Healthy"}}, "options", "twice", id="letter twice"
        ),
        pytest.param({"options": {"A": "Osteophytes", "x1": "Healthy"}}, "options", "letter", id="no letter"),
        pytest.param(
            {"options": {"A": "Osteophytes", "B": ["Healthy"]}}, "options B", "text", id="option is a list"
        ),
    ],
)
def test_what_is_wrong_is_said_with_field_and_value(
    diagnosis: Build, as_list: Write, changes: dict[str, Any], field: str, said: str
) -> None:
    record = diagnosis() | changes
    path = as_list(diagnosis(), {name: value for name, value in record.items() if value is not None})
    with pytest.raises(BenchmarkFileError, match="1 of 2 records") as caught:
        load_benchmark(path)
    assert caught.value.exit_code is ExitCode.DATA
    (invalid,) = caught.value.invalid
    assert (invalid.index, invalid.line, invalid.file) == (1, 15, "test.json")
    assert [problem.field for problem in invalid.problems] == [field]
    assert said in str(invalid)


@pytest.mark.parametrize("value", [None, 3, "text", ["image"]], ids=str)
def test_a_record_that_is_no_object(diagnosis: Build, as_list: Write, value: object) -> None:
    with pytest.raises(BenchmarkFileError, match="JSON object"):
        load_benchmark(as_list(diagnosis(), value))


def test_all_problems_of_a_file_are_in_one_error(diagnosis: Build, as_list: Write) -> None:
    bad = [diagnosis(question="", answers=f"nothing {n}") for n in range(30)]
    with pytest.raises(BenchmarkFileError) as caught:
        load_benchmark(as_list(diagnosis(), *bad))
    assert len(caught.value.invalid) == 30
    assert all(len(invalid.problems) == 2 for invalid in caught.value.invalid)
    text = str(caught.value)
    assert "30 of 31 records" in text
    assert "and 20 more" in text
    assert text.endswith("--skip-invalid")


def test_invalid_records_are_listed_not_lost(diagnosis: Build, as_list: Write) -> None:
    benchmark = load_benchmark(as_list(diagnosis(), diagnosis(task="x")), skip_invalid=True)
    assert len(benchmark.items) == 1
    assert [record.index for record in benchmark.invalid] == [1]


def test_a_cut_off_list_is_an_error_even_when_invalid_records_are_skipped(
    diagnosis: Build, as_list: Write
) -> None:
    path = as_list(diagnosis(), diagnosis(image="b.jpg"))
    path.write_text(path.read_text("utf-8")[:-60], "utf-8")
    with pytest.raises(BenchmarkFileError, match="cut off"):
        load_benchmark(path, skip_invalid=True)


def test_a_file_without_a_valid_record(diagnosis: Build, as_list: Write) -> None:
    with pytest.raises(DataError, match="at least one"):
        load_benchmark(as_list(), format="pathology")
    with pytest.raises(BenchmarkFileError):
        load_benchmark(as_list(diagnosis(task="x")), skip_invalid=True)


def test_repeated_records_keep_their_number_and_get_ids(diagnosis: Build, as_list: Write) -> None:
    benchmark = load_benchmark(
        as_list(diagnosis(), diagnosis(image="b.jpg"), diagnosis(), diagnosis(answers="osteophyte"))
    )
    first = benchmark.items[0].id
    assert [item.id for item in benchmark.items] == [first, benchmark.items[1].id, f"{first}-2", f"{first}-3"]
    assert benchmark.duplicates == ((first, f"{first}-2", f"{first}-3"),)


def test_the_same_question_with_another_gold_is_a_contradiction(diagnosis: Build, as_list: Write) -> None:
    benchmark = load_benchmark(as_list(diagnosis(), diagnosis(answers="Healthy")), skip_invalid=True)
    assert len(benchmark.items) == 1
    assert "as in record 0" in str(benchmark.invalid[0])


def test_ids_depend_on_what_is_asked_and_on_nothing_else(diagnosis: Build, as_list: Write) -> None:
    def id_of(**changes: Any) -> str:
        return only(as_list(diagnosis(**changes))).id

    same = id_of()
    assert id_of(answers="Healthy", extra=1) == same
    others = [id_of(image="b.jpg"), id_of(question="What?"), id_of(options=FIVE[::-1])]
    assert len({same, *others}) == 4


def test_an_unknown_label_is_kept_as_it_is(diagnosis: Build, as_list: Write) -> None:
    item = only(as_list(diagnosis(options=["Healthy", "Scoliosis"], answers="scoliosis")))
    assert (item.gold, item.disease) == (("Scoliosis",), "Scoliosis")


def test_an_unknown_format_and_an_unrecognizable_file(diagnosis: Build, as_list: Write) -> None:
    with pytest.raises(UsageError, match="--format"):
        load_benchmark(as_list(diagnosis()), format="csv")
    with pytest.raises(DataError, match="--format"):
        load_benchmark(as_list({"a": 1}))
    with pytest.raises(UsageError, match="image folder"):
        load_benchmark(as_list(diagnosis()), image_root="/nowhere/at/all")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"[]", "at least one record", id="no record"),
        pytest.param(b'[{"image": "a.png", "question": "\xe9"}]', r"record 0 \(line 1\).*xe9", id="latin-1"),
        pytest.param(b'[{"image": "a.png"', r"record 0 \(line 1\).*cut off", id="cut off"),
        pytest.param(b"{'image': 'a.png'}\n", r"record 0 \(line 1\)", id="python's repr"),
    ],
)
def test_a_file_whose_first_record_cannot_be_read_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(BenchmarkFileError, match=said):
        load_benchmark(path)


def test_a_format_given_goes_before_the_look(diagnosis: Build, as_list: Write) -> None:
    path = as_list({"a": 1})
    with pytest.raises(BenchmarkFileError, match="'task'"):
        load_benchmark(path, format="pathology-json")


@st.composite
def _records(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """A valid record in any of the accepted shapes, with its options and gold as they must come out."""
    localizing = draw(st.booleans())
    shuffled = random.Random(draw(st.integers(0, 10**6)))
    if localizing:
        options = shuffled.sample(LEVELS, 5)
        gold = shuffled.sample(options, draw(st.integers(1, 5)))
        written = [text.replace("/", draw(st.sampled_from(["/", "-", "–"]))) for text in gold]
    else:
        options = shuffled.sample([HEALTHY, *DISEASES], draw(st.integers(2, 6)))
        gold = [shuffled.choice(options)]
        written = [draw(st.sampled_from([gold[0], *synonyms(gold[0])]))]
    letters = dict(zip("ABCDEF", options, strict=False))
    answers = written[0] if len(written) == 1 and draw(st.booleans()) else written
    record: dict[str, Any] = {
        draw(st.sampled_from(["image", "image_path"])): draw(
            st.from_regex(r"[a-z]{1,8}/[0-9]{1,6}\.(jpg|png)", fullmatch=True)
        ),
        draw(st.sampled_from(["question", "query"])): draw(
            st.text(min_size=1).filter(lambda text: bool(text.strip()))
        ),
        "task": "spine_lesion_localization" if localizing else "spine_disease_classification",
        draw(st.sampled_from(["answers", "answer"])): answers,
    }
    match draw(st.sampled_from(["list", "mapping", "keys"])):
        case "list":
            record[draw(st.sampled_from(["options", "choices", "candidates"]))] = options
        case "mapping":
            record["options"] = letters
        case _:
            record |= {f"option {letter}": text for letter, text in letters.items()}
    return record, tuple(options), tuple(option for option in options if option in gold)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(drawn=_records())
def test_any_accepted_shape_comes_out_whole(
    as_list: Write, drawn: tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]
) -> None:
    record, options, gold = drawn
    item = only(as_list(record))
    assert (item.options, item.gold) == (options, gold)
    assert item.question == record.get("question", record.get("query"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(
    record=st.dictionaries(
        st.sampled_from(["image", "question", "task", "answers", "options", "option A", "extra"]),
        st.none()
        | st.integers()
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        | st.lists(st.text(max_size=4) | st.integers(), max_size=4)
        | st.dictionaries(st.text(max_size=3), st.text(max_size=4), max_size=3)
        | st.sampled_from(["spine_disease_classification", "spine_lesion_localization"]),
    )
)
def test_no_record_breaks_the_reader(diagnosis: Build, as_list: Write, record: dict[str, Any]) -> None:
    valid = as_list(diagnosis(image="another.jpg"), record)
    benchmark = load_benchmark(valid, format="pathology", skip_invalid=True)
    assert len(benchmark.items) + len(benchmark.invalid) == 2
    assert all(invalid.problems for invalid in benchmark.invalid)
