"""YAML as plans are written in it: no key twice, and nothing that JSON could not hold."""

from __future__ import annotations

from typing import Any

import yaml

from spinebench.errors import UsageError

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _PlanLoader(yaml.SafeLoader):
    """A safe loader that leaves dates as text (`revision: 2025-06-01`) and refuses a repeated key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key_node.value!r} a second time", key_node.start_mark
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


# A copy: the resolvers of the parent class belong to every other user of the library.
_PlanLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, *, source: str) -> Any:
    """The value of a YAML text. Raises `UsageError` that names `source` and, where known, line and column."""
    try:
        return yaml.load(text, _PlanLoader)
    except yaml.YAMLError as error:
        raise UsageError(f"{source}: expected YAML, found {_found(error)}; correct it there") from error


def _found(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    mark = getattr(error, "problem_mark", None)
    return problem if mark is None else f"{problem} in line {mark.line + 1}, column {mark.column + 1}"
