"""How the answers of a run are audited: the `audit:` section of a run's plan, and all but the runs of an audit's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from spinebench.audit_records import Blinding, SampleMode, StrataBy
from spinebench.models.gateway import GatewayPolicy
from spinebench.records import DecodingOptions, ImageCondition, JsonValue, Record, Task
from spinebench.rubrics.load import RUBRICS, SHIPPED
from spinebench.runs.plan_fields import (
    RULES,
    AdaptiveConnections,
    BudgetUsd,
    FailOnError,
    Flag,
    ItemTimeout,
    MaxConnections,
    MaxRetries,
    MaxTokens,
    ModelEntry,
    Prices,
    ReasoningEffort,
    Reuse,
    Temperature,
    ThinkingBudget,
    Timeout,
    TokenLimit,
    policy_of,
)
from spinebench.runs.plan_reading import relocated_names

_SAMPLE, _JUDGES, _SHOWN = "Sample", "Judges", "What judges see"

SECTION_LISTS = ("judges", "rubrics", "models", "tasks")
"""Fields that hold several values; one alone may be written without a list."""


class AuditSection(Record):
    """Which traces are drawn, who judges them against which rubrics, and within which limits."""

    per_cell: Annotated[int, Flag("--per-cell", _SAMPLE)] = Field(
        default=10, ge=1, description="Traces per model and task."
    )
    mode: Annotated[SampleMode, Flag("--mode", _SAMPLE)] = Field(
        default=SampleMode.MIXED,
        description="Each trace by itself, the same images for all models, or half and half.",
    )
    strata: Annotated[StrataBy, Flag("--strata", _SAMPLE)] = Field(
        default=StrataBy.CORRECT, description="What splits the traces of a model and task."
    )
    models: Annotated[tuple[str, ...], Flag("--model -m", _SAMPLE)] = Field(
        default=(), description="Only traces of this model of the runs (repeatable)."
    )
    tasks: Annotated[tuple[Task, ...], Flag("--task", _SAMPLE)] = Field(
        default=(), description="Only traces of this task (repeatable)."
    )
    image_condition: Annotated[ImageCondition, Flag("--image-condition", _SAMPLE)] = Field(
        default=ImageCondition.NORMAL, description="Only traces given under this image condition."
    )
    tuning_share: Annotated[float, Flag("--tuning-share", _SAMPLE)] = Field(
        default=0.0, ge=0, lt=1, description="Share of images set aside for bettering prompts and rubrics."
    )
    random_share: Annotated[float, Flag("--random-share", _SAMPLE)] = Field(
        default=0.2, ge=0, le=1, description="Share of traces that clinicians get without another reason."
    )

    judges: Annotated[tuple[ModelEntry, ...], Flag("--judge -j", _JUDGES)] = Field(
        default=(), description="Model that judges, provider/id (repeatable); none: clinicians only."
    )
    judge_args: Annotated[dict[str, JsonValue], Flag("-M", _JUDGES)] = Field(
        default_factory=dict, description="Option for every judge, key=value (repeatable)."
    )
    rubrics: Annotated[tuple[str, ...], Flag("--rubric", _JUDGES)] = Field(
        default=RUBRICS, min_length=1, description="A shipped rubric, or a rubric file (repeatable)."
    )
    repeats: Annotated[int, Flag("--repeats", _JUDGES)] = Field(
        default=1, ge=1, description="How often each judge scores each trace."
    )

    temperature: Temperature = None
    max_tokens: MaxTokens = None
    reasoning_effort: ReasoningEffort = None
    thinking_budget: ThinkingBudget = None

    text_only: Annotated[bool, Flag("--text-only", _SHOWN)] = Field(
        default=False, description="Judges do not see the image."
    )
    show_gold: Annotated[bool, Flag("--show-gold", _SHOWN)] = Field(
        default=False, description="Judges see the gold answer; stored with the audit."
    )
    image_root: Annotated[str | None, Flag("--images", _SHOWN)] = Field(
        default=None, description="Folder of the images; default: where each run has them from."
    )
    allow_identifiers: Annotated[bool, Flag("--allow-identifiers", _SHOWN)] = Field(
        default=False, description="Send texts and images that look like they identify a person."
    )

    max_connections: MaxConnections = 16
    adaptive_connections: AdaptiveConnections = False
    max_retries: MaxRetries = 6
    timeout: Timeout = None
    item_timeout: ItemTimeout = None
    budget_usd: BudgetUsd = None
    token_limit: TokenLimit = None
    prices: Prices = Field(default_factory=dict)
    reuse: Reuse = True

    seed: Annotated[int, Flag("--seed", RULES)] = Field(
        default=0, description="Seed of the draw, of the random share and of simulated judges; stored."
    )
    fail_on_error: FailOnError = 0.0

    @field_validator(*SECTION_LISTS, mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str | dict | ModelEntry) else value

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name, values in (("judges", [one.name for one in self.judges]), ("rubrics", list(self.rubrics))):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} {values!r}: expected each one once")
        return self

    def blinding(self) -> Blinding:
        """What judges are shown beside question, options and trace."""
        return Blinding(image=not self.text_only, gold=self.show_gold)

    def decoding(self) -> DecodingOptions:
        """The decoding options of every judge's call."""
        return DecodingOptions(
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
            thinking_budget=self.thinking_budget,
        )

    def gateway_policy(self) -> GatewayPolicy:
        """The limits of the gateway; no part of the audit's digest."""
        return policy_of(self, seed=self.seed)


def relocate_section(data: dict[str, Any], folder: Path) -> None:
    """Make the paths in an audit's part of a plan file count from the file's folder."""
    if isinstance(data.get("image_root"), str):
        data["image_root"] = str(folder / Path(data["image_root"]).expanduser())
    if "rubrics" in data:
        data["rubrics"] = relocated_names(data["rubrics"], folder, known=SHIPPED)
