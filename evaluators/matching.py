"""Two models on the questions that both were asked: who was right, and the difference with its moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spinebench.evaluators.clustered import (
    FloatArray,
    IntArray,
    Moments,
    Part,
    PartMean,
    count_distinct,
    moments,
    without_noise,
)
from spinebench.evaluators.paired import PairedTable


@dataclass(frozen=True)
class RightByModel:
    """Questions x models of one task: 1 right, 0 wrong, NaN not asked; with each question's cluster."""

    right: FloatArray
    clusters: IntArray

    def of(self, models: Sequence[int]) -> RightByModel:
        """The questions that all these models were asked."""
        right = self.right[:, list(models)]
        both = ~np.isnan(right).any(axis=1)
        return RightByModel(right[both], self.clusters[both])

    @property
    def n(self) -> int:
        return len(self.clusters)


class Matched(NamedTuple):
    """Two models on the questions asked of both, of one task or of several."""

    n: int
    n_clusters: int
    unmatched: tuple[int, int]
    """Questions asked of one of them alone."""
    found: Moments | None
    """Of the difference; None where a task has no question. So too the next ones."""
    means: Callable[[], Sequence[PartMean]]
    """Of the difference, task by task."""
    accuracies: tuple[float, float] | None
    table: PairedTable | None
    """None for several tasks too."""


def match_two(tables: Sequence[RightByModel], first: int, second: int) -> Matched:
    """Two models of tables of one or several tasks, by their columns. The difference is the unweighted mean of the
    tasks'."""
    matched = [table.of((first, second)) for table in tables]
    asked = [
        sum(int((~np.isnan(table.right[:, place])).sum()) for table in tables) for place in (first, second)
    ]
    n = sum(table.n for table in matched)
    parts = [
        Part(table.right[:, 0] - table.right[:, 1], table.clusters, 1 / len(matched)) for table in matched
    ]
    empty = any(table.n == 0 for table in matched)
    return Matched(
        n=n,
        n_clusters=count_clusters(matched),
        unmatched=(asked[0] - n, asked[1] - n),
        found=None if empty else moments(parts),
        means=lambda: [
            PartMean(float(part.values.mean()), count_distinct(part.clusters), part.weight) for part in parts
        ],
        accuracies=None if empty else (_mean_accuracy(matched, 0), _mean_accuracy(matched, 1)),
        table=_paired_table(matched[0].right) if len(matched) == 1 and not empty else None,
    )


def match_all(tables: Sequence[RightByModel]) -> Callable[[int, int], Matched]:
    """`match_two` of any two models, where no model lacks a question: clusters are summed up once, not for each pair.

    With S_g the hits of a model in cluster g, n_g the cluster's questions, N their number and p the model's share of
    hits, the difference's sum over the cluster is that of (S_g - n_g p) / N of the first less that of the second.
    """
    weight = 1 / len(tables)
    size = 1 + max(int(table.clusters.max()) for table in tables)
    n_models = tables[0].right.shape[1]
    pulls = np.zeros((size, n_models))
    accuracies = np.zeros(n_models)
    together = []
    for table in tables:
        hits = np.stack(
            [
                np.bincount(table.clusters, weights=table.right[:, place], minlength=size)
                for place in range(n_models)
            ],
            axis=1,
        )
        share = table.right.mean(axis=0)
        pulls += (hits - np.bincount(table.clusters, minlength=size)[:, None] * share) * (weight / table.n)
        accuracies += weight * share
        together.append((table.right.T @ table.right, table.right.sum(axis=0)))
    n, n_clusters = sum(table.n for table in tables), count_clusters(tables)

    def match(first: int, second: int) -> Matched:
        value = naive = 0.0
        counts: list[PairedTable] = []
        for table, (both, right) in zip(tables, together, strict=True):
            hits, n_first, n_second = (int(one) for one in (both[first, second], right[first], right[second]))
            counts.append(
                PairedTable(
                    both=hits,
                    only_first=n_first - hits,
                    only_second=n_second - hits,
                    neither=table.n - n_first - n_second + hits,
                )
            )
            apart = n_first + n_second - 2 * hits
            mean = (n_first - n_second) / table.n
            value += weight * mean
            if table.n > 1:
                naive += weight**2 * (apart - table.n * mean**2) / (table.n - 1) / table.n
        pull = pulls[:, first] - pulls[:, second]
        variance = n_clusters / (n_clusters - 1) * float(np.square(pull).sum()) if n_clusters > 1 else 0.0
        return Matched(
            n=n,
            n_clusters=n_clusters,
            unmatched=(0, 0),
            found=Moments(value, without_noise(variance, 1.0), without_noise(naive, 1.0), n, n_clusters),
            means=lambda: [
                PartMean((one.only_first - one.only_second) / table.n, count_distinct(table.clusters), weight)
                for one, table in zip(counts, tables, strict=True)
            ],
            accuracies=(float(accuracies[first]), float(accuracies[second])),
            table=counts[0] if len(tables) == 1 else None,
        )

    return match


def _paired_table(right: FloatArray) -> PairedTable:
    one, two = right[:, 0] > 0, right[:, 1] > 0
    return PairedTable(
        both=int((one & two).sum()),
        only_first=int((one & ~two).sum()),
        only_second=int((~one & two).sum()),
        neither=int((~one & ~two).sum()),
    )


def _mean_accuracy(tables: Sequence[RightByModel], place: int) -> float:
    return float(np.mean([table.right[:, place].mean() for table in tables]))


def count_clusters(tables: Sequence[RightByModel]) -> int:
    """Clusters of all tables together."""
    return count_distinct(np.concatenate([table.clusters for table in tables]))
