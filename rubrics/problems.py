"""What is wrong with the text of a rubric: where, which value, what was expected instead."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from spinebench.records import Record, Task
from spinebench.rubrics.document import Document, Place, read_document
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric, Section

_LISTS: dict[str, type[BaseModel]] = {
    "sections": Section,
    "dimensions": Dimension,
    "failure_modes": FailureMode,
}
_NO_DIMENSION = frozenset({
    "packet", "packet_id", "packet_set", "rubric_hash", "sitting", "position", "image", "question", "options",
    "reference_answer", "reasoning", "answer", "safety", "comment", "comments", "trace", "trace_id", "rater",
    "rater_id", "annotator", "dimension", "score", "rating", "value", "failure_mode", "failure_modes", "saved_at",
})  # fmt: skip
"""Columns of tables of ratings: a dimension of such an id would have its scores mistaken for something else."""
_SHOWN = 80
"""Characters of a value that are shown."""


class RubricProblem(Record):
    """One thing that is wrong with a rubric file."""

    file: str
    line: int | None = None
    path: str = ""
    """Of the field, e.g. `dimensions[clinical_rationality].scale[0]`; empty: the file as a whole."""
    value: str | None = None
    """As it stands there, in JSON, cut to 80 characters; None where there is none."""
    message: str
    """What was expected, and how to mend it."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        what = " ".join(part for part in (self.path, self.value) if part)
        return f"{where}: {what}: {self.message}" if what else f"{where}: {self.message}"


def problems_of(text: str, *, file: str) -> tuple[Rubric | None, tuple[RubricProblem, ...]]:
    """The rubric that a YAML text holds, or everything that is wrong with it, in order of lines."""
    document = read_document(text)
    found = [
        RubricProblem(
            file=file, line=fault.line, path=_path(fault.place, document.value), message=fault.message
        )
        for fault in document.faults
    ]
    data = document.value
    if not isinstance(data, dict):
        if not found:
            found.append(
                RubricProblem(file=file, line=1, message="expected keys and values, such as 'id: ...'")
            )
        return None, tuple(found)
    data.pop("$schema", None)
    rubric: Rubric | None = None
    own = list(_own(data, document, file))
    try:
        rubric = Rubric.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # The validators of the models say the same as `_own`, but only the first of each and without a place.
        found += [_told(one, data, document, file) for one in details if one["type"] != "value_error"]
        if not found and not own:
            found += [_told(one, data, document, file) for one in details]
    found += own
    found.sort(key=lambda problem: problem.line or 0)
    return (None if found else rubric), tuple(found)


def _own(data: dict[str, Any], document: Document, file: str) -> Iterator[RubricProblem]:
    """What holds between fields: scales and anchors, ids, blank texts."""

    def problem(place: Place, message: str, *, value: Any = ...) -> RubricProblem:
        shown = None if value is ... else _shown(value)
        return RubricProblem(
            file=file, line=document.line(place), path=_path(place, data), value=shown, message=message
        )

    for place in _blank_texts(data):
        yield problem(place, "expected a text, found only white space", value=_at(data, place))
    if not data.get("dimensions") and not data.get("failure_modes"):
        yield problem((), "expected 'dimensions', 'failure_modes' or both with at least one entry")
    for name in _LISTS:
        entries = data.get(name)
        seen: dict[str, int] = {}
        for position, entry in enumerate(entries if isinstance(entries, list) else []):
            if not isinstance(entry, dict):
                continue
            place = (name, position)
            one = entry.get("id")
            if isinstance(one, str) and one in seen:
                message = (
                    f"expected each id once, found it at {name}[{seen[one]}] already; rename one of the two"
                )
                yield problem((*place, "id"), message, value=one)
            elif isinstance(one, str):
                seen[one] = position
            if name == "dimensions":
                if isinstance(one, str) and (one in _NO_DIMENSION or one.startswith("mode_")):
                    message = (
                        f"expected an id that tables of ratings have no column of; call it '{one}_quality'"
                    )
                    if one.startswith("mode_"):
                        message = (
                            "expected an id that does not begin with 'mode_', as columns of failure modes do"
                        )
                    yield problem((*place, "id"), message, value=one)
                for below, message, value in _scale_and_anchors(entry):
                    yield problem((*place, *below), message, value=value)
    for place, message, value in _sections(data):
        yield problem(place, message, value=value)
    for place in sorted(document.quoted, key=str):
        if "anchors" in place:
            message = "expected the value as a number, found text; write it without quotes"
            yield problem(place, message, value=str(place[-1]))


def _sections(data: dict[str, Any]) -> Iterator[tuple[Place, str, Any]]:
    """Sections that dimensions do not name, and dimensions that name none of the sections."""
    sections, dimensions = _entries(data, "sections"), _entries(data, "dimensions")
    known = [entry["id"] for _, entry in sections if isinstance(entry.get("id"), str)]
    named = {entry["section"] for _, entry in dimensions if isinstance(entry.get("section"), str)}
    for position, entry in dimensions:
        one = entry.get("section")
        if isinstance(one, str) and not known:
            yield (
                ("dimensions", position, "section"),
                "expected none, there are no 'sections'; add it to them",
                one,
            )
        elif isinstance(one, str) and one not in known:
            near = difflib.get_close_matches(one.casefold(), known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield ("dimensions", position, "section"), f"expected one of {', '.join(known)}{hint}", one
        elif one is None and known:
            yield (
                ("dimensions", position),
                f"expected a section; add 'section: {known[0]}', or another of them",
                ...,
            )
    for position, entry in sections:
        one = entry.get("id")
        if isinstance(one, str) and one not in named:
            yield (
                ("sections", position, "id"),
                "expected a dimension with this section; add one or leave it out",
                one,
            )


def _entries(data: dict[str, Any], name: str) -> list[tuple[int, dict[str, Any]]]:
    """The entries of a list that are keys and values, with their positions; [] where it is no list."""
    entries = data.get(name)
    found = enumerate(entries if isinstance(entries, list) else [])
    return [(position, entry) for position, entry in found if isinstance(entry, dict)]


def _scale_and_anchors(entry: dict[str, Any]) -> Iterator[tuple[Place, str, Any]]:
    scale, anchors = entry.get("scale"), entry.get("anchors")
    if not isinstance(scale, list) or not all(type(value) is int for value in scale):
        return
    if len(scale) < 2:
        yield ("scale",), "expected two values or more", scale
    elif scale != sorted(set(scale)):
        yield ("scale",), f"expected different values in ascending order, such as {sorted(set(scale))}", scale
    if not isinstance(anchors, dict):
        return
    for key in anchors:
        if re.fullmatch(r"-?\d{1,9}", key) and int(key) not in scale:
            yield ("anchors", key), f"expected a value of the scale {scale}", int(key)
    for value in (min(scale), max(scale)) if len(scale) >= 2 else ():
        if str(value) not in anchors:
            message = f"expected a text for {value}, an end of the scale; add '{value}: ...' below anchors"
            yield ("anchors",), message, ...


def _blank_texts(value: Any, place: Place = ()) -> Iterator[Place]:
    """Places of texts that are white space only. Empty texts are met by the fields themselves, but anchors' not."""
    if isinstance(value, str):
        if not value.strip() and (value or "anchors" in place):
            yield place
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _blank_texts(one, (*place, key))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _blank_texts(one, (*place, position))


def _told(detail: ErrorDetails, data: dict[str, Any], document: Document, file: str) -> RubricProblem:
    place: Place = tuple(part for part in detail["loc"] if part != "[key]")
    value = ... if detail["type"] in {"missing", "extra_forbidden", "value_error"} else detail["input"]
    return RubricProblem(
        file=file,
        line=document.line(place),
        path=_path(place, data),
        value=None if value is ... else _shown(value),
        message=_message(detail, place),
    )


def _message(detail: ErrorDetails, place: Place) -> str:
    limits = detail.get("ctx", {})
    value = detail["input"]
    match detail["type"]:
        case "missing":
            return f"expected a value; add '{place[-1]}: ...'"
        case "extra_forbidden":
            return f"expected a known key; {_nearest(place)}"
        case "string_type":
            return f"expected text, found {_kind(value)}" + (
                "; put it in quotes" if isinstance(value, int | float) else ""
            )
        case "int_type" | "int_from_float" | "int_parsing" | "int_parsing_size":
            found = _kind(value)
            return f"expected a whole number, found {found}" + (
                "; write it without quotes" if isinstance(value, str) and value.lstrip("-").isdigit() else ""
            )
        case "float_type" | "float_parsing":
            return f"expected a number, found {_kind(value)}" + (
                "; write it without quotes" if isinstance(value, str) and _is_number(value) else ""
            )
        case "tuple_type":
            return f"expected a list, found {_kind(value)}; write it as [..., ...] or with '- ' before each entry"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"expected keys and values, found {_kind(value)}"
        case "enum":
            known = [task.value for task in Task]
            near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.5)
            return f"expected one of {', '.join(known)}" + (f"; did you mean {near[0]!r}?" if near else "")
        case "string_pattern_mismatch":
            return f"expected {_PATTERNS.get(str(place[-1]), limits.get('pattern'))}"
        case "string_too_short":
            return "expected a text, found none"
        case "string_too_long":
            return f"expected at most {limits.get('max_length')} characters, found {len(str(value))}"
        case "greater_than":
            return f"expected a number greater than {limits.get('gt'):g}"
        case "finite_number":
            return "expected a finite number"
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            return message[:1].lower() + message[1:]


_PATTERNS = {
    "id": "small letters, digits and '_' after a first letter, at most 50 characters",
    "language": "a language tag such as 'en' or 'pt-BR'",
}


def _nearest(place: Place) -> str:
    model: type[BaseModel] = _LISTS.get(str(place[0]), Rubric) if len(place) > 1 else Rubric
    known = list(model.model_fields)
    key = str(place[-1])
    near = difflib.get_close_matches(
        key.casefold().replace("-", "_").replace(" ", "_"), known, n=1, cutoff=0.5
    )
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "a number"
        case float():
            return "a number with decimals" if math.isfinite(value) else "no finite number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "keys and values"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _at(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


def _path(place: Place, data: Any) -> str:
    """`dimensions[clinical_rationality].scale[0]`; an entry without a usable id by its position from 0."""
    text = ""
    for depth, part in enumerate(place):
        if isinstance(part, str):
            text += f".{part}" if text else part
            continue
        name: str | int = part
        if depth == 1 and place[0] in _LISTS:
            entries = data.get(place[0]) if isinstance(data, dict) else None
            entry = entries[part] if isinstance(entries, list) and part < len(entries) else None
            known = entry.get("id") if isinstance(entry, dict) else None
            name = known if isinstance(known, str) and re.fullmatch(r"[\w-]{1,50}", known) else part
        text += f"[{name}]"
    return text


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
