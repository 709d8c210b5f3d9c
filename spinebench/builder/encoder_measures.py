"""How well an encoder tells diseases apart: separation of pairs of images, and retrieval."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spinebench.evaluators.clustered import few_clusters
from spinebench.evaluators.estimate import FEW_CLUSTERS, Estimate, Interval, undefined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL: Final = 0.95
_NO_PAIRS: Final = "no pairs of both kinds"


@dataclass(frozen=True)
class Pairs:
    """Images compared with each other; matrices are symmetric, [m, m], of the same m images."""

    cosine: NDArray[np.float64]
    same: NDArray[np.bool_]
    """They have a disease in common, or both are healthy."""
    counted: NDArray[np.bool_]
    """False where two images are of one cluster or near-duplicate group, or not to be compared at all."""
    clusters: NDArray[np.int64]
    """Of each image: codes from 0."""


def separation(pairs: Pairs, *, seed: int, resamples: int) -> tuple[Estimate, Estimate]:
    """Standardized difference and AUC of the cosines of same-disease against different-disease pairs.

    The difference is mean(same) minus mean(different) over the pooled standard deviation of the two (Cohen 1988,
    equation 2.5.1). The AUC is the probability that a same-disease pair has the higher cosine of two drawn at random,
    ties counting one half (Hanley and McNeil 1982). Intervals are percentiles over resampled clusters, a pair weighing
    the product of the times that its two clusters were drawn. `n` is pairs, `n_clusters` clusters with a pair. Both are
    undefined without pairs of both kinds.
    """
    import numpy as np

    one, other = np.nonzero(np.triu(pairs.counted, k=1))
    cosine, same = pairs.cosine[one, other], pairs.same[one, other]
    difference_name = "standardized difference of cosines, same minus different disease"
    auc_name = "AUC of same-disease against different-disease pairs"
    if not same.any() or same.all():
        return undefined(difference_name, _NO_PAIRS, n=len(same)), undefined(auc_name, _NO_PAIRS, n=len(same))
    order = np.argsort(cosine, kind="stable")
    sorted_pairs = _SortedPairs(cosine[order], same[order])
    left, right = pairs.clusters[one[order]], pairs.clusters[other[order]]
    used, codes = np.unique(np.concatenate([left, right]), return_inverse=True)
    left, right = codes[: len(left)], codes[len(left) :]
    alike = np.ones(len(cosine))
    values = (sorted_pairs.difference(alike), sorted_pairs.auc(alike))
    draws: list[tuple[float | None, float | None]] = []
    rng = np.random.default_rng([seed, *hashlib.sha256(auc_name.encode()).digest()[:4]])
    for _ in range(resamples):
        times = np.bincount(rng.integers(len(used), size=len(used)), minlength=len(used)).astype(np.float64)
        weights = times[left] * times[right]
        draws.append((sorted_pairs.difference(weights), sorted_pairs.auc(weights)))

    def estimate(name: str, value: float | None, drawn: Sequence[float | None]) -> Estimate:
        if value is None:
            return undefined(name, "cosines do not vary", n=len(cosine))
        return Estimate(
            name=name,
            value=value,
            interval=_percentiles([one for one in drawn if one is not None]),
            n=len(cosine),
            n_clusters=len(used),
            seed=seed,
            warnings=(few_clusters(len(used)),) if len(used) < FEW_CLUSTERS else (),
        )

    return (
        estimate(difference_name, values[0], [one for one, _ in draws]),
        estimate(auc_name, values[1], [one for _, one in draws]),
    )


def average_precisions(pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average precision of each image as a query, and its share of relevant images; NaN without a relevant one.

    A query ranks the images that count with it by cosine; relevant are those of the same disease. The average precision
    is the sum over distinct cosines of precision there times the gain in recall, so that images of equal cosine share
    one rank, and an encoder to which all pictures are alike gets the share of relevant images.
    """
    import numpy as np

    found, share = np.full(len(pairs.cosine), np.nan), np.full(len(pairs.cosine), np.nan)
    for query, (cosine, same, counted) in enumerate(
        zip(pairs.cosine, pairs.same, pairs.counted, strict=True)
    ):
        relevant, height = same[counted], cosine[counted]
        if not relevant.any():
            continue
        order = np.argsort(-height, kind="stable")
        ranked, hits = height[order], np.cumsum(relevant[order])
        last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        gain = np.diff(hits[last], prepend=0)
        found[query] = float((gain * hits[last] / (last + 1)).sum() / hits[-1])
        share[query] = float(relevant.mean())
    return found, share


@dataclass(frozen=True)
class _SortedPairs:
    cosine: NDArray[np.float64]
    """Ascending."""
    same: NDArray[np.bool_]

    def difference(self, weights: NDArray[np.float64]) -> float | None:
        """None where a kind has no weight or the cosines no spread."""
        import numpy as np

        moments = []
        for kind in (self.same, ~self.same):
            weight, height = weights[kind], self.cosine[kind]
            total = float(weight.sum())
            if total == 0:
                return None
            mean = float(weight @ height) / total
            moments.append((total, mean, float(weight @ np.square(height - mean))))
        (n1, mean1, squares1), (n2, mean2, squares2) = moments
        degrees = n1 + n2 - 2
        spread = math.sqrt((squares1 + squares2) / degrees) if degrees > 0 else 0.0
        return (mean1 - mean2) / spread if spread > 1e-9 else None

    def auc(self, weights: NDArray[np.float64]) -> float | None:
        """None where a kind has no weight."""
        import numpy as np

        starts = np.append(0, np.flatnonzero(np.diff(self.cosine)) + 1)
        same = np.add.reduceat(weights * self.same, starts)
        different = np.add.reduceat(weights * ~self.same, starts)
        total = float(same.sum()) * float(different.sum())
        if total == 0:
            return None
        below = np.cumsum(different) - different
        return float(same @ (below + 0.5 * different)) / total


def _percentiles(draws: Sequence[float]) -> Interval | None:
    """None where nothing could be drawn, or the draws do not differ: clusters then show no spread."""
    import numpy as np

    if len(draws) < 2 or float(np.ptp(draws)) == 0.0:
        return None
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    method = f"cluster bootstrap, percentile, {len(draws)} draws"
    return Interval(low=low, high=high, level=LEVEL, method=method)


def rounded(estimate: Estimate, digits: int) -> Estimate:
    """With its figures rounded, for files that have to be the same on every machine."""

    def short(value: float | None) -> float | None:
        return None if value is None else round(value, digits) + 0.0

    changed: dict[str, object] = {
        name: short(getattr(estimate, name)) for name in ("value", "se", "design_effect", "n_effective")
    }

    def cut(one: Interval) -> Interval:
        return one.model_copy(update={"low": short(one.low), "high": short(one.high)})

    changed["interval"] = None if estimate.interval is None else cut(estimate.interval)
    changed["other_intervals"] = tuple(cut(one) for one in estimate.other_intervals)
    return estimate.model_copy(update=changed)
