"""The plan of writing wordings: flags of `spinebench build questions` and their help."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spinebench.builder.question_pool import TASKS
from spinebench.models.policy import IN_PROCESS
from spinebench.models.registry import canonical_name
from spinebench.records import DecodingOptions, JsonValue, Language, Record, Task
from spinebench.runs.plan_fields import (
    DECODE,
    AdaptiveConnections,
    BudgetUsd,
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
)

ROLES = ("writer", "judge")
_WORDINGS, _MODEL = "Wordings", "Models"


class WritingPlan(Record):
    """How many wordings of what are written, by which models, within which limits."""

    task: Annotated[Task, Flag("--task", _WORDINGS)] = Field(description="diagnosis or localization.")
    language: Annotated[Language, Flag("--language", _WORDINGS)] = Field(
        default="en", description="en or zh, or one with a region."
    )
    n: Annotated[int, Flag("--n", _WORDINGS)] = Field(
        default=20, ge=1, le=200, description="Wordings that are wanted."
    )
    rounds: Annotated[int, Flag("--rounds", _WORDINGS)] = Field(
        default=4, ge=1, le=20, description="How often the writer is asked for what is still missing."
    )
    reference: Annotated[str | None, Flag("--reference", _WORDINGS)] = Field(
        default=None, description="Question that all wordings have to ask; default: that of the shipped pool."
    )
    pools: Annotated[tuple[str, ...], Flag("--pool", _WORDINGS)] = Field(
        default=(), description="Pool file, or 'shipped', whose wordings must not be repeated (repeatable)."
    )
    model: Annotated[ModelEntry, Flag("--model -m", _MODEL)] = Field(
        description="Model for both roles unless --model-role gives another, provider/id."
    )
    model_args: Annotated[dict[str, JsonValue], Flag("-M", _MODEL)] = Field(
        default_factory=dict, description="Option for every model, key=value (repeatable)."
    )
    model_roles: Annotated[dict[str, ModelEntry], Flag("--model-role", _MODEL)] = Field(
        default_factory=dict, description="Other models: writer=provider/id, judge=provider/id."
    )
    temperature: Temperature = None
    max_tokens: MaxTokens = None
    model_seed: Annotated[int | None, Flag("--model-seed", DECODE)] = Field(
        default=None, description="Seed sent to the provider, where it takes one."
    )
    max_connections: MaxConnections = 8
    adaptive_connections: AdaptiveConnections = False
    max_retries: MaxRetries = 6
    timeout: Timeout = None
    item_timeout: ItemTimeout = None
    budget_usd: BudgetUsd = None
    token_limit: TokenLimit = None
    reuse: Reuse = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.task not in TASKS:
            raise ValueError(
                f"task {self.task.value!r}: expected {' or '.join(task.value for task in TASKS)}"
            )
        if unknown := sorted(set(self.model_roles) - set(ROLES)):
            raise ValueError(f"model_roles {unknown!r}: expected only {', '.join(ROLES)}")
        for role in ROLES:
            name = canonical_name(self.role(role).name)
            if name.partition("/")[0] in IN_PROCESS - {"local"}:
                raise ValueError(f"model {name!r}: expected a model that writes texts of its own")
        return self

    def role(self, role: str) -> ModelEntry:
        """The model of a role: `writer` or `judge`."""
        return self.model_roles.get(role, self.model)

    def decoding(self) -> DecodingOptions:
        """The decoding options of every call."""
        return DecodingOptions(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.model_seed)
