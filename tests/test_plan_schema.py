"""The JSON Schema of plan files: current, and of one mind with the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spinebench.errors import UsageError
from spinebench.runs.plan import RunPlan, plan_from
from spinebench.runs.plan_schema import SCHEMA_FILE, plan_schema

BASE: dict[str, Any] = {"benchmark": "b.json", "models": ["sim/careful"]}

ACCEPTED: dict[str, dict[str, Any]] = {
    "the least": {},
    "a model with options": {"models": [{"name": "local/x", "args": {"device": "cpu"}}, "sim/careful"]},
    "one model": {"models": "sim/careful"},
    "roles": {"model_roles": {"extractor": "google/gemini-2.5-pro"}},
    "a role with options": {"model_roles": {"extractor": {"name": "google/x", "args": {"a": 1}}}},
    "an audit": {
        "audit": {"judges": ["openai/x", {"name": "anthropic/y", "args": {"a": 1}}], "per_cell": 20}
    },
    "an audit by one judge": {
        "audit": {"judges": "sim/judge-strict", "rubrics": "reasoning", "mode": "common"}
    },
    "an audit by a role": {"model_roles": {"judge": "openai/x"}, "audit": {"repeats": 2}},
    "limit as a number": {"limit": 10},
    "limit as a range": {"limit": "10-20"},
    "no limit of size": {"longest_side": None},
    "everything else": {
        "personas": ["surgeon", "own.txt"],
        "image_conditions": ["normal", "blank", "none", "swapped"],
        "tasks": ["diagnosis"],
        "epochs": 3,
        "shuffle_options": 7,
        "temperature": 0.2,
        "reasoning_effort": "high",
        "adaptive_connections": True,
        "budget_usd": 40,
        "prices": {"openai/x": {"input": 1, "output": 2}},
        "gates": ["overall >= 0.25", "healthy_misdiagnosis of a/b <= 0.2 (upper bound)"],
        "fail_on_error": 0.1,
    },
    "one gate": {"gates": "alpha_judge_vs_clinicians[clinical_rationality] >= 0.6"},
    "the schema's own address": {"$schema": "plan.schema.json"},
}
REFUSED: dict[str, dict[str, Any]] = {
    "unknown key": {"benchmrk": "x"},
    "no model": {"models": []},
    "a model without a name": {"models": [{"args": {}}]},
    "an unknown task": {"tasks": ["poetry"]},
    "an unknown condition": {"image_conditions": ["dark"]},
    "limit": {"limit": "ten"},
    "limit 0": {"limit": 0},
    "epochs": {"epochs": 0},
    "temperature": {"temperature": 5},
    "a gate": {"gates": ["beauty >= 0.5"]},
    "a gate above one": {"gates": ["overall >= 50"]},
    "a gate that is no text": {"gates": [{"metric": "overall", "at_least": 0.5}]},
    "effort": {"reasoning_effort": "enormous"},
    "an audit's unknown key": {"audit": {"per_cel": 3}},
    "an audit's sample": {"audit": {"per_cell": 0}},
    "no rubrics": {"audit": {"rubrics": []}},
    "no personas": {"personas": []},
}


def test_the_shipped_schema_is_current() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == plan_schema(), (
        "write it again: python -m spinebench.runs.plan_schema"
    )


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(plan_schema())
    assert set(RunPlan.model_fields) | {"$schema"} == set(plan_schema()["properties"])


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED)
def test_schema_and_reader_accept(tmp_path: Path, change: dict[str, Any]) -> None:
    document = {**BASE, **change}
    jsonschema.Draft202012Validator(plan_schema()).validate(document)
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(document))
    assert isinstance(plan_from(flags={}, file=file), RunPlan)


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_schema_and_reader_refuse(tmp_path: Path, change: dict[str, Any]) -> None:
    document = {**BASE, **change}
    assert not jsonschema.Draft202012Validator(plan_schema()).is_valid(document)
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(UsageError):
        plan_from(flags={}, file=file)


def test_the_example_of_the_documentation_is_a_plan(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "plan-file.md").read_text("utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    document = yaml.safe_load(example)
    jsonschema.Draft202012Validator(plan_schema()).validate(document)
    file = tmp_path / "plan.yaml"
    file.write_text(example)
    assert plan_from(flags={}, file=file).epochs == 3
    for name in RunPlan.model_fields:
        assert f"`{name}`" in page or name == "prices", f"docs/plan-file.md leaves out {name}"
