"""The whole report, on made rows and on real ratings."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinebench.errors import DataError, UsageError
from spinebench.evaluators.agreement import agreement_report
from spinebench.evaluators.agreement.long_table import rows_from_long_table
from spinebench.evaluators.agreement.trace_table import PANEL, lower_medians
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, TraceRow

REAL = Path(__file__).parents[3].parent / (
    "shared/data/real/ratings/seq2seq_llm_evaluation/summarization_ratings_long.csv"
)


def _trace(place: int, **more: Any) -> TraceRow:
    made = TraceRow(
        trace_id=f"t{place:03}", run_id="r", model=f"m{place % 3}", task="diagnosis", image=f"i{place // 3}",
        cluster=f"i{place // 3}", correct=True, outcome="correct", stratum="s", probability=0.5,
        rating_probability=1.0, referred=True,
    )  # fmt: skip
    return replace(made, **more)


def _rows(n: int = 90, judges: tuple[str, ...] = ("j1", "j2"), clinicians: int = 3) -> AuditRows:
    """Clinicians with the truth and noise; each judge a level lower than the truth half of the time."""
    rng = np.random.default_rng(1)
    scores = []
    for place in range(n):
        truth = int(rng.integers(2, 6))
        for k in range(clinicians):
            score = int(np.clip(truth + rng.integers(-1, 2), 1, 5))
            scores.append(ScoreRow(f"t{place:03}", "rationality", "clinician", f"c{k}", 1, score, "scored"))
        for judge in judges:
            for repeat in (1, 2):
                score = truth - int(rng.integers(0, 2))
                scores.append(
                    ScoreRow(f"t{place:03}", "rationality", "judge", judge, repeat, score, "scored")
                )
    return AuditRows(
        traces=tuple(_trace(place) for place in range(n)),
        strata=(),
        scores=tuple(scores),
        marks=(),
        scales={"rationality": (1, 2, 3, 4, 5)},
        adjudicated={},
        locked=True,
    )


def test_each_judge_and_their_median_stand_beside_the_clinicians() -> None:
    report = agreement_report(_rows(), n_resamples=300)
    (one,) = report.dimensions
    assert (one.task, one.dimension, one.n_rated, one.n_clusters, one.n_models) == (
        "diagnosis",
        "rationality",
        90,
        30,
        3,
    )
    assert [judge.judge for judge in one.judges] == ["j1", "j2", PANEL]
    for judge in one.judges:
        assert judge.differences.interval is not None
        assert judge.differences.interval.high < 0
        assert any("stricter" in sentence for sentence in judge.claims.may)
        assert any("other clinicians" in sentence for sentence in judge.claims.may_not)
        assert [row.differences.n_units for row in judge.per_model] == [30, 30, 30]
    assert [again.rater for again in one.repeatability] == ["j1", "j2"]
    assert one.repeatability[0].identical.value == pytest.approx(0.5, abs=0.15)


def test_the_same_seed_gives_the_same_report() -> None:
    rows = _rows(45)
    first = agreement_report(rows, seed=3, interval="bca", n_resamples=200)
    assert first == agreement_report(rows, seed=3, interval="bca", n_resamples=200)
    shuffled = replace(rows, scores=rows.scores[::-1], traces=rows.traces[::-1])
    assert first == agreement_report(shuffled, seed=3, interval="bca", n_resamples=200)


def test_adjudicated_scores_and_tuning_traces_are_no_agreement() -> None:
    rows = _rows()
    plain = agreement_report(rows, n_resamples=200)
    decided = replace(rows, adjudicated={("t000", "rationality"): 1})
    assert agreement_report(decided, n_resamples=200) == plain
    tuned = replace(
        rows, traces=tuple(replace(one, split="tuning") if one.image < "i2" else one for one in rows.traces)
    )
    report = agreement_report(tuned, n_resamples=200)
    assert report.n_tuning > 0
    assert report.dimensions[0].n_traces + report.n_tuning == 90


def test_unscored_rows_are_coverage_and_never_a_score() -> None:
    rows = _rows(30, judges=("j1",))
    cut = tuple(
        replace(row, score=None, status="unparsed")
        if row.source == "judge" and row.trace_id < "t010"
        else replace(row, score=None, status="cannot_assess")
        if row.rater == "c0" and row.trace_id < "t005"
        else row
        for row in rows.scores
    )
    (one,) = agreement_report(replace(rows, scores=cut), n_resamples=200).dimensions
    coverage = {row.rater: row for row in one.coverage}
    assert (coverage["j1"].asked, coverage["j1"].scored, coverage["j1"].unparsed) == (30, 20, 10)
    assert (coverage["c0"].scored, coverage["c0"].cannot_assess) == (25, 5)
    assert one.judges[0].n_traces == 20


def test_traces_without_a_clinician_change_no_agreement() -> None:
    rows = _rows(45, judges=("j1",))
    more = replace(
        rows,
        traces=(*rows.traces, *(_trace(place) for place in range(45, 90))),
        scores=(
            *rows.scores,
            *(
                ScoreRow(f"t{place:03}", "rationality", "judge", "j1", 1, 1, "scored")
                for place in range(45, 90)
            ),
        ),
    )
    (before,) = agreement_report(rows, n_resamples=200).dimensions
    (after,) = agreement_report(more, n_resamples=200).dimensions
    assert (after.n_traces, after.n_rated) == (90, 45)
    assert after.judges == before.judges
    assert after.ceiling == before.ceiling


def test_below_ten_independent_traces_no_coefficient_is_given() -> None:
    (one,) = agreement_report(_rows(24, judges=("j1",)), n_resamples=200).dimensions
    assert one.n_clusters == 8
    assert one.ceiling.alpha.value is None
    assert one.ceiling.alpha.reason is not None
    assert one.judges[0].each[0].kappa.value is None
    assert one.judges[0].exact.value is not None
    assert one.judges[0].differences.bias is not None
    assert any("Any coefficient" in sentence for sentence in one.judges[0].claims.may_not)


@pytest.mark.parametrize(("judges", "clinicians"), [((), 3), (("j1",), 0), (("j1",), 1)])
def test_a_side_that_is_missing_is_said_and_breaks_nothing(judges: tuple[str, ...], clinicians: int) -> None:
    (one,) = agreement_report(_rows(judges=judges, clinicians=clinicians), n_resamples=200).dimensions
    assert len(one.judges) == len(judges)
    assert (one.ceiling.alpha.reason is not None) == (clinicians < 2)
    for judge in one.judges:
        assert judge.claims.may_not


def test_no_scores_are_an_empty_report() -> None:
    report = agreement_report(AuditRows((), (), (), (), {}, {}))
    assert report.dimensions == ()
    assert set(report.warnings) == {"ratings are not locked: preliminary", "no scores of validation traces"}


def test_a_changed_judge_marks_the_report_stale() -> None:
    report = agreement_report(
        replace(_rows(30, judges=("j1",)), stale=("judge prompt",), locked=False), n_resamples=200
    )
    assert report.stale == ("judge prompt",)
    said = report.dimensions[0].judges[0].claims.may_not
    assert any("judge prompt changed since" in sentence for sentence in said)
    assert any("not locked" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": 7}, "rating 7"),
        ({"dimension": "other"}, "dimension 'other'"),
        ({"trace_id": "gone"}, "trace 'gone'"),
        ({"trace_id": "t001"}, "expected one"),
    ],
    ids=["off the scale", "unknown dimension", "unknown trace", "twice"],
)
def test_broken_rows_are_named(change: dict[str, Any], message: str) -> None:
    rows = _rows(30)
    with pytest.raises(UsageError, match=message):
        agreement_report(replace(rows, scores=(replace(rows.scores[0], **change), *rows.scores[1:])))


def test_the_lower_of_two_middle_votes_stays_on_the_scale() -> None:
    nan = np.nan
    values = np.array([[1, 4, nan], [5, 3, 4], [nan, nan, nan], [2, nan, nan]])
    assert lower_medians(values).tolist() == pytest.approx([1, 4, nan, 2], nan_ok=True)


HEADER = ["item_id", "system", "rater", "score"]


def _line(item: str, rater: str, score: str, system: str = "m") -> dict[str, str | None]:
    return {"item_id": item, "system": system, "rater": rater, "score": score}


def test_a_long_table_makes_units_of_items_and_models() -> None:
    lines = [_line("a", "h", "3"), _line("a", "h", "4.0", "n"), _line("a", "j", "")]
    rows = rows_from_long_table(HEADER, lines, scale=(1, 2, 3, 4, 5), judges=["j"])
    assert {(trace.model, trace.cluster) for trace in rows.traces} == {("m", "a"), ("n", "a")}
    assert [(row.source, row.score, row.status) for row in rows.scores] == [
        ("clinician", 3, "scored"), ("clinician", 4, "scored"), ("judge", None, "cannot_assess"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([_line("a", "h", "6")], "line 2, column 'score': score '6'"),
        ([_line("a", "h", "good")], "score 'good'"),
        ([_line("", "h", "3")], "line 2, column 'item_id'"),
        ([_line("a", "h", "3"), _line("a", "h", "4")], "line 3: rater 'h' scores 'a' again after line 2"),
    ],
    ids=["off the scale", "text", "no item", "twice"],
)
def test_a_broken_line_is_named(lines: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_from_long_table(HEADER, lines, scale=(1, 2, 3, 4, 5), judges=[])


def test_real_ratings_give_the_figures_of_the_page() -> None:
    """3 humans and GPT-4 on 160 summaries; figures of docs/agreement.md, some worked out again here."""
    if not REAL.exists():
        pytest.skip(f"the real ratings are not here: {REAL.name}")
    with REAL.open(newline="") as file:
        reader = csv.DictReader(file)
        lines = list(reader)
    assert reader.fieldnames is not None
    rows = rows_from_long_table(reader.fieldnames, lines, scale=(1, 2, 3, 4, 5), judges=["llm_gpt-4"])
    report = agreement_report(rows, n_resamples=300)
    found = {one.dimension: one for one in report.dimensions}
    assert {name: (one.n_rated, one.n_clusters) for name, one in found.items()} == dict.fromkeys(
        ("coherence", "consistency", "fluency", "relevance"), (160, 40)
    )
    page = (Path(__file__).parents[3] / "docs" / "agreement.md").read_text("utf-8")
    for name, one in found.items():
        (judge,) = one.judges
        scores: dict[tuple[str, str, str], int] = {
            (line["item_id"], line["system"], line["rater"]): int(line["score"])
            for line in lines
            if line["criterion"] == name
        }
        units = sorted({key[:2] for key in scores})
        humans = sorted({key[2] for key in scores} - {"llm_gpt-4"})
        gap = [
            scores[(*unit, "llm_gpt-4")] - sum(scores[(*unit, human)] for human in humans) / 3
            for unit in units
        ]
        same = [scores[(*unit, "llm_gpt-4")] == scores[(*unit, human)] for unit in units for human in humans]
        assert judge.differences.bias == pytest.approx(np.mean(gap))
        assert judge.exact.value == pytest.approx(np.mean(same))
        ceiling, own = one.ceiling.alpha.value, judge.panel.judge_clinician.value
        assert ceiling is not None
        assert own is not None
        row = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        assert f"{ceiling:.2f} [" in row
        assert f"{own:.2f} [" in row
        assert f"{np.mean(gap):+.2f} [" in row
        assert f"| {100 * float(np.mean(same)):.0f} " in row
