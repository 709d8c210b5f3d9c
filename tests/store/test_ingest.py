"""Loading: the tables say what the journals say, however and however often they were loaded."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.errors import DataError, UsageError
from spinebench.records import (
    AnswerKey,
    AnswerStatus,
    ImageCondition,
    Item,
    JournalEntry,
    Outcome,
    Task,
)
from spinebench.store import CorruptLineError, Workspace
from spinebench.store import numbered as numbered_module
from spinebench.store.database import connect, statement
from spinebench.store.ingest import Ingested, ingest
from spinebench.store.journal import encode
from spinebench.store.rebuild import build
from tests.stored_runs import (
    ITEMS,
    NOW,
    answer,
    diagnosis,
    failed,
    key,
    python,
    right,
    scored,
    spec,
    stored_run,
)

D1, D2, D3, L1, L2 = ITEMS


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def rows(workspace: Workspace, text: str, **params: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in workspace.sql(text, params).to_pylist()]


def fingerprints(workspace: Workspace) -> set[tuple[object, ...]]:
    with workspace.database.reading() as connection:
        return set(connection.execute(statement("loading", "fingerprint")).fetchall())


def fingerprints_anew(workspace: Workspace, path: Path) -> set[tuple[object, ...]]:
    build(workspace, path)
    with connect(path, read_only=True) as connection:
        return set(connection.execute(statement("loading", "fingerprint")).fetchall())


def test_an_answer_is_in_every_table(workspace: Workspace) -> None:
    entry = right(L1, text="naïve \x00 🦴")
    stored_run(workspace, [entry])
    assert ingest(workspace) == [Ingested(run_id="run-1", n_lines=1)]
    (row,) = workspace.answers("run-1").to_pylist()
    of = key("l1")
    assert row["answer_id"] == of.id()
    assert row["text"] == "naïve \x00 🦴"
    assert row["finished_at"] == NOW.replace(tzinfo=None)
    assert row["option_permutation"] == [0, 1, 2, 3, 4]
    assert (row["line"], row["status"], row["letters"], row["correct"]) == (1, "answered", ["A", "B"], True)
    assert (row["span_start"], row["span_end"]) == (0, 20)
    (trace,) = workspace.query("trace", run_id="run-1", answer_id=of.id()).to_pylist()
    assert trace["question"] == "Where?"
    assert trace["levels"] == list(L1.levels)
    assert rows(workspace, "SELECT role, input_tokens, cost_usd FROM usage") == [("examinee", 10, None)]
    assert workspace.query("counts").to_pylist() == [
        {
            "runs": 1,
            "items": 5,
            "answers": 1,
            "extractions": 1,
            "grades": 1,
            "usage": 1,
            "failures": 0,
            "audits": 0,
            "audit_traces": 0,
            "judgements": 0,
            "ratings": 0,
        }
    ]


def test_graded_holds_what_results_are_computed_from(workspace: Workspace) -> None:
    stored_run(workspace, [right(D1), failed(L1)])
    ingest(workspace)
    one, other = workspace.query("graded", run_id="run-1").to_pylist()
    assert one == {
        "run_id": "run-1", "answer_id": key("d1").id(), "item_id": "d1", "model": "sim/a", "persona": "surgeon",
        "image_condition": "normal", "option_order": "as_given", "epoch": 1, "benchmark": "bench",
        "task": "diagnosis", "disease": "Osteophytes", "modality": "X-ray", "source": "drawn",
        "cluster": "study of d1", "status": "answered", "outcome": "correct_disease", "correct": True,
        "precision": None, "recall": None, "f1": None, "jaccard": None, "chosen": ["Osteophytes"],
        "gold": ["Osteophytes"], "n_options": 5, "options": list(D1.options), "confused_with": None,
        "shift": None, "simulated": True, "partial": False, "subspecialty": None, "language": None, "n_images": 0,
    }  # fmt: skip
    unscored = {
        name: other[name] for name in ("status", "outcome", "correct", "precision", "jaccard", "chosen")
    }
    assert unscored == {
        "status": "error", "outcome": "not_answered", "correct": False, "precision": 0.0, "jaccard": 0.0,
        "chosen": [],
    }  # fmt: skip
    assert other["gold"] == list(L1.gold)


def mixed_entries() -> list[JournalEntry]:
    """Two models, both tasks; see `test_results_confusion_outcomes` for what comes out."""
    confused = scored(
        key("d1"), D1, ("Vertebral collapse",), Outcome.DISEASE_CONFUSED, confused_with="Vertebral collapse"
    )
    unparsed = scored(key("d3"), D3, (), Outcome.NOT_ANSWERED, status=AnswerStatus.UNPARSED)
    extra = scored(key("l1"), L1, D_LEVELS, Outcome.EXTRA_LEVELS)
    return [
        JournalEntry(answer=answer(key("d1")), scored=confused),
        right(D2),
        JournalEntry(answer=answer(key("d3")), scored=unparsed),
        JournalEntry(answer=answer(key("l1")), scored=extra),
        failed(L2),
        right(D1, "sim/b"),
        JournalEntry(answer=answer(key("d2", "sim/b"), status=AnswerStatus.REFUSED, text="I cannot")),
    ]


D_LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5")


def test_results_confusion_outcomes(workspace: Workspace) -> None:
    stored_run(workspace, mixed_entries())
    ingest(workspace)
    a, b = workspace.query("results", run_id="run-1").to_pylist()
    # sim/a: diagnosis 1 of 3; localization: 4 chosen with 2 right (precision 1/2, recall 1), and an error
    # (0, 0).
    assert (a["model"], a["n_asked"], a["n_answered"], a["n_unparsed"], a["n_errored"]) == (
        "sim/a",
        5,
        3,
        1,
        1,
    )
    assert (a["n_diagnosis"], a["n_localization"]) == (3, 2)
    assert a["diagnosis_accuracy"] == pytest.approx(1 / 3)
    assert (a["localization_accuracy"], a["localization_precision"], a["localization_recall"]) == (
        0,
        1 / 4,
        1 / 2,
    )
    assert a["overall"] == pytest.approx(1 / 6)
    # sim/b was asked no localization: no overall, rather than that of one task.
    assert (b["n_asked"], b["n_refused"], b["n_diagnosis"], b["diagnosis_accuracy"]) == (2, 1, 2, 0.5)
    assert (b["n_localization"], b["localization_accuracy"], b["overall"]) == (0, None, None)
    assert (b["simulated"], b["partial"]) == (True, False)

    confusion = workspace.query("confusion", model="sim/a").select(["disease", "answered", "n"]).to_pylist()
    assert [tuple(row.values()) for row in confusion] == [
        ("Healthy", "Healthy", 1),
        ("Osteophytes", "(not answered)", 1),
        ("Osteophytes", "Vertebral collapse", 1),
    ]
    outcomes = workspace.query("outcomes", model="sim/a").select(["task", "outcome", "n", "n_asked", "rate"])
    assert [tuple(row.values()) for row in outcomes.to_pylist()] == [
        ("diagnosis", "correct_disease", 1, 3, pytest.approx(1 / 3)),
        ("diagnosis", "disease_confused", 1, 3, pytest.approx(1 / 3)),
        ("diagnosis", "not_answered", 1, 3, pytest.approx(1 / 3)),
        ("localization", "extra_levels", 1, 2, 0.5),
        ("localization", "not_answered", 1, 2, 0.5),
    ]


def test_shuffled_orders_of_any_seed_are_one_family(workspace: Workspace) -> None:
    orders = ("as_given", "shuffled:1", "shuffled:2", "rotation:3")
    keys = [key("d1", option_order=order) for order in orders]
    written = [
        JournalEntry(answer=answer(of), scored=scored(of, D1, D1.gold, Outcome.CORRECT_DISEASE))
        for of in keys
    ]
    stored_run(workspace, written)
    ingest(workspace)
    found = workspace.query("results").to_pylist()
    assert {row["option_order"]: row["n_asked"] for row in found} == {
        "as_given": 1,
        "shuffled": 2,
        "rotation": 1,
    }


def test_a_text_that_waits_for_its_score_is_neither_right_nor_wrong(workspace: Workspace) -> None:
    run = stored_run(workspace, [JournalEntry(answer=answer(key("d1")))])
    ingest(workspace)
    assert workspace.query("graded").num_rows == 0
    assert workspace.query("unscored").select(["item_id"]).to_pylist() == [{"item_id": "d1"}]
    run.journal.append([JournalEntry(scored=scored(key("d1"), D1, D1.gold, Outcome.CORRECT_DISEASE))])
    ingest(workspace)
    assert workspace.query("graded").num_rows == 1
    assert workspace.query("unscored").num_rows == 0


def test_an_answer_after_an_error_replaces_it_and_every_failure_and_cost_is_kept(
    workspace: Workspace,
) -> None:
    paid = JournalEntry(
        answer=answer(key("d1"), failures=1, cost=0.5),
        scored=scored(key("d1"), D1, D1.gold, Outcome.CORRECT_DISEASE),
    )
    run = stored_run(workspace, [failed(D1, failures=2)])
    ingest(workspace)
    run.journal.append([paid])
    ingest(workspace)
    assert rows(workspace, "SELECT status, line FROM answers") == [("answered", 2)]
    assert workspace.query("graded").column("correct").to_pylist() == [True]
    (failures,) = workspace.query("failures").to_pylist()
    assert (failures["failure_class"], failures["n"], failures["n_answers"]) == ("server", 3, 1)
    (usage,) = workspace.query("usage").to_pylist()
    assert (usage["n"], usage["n_priced"], usage["cost_usd"], usage["input_tokens"]) == (2, 1, 0.5, 20)


def test_an_error_after_an_answer_takes_its_score_away(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(D1)])
    ingest(workspace)
    run.journal.append([failed(D1)])
    ingest(workspace)
    assert rows(workspace, "SELECT count(*) FROM grades") == [(0,)]
    assert workspace.query("graded").select(["status", "correct"]).to_pylist() == [
        {"status": "error", "correct": False}
    ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["right", "failed", "unscored", "rescored"]),
        st.sampled_from(ITEMS),
        st.sampled_from(["sim/a", "sim/b"]),
        st.booleans(),
    ),
    max_size=9,
)


@given(steps=STEPS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_loaded_bit_by_bit_all_at_once_or_anew_the_tables_are_the_same_and_agree_with_latest(
    tmp_path: Path, steps: Sequence[tuple[str, Item, str, bool]]
) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    workspace = Workspace(folder)
    run = stored_run(workspace)
    for number, (kind, item, model, load) in enumerate(steps):
        of = key(item.id, model)
        entry = {
            "right": right(item, model, text=f"text {number}"),
            "failed": failed(item, model),
            "unscored": JournalEntry(answer=answer(of, text=f"text {number}")),
            "rescored": JournalEntry(scored=scored(of, item, (), Outcome.NOT_ANSWERED, version=str(number))),
        }[kind]
        run.journal.append([entry])
        if load:
            ingest(workspace)
    ingest(workspace)
    assert ingest(workspace) == []
    assert fingerprints(workspace) == fingerprints_anew(workspace, folder / "fresh.duckdb")
    expected = {
        (entry.answer.key.id(), entry.answer.text, entry.scored.extraction.version if entry.scored else None)
        for entry in run.latest()
        if entry.answer is not None
    }
    query = """
        SELECT answer_id, text, version
        FROM answers LEFT JOIN (SELECT answer_id AS id, version FROM extractions) ON id = answer_id
    """
    assert set(rows(workspace, query)) == expected


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(keys=st.lists(st.tuples(NAMES, NAMES, NAMES, NAMES, st.integers(1, 10**6)), min_size=30, max_size=60))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_ids_in_the_database_are_those_of_the_keys(
    tmp_path: Path, keys: list[tuple[str, str, str, str, int]]
) -> None:
    workspace = Workspace(tmp_path / str(len(list(tmp_path.iterdir()))))
    asked = [
        AnswerKey(
            item_id=item_id,
            model=model,
            persona=persona,
            image_condition=ImageCondition.BLANK,
            option_order=option_order,
            epoch=epoch,
        )
        for item_id, model, persona, option_order, epoch in keys
    ]
    items = [diagnosis(item_id) for item_id in {of.item_id for of in asked}]
    stored_run(workspace, [JournalEntry(answer=answer(of)) for of in asked], items=items)
    ingest(workspace)
    assert set(rows(workspace, "SELECT answer_id, item_id, persona FROM answers")) == {
        (of.id(), of.item_id, of.persona) for of in asked
    }


def test_ids_of_keys_with_control_characters(workspace: Workspace) -> None:
    controls = [chr(code) for code in [*range(32), 34, 92, 127, 0x2028]]
    asked = [key(f"a{control}\\u001f") for control in controls]
    stored_run(
        workspace,
        [JournalEntry(answer=answer(of)) for of in asked],
        items=[diagnosis(of.item_id) for of in asked],
    )
    ingest(workspace)
    assert rows(workspace, "SELECT answer_id, item_id FROM answers ORDER BY line") == [
        (of.id(), of.item_id) for of in asked
    ]


def test_times_are_utc_whatever_offset_they_were_written_with(workspace: Workspace) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    moments = [NOW, NOW.astimezone(east), NOW.replace(tzinfo=None), datetime(2026, 1, 1, tzinfo=UTC)]
    items = [diagnosis(f"i{number}") for number in range(len(moments))]
    written = [
        JournalEntry(answer=answer(key(item.id), at=at)) for item, at in zip(items, moments, strict=True)
    ]
    stored_run(workspace, written, items=items)
    ingest(workspace)
    naive = NOW.replace(tzinfo=None)
    assert rows(workspace, "SELECT finished_at FROM answers ORDER BY line") == [
        (naive,), (naive,), (naive,), (datetime(2026, 1, 1),)  # noqa: DTZ001 - as stored: UTC without a zone
    ]  # fmt: skip


def test_a_seed_beyond_64_bits_and_odd_items_are_kept(workspace: Workspace) -> None:
    item = Item(
        id="report", benchmark="bench", task=Task.REPORT, question="\x00?", cluster="c", metadata={"a": [1,
        {"b": None}]}
    )  # fmt: skip
    workspace.create_run(spec(seed=2**100, n_items=1), [item])
    ingest(workspace)
    assert rows(workspace, "SELECT seed::VARCHAR, plan->>'models' FROM runs") == [
        (str(2**100), '["sim/a","sim/b"]')
    ]
    assert rows(workspace, "SELECT task, question, options, metadata->'a' FROM items") == [
        ("report", "\x00?", [], '[1,{"b":null}]')
    ]


def test_long_lines(workspace: Workspace) -> None:
    text = "x" * 20_000_000
    stored_run(workspace, [right(D1, text=text), right(D2)])
    ingest(workspace)
    assert rows(workspace, "SELECT length(text) FROM answers ORDER BY line") == [(20_000_000,), (20,)]


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
