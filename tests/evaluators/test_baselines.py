"""Chance figures of a benchmark's items."""

from __future__ import annotations

import pytest

from spinebench.evaluators.answers import read_answers
from spinebench.evaluators.baselines import Baseline, LevelSets, diagnosis_baselines, localization_baselines
from spinebench.terms import LEVELS
from tests.graded_columns import Asked, columns, diagnosis

L12, L23, L34, L45, L51 = LEVELS


def named(baselines: tuple[Baseline, ...]) -> dict[str, Baseline]:
    return {baseline.name: baseline for baseline in baselines}


def test_diagnosis_by_hand() -> None:
    # Gold: Osteophytes 2 of 4, Healthy 1, Vertebral collapse 1. Options: 2, 2, 4 and 3.
    items = [
        diagnosis("1", "Osteophytes", "Healthy"),
        diagnosis("2", "Osteophytes", "Healthy"),
        diagnosis("3", "Healthy", "Osteophytes", "Vertebral collapse", "Spondylolisthesis"),
        diagnosis("4", "Vertebral collapse", "Healthy", "Spondylolisthesis"),
    ]
    # Two epochs and two models of one item count it once.
    asked = [Asked(item, None, epoch=epoch) for item in items for epoch in (1, 2)]
    found = named(diagnosis_baselines(read_answers(columns(asked))))
    assert found["random option"].accuracy == pytest.approx((1 / 2 + 1 / 2 + 1 / 4 + 1 / 3) / 4)
    # prior of the gold over the prior of what is offered: (.5 / .75) twice, .25 / 1, .25 / .5
    assert found["prior-matched"].accuracy == pytest.approx((2 / 3 + 2 / 3 + 1 / 4 + 1 / 2) / 4)
    assert found["best constant"].accuracy == 0.5
    assert found["best constant"].answer == "Osteophytes"
    assert found["always Healthy"].accuracy == 0.25
    assert {baseline.n_items for baseline in found.values()} == {4}


@pytest.mark.parametrize("first", [True, False])
def test_a_tie_does_not_go_by_the_order_of_rows(first: bool) -> None:
    items = [diagnosis("1", "Healthy", "Osteophytes"), diagnosis("2", "Spondylolisthesis", "Healthy")]
    asked = [Asked(item, None) for item in (items if first else items[::-1])]
    best = named(diagnosis_baselines(read_answers(columns(asked))))["best constant"]
    assert (best.answer, best.accuracy) == ("Healthy", 0.5)


def test_without_the_options_their_number_gives_the_random_option() -> None:
    table = columns([Asked(diagnosis("1", "Osteophytes", "Healthy"), None)])
    del table["options"]
    found = named(diagnosis_baselines(read_answers(table)))
    assert found["random option"].accuracy == 0.5
    assert "prior-matched" not in found


def test_localization_by_hand() -> None:
    # {L4/5} twice, {L4/5, L5/S1} once, five options each
    items = LevelSets({(frozenset({L45}), 5): 2, (frozenset({L45, L51}), 5): 1})
    found = named(localization_baselines(items))
    assert found["uniform non-empty subset"].accuracy == pytest.approx(1 / 31)
    # same size: 1/5 twice and 1/10
    assert found["same-size random"].accuracy == pytest.approx((2 / 5 + 1 / 10) / 3)
    assert found["select all"].accuracy == 0
    assert found["select all"].f1 == pytest.approx((2 * (2 / 6) + 4 / 7) / 3)
    assert found["select all"].jaccard == pytest.approx((2 * (1 / 5) + 2 / 5) / 3)
    # always {L4/5}: exact twice, then precision 1, recall 1/2
    best = found["best constant"]
    assert (best.answer, best.precision) == (L45, 1)
    assert (best.accuracy, best.recall) == pytest.approx((2 / 3, 5 / 6))
    # prior-matched: the set itself with 2/3, 2/3 and 1/3
    assert found["prior-matched"].accuracy == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)


def test_select_all_with_two_of_five_right() -> None:
    found = named(localization_baselines(LevelSets({(frozenset({L12, L23}), 5): 7})))["select all"]
    assert (round(found.f1 or 0, 2), round(found.jaccard or 0, 2)) == (0.57, 0.40)


def test_no_items_have_no_baselines() -> None:
    assert localization_baselines(LevelSets({})) == ()
