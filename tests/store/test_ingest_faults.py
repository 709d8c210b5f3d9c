"""Loading what is torn, corrupt, replaced or gone, in parts, and killed on the way."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from spinebench.errors import DataError, UsageError
from spinebench.records import JournalEntry, Outcome
from spinebench.store import CorruptLineError, Workspace
from spinebench.store import numbered as numbered_module
from spinebench.store.ingest import Ingested, ingest
from spinebench.store.journal import encode
from tests.store.loaded import fingerprints, fingerprints_anew, rows
from tests.stored_runs import ITEMS, answer, diagnosis, failed, key, python, right, scored, spec, stored_run

D1, D2, D3, L1, L2 = ITEMS


def test_a_torn_line_is_not_loaded_and_its_successor_is(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(D1)])
    line = encode(right(D2))
    with run.journal.path.open("ab") as file:
        file.write(line[:-1])
    assert ingest(workspace) == [Ingested(run_id="run-1", n_lines=1)]
    with run.journal.path.open("ab") as file:
        file.write(b"\n")
    assert ingest(workspace) == [Ingested(run_id="run-1", n_lines=1)]
    assert rows(workspace, "SELECT item_id, line FROM answers ORDER BY line") == [("d1", 1), ("d2", 2)]


FOREIGN = encode(right(D2, run_id="elsewhere"))
UNKNOWN = encode(right(diagnosis("nobody")))
CROSSED = encode(
    JournalEntry(answer=answer(key("d1")), scored=scored(key("d2"), D2, D2.gold, Outcome.CORRECT_HEALTHY))
)
GOOD = encode(right(D2))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"oops\n", "expected a journal entry", id="no JSON"),
        pytest.param(b"\n", "expected a journal entry", id="empty"),
        pytest.param(b"{}\n", "it holds nothing", id="nothing in it"),
        pytest.param(b'{"answer": null, "scored": null}\n', "it holds nothing", id="nulls"),
        pytest.param(b'{"rating": 5}\n', "rating", id="other fields"),
        pytest.param(b'{"answer": {}}\n', "answer.key", id="empty answer"),
        pytest.param(b'{"answer": 5}\n', "answer", id="no answer object"),
        pytest.param(GOOD.replace(b'"epoch":1', b'"epoch":"one"'), "epoch", id="epoch no number"),
        pytest.param(GOOD.replace(b'"answered"', b'"perhaps"'), "status", id="unknown status"),
        pytest.param(GOOD.replace(b'"correct_disease"', b'"lucky"'), "outcome", id="unknown outcome"),
        pytest.param(GOOD.replace(b"2026-03", b"2026-99"), "at", id="no such month"),
        pytest.param(GOOD[:-1] + b"garbage\n", "expected a journal entry", id="text after it"),
        pytest.param(GOOD[:-1] + GOOD, "expected a journal entry", id="two glued together"),
        pytest.param(FOREIGN, "belongs to run 'elsewhere'", id="of another run"),
        pytest.param(UNKNOWN, "has no item 'nobody'", id="of no item"),
        pytest.param(CROSSED, "different keys", id="answer and score of different keys"),
    ],
)
def test_a_corrupt_line_is_named_and_nothing_of_its_part_is_loaded(
    workspace: Workspace, line: bytes, why: str
) -> None:
    run = stored_run(workspace, [right(D1)])
    stored_run(workspace, [right(D1, run_id="run-2")], run_id="run-2")
    ingest(workspace)
    before = fingerprints(workspace)
    place = run.journal.path.stat().st_size + len(GOOD)
    with run.journal.path.open("ab") as file:
        file.write(GOOD + line + encode(right(D3)))
    with pytest.raises(CorruptLineError) as caught:
        ingest(workspace, "run-1")
    assert f"line 3 (byte {place})" in str(caught.value)
    assert why in str(caught.value)
    assert fingerprints(workspace) == before


def test_a_corrupt_run_keeps_no_other_out(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(D1)])
    stored_run(workspace, [right(D1, run_id="run-2")], run_id="run-2", minutes=1)
    with run.journal.path.open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(CorruptLineError, match="run-1"):
        ingest(workspace)
    assert rows(workspace, "SELECT DISTINCT run_id FROM answers") == [("run-2",)]


def test_corrupt_items_are_named(workspace: Workspace) -> None:
    run = stored_run(workspace)
    with (run.path / "items.jsonl").open("ab") as file:
        file.write(b'{"id": "x", "options": 5}\n')
    with pytest.raises(DataError, match=r"items '.*items.jsonl', line 6"):
        ingest(workspace)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param([right(D3)], id="shorter"),
        pytest.param([right(D3), right(L1), right(L2), right(D1)], id="longer"),
        pytest.param([], id="emptied"),
    ],
)
def test_a_replaced_journal_is_read_anew(
    workspace: Workspace, tmp_path: Path, now: list[JournalEntry]
) -> None:
    run = stored_run(workspace, [right(D1), right(D2)])
    ingest(workspace)
    run.journal.path.write_bytes(b"".join(encode(entry) for entry in now))
    assert ingest(workspace) == [Ingested(run_id="run-1", n_lines=len(now), reread=True)]
    assert ingest(workspace) == []
    assert fingerprints(workspace) == fingerprints_anew(workspace, tmp_path / "fresh.duckdb")


def test_a_changed_description_is_read_anew(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(D1)])
    ingest(workspace)
    (run.path / "run.json").write_text(spec().model_copy(update={"partial": True}).model_dump_json())
    assert ingest(workspace) == [Ingested(run_id="run-1", n_lines=1, reread=True)]
    assert workspace.query("results").column("partial").to_pylist() == [True]


def test_a_run_whose_folder_is_gone_is_dropped_and_an_unreadable_one_is_kept(workspace: Workspace) -> None:
    for number in (1, 2, 3):
        stored_run(workspace, [right(D1, run_id=f"run-{number}")], run_id=f"run-{number}")
    ingest(workspace)
    (workspace.runs_dir / "run-1").rename(workspace.path / "elsewhere")
    (workspace.runs_dir / "run-2" / "run.json").write_text("{")
    ingest(workspace)
    assert rows(workspace, "SELECT run_id FROM runs ORDER BY run_id") == [("run-2",), ("run-3",)]
    assert rows(workspace, "SELECT count(*) FROM graded") == [(2,)]


def test_an_unknown_run_is_refused(workspace: Workspace) -> None:
    stored_run(workspace)
    with pytest.raises(UsageError, match="run 'x'"):
        ingest(workspace, "x")


def test_many_parts_give_the_same_tables(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [diagnosis(f"i{number}") for number in range(40)]
    written = [entry for item in items for entry in (failed(item), right(item))]
    stored_run(workspace, written, items=items)
    whole = fingerprints_anew(workspace, tmp_path / "fresh.duckdb")
    monkeypatch.setattr(numbered_module, "PART_LINES", 7)
    assert ingest(workspace) == [Ingested(run_id="run-1", n_lines=80)]
    assert fingerprints(workspace) == whole


SLOWLY = """
import sys
from spinebench.store import Workspace, numbered
from spinebench.store.ingest import ingest
numbered.PART_LINES = 20
print("begin", flush=True)
ingest(Workspace(sys.argv[1]))
"""


def test_killed_while_loading_the_database_is_sound_and_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    items = [diagnosis(f"i{number}") for number in range(400)]
    run = stored_run(workspace, [right(item) for item in items], items=items)
    generator = random.Random(3)
    for _ in range(4):
        process = python(SLOWLY, workspace.path)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(generator.uniform(0.2, 0.8))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        n_answers = rows(workspace, "SELECT count(*) FROM answers")
        assert n_answers == rows(workspace, "SELECT coalesce(max(journal_lines), 0) FROM ingested")
        assert n_answers == rows(workspace, "SELECT count(*) FROM graded")
    ingest(workspace)
    assert rows(workspace, "SELECT count(*) FROM answers") == [(len(items),)]
    assert fingerprints(workspace) == fingerprints_anew(workspace, tmp_path / "fresh.duckdb")
    assert len(run.done_keys()) == len(items)
    assert not (workspace.path / ".ingest.jsonl").exists()
