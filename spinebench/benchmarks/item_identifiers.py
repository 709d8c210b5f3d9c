"""Identifiers in what items say: question, options, case, reference and the texts of their metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Literal

from spinebench.benchmarks.identifiers import IdentifierFinding, in_path, masked_path
from spinebench.benchmarks.text_identifiers import TextIdentifier, find_identifiers
from spinebench.records import WRITTEN_TASKS, ClinicalCase, Item, JsonValue

Texts = Literal["asked", "judged", "all"]
"""`asked`: what an examinee is sent; `judged`: and what a judge is who may see the gold answer; `all`: and the rest."""

_Search = Callable[[str], tuple[TextIdentifier, ...]]
_REMEMBERED = 4096
"""Texts whose findings are kept: options and questions of a benchmark repeat."""


def in_items(items: Iterable[Item], *, texts: Texts = "all") -> Iterator[IdentifierFinding]:
    """What may identify a person in items' texts, values masked, with item, field and range of characters.

    Ids and clusters are never sent; they are searched as paths are, where numbers as such are none. Image paths and
    headers are looked at apart (`ImageStore.identifiers`).
    """
    search = lru_cache(_REMEMBERED)(find_identifiers)
    for number, item in enumerate(items, start=1):
        shown = masked_path(item.id)
        name = f"item {shown!r}" + ("" if shown == item.id else f", number {number} of those read")
        for field, text in _texts(item, texts, search):
            for one in search(text):
                low, high = one.span
                yield IdentifierFinding(
                    kind="text",
                    where=f"{name}: {field}, characters {low} to {high}",
                    what=f"a {one.kind.words} ({one.masked})",
                    item_id=shown,
                    field=field,
                    text_kind=one.kind,
                )
        if texts == "all":
            yield from _in_names(item, name, shown)


def _in_names(item: Item, name: str, shown: str) -> Iterator[IdentifierFinding]:
    fields = {"id": item.id}
    if item.cluster not in {item.id, *(image.path for image in item.images)}:
        fields["cluster"] = item.cluster
    for field, value in fields.items():
        for one in in_path(value):
            if one.direct:
                yield IdentifierFinding(
                    kind="text", where=f"{name}: {field}", what=one.what, item_id=shown, field=field
                )


def _texts(item: Item, texts: Texts, search: _Search) -> Iterator[tuple[str, str]]:
    case = item.case or ClinicalCase()
    yield "question", item.question
    for position, option in enumerate(item.options):
        yield f"options[{position}]", option
    for position, image in enumerate(item.images):
        for field in ("modality", "view", "level"):
            yield from _given(f"images[{position}].{field}", getattr(image, field))
    yield from _given("case.history", case.history)
    yield from _given("case.examination", case.examination)
    for position, turn in enumerate(case.turns):
        yield f"case.turns[{position}]", turn
    if texts == "asked" or (texts == "judged" and item.task not in WRITTEN_TASKS):
        return
    yield from _given("reference", item.reference)
    for position, fact in enumerate(case.key_facts):
        yield f"case.key_facts[{position}]", fact
    if texts == "judged":
        return
    for field in ("disease", "modality", "region", "source", "subspecialty"):
        yield from _given(field, getattr(item, field))
    yield from _strings("metadata", item.metadata, search)


def _given(field: str, text: str | None) -> Iterator[tuple[str, str]]:
    if text is not None:
        yield field, text


def _strings(place: str, value: JsonValue, search: _Search) -> Iterator[tuple[str, str]]:
    """All texts below a value, keys too; keys that look like identifiers are not repeated in places."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for position, (key, one) in enumerate(value.items()):
            name = str(key)
            harmless = len(name) <= 40 and name.isprintable() and not search(name)
            if not harmless:
                yield f"{place}, key {position}", name
            yield from _strings(f"{place}.{name}" if harmless else f"{place}[{position}]", one, search)
    elif isinstance(value, list | tuple):
        for position, one in enumerate(value):
            yield from _strings(f"{place}[{position}]", one, search)
