"""The check: it finds what was broken, says where and how to mend it, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinebench.records import JournalEntry, Outcome, RunState
from spinebench.store import Workspace
from spinebench.store.check import Finding, Severity, check
from spinebench.store.ingest import Ingested, ingest
from spinebench.store.journal import encode
from spinebench.store.mend import set_aside_corrupt
from spinebench.store.rebuild import rebuild
from tests.store.checked import Damage, append, assert_only_error, assert_only_notice, edit, tree
from tests.stored_runs import ITEMS, diagnosis, key, right, scored, status_of, stored_run

D1, D2, D3, L1, L2 = ITEMS


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    stored_run(workspace, [right(D1), right(L1)])
    stored_run(workspace, [right(D1, run_id="run-2")], run_id="run-2", minutes=1)
    ingest(workspace)
    return workspace


def test_a_sound_workspace_has_nothing_to_say(workspace: Workspace) -> None:
    before = tree(workspace)
    assert check(workspace) == []
    assert tree(workspace) == before


def torn_before(workspace: Workspace) -> None:
    run = workspace.run("run-1")
    append(run.journal.path, b"torn")
    run.journal.open()
    run.journal.close()


RUN = "runs/run-1"


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        pytest.param(
            lambda w: append(w.run("run-1").journal.path, b"oops\n"),
            f"{RUN}/journal.jsonl",
            "line 3 (byte ",
            id="corrupt line",
        ),
        pytest.param(
            lambda w: append(w.run("run-1").journal.path, encode(right(D1, run_id="run-2"))),
            f"{RUN}/journal.jsonl",
            "it belongs to run 'run-2'",
            id="line of another run",
        ),
        pytest.param(
            lambda w: append(w.run("run-1").journal.path, encode(right(diagnosis("x")))),
            f"{RUN}/journal.jsonl",
            "the run has no item 'x'",
            id="line of no item",
        ),
        pytest.param(
            lambda w: append(
                w.run("run-1").journal.path,
                encode(right(D2)).replace(b'"prompt_hash":"ab', b'"prompt_hash":"'),
            ),
            f"{RUN}/journal.jsonl",
            "prompt_hash",
            id="cut hash",
        ),
        pytest.param(
            lambda w: (w.runs_dir / "run-1" / "run.json").write_text("{"),
            RUN,
            "run.json",
            id="no description",
        ),
        pytest.param(
            lambda w: (w.runs_dir / "run-1").rename(w.runs_dir / "other"),
            "runs/other",
            "expected the name 'run-1'",
            id="renamed run",
        ),
        pytest.param(
            lambda w: (w.runs_dir / "run-1" / "items.jsonl").write_bytes(b""),
            f"{RUN}/items.jsonl",
            "0 items: expected 5",
            id="no items",
        ),
        pytest.param(
            lambda w: (w.runs_dir / "run-1" / "items.jsonl").write_bytes(b"x\n"),
            f"{RUN}/items.jsonl",
            "line 1 (byte 0)",
            id="corrupt items",
        ),
        pytest.param(
            lambda w: w.database.path.write_bytes(b"x" * 5000),
            "spinebench.duckdb",
            "store rebuild",
            id="no database",
        ),
        pytest.param(
            lambda w: edit(w, "DELETE FROM answers WHERE item_id = 'l1'"),
            "run run-1, table answers",
            "1 rows: expected the 2 of the journal",
            id="row missing",
        ),
        pytest.param(
            lambda w: edit(w, "UPDATE grades SET correct = false WHERE run_id = 'run-2'"),
            "run run-2, table grades",
            "with other contents; call 'spinebench store rebuild'",
            id="row changed",
        ),
        pytest.param(
            lambda w: edit(w, "INSERT INTO graded_rows FROM graded_rows WHERE run_id = 'run-2'"),
            "run run-2, table graded_rows",
            "2 rows: expected the 1",
            id="row twice",
        ),
        pytest.param(
            lambda w: edit(w, "UPDATE items SET question = '' WHERE item_id = 'd3' AND run_id = 'run-1'"),
            "run run-1, table items",
            "with other contents",
            id="item changed",
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
            lambda w: append(w.run("run-1").journal.path, b'{"answer'),
            f"{RUN}/journal.jsonl",
            "a torn last line of 8 bytes",
            id="torn",
        ),
        pytest.param(
            torn_before,
            f"{RUN}/journal.torn-1",
            "4 bytes set aside",
            id="torn before",
        ),
        pytest.param(
            lambda w: append(w.run("run-1").journal.path, encode(right(D2))),
            f"{RUN}/journal.jsonl",
            "1 lines are not loaded",
            id="behind",
        ),
        pytest.param(
            lambda w: (w.runs_dir / "run-1" / "journal.jsonl").write_bytes(encode(right(D2))),
            f"{RUN}/journal.jsonl",
            "replaced since it was loaded",
            id="replaced",
        ),
        pytest.param(lambda w: stored_run(w, run_id="run-3"), "runs/run-3", "not loaded yet", id="new run"),
        pytest.param(
            lambda w: (w.runs_dir / "run-1").rename(w.path / "cache"),
            "spinebench.duckdb",
            "run 'run-1' is loaded but its folder is gone",
            id="gone run",
        ),
        pytest.param(lambda w: (w.runs_dir / "mine").mkdir(), "runs/mine", "not a run", id="other folder"),
        pytest.param(
            lambda w: w.database.path.unlink(), "spinebench.duckdb", "not made yet", id="no database"
        ),
        pytest.param(
            lambda w: edit(w, "DELETE FROM schema_version WHERE version > 1"),
            "spinebench.duckdb",
            "schema 1",
            id="older schema",
        ),
    ],
)
def test_what_the_next_command_mends_by_itself_is_a_notice(
    workspace: Workspace, state: Damage, where: str, what: str
) -> None:
    state(workspace)
    assert_only_notice(workspace, where, what)


def test_answers_that_were_counted_and_are_gone_are_an_error(workspace: Workspace) -> None:
    run = workspace.run("run-1")
    run.write_status(status_of(run, RunState.DONE, n_done=2))
    assert check(workspace) == []
    run.journal.path.write_bytes(encode(right(L1)))
    errors = [finding for finding in check(workspace) if finding.severity is Severity.ERROR]
    assert [finding.where for finding in errors] == [f"{RUN}/journal.jsonl"]
    assert "1 answers: expected the 2 that status.json counts" in errors[0].what
    assert "resume run-1" in errors[0].what


def test_lines_set_aside_explain_missing_answers(workspace: Workspace) -> None:
    run = workspace.run("run-1")
    run.write_status(status_of(run, RunState.DONE, n_done=2))
    run.journal.path.write_bytes(encode(right(L1)) + b"oops\n")
    set_aside_corrupt(run)
    assert {finding.severity for finding in check(workspace)} == {Severity.NOTICE}


def test_scores_of_no_answer_are_counted(workspace: Workspace) -> None:
    orphan = JournalEntry(scored=scored(key("l2"), L2, (), Outcome.NOT_ANSWERED))
    workspace.run("run-1").journal.append([orphan])
    ingest(workspace)
    assert check(workspace) == [
        Finding(
            severity=Severity.NOTICE,
            where=f"{RUN}/journal.jsonl",
            what="1 scores of answers that are not there; they do not count",
        )
    ]


def test_every_corrupt_line_is_listed(workspace: Workspace) -> None:
    append(workspace.run("run-1").journal.path, b"oops\n" + encode(right(D2)) + b"{}\n")
    errors = [finding.what for finding in check(workspace) if finding.severity is Severity.ERROR]
    assert len(errors) == 2
    assert "line 3" in errors[0]
    assert "line 5" in errors[1]


def test_corrupt_lines_set_aside_the_run_goes_on(workspace: Workspace) -> None:
    run = workspace.run("run-1")
    whole = run.journal.path.read_bytes()
    append(run.journal.path, b"oops\n" + encode(right(D2)) + b"{}\ntorn")
    aside = set_aside_corrupt(run)
    assert aside is not None
    assert aside.offset == len(whole)
    assert (run.path / aside.file).read_bytes() == b"oops\n{}\n"
    assert (run.path / "journal.torn-1").read_bytes() == b"torn"
    assert run.journal.path.read_bytes() == whole + encode(right(D2))
    assert set_aside_corrupt(run) is None
    assert {done.run_id for done in ingest(workspace) if isinstance(done, Ingested)} == {"run-1"}
    assert [finding.severity for finding in check(workspace)] == [Severity.NOTICE, Severity.NOTICE]
    rebuild(workspace)
    assert run.done_keys() == {key(name).id() for name in ("d1", "d2", "l1")}


def test_nothing_to_set_aside_changes_nothing(workspace: Workspace) -> None:
    before = tree(workspace)
    assert set_aside_corrupt(workspace.run("run-1")) is None
    assert {name: data for name, data in tree(workspace).items() if not name.endswith("lock")} == before
