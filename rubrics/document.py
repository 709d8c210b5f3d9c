"""A YAML text as plain values, with the line of each: keys given twice and values that JSON has not are told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""Keys and positions from the top of the document."""

_PREFIX = "tag:yaml.org,2002:"
_MOST_NODES = 50_000
"""Values of a document, aliases written out: a short text can otherwise stand for millions of them."""


class _Loader(yaml.SafeLoader):
    """Reads plain scalars as YAML 1.2 does: `no` (Norwegian), dates and `1:30` stay text."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    (
        "float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(_PREFIX + _tag, re.compile(_pattern), _first)


@dataclass(frozen=True)
class Fault:
    """Something that the text itself gets wrong, before any of its values is looked at."""

    place: Place
    line: int | None
    message: str


@dataclass
class Document:
    """The values of a YAML text. Mappings have text keys; `quoted` names those that were written as text."""

    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    quoted: set[Place] = field(default_factory=set)
    """Keys that look like whole numbers but are written in quotes."""
    faults: list[Fault] = field(default_factory=list)

    def line(self, place: Place) -> int | None:
        """The line of a place, or of the nearest thing around it that has one."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def read_document(text: str) -> Document:
    """The document of a YAML text. Never raises for what the text holds: `faults` says what is wrong."""
    document = Document()
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        if node is None:
            document.faults.append(Fault((), None, "expected keys and values, found an empty file"))
            return document
        sizes: dict[int, int] = {}
        if _size(node, sizes, set()) > _MOST_NODES:
            document.faults.append(
                Fault((), None, f"expected at most {_MOST_NODES:,} values, found more (aliases written out)")
            )
            return document
        document.lines[()] = node.start_mark.line + 1
        document.value = _value(node, (), document, loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        where = "" if mark is None else f" (column {mark.column + 1})"
        line = None if mark is None else mark.line + 1
        document.faults.append(Fault((), line, f"expected YAML, found {problem}{where}"))
    except RecursionError:
        document.faults.append(Fault((), None, "expected YAML of a few levels, found hundreds or a circle"))
    return document


def _size(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> int:
    """Nodes below and including this one, each alias counted in full."""
    if id(node) in above:
        raise RecursionError
    if id(node) not in sizes:
        above.add(id(node))
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = list(node.value)
        elif isinstance(node, yaml.MappingNode):
            children = [one for pair in node.value for one in pair]
        sizes[id(node)] = 1 + sum(_size(child, sizes, above) for child in children)
        above.discard(id(node))
    return sizes[id(node)]


def _value(node: yaml.Node, place: Place, document: Document, loader: _Loader) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, document, loader)
    if isinstance(node, yaml.SequenceNode):
        values = []
        for position, child in enumerate(node.value):
            document.lines[*place, position] = child.start_mark.line + 1
            values.append(_value(child, (*place, position), document, loader))
        return values
    match node.tag.removeprefix(_PREFIX):
        case "null":
            return None
        case "bool":
            return node.value.lower() == "true"
        case "int" if (
            len(node.value) > 18
        ):  # beyond what any scale or weight means, and what JSON readers take
            return float(node.value)
        case "int":
            return int(node.value)
        case "float":
            return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))
        case "str":
            return node.value
        case other:
            document.faults.append(
                Fault(place, node.start_mark.line + 1, f"expected text or a number, found the tag {other!r}")
            )
            return None


def _mapping(node: yaml.MappingNode, place: Place, document: Document, loader: _Loader) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, child in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.faults.append(Fault(place, line, "expected a name as key, found a list or mapping"))
            continue
        key = key_node.value
        here = (*place, key)
        if key in values:
            first = document.lines[here]
            document.faults.append(
                Fault(
                    here, line, f"expected each key once, found {key!r} a second time (first in line {first})"
                )
            )
            continue
        document.lines[here] = line
        if key_node.tag == _PREFIX + "str" and re.fullmatch(r"-?\d+", key):
            document.quoted.add(here)
        values[key] = _value(child, here, document, loader)
    return values
