"""A rubric as a record: what is scored on which scale, and which failures are looked for."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from spinebench.records import JsonValue, Record, Task, digest


class Section(Record):
    """A part of what is scored, with dimensions of its own: a total is a mean over sections, not over dimensions."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")
    name: str = Field(min_length=1)
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Weight in the mean over sections."""


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
    """Weight in a mean over dimensions; with sections, over those of its section."""
    section: str | None = None
    """Id of the section it belongs to; None where the rubric has no sections."""

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

    @model_serializer(mode="wrap")
    def _without_a_section_that_is_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Rubrics without sections keep the content, and so the hash, that they had before there were any.
        content: dict[str, Any] = handler(self)
        if self.section is None:
            content.pop("section", None)
        return content


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
    sections: tuple[Section, ...] = ()
    """Parts of what is scored. Either none, or every dimension names one and every one has a dimension."""
    dimensions: tuple[Dimension, ...] = ()
    failure_modes: tuple[FailureMode, ...] = ()

    def dimensions_of(self, section: str) -> tuple[Dimension, ...]:
        """The dimensions of a section, in the rubric's order; () for an unknown one."""
        return tuple(one for one in self.dimensions if one.section == section)

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
            ("sections", [section.id for section in self.sections]),
            ("dimensions", [dimension.id for dimension in self.dimensions]),
            ("failure_modes", [mode.id for mode in self.failure_modes]),
        ):
            twice = sorted({one for one in ids if ids.count(one) > 1})
            if twice:
                raise ValueError(f"{name} {twice!r}: expected each id once")
        return self

    @model_validator(mode="after")
    def _dimensions_lie_in_sections(self) -> Self:
        known = [section.id for section in self.sections]
        allowed: list[str | None] = [*known] if known else [None]
        for dimension in self.dimensions:
            if dimension.section not in allowed:
                expected = f"one of {', '.join(known)}" if known else "'sections' with it"
                raise ValueError(f"section {dimension.section!r} of {dimension.id!r}: expected {expected}")
        for section in known:
            if not self.dimensions_of(section):
                raise ValueError(f"section {section!r}: expected a dimension of it")
        return self

    @model_serializer(mode="wrap")
    def _without_sections_where_there_are_none(
        self, handler: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if not self.sections:
            content.pop("sections", None)
        return content


def rubrics_hash(rubrics: tuple[Rubric, ...]) -> str:
    """SHA-256 over the hashes of several rubrics that are used together, in their order."""
    return digest([rubric.hash for rubric in rubrics])
