"""A judge and an expert on many dimensions of the same units, as for reports with ten: never Pearson alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.correlation import rank_correlation
from spinebench.evaluators.agreement.differences import BlandAltman, bland_altman
from spinebench.evaluators.agreement.exact import percent_agreement
from spinebench.evaluators.agreement.icc import icc
from spinebench.evaluators.agreement.kappa import weighted_kappa
from spinebench.evaluators.agreement.ratings import Clusters
from spinebench.evaluators.agreement.result import Agreement
from spinebench.records import Record


class DimensionRow(Record):
    """One dimension."""

    dimension: str
    pearson: Agreement
    kappa: Agreement
    """Quadratic weights, on the declared scale: what Pearson leaves out, a judge who is one level too strict."""
    exact: Agreement
    differences: BlandAltman
    """Judge less expert."""


class DimensionTable(Record):
    """All dimensions, and what they come to together."""

    rows: tuple[DimensionRow, ...]
    macro_pearson: float | None
    """Unweighted mean of the dimensions' correlations; None where none is defined."""
    n_undefined: int
    """Dimensions without a correlation: in no mean."""
    total_icc: Agreement
    """ICC(A,1) of each unit's mean over the dimensions, of units that both scored on all of them."""


def dimension_table(
    judge: ArrayLike,
    expert: ArrayLike,
    *,
    dimensions: Sequence[str],
    scale: Sequence[float],
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> DimensionTable:
    """Pearson, kappa, exact agreement and bias per dimension; macro mean; ICC of the total.

    `judge` and `expert` are arrays units x dimensions, NaN for missing. Dimensions of one unit are not independent
    units: no figure pools them. Raises `UsageError` where shapes and names do not fit each other.
    """
    first, second = np.asarray(judge, dtype=float), np.asarray(expert, dtype=float)
    if first.ndim != 2 or first.shape != second.shape or first.shape[1] != len(dimensions):
        raise UsageError(
            f"scores of shapes {first.shape!r} and {second.shape!r} for {len(dimensions)} dimensions: expected two "
            "arrays units x dimensions of the same shape; give one column per dimension"
        )
    rows = []
    for column, name in enumerate(dimensions):
        pair = np.column_stack([first[:, column], second[:, column]])
        rows.append(
            DimensionRow(
                dimension=name,
                pearson=rank_correlation(pair, kind="pearson", clusters=clusters, level=level),
                kappa=weighted_kappa(pair, scale=scale, weights="quadratic", clusters=clusters, level=level),
                exact=percent_agreement(pair, scale=scale, clusters=clusters, level=level),
                differences=bland_altman(
                    pair, clusters=clusters, level=level, comparator="judge less expert"
                ),
            )
        )
    found = [row.pearson.value for row in rows if row.pearson.value is not None]
    totals = np.column_stack([first.mean(axis=1), second.mean(axis=1)])  # NaN where a dimension is missing
    return DimensionTable(
        rows=tuple(rows),
        macro_pearson=float(np.mean(found)) if found else None,
        n_undefined=len(rows) - len(found),
        total_icc=icc(totals, form="A,1", clusters=clusters, level=level),
    )
