"""The JSON Schema of rubric files, for editors: `python -m spinebench.rubrics.rubric_schema` writes it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spinebench.rubrics.rubric import Rubric

SCHEMA_FILE = Path(__file__).with_name("rubric.schema.json")


def rubric_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a rubric file."""
    schema = Rubric.model_json_schema()
    dimension = schema["$defs"]["Dimension"]["properties"]
    dimension["scale"] |= {"minItems": 2, "uniqueItems": True}
    dimension["anchors"] |= {"propertyNames": {"pattern": "^-?[0-9]+$"}, "minProperties": 2}
    dimension["anchors"]["additionalProperties"] |= {"pattern": "\\S"}
    for name in ("sections", "dimensions", "failure_modes"):
        schema["properties"][name].pop("default", None)
    schema["anyOf"] = [
        {"required": [name], "properties": {name: {"minItems": 1}}}
        for name in ("dimensions", "failure_modes")
    ]
    schema["properties"]["$schema"] = {"type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "spinebench rubric"}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(rubric_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")
