"""What every agreement statistic returns: never a bare number."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spinebench.evaluators.estimate import Interval
from spinebench.records import Record

FEW_UNITS = 10
"""Below this many independent units no resampled interval is given (its coverage is far from nominal)."""
DESCRIPTIVE_UNITS = 30
"""Below this many independent units a figure describes these units and no more."""
FEW_RATERS = 10
"""Below this many raters nothing is said about other raters than these."""


class Agreement(Record):
    """One agreement figure with everything needed to read it. Undefined is `value` None with the reason."""

    name: str
    value: float | None
    reason: str | None = None
    """Why the value is undefined."""
    interval: Interval | None = None
    interval_reason: str | None = None
    """Why there is no interval although there is a value."""
    other_intervals: tuple[Interval, ...] = ()
    """By the asymptotic standard error, where the literature gives one."""
    se: float | None = None
    """Asymptotic standard error; None where the literature gives none, or it is 0."""
    se_method: str | None = None
    n_units: int = Field(ge=0)
    """Units with at least two ratings: those that can agree."""
    n_clusters: int = Field(ge=0)
    """Independent units among them: the number behind the interval."""
    n_raters: int = Field(ge=0)
    """Raters with at least one rating."""
    n_pairs: int = Field(ge=0)
    """Pairs of ratings of one unit that were compared."""
    n_missing: int = Field(ge=0)
    """Empty cells of the table units x raters."""
    scale: tuple[float, ...] | None = None
    """The declared values; None where the statistic needs none and none was declared."""
    weights: str | None = None
    metric: str | None = None
    form: str | None = None
    comparator: str | None = None
    """Who is held against whom."""
    resampling_unit: str = "unit"
    seed: int | None = None
    """Of the generator behind a bootstrap; None where nothing was drawn."""
    descriptive: bool = False
    """True below 30 independent units."""
    components: dict[str, float | None] = Field(default_factory=dict)
    """Figures it is made of, e.g. `observed` and `expected` agreement."""
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _undefined_has_a_reason(self) -> Self:
        if (self.value is None) != (self.reason is not None):
            raise ValueError("an agreement figure has either a value or a reason for having none")
        return self
