"""The rows that the statistics of an audit are computed from: traces, scores and marks, one fact each.

The store reads them from the database, the demo and tests make them; nothing here knows where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["judge", "clinician"]


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One drawn trace."""

    trace_id: str
    run_id: str
    model: str
    task: str
    image: str
    cluster: str
    """The unit of errors and resampling: study, patient or image."""
    correct: bool | None
    """None where the task has no right answer (report, consultation)."""
    outcome: str
    stratum: str
    probability: float
    """That it was drawn into the audit (first phase)."""
    rating_probability: float | None
    """That it was referred to clinicians once drawn (second phase); None before its review."""
    referred: bool
    split: str = "validation"
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One vote on one dimension of one trace, before adjudication."""

    trace_id: str
    dimension: str
    source: Source
    rater: str
    """Judge's model string or clinician's id."""
    repeat: int
    """1, 2, ...: a judge's repeats; 2 for a clinician's hidden duplicate."""
    score: int | None
    status: Literal["scored", "cannot_assess", "unparsed", "refused", "error"]
    """Anything but `scored` has no score and counts against coverage."""


@dataclass(frozen=True, slots=True)
class MarkRow:
    """Whether one rater found one failure mode in one trace, of those it was asked about."""

    trace_id: str
    mode: str
    source: Source
    rater: str
    repeat: int
    present: bool | None
    """None where the judgement is unparsed, refused or failed."""


@dataclass(frozen=True, slots=True)
class StratumRow:
    """One stratum of the frame: what the drawn traces stand for."""

    stratum: str
    model: str
    task: str
    n_frame: int
    n_drawn: int


@dataclass(frozen=True, slots=True)
class AuditRows:
    """Everything the statistics of one audit need."""

    traces: tuple[TraceRow, ...]
    strata: tuple[StratumRow, ...]
    scores: tuple[ScoreRow, ...]
    marks: tuple[MarkRow, ...]
    scales: dict[str, tuple[int, ...]]
    """Dimension -> the values its rubric declares, ascending; never inferred from the scores."""
    adjudicated: dict[tuple[str, str], int | None]
    """(trace id, dimension) -> the decided score; never used for agreement."""
    stale: tuple[str, ...] = ()
    """What changed since the judge was held against clinicians: judge, prompt or rubric."""
    locked: bool = False
