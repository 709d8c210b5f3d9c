"""Ratings from labelling tools: Label Studio's JSON export and Argilla's records, of versions 1 and 2.

What is rated is named by `packet_id` (or `trace_id`) in the task's data or the record's fields or metadata, as it
is when the tool was fed with a packet table. Questions are named as the rubric names its dimensions and failure
modes; besides there may be `failure_modes`, `comment` and `safety`.
Sources: Label Studio, "Label Studio JSON format of annotated tasks"; Argilla, `Record.to_dict` (2.x) and
`FeedbackRecord` (1.x).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import RawRating, strings, text_or_none

_ID_NAMES = ("packet_id", "trace_id")
_DROPPED = frozenset({"discarded", "draft", "pending"})


class UnreadableError(ValueError):
    """A part of an export that is not what such an export has; `row` says which."""

    def __init__(self, row: str, name: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.row, self.name, self.value, self.reason = row, name, value, reason


def is_label_studio(records: list[Any]) -> bool:
    return any(isinstance(one, dict) and ("annotations" in one or "completions" in one) for one in records)


def is_argilla(records: list[Any]) -> bool:
    return any(
        isinstance(one, dict)
        and ("responses" in one or any(str(name).endswith(".responses") for name in one) or "fields" in one)
        for one in records
    )


# ---------------------------------------------------------------- Label Studio


def label_studio_ratings(tasks: list[Any], book: RatingBook) -> Iterator[RawRating | UnreadableError | None]:
    """One rating per annotation; None for one that was skipped in the tool."""
    for number, task in enumerate(tasks, start=1):
        if not isinstance(task, dict):
            yield UnreadableError(f"task {number}", "task", task, "expected an object")
            continue
        where = f"task {task.get('id', number)}"
        annotations = task.get("annotations", task.get("completions", []))
        data = task.get("data", {})
        if not isinstance(annotations, list) or not isinstance(data, dict):
            yield UnreadableError(
                where, "annotations", annotations, "expected a list, beside an object 'data'"
            )
            continue
        for order, annotation in enumerate(annotations, start=1):
            if not isinstance(annotation, dict):
                yield UnreadableError(where, "annotation", annotation, "expected an object")
                continue
            row = f"{where}, annotation {annotation.get('id', order)}"
            if annotation.get("was_cancelled"):
                yield None
                continue
            try:
                yield _annotation(row, data, annotation, book)
            except UnreadableError as error:
                yield error


def _annotation(
    row: str, data: Mapping[str, Any], annotation: Mapping[str, Any], book: RatingBook
) -> RawRating:
    raw = RawRating(row=row, source="label_studio", **_ids(data))
    raw.rater = _person(annotation.get("completed_by"))
    raw.opened_at = annotation.get("created_at")
    raw.saved_at = annotation.get("updated_at") or annotation.get("created_at")
    raw.active_s = annotation.get("lead_time")
    results = annotation.get("result", [])
    if not isinstance(results, list):
        raise UnreadableError(row, "result", results, "expected a list")
    seen: set[str] = set()
    for result in results:
        if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
            raise UnreadableError(row, "result", result, "expected objects with a 'value'")
        name = str(result.get("from_name", ""))
        if name in seen:
            raise UnreadableError(row, name, result["value"], "expected one result of this name")
        seen.add(name)
        _put(raw, name, _result_value(row, name, result), book)
    return raw


def _result_value(row: str, name: str, result: Mapping[str, Any]) -> object:
    value = result["value"]
    kind = result.get("type")
    for known in ("choices", "rating", "number", "taxonomy", "text"):
        if known in value:
            found = value[known]
            if known == "taxonomy":  # each a path from the root: the leaf is what was chosen
                found = [path[-1] if isinstance(path, list) and path else path for path in found or []]
            return found
    raise UnreadableError(
        row, name, value, f"expected choices, rating, number, taxonomy or text, not {kind!r}"
    )


def _person(value: object) -> str | None:
    """Who annotated: an id, or an object with email, username or id."""
    if isinstance(value, dict):
        for name in ("username", "email", "id"):
            if text_or_none(value.get(name)) is not None:
                return str(value[name])
        return None
    return text_or_none(value)


# ---------------------------------------------------------------- Argilla


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
        parts = [part for part in (record.get("metadata"), record.get("fields")) if isinstance(part, dict)]
        data: dict[str, Any] = {}
        for part in (record, *parts):
            data |= {name: part[name] for name in _ID_NAMES if part.get(name) is not None}
        if not data:  # the record's own id, where it was made from a packet
            data = {"packet_id": record.get("external_id") or record.get("id")}
        for person, (dropped, values) in people.items():
            row = f"{where}, responses of {person}"
            if dropped or not values:
                yield None
                continue
            raw = RawRating(row=row, source="argilla", rater=person, **_ids(data))
            for name, value in values.items():
                _put(raw, name, value, book)
            yield raw


def _responses(where: str, record: Mapping[str, Any]) -> dict[str, tuple[bool, dict[str, object]]]:
    """Person -> (whether to leave out, question -> value), from any of the shapes."""
    found: dict[str, tuple[bool, dict[str, object]]] = {}

    def add(person: object, question: str, value: object, status: object) -> None:
        name = text_or_none(person)
        if name is None:
            raise UnreadableError(where, question, value, "expected a response with a 'user_id'")
        dropped, values = found.get(name, (False, {}))
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
    for (
        name,
        given,
    ) in record.items():  # 2.x flattened: `<question>.responses`, `.users`, `.status` side by side
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


def _objects(where: str, name: str, value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnreadableError(where, name, value, "expected a list of objects")
    return value


# ---------------------------------------------------------------- both


def _ids(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: text_or_none(data.get(name)) for name in _ID_NAMES}


def _put(raw: RawRating, name: str, value: object, book: RatingBook) -> None:
    """Put what was answered to one question where it belongs; an unknown question is rejected later."""
    if name in {"failure_modes", "failure_mode"}:
        raw.modes += strings(value)
    elif name == "comment":
        raw.comment = value
    elif name == "safety":
        raw.safety = value
    elif name in book.failure_modes and name not in book.dimensions:
        raw.marks[name] = value
    else:
        single = isinstance(value, list | tuple) and len(value) == 1
        raw.scores[name] = value[0] if single and isinstance(value, list | tuple) else value
