"""Identifiers in what an item says: question, options, reference and the texts of its metadata."""

from __future__ import annotations

from collections.abc import Iterator

from spinebench.benchmarks.identifiers import IdentifierFinding
from spinebench.benchmarks.text_identifiers import find_identifiers
from spinebench.records import Item, JsonValue


def in_item(item: Item) -> Iterator[IdentifierFinding]:
    """What may identify a person in an item's texts, values masked, with the field and the range of characters.

    Image paths and headers are looked at apart (`ImageStore.identifiers`). The item's id is searched, not shown.
    """
    for field, text in _texts(item):
        for one in find_identifiers(text):
            low, high = one.span
            yield IdentifierFinding(
                kind="text",
                where=f"{field}, characters {low} to {high}",
                what=f"a {one.kind.words} ({one.masked})",
            )


def _texts(item: Item) -> Iterator[tuple[str, str]]:
    yield "id", item.id
    yield "question", item.question
    for position, option in enumerate(item.options):
        yield f"options[{position}]", option
    if item.reference is not None:
        yield "reference", item.reference
    yield from _strings("metadata", item.metadata)


def _strings(place: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """All texts below a value, keys too; keys that look like identifiers are not repeated in places."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for position, (key, one) in enumerate(value.items()):
            name = str(key)
            harmless = len(name) <= 40 and name.isprintable() and not find_identifiers(name)
            if not harmless:
                yield f"{place}, key {position}", name
            yield from _strings(f"{place}.{name}" if harmless else f"{place}[{position}]", one)
    elif isinstance(value, list | tuple):
        for position, one in enumerate(value):
            yield from _strings(f"{place}[{position}]", one)
