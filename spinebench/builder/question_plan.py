"""The plan of writing wordings: flags of `spinebench build questions` and their help."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from spinebench.records import Language, Task
from spinebench.runs.plan_fields import MODELS, Flag, MaxConnections, ModelEntry, RoleSettings

_WORDINGS = "Wordings"


class WritingPlan(RoleSettings):
    """How many wordings of what are written, by which models, within which limits."""

    ROLES: ClassVar[tuple[str, ...]] = ("writer", "judge")

    task: Annotated[Literal[Task.DIAGNOSIS, Task.LOCALIZATION], Flag("--task", _WORDINGS)] = Field(
        description="What the wordings ask for."
    )
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
    model_roles: Annotated[dict[str, ModelEntry], Flag("--model-role", MODELS)] = Field(
        default_factory=dict, description="Other models: writer=provider/id, judge=provider/id."
    )
    max_connections: MaxConnections = 8
