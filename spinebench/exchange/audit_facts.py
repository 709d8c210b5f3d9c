"""What an audit knows of itself: the records that reporting sheets are filled from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from spinebench.audit_records import Assignment, AuditSpec, RaterCard
from spinebench.records import Record, RunSpec

Topic = Literal[
    "accuracy",
    "agreement_clinicians",
    "agreement_judge",
    "repeatability",
    "corrected",
    "comparison",
    "failure_modes",
]


class SheetFigure(Record):
    """A statistic as a sheet quotes it."""

    topic: Topic
    name: str
    """The estimand, e.g. `Krippendorff's alpha (ordinal)`."""
    group: str = ""
    """What it is of, e.g. `clinicians with each other, clinical_rationality, diagnosis`: figures of one group are
    told on one line."""
    value: float | None
    reason: str | None = None
    """Why there is no value."""
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str | None = None
    """How figure and interval were made."""
    n: int | None = None
    unit: str = ""
    """Of `n`, e.g. `traces`."""


class AuditCounts(Record):
    """How much came together. None: not counted."""

    n_judgements: int | None = None
    n_unparsed: int | None = None
    """Judgements that stayed unread; so too the next two."""
    n_refused: int | None = None
    n_failed: int | None = None
    n_steered: int | None = None
    """Traces that address the judge, imitate its delimiters or name the model that wrote them."""
    n_ratings: int | None = None
    """Current ratings: superseded ones do not count, hidden duplicates do."""
    n_rated: int | None = None
    """Traces that at least one clinician rated."""
    n_rated_twice: int | None = None
    """Of those, rated by two or more clinicians."""
    n_duplicates: int | None = None
    n_cannot_assess: int | None = None
    """Dimensions that clinicians could not assess."""
    n_adjudicated: int | None = None
    locked_at: datetime | None = None
    sources: tuple[str, ...] = ()
    """Where ratings came from: `packet`, `csv`, `label_studio`, ..."""


class AuditFacts(Record):
    """Everything that sheets are filled from."""

    audit: AuditSpec
    runs: tuple[RunSpec, ...] = ()
    raters: tuple[RaterCard, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    counts: AuditCounts = AuditCounts()
    referred: frozenset[str] | None = None
    """Ids of the traces that were referred to clinicians; None: not known."""
    frame_notes: tuple[str, ...] = ()
    """What the frame leaves out (`Frame.notes`)."""
    figures: tuple[SheetFigure, ...] = ()
    notes: tuple[str, ...] = ()
    """What is to be kept in mind about all of it, e.g. that ratings are not locked."""
    statements: dict[str, str] = Field(default_factory=dict)
    """What only the people know: `GRRAS 5` -> text, one per item of a sheet."""
