"""How sure a ranking of models is: intervals of ranks by resampling clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spinebench.evaluators.clustered import FloatArray, IntArray

_CELLS = 20_000_000
"""Drawn clusters held at once."""


class RankInterval(NamedTuple):
    """Rank 1 is the highest accuracy; ties share the mean of their ranks."""

    rank: float
    low: float
    high: float


@dataclass(frozen=True)
class ScoredTask:
    """One task's items: `right` is items x models, `clusters` the cluster of each item (codes shared by all
    tasks).
    """

    right: FloatArray
    clusters: IntArray


def rank_intervals(
    tasks: Sequence[ScoredTask], *, rng: np.random.Generator, n_resamples: int, level: float = 0.95
) -> list[RankInterval]:
    """Percentile intervals of each model's rank by mean accuracy over the tasks, clusters drawn with
    replacement.

    All models are scored on the same draw, so what makes an item hard for all of them does not widen the
    intervals. A draw without any item of a task is left out. Tasks without items are an error of the caller.
    """
    models = tasks[0].right.shape[1]
    size = 1 + max(int(task.clusters.max()) for task in tasks)
    present = np.flatnonzero(np.bincount(np.concatenate([task.clusters for task in tasks]), minlength=size))
    groups = len(present)
    sums: list[FloatArray] = []
    counts: list[FloatArray] = []
    for task in tasks:
        per_model = [
            np.bincount(task.clusters, weights=task.right[:, m], minlength=size) for m in range(models)
        ]
        sums.append(np.stack(per_model, axis=1)[present].astype(np.float64))
        counts.append(np.bincount(task.clusters, minlength=size)[present].astype(np.float64))
    observed = _ranks(_mean_accuracy(np.ones((1, groups)), sums, counts))[0]
    chunk = max(1, _CELLS // groups)
    drawn = []
    for start in range(0, n_resamples, chunk):
        draws = rng.integers(0, groups, size=(min(chunk, n_resamples - start), groups), dtype=np.int32)
        weights = np.stack([np.bincount(draw, minlength=groups) for draw in draws]).astype(np.float64)
        drawn.append(_mean_accuracy(weights, sums, counts))
    accuracies = np.concatenate(drawn)
    ranks = _ranks(accuracies[~np.isnan(accuracies).any(axis=1)])
    tail = (1 - level) / 2
    low, high = np.quantile(ranks, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return [RankInterval(float(observed[m]), float(low[m]), float(high[m])) for m in range(models)]


def _mean_accuracy(
    weights: FloatArray, sums: Sequence[FloatArray], counts: Sequence[FloatArray]
) -> FloatArray:
    """Draws x models; NaN where a draw holds no item of a task."""
    total = np.zeros((len(weights), sums[0].shape[1]))
    for top, bottom in zip(sums, counts, strict=True):
        size = (weights @ bottom)[:, None]
        total += np.divide(weights @ top, size, out=np.full(total.shape, np.nan), where=size > 0)
    return total / len(sums)


def _ranks(accuracies: FloatArray) -> FloatArray:
    above = accuracies[:, None, :] - accuracies[:, :, None]
    tolerance = 1e-12  # equal accuracies from sums in another order
    better = (above > tolerance).sum(axis=2)
    level = (np.abs(above) <= tolerance).sum(axis=2) - 1
    return np.asarray(1 + better + level / 2, dtype=np.float64)
