"""How often failure modes occur."""

from __future__ import annotations

import dataclasses

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, MarkRow, StratumRow, TraceRow
from spinebench.evaluators.reasoning import failure_prevalence
from spinebench.evaluators.reasoning.wrong_reason import ALL_MODELS
from tests.audit_samples import MODE, drawn_audit


def rows_of(marks: list[MarkRow], n: int = 4, referred: int = 4) -> AuditRows:
    """`n` traces t0, t1, ... of one model, all the frame; the first `referred` ones for a reason."""
    traces = tuple(
        TraceRow(
            f"t{i}", "run", "m", "diagnosis", f"i{i}", f"i{i}", True, "x", "s", 1.0,
            1.0 if i < referred else 0.5, i < referred,
        )
        for i in range(n)
    )  # fmt: skip
    return AuditRows(traces, (StratumRow("s", "m", "diagnosis", n, n),), (), tuple(marks), {}, {})


def judge(trace: int, present: bool | None, rater: str = "judge/x") -> MarkRow:
    return MarkRow(f"t{trace}", MODE, "judge", rater, 1, present)


def clinician(trace: int, present: bool, rater: str = "c1", repeat: int = 1) -> MarkRow:
    return MarkRow(f"t{trace}", MODE, "clinician", rater, repeat, present)


def test_by_hand() -> None:
    # Judge 3 of 4; clinicians mark t0 and half of t1: (1 + .5 + 0 + 0) / 4.
    marks = [
        *(judge(i, i < 3) for i in range(4)),
        *(clinician(i, i < 1) for i in range(4)),
        clinician(1, True, "c2"),
    ]
    found = failure_prevalence(rows_of(marks))[0]
    assert found.judge.value == 0.75
    assert found.judge.count == 3
    assert found.clinicians.value == pytest.approx(0.375)
    assert found.corrected.value == pytest.approx(0.375)  # all are rated
    # Of 1.5 positive the judge marks all; of 2.5 negative it leaves t3 alone: 1 / 2.5.
    assert found.accuracy.sensitivity == pytest.approx(1)
    assert found.accuracy.specificity == pytest.approx(0.4)
    assert found.rogan_gladen.value is None
    assert found.rogan_gladen.reason is not None
    assert "30 of each" in found.rogan_gladen.reason


def test_half_of_a_panel_is_no_majority() -> None:
    marks = [
        judge(0, True),
        judge(0, False, "judge/y"),
        judge(1, False),
        judge(1, None, "judge/y"),
        judge(2, None),
    ]
    found = failure_prevalence(rows_of(marks))[0]
    assert found.judge.value == 0  # t0 one of two, t1 none of one, t2 unparsed
    assert (found.coverage.n_drawn, found.coverage.n_judged, found.coverage.n_unparsed) == (3, 2, 2)
    only_y = failure_prevalence(rows_of(marks), judge="judge/y")[0]
    assert (only_y.judge.value, only_y.judge.n) == (0, 1)


def test_never_marked_keeps_an_upper_bound() -> None:
    marks = [*(judge(i, False) for i in range(10)), *(clinician(i, False) for i in range(10))]
    found = failure_prevalence(rows_of(marks, 10, 10))[0]
    for one in (found.judge, found.clinicians, found.corrected):
        assert one.value == 0
        assert one.interval is not None
        assert one.interval.high == pytest.approx(0.2775, abs=1e-3)  # Wilson, 0 of 10


def test_a_mode_that_no_clinician_was_asked_about_is_the_judges_alone() -> None:
    found = failure_prevalence(rows_of([judge(0, True), judge(1, False)]))[0]
    assert found.judge.value == 0.5
    assert (found.clinicians.value, found.corrected.value) == (None, None)
    assert found.accuracy.sensitivity is None


def test_hidden_duplicates_do_not_count_twice() -> None:
    marks = [judge(0, True), clinician(0, False), clinician(0, True, repeat=2)]
    assert failure_prevalence(rows_of(marks))[0].clinicians.value == 0


def test_planted_prevalence_is_recovered_by_both_corrections() -> None:
    hits = hits_rg = n = n_rg = 0
    for seed in range(25):
        drawn = drawn_audit(seed, n_models=10, per_stratum=40)
        for one in failure_prevalence(drawn.rows):
            if one.model == ALL_MODELS:
                continue
            truth = drawn.prevalence[one.model]
            assert one.corrected.interval is not None
            hits += one.corrected.interval.low <= truth <= one.corrected.interval.high
            n += 1
            if one.rogan_gladen.interval is not None:
                hits_rg += one.rogan_gladen.interval.low <= truth <= one.rogan_gladen.interval.high
                n_rg += 1
    assert n == 250
    assert n_rg > 200
    assert hits / n >= 0.9
    assert hits_rg / n_rg >= 0.92


def test_no_marks_at_all() -> None:
    assert failure_prevalence(dataclasses.replace(drawn_audit(1).rows, marks=())) == ()


@pytest.mark.parametrize("options", [{"mode": "style"}, {"judge": "gpt"}], ids=str)
def test_what_is_wrong_is_named(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(options.values()))):
        failure_prevalence(rows_of([judge(0, True)]), **options)  # type: ignore[arg-type]
