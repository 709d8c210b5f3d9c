"""Import into an audit, progress, lock, adjudication, and traces that say who wrote them."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spinebench.audit_records import Assignment, RatedDimension, Rating
from spinebench.errors import DataError, UsageError
from spinebench.exchange.rating_book import Packet, RatingBook
from spinebench.exchange.rating_rows import with_id
from spinebench.rating.adjudicating import Decision, decide, decide_from_table, disputes
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.importing import import_ratings
from spinebench.rating.locking import lock_ratings
from spinebench.rating.progress import progress
from spinebench.rating.self_naming import names_its_model
from spinebench.store import AuditFolder
from tests.rated_audits import make_audit

AT = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def audit(tmp_path: Path) -> AuditFolder:
    _, folder = make_audit(tmp_path, images=False)
    folder.write_assignments(assign([Rateable.of(t) for t in folder.traces()], ["a", "b"],
                                    audit_id=folder.audit_id, seed=3, at=AT))  # fmt: skip
    return folder


def rating(
    book: RatingBook, packet: Packet, *, score: int | None = 3, minutes: int = 0, **changes: Any
) -> Rating:
    asked = book.asked(packet.task)
    made = Rating(
        rating_id="0" * 64, audit_id=book.spec.audit_id, rater=packet.rater, packet_id=packet.shown.packet_id,
        trace_id=packet.shown.trace_id, duplicate=packet.shown.duplicate,
        dimensions=tuple(
            RatedDimension(dimension=one.id, score=score, cannot_assess=score is None) for one in asked
        ),
        rubric_hash=book.spec.rubric_hash, source="page", saved_at=AT + timedelta(minutes=minutes), at=AT,
    )  # fmt: skip
    return with_id(made.model_copy(update=changes))


def rate_all(audit: AuditFolder, **by_rater: int) -> RatingBook:
    """Everything rated: a and b give 3, or what is named."""
    book = RatingBook.open(audit)
    audit.add_ratings(
        [rating(book, packet, score=by_rater.get(packet.rater, 3)) for packet in book.packets.values()]
    )
    return book


def long_file(folder: Path, *rows: str, name: str = "long.csv") -> Path:
    path = folder / name
    path.write_text("packet_id,rater,dimension,score,saved_at\n" + "\n".join(rows), "utf-8")
    return path


def row(packet: Packet, score: int, saved_at: str = "") -> str:
    return f"{packet.shown.packet_id},{packet.rater},clinical_rationality,{score},{saved_at}"


# ---------------------------------------------------------------- import


def test_importing_twice_changes_nothing_and_a_changed_file_supersedes(
    audit: AuditFolder, tmp_path: Path
) -> None:
    packet = next(iter(RatingBook.open(audit).packets.values()))
    first, other = long_file(tmp_path, row(packet, 2)), long_file(tmp_path, row(packet, 4), name="new.csv")
    counts = []
    for path in (first, first, other, other, first):
        (done,) = import_ratings(audit, [path], at=datetime.now(UTC))
        counts.append((done.n_new, done.n_changed, done.n_known))
    assert counts == [(1, 0, 0), (0, 0, 1), (0, 1, 0), (0, 0, 1), (0, 0, 1)]
    assert [one.dimensions[0].score for one in audit.ratings()] == [4]
    assert [one.dimensions[0].score for one in audit.ratings(superseded=True)] == [2, 4]


def test_an_older_file_does_not_undo_a_newer_one(audit: AuditFolder, tmp_path: Path) -> None:
    packet = next(iter(RatingBook.open(audit).packets.values()))
    new = long_file(tmp_path, row(packet, 4, "2026-03-05T00:00:00Z"), name="new.csv")
    old = long_file(tmp_path, row(packet, 2, "2026-03-04T00:00:00Z"), name="old.csv")
    done = import_ratings(audit, [new, old], at=AT)
    assert [file.n_new for file in done] == [1, 0]
    (rejected,) = done[1].rejected
    assert "expected one saved after 2026-03-05T00:00:00+00:00" in rejected.reason
    assert [one.dimensions[0].score for one in audit.ratings()] == [4]


def _import_in_a_process(path: str, file: str) -> None:
    import_ratings(AuditFolder(Path(path)), [Path(file)], at=AT)


def test_several_imports_at_once_lose_nothing(audit: AuditFolder, tmp_path: Path) -> None:
    packets = list(RatingBook.open(audit).packets.values())
    files = [
        long_file(tmp_path, row(packet, 4), name=f"{place}.csv") for place, packet in enumerate(packets[:3])
    ]
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(target=_import_in_a_process, args=(str(audit.path), str(file))) for file in files
    ]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
    assert [one.exitcode for one in started] == [0] * 3
    assert len(audit.ratings()) == 3


def test_nothing_is_taken_in_after_the_lock(audit: AuditFolder, tmp_path: Path) -> None:
    book = rate_all(audit)
    lock_ratings(audit, at=AT)
    packet = next(iter(book.packets.values()))
    with pytest.raises(UsageError, match="locked at"):
        import_ratings(audit, [long_file(tmp_path, row(packet, 5))], at=AT)


def test_nothing_is_taken_in_before_anything_is_assigned(tmp_path: Path) -> None:
    _, audit = make_audit(tmp_path, images=False)
    with pytest.raises(UsageError, match="rate assign"):
        import_ratings(audit, [long_file(tmp_path)], at=AT)


# ---------------------------------------------------------------- progress


def test_progress_counts_showings_and_sittings(tmp_path: Path) -> None:
    _, audit = make_audit(tmp_path, images=False, n_items=20)
    audit.write_assignments(assign([Rateable.of(t) for t in audit.traces()], ["a", "b"],
                                   audit_id=audit.audit_id, seed=3, at=AT))  # fmt: skip
    book = RatingBook.open(audit)
    mine = [book.packets[shown.packet_id] for shown in book.assignments["a"].traces]
    ratings = [rating(book, packet, minutes=place) for place, packet in enumerate(mine[:22])]
    half = rating(book, mine[30], dimensions=ratings[0].dimensions[:1])
    first, second = progress(book, [*ratings, half])
    # 40 traces and 3 duplicates (7 % of 40) in two sittings of 22 and 21
    assert (first.n_assigned, first.n_rated, first.n_begun) == (43, 22, 1)
    assert (first.n_sittings, first.n_sittings_done) == (2, 1)
    assert first.last_activity == AT + timedelta(minutes=21)
    assert (second.n_rated, second.n_sittings_done, second.last_activity) == (0, 0, None)


# ---------------------------------------------------------------- lock


def test_a_lock_wants_everything_rated(audit: AuditFolder) -> None:
    book = RatingBook.open(audit)
    packets = list(book.packets.values())
    audit.add_ratings([rating(book, packet) for packet in packets[:-2]])
    with pytest.raises(UsageError, match=r"there lack: b 2 of \d+.*--incomplete"):
        lock_ratings(audit, at=AT)
    lock = lock_ratings(audit, at=AT, incomplete=True)
    assert lock.n_ratings == len(packets) - 2
    with pytest.raises(UsageError, match="locked"):
        lock_ratings(audit, at=AT)


def test_ratings_changed_behind_the_lock_are_noticed(audit: AuditFolder) -> None:
    rate_all(audit)
    lock_ratings(audit, at=AT)
    path = audit.path / "ratings" / "a.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match=r"expected the \d+ that were locked"):
        disputes(audit)


# ---------------------------------------------------------------- adjudication


def test_nothing_is_decided_before_the_lock(audit: AuditFolder) -> None:
    rate_all(audit)
    with pytest.raises(UsageError, match="rate lock"):
        disputes(audit)
    with pytest.raises(UsageError, match="rate lock"):
        decide(audit, [Decision("x", "clinical_rationality", 3, "consensus")], raters=[], at=AT)


@pytest.mark.parametrize(
    ("first", "second", "disputed"),
    [
        (3, 3, set()),
        (
            5,
            3,
            {"clinical_rationality", "visual_features"},
        ),  # on 1, 3, 5 that is one level: spatial is not disputed
        (1, 5, {"clinical_rationality", "visual_features", "spatial"}),
        (None, 5, set()),
    ],
)
def test_two_levels_of_the_scale_need_a_decision(
    audit: AuditFolder, first: int | None, second: int, disputed: set[str]
) -> None:
    book = RatingBook.open(audit)
    scores = {"a": first, "b": second}
    audit.add_ratings([rating(book, packet, score=scores[packet.rater]) for packet in book.packets.values()])
    lock_ratings(audit, at=AT)
    found = disputes(audit)
    assert {one.dimension for one in found} == disputed
    assert all(one.scores == scores for one in found)


def test_a_hidden_duplicate_makes_no_dispute(audit: AuditFolder) -> None:
    book = RatingBook.open(audit)
    audit.add_ratings(
        [rating(book, packet, score=5 if packet.shown.duplicate else 3) for packet in book.packets.values()]
    )
    assert any(packet.shown.duplicate for packet in book.packets.values())
    lock_ratings(audit, at=AT)
    assert disputes(audit) == []


def test_a_safety_flag_puts_the_whole_trace_up(audit: AuditFolder) -> None:
    book = rate_all(audit)
    packet = next(one for one in book.packets.values() if one.rater == "b" and one.task == "localization")
    audit.add_ratings([rating(book, packet, minutes=5, safety=True)])
    lock_ratings(audit, at=AT)
    found = disputes(audit)
    assert [(one.trace_id, one.dimension) for one in found] == [
        (packet.shown.trace_id, name) for name in ("clinical_rationality", "visual_features", "spatial")
    ]
    assert found[0].reasons == ("safety flag of b",)


def disputed(audit: AuditFolder) -> tuple[RatingBook, str]:
    """All of rater a's scores 1, all of b's 5, locked; a diagnosis trace."""
    book = rate_all(audit, a=1, b=5)
    lock_ratings(audit, at=AT)
    return book, next(one.trace_id for one in book.traces.values() if one.item.task == "diagnosis")


def test_a_decision_leaves_the_scores_as_they_are(audit: AuditFolder) -> None:
    book, trace = disputed(audit)
    before = audit.ratings(superseded=True)
    packet = next(one for one in book.packets.values() if one.shown.trace_id == trace)
    made = decide(audit, [Decision(packet.shown.packet_id, "clinical_rationality", "3,0", "Consensus", note="talked")],
                  raters=["a", "b"], at=AT)  # fmt: skip
    assert [(one.trace_id, one.score, one.by, one.note) for one in made] == [
        (trace, 3, "consensus", "talked")
    ]
    assert audit.ratings(superseded=True) == before
    same = Decision(trace, "clinical_rationality", 3, "consensus", note="talked")
    assert decide(audit, [same], raters=[], at=AT + timedelta(days=1)) == []
    (again,) = decide(
        audit, [Decision(trace, "clinical_rationality", "x", "third-rater", "c")], raters=["c"], at=AT
    )
    assert (again.score, again.rater) == (None, "c")
    decided = {(one.trace_id, one.dimension): one.decided for one in disputes(audit)}
    assert decided[trace, "clinical_rationality"] == again
    assert decided[trace, "visual_features"] is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trace": "nothing"}, "trace 'nothing': expected a trace or packet"),
        ({"dimension": "beauty"}, "dimension 'beauty': expected one of clinical_rationality"),
        ({"dimension": "spatial"}, "expected one that needs a decision"),
        ({"score": 6}, "score 6: expected one of 1, 2, 3, 4, 5, or x"),
        ({"score": "good"}, "score 'good': expected one of"),
        ({"by": "me"}, "by 'me': expected third_rater or consensus"),
        ({"by": "third_rater"}, "expected who the third rater is"),
        ({"by": "third_rater", "rater": "a"}, "expected one who has not rated this trace"),
        ({"by": "third_rater", "rater": "d"}, "rater 'd': expected one with a card"),
    ],
)
def test_a_wrong_decision_is_refused(audit: AuditFolder, changes: dict[str, Any], said: str) -> None:
    _, trace = disputed(audit)
    given = {"trace": trace, "dimension": "clinical_rationality", "score": 3, "by": "consensus"}
    with pytest.raises(UsageError, match=said):
        decide(audit, [Decision(**{**given, **changes})], raters=["a", "b", "c"], at=AT)
    assert audit.adjudications() == {}


def test_decisions_from_a_table(audit: AuditFolder, tmp_path: Path) -> None:
    _, trace = disputed(audit)
    path = tmp_path / "decisions.csv"
    path.write_text(
        "trace;dimension;score;by;rater;note\r\n"
        f"{trace};clinical_rationality;3;third_rater;c;read again\r\n"
        f"{trace};visual_features;9;consensus;;\r\n"
        f"{trace};visual_features;;consensus;;not yet\r\n",
        "utf-8-sig",
    )
    made, rejected = decide_from_table(audit, path, raters=["c"], at=AT)
    assert [(one.dimension, one.score, one.rater) for one in made] == [("clinical_rationality", 3, "c")]
    assert [str(one) for one in rejected] == [
        "decisions.csv, row 3: score '9': expected one of 1, 2, 3, 4, 5, or x for 'cannot assess'"
    ]
    assert decide_from_table(audit, path, raters=["c"], at=AT)[0] == []


# ---------------------------------------------------------------- who wrote it


@pytest.mark.parametrize(
    ("model", "text", "named"),
    [
        ("openai/gpt-4o", "As GPT-4o, I see a slip.", True),
        ("openai/gpt-4o-2024-08-06", "I am GPT 4o and cannot be sure.", True),
        ("openai/o3", "As an AI model made by OpenAI I cannot diagnose.", True),
        ("anthropic/claude-opus-9", "Claude here. L4/L5.", True),
        ("openai-compatible/Qwen2.5-VL-7B-Instruct", "Qwen2.5-VL says L5.", True),
        ("local/folder/my-spine-vlm-3", "my_spine_vlm 3 thinks so", True),
        ("openai/gpt-4o", "Gemini would say otherwise.", True),
        ("sim/careful", "A careful look at the endplates.", False),
        ("sim/careful", "I am careful.", False),
        ("openai/gpt-4o", "Neurogenic claudication; the lamina; grade 4 of 5.", False),
        ("openai/o3", "T2 weighted, L4/L5, S1, C3-C4, T12.", False),
        ("sim/x", "The patient, as a 4-year-old, fell.", False),
    ],
)
def test_traces_that_name_their_model(tmp_path: Path, model: str, text: str, named: bool) -> None:
    _, audit = make_audit(tmp_path, images=False, n_items=1, models=(model,), texts=lambda *_: text)
    (trace,) = audit.traces()
    assert bool(names_its_model(trace)) is named


def test_the_native_reasoning_is_searched_too(tmp_path: Path) -> None:
    _, audit = make_audit(tmp_path, images=False, n_items=1, reasoning="I, Claude, think.")
    assert all(names_its_model(trace) == ("I, Claude, think.",) for trace in audit.traces())


def test_assignments_are_stored_as_made(audit: AuditFolder) -> None:
    held = audit.assignments()
    assert set(held) == {"a", "b"}
    assert all(isinstance(one, Assignment) for one in held.values())
