"""An audit's folder: what was acknowledged is there, several importers at once lose nothing, locked is final."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.audit_records import (
    AuditEntry,
    AuditStatus,
    JudgementStatus,
    RaterCard,
    Rating,
    RefersBy,
)
from spinebench.errors import DataError, UsageError
from spinebench.records import RunState
from spinebench.store import AuditFolder, CorruptLineError, Workspace, audit_folder
from spinebench.store.journal import Journal, Line, encode
from tests.stored_audits import (
    T1,
    T2,
    T3,
    TRACES,
    assignment,
    decision,
    judgement,
    rating,
    review,
    spec,
    stored_audit,
)
from tests.stored_runs import NOW, python


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def audit(workspace: Workspace) -> AuditFolder:
    return stored_audit(workspace)


def test_what_was_created_is_read_back(workspace: Workspace, audit: AuditFolder) -> None:
    again = workspace.audit("audit")
    assert again.spec() == spec()
    assert list(again.traces()) == list(TRACES)
    assert again.trace(T3) == TRACES[2]
    with pytest.raises(UsageError, match="trace 'x': expected one of the 4 of audit 'audit-1'"):
        again.trace("x")
    assert (again.judgements(), again.reviews(), again.ratings(), again.assignments()) == ([], {}, [], {})
    assert (again.rating_lock(), again.adjudications(), again.status(), again.is_live()) == (
        None,
        {},
        None,
        False,
    )


@pytest.mark.parametrize(
    ("traces", "message"),
    [
        pytest.param((*TRACES, TRACES[0]), "expected each trace once", id="twice"),
        pytest.param(TRACES[:3], "expected 4 traces, as its description says, but got 3", id="too few"),
    ],
)
def test_traces_that_do_not_fit_leave_no_audit(
    workspace: Workspace, traces: tuple[object, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        workspace.create_audit(spec(), traces)  # type: ignore[arg-type]  # a tuple of traces
    assert list(workspace.audits_dir.iterdir()) == []


def test_an_id_is_used_once_and_is_a_file_name(workspace: Workspace, audit: AuditFolder) -> None:
    with pytest.raises(UsageError, match="audit 'audit-1': expected a new id, but it exists"):
        stored_audit(workspace)
    with pytest.raises(UsageError, match=r"audit id '\.\./x': expected letters"):
        workspace.create_audit(spec("../x"), TRACES)


def test_audits_are_listed_oldest_first_and_broken_ones_apart(
    workspace: Workspace, audit: AuditFolder
) -> None:
    stored_audit(workspace, audit_id="a-later", minutes=5)
    stored_audit(workspace, audit_id="broken", minutes=6)
    path = workspace.audits_dir / "broken" / "audit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"of_a_later_version": 1}))
    assert [one.audit_id for one in workspace.audits()] == ["audit-1", "a-later"]
    latest = workspace.latest_audit()
    assert latest is not None
    assert latest.audit_id == "a-later"
    ((broken, error),) = workspace.unreadable_audits()
    assert broken == path.parent
    assert "of_a_later_version" in str(error)
    assert "use the version that wrote it" in str(error)
    with pytest.raises(UsageError, match="expected one audit, not 2"):
        workspace.audit("a")


def test_latest_judgement_per_key_and_what_is_done(workspace: Workspace) -> None:
    error = judgement(T1, status=JudgementStatus.ERROR)
    first, second = judgement(T2, {"logic": 1}), judgement(T2, {"logic": 5})
    repeat = judgement(T2, {"logic": 2}, repeat=2)
    unparsed, refused = judgement(T3), judgement(T3, judge="anthropic/j2", status=JudgementStatus.REFUSED)
    audit = stored_audit(workspace, [error, first, repeat, unparsed, refused, second])
    assert audit.judgements() == [one.judgement for one in (error, second, repeat, unparsed, refused)]
    done = [one.judgement for one in (second, repeat, unparsed, refused)]
    assert audit.done_keys() == {one.key.id() for one in done if one is not None}


def test_latest_review_and_decision(workspace: Workspace) -> None:
    later = review(T1, RefersBy.RANDOM)
    audit = stored_audit(workspace, [review(T1), later, decision(T1, "logic", 2), decision(T1, "logic", 3)])
    assert audit.reviews() == {T1: later.review}
    assert {key: one.score for key, one in audit.adjudications().items()} == {(T1, "logic"): 3}


def foreign(entry: AuditEntry, **changes: str) -> bytes:
    data = encode(entry)
    for old, new in changes.items():
        data = data.replace(old.replace("_", "-").encode(), new.encode())
    return data


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"oops\n", "Invalid JSON", id="no JSON"),
        pytest.param(b"{}\n", "exactly one record", id="nothing in it"),
        pytest.param(
            foreign(judgement(T1, {"logic": 1}), audit_1="audit-2"), "audit 'audit-2'", id="other audit"
        ),
        pytest.param(encode(judgement("run-1/x", {"logic": 1})), "no trace 'run-1/x'", id="unknown trace"),
        pytest.param(encode(judgement(T1, {"logic": 1}, judge="x/y")), "no judge 'x/y'", id="unknown judge"),
        pytest.param(
            encode(judgement(T1, {"logic": 1}, repeat=3)), "asks each judge 2 times, not 3", id="repeat"
        ),
        pytest.param(encode(judgement(T1, {"charm": 1})), "no dimension 'charm'", id="unknown dimension"),
        pytest.param(
            encode(judgement(T3, {"place": 2})),
            r"2, which is not on its scale \[1, 3, 5\]",
            id="off the scale",
        ),
        pytest.param(encode(review("run-1/x")), "no trace", id="review of no trace"),
        pytest.param(encode(decision(T1, "logic", 7)), "not on its scale", id="decision off the scale"),
    ],
)
def test_a_line_that_is_not_of_the_audit_is_named_with_its_place(
    audit: AuditFolder, line: bytes, why: str
) -> None:
    first = encode(judgement(T1, {"logic": 1}))
    audit.journal.path.write_bytes(first + line)
    with pytest.raises(
        CorruptLineError, match=rf"line 2 \(byte {len(first)}\).*{why}.*spinebench audit --resume audit-1"
    ):
        audit.judgements()


def test_a_torn_judgement_is_not_done_and_is_kept_aside(audit: AuditFolder) -> None:
    audit.journal.append([judgement(T1, {"logic": 1}), judgement(T2, {"logic": 1})])
    audit.journal.close()
    audit.journal.path.write_bytes(audit.journal.path.read_bytes()[:-1])
    assert [one.key.trace_id for one in audit.judgements()] == [T1]
    audit.journal.append([judgement(T2, {"logic": 2})])
    assert [one.scores[0].score for one in audit.judgements()] == [1, 2]
    assert (audit.path / "journal.torn-1").stat().st_size > 0


def test_one_process_appends_judgements(audit: AuditFolder) -> None:
    code = """
import sys
from spinebench.errors import UsageError
from spinebench.store import Workspace
try:
    with Workspace(sys.argv[1]).audit("audit-1").lock():
        print("got it")
except UsageError as error:
    print(error)
"""
    with audit.lock():
        assert audit.is_live()
        out, err = python(code, audit.path.parents[1]).communicate(timeout=60)
    assert "audit 'audit-1': expected no other process at work on it, but process" in out, err
    out, _ = python(code, audit.path.parents[1]).communicate(timeout=60)
    assert out == "got it\n"


def test_an_audit_whose_process_died_is_incomplete(audit: AuditFolder) -> None:
    status = AuditStatus(
        audit_id="audit-1", state=RunState.RUNNING, n_planned=16, n_done=3, n_unparsed=0, n_failed=0,
        started_at=NOW, updated_at=NOW, pid=4711,
    )  # fmt: skip
    with audit.lock():
        audit.write_status(status)
        assert audit.status() == status
    found = audit.status()
    assert found is not None
    assert (found.state, found.n_done) == (RunState.INCOMPLETE, 3)
    assert "spinebench audit --resume audit-1" in str(found.message)


# ---------------------------------------------------------------- ratings


def test_the_latest_rating_of_a_packet_counts_and_all_are_kept(audit: AuditFolder) -> None:
    first, changed = rating(T1, {"logic": 1}), rating(T1, {"logic": 4})
    other, again = rating(T2, {"logic": None}), rating(T1, {"logic": 2}, duplicate=True)
    second_rater = rating(T1, {"logic": 3}, rater="r2")
    given_in = [second_rater, first, other, changed, again]
    assert audit.add_ratings(given_in) == [second_rater, first, other, changed, again]
    assert audit.ratings() == [other, changed, again, second_rater]
    assert audit.ratings(superseded=True) == [first, other, changed, again, second_rater]
    assert audit.rater_ids() == ["r1", "r2"]


def test_traces_that_were_read_to_their_end_are_not_read_for_the_ratings_again(
    audit: AuditFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.add_ratings([rating(T1, {"logic": 1})])
    folder = AuditFolder(audit.path)
    assert next(folder.traces()).trace_id == T1
    assert list(folder.traces({T2})) == [TRACES[1]]
    monkeypatch.setattr(audit_folder, "parse_trace", None)
    assert [one.trace_id for one in folder.ratings()] == [T1]
    with pytest.raises(TypeError, match="not callable"):
        AuditFolder(audit.path).ratings()


def test_of_traces_that_are_not_asked_for_only_the_id_is_read(audit: AuditFolder) -> None:
    path = audit.path / "traces.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"answer":', b'"reply":', 1))  # the first one's
    assert list(audit.traces({T3, T2})) == [TRACES[1], TRACES[2]]
    with pytest.raises(CorruptLineError, match=r"line 1 .*expected a trace, but answer: Field required"):
        list(audit.traces({T1}))
    path.write_bytes(path.read_bytes().replace(b'"pick":', b'"pack":', 1))
    with pytest.raises(CorruptLineError, match=r"line 1 .*expected a trace, but pick: Field required"):
        list(audit.traces({T2}))


def test_importing_again_changes_nothing_not_even_what_superseded(audit: AuditFolder) -> None:
    first, changed = rating(T1, {"logic": 1}), rating(T1, {"logic": 4})
    audit.add_ratings([first, first])
    audit.add_ratings([changed])
    before = audit.ratings_journal("r1").path.read_bytes()
    assert audit.add_ratings([first, changed]) == []
    assert audit.ratings_journal("r1").path.read_bytes() == before
    audit.ratings_journal("r1").append([first])  # by someone who does not look
    assert audit.ratings() == [changed]
    assert audit.ratings(superseded=True) == [first, changed]


SCORES = st.lists(
    st.tuples(st.sampled_from(["r1", "r2"]), st.sampled_from([T1, T2]), st.integers(1, 5)), max_size=12
)


@given(given_in=SCORES, cuts=st.integers(1, 4))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_ratings_come_in_the_last_new_one_of_a_packet_counts(
    tmp_path: Path, given_in: list[tuple[str, str, int]], cuts: int
) -> None:
    audit = stored_audit(Workspace(tmp_path / str(len(list(tmp_path.iterdir())))))
    ratings = [rating(trace_id, {"logic": score}, rater=rater) for rater, trace_id, score in given_in]
    size = -(-len(ratings) // cuts) or 1
    for start in range(0, len(ratings), size):
        audit.add_ratings(ratings[start : start + size])
        audit.add_ratings(ratings[: start + size])  # everything so far once more
    expected: dict[tuple[str, str], Rating] = {}
    for one in dict.fromkeys(one.rating_id for one in ratings):
        new = next(two for two in ratings if two.rating_id == one)
        expected[new.rater, new.packet_id] = new
    assert {(one.rater, one.packet_id): one for one in audit.ratings()} == expected


IMPORTER = """
import sys
from spinebench.store import Workspace
from tests.stored_audits import T1, rating
audit = Workspace(sys.argv[1]).audit("audit-1")
for number in range(int(sys.argv[3])):
    audit.add_ratings([
        rating(T1, {"logic": 3}, packet=f"p{number}", comment="x" * (number * 97 % 9000)),
        rating(T1, {"logic": 3}, packet=f"{sys.argv[2]}-{number}"),
    ])
"""


def test_importers_at_once_neither_lose_nor_mix_nor_double(audit: AuditFolder) -> None:
    n = 15
    importers = [python(IMPORTER, audit.path.parents[1], name, str(n)) for name in ("a", "b", "c")]
    for one in importers:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
    packets = [one.packet_id for one in audit.ratings_journal("r1").read()]
    # What all three bring is there once; what each brings alone is there, too.
    assert sorted(packets) == sorted(
        [f"p{number}" for number in range(n)] + [f"{name}-{number}" for name in "abc" for number in range(n)]
    )
    assert len(audit.ratings()) == 4 * n


KILLED = """
import sys
from spinebench.store import Workspace
from tests.stored_audits import T1, rating
audit = Workspace(sys.argv[1]).audit("audit-1")
number = int(sys.argv[2])
while True:
    audit.add_ratings([rating(T1, {"logic": 3}, packet=f"p{number}", comment="x" * 5000)])
    number += 1
    print(number, flush=True)
"""


def test_an_importer_killed_at_any_moment_loses_nothing_it_acknowledged(audit: AuditFolder) -> None:
    n_kept = 0
    for n_read in (1, 4, 9):
        process = python(KILLED, audit.path.parents[1], str(n_kept))
        assert process.stdout is not None
        for _ in range(n_read):
            acknowledged = int(process.stdout.readline())
        process.kill()
        process.communicate(timeout=60)
        ratings = audit.ratings()
        assert [one.packet_id for one in ratings] == [f"p{number}" for number in range(len(ratings))]
        assert len(ratings) >= acknowledged > n_kept
        n_kept = len(ratings)


def test_a_torn_rating_is_set_aside_by_the_next_import(audit: AuditFolder) -> None:
    audit.add_ratings([rating(T1, {"logic": 1})])
    path = audit.ratings_journal("r1").path
    with path.open("ab") as file:
        file.write(b'{"rating_id": "to')
    assert len(audit.ratings()) == 1
    audit.add_ratings([rating(T2, {"logic": 1})])
    assert len(audit.ratings()) == 2
    assert (path.parent / "r1.torn-1").read_bytes() == b'{"rating_id": "to'
    assert audit.rater_ids() == ["r1"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"{}\n", "rating_id", id="nothing in it"),
        pytest.param(encode(rating(T1, {"logic": 1}, rater="r2")), "it is of rater 'r2'", id="other rater"),
        pytest.param(
            encode(rating(T1, {"logic": 1}, audit_id="a-2")), "belongs to audit 'a-2'", id="other audit"
        ),
        pytest.param(encode(rating("run-1/x", {"logic": 1})), "no trace", id="unknown trace"),
        pytest.param(encode(rating(T3, {"place": 4})), "not on its scale", id="off the scale"),
    ],
)
def test_a_line_that_is_no_rating_of_the_rater_is_named(audit: AuditFolder, line: bytes, why: str) -> None:
    audit.add_ratings([rating(T1, {"logic": 1})])
    path = audit.ratings_journal("r1").path
    whole = path.read_bytes()
    path.write_bytes(whole + line)
    with pytest.raises(
        CorruptLineError, match=rf"r1\.jsonl', line 2 \(byte {len(whole)}\).*{why}.*rate import audit-1"
    ):
        audit.ratings()


def test_a_rating_of_another_rubric_is_read_whatever_its_scale(audit: AuditFolder) -> None:
    other = rating(T3, {"place": 4, "charm": 9}, rubric_hash="cd" * 32)
    audit.add_ratings([other])
    assert audit.ratings() == [other]


@pytest.mark.parametrize("rater", ["../r", "", "a b", "x" * 41, ".r", "r/1", "r\n"])
def test_a_rater_is_a_pseudonym_not_a_path(audit: AuditFolder, rater: str) -> None:
    with pytest.raises(UsageError, match="expected a pseudonym"):
        audit.ratings_journal(rater)


# ---------------------------------------------------------------- the lock of the ratings


def test_locked_ratings_are_final(audit: AuditFolder) -> None:
    with pytest.raises(UsageError, match="expected ratings to lock, but there are none"):
        audit.lock_ratings()
    audit.add_ratings([rating(T1, {"logic": 1}), rating(T1, {"logic": 2})])
    lock = audit.lock_ratings(at=NOW)
    assert (lock.n_ratings, lock.at) == (1, NOW)
    assert audit.rating_lock() == lock
    refused: list[Callable[[], object]] = [
        lambda: audit.add_ratings([rating(T2, {"logic": 1})]),
        lambda: audit.ratings_journal("r2").append([rating(T2, {"logic": 1}, rater="r2")]),
        lambda: audit.lock_ratings(),
    ]
    for use in refused:
        with pytest.raises(UsageError, match="they were locked at 2026-03-04T05:06:07"):
            use()
    assert [one.dimensions[0].score for one in audit.ratings()] == [2]
    assert audit.rater_ids() == ["r1"]


def test_the_lock_is_found_among_judgements_that_speak_of_locks(workspace: Workspace) -> None:
    audit = stored_audit(workspace, [judgement(T1, {"logic": 1})])
    text = encode(judgement(T2, {"logic": 1})).replace(b'"because"', rb'"\"lock\":{ \"lock\": {"')
    audit.journal.path.write_bytes(audit.journal.path.read_bytes() + text)
    assert audit.rating_lock() is None
    audit.add_ratings([rating(T1, {"logic": 1})])
    assert audit.rating_lock() is None
    lock = audit.lock_ratings()
    assert audit.rating_lock() == lock


def test_a_process_looks_for_the_lock_in_new_lines_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = stored_audit(workspace, [judgement(T1, {"logic": 1}), judgement(T2, {"logic": 1})])
    asked: list[int] = []

    class Counted(Journal[AuditEntry]):
        def lines(self, *, offset: int = 0, number: int = 1) -> Iterator[Line]:
            for line in super().lines(offset=offset, number=number):
                asked.append(line.number)
                yield line

    def again() -> AuditFolder:
        folder = AuditFolder(audit.path)
        monkeypatch.setattr(folder, "journal", Counted(audit.journal.path, AuditEntry))
        return folder

    whole = audit.journal.path.read_bytes()
    n_lines = whole.count(b"\n")
    for _ in range(2):
        assert again().rating_lock() is None
        assert asked == list(range(1, n_lines + 1))
    with audit.journal.path.open("ab") as file:
        file.write(encode(judgement(T2, {"logic": 2})) + b'{"lock": {"torn')
    assert again().rating_lock() is None
    assert asked[n_lines:] == [n_lines + 1]
    audit.journal.path.write_bytes(whole)  # put back from a backup
    audit.add_ratings([rating(T1, {"logic": 1})])
    lock = audit.lock_ratings()
    asked.clear()
    assert [again().rating_lock(), again().rating_lock()] == [lock, lock]
    assert asked == [n_lines + 1]
    audit.journal.path.write_bytes(whole)
    assert again().rating_lock() is None


def test_ratings_are_not_locked_while_judges_are_asked(audit: AuditFolder) -> None:
    audit.add_ratings([rating(T1, {"logic": 1})])
    with audit.lock(), pytest.raises(UsageError, match="expected no other process at work on it"):
        audit.lock_ratings()
    assert audit.rating_lock() is None


# ---------------------------------------------------------------- assignments and raters


def test_assignments_of_other_raters_stay(audit: AuditFolder) -> None:
    audit.write_assignments([assignment("r1"), assignment("r2", (T2,))])
    audit.write_assignments([assignment("r2", (T2, T1)), assignment("r3", (T1,))])
    assert audit.assignments() == {
        "r1": assignment("r1"),
        "r2": assignment("r2", (T2, T1)),
        "r3": assignment("r3", (T1,)),
    }


def test_what_is_rated_stays_assigned(audit: AuditFolder) -> None:
    audit.write_assignments([assignment("r1", (T1, T2))])
    audit.add_ratings([rating(T1, {"logic": 1})])
    with pytest.raises(UsageError, match="expected it to keep packet 'r1-1', which is rated"):
        audit.write_assignments([assignment("r1", (T2, T3))])
    audit.write_assignments([assignment("r1", (T3, T1))])
    assert audit.assignments() == {"r1": assignment("r1", (T3, T1))}
    with pytest.raises(UsageError, match="expected one of audit 'audit-1'"):
        audit.write_assignments([assignment(audit_id="other")])


def test_the_latest_card_of_a_rater_counts(workspace: Workspace) -> None:
    assert workspace.raters() == {}
    first = RaterCard(rater="r1", specialty="radiology")
    later = RaterCard(rater="r1", specialty="radiology", years=9)
    for card in (first, RaterCard(rater="r2"), later, later):
        workspace.save_rater(card)
    assert workspace.raters() == {"r1": later, "r2": RaterCard(rater="r2")}
    assert (workspace.path / "raters.jsonl").read_bytes().count(b"\n") == 3
    with pytest.raises(UsageError, match="unlike 'r1' in more than upper and lower case"):
        workspace.save_rater(RaterCard(rater="R1"))


def test_times_of_a_lock_are_of_now(audit: AuditFolder) -> None:
    audit.add_ratings([rating(T1, {"logic": 1})])
    before = datetime.now(NOW.tzinfo)
    assert before <= audit.lock_ratings().at <= datetime.now(NOW.tzinfo)
