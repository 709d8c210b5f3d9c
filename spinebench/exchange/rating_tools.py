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

from spinebench.exchange.rating_book import RatingBook, folded
from spinebench.exchange.rating_rows import RawRating, strings, text_or_none

_ID_NAMES = ("packet_id", "trace_id")
_NOT_ASKED = frozenset({"relation"})
"""Results that join others, whose values are not of their own."""
_TASK_PARTS = frozenset({"annotations", "completions", "predictions", "drafts"})
_SHORT_OWN = frozenset(
    {"annotator", "annotation_id", "created_at", "updated_at", "lead_time", "id", *_ID_NAMES}
)
"""What JSON-MIN has beside data and answers."""
_VALUES = ("choices", "rating", "number", "taxonomy", "text")
_BESIDE = frozenset({"failure_modes", "failure_mode", "comment", "safety"})
_DROPPED = frozenset({"discarded", "draft", "pending"})


class UnreadableError(ValueError):
    """A part of an export that is not what such an export has; `row` says which."""

    def __init__(self, row: str, name: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.row, self.name, self.value, self.reason = row, name, value, reason


def is_label_studio(records: list[Any]) -> bool:
    return any(isinstance(one, dict) and (_TASK_PARTS & one.keys() or _is_short(one)) for one in records)


def _is_short(task: Mapping[str, Any]) -> bool:
    """Whether a task is of JSON-MIN: one annotation, its answers beside the data."""
    return "annotator" in task or "annotation_id" in task


def is_argilla(records: list[Any]) -> bool:
    return any(
        isinstance(one, dict)
        and ("responses" in one or any(str(name).endswith(".responses") for name in one) or "fields" in one)
        for one in records
    )


# ---------------------------------------------------------------- Label Studio


def label_studio_ratings(tasks: list[Any], book: RatingBook) -> Iterator[RawRating | UnreadableError | None]:
    """One rating per annotation; None for one that was skipped in the tool, and for a task with drafts alone.

    Predictions are no ratings. Of JSON-MIN, what is neither asked by the rubric nor of the tool is the task's data.
    """
    for number, task in enumerate(tasks, start=1):
        if not isinstance(task, dict):
            yield UnreadableError(f"task {number}", "task", task, "expected an object")
            continue
        where = f"task {task.get('id', number)}"
        if _is_short(task) and not _TASK_PARTS & task.keys():
            yield _short(where, task, book)
            continue
        annotations = task.get("annotations", task.get("completions", []))
        if annotations == [] and task.get("drafts"):
            yield None
            continue
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


def _short(where: str, task: Mapping[str, Any], book: RatingBook) -> RawRating | UnreadableError:
    row = f"{where}, annotation {task['annotation_id']}" if "annotation_id" in task else where
    raw = RawRating(row=row, source="label_studio", **_ids(task))
    raw.rater = _person(task.get("annotator"))
    raw.opened_at = task.get("created_at")
    raw.saved_at = task.get("updated_at") or task.get("created_at")
    raw.active_s = task.get("lead_time")
    seen: dict[str, str] = {}
    for name, value in task.items():
        asked = _question(name, book)
        if name in _SHORT_OWN or asked not in _known(book):
            continue
        if asked in seen:
            return UnreadableError(row, name, value, f"expected one answer; {seen[asked]} is one")
        seen[asked] = name
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        known = [kind for kind in _VALUES if kind in inner] if isinstance(inner, dict) else []
        _put(raw, asked, _result_value(row, name, {"value": inner}) if known else value, book)
    return raw


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
        if isinstance(result, dict) and result.get("type") in _NOT_ASKED:
            continue
        if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
            raise UnreadableError(row, "result", result, "expected objects with a 'value'")
        name = _question(str(result.get("from_name", "")), book)
        if name not in _known(book) and str(result.get("type", "")).endswith("labels"):
            continue  # a region drawn on the image
        if name in seen:
            raise UnreadableError(row, name, result["value"], "expected one result of this name")
        seen.add(name)
        _put(raw, name, _result_value(row, name, result), book)
    return raw


def _result_value(row: str, name: str, result: Mapping[str, Any]) -> object:
    value = result["value"]
    kind = result.get("type")
    for known in _VALUES:
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


def _known(book: RatingBook) -> frozenset[str]:
    return frozenset({*book.dimensions, *book.failure_modes, *_BESIDE})


def _question(name: str, book: RatingBook) -> str:
    """What a question means, however it is written: `Visual features`, `visual-features`; else its own name."""
    meant = book.question_id(name)
    return folded(name) if meant == name and folded(name) in _BESIDE else meant


def _put(raw: RawRating, name: str, value: object, book: RatingBook) -> None:
    """Put what was answered to one question where it belongs; an unknown question is rejected later."""
    name = _question(name, book)
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
