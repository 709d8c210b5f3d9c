"""The plan file of a build: one section per stage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, model_validator

from spinebench.builder.audit.plan import AuditPlan
from spinebench.builder.embed_stage import EmbedSection
from spinebench.builder.importers import Source, kinds
from spinebench.builder.options import ItemPolicy
from spinebench.builder.package import PackagePlan, SourceFacts, source_facts
from spinebench.builder.question_pool import SHIPPED, QuestionPlan
from spinebench.builder.review.plan import ReviewPlan
from spinebench.builder.selection_plan import SelectionPlan
from spinebench.builder.severity import DEFAULT_POLICY
from spinebench.builder.standardizing import StandardPolicy
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import UsageError
from spinebench.models.checkpoint import require_packages
from spinebench.records import Record
from spinebench.runs.plan_reading import from_folder, read_plan
from spinebench.terms import canonical_disease

PAGE: Final = "docs/builder.md"
_SEEDED: Final = ("review", "select", "audit")
_SHIPPED_POLICIES: Final = ("moderate-severe", "published")


class SourceTerms(Record):
    """Under which terms a source of one's own (`kind: table`) may be used; those of the others are listed already."""

    licence: str | None = Field(default=None, description="Name of the licence, e.g. CC BY 4.0.")
    redistribution: bool = Field(default=False, description="Whether copies of the images may be given on.")
    non_commercial: bool | None = Field(default=None, description="Whether commercial use is forbidden.")
    citation: str | None = Field(default=None, description="How to cite the source.")
    where: str | None = Field(default=None, description="Where to get one's own copy, or to ask.")


class BuildPlan(Record):
    """From which sources, by which rules, which benchmark is built."""

    sources: tuple[Source, ...] = Field(min_length=1, description="Source data sets and where they lie.")
    terms: dict[str, SourceTerms] = Field(
        default_factory=dict, description="By source name: terms of sources of one's own."
    )
    vocabulary: Vocabulary = Field(
        default_factory=Vocabulary.default,
        description="Diseases that are told apart; by default the eleven of the pathology benchmark.",
    )
    severity: str = Field(
        default=DEFAULT_POLICY,
        description="Which severities count as disease: moderate-severe, published (all), or a YAML file.",
    )
    standardize: StandardPolicy = Field(default_factory=StandardPolicy)
    embed: EmbedSection | None = Field(
        default=None,
        description="The encoder of similarities. Left out: wrong options are drawn by the seed, which "
        "items.missing_similarities: random has to allow.",
    )
    items: ItemPolicy = Field(default_factory=ItemPolicy)
    questions: QuestionPlan = Field(default_factory=QuestionPlan)
    review: ReviewPlan = Field(default_factory=ReviewPlan)
    select: SelectionPlan = Field(default_factory=SelectionPlan)
    audit: AuditPlan = Field(default_factory=AuditPlan)
    package: PackagePlan = Field(default_factory=PackagePlan)
    seed: int = Field(
        default=0,
        ge=0,
        description="Of every draw; the sections review, select and audit may have their own.",
    )

    @model_validator(mode="before")
    @classmethod
    def _seed_of_sections(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("seed"), int):
            return values
        sections = {name: values.get(name) or {} for name in _SEEDED}
        return {
            **values,
            **{
                name: {"seed": values["seed"], **section}
                for name, section in sections.items()
                if isinstance(section, dict)
            },
        }

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = kinds(self.sources)
        if unknown := sorted(set(self.terms) - set(known)):
            raise ValueError(f"terms of {unknown!r}: expected names of sources ({', '.join(known)})")
        if self.embed is None and self.items.missing_similarities != "random":
            raise ValueError(
                "embed: expected an encoder, or items.missing_similarities: random (wrong options by the seed)"
            )
        if "released" in self.package.formats:
            for name in (self.vocabulary.healthy, *self.vocabulary.diseases):
                if (read := canonical_disease(name) or name) != name:
                    raise ValueError(
                        f"vocabulary, {name!r}: the released format would read it as {read!r}; write it so, or set "
                        "package.formats: [native]"
                    )
        return self

    def facts(self) -> tuple[SourceFacts, ...]:
        """Licences and origins of the sources. Raises `UsageError` where the plan contradicts what is known."""
        return tuple(
            source_facts(
                one.kind, name=one.source_name, **self.terms.get(one.source_name, SourceTerms()).model_dump()
            )
            for one in self.sources
        )


def read_build_plan(file: Path) -> BuildPlan:
    """The plan of a YAML file, whose paths count from its folder. Raises `UsageError`."""
    plan = read_plan(BuildPlan, flags={}, file=file, environ=None, prefix="", relocate=_relocate, page=PAGE)
    for source in plan.sources:
        if not Path(source.folder).is_dir():
            raise UsageError(
                f"folder {source.folder!r} of source {source.source_name!r}: expected the folder of your own copy, "
                "found none; correct it in the plan"
            )
    encoders = () if plan.embed is None else (plan.embed.encoder, *plan.embed.compare)
    for encoder in encoders:
        # Asked for at once: the hub is tried for half a minute before it says that it knows no such model.
        looks_like_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", encoder.model) and not encoder.model.startswith(".")
        if encoder.factory is None and not looks_like_hub and not Path(encoder.model).is_dir():
            raise UsageError(
                f"encoder {encoder.model!r}: expected a folder with a checkpoint, or a hub id organization/name, found "
                "neither; correct embed in the plan"
            )
        if encoder.factory is None:
            require_packages(f"encoder {encoder.model!r}")
    plan.facts()
    return plan


def _relocate(values: dict[str, Any], folder: Path) -> None:
    for source in values.get("sources") or []:
        if isinstance(source, dict) and isinstance(source.get("folder"), str):
            source["folder"] = from_folder(folder, source["folder"])
    severity = values.get("severity")
    if isinstance(severity, str) and severity not in _SHIPPED_POLICIES:
        values["severity"] = from_folder(folder, severity)
    embed = values.get("embed")
    if isinstance(embed, dict):
        for encoder in [embed.get("encoder"), *(embed.get("compare") or [])]:
            # A hub id such as google/siglip2 stays what it is; a folder that is there counts from the plan.
            if isinstance(encoder, dict) and isinstance(encoder.get("model"), str):
                there = from_folder(folder, encoder["model"])
                encoder["model"] = there if Path(there).exists() else encoder["model"]
    questions = values.get("questions")
    if isinstance(questions, dict) and isinstance(questions.get("pools"), list):
        questions["pools"] = [
            one if one == SHIPPED or not isinstance(one, str) else from_folder(folder, one)
            for one in questions["pools"]
        ]
