"""What the readers of labelling tools share: which rating a part of an export is of, and where an answer belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spinebench.exchange.packets import MODE_COLUMN
from spinebench.exchange.rating_book import RatingBook, folded
from spinebench.exchange.rating_rows import RawRating, strings, text_or_none

ID_NAMES = ("packet_id", "trace_id")
_BESIDE = frozenset({"failure_modes", "failure_mode", "comment", "safety"})


class UnreadableError(ValueError):
    """A part of an export that is not what such an export has; `row` says which."""

    def __init__(self, row: str, name: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.row, self.name, self.value, self.reason = row, name, value, reason


def ids(data: Mapping[str, Any]) -> dict[str, Any]:
    """What is rated, as a task's data or a record names it."""
    return {name: text_or_none(data.get(name)) for name in ID_NAMES}


def known_questions(book: RatingBook) -> frozenset[str]:
    """What may be asked: the rubric's dimensions and failure modes, and what stands beside them."""
    return frozenset({*book.dimensions, *book.failure_modes, *_BESIDE})


def question(name: str, book: RatingBook) -> str:
    """What a question means, however it is written: `Visual features`, `visual-features`; else its own name."""
    plain = folded(name)
    if plain.startswith(MODE_COLUMN) and plain.removeprefix(MODE_COLUMN) in book.failure_modes:
        return plain.removeprefix(MODE_COLUMN)  # as the column of a packet table is called
    meant = book.question_id(name)
    return plain if meant == name and plain in _BESIDE else meant


def put(raw: RawRating, name: str, value: object, book: RatingBook) -> None:
    """Put what was answered to one question where it belongs; an unknown question is rejected later."""
    name = question(name, book)
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
