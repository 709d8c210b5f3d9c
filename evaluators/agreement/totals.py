"""Several dimensions of one task together: the mean of their correlations, and the agreement of the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spinebench.evaluators.agreement.intervals import IntervalOptions
from spinebench.evaluators.agreement.panel_correlation import mean_pairwise_icc
from spinebench.evaluators.agreement.ratings import FloatArray
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.agreement.trace_table import TraceTable
from spinebench.records import Record


class MacroPearson(Record):
    """Unweighted mean of Pearson's r over dimensions. No interval: dimensions of one trace are no sample."""

    value: float | None
    """None where no dimension has an r."""
    n_undefined: int
    """Dimensions without an r: in no mean."""


class JudgeTotals(Record):
    """One judge, or the median of all, over the dimensions of a task."""

    judge: str
    macro_pearson: MacroPearson
    """Of r with the clinicians' mean."""
    icc: Agreement
    """ICC(A,1) of the judge's totals with each clinician's, mean."""


class TaskTotals(Record):
    """The dimensions of one task together. A total is a rater's mean over the dimensions of a trace, of traces that the
    rater scored on all of them."""

    task: str
    dimensions: tuple[str, ...]
    macro_pearson: MacroPearson
    """Of clinicians, each with the others' mean."""
    icc: Agreement
    """ICC(A,1) of the clinicians' totals, mean over pairs: the human ceiling."""
    judges: tuple[JudgeTotals, ...]


def macro(found: Sequence[Agreement]) -> MacroPearson:
    """The mean of the values that are defined."""
    values = [one.value for one in found if one.value is not None]
    return MacroPearson(
        value=float(np.mean(values)) if values else None, n_undefined=len(found) - len(values)
    )


def total_agreement(
    tables: Sequence[TraceTable],
    votes: Mapping[str, Sequence[FloatArray]],
    options: IntervalOptions,
) -> tuple[Agreement, dict[str, Agreement]]:
    """ICC(A,1) of totals: of the clinicians with each other, and of each judge with them; means over pairs.

    `tables` are one task's dimensions, of rated traces; `votes` gives per judge a column for each of them.
    `options` without clusters, which the tables have.
    """
    place = {trace.trace_id: row for row, trace in enumerate(tables[0].traces)}
    for table in tables[1:]:
        for trace in table.traces:
            place.setdefault(trace.trace_id, len(place))
    clusters = {trace.trace_id: trace.cluster for table in tables for trace in table.traces}
    raters = sorted({name for table in tables for name in table.clinicians})
    rows = [[place[trace.trace_id] for trace in table.traces] for table in tables]

    def total(columns: Sequence[FloatArray | None]) -> FloatArray:
        values = np.full((len(place), len(tables)), np.nan)
        for number, column in enumerate(columns):
            if column is not None:
                values[rows[number], number] = column
        return np.asarray(values.mean(axis=1), dtype=np.float64)  # NaN where a dimension is missing

    clinicians = np.full((len(place), len(raters)), np.nan)
    for number, name in enumerate(raters):
        clinicians[:, number] = total(
            [
                table.ratings[:, table.clinicians.index(name)] if name in table.clinicians else None
                for table in tables
            ]
        )
    how: IntervalOptions = {**options, "clusters": [clusters[trace] for trace in place]}
    return (
        mean_pairwise_icc(clinicians, **how),
        {
            judge: mean_pairwise_icc(clinicians, judge=total(columns), **how)
            for judge, columns in votes.items()
        },
    )
