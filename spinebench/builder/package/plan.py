"""What a plan says about the package."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from spinebench.records import Record

QuestionFormat = Literal["native", "released"]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Of a benchmark or a split: it becomes a file's name and an id in the Croissant file."""


class PackagePlan(Record):
    """Section `package` of a plan."""

    name: str = Field(
        default="benchmark", pattern=NAME, description="Short name: letters, digits, '.', '_', '-'."
    )
    version: str = Field(default="0.1.0", pattern=r"^\d+\.\d+\.\d+$", description="MAJOR.MINOR.PATCH.")
    title: str | None = Field(default=None, min_length=1, description="Shown on the card. Default: the name.")
    description: str | None = Field(
        default=None,
        min_length=1,
        description="One paragraph for the card and the Croissant file. Default: a sentence on the questions and on "
        "where their wrong options come from.",
    )
    creators: tuple[str, ...] = Field(default=(), description="Names of persons or organizations.")
    citation: str | None = Field(
        default=None, min_length=1, description="How to cite the benchmark, BibTeX or text."
    )
    url: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="Page of the benchmark, if there is one."
    )
    date_published: date | None = Field(default=None, description="YYYY-MM-DD; never taken from the clock.")
    formats: tuple[QuestionFormat, ...] = Field(
        default=("native", "released"),
        min_length=1,
        description="native: JSON lines of this package; released: JSON list of the pathology benchmark.",
    )
    include_images: Literal["where-allowed", "never"] = Field(
        default="where-allowed",
        description="Images in the release: where the source's licence allows copies, or none at all.",
    )
    limits: tuple[str, ...] = Field(
        default=(), description="Known limits, added to those found while building."
    )
    intended_use: tuple[str, ...] = Field(default=(), description="Added to the card's intended uses.")
    not_intended: tuple[str, ...] = Field(
        default=(), description="Added to the card's uses that are not intended."
    )

    @field_validator("formats")
    @classmethod
    def _each_once(cls, formats: tuple[QuestionFormat, ...]) -> tuple[QuestionFormat, ...]:
        return tuple(dict.fromkeys(formats))
