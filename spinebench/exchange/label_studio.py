"""Ratings from Label Studio: its exports JSON, JSON-MIN, CSV and TSV.

What is rated is named by `packet_id` (or `trace_id`) in the task's data, as it is when the tool was fed with a packet
table. Controls are named as the rubric names its dimensions and failure modes; besides there may be `failure_modes`,
`comment` and `safety`.

Sources: Label Studio, guide, "Label Studio JSON format of annotated tasks" and "Export annotations"; label-studio-sdk,
`converter.Converter.convert_to_json_min`, `converter.exports.csv2` and `converter.utils.prettify_result`: the short
forms have the task's data and the answers side by side; a single choice and a single text stand bare, several in an
object, every other kind in a list of objects, which the table has as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import RawRating, is_blank, text_or_none
from spinebench.exchange.rating_tables import Table
from spinebench.exchange.rating_tools import ID_NAMES, UnreadableError, ids, known_questions, put, question

_NOT_ASKED = frozenset({"relation"})
"""Results that join others, whose values are not of their own."""
_TASK_PARTS = frozenset({"annotations", "completions", "predictions", "drafts"})
_SHORT_OWN = frozenset(
    {
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "agreement",
        "history",
        "id",
        *ID_NAMES,
    }
)
"""What the short forms have beside data and answers."""
_VALUES = ("choices", "rating", "number", "taxonomy", "text")
Ratings = Iterator["RawRating | UnreadableError | None"]


def is_label_studio(records: list[Any]) -> bool:
    return any(isinstance(one, dict) and (_TASK_PARTS & one.keys() or _is_short(one)) for one in records)


def _is_short(task: Mapping[str, Any]) -> bool:
    """Whether a task is of JSON-MIN: one annotation, its answers beside the data."""
    return "annotator" in task or "annotation_id" in task


def is_label_studio_table(table: Table) -> bool:
    """Whether a table is the export as CSV or TSV; its `annotator` is read as `rater`."""
    return {"annotation_id", "lead_time", "created_at"} <= set(table.header)


def label_studio_ratings(tasks: list[Any], book: RatingBook, users: Mapping[str, str]) -> Ratings:
    """One rating per annotation; None for one that was skipped in the tool, and for a task without one.

    Predictions are no ratings. `users`: how the tool names a person -> rater id; it names one by several names, of
    which that counts which is known.
    """
    for number, task in enumerate(tasks, start=1):
        if not isinstance(task, dict):
            yield UnreadableError(f"task {number}", "task", task, "expected an object")
            continue
        where = f"task {task.get('id', number)}"
        if _is_short(task) and not _TASK_PARTS & task.keys():
            yield _short(where, task, book, users)
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
            if annotation.get("was_cancelled") or annotation.get("skipped"):
                yield None
                continue
            try:
                yield _annotation(row, data, annotation, book, users)
            except UnreadableError as error:
                yield error


def label_studio_table_ratings(table: Table, book: RatingBook, users: Mapping[str, str]) -> Ratings:
    """One rating per row; None for a task without an annotation."""
    for line, row in table.rows:
        task: dict[str, Any] = {
            name: _cell(text) for name, text in row.items() if name not in {"id", "rater"}
        }
        for name in ("annotation_id", "created_at", "updated_at", *ID_NAMES):
            if name in row:
                task[name] = row[name]  # an id may look like something else
        yield _short(f"row {line}", {**task, "annotator": row.get("rater")}, book, users)


def _cell(text: str) -> object:
    """A cell as the export wrote it: a text as it is, lists and objects as JSON."""
    if text[:1] in {"[", "{"}:
        try:
            return json.loads(text, parse_constant=str)
        except (ValueError, RecursionError):
            return text
    return text


def _seconds(value: object) -> object:
    """A table has its numbers as text."""
    try:
        return float(value) if isinstance(value, str) and value.strip() else value
    except ValueError:
        return value


def _short(
    where: str, task: Mapping[str, Any], book: RatingBook, users: Mapping[str, str]
) -> RawRating | UnreadableError | None:
    """A rating of the short forms. What is neither asked by the rubric nor of the tool is the task's data."""
    row = where if is_blank(task.get("annotation_id")) else f"{where}, annotation {task['annotation_id']}"
    raw = RawRating(row=row, source="label_studio", **ids(task))
    raw.rater = _person(task.get("annotator"), book, users)
    if is_blank(task.get("annotation_id")) and raw.rater is None:
        return None
    raw.opened_at = task.get("created_at")
    raw.saved_at = task.get("updated_at") or task.get("created_at")
    raw.active_s = _seconds(task.get("lead_time"))
    seen: dict[str, str] = {}
    for name, value in task.items():
        asked = question(name, book)
        if name in _SHORT_OWN or asked not in known_questions(book) or is_blank(value) or value == "-":
            continue  # an empty cell and a dash are of the packet table that the task was made from
        if asked in seen:
            return UnreadableError(row, name, value, f"expected one answer; {seen[asked]} is one")
        seen[asked] = name
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        known = [kind for kind in _VALUES if kind in inner] if isinstance(inner, dict) else []
        put(raw, asked, _result_value(row, name, {"value": inner}) if known else value, book)
    return raw


def _annotation(
    row: str,
    data: Mapping[str, Any],
    annotation: Mapping[str, Any],
    book: RatingBook,
    users: Mapping[str, str],
) -> RawRating:
    raw = RawRating(row=row, source="label_studio", **ids(data))
    raw.rater = _person(annotation.get("completed_by"), book, users)
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
        name = question(str(result.get("from_name", "")), book)
        if name not in known_questions(book) and str(result.get("type", "")).endswith("labels"):
            continue  # a region drawn on the image
        if name in seen:
            raise UnreadableError(row, name, result["value"], "expected one result of this name")
        seen.add(name)
        put(raw, name, _result_value(row, name, result), book)
    return raw


def _result_value(row: str, name: str, result: Mapping[str, Any]) -> object:
    value = result["value"]
    kind = result.get("type")
    for known in _VALUES:
        if known in value:
            found = value[known]
            if known == "taxonomy" and isinstance(
                found, list
            ):  # each a path from the root: the leaf is what was chosen
                found = [path[-1] if isinstance(path, list) and path else path for path in found]
            return found
    raise UnreadableError(
        row, name, value, f"expected choices, rating, number, taxonomy or text, not {kind!r}"
    )


def _person(value: object, book: RatingBook, users: Mapping[str, str]) -> str | None:
    """Who annotated: an id, an e-mail address, or an object with both. Of several names the first that is known."""
    names = [value.get(name) for name in ("username", "email", "id")] if isinstance(value, dict) else [value]
    called = [text for one in names if (text := text_or_none(one)) is not None]
    known = (one for one in called if one in users or one.partition("@")[0] in book.assignments)
    return next(known, called[0] if called else None)
