"""The plan of a run: one model that gives flags, plan-file keys, help texts and the JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from spinebench.agents.personas import PERSONAS
from spinebench.models.gateway import GatewayPolicy
from spinebench.records import DecodingOptions, ImageCondition, JsonValue, Language, Record, Task
from spinebench.runs.audit_section import AuditSection, relocate_section
from spinebench.runs.gates import GateText
from spinebench.runs.plan_fields import (
    DECODE,
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
from spinebench.runs.plan_reading import from_folder, read_plan, relocated_names, validated

_LIMIT = "^[1-9][0-9]*(-[1-9][0-9]*)?$"


def _a_limit(value: str) -> str:
    if re.match(_LIMIT, value) is None or value.endswith("\n"):
        raise ValueError(f"{value!r}: expected a number or a range, e.g. 10 or 11-20")
    return value


Limit = Annotated[str, AfterValidator(_a_limit), WithJsonSchema({"type": "string", "pattern": _LIMIT})]

_ASK, _MODEL = "What is asked", "Models"
_IMAGES = "Images"

PAGE = "docs/plan-file.md"

LISTS = ("tasks", "languages", "sample_ids", "personas", "image_conditions", "models", "gates")
"""Fields that hold several values; one alone may be written without a list."""


class RunPlan(Record):
    """Which models sit which items, how, and within which limits."""

    model_config = ConfigDict(
        ser_json_inf_nan="strings",  # in JSON an infinite timeout would become null: the default
        coerce_numbers_to_str=True,  # YAML reads the id 17 as a number
    )

    benchmark: Annotated[str, Flag("--benchmark -b", _ASK)] = Field(
        description="Benchmark file: the released pathology JSON or native JSONL."
    )
    image_root: Annotated[str | None, Flag("--images", _ASK)] = Field(
        default=None, description="Folder of the images; default: the benchmark file's own."
    )
    tasks: Annotated[tuple[Task, ...], Flag("--task", _ASK)] = Field(
        default=(), description="Only items of this task (repeatable)."
    )
    languages: Annotated[tuple[Language, ...], Flag("--language", _ASK)] = Field(
        default=(), description="Only items in this language: en, zh, zh-CN (repeatable)."
    )
    limit: Annotated[Limit | None, Flag("--limit", _ASK)] = Field(
        default=None,
        description="Only the first N items, or items N-M, counted from 1. Stamps the run partial.",
    )
    sample_ids: Annotated[tuple[str, ...], Flag("--sample-id", _ASK)] = Field(
        default=(), description="Only the item with this id (repeatable). Stamps the run partial."
    )
    personas: Annotated[tuple[str, ...], Flag("--persona", _ASK)] = Field(
        default=("surgeon",),
        min_length=1,
        description="surgeon, radiologist, none, or the path of a template file (repeatable).",
    )
    image_conditions: Annotated[tuple[ImageCondition, ...], Flag("--image-condition", _ASK)] = Field(
        default=(ImageCondition.NORMAL,), min_length=1, description="What the model is shown (repeatable)."
    )
    shuffle_options: Annotated[int | None, Flag("--shuffle-options", _ASK)] = Field(
        default=None, description="Shuffle each item's options with this seed; the order is recorded."
    )
    rotate_options: Annotated[bool, Flag("--rotate-options", _ASK)] = Field(
        default=False, description="Ask every item once per rotation of its options."
    )
    epochs: Annotated[int, Flag("--epochs", _ASK)] = Field(
        default=1, ge=1, description="How often each question is asked."
    )
    closing_phrases: Annotated[tuple[str, ...], Flag("--phrase", _ASK)] = Field(
        default=(), description="Closing phrase of your own template, a regular expression (repeatable)."
    )
    skip_invalid: Annotated[bool, Flag("--skip-invalid", _ASK)] = Field(
        default=False, description="Leave malformed records out, counted and listed, instead of stopping."
    )

    models: Annotated[tuple[ModelEntry, ...], Flag("--model -m", _MODEL)] = Field(
        min_length=1, description="Model to examine, provider/id (repeatable)."
    )
    model_args: Annotated[dict[str, JsonValue], Flag("-M", _MODEL)] = Field(
        default_factory=dict, description="Option for every examined model, key=value (repeatable)."
    )
    model_roles: Annotated[dict[str, ModelEntry], Flag("--model-role", _MODEL)] = Field(
        default_factory=dict, description="Models for other roles: extractor=provider/id, judge=provider/id."
    )

    temperature: Temperature = None
    top_p: Annotated[float | None, Flag("--top-p", DECODE)] = Field(
        default=None, gt=0, le=1, description="Nucleus sampling; default: the provider's."
    )
    max_tokens: MaxTokens = None
    model_seed: Annotated[int | None, Flag("--model-seed", DECODE)] = Field(
        default=None, description="Seed sent to the provider, where it takes one."
    )
    reasoning_effort: ReasoningEffort = None
    thinking_budget: ThinkingBudget = None

    longest_side: Annotated[int | None, Flag("--longest-side", _IMAGES)] = Field(
        default=2048, ge=32, description="Scale larger images down to this many pixels."
    )
    image_format: Annotated[Literal["auto", "png", "jpeg"], Flag("--image-format", _IMAGES)] = Field(
        default="auto",
        description="Format that images are sent in; auto sends PNG and JPEG files as they are.",
    )
    allow_identifiers: Annotated[bool, Flag("--allow-identifiers", _IMAGES)] = Field(
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
        default=0, description="Seed of swapped images, simulated models and resampling; stored."
    )
    fail_on_error: FailOnError = 0.0
    gates: tuple[GateText, ...] = Field(
        default=(), description="Conditions such as 'overall >= 0.25'; missed: exit code 1."
    )
    audit: AuditSection | None = Field(
        default=None,
        description="How the answers are audited when the exam is done; without it they are not.",
    )

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str | dict | ModelEntry) else value

    @field_validator("limit", mode="before")
    @classmethod
    def _limit_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rotate_options and self.shuffle_options is not None:
            raise ValueError("rotate_options and shuffle_options: expected at most one of the two")
        for name, values in (("personas", self.personas), ("image_conditions", self.image_conditions)):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} {list(values)!r}: expected each value once")
        unknown = set(self.model_roles) - {"extractor", "judge"}
        if unknown:
            raise ValueError(f"model_roles {sorted(unknown)!r}: expected only 'extractor' and 'judge'")
        if "judge" in self.model_roles and self.audit is not None and self.audit.judges:
            raise ValueError("model_roles.judge and audit.judges: expected one of the two to name the judges")
        return self

    def decoding(self) -> DecodingOptions:
        """The decoding options of every examinee call."""
        return DecodingOptions(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.model_seed,
            reasoning_effort=self.reasoning_effort,
            thinking_budget=self.thinking_budget,
        )

    def audit_section(self) -> AuditSection | None:
        """How the answers are to be audited; a judge in `model_roles` asks for an audit by itself."""
        return AuditSection() if self.audit is None and "judge" in self.model_roles else self.audit

    def gateway_policy(self) -> GatewayPolicy:
        """The limits of the gateway; no part of the run's digest."""
        return policy_of(self, seed=self.seed)


def plan_from(
    *,
    flags: Mapping[str, Any],
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> RunPlan:
    """A plan by precedence flag > plan file > environment (`SPINEBENCH_<FIELD>`) > default.

    `flags` holds only what was given on the command line. Paths in a plan file count from the file's folder.
    Raises `UsageError` naming an unknown key with the nearest known one, or the field, value and expectation.
    """
    return read_plan(
        RunPlan,
        flags=flags,
        file=file,
        environ=environ,
        prefix="SPINEBENCH_",
        relocate=_relocate,
        page=PAGE,
    )


def plan_of(values: Mapping[str, Any]) -> RunPlan:
    """The plan of a mapping of its fields. Raises `UsageError` naming field, value and what was expected."""
    return validated(RunPlan, values, page=PAGE)


def _relocate(data: dict[str, Any], folder: Path) -> None:
    for key in ("benchmark", "image_root"):
        if isinstance(data.get(key), str):
            data[key] = from_folder(folder, data[key])
    if "personas" in data:
        data["personas"] = relocated_names(data["personas"], folder, known=PERSONAS)
    if isinstance(data.get("audit"), dict):
        relocate_section(data["audit"], folder)
