"""Models on the same questions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spinebench.errors import UsageError
from spinebench.evaluators.comparison import Comparison, PairComparison, ScopeComparison, compare
from spinebench.evaluators.multiplicity import p_adjust
from spinebench.evaluators.paired import cochran_q, mcnemar, newcombe_paired
from spinebench.records import Item
from spinebench.terms import HEALTHY
from tests.graded_columns import Asked, columns, diagnosis, localization


def scope(found: Comparison, name: str) -> ScopeComparison:
    return next(one for one in found.scopes if one.scope == name)


def only_pair(found: Comparison, name: str = "diagnosis") -> PairComparison:
    (pair,) = scope(found, name).pairs
    return pair


def items(n: int, *, per_cluster: int = 1) -> list[Item]:
    return [diagnosis(str(i), "Osteophytes", HEALTHY, cluster=f"c{i // per_cluster}") for i in range(n)]


def answers(model: str, asked: list[Item], right: str) -> list[Asked]:
    """One character per item: 1 right, 0 wrong, - not answered, space not asked."""
    texts = {"1": ("Osteophytes",), "0": (HEALTHY,), "-": None}
    return [
        Asked(item, texts[mark], model=model) for item, mark in zip(asked, right, strict=True) if mark != " "
    ]


def test_independent_questions_by_hand() -> None:
    # both right 3, only a 5, only b 1, neither 1
    asked = items(10)
    found = compare(columns([*answers("a", asked, "1111111100"), *answers("b", asked, "1110000010")]))
    pair = only_pair(found)
    assert pair.table is not None
    assert (pair.table.both, pair.table.only_first, pair.table.only_second, pair.table.neither) == (
        3,
        5,
        1,
        1,
    )
    assert (pair.first_accuracy, pair.second_accuracy) == (0.8, 0.4)
    assert pair.difference.value == pytest.approx(0.4)
    assert pair.difference.interval is not None
    assert (pair.difference.interval.low, pair.difference.interval.high) == newcombe_paired(3, 5, 1, 1)
    assert pair.test == "mid-p McNemar"
    assert pair.p_value == mcnemar(5, 1).mid_p == pair.p_adjusted
    assert scope(found, "diagnosis").cochran_q is None


def test_clustered_questions_are_tested_by_their_clusters() -> None:
    # Each image has two questions answered alike: cluster differences 1 1 1 0 0 0 -1 1, as eight single questions.
    asked = items(16, per_cluster=2)
    one, two = "1111111000110011", "0000001000111100"
    found = only_pair(compare(columns([*answers("a", asked, one), *answers("b", asked, two)])))
    differences = np.array([int(a) - int(b) for a, b in zip(one, two, strict=True)])
    per_cluster = differences.reshape(8, 2).mean(axis=1)
    # With equal cluster sizes the clustered test is the one-sample t test of cluster means.
    expected = stats.ttest_1samp(per_cluster, 0)
    assert found.test == "cluster-robust t"
    assert (found.t_statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.difference.interval is not None
    low, high = expected.confidence_interval(0.95)
    assert (found.difference.interval.low, found.difference.interval.high) == pytest.approx((low, high))
    assert [other.method for other in found.difference.other_intervals] == ["Newcombe paired (method 10)"]


def test_unmatched_questions_are_counted_and_left_out() -> None:
    asked = items(6)
    found = only_pair(compare(columns([*answers("a", asked, "1101  "), *answers("b", asked, "  1110")])))
    assert (found.n, found.only_first_asked, found.only_second_asked) == (2, 2, 2)
    assert found.table is not None
    assert (found.table.both, found.table.only_second) == (1, 1)


def test_nothing_in_common_is_undefined() -> None:
    asked = items(4)
    found = compare(columns([*answers("a", asked, "11  "), *answers("b", asked, "  11")]))
    pair = only_pair(found)
    assert (pair.n, pair.p_value, pair.difference.value) == (0, None, None)
    assert pair.difference.reason == "no question was asked of both models"
    assert scope(found, "diagnosis").standings == ()
    assert "no ranking" in scope(found, "diagnosis").warnings[0]


def test_unanswered_is_wrong_unless_only_answers_count() -> None:
    asked = items(4)
    table = columns([*answers("a", asked, "11-0"), *answers("b", asked, "1110")])
    assert only_pair(compare(table)).difference.value == pytest.approx(-0.25)
    answered = only_pair(compare(table, counted="answered"))
    assert (answered.n, answered.difference.value) == (3, 0)
    assert answered.only_second_asked == 1


def test_several_models_get_cochrans_q_and_holm() -> None:
    asked = items(12)
    marks = {"a": "111111111100", "b": "111000011000", "c": "000000011100"}
    rows = [row for model, right in marks.items() for row in answers(model, asked, right)]
    found = scope(compare(columns(rows)), "diagnosis")
    right = np.array([[int(mark) for mark in marks[model]] for model in marks]).T
    assert found.cochran_q == cochran_q(right)
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair.p_adjusted for pair in found.pairs] == p_adjust(
        [pair.p_value for pair in found.pairs], "holm"
    )
    assert [(one.model, one.rank) for one in found.standings] == [("a", 1), ("b", 2), ("c", 3)]
    best = scope(compare(columns(rows), against="best"), "diagnosis")
    assert [(pair.first, pair.second) for pair in best.pairs] == [("a", "b"), ("a", "c")]


def test_equal_models_share_their_rank() -> None:
    asked = items(6)
    rows = [row for model in "abc" for row in answers(model, asked, "110000" if model != "c" else "111111")]
    found = scope(compare(columns(rows)), "diagnosis")
    assert {one.model: one.rank for one in found.standings} == {"c": 1, "a": 2.5, "b": 2.5}
    tied = next(pair for pair in found.pairs if (pair.first, pair.second) == ("a", "b"))
    assert (tied.p_value, tied.difference.value) == (1, 0)


def test_rank_intervals_are_wide_where_models_differ_by_chance_and_tight_where_not() -> None:
    rng = np.random.default_rng(3)
    asked = items(60)
    rows = []
    for model, rate in (("a", 0.5), ("b", 0.5), ("c", 0.02)):
        rows += answers(model, asked, "".join("1" if u < rate else "0" for u in rng.random(60)))
    standings = {one.model: one for one in scope(compare(columns(rows)), "diagnosis").standings}
    assert (standings["c"].rank_interval.low, standings["c"].rank_interval.high) == (3, 3)
    assert standings["a"].rank_interval.low == standings["b"].rank_interval.low == 1
    assert standings["a"].rank_interval.high == standings["b"].rank_interval.high == 2


def test_the_seed_decides_the_draws_and_is_stored() -> None:
    asked = items(20)
    table = columns([*answers("a", asked, "10" * 10), *answers("b", asked, "1100" * 5)])
    assert compare(table, seed=5) == compare(table, seed=5)
    assert compare(table, seed=5).seed == 5


def test_overall_takes_both_tasks_with_their_shared_images() -> None:
    rows = []
    for i in range(8):
        picture = diagnosis(f"d{i}", "Osteophytes", HEALTHY, cluster=f"c{i}")
        place = localization(f"l{i}", "L4/L5", cluster=f"c{i}")
        # a is right in both on six images, b in both on two: the tasks tell the same story twice
        for model, good in (("a", i < 6), ("b", i >= 6)):
            rows.append(Asked(picture, ("Osteophytes",) if good else (HEALTHY,), model=model))
            rows.append(Asked(place, ("L4/L5",) if good else ("L1/L2", "L4/L5"), model=model))
    found = compare(columns(rows))
    overall, single = only_pair(found, "overall"), only_pair(found, "diagnosis")
    expected = stats.ttest_1samp([1] * 6 + [-1] * 2, 0)
    assert (overall.difference.value, overall.p_value) == pytest.approx((0.5, expected.pvalue))
    assert overall.table is None
    assert overall.test == "cluster-robust t"
    assert single.p_clustered == pytest.approx(overall.p_clustered)


def test_personas_can_be_compared_too() -> None:
    asked = items(5)
    rows = [Asked(item, ("Osteophytes",), persona="surgeon") for item in asked]
    rows += [Asked(item, (HEALTHY,), persona="none") for item in asked]
    found = only_pair(compare(columns(rows), by=("model", "persona")))
    assert (found.first, found.second, found.n) == ("sim/a | surgeon", "sim/a | none", 5)
    assert found.difference.value == 1


def test_a_question_answered_twice_counts_once_with_a_warning() -> None:
    asked = items(3)
    rows = [*answers("a", asked, "000"), *answers("a", asked, "111"), *answers("b", asked, "000")]
    found = compare(columns(rows))
    assert only_pair(found).first_accuracy == 1
    assert "3 answers repeat" in found.warnings[0]


@pytest.mark.parametrize("models", [["a", "x"], ["a"], ["a", "a"]], ids=["unknown", "one", "twice"])
def test_models_that_cannot_be_compared_are_refused(models: list[str]) -> None:
    asked = items(2)
    table = columns([*answers("a", asked, "10"), *answers("b", asked, "01")])
    with pytest.raises(UsageError):
        compare(table, models)


marks = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=2, max_size=30)


@settings(max_examples=40)
@given(marks, st.booleans())
def test_exchanging_the_models_turns_the_sign_only(
    rows: list[tuple[bool, bool, int]], clustered: bool
) -> None:
    asked = [
        diagnosis(str(i), "Osteophytes", HEALTHY, cluster=str(cluster if clustered else i))
        for i, (_, _, cluster) in enumerate(rows)
    ]
    one = answers("a", asked, "".join("01"[a] for a, _, _ in rows))
    two = answers("b", asked, "".join("01"[b] for _, b, _ in rows))
    table = columns([*one, *two])
    forward = only_pair(compare(table, ["a", "b"], n_resamples=20))
    back = only_pair(compare(table, ["b", "a"], n_resamples=20))
    assert forward.difference.value is not None
    assert back.difference.value == pytest.approx(-forward.difference.value)
    assert forward.difference.interval is not None
    assert back.difference.interval is not None
    assert (back.difference.interval.low, back.difference.interval.high) == pytest.approx(
        (-forward.difference.interval.high, -forward.difference.interval.low)
    )
    assert forward.p_value == pytest.approx(back.p_value)
    assert -1 <= forward.difference.interval.low <= forward.difference.value + 1e-9
