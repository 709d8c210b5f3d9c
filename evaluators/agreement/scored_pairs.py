"""The single scores behind a comparison of judge and clinicians: what a scatter or a Bland-Altman plot shows."""

from __future__ import annotations

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.trace_table import PANEL, lower_medians, trace_tables
from spinebench.evaluators.audit_rows import AuditRows
from spinebench.records import Record


class ScoredPair(Record):
    """One trace as a judge and the clinicians scored it, first showings only."""

    trace_id: str
    model: str
    judge: float
    clinicians_mean: float
    clinicians_median: float
    """The lower of two middle scores."""
    n_clinicians: int


def scored_pairs(rows: AuditRows, *, task: str, dimension: str, judge: str) -> tuple[ScoredPair, ...]:
    """The validation traces with a score of this judge and of a clinician, on one task and dimension, by trace id.

    `judge` is a judge's name, or `panel median` for the lower median of all. Empty where nobody scored the task on
    the dimension, or they have no trace in common. Raises `UsageError` for an unknown judge.
    """
    table = next((one for one in trace_tables(rows) if (one.task, one.dimension) == (task, dimension)), None)
    if table is None:
        return ()
    rated = table.rated()
    if judge == PANEL:
        votes = lower_medians(rated.votes)
    elif judge in rated.judges:
        votes = rated.votes[:, rated.judges.index(judge)]
    else:
        raise UsageError(f"judge {judge!r}: expected one of {[*rated.judges, PANEL]}; name one of them")
    medians = lower_medians(rated.ratings)
    return tuple(
        ScoredPair(
            trace_id=trace.trace_id,
            model=trace.model,
            judge=float(votes[place]),
            clinicians_mean=float(np.nanmean(rated.ratings[place])),
            clinicians_median=float(medians[place]),
            n_clinicians=int((~np.isnan(rated.ratings[place])).sum()),
        )
        for place, trace in enumerate(rated.traces)
        if not np.isnan(votes[place])
    )
