"""The level-aware scores of stored runs and audits, against values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import spinebench
from spinebench.audit_records import JudgementStatus, Split
from spinebench.audits.level_aware import LevelAwareReport, level_aware_report
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.report_results import LevelAwareScores
from spinebench.records import ImageCondition
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from tests.stored_audits import JUDGES, rating, stored_audit
from tests.stored_reports import (
    DIMENSIONS,
    EVEN,
    QUESTIONS,
    R1,
    R2,
    R3,
    REPORTS,
    RIGHT,
    all_at,
    answered,
    audit_of_reports,
    drawn,
    judged,
    report_rubric,
    run_of_reports,
)
from tests.stored_runs import stored_run

FIRST, SECOND = JUDGES


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "workspace")
    run_of_reports(place)
    return place


@pytest.fixture
def audited(workspace: Workspace) -> Workspace:
    """The first judge gives 100 and 70 points and an unread reply, the second 60 points for the first report."""
    audit_of_reports(
        workspace,
        [
            judged(R1, all_at(5)),
            judged(R2, EVEN),
            judged(R3, None),
            judged(R1, all_at(3), judge=SECOND),
            judged(R2, None, judge=SECOND),
            judged(R3, None, judge=SECOND, status=JudgementStatus.REFUSED),
        ],
    )
    return workspace


def of(
    report: LevelAwareReport, rater: str | None, model: str = "sim/a", source: str = "judge"
) -> LevelAwareScores:
    (one,) = [one for one in report.ratings if (one.source, one.rater) == (source, rater)]
    (found,) = [scores for scores in one.models if scores.model == model]
    return found


def test_scores_are_those_worked_out_by_hand(audited: Workspace) -> None:
    """Text 3 of 4, image 1 of 2. Reports: 100 and 70 by the first judge, 85; overall (4 x 75 + 2 x 50 + 2 x 85) / 8.

    Both judges: the first report's dimensions are at (5 + 3) / 2 = 4, 80 points; the second's are the first judge's.
    """
    report = level_aware_report(audited, ["run-1"])
    assert [(one.source, one.rater, one.n_raters) for one in report.ratings] == [
        ("judge", None, 2),
        ("judge", FIRST, 1),
        ("judge", SECOND, 1),
    ]
    first = of(report, FIRST)
    assert first.scores.text.of_asked.value == 75
    assert first.scores.image.of_asked.value == 50
    assert first.scores.report.value == 85
    assert first.scores.overall.value == pytest.approx(71.25)
    assert first.scores.weights.model_dump() == {"text": 4, "image": 2, "report": 2}
    assert first.text_less_image.value == 25
    assert first.report.counts.model_dump() == {
        "asked": 4,
        "scored": 2,
        "incomplete": 0,
        "unscored": 1,
        "not_written": 1,
    }
    assert first.report.votes.scored == 20
    assert first.report.votes.unparsed == 10
    assert first.report.not_written_as_zero.value == pytest.approx(170 / 3)
    assert first.report.sections["tr"].value == pytest.approx((5 + 3) / 2)
    assert first.report.dimensions["cov"].value == pytest.approx((5 + 1) / 2)

    both = of(report, None)
    assert both.scores.report.value == pytest.approx((80 + 70) / 2)
    assert both.scores.overall.value == pytest.approx((300 + 100 + 150) / 8)
    second = of(report, SECOND)
    assert second.scores.report.value == 60
    assert second.report.counts.unscored == 2
    assert second.report.votes.refused == 10
    assert report.simulated
    assert report.rubric == "spinemed_report 1"
    assert report.audit_ids == ("audit-1",)


def test_a_model_whose_reports_were_not_drawn_has_no_report_score(audited: Workspace) -> None:
    report = level_aware_report(audited, ["run-1"])
    other = of(report, FIRST, "sim/b")
    assert other.scores.report.value is None
    assert other.scores.report.reason == "no reports"
    assert other.scores.overall.value == 0
    assert [line for line in report.warnings if "sim/b" in line] == [
        "reports by sim/b that were not drawn into the audit: 1; the report score is of those that were"
    ]


def test_divisions_come_from_items_and_their_images(audited: Workspace) -> None:
    divided = {
        (one.by, one.value): one.scores for one in of(level_aware_report(audited, ["run-1"]), FIRST).divided
    }
    assert divided["subspecialty", "trauma"].overall.value == pytest.approx((4 * 75 + 100) / 5)
    assert divided["subspecialty", "degenerative"].weights.model_dump() == {
        "text": 0,
        "image": 2,
        "report": 1,
    }
    assert divided["source", "hospital"].report.value == 85
    assert divided["language", "zh"].report.value == 70
    assert divided["language", "not stated"].weights.report == 0
    assert divided["modality", "CT + MRI T2"].report.value == 85
    assert divided["modality", "CT"].image.of_asked.value == 50


def test_clinicians_stand_beside_the_judges(audited: Workspace) -> None:
    """A clinician gives 80 points to the first report, and cannot assess one dimension of the second.

    EVEN without `dgn` leaves its section without a score, so that the report is unscored.
    """
    folder = audited.audit("audit-1")
    folder.add_ratings(
        [rating(R1, {**all_at(4)}), rating(R2, {**EVEN, "dgn": None}, packet="r1-9")],
    )
    found = of(level_aware_report(audited, ["run-1"]), None, source="clinician")
    assert found.scores.report.value == 80
    assert found.scores.overall.value == pytest.approx((300 + 100 + 80) / 7)
    assert found.report.votes.cannot_assess == 1
    assert found.report.counts.unscored == 2


NO_SCORES: dict[str, tuple[dict[str, int], str]] = {
    "off the scale": ({**EVEN, "pg": 7}, "pg is 7, which is not on its scale"),
    "an unknown dimension": ({**EVEN, "beauty": 5}, ".*beauty"),
}


@pytest.mark.parametrize(("scores", "said"), NO_SCORES.values(), ids=NO_SCORES)
def test_what_the_rubric_has_not_is_refused_by_line_and_nothing_is_lost(
    workspace: Workspace, scores: dict[str, int], said: str
) -> None:
    folder = audit_of_reports(workspace, [judged(R1, all_at(5)), judged(R2, scores)])
    before = folder.journal.path.read_bytes()
    with pytest.raises(DataError, match=rf"line 2 .*{said}"):
        level_aware_report(workspace, ["run-1"])
    assert folder.journal.path.read_bytes() == before


def test_dimensions_without_a_score_leave_their_section_to_the_others(workspace: Workspace) -> None:
    """EVEN without `pg`: (3 + 4 + (3 + 4) / 2 + 5 + 2.5) / 5 = 3.6, 72 points."""
    audit_of_reports(workspace, [])
    workspace.audit("audit-1").add_ratings([rating(R2, {**EVEN, "pg": None}, packet="r1-9")])
    found = of(level_aware_report(workspace, ["run-1"]), None, source="clinician")
    assert found.scores.report.value == pytest.approx(72)
    assert found.report.counts.incomplete == 1
    assert tuple(found.report.dimensions) == DIMENSIONS


def test_without_an_audit_the_questions_still_have_scores(workspace: Workspace) -> None:
    report = level_aware_report(workspace, ["run-1"])
    (one,) = report.ratings
    assert (one.source, one.rater) == (None, None)
    first = one.models[0]
    assert first.scores.text.of_asked.value == 75
    assert first.scores.report.value is None
    assert first.report.counts.unscored == 3
    assert "reports that nobody judged: 4;" in " ".join(report.warnings)


def test_reports_drawn_for_tuning_are_left_out(workspace: Workspace) -> None:
    tuned = drawn(REPORTS[0])
    tuned = tuned.model_copy(update={"pick": tuned.pick.model_copy(update={"split": Split.TUNING})})
    audit_of_reports(workspace, [judged(R1, all_at(5)), judged(R2, EVEN)], traces=[tuned, drawn(REPORTS[1])])
    report = level_aware_report(workspace, ["run-1"])
    assert of(report, FIRST).scores.report.value == 70
    assert "reports that were drawn for tuning and are left out: 1" in report.warnings


def test_unequal_chances_are_said(workspace: Workspace) -> None:
    traces = [drawn(REPORTS[0], probability=0.1), drawn(REPORTS[1], probability=1.0)]
    audit_of_reports(workspace, [judged(R1, all_at(5)), judged(R2, EVEN)], traces=traces)
    (one,) = level_aware_report(workspace, ["run-1"]).ratings
    assert "unequal chances to be scored (10 to 100 %)" in one.warnings[0]


def test_the_latest_audit_with_sections_counts_unless_one_is_named(audited: Workspace) -> None:
    audit_of_reports(audited, [], audit_id="later", minutes=5)
    stored_audit(audited, audit_id="other", minutes=9)
    assert level_aware_report(audited, ["run-1"]).audit_ids == ("later",)
    assert level_aware_report(audited, ["run-1"], ["audit-1"]).audit_ids == ("audit-1",)


def test_an_audit_without_sections_is_refused_with_the_way_to_one(audited: Workspace) -> None:
    stored_audit(audited, audit_id="other", minutes=9)
    with pytest.raises(UsageError, match=r"with the rubrics small: .*--rubric spinemed_report"):
        level_aware_report(audited, ["run-1"], ["other"])


def test_an_audit_of_other_runs_is_refused(audited: Workspace) -> None:
    run_of_reports(audited, run_id="run-2")
    with pytest.raises(UsageError, match="audit 'audit-1' of run-1: expected an audit of run-2"):
        level_aware_report(audited, ["run-2"], ["audit-1"])


def test_two_rubrics_make_no_one_score(audited: Workspace) -> None:
    run_of_reports(audited, run_id="run-2")
    own = report_rubric().model_copy(update={"version": "1.mine"})
    audit_of_reports(
        audited, [], traces=[drawn(REPORTS[0], run_id="run-2")], rubric=own, audit_id="own", minutes=1
    )
    with pytest.raises(UsageError, match=r"rubrics spinemed_report 1, spinemed_report 1\.mine"):
        level_aware_report(audited, ["run-1", "run-2"], ["audit-1", "own"])


def test_a_question_in_two_runs_is_refused(workspace: Workspace) -> None:
    run_of_reports(workspace, run_id="run-2")
    with pytest.raises(UsageError, match="item 't1' by sim/a: expected it in one of the runs"):
        level_aware_report(workspace, ["run-1", "run-2"])


def test_runs_with_nothing_to_score_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    stored_run(workspace, run_id="pathology")
    ingest(workspace)
    with pytest.raises(DataError, match="'knowledge' or 'report', there are none; name 'run-1', which asked"):
        level_aware_report(workspace, ["pathology"])
    with pytest.raises(
        DataError, match=r"'blank'.*; they were asked under normal, name that with --image-co"
    ):
        level_aware_report(workspace, ["run-1"], image_condition=ImageCondition.BLANK)
    other = Workspace(tmp_path / "other")
    stored_run(other, run_id="pathology")
    with pytest.raises(DataError, match="there are none; sit a benchmark that has them"):
        level_aware_report(other, ["pathology"])


def test_reports_alone_without_an_audit_are_refused_with_the_way_to_one(tmp_path: Path) -> None:
    from tests.stored_reports import written

    place = Workspace(tmp_path / "w")
    stored_run(place, [written(item, "sim/a") for item in REPORTS], items=REPORTS)
    with pytest.raises(DataError, match=r"4 reports are not judged; make one with 'spinebench audit RUN"):
        level_aware_report(place, ["run-1"])


def test_rotated_options_count_once(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    entries = [
        answered(item, "sim/a", right=item.id in RIGHT, order=f"rotation:{k}")
        for item in QUESTIONS
        for k in range(5)
    ]
    stored_run(place, entries, items=QUESTIONS)
    report = level_aware_report(place, ["run-1"])
    assert report.ratings[0].models[0].scores.weights.text == 4
    assert "answers to rotated options that are left out: 24; each question counts once" in report.warnings


def test_from_python(audited: Workspace) -> None:
    run = spinebench.Run(audited, audited.run("run-1"))
    audit = spinebench.Audit(audited, audited.audit("audit-1"))
    assert spinebench.scores(run, audit) == spinebench.scores([run]) == level_aware_report(audited, ["run-1"])
    with pytest.raises(UsageError, match="expected at least one run"):
        spinebench.scores([])
