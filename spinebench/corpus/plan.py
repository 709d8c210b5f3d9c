"""The plan of a corpus: one model that gives the flags of `spinebench build corpus` and their help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from spinebench.models.gateway import GatewayPolicy
from spinebench.models.policy import IN_PROCESS
from spinebench.models.registry import canonical_name
from spinebench.records import DecodingOptions, JsonValue, Record
from spinebench.runs.plan_fields import (
    DECODE,
    AdaptiveConnections,
    BudgetUsd,
    FailOnError,
    Flag,
    ItemTimeout,
    MaxConnections,
    MaxRetries,
    MaxTokens,
    ModelEntry,
    Reuse,
    Temperature,
    Timeout,
    TokenLimit,
    policy_of,
)

_DOCUMENTS, _MODEL = "Documents and questions", "Models"
PAGE = "docs/corpus.md"
ROLES = ("checker", "drafter", "reviser")


class Kind(StrEnum):
    """What is made: of a figure with its text, or of a paragraph alone."""

    IMAGE_MCQ = "image-mcq"
    IMAGE_OPEN = "image-open"
    TEXT_MCQ = "text-mcq"


class CorpusPlan(Record):
    """Which questions are made of which documents, by which models, and within which limits."""

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

    model: Annotated[ModelEntry, Flag("--model -m", _MODEL)] = Field(
        description="Model for all roles that --model-role does not give, provider/id."
    )
    model_args: Annotated[dict[str, JsonValue], Flag("-M", _MODEL)] = Field(
        default_factory=dict, description="Option for every model, key=value (repeatable)."
    )
    model_roles: Annotated[dict[str, ModelEntry], Flag("--model-role", _MODEL)] = Field(
        default_factory=dict,
        description="Other models: checker=provider/id, drafter=provider/id, reviser=provider/id.",
    )
    temperature: Temperature = None
    max_tokens: MaxTokens = None
    model_seed: Annotated[int | None, Flag("--model-seed", DECODE)] = Field(
        default=None, description="Seed sent to the provider, where it takes one."
    )

    max_connections: MaxConnections = 16
    adaptive_connections: AdaptiveConnections = False
    max_retries: MaxRetries = 6
    timeout: Timeout = None
    item_timeout: ItemTimeout = None
    budget_usd: BudgetUsd = None
    token_limit: TokenLimit = None
    reuse: Reuse = True
    fail_on_error: FailOnError = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if unknown := sorted(set(self.model_roles) - set(ROLES)):
            raise ValueError(f"model_roles {unknown!r}: expected only {', '.join(ROLES)}")
        for role in ROLES:
            name = canonical_name(self.role(role).name)
            if name.partition("/")[0] in IN_PROCESS - {"local"}:
                raise ValueError(f"model {name!r}: expected a model that writes texts of its own")
        return self

    def role(self, role: str) -> ModelEntry:
        """The model of a role: `checker`, `drafter` or `reviser`."""
        return self.model_roles.get(role, self.model)

    def decoding(self) -> DecodingOptions:
        """The decoding options of every call."""
        return DecodingOptions(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.model_seed)

    def gateway_policy(self) -> GatewayPolicy:
        """The limits of the gateway."""
        return policy_of(self)
