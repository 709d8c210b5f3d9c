"""Votes of a panel: median and spread, referral and its probability, effective number of votes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.audit_records import (
    DimensionScore,
    FailureMark,
    Judgement,
    JudgementKey,
    JudgementStatus,
    RefersBy,
    Review,
    TraceCheck,
)
from spinebench.evaluators.reconciling import (
    drawn_at_random,
    effective_votes,
    highest_low_score,
    reconcile,
    referral,
)
from tests.audited_traces import audited

AT = datetime(2026, 1, 2, tzinfo=UTC)
RIGHT = audited("Reasons.\nMy final option: [C]")
WRONG = audited("Reasons.\nMy final option: [A]")
AGREES = TraceCheck(name="conclusion", verdict="agrees", detail="d")
CONTRADICTS = TraceCheck(name="conclusion", verdict="contradicts", detail="d")
LEVEL_OFF = TraceCheck(name="level", verdict="contradicts", detail="d")


def judged(
    *scores: int,
    status: JudgementStatus = JudgementStatus.SCORED,
    judge: str = "j",
    repeat: int = 1,
    modes: Sequence[str] = (),
) -> Judgement:
    """A judgement of the dimensions a, b, ... in the order of the scores."""
    return Judgement(
        key=JudgementKey(trace_id="run/answer", judge=judge, repeat=repeat),
        audit_id="audit",
        status=status,
        scores=tuple(
            DimensionScore(dimension=name, quotes=("q",), reason="r", score=score)
            for name, score in zip("abc", scores, strict=False)
        ),
        failure_modes=tuple(FailureMark(mode=mode) for mode in modes),
        prompt_hash="0" * 64,
        rubric_hash="0" * 64,
        shown_sha256="0" * 64,
        at=AT,
    )


UNPARSED = judged(status=JudgementStatus.UNPARSED)


@pytest.mark.parametrize(
    ("scores", "median", "spread"),
    [((4,), 4, None), ((1, 4), 2.5, 3), ((5, 3, 4), 4, 2), ((2, 2, 2, 3), 2, 1), ((), None, None)],
    ids=["one vote", "two", "three", "even number", "none"],
)
def test_median_and_spread(scores: tuple[int, ...], median: float | None, spread: int | None) -> None:
    (votes,) = reconcile([judged(score) for score in scores], dimensions=["a"])
    assert (votes.votes, votes.median, votes.spread) == (scores, median, spread)


def test_only_scored_judgements_vote_and_every_dimension_is_there() -> None:
    found = reconcile([judged(4, 2), UNPARSED, judged(5)], dimensions=["b", "a", "c"])
    assert [(one.dimension, one.votes) for one in found] == [("b", (2,)), ("a", (4, 5)), ("c", ())]


D, C, W, F, R = (
    RefersBy.DISAGREEMENT,
    RefersBy.CONTRADICTION,
    RefersBy.RIGHT_FOR_WRONG_REASON,
    RefersBy.FAILED_CHECKS,
    RefersBy.RANDOM,
)
REFERRED: dict[str, tuple[bool, list[Judgement], TraceCheck, set[RefersBy]]] = {
    # right answer, judgements, check, reasons
    "all is well": (True, [judged(4, 5), judged(5, 4)], AGREES, set()),
    "one level apart": (True, [judged(4), judged(5)], AGREES, set()),
    "two levels apart": (True, [judged(3), judged(5)], AGREES, {D}),
    "in the second dimension": (True, [judged(4, 5), judged(4, 3)], AGREES, {D}),
    "a judge with itself": (True, [judged(3), judged(5, repeat=2)], AGREES, {D}),
    "right with a 2": (True, [judged(4, 2)], AGREES, {W}),
    "right with a median of 2": (True, [judged(2), judged(2), judged(3)], AGREES, {W}),
    "right with a median of 2.5": (True, [judged(2), judged(3)], AGREES, set()),
    "wrong with a 1": (False, [judged(1)], AGREES, set()),
    "contradiction": (False, [judged(4)], CONTRADICTS, {C}),
    "another check": (False, [judged(4)], LEVEL_OFF, set()),
    "most judges see a contradiction": (
        False, [judged(4, modes=["contradiction"]), judged(4, modes=["contradiction"]), judged(4)], AGREES, {C}),
    "half of the judges do": (False, [judged(4, modes=["contradiction"]), judged(4)], AGREES, set()),
    "unparsed": (True, [judged(4), UNPARSED], AGREES, {F}),
    "refused": (True, [judged(4), judged(status=JudgementStatus.REFUSED)], AGREES, set()),
    "all at once": (True, [judged(1), judged(3), UNPARSED], CONTRADICTS, {D, C, W, F}),
    "no judge": (True, [], AGREES, set()),
}  # fmt: skip


@pytest.mark.parametrize(("right", "judgements", "check", "reasons"), REFERRED.values(), ids=REFERRED)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_reasons_and_probability(
    right: bool, judgements: list[Judgement], check: TraceCheck, reasons: set[RefersBy], share: float
) -> None:
    trace = RIGHT if right else WRONG
    votes = reconcile(judgements, dimensions=["a", "b"])
    found, probability = referral(trace, votes, [check], judgements, seed=1, random_share=share)
    assert set(found) - {R} == reasons
    assert (R in found) == drawn_at_random(trace.trace_id, seed=1, share=share)
    assert probability == (1 if reasons else share or None)
    Review(
        trace_id=trace.trace_id, audit_id="a", dimensions=votes, n_unparsed=0, checks=(check,), refers_by=found,
        rating_probability=probability, at=AT,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scale", "highest"),
    [((1, 2, 3, 4, 5), 2), ((1, 3, 5), 1), (tuple(range(11)), 3), ((0, 1), 0), ((1, 2, 3, 4), 1),
     ((-2, -1, 0, 1, 2), -1)],
    ids=str,
)  # fmt: skip
def test_what_is_low_on_other_scales(scale: tuple[int, ...], highest: int) -> None:
    # 40 % of 5, 3, 11, 2, 4, 5 values: 2, 1.2, 4.4, 0.8 (at least one), 1.6, 2.
    assert highest_low_score(scale) == highest


def test_levels_are_steps_of_the_declared_scale() -> None:
    judgements = [judged(3), judged(5)]
    votes = reconcile(judgements, dimensions=["a"])
    coarse, _ = referral(RIGHT, votes, [], judgements, seed=1, random_share=0, scales={"a": (1, 3, 5)})
    fine, _ = referral(RIGHT, votes, [], judgements, seed=1, random_share=0)
    assert coarse == ()
    assert fine == (D,)


def test_the_random_share_can_be_drawn_again_anywhere() -> None:
    """The recipe of the docstring, written out."""
    for number in range(50):
        name = f"run/{number}"
        first_52_bits = int(hashlib.sha256(f"7|referral|{name}".encode()).hexdigest()[:13], 16)
        assert drawn_at_random(name, seed=7, share=0.3) == (first_52_bits / 4503599627370496 < 0.3)


def test_the_random_share_is_a_share_and_grows() -> None:
    names = [f"run/{number}" for number in range(4_000)]
    small = {name for name in names if drawn_at_random(name, seed=3, share=0.2)}
    large = {name for name in names if drawn_at_random(name, seed=3, share=0.4)}
    other = {name for name in names if drawn_at_random(name, seed=4, share=0.2)}
    assert small < large
    # Standard deviation of a share of .2 of 4,000: .0063; of the overlap of two independent ones (.04): .0031.
    assert abs(len(small) / len(names) - 0.2) < 0.03
    assert abs(len(small & other) / len(names) - 0.04) < 0.016


def test_the_random_share_does_not_follow_the_sample() -> None:
    """The sample takes the smallest u of `seed|trace id`; of those the random share is as large as of any others."""
    names = [f"run/{number}" for number in range(4_000)]
    sampled = sorted(names, key=lambda name: hashlib.sha256(f"3|{name}".encode()).hexdigest())[:1_000]
    share = np.mean([drawn_at_random(name, seed=3, share=0.2) for name in sampled])
    assert abs(share - 0.2) < 0.05  # standard deviation .0126


# ---------------------------------------------------------------- effective votes


def test_effective_votes_by_hand() -> None:
    """Errors (1, -1, 1, -1), (1, -1, -1, 1), (1, -1, 1, -1): correlations 0, 1, 0, so rho = 1/3.

    n_eff = 3 / (1 + 2 / 3) = 1.8.
    """
    errors = np.array([[1, 1, 1], [-1, -1, -1], [1, -1, 1], [-1, 1, -1]], dtype=float)
    truth = np.array([3, 3, 2, 4], dtype=float)
    found = effective_votes(errors + truth[:, None], reference=truth)
    assert found.basis == "errors"
    assert found.rho == pytest.approx(1 / 3)
    assert found.value == pytest.approx(1.8)
    assert (found.n_raters, found.n_units, found.n_pairs, found.n_missing) == (3, 4, 3, 0)
    assert found.warnings == ()


def test_judges_that_copy_each_other_are_one_vote() -> None:
    one = np.array([1, 2, 3, 4, 5, 3.0])
    found = effective_votes(np.column_stack([one, one, one, one]))
    assert found.value == pytest.approx(1)
    assert any("lower bound" in warning for warning in found.warnings)


def test_independent_errors_are_as_many_votes_as_judges() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(1, 6, 5_000).astype(float)
    votes = truth[:, None] + rng.normal(size=(5_000, 4))
    found = effective_votes(votes, reference=truth)
    assert found.value == pytest.approx(4, abs=0.2)
    # Without the truth the traces' own differences (variance 2, of 3 in all) count as shared: 4 / (1 + 3 * 2/3).
    assert effective_votes(votes).value == pytest.approx(4 / 3, abs=0.1)


def test_planted_correlation_is_recovered() -> None:
    rng = np.random.default_rng(6)
    shared, own = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 3))
    errors = np.sqrt(0.4) * shared + np.sqrt(0.6) * own
    found = effective_votes(errors, reference=np.zeros(20_000))
    assert found.rho == pytest.approx(0.4, abs=0.02)
    assert found.value == pytest.approx(3 / 1.8, abs=0.05)


NAN = float("nan")


@pytest.mark.parametrize(
    ("votes", "reason"),
    [(np.empty((0, 3)), "no two raters"), (np.empty((4, 0)), "no raters"), (np.full((9, 3), 4.0), "both vary"),
     (np.array([[1, NAN], [NAN, 2], [3, NAN], [NAN, 4.0]]), "common traces"),
     (np.array([[1, 2], [2, 1.0]]), "common traces"),
     (np.array([[1, 3], [2, 2], [3, 1.0]]), "no equivalent")],
    ids=["no traces", "no raters", "all the same", "no common trace", "two traces", "opposites"],
)  # fmt: skip
def test_undefined_has_a_reason(
    votes: np.ndarray[tuple[int, ...], np.dtype[np.float64]], reason: str
) -> None:
    found = effective_votes(votes)
    assert found.value is None
    assert reason in (found.reason or "")


def test_one_judge_is_one_vote_and_missing_is_counted() -> None:
    assert effective_votes([[1.0], [2.0]]).value == 1
    found = effective_votes(np.array([[1, 2, 5], [2, 3, 5], [3, 3, 5], [NAN, 1, 5]]))
    assert (found.n_missing, found.n_pairs) == (1, 1)
    assert any("2 of 3 pairs" in warning for warning in found.warnings)


@pytest.mark.parametrize(("votes", "reference"), [([1.0, 2.0], None), ([[1.0], [2.0]], [1.0])])
def test_wrong_shapes_are_named(votes: list[Any], reference: list[float] | None) -> None:
    with pytest.raises(ValueError, match="shape"):
        effective_votes(votes, reference=reference)


@pytest.mark.parametrize("turn", [1, -1])
def test_the_lowest_mean_correlation_there_can_be_has_no_equivalent(turn: int) -> None:
    rows = [
        row[::turn] for row in ([1, 1, 1], [1, 1, 3], [1, 4, 1])
    ]  # one pair that varies, r = -1/2 = -1/(k - 1)
    found = effective_votes(rows)
    assert found.value is None
    assert "no equivalent" in (found.reason or "")


@given(st.lists(st.lists(st.integers(1, 5), min_size=3, max_size=3), min_size=3, max_size=20))
def test_never_negative_and_the_order_of_judges_does_not_matter(rows: list[list[int]]) -> None:
    found = effective_votes(rows)
    turned = effective_votes([row[::-1] for row in rows])
    assert (found.value is None) == (turned.value is None)
    if found.value is not None and turned.value is not None:
        assert found.value > 0
        assert found.value == pytest.approx(turned.value)
