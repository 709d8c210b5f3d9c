"""What is asked of a selection: splits, quality, balance and limits."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from spinebench.records import Record, Task

Balance = Literal["equal", "proportional"]


class SelectionPlan(Record):
    """Which accepted items go into which split.

    Limits of quality, of balance and of items per cluster hold for the splits that are named; the split that takes
    the rest is held to them with `limit_rest` only. That an image is asked once per task, and that clusters and
    near duplicates stay on one side, holds everywhere.
    """

    splits: dict[str, dict[Task, int | None]] = Field(
        default={"evaluation": {}},
        description="Name of a split -> task -> number of items, null for all that pass. An empty mapping takes all "
        "of every task; a task that is not named is not taken. Splits are filled in this order.",
    )
    rest: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the split that takes what the others leave, e.g. train; null: it is dropped.",
    )
    limit_rest: bool = Field(
        default=False, description="Hold the rest to the limits of quality and of items per cluster as well."
    )
    min_sharpness: float = Field(default=0, ge=0, description="Least sharpness (variance of the Laplacian).")
    min_contrast: float = Field(
        default=0, ge=0, le=1, description="Least contrast (5th to 95th percentile of grey)."
    )
    min_shortest_side: int = Field(
        default=0, ge=0, description="Least shortest side of the source's picture, pixels."
    )
    best_quantile: float = Field(
        default=1,
        gt=0,
        le=1,
        description="Share of a modality's images that is kept, best first by the mean of the ranks of sharpness and "
        "contrast within the modality; 1 keeps all.",
    )
    balance: Balance = Field(
        default="equal",
        description="equal: as many items of every label as the data can give; proportional: as the accepted items "
        "have them. Has no effect on a split that takes all.",
    )
    cap: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Largest share of a split's wanted items that one label may have.",
    )
    floor: int = Field(
        default=0, ge=0, description="Items that every label gets before the rest is shared out."
    )
    localization_label: Literal["levels", "disease"] = Field(
        default="levels", description="What localization items are balanced over."
    )
    max_per_cluster: int | None = Field(
        default=None,
        ge=1,
        description="Items of one patient or study in a split, per task; null: any number.",
    )
    seed: int = Field(default=0, description="Decides between items that are equally good.")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if not self.splits and self.rest is None:
            raise ValueError("expected at least one split or a rest")
        if self.rest in self.splits:
            raise ValueError(f"the rest {self.rest!r} cannot have the name of a split")
        for name, wanted in self.splits.items():
            if not name.strip():
                raise ValueError("a split needs a name")
            for task, n in wanted.items():
                if n is not None and n < 1:
                    raise ValueError(f"{name}.{task.value}: expected a number from 1, or null for all")
        return self

    @property
    def has_quality_limits(self) -> bool:
        """Whether any picture can be too poor."""
        return bool(
            self.min_sharpness or self.min_contrast or self.min_shortest_side or self.best_quantile < 1
        )
