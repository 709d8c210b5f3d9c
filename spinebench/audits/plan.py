"""The plan of an audit: one model that gives flags, plan-file keys, help texts and the stored plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from spinebench.errors import UsageError
from spinebench.runs.audit_section import AuditSection, relocate_section
from spinebench.runs.gates import GateText, parse_gate
from spinebench.runs.plan import RunPlan
from spinebench.runs.plan_fields import RULES, Flag
from spinebench.runs.plan_reading import read_plan, validated

PAGE = "docs/audit.md"

_SHARED = (
    "max_connections", "adaptive_connections", "max_retries", "timeout", "item_timeout", "prices", "reuse", "seed",
)  # fmt: skip
"""What an `audit:` section takes over from its run's plan where it says nothing of its own."""


class AuditPlan(AuditSection):
    """Which traces of which runs are drawn, who judges them, and within which limits."""

    model_config = ConfigDict(ser_json_inf_nan="strings")  # in JSON an infinite timeout would become null

    runs: tuple[str, ...] = Field(
        min_length=1, description="Ids of the runs to audit, their unique beginnings, or 'latest'."
    )

    gates: Annotated[tuple[GateText, ...], Flag("--gate", RULES)] = Field(
        default=(),
        description="Condition on its figures, e.g. 'judge_unparsed_share <= 0.1' (repeatable); missed: exit code 1.",
    )

    @field_validator("runs", "gates", mode="before")
    @classmethod
    def _one_alone(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _gates_of_an_audit(self) -> Self:
        for text in self.gates:
            if not parse_gate(text).of_audit:
                raise ValueError(
                    f"gate {text!r}: expected one on a figure of an audit; put it into the run's plan"
                )
        return self


def audit_plan_from(
    *,
    flags: Mapping[str, Any],
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AuditPlan:
    """A plan by precedence flag > plan file > environment (`SPINEBENCH_AUDIT_<FIELD>`) > default.

    `flags` holds only what was given on the command line. Paths in a plan file count from the file's folder.
    Raises `UsageError` naming an unknown key with the nearest known one, or the field, value and expectation.
    """
    return read_plan(
        AuditPlan,
        flags=flags,
        file=file,
        environ=environ,
        prefix="SPINEBENCH_AUDIT_",
        relocate=relocate_section,
        page=PAGE,
    )


def audit_plan_of(values: Mapping[str, Any]) -> AuditPlan:
    """The plan of a mapping of its fields. Raises `UsageError` naming field, value and what was expected."""
    return validated(AuditPlan, values, page=PAGE)


def audit_plan_of_run(plan: RunPlan, run_ids: Sequence[str]) -> AuditPlan:
    """The audit that a run's plan asks for: its `audit:` section, or the defaults with the judge of its roles.

    Its gates are those of the run's plan that are set on figures of an audit. Limits, prices and seed that the
    section does not set are the run's; budgets are the section's alone. Raises `UsageError` where the plan asks for
    no audit.
    """
    section = plan.audit_section()
    if section is None:
        raise UsageError("plan: expected an audit; give it an 'audit' section, or a judge in model_roles")
    own = {name: getattr(section, name) for name in section.model_fields_set}
    shared = {name: getattr(plan, name) for name in _SHARED if name in plan.model_fields_set}
    judge = plan.model_roles.get("judge")
    if judge is not None and not own.get("judges"):
        own["judges"] = (judge,)
    gates = tuple(text for text in plan.gates if parse_gate(text).of_audit)
    return audit_plan_of({**shared, **own, "gates": gates, "runs": tuple(run_ids)})
