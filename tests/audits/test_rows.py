"""The rows for the statistics: one per vote and dimension, one per failure mode asked about, nothing dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from spinebench.audit_records import AuditEntry, JudgementStatus, Rating, RefersBy
from spinebench.audits.rows import audit_rows
from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, MarkRow, ScoreRow, StratumRow
from spinebench.rubrics.rubric import Dimension
from spinebench.store import Workspace
from tests.stored_audits import (
    JUDGES,
    RUBRIC,
    T1,
    T2,
    T3,
    T4,
    TRACES,
    decision,
    judgement,
    rating,
    review,
    spec,
    stored_audit,
    trace,
)
from tests.stored_runs import ITEMS

J1, J2 = JUDGES
OTHER_HASH = "cd" * 32


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def rows_of(
    workspace: Workspace, entries: Sequence[AuditEntry] = (), ratings: Sequence[Rating] = ()
) -> AuditRows:
    audit = stored_audit(workspace, entries)
    audit.add_ratings(ratings)
    return audit_rows(workspace, ["audit-1"])


def test_an_audit_without_judgements_has_its_traces_strata_and_scales(workspace: Workspace) -> None:
    rows = rows_of(workspace, [review(T1, RefersBy.RANDOM), review(T2), review(T3, RefersBy.DISAGREEMENT)])
    assert [one.trace_id for one in rows.traces] == [T1, T2, T3, T4]
    first, second, third, fourth = rows.traces
    assert (first.model, first.task, first.correct, first.outcome) == (
        "sim/a",
        "diagnosis",
        True,
        "correct_disease",
    )
    assert (first.probability, first.cluster, first.image) == (0.5, "study of d1", "image of d1")
    assert first.simulated
    assert [one.rating_probability for one in rows.traces] == [0.2, 0.2, 1.0, None]
    assert [one.referred for one in (first, second, third, fourth)] == [True, False, True, False]
    # The model's own name holds slashes.
    assert StratumRow("diagnosis/hub/org/b/incorrect", "hub/org/b", "diagnosis", 2, 1) in rows.strata
    assert {one.stratum for one in rows.traces} == {one.stratum for one in rows.strata}
    assert rows.scales == {"logic": (1, 2, 3, 4, 5), "place": (1, 3, 5)}
    assert (rows.scores, rows.marks, rows.adjudicated, rows.stale, rows.locked) == ((), (), {}, (), False)


def test_every_judgement_gives_a_row_per_dimension_of_its_task_scored_or_not(workspace: Workspace) -> None:
    rows = rows_of(
        workspace,
        [
            judgement(T1, {"logic": 4}),
            judgement(T1, {"logic": 2}, repeat=2),
            judgement(T3, {"logic": 1, "place": 5}, judge=J2),
            judgement(T3),
            judgement(T4, status=JudgementStatus.REFUSED),
            judgement(T2, status=JudgementStatus.ERROR),
        ],
    )
    assert set(rows.scores) == {
        ScoreRow(T1, "logic", "judge", J1, 1, 4, "scored"),
        ScoreRow(T1, "logic", "judge", J1, 2, 2, "scored"),
        ScoreRow(T3, "logic", "judge", J2, 1, 1, "scored"),
        ScoreRow(T3, "place", "judge", J2, 1, 5, "scored"),
        ScoreRow(T3, "logic", "judge", J1, 1, None, "unparsed"),
        ScoreRow(T3, "place", "judge", J1, 1, None, "unparsed"),
        ScoreRow(T4, "logic", "judge", J1, 1, None, "refused"),
        ScoreRow(T4, "place", "judge", J1, 1, None, "refused"),
        ScoreRow(T2, "logic", "judge", J1, 1, None, "error"),
    }
    assert len(rows.scores) == 9


def test_a_later_judgement_takes_the_place_of_an_error(workspace: Workspace) -> None:
    rows = rows_of(workspace, [judgement(T1, status=JudgementStatus.ERROR), judgement(T1, {"logic": 3})])
    assert rows.scores == (ScoreRow(T1, "logic", "judge", J1, 1, 3, "scored"),)


def test_modes_that_were_looked_for_and_not_found_are_rows_too(workspace: Workspace) -> None:
    rows = rows_of(
        workspace,
        [
            judgement(T1, {"logic": 4}, modes=["invented"]),
            judgement(T3, {"logic": 1, "place": 1}),
            judgement(T4),
        ],
        [rating(T3, {"logic": 2}, modes=["wrong_level"])],
    )
    assert set(rows.marks) == {
        MarkRow(T1, "invented", "judge", J1, 1, True),  # `wrong_level` is not asked of a diagnosis
        MarkRow(T3, "invented", "judge", J1, 1, False),
        MarkRow(T3, "wrong_level", "judge", J1, 1, False),
        MarkRow(T4, "invented", "judge", J1, 1, None),
        MarkRow(T4, "wrong_level", "judge", J1, 1, None),
        MarkRow(T3, "invented", "clinician", "r1", 1, False),
        MarkRow(T3, "wrong_level", "clinician", "r1", 1, True),
    }


def test_ratings_current_ones_only_duplicates_as_second_repeat(workspace: Workspace) -> None:
    rows = rows_of(
        workspace,
        ratings=[
            rating(T1, {"logic": 1}),
            rating(T1, {"logic": 5}),  # supersedes it
            rating(T1, {"logic": 4}, duplicate=True),
            rating(T3, {"logic": None, "place": 3}),
            rating(T3, {"logic": 2}, rater="r2"),  # says nothing about `place`
        ],
    )
    assert set(rows.scores) == {
        ScoreRow(T1, "logic", "clinician", "r1", 1, 5, "scored"),
        ScoreRow(T1, "logic", "clinician", "r1", 2, 4, "scored"),
        ScoreRow(T3, "logic", "clinician", "r1", 1, None, "cannot_assess"),
        ScoreRow(T3, "place", "clinician", "r1", 1, 3, "scored"),
        ScoreRow(T3, "logic", "clinician", "r2", 1, 2, "scored"),
        ScoreRow(T3, "place", "clinician", "r2", 1, None, "unparsed"),
    }
    assert len(rows.scores) == 6


def test_decisions_stand_beside_the_scores_and_the_lock_is_told(workspace: Workspace) -> None:
    audit = stored_audit(workspace)
    audit.add_ratings([rating(T1, {"logic": 1}), rating(T1, {"logic": 5}, rater="r2")])
    audit.lock_ratings()
    audit.journal.append([decision(T1, "logic", 2), decision(T1, "logic", 3), decision(T3, "place", None)])
    rows = audit_rows(workspace, ["audit-1"])
    assert rows.adjudicated == {(T1, "logic"): 3, (T3, "place"): None}
    assert sorted(one.score or 0 for one in rows.scores) == [1, 5]
    assert rows.locked


@pytest.mark.parametrize(
    ("entries", "ratings", "stale"),
    [
        pytest.param(
            [judgement(T1, {"logic": 1}), judgement(T2, {"logic": 1}, prompt_hash=OTHER_HASH)],
            [],
            f"prompt: 1 of 2 judgements by {J1} were made with another prompt than the audit's",
            id="prompt",
        ),
        pytest.param(
            [],
            [rating(T1, {"logic": 1}), rating(T2, {"logic": 9}, rubric_hash=OTHER_HASH)],
            "rubric: 1 of 2 ratings were made with other rubrics than the audit's",
            id="rubric",
        ),
        pytest.param(
            [judgement(T1, {"logic": 1}), judgement(T2, {"logic": 1}, provider_model="j1-later")],
            [],
            f"judge: {J1} answered as 2 models: j1-later, j1-snapshot",
            id="judge",
        ),
    ],
)
def test_what_changed_on_the_way_is_told(
    workspace: Workspace, entries: list[AuditEntry], ratings: list[Rating], stale: str
) -> None:
    rows = rows_of(workspace, entries, ratings)
    assert rows.stale == (stale,)
    assert all(one.score in (None, 1) for one in rows.scores)  # 9 is on no scale of this audit


def test_several_audits_keep_their_strata_apart(workspace: Workspace) -> None:
    others = [trace(one.item, one.answer.key.model, right=True, run_id="run-2") for one in TRACES]
    stored_audit(workspace, [judgement(T1, {"logic": 4})])
    other = stored_audit(workspace, audit_id="audit-2", traces=others, minutes=1)
    other.journal.append([judgement(others[0].trace_id, {"logic": 2}, audit_id="audit-2")])
    rows = audit_rows(workspace, ["audit-1", "audit-2", "audit-2"])
    assert len(rows.traces) == 8
    assert [one.score for one in rows.scores] == [4, 2]
    assert {one.stratum for one in rows.traces} == {one.stratum for one in rows.strata}
    assert {one.stratum.partition(":")[0] for one in rows.strata} == {"audit-1", "audit-2"}
    assert rows.stale == ()


def test_audits_that_do_not_go_together_are_refused(workspace: Workspace) -> None:
    stored_audit(workspace)
    stored_audit(workspace, audit_id="audit-2", minutes=1)
    with pytest.raises(UsageError, match="expected audits without a trace in common"):
        audit_rows(workspace, ["audit-1", "audit-2"])

    changed = RUBRIC.model_copy(
        update={
            "dimensions": (
                Dimension(id="logic", name="L", focus="f", scale=(1, 2, 3), anchors={1: "no", 3: "yes"}),
            )
        }
    )
    others = [trace(ITEMS[1], "sim/a", right=True, run_id="run-3")]
    workspace.create_audit(spec("scaled", traces=others, rubric=changed, minutes=2), others)
    with pytest.raises(UsageError, match=r"one scale of 'logic', but the one has \[1, 2, 3, 4, 5\]"):
        audit_rows(workspace, ["audit-1", "scaled"])
    assert audit_rows(workspace, ["scaled"]).scales == {"logic": (1, 2, 3)}


@pytest.mark.parametrize(
    ("audit_ids", "message"),
    [
        pytest.param([], "expected at least one id", id="none"),
        pytest.param(["nowhere"], "audit 'nowhere': expected an audit of", id="unknown"),
    ],
)
def test_no_audit_is_told(workspace: Workspace, audit_ids: list[str], message: str) -> None:
    stored_audit(workspace)
    with pytest.raises(UsageError, match=message):
        audit_rows(workspace, audit_ids)
