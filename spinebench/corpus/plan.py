"""The plan of a corpus: one model that gives the flags of `spinebench build corpus` and their help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from spinebench.runs.plan_fields import MODELS, FailOnError, Flag, ModelEntry, RoleSettings

_DOCUMENTS = "Documents and questions"
PAGE = "docs/corpus.md"


class Kind(StrEnum):
    """What is made: of a figure with its text, or of a paragraph alone."""

    IMAGE_MCQ = "image-mcq"
    IMAGE_OPEN = "image-open"
    TEXT_MCQ = "text-mcq"


class CorpusPlan(RoleSettings):
    """Which questions are made of which documents, by which models, and within which limits."""

    ROLES: ClassVar[tuple[str, ...]] = ("checker", "drafter", "reviser")

    documents: str = Field(description="Folder of Markdown files with their figures.")
    kinds: Annotated[tuple[Kind, ...], Flag("--kind", _DOCUMENTS)] = Field(
        default=(Kind.IMAGE_MCQ, Kind.IMAGE_OPEN),
        min_length=1,
        description="What is made of a figure (image-...) or of a paragraph (text-mcq) (repeatable).",
    )
    test_sets: Annotated[tuple[str, ...], Flag("--test-set", _DOCUMENTS)] = Field(
        default=(), description="Benchmark file that no question or figure may repeat (repeatable)."
    )
    name: Annotated[str, Flag("--name", _DOCUMENTS)] = Field(
        default="corpus", min_length=1, description="Name of the benchmark that is built."
    )
    shortest_paragraph: Annotated[int, Flag("--shortest-paragraph", _DOCUMENTS)] = Field(
        default=200,
        ge=1,
        description="Characters that a paragraph needs for a text-mcq; a Chinese character counts as two.",
    )
    allow_identifiers: Annotated[bool, Flag("--allow-identifiers", _DOCUMENTS)] = Field(
        default=False, description="Use documents and figures that look like they identify a person."
    )
    workers: Annotated[int | None, Flag("--workers", _DOCUMENTS)] = Field(
        default=None, ge=1, description="Processes that read documents; default: one per core."
    )

    model_roles: Annotated[dict[str, ModelEntry], Flag("--model-role", MODELS)] = Field(
        default_factory=dict,
        description="Other models: checker=provider/id, drafter=provider/id, reviser=provider/id.",
    )
    fail_on_error: FailOnError = 0.0
