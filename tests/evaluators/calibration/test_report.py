"""The calibration report on audits with planted truth, and on odd ones."""

from __future__ import annotations

import dataclasses

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, StratumRow, TraceRow
from spinebench.evaluators.calibration import CalibratedModel, calibration_report
from tests.audit_samples import drawn_audit


def trace(name: str, **changes: object) -> TraceRow:
    given: dict[str, object] = {
        "trace_id": name,
        "run_id": "run",
        "model": "m",
        "task": "diagnosis",
        "image": name,
        "cluster": name,
        "correct": True,
        "outcome": "correct",
        "stratum": "all",
        "probability": 0.5,
        "rating_probability": 1.0,
        "referred": True,
    }
    return TraceRow(**(given | changes))  # type: ignore[arg-type]


def vote(name: str, rater: str, score: int | None, *, repeat: int = 1, status: str = "scored") -> ScoreRow:
    source = "judge" if rater.startswith("judge") else "clinician"
    return ScoreRow(name, "logic", source, rater, repeat, score, status)  # type: ignore[arg-type]


def rows_of(traces: list[TraceRow], scores: list[ScoreRow], **changes: object) -> AuditRows:
    keys = {(one.stratum, one.model, one.task) for one in traces}
    strata = tuple(StratumRow(*key, 10, 5) for key in sorted(keys))
    given: dict[str, object] = {"adjudicated": {}, "locked": True} | changes
    return AuditRows(tuple(traces), strata, tuple(scores), (), {"logic": (1, 2, 3, 4, 5)}, **given)  # type: ignore[arg-type]


def only(rows: AuditRows, **options: str) -> CalibratedModel:
    (model,) = calibration_report(rows, **options).models  # type: ignore[arg-type]
    return model


FOUR = [trace(name) for name in "abcd"]
JUDGED = [vote(name, "judge/x", score) for name, score in zip("abcd", (5, 4, 4, 3), strict=True)]


def test_raw_clinicians_and_corrected_by_hand() -> None:
    # Judge 4. All four referred, a and b rated 3 and 4: differences -2 and 0, so 4 - 1 = 3.
    found = only(rows_of(FOUR, [*JUDGED, vote("a", "c1", 3), vote("b", "c1", 4)]))
    assert found.judge.value == 4
    assert found.clinicians.value == 3.5
    assert found.corrected.value == pytest.approx(3)
    assert (found.coverage.n_frame, found.coverage.n_drawn, found.coverage.n_rated) == (10, 4, 2)
    assert any("2 of 4 traces referred" in warning for warning in found.warnings)
    assert "in-sample" in found.in_sample_judge.name
    assert found.in_sample_judge.interval is None


def test_the_panels_median_repeats_too_or_one_judge() -> None:
    votes = [vote("a", "judge/x", 1), vote("a", "judge/x", 2, repeat=2), vote("a", "judge/y", 5)]
    rows = rows_of([trace("a")], votes)
    assert only(rows).judge.value == 2
    assert only(rows, judge="judge/x").judge.value == 1.5
    assert calibration_report(rows).judge == "panel median"


def test_clinicians_are_averaged_without_their_hidden_duplicates() -> None:
    votes = [*JUDGED, vote("a", "c1", 2), vote("a", "c2", 3), vote("a", "c1", 5, repeat=2)]
    assert only(rows_of(FOUR, votes)).in_sample_clinicians.value == 2.5


def test_an_adjudicated_score_counts_in_place_of_the_ratings() -> None:
    votes = [*JUDGED, vote("a", "c1", 1), vote("a", "c2", 5), vote("b", "c1", 4)]
    found = only(rows_of(FOUR, votes, adjudicated={("a", "logic"): 2, ("b", "logic"): None}))
    assert found.in_sample_clinicians.value == 2
    assert found.in_sample_clinicians.n == 1
    assert (found.coverage.n_adjudicated, found.coverage.n_cannot_assess) == (1, 1)


def test_what_was_not_scored_is_counted() -> None:
    votes = [
        *JUDGED[:2],
        vote("c", "judge/x", None, status="unparsed"),
        vote("d", "judge/x", None, status="refused"),
        vote("a", "c1", None, status="cannot_assess"),
        vote("c", "c1", 3),
    ]
    found = only(rows_of(FOUR, votes))
    assert (found.coverage.n_judged, found.coverage.n_unparsed) == (2, 2)
    assert (found.coverage.n_rated, found.coverage.n_cannot_assess) == (1, 1)
    assert found.corrected.value is None  # the one rated trace has no judge score
    assert any("2 of 4 drawn traces have no judge score" in warning for warning in found.warnings)
    assert any("1 rated traces have no judge score" in warning for warning in found.warnings)


def test_tuning_traces_are_in_no_figure() -> None:
    traces = [*FOUR[:2], trace("c", split="tuning"), trace("d", split="tuning")]
    found = only(rows_of(traces, [*JUDGED, vote("a", "c1", 3), vote("c", "c1", 1)]))
    assert found.judge.value == 4.5
    assert found.in_sample_clinicians.value == 3


def test_without_a_random_share_nothing_is_corrected() -> None:
    traces = [*FOUR[:2], *(trace(name, referred=False, rating_probability=None) for name in "cd")]
    found = only(rows_of(traces, [*JUDGED, vote("a", "c1", 1), vote("b", "c1", 1)]))
    assert found.corrected.value is None
    assert found.corrected.reason is not None
    assert "random share 0" in found.corrected.reason
    assert found.in_sample_clinicians.value == 1


def test_if_all_are_rated_referral_does_not_matter() -> None:
    traces = [*FOUR[:2], *(trace(name, referred=False, rating_probability=None) for name in "cd")]
    found = only(rows_of(traces, [*JUDGED, *(vote(name, "c1", 2) for name in "abcd")]))
    assert found.corrected.value == pytest.approx(2)


def test_ratings_of_traces_that_were_not_referred_are_left_out() -> None:
    traces = [
        trace("a", rating_probability=0.5),
        *(trace(x, referred=False, rating_probability=0.5) for x in "bcd"),
    ]
    found = only(rows_of(traces, [*JUDGED, vote("a", "c1", 4), vote("b", "c1", 1)]))
    assert found.corrected.n == 1
    assert found.corrected.value == pytest.approx(3)  # 4 and a's difference of -1
    assert any("not referred" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    "scores", [[], JUDGED, [vote("a", "c1", 3)]], ids=["nothing", "judge only", "clinician only"]
)
def test_one_side_missing(scores: list[ScoreRow]) -> None:
    report = calibration_report(rows_of(FOUR, scores))
    assert all(model.corrected.value is None and model.corrected.reason for model in report.models)
    assert len(report.models) == (1 if scores else 0)
    if not scores:
        assert any("no validation trace" in warning for warning in report.warnings)


def test_an_empty_audit() -> None:
    report = calibration_report(AuditRows((), (), (), (), {"logic": (1, 2, 3)}, {}))
    assert (report.models, report.tasks) == ((), ())


def test_labels_of_one_model_only() -> None:
    rows = drawn_audit(3, n_models=3).rows
    kept = tuple(
        row for row in rows.scores if row.source == "judge" or row.trace_id.startswith("run/model-1-")
    )
    report = calibration_report(dataclasses.replace(rows, scores=kept))
    values = {model.model: model.corrected.value for model in report.models}
    assert values["model-1"] is not None
    assert (values["model-0"], values["model-2"]) == (None, None)
    assert any("2 of 3 models have no labels" in claim for claim in report.tasks[0].claims)


def test_stale_open_and_simulated_are_said() -> None:
    rows = drawn_audit(3, n_models=2, locked=False).rows
    rows = dataclasses.replace(
        rows,
        stale=("judge: another",),
        traces=tuple(dataclasses.replace(t, simulated=True) for t in rows.traces),
    )
    report = calibration_report(rows)
    assert (report.stale, report.locked, report.simulated) == (("judge: another",), False, True)
    said = " ".join(report.tasks[0].claims)
    for word in ("Stale: judge: another", "Simulated", "Not locked", "these 2 clinicians"):
        assert word in said


@pytest.mark.parametrize(
    ("scores", "locked", "warnings"),
    [
        ([*JUDGED, vote("a", "c1", 3)], True, ()),
        ([*JUDGED, vote("a", "c1", 3)], False, ("ratings are not locked: figures may still change",)),
        (JUDGED, False, ("no clinician has rated: only the judge's own means can be shown",)),
    ],
    ids=["locked", "open", "no ratings to lock"],
)
def test_warnings_say_what_of_the_ratings_is_missing(
    scores: list[ScoreRow], locked: bool, warnings: tuple[str, ...]
) -> None:
    assert calibration_report(rows_of(FOUR, scores, locked=locked)).warnings == warnings


def test_the_curve_takes_all_models_labels_together() -> None:
    report = calibration_report(drawn_audit(1, n_models=8, random_share=0.6).rows)
    curve = report.tasks[0].curve
    assert curve.reason is None
    assert curve.n == report.tasks[0].n_labels
    assert curve.rmse_judge is not None
    assert curve.rmse_out_of_fold is not None
    assert curve.rmse_out_of_fold < curve.rmse_judge  # the planted judge is about a level too lenient


def test_corrected_means_are_nearer_to_the_truth_than_the_judges() -> None:
    drawn = drawn_audit(2, n_models=10, per_stratum=40)
    report = calibration_report(drawn.rows)
    for model in report.models:
        truth = drawn.mean[model.model]
        assert model.corrected.value is not None
        assert model.judge.value is not None
        assert abs(model.corrected.value - truth) < abs(model.judge.value - truth)


def test_the_same_rows_give_the_same_report() -> None:
    rows = drawn_audit(2).rows
    assert calibration_report(rows, seed=4) == calibration_report(rows, seed=4)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"judge": "gpt"}, "'gpt'"), ({"dimension": "style"}, "'style'"), ({"level": 2.0}, "2.0")],
    ids=["judge", "dimension", "level"],
)
def test_what_is_wrong_is_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        calibration_report(rows_of(FOUR, JUDGED), **options)  # type: ignore[arg-type]


def test_a_score_off_the_scale_is_named() -> None:
    with pytest.raises(UsageError, match="score 7"):
        calibration_report(rows_of(FOUR, [vote("a", "judge/x", 7)]))
