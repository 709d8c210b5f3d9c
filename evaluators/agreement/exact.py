"""How often raters give the same score, or nearly: not corrected for chance."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.concluding import Facts, undefined_agreement
from spinebench.evaluators.agreement.intervals import IntervalOptions
from spinebench.evaluators.agreement.ratings import FloatArray, Scale, as_ratings, with_judge
from spinebench.evaluators.agreement.result import DESCRIPTIVE_UNITS, Agreement
from spinebench.evaluators.clustered import Part, combined_mean, proportion


def percent_agreement(
    ratings: ArrayLike,
    *,
    scale: Scale | None = None,
    within: float = 0,
    against: ArrayLike | None = None,
    **options: Unpack[IntervalOptions],
) -> Agreement:
    """Mean over units of the share of rater pairs that agree (from 0 to 1), units with two or more ratings.

    `within` counts levels of the scale where one is declared (on 1, 3, 5 the scores 3 and 5 are within 1), else
    points. `against` is one more rater (a judge): then only its pairs with each of the others count.
    `components`: `all_agree`, the share of units on which all those pairs agree. Interval: Wilson for two raters and
    independent units, otherwise cluster-robust t (`interval` and `rng` are not used: nothing is drawn), also below
    10 units, since it holds there. Undefined without a unit with two ratings.
    """
    if not within >= 0:
        raise UsageError(f"within {within!r}: expected 0 or more levels; 0 asks for exact agreement")
    joined = ratings if against is None else with_judge(as_ratings(ratings, scale=scale).values, against)
    table = as_ratings(joined, scale=scale, clusters=options.get("clusters"))
    facts = Facts(name="exact agreement" if within == 0 else f"agreement within {within:g}")
    pairable = table.per_unit >= 2
    if against is not None:
        pairable &= ~np.isnan(table.values[:, -1])
    if not pairable.any():
        reason = "no unit has two ratings" if (table.per_unit > 0).any() else "no ratings"
        return undefined_agreement(table, facts, reason, options)
    places = table.values if table.scale is None else np.where(table.codes() < 0, np.nan, table.codes())
    used = table.kept(pairable)
    agreeing, all_agree = _shares(places[pairable], within, last_only=against is not None)
    _, clusters = np.unique(used.clusters, return_inverse=True)
    clusters = clusters.ravel().astype(np.int64)
    level = options.get("level", 0.95)
    if bool(np.isin(agreeing, (0.0, 1.0)).all()):
        found = proportion(facts.name, agreeing == 1, clusters, level=level)
    else:
        found = combined_mean(facts.name, (Part(agreeing, clusters),), level=level)
    short = found.n_clusters < DESCRIPTIVE_UNITS
    return Agreement(
        name=facts.name,
        value=found.value,
        interval=found.interval,
        se=found.se,
        se_method="cluster-robust" if found.se is not None else None,
        n_units=found.n,
        n_clusters=found.n_clusters,
        n_raters=table.n_raters,
        n_pairs=used.n_pairs if against is None else int((used.per_unit - 1).sum()),
        n_missing=table.n_missing,
        scale=table.scale,
        comparator=options.get("comparator"),
        resampling_unit="cluster" if table.clustered else "unit",
        descriptive=short,
        components={"all_agree": float(all_agree.mean())},
        warnings=tuple(dict.fromkeys(found.warnings)),
    )


def _shares(places: FloatArray, within: float, *, last_only: bool) -> tuple[FloatArray, FloatArray]:
    """Per unit: the share of agreeing pairs, and whether all agree."""
    k = places.shape[1]
    agree = pairs = np.zeros(len(places))
    for first in range(k):
        for second in range(k - 1 if last_only else first + 1, k):
            if first == second:
                continue
            gap = np.abs(places[:, first] - places[:, second])
            both = ~np.isnan(gap)
            pairs = pairs + both
            agree = agree + (both & (np.where(both, gap, np.inf) <= within + 1e-9))
    return agree / pairs, (agree == pairs).astype(np.float64)
