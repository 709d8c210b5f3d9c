"""Loading: the tables say what the journals say, however and however often they were loaded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.records import AnswerKey, AnswerStatus, ImageCondition, Item, JournalEntry, Outcome, Task
from spinebench.store import Workspace
from spinebench.store.ingest import Ingested, ingest
from tests.store.loaded import fingerprints, fingerprints_anew, rows
from tests.stored_runs import ITEMS, NOW, answer, diagnosis, failed, key, right, scored, spec, stored_run

D1, D2, D3, L1, L2 = ITEMS


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
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
