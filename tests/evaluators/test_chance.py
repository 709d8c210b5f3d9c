"""What answering without looking scores."""

from __future__ import annotations

from itertools import chain, combinations
from math import comb

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.chance import one_random_option, random_subset, same_size_random, select_all
from spinebench.evaluators.scoring import set_scores

SIZES = [(n, gold) for n in range(1, 7) for gold in range(n + 1)]


@pytest.mark.parametrize(("n", "gold"), SIZES)
def test_random_subset_against_listing_every_subset(n: int, gold: int) -> None:
    truth = frozenset(range(gold))
    subsets = list(chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1)))
    assert len(subsets) == 2**n - 1
    scores = [set_scores(list(map(str, chosen)), list(map(str, truth))) for chosen in subsets]
    exact = sum(frozenset(chosen) == truth for chosen in subsets) / len(subsets)
    means = [sum(column) / len(subsets) for column in zip(*scores, strict=True)]
    assert random_subset(n, gold) == pytest.approx((exact, *means))


@pytest.mark.parametrize(("n", "gold"), [(n, gold) for n, gold in SIZES if gold])
def test_same_size_random_against_listing(n: int, gold: int) -> None:
    truth = list(map(str, range(gold)))
    scores = [set_scores(list(map(str, chosen)), truth) for chosen in combinations(range(n), gold)]
    means = [sum(column) / comb(n, gold) for column in zip(*scores, strict=True)]
    assert same_size_random(n, gold) == pytest.approx((1 / comb(n, gold), *means))


def test_five_levels() -> None:
    assert random_subset(5, 2).exact == pytest.approx(1 / 31)
    # all five named, two right: precision 2/5, recall 1, F1 4/7, Jaccard 2/5
    assert select_all(5, 2) == pytest.approx((0, 2 / 5, 1, 4 / 7, 2 / 5))
    assert select_all(5, 5) == (1, 1, 1, 1, 1)
    # one option, two right: right with 2/5, then precision 1, recall 1/2, F1 2/3, Jaccard 1/2
    assert one_random_option(5, 2) == pytest.approx((0, 2 / 5, 1 / 5, 4 / 15, 1 / 5))


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(UsageError):
        random_subset(5, 6)
    with pytest.raises(UsageError):
        select_all(0, 0)
