"""Right for the wrong reason."""

from __future__ import annotations

import dataclasses

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, StratumRow, TraceRow
from spinebench.evaluators.reasoning import WrongReason, right_for_wrong_reason
from spinebench.evaluators.reasoning.wrong_reason import ALL_MODELS, LOWEST, band_of
from tests.audit_samples import drawn_audit


@pytest.mark.parametrize(
    ("scale", "bands"),
    [
        ((1, 2, 3, 4, 5), "low low mid high high"),
        ((1, 3, 5), "low mid high"),
        ((0, 1), "low high"),
        ((1, 2, 3, 4), "low low high high"),
    ],
    ids=str,
)
def test_bands_are_those_of_the_declared_scale(scale: tuple[int, ...], bands: str) -> None:
    span = scale[-1] - scale[0]
    assert [band_of((value - scale[0]) / span) for value in scale] == bands.split()


def rows_of(right: list[int], wrong: list[int], rated: int = 0) -> AuditRows:
    """Of 90 right answers some are drawn with the judge scores `right`, of 10 wrong ones `wrong`; the first `rated`
    right ones are rated 1.
    """
    traces, scores = [], []
    for correct, judged, size in ((True, right, 90), (False, wrong, 10)):
        for place, score in enumerate(judged):
            name = f"{correct}{place}"
            is_rated = correct and place < rated
            traces.append(
                TraceRow(
                    name, "run", "m", "diagnosis", name, name, correct, "x", f"correct={correct}",
                    len(judged) / size, 1.0 if is_rated else 0.5, is_rated,
                )
            )  # fmt: skip
            scores.append(ScoreRow(name, "logic", "judge", "judge/x", 1, score, "scored"))
            if is_rated:
                scores.append(ScoreRow(name, "logic", "clinician", "c", 1, 1, "scored"))
    strata = tuple(
        StratumRow(f"correct={correct}", "m", "diagnosis", size, len(judged))
        for correct, judged, size in ((True, right, 90), (False, wrong, 10))
        if judged
    )
    return AuditRows(tuple(traces), strata, tuple(scores), (), {"logic": (1, 2, 3, 4, 5)}, {})


def table(rows: AuditRows, model: str = "m", **options: str) -> WrongReason:
    (found,) = (one for one in right_for_wrong_reason(rows, **options) if one.model == model)  # type: ignore[arg-type]
    return found


def test_cells_are_shares_of_the_frame() -> None:
    # Right: 1 low, 1 mid, 2 high of four that stand for 90; wrong: 1 low, 1 high of two that stand for 10.
    found = table(rows_of([1, 3, 4, 5], [2, 5]))
    shares = {(cell.correct, cell.band): cell.judge.value for cell in found.cells}
    assert shares == {
        (True, "low"): pytest.approx(0.225),
        (True, "mid"): pytest.approx(0.225),
        (True, "high"): pytest.approx(0.45),
        (False, "low"): pytest.approx(0.05),
        (False, "mid"): pytest.approx(0),
        (False, "high"): pytest.approx(0.05),
    }
    assert all(cell.judge.interval is not None for cell in found.cells)
    assert found.low_if_correct_judge.value == pytest.approx(0.25)
    assert found.low_if_correct_judge.n == 4
    assert found.low_if_wrong_judge.value == pytest.approx(0.5)
    assert (found.coverage.n_frame, found.coverage_correct.n_frame) == (100, 90)
    assert found.low_if_correct_clinicians.value is None


def test_no_right_answers() -> None:
    found = table(rows_of([], [2, 5]))
    assert found.low_if_correct_judge.value is None
    assert found.low_if_correct_judge.reason == "no judge scores"
    assert found.low_if_correct.value is None
    assert found.low_if_wrong_judge.value == pytest.approx(0.5)


def test_planted_shares_are_within_the_corrected_intervals() -> None:
    hits = n = 0
    raw_error = corrected_error = 0.0
    for seed in range(20):
        drawn = drawn_audit(seed, n_models=6, per_stratum=60, random_share=0.5)
        for one in right_for_wrong_reason(drawn.rows):
            if one.model != ALL_MODELS:
                truth = drawn.low_if_correct[one.model]
                assert one.low_if_correct.interval is not None
                assert one.low_if_correct.value is not None
                assert one.low_if_correct_judge.value is not None
                hits += one.low_if_correct.interval.low <= truth <= one.low_if_correct.interval.high
                raw_error += one.low_if_correct_judge.value - truth
                corrected_error += one.low_if_correct.value - truth
                n += 1
    assert hits / n >= 0.9  # a rare share from some 30 labels: less than the nominal .95
    # The lenient judge overlooks bad reasoning; corrected, the errors have no direction.
    assert raw_error / n < -0.05
    assert abs(corrected_error / n) < 0.015


def test_all_models_together_and_the_lowest_dimension() -> None:
    rows = drawn_audit(1, n_models=3).rows
    # A second dimension, always one level lower where it can be, on a scale of its own.
    more = tuple(
        dataclasses.replace(one, dimension="spatial", score=max(0, one.score - 2) if one.score else None)
        for one in rows.scores
    )
    rows = dataclasses.replace(
        rows, scores=rows.scores + more, scales={**rows.scales, "spatial": (0, 1, 2, 3, 4)}
    )
    found = right_for_wrong_reason(rows)
    assert {one.dimension for one in found} == {"clinical", "spatial", LOWEST}
    for name in ("clinical", "spatial", LOWEST):
        assert [one.model for one in found if one.dimension == name][-1] == ALL_MODELS
    by = {one.dimension: one for one in found if one.model == ALL_MODELS}
    # The spatial score is the lower one in parts of its scale wherever the other is above 1.
    assert by[LOWEST].low_if_correct_judge.value == by["spatial"].low_if_correct_judge.value
    assert by["spatial"].low_if_correct_judge.value > by["clinical"].low_if_correct_judge.value  # type: ignore[operator]
    together = by["clinical"].coverage
    assert together.n_drawn == sum(
        one.coverage.n_drawn for one in found if one.dimension == "clinical" and one.model != ALL_MODELS
    )


@pytest.mark.parametrize("options", [{"dimension": "style"}, {"judge": "gpt"}], ids=str)
def test_what_is_wrong_is_named(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(options.values()))):
        right_for_wrong_reason(rows_of([1], [1]), **options)  # type: ignore[arg-type]


def test_an_empty_audit() -> None:
    assert (
        right_for_wrong_reason(AuditRows((), (), (), (), {"logic": (1, 2, 3)}, {}))[0].cells[0].judge.value
        is None
    )
