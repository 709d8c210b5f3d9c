"""What may and may not be said of a judge at this number of traces and clinicians, in plain sentences."""

from __future__ import annotations

from collections import Counter

import numpy as np

from spinebench.evaluators.agreement.alternative_annotator import AlternativeAnnotatorTest
from spinebench.evaluators.agreement.differences import BlandAltman
from spinebench.evaluators.agreement.panel import NonInferiority, PanelComparison
from spinebench.evaluators.agreement.result import DESCRIPTIVE_UNITS, FEW_RATERS, FEW_UNITS
from spinebench.evaluators.agreement.trace_table import TraceTable
from spinebench.evaluators.audit_rows import AuditRows
from spinebench.records import Record

KAPPA_TRACES = 120
"""Traces per task that a claim about a kappa wants, with three raters (statistics.md)."""


class Claims(Record):
    """Sentences for a reader who sees nothing else."""

    may: tuple[str, ...]
    may_not: tuple[str, ...]


def claims_of(
    judge: str,
    differences: BlandAltman,
    panel: PanelComparison,
    annotator: AlternativeAnnotatorTest,
    inferiority: NonInferiority,
    table: TraceTable,
    rows: AuditRows,
) -> Claims:
    """Each sentence rests on one figure of the report."""
    both = int(differences.n_units)
    if both == 0:
        return Claims(
            may=(), may_not=(f"Anything about {judge} and clinicians: they have no trace in common.",)
        )
    may = [*_of_bias(judge, differences), *_of_panel(judge, panel)]
    if inferiority.shown:
        may.append(
            f"{judge}'s mean kappa with clinicians is less than {inferiority.margin:g} below their own."
        )
    if annotator.passes:
        may.append(
            f"It passes the alternative annotator test at epsilon {annotator.epsilon:g}: it wins against "
            f"{annotator.winning_rate or 0:.0%} of the clinicians."
        )
    return Claims(
        may=tuple(may), may_not=tuple(_not(judge, differences, panel, annotator, inferiority, table, rows))
    )


def _of_bias(judge: str, differences: BlandAltman) -> list[str]:
    interval = differences.interval
    if interval is None or differences.n_clusters < FEW_UNITS or differences.bias is None:
        return []
    span = f"{differences.bias:+.2f} points ({interval.low:+.2f} to {interval.high:+.2f})"
    if interval.low > 0:
        return [f"{judge} is more lenient than these clinicians, by {span}."]
    if interval.high < 0:
        return [f"{judge} is stricter than these clinicians, by {span}."]
    return [
        f"{judge}'s mean lies {span} from these clinicians': no bias is shown, one in this range is not excluded."
    ]


def _of_panel(judge: str, panel: PanelComparison) -> list[str]:
    own, human, gap = panel.judge_clinician, panel.clinician_clinician, panel.difference
    if own.value is None or human.value is None or gap.interval is None:
        return []
    text = f"{judge} agrees with a clinician at kappa {own.value:.2f}, clinicians with each other at {human.value:.2f}"
    if gap.interval.high < 0:
        return [f"{text}: it agrees less than they do."]
    if gap.interval.low > 0:
        return [f"{text}: it agrees more than they do."]
    return [f"{text}: the difference may be 0."]


def _not(
    judge: str,
    differences: BlandAltman,
    panel: PanelComparison,
    annotator: AlternativeAnnotatorTest,
    inferiority: NonInferiority,
    table: TraceTable,
    rows: AuditRows,
) -> list[str]:
    n, clusters = differences.n_units, differences.n_clusters
    k = len(table.clinicians)
    said = []
    if clusters < FEW_UNITS:
        said.append(f"Any coefficient: {clusters} independent traces, fewer than {FEW_UNITS}.")
    elif clusters < DESCRIPTIVE_UNITS:
        said.append(f"Anything beyond these traces: {clusters} independent ones are descriptive.")
    elif n < KAPPA_TRACES or k < 3:
        said.append(
            f"That a kappa is above a threshold, lightly: that wants {KAPPA_TRACES} traces of a task and 3 clinicians; "
            f"here {n} and {k}."
        )
    if k < FEW_RATERS:
        said.append(f"Anything about other clinicians: all figures are conditional on these {k}.")
    if annotator.reason is not None:
        said.append(f"That {judge} may stand in for a clinician: {annotator.reason}.")
    elif annotator.passes is False:
        said.append(
            f"That {judge} may stand in for a clinician: it wins against {annotator.winning_rate or 0:.0%} of them, "
            "half are needed."
        )
    own = panel.judge_clinician
    if annotator.passes and own.interval is not None and own.interval.low <= 0:
        said.append(
            f"That it tells good traces from bad because it passes that test: its kappa with clinicians may be 0 "
            f"({own.value or 0:.2f}), and where most scores are alike a judge that always gives the usual one passes "
            "too."
        )
    if inferiority.shown is False:
        said.append(
            f"That {judge} is no worse than the clinicians by {inferiority.margin:g}: that is not shown."
        )
    sizes = _model_sizes(table)
    if len(sizes) > 1:
        said.append(
            f"A kappa for a single model: each has {_span(sizes)} traces; per model only bias, exact and within one "
            "level."
        )
    if len({trace.rating_probability for trace in table.traces if trace.rating_probability is not None}) > 1:
        said.append(
            "Agreement over all traces of the runs: traces were referred for reasons, and those are the harder ones."
        )
    if rows.stale:
        said.append(f"Anything about the judge as it is now: {', '.join(rows.stale)} changed since.")
    if not rows.locked:
        said.append("Anything final: ratings are not locked.")
    return said


def _model_sizes(table: TraceTable) -> list[int]:
    rated = (~np.isnan(table.ratings)).any(axis=1) & (~np.isnan(table.votes)).any(axis=1)
    counts = Counter(table.models[place] for place in np.flatnonzero(rated).tolist())
    return sorted(counts.values())


def _span(sizes: list[int]) -> str:
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
