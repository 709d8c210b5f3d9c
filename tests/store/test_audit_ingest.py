"""Loading audits: the same tables however and however often it is done, whatever was killed on the way."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.audit_records import JudgementStatus, RaterCard, RefersBy
from spinebench.errors import UsageError
from spinebench.store import AuditFolder, CorruptLineError, Workspace, ingest_audits
from spinebench.store.database import connect, migrate, statement
from spinebench.store.ingest import Ingested, ingest
from spinebench.store.ingest_audits import IngestedAudit, ingest_audit
from spinebench.store.rebuild import build, rebuild
from tests.stored_audits import (
    JUDGES,
    T1,
    T2,
    T3,
    T4,
    TRACES,
    assignment,
    decision,
    judgement,
    rating,
    review,
    stored_audit,
)
from tests.stored_runs import ITEMS, NOW, python, right, stored_run

J1, J2 = JUDGES


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def rows(workspace: Workspace, text: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in workspace.sql(text).to_pylist()]


def fingerprints(workspace: Workspace) -> set[tuple[object, ...]]:
    with workspace.database.reading() as connection:
        return set(connection.execute(statement("loading", "audit_fingerprint")).fetchall())


def fingerprints_anew(workspace: Workspace) -> set[tuple[object, ...]]:
    fresh = workspace.path.parent / f"{workspace.path.name}-fresh.duckdb"
    build(workspace, fresh)
    with connect(fresh, read_only=True) as connection:
        return set(connection.execute(statement("loading", "audit_fingerprint")).fetchall())


def full_audit(workspace: Workspace) -> AuditFolder:
    """Something in every table."""
    audit = stored_audit(
        workspace,
        [
            judgement(T1, {"logic": 4}, modes=["invented"]),
            judgement(T2, status=JudgementStatus.ERROR, judge=J2),
            judgement(T3),
            review(T1, RefersBy.RANDOM),
            decision(T1, "logic", 4),
        ],
    )
    workspace.save_rater(RaterCard(rater="r1", years=3))
    audit.write_assignments([assignment()])
    audit.add_ratings([rating(T1, {"logic": 1}), rating(T1, {"logic": None}, modes=["invented"])])
    audit.lock_ratings(at=NOW)
    return audit


def test_a_trace_a_judgement_and_a_rating_are_in_their_tables(workspace: Workspace) -> None:
    full_audit(workspace)
    assert ingest_audit(workspace) == [IngestedAudit(audit_id="audit-1", n_lines=8)]
    (trace,) = workspace.query("audit_trace", audit_id="audit-1", trace_id=T1).to_pylist()
    of = TRACES[0]
    assert trace["text"] == "naïve \x00 🦴"
    assert (trace["question"], trace["options"], trace["gold"]) == (
        "Which?",
        list(of.options),
        ["Osteophytes"],
    )
    assert (trace["answer_id"], trace["probability"], trace["stratum"]) == (
        of.answer.key.id(),
        0.5,
        "diagnosis/sim/a/correct",
    )
    assert trace["text_sha256"] == of.pick.trace.text_sha256
    assert (trace["refers_by"], trace["rating_probability"]) == (["random"], 0.2)
    assert (trace["simulated"], trace["partial"]) == (True, False)

    (score,) = workspace.query("judge_scores", audit_id="audit-1").to_pylist()
    assert (score["judge"], score["dimension"], score["score"], score["quotes"]) == (
        J1,
        "logic",
        4,
        ["Reasons."],
    )
    assert workspace.query("judge_marks").column("mode").to_pylist() == ["invented"]
    assert workspace.query("judge_claims").column("verdict").to_pylist() == ["not_verifiable"]
    assert workspace.query("trace_checks").column("verdict").to_pylist() == ["not_stated"]
    assert rows(workspace, "SELECT votes, median, spread FROM review_dimensions") == [([2, 4], 3.0, 2)]
    assert workspace.query("judge_failures").column("failure_class").to_pylist() == ["server"]
    accepted = workspace.query("judge_replies").select(["judge", "problems", "accepted"]).to_pylist()
    assert [row["accepted"] for row in accepted] == [True, False, False, False]
    assert accepted[1]["problems"] == ["no scores"]

    (current,) = workspace.query("rating_scores").to_pylist()
    assert (current["score"], current["cannot_assess"], current["is_superseded"]) == (None, True, False)
    every = workspace.query("rating_scores", superseded=True).to_pylist()
    assert [(row["score"], row["is_superseded"]) for row in every] == [(1, True), (None, False)]
    assert workspace.query("rating_marks").column("mode").to_pylist() == ["invented"]
    assert rows(workspace, "SELECT seed, packet_id FROM assignments ORDER BY ALL")[0] == (2**63 + 1, "r1-1")
    assert workspace.query("adjudications").column("score").to_pylist() == [4]
    (listed,) = workspace.query("audits").to_pylist()
    assert listed["locked_at"] == NOW.replace(tzinfo=None)
    assert (listed["n_planned"], listed["n_judgements"], listed["n_scored"], listed["n_unparsed"]) == (
        16,
        3,
        1,
        1,
    )
    assert (listed["n_failed"], listed["n_referred"], listed["n_ratings"], listed["n_raters"]) == (1, 1, 1, 1)


def test_costs_of_judges_are_those_of_all_replies_apart_from_the_examinees(workspace: Workspace) -> None:
    stored_run(workspace, [right(ITEMS[0])])
    audit = stored_audit(
        workspace, [judgement(T1, cost=0.5), judgement(T2, {"logic": 1}, judge=J2, cost=None)]
    )
    ingest(workspace)
    audit.journal.append([judgement(T1, {"logic": 1}, cost=1.0)])  # judged again: all of it was paid for
    ingest(workspace)
    one, other = workspace.query("audit_usage", audit_id="audit-1").to_pylist()
    assert (one["judge"], one["n"], one["n_priced"], one["cost_usd"]) == (J2, 1, 0, None)
    assert (other["judge"], other["n"], other["input_tokens"], other["cost_usd"]) == (J1, 4, 400, 2.5)
    assert other["simulated"]
    assert workspace.query("usage").column("role").to_pylist() == ["examinee"]
    assert rows(workspace, "SELECT status, n_replies, line FROM judgements WHERE judge = 'openai/j1'") == [
        ("scored", 1, 3)
    ]
    assert len(rows(workspace, "FROM judge_replies")) == 2


def test_coverage_counts_what_is_missing(workspace: Workspace) -> None:
    audit = stored_audit(
        workspace,
        [
            judgement(T1, {"logic": 1}),
            judgement(T2),
            judgement(T3, status=JudgementStatus.REFUSED),
            judgement(T4, status=JudgementStatus.ERROR),
        ],
    )
    audit.add_ratings([rating(T1, {"logic": 2}), rating(T3, {"logic": None, "place": 1})])
    ingest_audit(workspace)
    columns = ["rater", "dimension", "n_planned", "n_done", "n_scored", "n_unparsed", "n_refused", "n_failed",
               "n_cannot_assess"]  # fmt: skip
    found = workspace.query("coverage", audit_id="audit-1").select(columns).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (J2, None, 8, 0, 0, 0, 0, 0, 0),
        (J1, None, 8, 4, 1, 1, 1, 1, 0),
        ("r1", "logic", None, 2, 1, 0, 0, 0, 1),
        ("r1", "place", None, 1, 1, 0, 0, 0, 0),
    ]


def test_referrals_and_progress(workspace: Workspace) -> None:
    audit = stored_audit(
        workspace,
        [review(T1, RefersBy.RANDOM), review(T2), review(T3, RefersBy.DISAGREEMENT, RefersBy.RANDOM)],
    )
    audit.write_assignments([assignment("r1", (T1, T3)), assignment("r2", (T1,))])
    audit.add_ratings([rating(T1, {"logic": 2}), rating(T1, {"logic": 3})])
    ingest_audit(workspace)
    referred = workspace.query("referrals").to_pylist()
    assert [(row["trace_id"], row["refers_by"], row["n_assigned"], row["n_raters"]) for row in referred] == [
        (T1, ["random"], 2, 1),
        (T3, ["disagreement", "random"], 1, 0),
    ]
    assert workspace.query("referrals", reason="disagreement").num_rows == 1
    progress = workspace.query("rating_progress", audit_id="audit-1").to_pylist()
    assert [(row["rater"], row["n_assigned"], row["n_rated"]) for row in progress] == [
        ("r1", 2, 1),
        ("r2", 1, 0),
    ]


def test_pages_of_traces(workspace: Workspace) -> None:
    stored_audit(workspace, [review(T2, RefersBy.RANDOM)])
    ingest_audit(workspace)

    def page(**params: str | int | bool) -> list[object]:
        return list(
            workspace.query("audit_traces", audit_id="audit-1", **params).column("trace_id").to_pylist()
        )

    assert page() == [T1, T2, T3, T4]
    assert page(size=2, skip=1) == [T2, T3]
    assert page(model="hub/org/b") == [T2, T4]
    assert page(task="localization", correct=True) == [T4]
    assert page(referred=True) == [T2]
    assert page(referred=False) == [T1, T3, T4]


STEP = st.one_of(
    st.tuples(
        st.just("judgement"),
        st.sampled_from([T1, T2]),
        st.sampled_from([None, 1, 5]),
        st.sampled_from(JUDGES),
    ),
    st.tuples(st.just("review"), st.sampled_from([T1, T2]), st.sampled_from([None, 1]), st.just("")),
    st.tuples(st.just("decision"), st.sampled_from([T1, T2]), st.sampled_from([None, 1, 5]), st.just("")),
    st.tuples(
        st.just("rating"),
        st.sampled_from([T1, T2]),
        st.sampled_from([None, 1, 5]),
        st.sampled_from(["r1", "r2"]),
    ),
    st.tuples(st.just("assignment"), st.sampled_from([T1, T2]), st.none(), st.sampled_from(["r3", "r4"])),
    st.tuples(st.just("card"), st.just(""), st.sampled_from([1, 5]), st.sampled_from(["r1", "r2"])),
)


@given(steps=st.lists(st.tuples(STEP, st.booleans()), max_size=8))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_loaded_bit_by_bit_or_anew_the_tables_are_the_same_and_agree_with_the_folder(
    tmp_path: Path, steps: Sequence[tuple[tuple[str, str, int | None, str], bool]]
) -> None:
    workspace = Workspace(tmp_path / str(len(list(tmp_path.iterdir()))))
    audit = stored_audit(workspace)
    for (kind, trace_id, score, who), load in steps:
        if kind == "judgement":
            audit.journal.append([judgement(trace_id, {"logic": score} if score else None, judge=who)])
        elif kind == "review":
            audit.journal.append([review(trace_id, *([RefersBy.RANDOM] if score else []))])
        elif kind == "decision":
            audit.journal.append([decision(trace_id, "logic", score)])
        elif kind == "rating":
            audit.ratings_journal(who).append([rating(trace_id, {"logic": score}, rater=who)])
        elif kind == "assignment":
            audit.write_assignments([assignment(who, (trace_id,))])
        else:
            workspace.save_rater(RaterCard(rater=who, years=score))
        if load:
            ingest_audit(workspace)
    ingest(workspace)
    assert ingest(workspace) == []
    assert fingerprints(workspace) == fingerprints_anew(workspace)
    assert set(rows(workspace, "SELECT judgement_id, status FROM judgements")) == {
        (one.key.id(), one.status.value) for one in audit.judgements()
    }
    assert {one for (one,) in rows(workspace, "SELECT rating_id FROM current_ratings")} == {
        one.rating_id for one in audit.ratings()
    }
    assert set(rows(workspace, "SELECT trace_id, score FROM adjudications")) == {
        (trace_id, one.score) for (trace_id, _), one in audit.adjudications().items()
    }
    referred = rows(workspace, "SELECT trace_id FROM reviews WHERE len(refers_by) > 0")
    assert {one for (one,) in referred} == {one.trace_id for one in audit.reviews().values() if one.refers_by}


def test_all_loads_runs_and_audits_and_one_run_loads_no_audit(workspace: Workspace) -> None:
    stored_run(workspace, [right(ITEMS[0])])
    full_audit(workspace)
    assert ingest(workspace, "run-1") == [Ingested(run_id="run-1", n_lines=1)]
    assert workspace.query("audits").num_rows == 0
    assert ingest(workspace) == [IngestedAudit(audit_id="audit-1", n_lines=8)]


def test_many_lines_are_loaded_in_parts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_audits, "_BATCH_LINES", 3)
    audit = stored_audit(workspace, [judgement(T1, {"logic": 1 + n % 5}) for n in range(10)])
    audit.add_ratings([rating(T1, {"logic": 1 + n % 5}, comment=str(n)) for n in range(7)])
    assert ingest_audit(workspace) == [IngestedAudit(audit_id="audit-1", n_lines=17)]
    assert rows(workspace, "SELECT line FROM judgements") == [(10,)]
    assert rows(workspace, "SELECT line, comment FROM current_ratings") == [(7, "6")]
    assert fingerprints(workspace) == fingerprints_anew(workspace)


def test_a_torn_last_line_is_not_loaded_until_it_is_whole(workspace: Workspace) -> None:
    audit = stored_audit(workspace, [judgement(T1, {"logic": 1}), judgement(T2, {"logic": 1})])
    whole = audit.journal.path.read_bytes()
    audit.journal.path.write_bytes(whole[:-20])
    assert ingest_audit(workspace) == [IngestedAudit(audit_id="audit-1", n_lines=1)]
    assert ingest_audit(workspace) == []
    audit.journal.path.write_bytes(whole)
    assert ingest_audit(workspace) == [IngestedAudit(audit_id="audit-1", n_lines=1)]


@pytest.mark.parametrize(
    "file", ["journal.jsonl", "ratings/r1.jsonl", "audit.json", "traces.jsonl", "ratings gone"]
)
def test_a_replaced_file_is_noticed_and_all_is_read_anew(workspace: Workspace, file: str) -> None:
    audit = full_audit(workspace)
    ingest_audit(workspace)
    if file == "ratings gone":
        (audit.path / "ratings" / "r1.jsonl").unlink()
    elif file == "audit.json":
        path = audit.path / file
        path.write_text(path.read_text().replace('"partial": false', '"partial": true'))
    else:
        path = audit.path / file
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    (change,) = ingest_audit(workspace)
    assert change.reread
    assert ingest_audit(workspace) == []
    assert fingerprints(workspace) == fingerprints_anew(workspace)


def test_a_removed_audit_is_dropped(workspace: Workspace) -> None:
    full_audit(workspace)
    stored_audit(workspace, audit_id="other", minutes=1)
    ingest_audit(workspace)
    (workspace.audits_dir / "audit-1").rename(workspace.path / "cache")
    ingest(workspace)
    assert workspace.query("audits").column("audit_id").to_pylist() == ["other"]
    assert {row[1] for row in fingerprints(workspace)} == {"other", ""}
    assert fingerprints(workspace) == fingerprints_anew(workspace)


def test_the_fault_of_one_audit_keeps_no_other_out(workspace: Workspace) -> None:
    broken = stored_audit(workspace, [judgement(T1, {"logic": 1})])
    stored_audit(workspace, audit_id="other", minutes=1)
    with broken.journal.path.open("ab") as file:
        file.write(b"oops\n")
    for load in (ingest, ingest_audit):
        with pytest.raises(CorruptLineError, match=r"audit-1/journal\.jsonl', line 2"):
            load(workspace)
    assert "other" in workspace.query("audits").column("audit_id").to_pylist()
    with pytest.raises(CorruptLineError):
        rebuild(workspace)


def test_an_unknown_audit_is_told(workspace: Workspace) -> None:
    workspace.create()
    with pytest.raises(UsageError, match="audit 'x': expected an audit of"):
        ingest_audit(workspace, "x")
    assert ingest_audit(workspace) == []


def test_a_database_from_before_audits_is_migrated_with_its_runs(workspace: Workspace) -> None:
    stored_run(workspace, [right(ITEMS[0])])
    with connect(workspace.database.path, read_only=False) as connection:
        migrate(connection, upto=2)
    full_audit(workspace)
    assert {type(one).__name__ for one in ingest(workspace)} == {"Ingested", "IngestedAudit"}
    assert workspace.query("results").num_rows == 1
    assert workspace.query("audits").num_rows == 1


LOADER = """
import sys
from spinebench.store import Workspace, ingest_audits
ingest_audits._BATCH_LINES = 20
print("begin", flush=True)
ingest_audits.ingest_audit(Workspace(sys.argv[1]))
"""


def test_killed_at_any_moment_the_database_is_at_an_earlier_state(workspace: Workspace) -> None:
    entries = [
        judgement(T1, {"logic": 1 + n % 5}, judge=JUDGES[n % 2], repeat=1 + n // 2 % 2) for n in range(400)
    ]
    audit = stored_audit(workspace, entries)
    audit.add_ratings([rating(T1, {"logic": 3}, packet=f"p{n}") for n in range(200)])
    generator = random.Random(3)
    for _ in range(4):
        process = python(LOADER, workspace.path)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(generator.uniform(0.0, 0.8))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        state = {row[0]: row[1] for row in rows(workspace, "SELECT file, n_lines FROM audits_ingested")}
        # Usage has one row per judgement in the journal so far; a rating per line of the rater's.
        assert rows(workspace, "SELECT count(*) FROM judge_usage") == [(state.get("journal.jsonl", 0),)]
        assert rows(workspace, "SELECT count(*) FROM ratings") == [(state.get("ratings/r1.jsonl", 0),)]
    ingest_audit(workspace)
    assert rows(workspace, "SELECT count(*) FROM judge_usage") == [(400,)]
    assert fingerprints(workspace) == fingerprints_anew(workspace)


def test_loaders_and_readers_at_once_while_the_audit_is_at_work(workspace: Workspace) -> None:
    audit = stored_audit(workspace)
    ingest_audit(workspace)
    loaders = [python(LOADER, workspace.path) for _ in "ab"]
    for n in range(10):
        audit.journal.append([judgement(T1, {"logic": 1 + n % 5})])
        found = workspace.query("judge_scores", audit_id="audit-1").num_rows
        assert found in (0, 1)
    for one in loaders:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
    ingest_audit(workspace)
    assert workspace.query("judge_scores").column("score").to_pylist() == [5]
    assert fingerprints(workspace) == fingerprints_anew(workspace)


def test_rebuilding_gives_the_same_tables(workspace: Workspace) -> None:
    full_audit(workspace)
    ingest(workspace)
    before = fingerprints(workspace)
    assert {row[0] for row in before} == {
        name for (name,) in rows(workspace, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")
    } - {
        "ingested", "audits_ingested", "schema_version", "benchmarks", "runs", "items", "answers", "extractions",
        "grades", "usage", "failures", "graded_rows",
    }  # fmt: skip
    with workspace.database.writing() as connection:
        connection.execute("DELETE FROM judge_scores; UPDATE ratings SET comment = 'x'")
    assert fingerprints(workspace) != before
    assert rebuild(workspace) == [IngestedAudit(audit_id="audit-1", n_lines=8)]
    assert fingerprints(workspace) == before
    assert ingest(workspace) == []
