"""What an audit looks at, and which of its checks end a build."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from spinebench.benchmarks.picture_hash import N_BITS, NEAR_BITS
from spinebench.records import Record
from spinebench.runs.plan_fields import Flag


class Check(StrEnum):
    """The checks of an audit."""

    SHORTCUTS = "shortcuts"
    """A baseline that looks at no picture beats chance and its reference."""
    LABEL_FREQUENCY = "label_frequency"
    """Always taking the offered label that is right most often beats guessing."""
    POSITIONS = "positions"
    """Right options stand at some positions more often than at others."""
    SHARED_CLUSTERS = "shared_clusters"
    SHARED_IMAGES = "shared_images"
    SHARED_NEAR_DUPLICATES = "shared_near_duplicates"
    REPEATED_ITEMS = "repeated_items"
    """The same question, options and picture in two splits."""
    LABEL_CONFLICTS = "label_conflicts"
    """One picture with gold answers that contradict each other."""
    NEAR_CONFLICTS = "near_conflicts"
    """The same among pictures that look alike; slices of one study may look alike and differ."""


class BaselineName(StrEnum):
    """The baselines that look at no picture."""

    FREQUENCY = "label frequency"
    POSITION = "option position"
    WORDING = "wording"
    OPTIONS = "options"
    TEXT = "text"
    """Wording and options together."""
    MODALITY = "modality"
    REGION = "region"
    SOURCE = "source"
    VIEW = "view"
    METADATA = "metadata"
    ALL = "all together"


_PANEL = "Audit"
SHORTCUT = "shortcut:"
"""Before a baseline's name: that shortcut alone, e.g. `shortcut:modality`."""
NAMES = (
    *(one.value for one in Check),
    *(f"{SHORTCUT}{one.value}" for one in BaselineName if one is not BaselineName.FREQUENCY),
)
"""What `fail` and `allow` may name."""


class AuditPlan(Record):
    """Settings of an audit."""

    folds: Annotated[int, Flag("--folds", _PANEL)] = Field(
        default=5, ge=2, le=20, description="Folds of clusters that baselines are trained across."
    )
    level: Annotated[float, Flag("--level", _PANEL)] = Field(
        default=0.95, gt=0.5, lt=1, description="Level of the intervals."
    )
    delta: Annotated[float, Flag("--delta", _PANEL)] = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="A shortcut is a baseline whose lower bound above chance, and above its reference, is more "
        "than this.",
    )
    baselines: Annotated[tuple[BaselineName, ...], Flag("--baseline", _PANEL)] = Field(
        default=tuple(BaselineName), description="Baselines to train; label frequency is always among them."
    )
    penalty: Annotated[float, Flag("--penalty", _PANEL)] = Field(
        default=1.0, gt=0, description="Ridge penalty on the coefficients of the baselines, per training set."
    )
    near_bits: Annotated[int, Flag("--near-bits", _PANEL)] = Field(
        default=NEAR_BITS,
        ge=0,
        le=N_BITS,
        description="Bits of the picture hash up to which two pictures look alike.",
    )
    seed: Annotated[int, Flag("--seed", _PANEL)] = Field(
        default=0, ge=0, description="Of the folds and of drawn p-values."
    )
    fail: Annotated[tuple[str, ...], Flag("--fail", _PANEL)] = Field(
        default=(
            Check.SHORTCUTS,
            Check.SHARED_CLUSTERS,
            Check.SHARED_IMAGES,
            Check.SHARED_NEAR_DUPLICATES,
            Check.REPEATED_ITEMS,
            Check.LABEL_CONFLICTS,
        ),
        description="Checks that end the build with exit code 1; the others are only told.",
    )
    allow: Annotated[tuple[str, ...], Flag("--allow", _PANEL)] = Field(
        default=(),
        description="Checks, or single shortcuts such as shortcut:modality, that are known and do not end the build.",
    )

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for key, names in (("fail", self.fail), ("allow", self.allow)):
            for name in names:
                if name not in NAMES:
                    raise ValueError(f"{key} {name!r}: expected one of {', '.join(NAMES)}")
        return self

    def ends_build(self, name: str) -> bool:
        """Whether a failing check, or a single shortcut (`shortcut:<baseline>`), gives exit code 1."""
        names = {name, Check.SHORTCUTS.value} if name.startswith(SHORTCUT) else {name}
        return bool(names & set(self.fail)) and not names & set(self.allow)
