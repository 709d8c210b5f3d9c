"""The check of audits and ratings: it says which file, line and byte, and how to mend it, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinebench.audit_records import AuditStatus, RaterCard, RefersBy
from spinebench.records import RunState
from spinebench.store import AuditFolder, Workspace
from spinebench.store.check import Severity, check
from spinebench.store.ingest import ingest
from spinebench.store.journal import encode
from spinebench.store.mend import set_aside_corrupt_in_audit
from tests.store.checked import Damage, append, assert_only_error, assert_only_notice, edit, tree
from tests.stored_audits import T1, T2, assignment, decision, judgement, rating, review, stored_audit
from tests.stored_runs import NOW

A = "audits/audit-1"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    audit = stored_audit(workspace, [judgement(T1, {"logic": 1}), review(T1, RefersBy.RANDOM)])
    workspace.save_rater(RaterCard(rater="r1"))
    audit.write_assignments([assignment()])
    audit.add_ratings([rating(T1, {"logic": 2})])
    ingest(workspace)
    return workspace


def audit_of(workspace: Workspace) -> AuditFolder:
    return workspace.audit("audit-1")


def rate_after_lock(workspace: Workspace) -> None:
    audit = audit_of(workspace)
    audit.lock_ratings()
    append(audit.path / "ratings" / "r1.jsonl", encode(rating(T1, {"logic": 5})))


def counted(workspace: Workspace, n_done: int) -> None:
    audit_of(workspace).write_status(
        AuditStatus(
            audit_id="audit-1", state=RunState.DONE, n_planned=16, n_done=n_done, n_unparsed=0, n_failed=0,
            started_at=NOW, updated_at=NOW, pid=1,
        )
    )  # fmt: skip


def test_a_sound_audit_has_nothing_to_say(workspace: Workspace) -> None:
    counted(workspace, 1)
    before = tree(workspace)
    assert check(workspace) == []
    assert tree(workspace) == before


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        pytest.param(
            lambda w: append(audit_of(w).journal.path, b"oops\n"),
            f"{A}/journal.jsonl",
            "line 3 (byte ",
            id="corrupt judgement",
        ),
        pytest.param(
            lambda w: append(audit_of(w).journal.path, encode(decision(T1, "logic", 9))),
            f"{A}/journal.jsonl",
            "not on its scale",
            id="off the scale",
        ),
        pytest.param(
            lambda w: append(audit_of(w).path / "ratings" / "r1.jsonl", b"oops\n"),
            f"{A}/ratings/r1.jsonl",
            "line 2 (byte ",
            id="corrupt rating",
        ),
        pytest.param(
            lambda w: append(audit_of(w).path / "traces.jsonl", b"oops\n"),
            f"{A}/traces.jsonl",
            "line 5 (byte ",
            id="corrupt trace",
        ),
        pytest.param(
            lambda w: (audit_of(w).path / "traces.jsonl").write_bytes(b""),
            f"{A}/traces.jsonl",
            "0 traces: expected 4",
            id="no traces",
        ),
        pytest.param(
            lambda w: (audit_of(w).path / "audit.json").write_text("{"), A, "audit.json", id="no description"
        ),
        pytest.param(
            lambda w: (audit_of(w).path / "assignments.jsonl").write_text("{}\n"),
            f"{A}/assignments.jsonl",
            "line 1 (byte 0)",
            id="corrupt assignments",
        ),
        pytest.param(
            lambda w: append(w.path / "raters.jsonl", b"oops\n"),
            "raters.jsonl",
            "line 2 (byte ",
            id="corrupt card",
        ),
        pytest.param(
            lambda w: counted(w, 2),
            f"{A}/journal.jsonl",
            "1 judgements: expected the 2 that status.json counts",
            id="judgements gone",
        ),
        pytest.param(
            rate_after_lock, f"{A}/ratings", "expected the 1 that were locked", id="rated after the lock"
        ),
        pytest.param(
            lambda w: edit(w, "DELETE FROM judge_scores"),
            "audit audit-1, table judge_scores",
            "0 rows: expected the 1 of the journal",
            id="row missing",
        ),
        pytest.param(
            lambda w: edit(w, "UPDATE rating_scores SET score = 5"),
            "audit audit-1, table rating_scores",
            "with other contents; call 'spinebench store rebuild'",
            id="row changed",
        ),
        pytest.param(
            lambda w: edit(w, "DELETE FROM raters"), "table raters", "0 rows: expected the 1", id="card gone"
        ),
    ],
)
def test_damage_is_found_and_nothing_else(
    workspace: Workspace, damage: Damage, where: str, what: str
) -> None:
    damage(workspace)
    assert_only_error(workspace, where, what)


@pytest.mark.parametrize(
    ("state", "where", "what"),
    [
        pytest.param(
            lambda w: append(audit_of(w).journal.path, b"{"),
            f"{A}/journal.jsonl",
            "torn last line of 1",
            id="torn",
        ),
        pytest.param(
            lambda w: append(audit_of(w).path / "ratings" / "r1.jsonl", b"{"),
            f"{A}/ratings/r1.jsonl",
            "the next import sets it aside",
            id="torn rating",
        ),
        pytest.param(
            lambda w: audit_of(w).add_ratings([rating(T2, {"logic": 1})]),
            f"{A}/ratings/r1.jsonl",
            "1 lines are not loaded",
            id="behind",
        ),
        pytest.param(
            lambda w: audit_of(w).write_assignments([assignment("r2")]),
            f"{A}/assignments.jsonl",
            "changed since it was loaded",
            id="assigned",
        ),
        pytest.param(
            lambda w: w.save_rater(RaterCard(rater="r2")), "raters.jsonl", "changed since", id="new rater"
        ),
        pytest.param(
            lambda w: stored_audit(w, audit_id="new"), "audits/new", "not loaded yet", id="new audit"
        ),
        pytest.param(
            lambda w: (w.audits_dir / "audit-1").rename(w.path / "cache"),
            "spinebench.duckdb",
            "audit 'audit-1' is loaded but its folder is gone",
            id="gone audit",
        ),
        pytest.param(lambda w: (w.audits_dir / "x").mkdir(), "audits/x", "not an audit", id="other folder"),
        pytest.param(
            lambda w: (w.audits_dir / ".new-x").mkdir(), "audits/.new-x", "was killed", id="half made"
        ),
    ],
)
def test_what_the_next_command_mends_by_itself_is_a_notice(
    workspace: Workspace, state: Damage, where: str, what: str
) -> None:
    state(workspace)
    assert_only_notice(workspace, where, what)


def test_ratings_of_what_was_not_assigned_are_told(workspace: Workspace) -> None:
    audit_of(workspace).add_ratings([rating(T2, {"logic": 1}, packet="strange")])
    ingest(workspace)
    (finding,) = check(workspace)
    assert (finding.severity, finding.where) == (Severity.NOTICE, f"{A}/ratings/r1.jsonl")
    assert "1 packets that the rater was not assigned, such as 'strange'" in finding.what


def test_corrupt_lines_set_aside_the_audit_goes_on(workspace: Workspace) -> None:
    audit = audit_of(workspace)
    ratings = audit.path / "ratings" / "r1.jsonl"
    append(audit.journal.path, b"oops\n" + encode(judgement(T2, {"logic": 3})))
    append(ratings, encode(rating(T1, {"logic": 1}, rater="r2")) + encode(rating(T2, {"logic": 4})))
    aside = set_aside_corrupt_in_audit(audit)
    assert [one.file for one in aside] == ["journal.corrupt-1", "r1.corrupt-1"]
    assert (audit.path / "journal.corrupt-1").read_bytes() == b"oops\n"
    assert [one.key.trace_id for one in audit.judgements()] == [T1, T2]
    assert [one.trace_id for one in audit.ratings()] == [T1, T2]
    assert set_aside_corrupt_in_audit(audit) == []
    ingest(workspace)
    assert {finding.severity for finding in check(workspace)} == {Severity.NOTICE}  # of what was set aside
