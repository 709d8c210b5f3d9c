"""Exports as label-studio-sdk 2.1.2 and argilla 2.8.0 wrote them for packet tables; of 1.x as its sources write them.

Only ids of packets and the like were put in afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinebench.exchange.rating_book import RatingBook
from tests.exchange.test_ratings_import import make_book, of, read, reasons, scores

ANN = "00000000-0000-0000-0000-000000000001"
BOB = "00000000-0000-0000-0000-000000000002"
DATA = {
    "packet_set": "s", "rubric_hash": "h", "sitting": "1", "position": "1", "image": "none", "question": "q",
    "options": "A: x", "reasoning": "", "answer": "a", "visual_features": "", "mode_missed_finding": "",
}  # fmt: skip
TIMES = {
    "created_at": "2026-03-04T05:00:00.000000Z",
    "updated_at": "2026-03-04T05:02:00.000000Z",
    "lead_time": 12.5,
}


@pytest.fixture
def book(tmp_path: Path) -> RatingBook:
    return make_book(tmp_path)


def ids(book: RatingBook) -> list[str]:
    """A localization packet and two of diagnosis, all of rater a."""
    localization, *others = of(book, task="localization"), of(book), of(book, place=1)
    return [one.shown.packet_id for one in (localization, *others)]


# ---------------------------------------------------------------- Label Studio


def full_json(packets: list[str]) -> str:
    def result(name: str, kind: str, value: object, key: str | None = None) -> dict[str, Any]:
        return {"id": "x", "from_name": name, "to_name": "t", "type": kind, "value": {key or kind: value},
                "origin": "manual"}  # fmt: skip

    annotation = {
        "id": 5, "completed_by": {"id": 7, "email": "ann@x.org", "first_name": "", "last_name": ""}, **TIMES,
        "result": [
            result("clinical_rationality", "rating", 4),
            result("Visual features", "choices", ["Cannot assess"]),
            result("spatial", "number", 3),
            result("failure_modes", "taxonomy", [["place", "wrong_level"], ["missed_finding"]]),
            result("safety", "choices", ["Yes"]),
            result("comment", "textarea", ["two", "lines"], "text"),
        ],
        "was_cancelled": False, "ground_truth": False, "draft_created_at": None, "prediction": {}, "result_count": 6,
        "unique_id": "u", "import_id": None, "last_action": None, "task": 7, "project": 1, "updated_by": 1,
        "parent_prediction": None, "parent_annotation": None, "last_created_by": None,
    }  # fmt: skip
    beside: dict[str, Any] = {
        "file_upload": None,
        "drafts": [],
        "predictions": [],
        "meta": {},
        "inner_id": 1,
        "project": 1,
    }
    of_table = {"clinical_rationality": "", "spatial": "-", "safety": "", "comment": "", **DATA}
    tasks = [
        {"id": 7, "annotations": [annotation], "data": {"packet_id": packets[0], **of_table}, **beside},
        {"id": 8, "annotations": [], "data": {"packet_id": packets[1], **of_table}, **beside},
        {
            "id": 9,
            "annotations": [{**annotation, "was_cancelled": True}],
            "data": {"packet_id": packets[2]},
            **beside,
        },
    ]
    return json.dumps(tasks)


def json_min(packets: list[str]) -> str:
    answered = {
        "packet_id": packets[0], **DATA, "clinical_rationality": [{"rating": 4}], "spatial": [{"number": 3}],
        "safety": "Yes", "comment": {"text": ["two", "lines"]}, "id": 7, "Visual features": "Cannot assess",
        "failure_modes": [{"taxonomy": [["place", "wrong_level"], ["missed_finding"]]}],
        "annotator": "ann@x.org", "annotation_id": 5, **TIMES,
    }  # fmt: skip
    open_ = {
        "packet_id": packets[1], **DATA, "clinical_rationality": "", "spatial": "-", "safety": "", "comment": "",
        "id": 8, "annotator": None, "annotation_id": None, "created_at": None, "updated_at": None, "lead_time": None,
    }  # fmt: skip
    return json.dumps([answered, open_], indent=2)


CSV = """"Visual features","_data_clinical_rationality","_data_comment","_data_safety","_data_spatial","annotation_id",\
"annotator","answer","clinical_rationality","comment","created_at","failure_modes","id","image","lead_time",\
"mode_missed_finding","options","packet_id","packet_set","position","question","reasoning","rubric_hash","safety",\
"sitting","spatial","updated_at","visual_features"
"Cannot assess","","","","-",5,"ann@x.org","a","[{""rating"":4}]","{""text"":[""two"",""lines""]}",\
"2026-03-04T05:00:00.000000Z","[{""taxonomy"":[[""place"",""wrong_level""],[""missed_finding""]]}]",7,"none",12.5,"",\
"A: x","ONE","s","1","q","","h","Yes","1","[{""number"":3}]","2026-03-04T05:02:00.000000Z",""
"","","","","-","","","a","","","","",8,"none","","","A: x","TWO","s","1","q","","h","","1","","",""
"""


def as_csv(packets: list[str]) -> str:
    return CSV.replace("ONE", packets[0]).replace("TWO", packets[1])


def as_tsv(packets: list[str]) -> str:
    import csv
    import io

    sink = io.StringIO()
    csv.writer(sink, delimiter="\t").writerows(csv.reader(io.StringIO(as_csv(packets))))
    return sink.getvalue()


@pytest.mark.parametrize("users", [{"ann@x.org": "a"}, {"7": "a"}], ids=["by address", "by number"])
@pytest.mark.parametrize(
    ("written", "name"),
    [(full_json, "f.json"), (json_min, "f.json"), (as_csv, "f.csv"), (as_tsv, "f.tsv")],
    ids=["JSON", "JSON-MIN", "CSV", "TSV"],
)
def test_exports_of_label_studio_say_the_same(
    book: RatingBook, tmp_path: Path, written: Callable[[list[str]], str], name: str, users: dict[str, str]
) -> None:
    found = read(book, tmp_path, written(ids(book)), name=name, users=users)
    if users == {"7": "a"} and written is not full_json:  # the short forms name a person by the address alone
        assert "'ann@x.org': expected a rater of this audit" in reasons(found)[0]
        return
    assert (found.format, reasons(found)) == ("label_studio", [])
    (rating,) = found.ratings
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": None, "spatial": 3}
    assert rating.failure_modes == ("missed_finding", "wrong_level")
    assert (rating.comment, rating.safety, rating.active_s) == ("two\nlines", True, 12.5)
    assert found.n_blank == 1  # cancelled in the full form, without an annotation in the short ones


def test_a_mode_may_be_asked_by_the_name_of_its_column(book: RatingBook, tmp_path: Path) -> None:
    task = json.loads(json_min(ids(book)))[0]
    changed = {**task, "mode_missed_finding": "Yes", "failure_modes": [{"taxonomy": []}]}
    found = read(book, tmp_path, [changed], users={"ann@x.org": "a"})
    assert reasons(found) == []
    assert found.ratings[0].failure_modes == ("missed_finding",)


def test_a_score_given_twice_in_the_short_form_is_not_chosen_among(book: RatingBook, tmp_path: Path) -> None:
    task = json.loads(json_min(ids(book)))[0]
    found = read(book, tmp_path, [{**task, "visual_features": "3"}], users={"ann@x.org": "a"})
    assert found.ratings == ()
    assert "expected one answer; visual_features is one" in reasons(found)[0]


@pytest.mark.parametrize("value", [[{"taxonomy": {}}], [{"rating": []}], {"choices": None}, [[[]]], {"a": 1}])
def test_odd_answers_of_the_short_form_are_rejected(book: RatingBook, tmp_path: Path, value: object) -> None:
    task = json.loads(json_min(ids(book)))[0]
    found = read(book, tmp_path, [{**task, "clinical_rationality": value}], users={"ann@x.org": "a"})
    assert found.ratings == ()
    assert "clinical_rationality" in reasons(found)[0]


# ---------------------------------------------------------------- Argilla


def nested(packets: list[str]) -> list[dict[str, Any]]:
    """`to_list()`, as `to_json` writes it: it says of no response whether it was submitted."""
    beside: dict[str, Any] = {"suggestions": {}, "vectors": {}, "status": "pending", "_server_id": None}
    given = {"clinical_rationality": 4, "visual_features": "cannot_assess", "failure_modes": ["missed_finding"],
             "comment": "fine"}  # fmt: skip
    return [
        {"id": "rec-1", "fields": {"text": "t"}, "metadata": {"packet_id": packets[1]},
         "responses": {name: [{"value": value, "user_id": ANN}] for name, value in given.items()}, **beside},
        {"id": "rec-2", "fields": {"text": "t"}, "metadata": {"packet_id": packets[2]}, "responses": {}, **beside},
    ]  # fmt: skip


def flat(packets: list[str]) -> list[dict[str, Any]]:
    """`to_list(flatten=True)`, and each line of `to_datasets().to_json(...)`: a draft of somebody else is told."""
    given: dict[str, list[object]] = {
        "clinical_rationality": [4, 2], "visual_features": ["cannot_assess"], "failure_modes": [["missed_finding"]],
        "comment": ["fine"],
    }  # fmt: skip
    first: dict[str, Any] = {"id": "rec-1", "status": "pending", "_server_id": None, "text": "t",
                             "packet_id": packets[1]}  # fmt: skip
    for name, values in given.items():
        first |= {f"{name}.responses": values, f"{name}.responses.users": [ANN, BOB][: len(values)],
                  f"{name}.responses.status": ["submitted", "draft"][: len(values)]}  # fmt: skip
    first |= {"clinical_rationality.suggestion": 3, "clinical_rationality.suggestion.score": 0.5}
    second = {
        **dict.fromkeys(first),
        "id": "rec-2",
        "status": "pending",
        "text": "t",
        "packet_id": packets[2],
    }
    return [first, second]


def data_set_of_1(packets: list[str], *, columns: bool = False) -> list[dict[str, Any]]:
    """`FeedbackDataset.format_as("datasets")`; `columns`: as its first versions were read back."""

    def held(*given: tuple[str, object, str]) -> object:
        rows = [dict(zip(("user_id", "value", "status"), one, strict=True)) for one in given]
        return {name: [row[name] for row in rows] for name in rows[0]} if columns else rows

    return [
        {
            "text": "t", "clinical_rationality": held((ANN, 4, "submitted"), (BOB, 2, "discarded")),
            "clinical_rationality-suggestion": None,
            "clinical_rationality-suggestion-metadata": {"type": None, "score": None, "agent": None},
            "visual_features": held((ANN, "cannot_assess", "submitted")),
            "failure_modes": held((ANN, ["missed_finding"], "submitted")), "comment": held((ANN, "fine", "submitted")),
            "external_id": None, "metadata": json.dumps({"packet_id": packets[1]}),
        },
        {"text": "t", "clinical_rationality": [], "clinical_rationality-suggestion": None, "external_id": packets[2],
         "metadata": None},
    ]  # fmt: skip


def by_names(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [one.get(name) for one in records] for name in records[0]}


def by_index(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["id"]: one for one in records}


def in_lines(records: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, records))


@pytest.mark.parametrize(
    "written",
    [
        nested,
        flat,
        lambda packets: by_names(nested(packets)),
        lambda packets: by_index(nested(packets)),
        lambda packets: by_names(flat(packets)),
        lambda packets: in_lines(flat(packets)),
        data_set_of_1,
        lambda packets: in_lines(data_set_of_1(packets)),
        lambda packets: data_set_of_1(packets, columns=True),
    ],
    ids=["to_list, to_json", "flat", "to_dict", "to_dict by index", "to_dict flat", "data set", "1.x data set",
         "1.x data set in lines", "1.x data set in columns"],
)  # fmt: skip
def test_records_of_argilla_say_the_same(
    book: RatingBook, tmp_path: Path, written: Callable[..., object]
) -> None:
    found = read(book, tmp_path, written(ids(book)), users={ANN: "a"})
    assert (found.format, reasons(found)) == ("argilla", [])
    (rating,) = found.ratings
    assert rating.packet_id == ids(book)[1]
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": None}
    assert (rating.failure_modes, rating.comment) == (("missed_finding",), "fine")


@pytest.mark.parametrize(
    "content",
    [
        {"a": {"b": 1}},
        {"a": [1, 2]},
        {"records": 3},
        {"fields": [1], "responses": [1, 2]},
        {"x": {"fields": 1}, "y": 2},
    ],
    ids=["objects", "lists", "records no list", "lists of two lengths", "a record among others"],
)
def test_what_is_like_records_is_no_traceback(book: RatingBook, tmp_path: Path, content: object) -> None:
    found = read(book, tmp_path, content)
    assert found.ratings == ()
    assert len(found.rejected) >= 1
