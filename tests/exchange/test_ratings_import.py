"""Files of ratings in every form, good and bad."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from spinebench.audit_records import Rating
from spinebench.errors import UsageError
from spinebench.exchange.packets import PACKET_FORMAT, write_packet
from spinebench.exchange.rating_book import Packet, RatingBook
from spinebench.exchange.rating_rows import whole_number
from spinebench.exchange.ratings_import import ReadRatings, read_ratings
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.importing import import_ratings
from tests.rated_audits import RUBRIC, make_audit

AT = datetime(2026, 3, 4, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> RatingBook:
    return make_book(tmp_path)


def make_book(folder: Path, **options: Any) -> RatingBook:
    _, audit = make_audit(folder, images=False, **options)
    audit.write_assignments(
        assign([Rateable.of(t) for t in audit.traces()], ["a", "b"], audit_id=audit.audit_id, seed=3, at=AT)
    )
    return RatingBook.open(audit)


def of(book: RatingBook, rater: str = "a", *, task: str = "diagnosis", place: int = 0) -> Packet:
    found = [packet for packet in book.packets.values() if packet.rater == rater and packet.task == task]
    return [packet for packet in found if not packet.shown.duplicate][place]


def read(
    book: RatingBook, folder: Path, content: object, *, name: str = "f.json", **options: Any
) -> ReadRatings:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return read_ratings(path, book, at=options.pop("at", AT), **options)


def reasons(found: ReadRatings) -> list[str]:
    return [str(one) for one in found.rejected]


def scores(rating: Rating) -> dict[str, int | None]:
    return {one.dimension: one.score for one in rating.dimensions}


BOTH = {"clinical_rationality": 4, "visual_features": "cannot_assess"}


def saved(book: RatingBook, *ratings: Mapping[str, Any], rater: str = "a") -> dict[str, Any]:
    """A file as the page writes it."""
    content = {"format": PACKET_FORMAT, "set": book.set_id(rater), "rater": rater,
               "rubric_hash": book.spec.rubric_hash, "written_at": "2026-03-04T05:06:07.000Z"}  # fmt: skip
    return {**content, "ratings": list(ratings)}


def one(packet: Packet, **changes: Any) -> dict[str, Any]:
    rating = {
        "packet_id": packet.shown.packet_id, "dimensions": dict(BOTH), "failure_modes": ["missed_finding"],
        "safety": True, "comment": "ok", "opened_at": "2026-03-04T05:00:00.000Z",
        "saved_at": "2026-03-04T05:01:00.000Z", "active_s": 31.5,
    }  # fmt: skip
    return {**rating, **changes}


# ---------------------------------------------------------------- what a page saves


def test_a_saved_packet_becomes_ratings(book: RatingBook, tmp_path: Path) -> None:
    packet = of(book)
    shown = book.shown_sha256(packet.trace)
    found = read(book, tmp_path, saved(book, one(packet, shown_sha256=shown)))
    assert reasons(found) == []
    (rating,) = found.ratings
    assert found.format == rating.source == "packet"
    assert (rating.rater, rating.trace_id, rating.safety, rating.comment) == (
        "a", packet.shown.trace_id, True, "ok",
    )  # fmt: skip
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": None}
    assert rating.dimensions[1].cannot_assess
    assert rating.failure_modes == ("missed_finding",)
    assert rating.active_s == 31.5
    assert rating.opened_at == datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
    assert rating.shown_sha256 == shown
    assert rating.rubric_hash == book.spec.rubric_hash


def test_the_id_does_not_depend_on_when_it_is_taken_in(book: RatingBook, tmp_path: Path) -> None:
    content = saved(book, one(of(book)))
    first, later = read(book, tmp_path, content), read(book, tmp_path, content, at=LATER)
    assert first.ratings[0].rating_id == later.ratings[0].rating_id
    other = read(book, tmp_path, saved(book, one(of(book), comment="changed")))
    assert other.ratings[0].rating_id != first.ratings[0].rating_id


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dimensions": {**BOTH, "clinical_rationality": 6}}, "clinical_rationality 6: expected one of 1, 2, 3, 4, 5"),
        ({"dimensions": {**BOTH, "clinical_rationality": 2.5}}, "clinical_rationality 2.5: expected one of"),
        ({"dimensions": {**BOTH, "clinical_rationality": True}}, "clinical_rationality True: expected one of"),
        ({"dimensions": {**BOTH, "clinical_rationality": [4]}}, "clinical_rationality [4]: expected one of"),
        ({"dimensions": {"clinical_rationality": 4}}, "visual_features: expected a score or 'cannot assess'"),
        ({"dimensions": {**BOTH, "spatial": 3}}, "spatial 3: a diagnosis trace is not rated on it"),
        ({"dimensions": {**BOTH, "beauty": 3}}, "beauty 3: expected a dimension of the rubric"),
        ({"dimensions": None}, "dimensions {"),
        ({"packet_id": "000000000000"}, "packet_id '000000000000': expected a packet of this audit"),
        ({"packet_id": None}, "packet_id '': expected a packet of this audit"),
        ({"failure_modes": ["wrong_level"]}, "failure_modes 'wrong_level': expected failure modes of the rubric"),
        ({"failure_modes": "missed_finding"}, "failure_modes 'missed_finding': expected a list"),
        ({"safety": "perhaps"}, "safety 'perhaps': expected yes or no"),
        ({"comment": {"a": 1}}, "comment {'a': 1}: expected text"),
        ({"opened_at": "yesterday"}, "opened_at 'yesterday': expected a time"),
        ({"active_s": -1}, "active_s -1: expected seconds"),
        ({"active_s": float("nan")}, "active_s 'NaN': expected seconds"),
        ({"shown_sha256": "ab" * 32}, "expected the hash of what this audit shows"),
        ({"shown_sha256": ["x"]}, "expected the hash of what this audit shows"),
    ],
)  # fmt: skip
def test_a_bad_rating_is_named_and_the_good_one_kept(
    book: RatingBook, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    good = one(of(book, place=1))
    found = read(book, tmp_path, saved(book, one(of(book), **changes), good), name="b.json")
    assert [rating.packet_id for rating in found.ratings] == [good["packet_id"]]
    assert reasons(found)[0].startswith("b.json, rating 1: ")
    assert said in reasons(found)[0]


def test_every_fault_of_a_rating_is_named(book: RatingBook, tmp_path: Path) -> None:
    bad = one(of(book), dimensions={"clinical_rationality": 9}, safety="?", active_s="long")
    found = read(book, tmp_path, saved(book, bad))
    assert [rejected.field for rejected in found.rejected] == [
        "clinical_rationality", "visual_features", "safety", "active_s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"set": "0" * 24}, "set '000000000000000000000000': expected the packet of a for this audit"),
        ({"rater": "c"}, "rater 'c': expected a rater who is assigned traces of this audit"),
        ({"rater": "b"}, "expected the packet of b for this audit"),
        ({"rubric_hash": "0" * 64}, "expected the rubric of this audit"),
        ({"format": "spinebench-ratings/99"}, "expected 'spinebench-ratings/1'"),
        ({"ratings": {}}, "ratings {}: expected a list"),
    ],
)
def test_a_file_of_something_else_is_one_rejection(
    book: RatingBook, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    found = read(book, tmp_path, {**saved(book, one(of(book))), **changes})
    assert found.ratings == ()
    (reason,) = reasons(found)
    assert reason.startswith("f.json, file: ")
    assert said in reason


def test_another_raters_packet_is_not_taken(book: RatingBook, tmp_path: Path) -> None:
    found = read(book, tmp_path, saved(book, one(of(book, "b"))))
    assert found.ratings == ()
    assert "expected the rater that this packet is assigned to" in reasons(found)[0]


def test_another_audits_file_is_not_taken(book: RatingBook, tmp_path: Path) -> None:
    other = make_book(tmp_path / "other", audit_id="other-audit")
    found = read(book, tmp_path, saved(other, one(of(other))))
    assert found.ratings == ()
    assert "expected the packet of a for this audit" in reasons(found)[0]


def test_a_packet_twice_in_a_file(book: RatingBook, tmp_path: Path) -> None:
    packet = of(book)
    same = read(book, tmp_path, saved(book, one(packet), one(packet)))
    assert (len(same.ratings), reasons(same)) == (1, [])
    later = one(packet, comment="later", saved_at="2026-03-04T06:00:00Z")
    ordered = read(book, tmp_path, saved(book, later, one(packet)))
    assert [rating.comment for rating in ordered.ratings] == ["ok", "later"]
    unclear = read(book, tmp_path, saved(book, one(packet), one(packet, comment="or this")))
    assert len(unclear.ratings) == 1
    assert "expected each packet once; it is also in rating 1, differently" in reasons(unclear)[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a table"),
        (b"{", "expected JSON, but in line 1"),
        (b"[" * 100_000, "expected JSON"),
        (b"\x81\x8d\x00\xff", "expected text"),
        (b"PK\x03\x04 a workbook", "expected a table"),
        (b"{}", "expected a filled packet"),
        (b"[1, 2]", "expected a filled packet"),
        (b"a,a,packet_id\n1,2,3\n", "its header has a more than once"),
        (b"name,score\nx,1\n", "expected a table with a column packet_id or trace_id"),
    ],
    ids=["empty", "cut off", "deep", "binary", "xlsx", "object", "numbers", "columns twice", "other table"],
)
def test_a_file_that_is_none_is_one_rejection(
    book: RatingBook, tmp_path: Path, content: bytes, said: str
) -> None:
    found = read(book, tmp_path, content)
    assert (found.format, found.ratings) == (None, ())
    (reason,) = reasons(found)
    assert said in reason


def test_no_file_is_a_usage_error(book: RatingBook, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="check the path"):
        read_ratings(tmp_path / "none.json", book, at=AT)


def test_a_comment_with_half_a_character_is_taken(book: RatingBook, tmp_path: Path) -> None:
    found = read(book, tmp_path, saved(book, one(of(book), comment="\ud83d")))
    assert found.ratings[0].comment == "\ufffd"


# ---------------------------------------------------------------- tables


def filled(
    book: RatingBook, folder: Path, changes: Mapping[int, Mapping[str, str]], *, delimiter: str = ","
) -> str:
    """The packet table of rater a with cells filled in, as a spreadsheet would write it."""
    import csv
    import io

    written = write_packet(book, "a", folder / "packets", images=lambda trace: ())
    rows = list(csv.reader(io.StringIO(written.csv.read_text("utf-8-sig"), newline="")))
    for place, cells in changes.items():
        for name, value in cells.items():
            rows[1 + place][rows[0].index(name)] = value
    sink = io.StringIO()
    csv.writer(sink, delimiter=delimiter).writerows(rows)
    return sink.getvalue()


def place_of(book: RatingBook, packet: Packet) -> int:
    return packet.shown.position - 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_a_filled_table_in_any_dress(book: RatingBook, tmp_path: Path, encoding: str, delimiter: str) -> None:
    packet = of(book)
    cells = {"clinical_rationality": "3,0", "visual_features": "x", "mode_missed_finding": "1", "safety": "yes",
             "comment": "häufig; so, ja"}  # fmt: skip
    text = filled(book, tmp_path, {place_of(book, packet): cells}, delimiter=delimiter)
    found = read(book, tmp_path, text.encode(encoding), name="t.csv")
    assert reasons(found) == []
    (rating,) = found.ratings
    assert found.format == "table"
    assert found.n_blank == len(book.assignments["a"].traces) - 1
    assert scores(rating) == {"clinical_rationality": 3, "visual_features": None}
    assert (rating.failure_modes, rating.safety, rating.comment) == (
        ("missed_finding",),
        True,
        "häufig; so, ja",
    )
    assert rating.shown_sha256 is None


def test_a_bad_row_of_a_table_is_named_by_its_line(book: RatingBook, tmp_path: Path) -> None:
    first, second = of(book), of(book, place=1)
    text = filled(book, tmp_path, {
        place_of(book, first): {"clinical_rationality": "7", "visual_features": "2"},
        place_of(book, second): {"clinical_rationality": "2.0", "visual_features": "2"},
    })  # fmt: skip
    found = read(book, tmp_path, text, name="t.csv")
    assert [rating.packet_id for rating in found.ratings] == [second.shown.packet_id]
    (rejected,) = found.rejected
    assert (rejected.field, rejected.value) == ("clinical_rationality", "'7'")
    line = int(rejected.row.removeprefix("row "))
    assert first.shown.packet_id in text.splitlines()[line - 1]


def test_a_table_of_another_rubric_is_rejected(book: RatingBook, tmp_path: Path) -> None:
    packet = of(book)
    cells = {"clinical_rationality": "3", "visual_features": "2", "rubric_hash": "0" * 16}
    found = read(book, tmp_path, filled(book, tmp_path, {place_of(book, packet): cells}), name="t.csv")
    assert found.ratings == ()
    assert "expected the rubric of this audit" in reasons(found)[0]


def test_sep_line_and_spaces_in_the_header(book: RatingBook, tmp_path: Path) -> None:
    packet = of(book)
    text = f"sep=;\nPacket ID; Clinical-Rationality ;visual features\n{packet.shown.packet_id};'4;5,00\n"
    found = read(book, tmp_path, text, name="t.csv")
    assert reasons(found) == []
    assert scores(found.ratings[0]) == {"clinical_rationality": 4, "visual_features": 5}


def test_long_rows_of_one_trace_become_one_rating(book: RatingBook, tmp_path: Path) -> None:
    packet = of(book, "b", task="localization")
    trace = packet.shown.trace_id
    text = "trace,rater,dimension,score,comment\r\n" + "\r\n".join(
        [
            f"{trace},b,clinical_rationality,4,first",
            f"{trace},b,visual_features,cannot assess,",
            f"{trace},b,spatial,2,",
        ]
    )
    found = read(book, tmp_path, text, name="long.csv")
    (rating,) = found.ratings
    assert found.format == "long"
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": None}
    assert rating.comment == "first"
    assert reasons(found) == ["long.csv, row 4: spatial '2': expected one of 1, 3, 5, or 'cannot assess'"]
    mended = read(book, tmp_path, f"trace,rater,dimension,score\n{trace},b,spatial,3\n", name="long.csv",
                  current=[rating])  # fmt: skip
    assert scores(mended.ratings[0]) == {"clinical_rationality": 4, "visual_features": None, "spatial": 3}
    again = read(book, tmp_path, f"trace,rater,dimension,score\n{trace},b,spatial,3\n", name="long.csv",
                 current=mended.ratings)  # fmt: skip
    assert again.ratings[0].rating_id == mended.ratings[0].rating_id


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{trace},c,clinical_rationality,4", "rater 'c': expected a rater of this audit (a, b)"),
        ("{trace},,clinical_rationality,4", "rater: expected who rated"),
        ("nothing,a,clinical_rationality,4", "trace_id 'nothing': expected a trace that is assigned to a"),
        (",a,clinical_rationality,4", "packet_id: expected a packet id or a trace id"),
        ("{trace},a,,4", "dimension '4': expected a dimension of the rubric"),
        ("{trace},a,beauty,4", "beauty '4': expected a dimension of the rubric"),
        ("{trace},a,clinical_rationality,four", "clinical_rationality 'four': expected one of 1, 2, 3, 4, 5"),
        ("{trace},a,clinical_rationality,4,5", "expected no more cells than the header has"),
    ],
)
def test_bad_long_rows(book: RatingBook, tmp_path: Path, row: str, said: str) -> None:
    text = "trace_id,rater,dimension,score\n" + row.format(trace=of(book).shown.trace_id) + "\n"
    found = read(book, tmp_path, text, name="long.csv")
    assert found.ratings == ()
    assert said in reasons(found)[0]


def test_two_scores_for_one_dimension(book: RatingBook, tmp_path: Path) -> None:
    trace = of(book).shown.trace_id
    rows = [f"{trace},a,clinical_rationality,4", f"{trace},a,clinical_rationality,5"]
    found = read(book, tmp_path, "trace_id,rater,dimension,score\n" + "\n".join(rows), name="long.csv")
    assert scores(found.ratings[0]) == {"clinical_rationality": 4}
    assert reasons(found) == [
        "long.csv, row 3: clinical_rationality 5: expected one score; row 2 has another"
    ]


# ---------------------------------------------------------------- tools


def label_studio(
    packet: Packet, results: list[dict[str, Any]], *, by: object = "a", **changes: Any
) -> dict[str, Any]:
    annotation = {"id": 5, "completed_by": by, "result": results, "created_at": "2026-03-04T05:00:00.000000Z",
                  "updated_at": "2026-03-04T05:02:00.000000Z", "lead_time": 12.5, "was_cancelled": False}  # fmt: skip
    return {
        "id": 7,
        "data": {"packet_id": packet.shown.packet_id},
        "annotations": [{**annotation, **changes}],
    }


def result(name: str, kind: str, value: object) -> dict[str, Any]:
    key = {"textarea": "text"}.get(kind, kind)
    return {"id": "r", "from_name": name, "to_name": "t", "type": kind, "value": {key: value}}


def test_label_studio_results_of_each_kind(book: RatingBook, tmp_path: Path) -> None:
    packet = of(book, task="localization")
    results = [
        result("clinical_rationality", "choices", ["4 - mostly sound"]),
        result("visual_features", "rating", 2),
        result("spatial", "number", 3.0),
        result("failure_modes", "taxonomy", [["place", "wrong_level"], ["Missed finding"]]),
        result("comment", "textarea", ["two", "lines"]),
        result("safety", "choices", ["Yes"]),
    ]
    found = read(book, tmp_path, [label_studio(packet, results)])
    assert reasons(found) == []
    (rating,) = found.ratings
    assert found.format == rating.source == "label_studio"
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": 2, "spatial": 3}
    assert rating.failure_modes == ("missed_finding", "wrong_level")
    assert (rating.comment, rating.safety, rating.active_s) == ("two\nlines", True, 12.5)
    assert rating.saved_at == datetime(2026, 3, 4, 5, 2, tzinfo=UTC)


TWO = [result("clinical_rationality", "rating", 4), result("visual_features", "choices", ["Cannot assess"])]


@pytest.mark.parametrize(
    "by", ["a", "a@hospital.example", {"id": 3, "email": "a@hospital.example"}, 7, {"id": 7}]
)
def test_who_annotated(book: RatingBook, tmp_path: Path, by: object) -> None:
    found = read(book, tmp_path, [label_studio(of(book), TWO, by=by)], users={"7": "a"})
    assert reasons(found) == []
    assert found.ratings[0].rater == "a"


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (9, "rater '9': expected a rater of this audit (a, b); name who it is by --as 9=RATER"),
        (None, "rater: expected who rated"),
        ("b", "rater 'b': expected the rater that this packet is assigned to"),
    ],
)
def test_an_unknown_annotator_is_not_guessed(book: RatingBook, tmp_path: Path, by: object, said: str) -> None:
    found = read(book, tmp_path, [label_studio(of(book), TWO, by=by)])
    assert found.ratings == ()
    assert reasons(found) == [f"f.json, task 7, annotation 5: {said}"]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([*TWO, TWO[0]], "expected one result of this name"),
        ([result("clinical_rationality", "choices", ["4", "5"]), TWO[1]], "['4', '5']: expected one of 1, 2"),
        ([*TWO, result("spatial", "rating", 3)], "a diagnosis trace is not rated on it"),
        ([*TWO, result("beauty", "rating", 3)], "beauty 3: expected a dimension"),
        (["x"], "expected objects with a 'value'"),
        ([*TWO, {"from_name": "x", "type": "brush", "value": {"rle": []}}], "not 'brush'"),
        (TWO[:1], "visual_features: expected a score"),
    ],
)
def test_bad_label_studio_results(book: RatingBook, tmp_path: Path, results: list[Any], said: str) -> None:
    found = read(book, tmp_path, [label_studio(of(book), results), label_studio(of(book, place=1), TWO)])
    assert len(found.ratings) == 1
    assert said in reasons(found)[0]


def test_skipped_annotations_are_blank(book: RatingBook, tmp_path: Path) -> None:
    found = read(book, tmp_path, [label_studio(of(book), [], was_cancelled=True)])
    assert (found.ratings, found.rejected, found.n_blank) == ((), (), 1)


def argilla_two(packet: Packet) -> dict[str, Any]:
    return {
        "id": "rec-1", "fields": {"text": "t"}, "metadata": {"packet_id": packet.shown.packet_id},
        "responses": {
            "clinical_rationality": [{"value": 4, "user_id": "u-1"}],
            "visual_features": [{"value": "cannot_assess", "user_id": "u-1"}],
            "failure_modes": [{"value": ["missed_finding"], "user_id": "u-1"}],
            "comment": [{"value": "fine", "user_id": "u-1"}],
        },
    }  # fmt: skip


def argilla_one(packet: Packet) -> dict[str, Any]:
    values = {"clinical_rationality": {"value": 4}, "visual_features": {"value": "cannot_assess"},
              "failure_modes": {"value": ["missed_finding"]}, "comment": {"value": "fine"}}  # fmt: skip
    return {
        "external_id": packet.shown.packet_id, "fields": {"text": "t"}, "metadata": {},
        "responses": [{"user_id": "u-1", "status": "submitted", "values": values},
                      {"user_id": "u-2", "status": "discarded", "values": {}}],
    }  # fmt: skip


def argilla_flat(packet: Packet) -> dict[str, Any]:
    found: dict[str, Any] = {"id": "x", "packet_id": packet.shown.packet_id, "text": "t"}
    for name, value in (("clinical_rationality", "4"), ("visual_features", "cannot_assess"),
                        ("failure_modes", ["missed_finding"]), ("comment", "fine")):  # fmt: skip
        found |= {f"{name}.responses": [value], f"{name}.responses.users": ["u-1"],
                  f"{name}.responses.status": ["submitted"]}  # fmt: skip
    return found


@pytest.mark.parametrize("shape", [argilla_two, argilla_one, argilla_flat])
@pytest.mark.parametrize("lines", [False, True], ids=["list", "lines"])
def test_argilla_records_of_each_shape(book: RatingBook, tmp_path: Path, shape: Any, lines: bool) -> None:
    records = [shape(of(book)), shape(of(book, place=1))]
    content: object = "\n".join(map(json.dumps, records)) if lines else records
    found = read(book, tmp_path, content, users={"u-1": "a"})
    assert reasons(found) == []
    assert found.format == "argilla"
    assert len(found.ratings) == 2
    rating = found.ratings[0]
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": None}
    assert (rating.failure_modes, rating.comment, rating.source) == (("missed_finding",), "fine", "argilla")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"responses": {"clinical_rationality": [{"value": 4}]}}, "expected a response with a 'user_id'"),
        ({"responses": {"clinical_rationality": 4}}, "expected a list of objects"),
        ({"responses": 3}, "expected an object or a list"),
        ({"metadata": {"packet_id": "nothing"}}, "packet_id 'nothing': expected a packet of this audit"),
        ({"metadata": {}}, "packet_id 'rec-1': expected a packet of this audit"),
    ],
)
def test_bad_argilla_records(book: RatingBook, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    found = read(book, tmp_path, [{**argilla_two(of(book)), **changes}, argilla_two(of(book, place=1))],
                 users={"u-1": "a"})  # fmt: skip
    assert len(found.ratings) == 1
    assert said in reasons(found)[0]


@pytest.mark.parametrize(
    ("value", "labelled", "expected"),
    [
        ("3", False, 3), ("3,0", False, 3), ("3.00", False, 3), (" 3 ", False, 3), (3.0, False, 3), ("-1", False, -1),
        ("3.5", False, None), ("", False, None), ("3 4", False, None), (float("nan"), False, None), (True, False, None),
        ("4 - sound", False, None), ("4 - sound", True, 4), ("1 - 2", True, None), ("4: x", True, 4), ("٣", False, 3),
    ],
)  # fmt: skip
def test_whole_numbers(value: object, labelled: bool, expected: int | None) -> None:
    assert whole_number(value, labelled=labelled) == expected


def test_the_rubric_asks_localization_for_more(book: RatingBook) -> None:
    assert [one.id for one in book.asked(of(book, task="localization").task)] == [
        one.id for one in RUBRIC.dimensions
    ]


# ---------------------------------------------------------------- as such files come


def answered(name: str, kind: str, value: object, **more: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": "t", "type": kind, "value": {kind: value}, **more}


def exported(packet: Packet, *results: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
    """A task as Label Studio exports it, with a prediction beside the annotation."""
    annotation = {"id": 5, "completed_by": 1, "was_cancelled": False, "result": list(results)}
    guess = {"id": 9, "model_version": "m", "result": [answered("clinical_rationality", "rating", 1)]}
    data = {"packet_id": packet.shown.packet_id}
    return [
        {"id": 1, "annotations": [annotation], "predictions": [guess], "drafts": [], "data": data, **more}
    ]


REGION = {"id": "r", "from_name": "box", "to_name": "img", "type": "rectanglelabels",
          "value": {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["A"]}}  # fmt: skip
BOTH_RATED = (answered("clinical_rationality", "rating", 4), answered("visual_features", "number", 3))


@pytest.mark.parametrize(
    "results",
    [
        BOTH_RATED,
        (answered("Clinical rationality", "rating", 4), answered("visual-features", "choices", ["3"])),
        (REGION, *BOTH_RATED, {"type": "relation", "from_id": "r", "to_id": "s", "direction": "right"}),
        (answered("clinical_rationality", "taxonomy", [["good", "4"]]), BOTH_RATED[1]),
    ],
    ids=["plain", "names", "regions and relations", "taxonomy"],
)
def test_label_studio_results_however_they_are_named(
    book: RatingBook, tmp_path: Path, results: tuple[dict[str, Any], ...]
) -> None:
    found = read(book, tmp_path, exported(of(book), *results), users={"1": "a"})
    assert reasons(found) == []
    (rating,) = found.ratings
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": 3}


def test_a_score_given_twice_by_regions_is_not_chosen_among(book: RatingBook, tmp_path: Path) -> None:
    again = answered("Clinical-Rationality", "rating", 2)
    found = read(book, tmp_path, exported(of(book), *BOTH_RATED, again), users={"1": "a"})
    assert found.ratings == ()
    assert "clinical_rationality {'rating': 2}: expected one result of this name" in reasons(found)[0]


@pytest.mark.parametrize(
    ("drafts", "n_blank"), [([], 0), ([{"id": 2, "result": list(BOTH_RATED)}], 1)], ids=["guess", "draft"]
)
def test_guesses_and_drafts_are_no_ratings(
    book: RatingBook, tmp_path: Path, drafts: list[dict[str, Any]], n_blank: int
) -> None:
    found = read(book, tmp_path, exported(of(book), annotations=[], drafts=drafts))
    assert (found.format, found.ratings, reasons(found), found.n_blank) == ("label_studio", (), [], n_blank)


@pytest.mark.parametrize("who", [1, {"id": 1, "email": "a@clinic.org"}], ids=["number", "object"])
def test_label_studio_short_form(book: RatingBook, tmp_path: Path, who: object) -> None:
    task = {
        "id": 1, "packet_id": of(book).shown.packet_id, "text": "t", "clinical_rationality": [{"rating": 4}],
        "Visual features": "cannot assess", "failure_modes": {"choices": ["Missed finding"]}, "comment": "c",
        "annotator": who, "annotation_id": 7, "created_at": "2026-03-04T05:06:07.5Z", "lead_time": 2.5,
    }  # fmt: skip
    found = read(book, tmp_path, [task, {**task, "clinical_rationality": 9}], users={"1": "a"})
    (rating,) = found.ratings
    assert scores(rating) == {"clinical_rationality": 4, "visual_features": None}
    assert (rating.failure_modes, rating.comment, rating.active_s) == (("missed_finding",), "c", 2.5)
    assert reasons(found) == [
        "f.json, task 1, annotation 7: clinical_rationality 9: expected one of 1, 2, 3, 4, 5, or 'cannot assess'"
    ]


def test_an_argilla_user_who_answered_twice_is_not_chosen_among(book: RatingBook, tmp_path: Path) -> None:
    given = [{"user_id": "a", "value": value, "status": "submitted"} for value in (4, 2)]
    record = {"fields": {}, "metadata": {"packet_id": of(book).shown.packet_id},
              "responses": {"clinical_rationality": given, "visual_features": given[:1]}}  # fmt: skip
    found = read(book, tmp_path, [record])
    assert found.ratings == ()
    assert "clinical_rationality 2: expected one response of a, who also has another" in reasons(found)[0]


def table(packet: Packet, *cells: str, header: str = "packet_id,clinical_rationality,visual_features") -> str:
    return f"{header}\r\n{packet.shown.packet_id},{','.join(cells)}\r\n"


WITH_COMMENT = "packet_id,clinical_rationality,visual_features,comment"


@pytest.mark.parametrize(
    ("cells", "header", "said"),
    [
        (
            ("4", "5", '"never closed'),
            WITH_COMMENT,
            "in the row that begins in line 2, unexpected end of data",
        ),
        (("4", "5", '"one" more"'), WITH_COMMENT, "in the row that begins in line 2"),
        (("4", "5", "y" * 200_000), WITH_COMMENT, "row 2: comment 'yyy"),
        (("4", "5", "", "lost"), WITH_COMMENT + ",,", "row 2: expected no more cells than the header has"),
        (("4", "5", "x"), WITH_COMMENT.replace("comment", "mode_beauty"), "row 2: failure_modes 'beauty'"),
    ],
    ids=["open quote", "odd quote", "huge cell", "column without a name", "unknown mode"],
)
def test_what_a_table_would_lose_is_rejected(
    book: RatingBook, tmp_path: Path, cells: tuple[str, ...], header: str, said: str
) -> None:
    found = read(book, tmp_path, table(of(book), *cells, header=header), name="t.csv")
    assert found.ratings == ()
    (reason,) = reasons(found)
    assert reason.startswith("t.csv, ")
    assert said in reason


def test_a_table_in_utf_16_without_mark(book: RatingBook, tmp_path: Path) -> None:
    found = read(
        book, tmp_path, table(of(book), "4", "x").replace(",", "\t").encode("utf-16-le"), name="t.csv"
    )
    assert [scores(rating) for rating in found.ratings] == [
        {"clinical_rationality": 4, "visual_features": None}
    ]


def test_the_same_rating_in_another_form_changes_nothing(tmp_path: Path) -> None:
    _, audit = make_audit(tmp_path, images=False)
    audit.write_assignments(
        assign([Rateable.of(t) for t in audit.traces()], ["a", "b"], audit_id=audit.audit_id, seed=3, at=AT)
    )
    book = RatingBook.open(audit)
    packet = of(book)
    page, plain = tmp_path / "page.json", tmp_path / "plain.csv"
    page.write_text(json.dumps(saved(book, one(packet))), "utf-8")
    header = "packet_id,clinical_rationality,visual_features,mode_missed_finding,safety,comment"

    def counts(path: Path) -> tuple[int, int, int]:
        (done,) = import_ratings(audit, [path], at=AT)
        assert done.rejected == ()
        return done.n_new, done.n_changed, done.n_known

    plain.write_text(table(packet, "4", "x", "x", "yes", "ok", header=header), "utf-8")
    assert counts(plain) == (1, 0, 0)
    assert counts(page) == (0, 1, 0)  # it also knows when
    assert [counts(plain), counts(page)] == [(0, 0, 1), (0, 0, 1)]
    (rating,) = audit.ratings()
    assert (rating.source, rating.active_s) == ("packet", 31.5)
    plain.write_text(table(packet, "5", "x", "x", "yes", "ok", header=header), "utf-8")
    assert counts(plain) == (0, 1, 0)
    assert scores(audit.ratings()[0])["clinical_rationality"] == 5


@pytest.mark.parametrize("times", [True, False], ids=["timed", "untimed"])
def test_a_packet_that_comes_very_often_is_read(book: RatingBook, tmp_path: Path, times: bool) -> None:
    """Each row is held against the packet's earlier ones by what they say, not one by one."""
    rows = "".join(
        f"{of_first},{n % 5 + 1},x,2026-03-04T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z\r\n"
        if times
        else f"{of_first},{n % 5 + 1},x,\r\n"
        for of_first in [of(book).shown.packet_id]
        for n in range(3_000)
    )
    found = read(book, tmp_path, WITH_COMMENT.replace("comment", "saved_at") + "\r\n" + rows, name="t.csv")
    if times:
        assert (len(found.ratings), found.rejected) == (3_000, ())
    else:
        assert len(found.ratings) == 1
        assert len(found.rejected) == 2_400  # every other fifth says the same as the first


@pytest.mark.parametrize(
    "cell", ["can’t assess", "Cannot-Assess", "N.A.", "n. a.", "Unable to assess", "unassessable"]
)
def test_spellings_of_cannot_assess(book: RatingBook, tmp_path: Path, cell: str) -> None:
    found = read(book, tmp_path, table(of(book), "4", cell), name="t.csv")
    assert [scores(rating) for rating in found.ratings] == [
        {"clinical_rationality": 4, "visual_features": None}
    ]
