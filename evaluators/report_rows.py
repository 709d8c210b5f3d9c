"""The rows that the scores of the level-aware benchmark are computed from: questions, reports, votes on them.

Whoever reads the store or a file makes them; nothing here knows where they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from spinebench.errors import DataError
from spinebench.evaluators.audit_rows import ScoreRow
from spinebench.records import AnswerStatus, Record

__all__ = [
    "Facets",
    "LayoutDimension",
    "LayoutSection",
    "QuestionRow",
    "ReportLayout",
    "ReportRow",
    "ScoreRow",
]


@dataclass(frozen=True, slots=True)
class Facets:
    """What results are divided by; None: not stated."""

    subspecialty: str | None = None
    source: str | None = None
    modality: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One multiple-choice question as one model answered it."""

    item_id: str
    model: str
    cluster: str
    """Case or patient where known, otherwise the image or the item: the unit of errors and resampling."""
    part: Literal["text", "image"]
    status: AnswerStatus
    correct: bool
    """Counts only where `status` is `answered`."""
    facets: Facets = Facets()


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report that one model was asked for."""

    trace_id: str
    """What votes name."""
    item_id: str
    model: str
    cluster: str
    status: AnswerStatus
    """`answered`: there is a text to judge."""
    facets: Facets = Facets()


class LayoutDimension(Record):
    """A dimension and its weight in its section."""

    id: str
    weight: float = 1.0


class LayoutSection(Record):
    """A scored section, its weight in the report and its dimensions."""

    id: str
    weight: float = 1.0
    dimensions: tuple[LayoutDimension, ...]


class ReportLayout(Record):
    """Which dimensions make up which section, on which scale."""

    sections: tuple[LayoutSection, ...]
    scale: tuple[int, ...]

    @classmethod
    def of_rubric(cls, content: Mapping[str, Any]) -> Self:
        """The layout of a rubric with sections, given by its content (`Rubric.model_dump()`, as audits store it).

        Raises `DataError` where it has no sections, or its dimensions have several scales.
        """
        name = f"rubric {content.get('id')!r}"
        if not content.get("sections"):
            raise DataError(
                f"{name}: expected sections, a report's score is a mean over them; add 'sections' to it"
            )
        scales = {tuple(one["scale"]) for one in content["dimensions"]}
        if len(scales) != 1 or max(next(iter(scales))) <= 0:
            raise DataError(
                f"{name}, scales {sorted(scales)!r}: expected one scale with a positive end for all dimensions; "
                "give them the same"
            )
        return cls(
            sections=tuple(
                LayoutSection(
                    id=section["id"],
                    weight=section.get("weight", 1.0),
                    dimensions=tuple(
                        LayoutDimension(id=one["id"], weight=one.get("weight", 1.0))
                        for one in content["dimensions"]
                        if one.get("section") == section["id"]
                    ),
                )
                for section in content["sections"]
            ),
            scale=next(iter(scales)),
        )

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(one.id for section in self.sections for one in section.dimensions)
