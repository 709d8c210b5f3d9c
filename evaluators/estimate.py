"""A statistic as an object: never a bare number."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spinebench.records import Record

FEW_CLUSTERS = 30
"""Below this many clusters a cluster-robust interval is marked as rough."""


class Interval(Record):
    """A two-sided confidence interval and how it was made."""

    low: float
    high: float
    level: float = 0.95
    method: str


class Denominators(Record):
    """What became of the questions behind a figure; the last seven add up to `asked`."""

    asked: int = Field(ge=0)
    answered: int = Field(ge=0)
    no_answer: int = 0
    unparsed: int = 0
    refused: int = 0
    truncated: int = 0
    filtered: int = 0
    errored: int = 0


class Estimate(Record):
    """One figure with everything needed to read it. Undefined is `value` None with the reason."""

    name: str
    """The estimand, e.g. `diagnosis accuracy, unanswered counted as wrong`."""
    value: float | None
    reason: str | None = None
    """Why the value is undefined."""
    interval: Interval | None = None
    """The one to quote."""
    other_intervals: tuple[Interval, ...] = ()
    """Made on other assumptions, e.g. as if all answers were independent."""
    count: int | None = None
    """Numerator, where the figure is a proportion."""
    n: int
    """Units (answers) in the denominator."""
    n_clusters: int
    """Distinct studies, patients or images among them: the unit of errors and resampling."""
    se: float | None = None
    """Cluster-robust standard error, where one was computed."""
    design_effect: float | None = None
    """Variance with clusters over the variance with independent answers; None where there are no clusters."""
    n_effective: float | None = None
    """n / design effect."""
    denominators: Denominators | None = None
    seed: int | None = None
    """Of the resampling behind the interval; None where nothing was drawn."""
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _undefined_has_a_reason(self) -> Self:
        if (self.value is None) != (self.reason is not None):
            raise ValueError("an estimate has either a value or a reason for having none")
        return self


class Rate(Record):
    """A figure on two denominators. The headline is `of_asked`: what was not answered counts as wrong."""

    of_asked: Estimate
    of_answered: Estimate


def undefined(name: str, reason: str, *, n: int = 0, denominators: Denominators | None = None) -> Estimate:
    """An estimate without a value."""
    return Estimate(name=name, value=None, reason=reason, n=n, n_clusters=0, denominators=denominators)
