"""The settings of a pre-screen: flags of `spinebench build review prescreen` and their help."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from spinebench.records import JsonValue
from spinebench.runs.plan_fields import CallSettings, FailOnError, Flag, ModelEntry


class PrescreenPlan(CallSettings):
    """Which model looks through the items, and within which limits."""

    model: Annotated[ModelEntry, Flag("--model -m", "Model")] = Field(
        description="Model that sees picture and marked answer, provider/id."
    )
    model_args: Annotated[dict[str, JsonValue], Flag("-M", "Model")] = Field(
        default_factory=dict, description="Option for the model, key=value (repeatable)."
    )
    fail_on_error: FailOnError = 0.0
