"""Ratings from Argilla: its records as JSON or JSON lines.

What is rated is named by `packet_id` (or `trace_id`) in a record's fields or metadata, or by its id. Questions are
named as the rubric names its dimensions and failure modes; besides there may be `failure_modes`, `comment`, `safety`.

Sources: argilla 2.x, `Record.to_dict`, `DatasetRecords.to_list`, `to_dict`, `to_json` and `to_datasets`; argilla 1.x,
`FeedbackRecord`, and `FeedbackDataset.format_as("datasets")`. The nested form of 2.x does not say whether a response
was submitted; all others do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import RawRating, text_or_none
from spinebench.exchange.rating_tools import ID_NAMES, UnreadableError, ids, put

_DROPPED = frozenset({"discarded", "draft", "pending"})


def argilla_records(content: object) -> list[Any] | None:
    """The records of a file's content; None where it is nothing of Argilla's.

    A list of them; an object with `records`; one that has them by id, or a list for each name (`to_dict`).
    """
    if isinstance(content, dict):
        inner = content.get("records")
        if isinstance(inner, list):
            content = inner
        elif content and all(isinstance(one, dict) and _is_record(one) for one in content.values()):
            content = list(content.values())
        else:
            lengths = {_length(one) for one in content.values()}
            if _is_record(content) and len(lengths) == 1 and None not in lengths:
                names = list(content)
                content = [dict(zip(names, row, strict=True)) for row in zip(*content.values(), strict=True)]
            else:
                content = [content]
    if isinstance(content, list) and any(isinstance(one, dict) and _is_record(one) for one in content):
        return content
    return None


def _is_record(one: Mapping[str, Any]) -> bool:
    return "responses" in one or "fields" in one or any(
        str(name).endswith((".responses", "-suggestion")) for name in one
    )  # fmt: skip


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def argilla_ratings(records: list[Any], book: RatingBook) -> Iterator[RawRating | UnreadableError | None]:
    """One rating per record and person; None for responses that are drafts or were discarded."""
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            yield UnreadableError(f"record {number}", "record", record, "expected an object")
            continue
        where = f"record {number}"
        try:
            people = _responses(where, record)
        except UnreadableError as error:
            yield error
            continue
        parts = [part for part in (_metadata(record), record.get("fields")) if isinstance(part, dict)]
        data: dict[str, Any] = {}
        for part in (record, *parts):
            data |= {name: part[name] for name in ID_NAMES if part.get(name) is not None}
        if not data:  # the record's own id, where it was made from a packet
            data = {"packet_id": record.get("external_id") or record.get("id")}
        for person, (dropped, values) in people.items():
            row = f"{where}, responses of {person}"
            if dropped or not values:
                yield None
                continue
            raw = RawRating(row=row, source="argilla", rater=person, **ids(data))
            for name, value in values.items():
                put(raw, name, value, book)
            yield raw


def _responses(where: str, record: Mapping[str, Any]) -> dict[str, tuple[bool, dict[str, object]]]:
    """Person -> (whether to leave out, question -> value), from any of the shapes."""
    found: dict[str, tuple[bool, dict[str, object]]] = {}

    def add(person: object, question: str, value: object, status: object) -> None:
        name = text_or_none(person)
        if name is None:
            raise UnreadableError(where, question, value, "expected a response with a 'user_id'")
        dropped, values = found.get(name, (False, {}))
        if question in values and values[question] != value:
            raise UnreadableError(
                where, question, value, f"expected one response of {name}, who also has another"
            )
        found[name] = (dropped or str(status).rpartition(".")[2] in _DROPPED, {**values, question: value})

    responses = record.get("responses")
    if isinstance(responses, dict):  # 2.x: question -> responses
        for question, given in responses.items():
            for one in _objects(where, question, given):
                add(one.get("user_id"), question, one.get("value"), one.get("status"))
    elif isinstance(responses, list):  # 1.x: one per person, with all values
        for one in _objects(where, "responses", responses):
            values = one.get("values") or {}
            if not isinstance(values, dict):
                raise UnreadableError(where, "values", values, "expected an object")
            for question, value in values.items():
                plain = value.get("value") if isinstance(value, dict) else value
                add(one.get("user_id"), question, plain, one.get("status"))
    elif responses is not None:
        raise UnreadableError(where, "responses", responses, "expected an object or a list")
    for name, given in record.items():
        for one in (None if name == "responses" else _per_question(given)) or ():  # a data set of 1.x
            if one["value"] is not None:
                add(one["user_id"], str(name), one["value"], one["status"])
        # 2.x flattened: `<question>.responses`, `.users`, `.status` side by side
        if not str(name).endswith(".responses") or not isinstance(given, list):
            continue
        users = record.get(f"{name}.users") or []
        states = record.get(f"{name}.status") or [None] * len(given)
        if (
            not isinstance(users, list)
            or not isinstance(states, list)
            or not len(users) == len(given) == len(states)
        ):
            raise UnreadableError(where, f"{name}.users", users, "expected one per response")
        for person, value, status in zip(users, given, states, strict=True):
            add(person, str(name).removesuffix(".responses"), value, status)
    return found


def _metadata(record: Mapping[str, Any]) -> object:
    """As 1.x writes it for a data set: a text of JSON."""
    held = record.get("metadata")
    if not isinstance(held, str):
        return held
    try:
        return json.loads(held, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _per_question(value: object) -> list[dict[str, Any]] | None:
    """Responses as a data set of 1.x has them under the question's name; None for anything else.

    A list of objects, or, in the first versions, an object of lists.
    """
    names = ("user_id", "value", "status")
    if isinstance(value, dict) and set(names) <= value.keys():
        columns = [value[name] for name in names]
        if len({_length(one) for one in columns} - {None}) != 1 or None in map(_length, columns):
            return None
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if (
        isinstance(value, list)
        and value
        and all(isinstance(one, dict) and set(names) <= one.keys() for one in value)
    ):
        return value
    return None


def _objects(where: str, name: str, value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnreadableError(where, name, value, "expected a list of objects")
    return value
