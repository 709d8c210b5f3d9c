"""The settings of a pre-screen: flags of `spinebench build review prescreen` and their help."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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
)


class PrescreenPlan(Record):
    """Which model looks through the items, and within which limits."""

    model: Annotated[ModelEntry, Flag("--model -m", "Model")] = Field(
        description="Model that sees picture and marked answer, provider/id."
    )
    model_args: Annotated[dict[str, JsonValue], Flag("-M", "Model")] = Field(
        default_factory=dict, description="Option for the model, key=value (repeatable)."
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

    def decoding(self) -> DecodingOptions:
        """The decoding options of every call."""
        return DecodingOptions(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.model_seed)
