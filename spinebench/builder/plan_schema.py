"""The JSON Schema of a build's plan file, for editors: `python -m spinebench.builder.plan_schema` writes it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spinebench.builder.plan import BuildPlan

SCHEMA_FILE = Path(__file__).with_name("plan.schema.json")


def plan_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a build's plan file."""
    schema = BuildPlan.model_json_schema()
    schema["properties"]["$schema"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "spinebench build plan",
    }


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")
