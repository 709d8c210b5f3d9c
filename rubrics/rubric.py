"""A rubric as a record: what is scored on which scale, and which failures are looked for."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from spinebench.records import JsonValue, Record, Task, digest


class Dimension(Record):
    """One thing that is scored."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")
    name: str = Field(min_length=1)
    focus: str = Field(min_length=1)
    """What is looked at, in a sentence or two."""
    scale: tuple[int, ...]
    """Every value that may be given, ascending. Statistics take it from here, never from the scores."""
    anchors: dict[int, str]
    """Value -> what it means. The lowest and the highest value have one."""
    tasks: tuple[Task, ...] = ()
    """Tasks it applies to; empty: all."""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Weight in a mean over dimensions."""

    def applies_to(self, task: Task) -> bool:
        return not self.tasks or task in self.tasks

    @model_validator(mode="after")
    def _scale_and_anchors_fit(self) -> Self:
        if len(self.scale) < 2 or list(self.scale) != sorted(set(self.scale)):
            raise ValueError(f"scale {list(self.scale)!r}: expected two or more different values, ascending")
        for value in self.anchors:
            if value not in self.scale:
                raise ValueError(f"anchor {value!r}: expected a value of the scale {list(self.scale)!r}")
        for value in (self.scale[0], self.scale[-1]):
            if not self.anchors.get(value, "").strip():
                raise ValueError(f"anchors: expected a text for {value}, an end of the scale")
        return self


class FailureMode(Record):
    """One way in which reasoning goes wrong."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")
    name: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    example: str = Field(min_length=1)
    counter_example: str = Field(min_length=1)
    """Something close that is not this failure."""
    tasks: tuple[Task, ...] = ()

    def applies_to(self, task: Task) -> bool:
        return not self.tasks or task in self.tasks


class Rubric(Record):
    """Dimensions, failure modes, or both. A rubric in use cannot change under its version."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")
    version: str = Field(min_length=1, max_length=40)
    title: str = Field(min_length=1)
    language: str = Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    """BCP 47, e.g. `en`."""
    source: str = Field(min_length=1)
    """Where its elements come from."""
    dimensions: tuple[Dimension, ...] = ()
    failure_modes: tuple[FailureMode, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 over the whole content in canonical JSON: layout and comments of the file do not matter."""
        content: JsonValue = self.model_dump(mode="json")
        return digest(content)

    @model_validator(mode="after")
    def _something_to_judge(self) -> Self:
        if not self.dimensions and not self.failure_modes:
            raise ValueError("expected dimensions, failure_modes, or both")
        for name, ids in (
            ("dimensions", [dimension.id for dimension in self.dimensions]),
            ("failure_modes", [mode.id for mode in self.failure_modes]),
        ):
            twice = sorted({one for one in ids if ids.count(one) > 1})
            if twice:
                raise ValueError(f"{name} {twice!r}: expected each id once")
        return self


def rubrics_hash(rubrics: tuple[Rubric, ...]) -> str:
    """SHA-256 over the hashes of several rubrics that are used together, in their order."""
    return digest([rubric.hash for rubric in rubrics])
