"""What answering without looking would score: the floor that every accuracy stands beside."""

from __future__ import annotations

from math import comb
from typing import NamedTuple

from spinebench.errors import UsageError
from spinebench.evaluators.scoring import set_scores


class ChanceScores(NamedTuple):
    """Expected scores on one item with several right options."""

    exact: float
    precision: float
    recall: float
    f1: float
    jaccard: float


def random_subset(n_options: int, gold_size: int) -> ChanceScores:
    """A non-empty subset of the options, all 2^n - 1 equally likely; exact is 1 / 31 for five options.

    By counting subsets of size s that hold t gold options: C(gold, t) C(n - gold, s - t).
    """
    _check(n_options, gold_size)
    total = 2**n_options - 1
    return _expected(
        n_options, gold_size, {size: comb(n_options, size) / total for size in range(1, n_options + 1)}
    )


def same_size_random(n_options: int, gold_size: int) -> ChanceScores:
    """A random subset of exactly as many options as are right: knows how many, not which."""
    _check(n_options, gold_size)
    return _expected(n_options, gold_size, {gold_size: 1.0})


def one_random_option(n_options: int, gold_size: int) -> ChanceScores:
    """One option at random."""
    _check(n_options, gold_size)
    return _expected(n_options, gold_size, {1: 1.0})


def select_all(n_options: int, gold_size: int) -> ChanceScores:
    """Every option: recall 1, precision gold / n."""
    _check(n_options, gold_size)
    return _expected(n_options, gold_size, {n_options: 1.0})


def fixed_set(chosen: frozenset[str], gold: frozenset[str]) -> ChanceScores:
    """A constant answer held against one item's gold set."""
    scores = set_scores(chosen, gold)
    return ChanceScores(float(chosen == gold), scores.precision, scores.recall, scores.f1, scores.jaccard)


def _expected(n: int, gold: int, sizes: dict[int, float]) -> ChanceScores:
    exact = precision = recall = f1 = jaccard = 0.0
    for size, weight in sizes.items():
        for hits in range(max(0, size - (n - gold)), min(gold, size) + 1):
            share = weight * comb(gold, hits) * comb(n - gold, size - hits) / comb(n, size)
            if hits == size == gold:
                exact += share
            if size == gold == 0:
                precision, recall, f1, jaccard = (
                    precision + share,
                    recall + share,
                    f1 + share,
                    jaccard + share,
                )
            elif hits:
                precision += share * hits / size
                recall += share * hits / gold
                f1 += share * 2 * hits / (size + gold)
                jaccard += share * hits / (size + gold - hits)
    return ChanceScores(exact, precision, recall, f1, jaccard)


def _check(n_options: int, gold_size: int) -> None:
    if not (n_options >= 1 and 0 <= gold_size <= n_options):
        raise UsageError(
            f"{gold_size!r} right of {n_options!r} options: expected 0 <= right <= options; check the item"
        )
