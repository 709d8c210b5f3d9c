"""The JSON Schema of plan files, for editors: `python -m spinebench.runs.plan_schema` writes it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spinebench.runs.audit_section import SECTION_LISTS
from spinebench.runs.plan import LISTS, RunPlan

SCHEMA_FILE = Path(__file__).with_name("plan.schema.json")


def plan_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a plan file."""
    schema = RunPlan.model_json_schema()
    # In a file a model may be written as its bare string; the validator that accepts it is code, not schema.
    entry = schema["$defs"]["ModelEntry"]
    schema["$defs"]["ModelEntry"] = {"anyOf": [{"type": "string"}, entry], "title": "ModelEntry"}
    schema["properties"]["limit"]["anyOf"].append({"type": "integer", "minimum": 1})
    schema["properties"]["sample_ids"]["items"] = {"type": ["string", "integer"]}
    section = schema["$defs"]["AuditSection"]["properties"]
    for field in (
        *(schema["properties"][name] for name in LISTS),
        *(section[name] for name in SECTION_LISTS),
    ):
        several = {key: field.pop(key) for key in ("type", "items", "minItems") if key in field}
        field["anyOf"] = [several["items"], several]
    schema["properties"]["$schema"] = {"type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "spinebench plan"}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")
