"""How well an encoder tells diseases apart: separation of pairs of images, and retrieval."""

from __future__ import annotations

import hashlib
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
    the product of the times that its two clusters were drawn; each draw's AUC is linear in either kind of pairs: the
    mean placement of the one among all of the other (DeLong 1988), and the reverse. `n` is pairs, `n_clusters` clusters
    with a pair. Both are undefined without pairs of both kinds.
    """
    import numpy as np

    one, other = np.nonzero(np.triu(pairs.counted, k=1))
    cosine, same = pairs.cosine[one, other], pairs.same[one, other]
    names = (
        "standardized difference of cosines, same minus different disease",
        "AUC of same-disease against different-disease pairs",
    )
    if not same.any() or same.all():
        return undefined(names[0], _NO_PAIRS, n=len(same)), undefined(names[1], _NO_PAIRS, n=len(same))
    used = np.unique(pairs.clusters[np.concatenate([one, other])])
    left, right = (np.searchsorted(used, pairs.clusters[side]) for side in (one, other))
    rng = np.random.default_rng([seed, *hashlib.sha256(names[1].encode()).digest()[:4]])
    times = rng.multinomial(len(used), np.full(len(used), 1 / len(used)), size=resamples).astype(np.float64)
    drawn = _Drawn(left, right, np.vstack([np.ones(len(used)), times]))
    # The first row stands for the data themselves, each cluster once.
    differences, aucs = drawn.differences(cosine, same), drawn.aucs(cosine, same)

    def estimate(name: str, found: NDArray[np.float64]) -> Estimate:
        if not np.isfinite(found[0]):
            return undefined(name, "cosines do not vary", n=len(cosine))
        return Estimate(
            name=name,
            value=float(found[0]),
            interval=_percentiles(found[1:]),
            n=len(cosine),
            n_clusters=len(used),
            seed=seed,
            warnings=(few_clusters(len(used)),) if len(used) < FEW_CLUSTERS else (),
        )

    return estimate(names[0], differences), estimate(names[1], aucs)


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
class _Drawn:
    """Pairs by the clusters of their images, and how often each cluster is drawn, [draws, clusters]."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    times: NDArray[np.float64]

    def differences(self, cosine: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
        """NaN where a kind of pairs was not drawn, or the cosines have no spread."""
        import numpy as np

        middle = cosine - cosine.mean()
        degrees = np.full(len(self.times), -2.0)
        squares, means = np.zeros(len(self.times)), []
        for kind in (same, ~same):
            n, total, square = (
                self._sums(power, kind) for power in (np.ones_like(middle), middle, middle**2)
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                means.append(total / n)
                degrees, squares = degrees + n, squares + np.maximum(0.0, square - total**2 / n)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt(squares / degrees)
            found: NDArray[np.float64] = np.where(
                (degrees > 0) & (spread > 1e-6), (means[0] - means[1]) / spread, np.nan
            )
        return found

    def aucs(self, cosine: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
        """NaN where a kind of pairs was not drawn."""
        import numpy as np

        placed = np.zeros_like(cosine)
        low, high = np.sort(cosine[~same]), np.sort(cosine[same])
        for kind, among in ((same, low), (~same, high)):
            below = np.searchsorted(among, cosine[kind]) + np.searchsorted(among, cosine[kind], side="right")
            placed[kind] = below / (2 * len(among))
        placed[~same] = 1 - placed[~same]
        auc = placed[same].mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [
                self._sums(placed, kind) / self._sums(np.ones_like(placed), kind) for kind in (same, ~same)
            ]
        found: NDArray[np.float64] = np.clip(parts[0] + parts[1] - auc, 0, 1)
        return found

    def _sums(self, values: NDArray[np.float64], kind: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Sum over the pairs of a kind, by draw: a quadratic form of how often clusters are drawn."""
        import numpy as np

        n = self.times.shape[1]
        cells = np.bincount(self.left[kind] * n + self.right[kind], weights=values[kind], minlength=n * n)
        found: NDArray[np.float64] = ((self.times @ cells.reshape(n, n)) * self.times).sum(axis=1)
        return found


def _percentiles(draws: NDArray[np.float64]) -> Interval | None:
    """None where nothing could be drawn, or the draws do not differ: clusters then show no spread."""
    import numpy as np

    drawn = draws[np.isfinite(draws)]
    if len(drawn) < 2 or float(np.ptp(drawn)) < 1e-9:
        return None
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    method = f"cluster bootstrap, percentile, {len(drawn)} draws"
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
