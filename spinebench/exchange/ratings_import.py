"""Reads files of ratings: filled packets (JSON, table), the long form, Label Studio, Argilla.

The format is told by the content. Nothing is guessed: what does not fit the audit is named with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from spinebench.audit_records import RatedDimension, Rating
from spinebench.errors import UsageError
from spinebench.exchange.argilla import argilla_ratings, argilla_records
from spinebench.exchange.label_studio import (
    is_label_studio,
    is_label_studio_table,
    label_studio_ratings,
    label_studio_table_ratings,
)
from spinebench.exchange.packets import PACKET_FORMAT
from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import Checker, RawRating, Rejected, strings, text_or_none, with_id
from spinebench.exchange.rating_tables import long_ratings, read_table, wide_ratings
from spinebench.exchange.rating_tools import UnreadableError
from spinebench.exchange.table_text import file_text

Format = Literal["packet", "table", "long", "label_studio", "argilla"]
_LARGEST_FILE = 1 << 28


@dataclass(frozen=True, slots=True)
class ReadRatings:
    """What a file of ratings comes to."""

    format: Format | None
    """None: it was not recognized."""
    ratings: tuple[Rating, ...]
    """In the order they are to be taken in: the later one of a packet supersedes."""
    rejected: tuple[Rejected, ...]
    n_blank: int = 0
    """Rows that nothing was filled into, annotations that were skipped, drafts."""


def read_ratings(
    path: Path,
    book: RatingBook,
    *,
    at: datetime,
    users: Mapping[str, str] | None = None,
    current: Iterable[Rating] = (),
    partial: bool = False,
) -> ReadRatings:
    """Read one file.

    Args:
        at: when it is taken in; no part of a rating's id.
        users: how a labelling tool names a person -> rater id.
        partial: whether a rating may leave dimensions open, as decisions may.
        current: ratings that stand; a row of the long form adds its dimension to the rating it belongs to.

    Raises UsageError where the file cannot be opened. A file that is no ratings file is one rejection.
    """
    checker = Checker(book, path.name, at=at, users=users, partial=partial)
    try:
        text = _text(path)
    except ValueError as error:
        checker.reject("file", None, None, str(error))
        return ReadRatings(None, (), tuple(checker.rejected))
    try:
        kind, raws = _recognized(text, checker)
    except ValueError as error:
        checker.reject("file", None, None, str(error))
        return ReadRatings(None, (), tuple(checker.rejected))
    taken: list[tuple[str, Rating]] = []
    n_blank = 0
    for raw in raws:
        if raw is None:
            n_blank += 1
        elif isinstance(raw, UnreadableError):
            checker.reject(raw.row, raw.name, raw.value, raw.reason)
        else:
            rating = checker.take(raw)
            if rating is not None:
                taken.append((raw.row, rating))
    ratings = _joined(taken, checker, book, current) if kind == "long" else _one_per_packet(taken, checker)
    return ReadRatings(kind, tuple(ratings), tuple(checker.rejected), n_blank)


def _text(path: Path) -> str:
    """A file as text. Raises UsageError where it cannot be read, ValueError where it is too large or no text."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"expected at most {_LARGEST_FILE >> 20} MiB")
        return file_text(path)
    except OSError as error:
        raise UsageError(
            f"file {str(path)!r}: expected ratings to read, but {error.strerror}; check the path"
        ) from error


Raws = Iterable["RawRating | UnreadableError | None"]


def _recognized(text: str, checker: Checker) -> tuple[Format, Raws]:
    book = checker.book
    if text.lstrip()[:1] in {"{", "["}:
        content = _json(text)
        if isinstance(content, dict) and "format" in content:
            return "packet", list(_packet_ratings(content, checker))
        records = content if isinstance(content, list) else content.get("records", [content])
        if isinstance(records, list) and is_label_studio(records):
            return "label_studio", label_studio_ratings(records, book, checker.users)
        found = argilla_records(content)
        if found is not None:
            return "argilla", argilla_ratings(found, book)
        raise ValueError("expected a filled packet, a Label Studio export or Argilla records")
    table = read_table(text)
    if not table.is_ratings:
        raise ValueError(
            "expected a table with a column packet_id or trace_id, but its header is "
            f"{', '.join(table.header[:8])[:200] or 'empty'}"
        )
    for line in table.too_long:
        checker.reject(f"row {line}", None, None, "expected no more cells than the header has")
    if is_label_studio_table(table):
        return "label_studio", label_studio_table_ratings(table, book, checker.users)
    if table.is_long:
        return "long", long_ratings(table)
    return "table", wide_ratings(table, book)


def _json(text: str) -> Any:
    """JSON, or one JSON object per line. NaN and Infinity stay words, which no field takes."""
    try:
        return json.loads(text, parse_constant=str)
    except RecursionError:
        raise ValueError("expected JSON that is not nested so deeply") from None
    except json.JSONDecodeError as error:
        try:
            return [json.loads(line, parse_constant=str) for line in text.splitlines() if line.strip()]
        except (json.JSONDecodeError, RecursionError):
            raise ValueError(f"expected JSON, but in line {error.lineno}: {error.msg}") from None


def _packet_ratings(content: Mapping[str, Any], checker: Checker) -> Iterable[RawRating | UnreadableError]:
    """The ratings of a file that a packet's page saved. The wrong audit, rater or rubric is said once."""
    book = checker.book
    if content["format"] != PACKET_FORMAT:
        checker.reject("file", "format", content["format"], f"expected {PACKET_FORMAT!r}")
        return
    rater = text_or_none(content.get("rater"))
    if rater is None or rater not in book.assignments:
        checker.reject(
            "file", "rater", content.get("rater"), "expected a rater who is assigned traces of this audit"
        )
        return
    if content.get("set") != book.set_id(rater):
        checker.reject("file", "set", content.get("set"), f"expected the packet of {rater} for this audit")
        return
    if content.get("rubric_hash") != book.spec.rubric_hash:
        checker.reject("file", "rubric_hash", content.get("rubric_hash"), "expected the rubric of this audit")
        return
    ratings = content.get("ratings")
    if not isinstance(ratings, list):
        checker.reject("file", "ratings", ratings, "expected a list")
        return
    for number, one in enumerate(ratings, start=1):
        yield page_rating(one, rater=rater, row=f"rating {number}", source="packet")


def page_rating(
    one: Any, *, rater: str, row: str, source: Literal["packet", "page"]
) -> RawRating | UnreadableError:
    """One rating as the rating page states it, in a saved file or to the server; nothing of it is believed yet."""
    if not isinstance(one, dict) or not isinstance(one.get("dimensions"), dict):
        return UnreadableError(row, "dimensions", one, "expected an object with 'dimensions'")
    if not isinstance(one.get("failure_modes", []), list):
        return UnreadableError(row, "failure_modes", one["failure_modes"], "expected a list")
    return RawRating(
        row=row,
        source=source,
        packet_id=text_or_none(one.get("packet_id")) or "",
        rater=rater,
        scores=dict(one["dimensions"]),
        modes=strings(one.get("failure_modes")),
        safety=one.get("safety"),
        comment=one.get("comment"),
        shown_sha256=one.get("shown_sha256"),
        opened_at=one.get("opened_at"),
        saved_at=one.get("saved_at"),
        active_s=one.get("active_s"),
    )


def _one_per_packet(taken: list[tuple[str, Rating]], checker: Checker) -> list[Rating]:
    """A packet that a file has twice is taken twice only where their times tell which is later."""
    kept: dict[str, dict[str, tuple[str, Rating]]] = {}
    times: dict[str, set[datetime | None]] = {}
    for row, rating in taken:
        held, seen = kept.setdefault(rating.packet_id, {}), times.setdefault(rating.packet_id, set())
        if rating.rating_id in held:
            continue
        if held and (rating.saved_at is None or None in seen or rating.saved_at in seen):
            first = next(iter(held.values()))[0]
            checker.reject(
                row,
                "packet_id",
                rating.packet_id,
                f"expected each packet once; it is also in {first}, differently",
            )
            continue
        held[rating.rating_id] = row, rating
        seen.add(rating.saved_at)
    earliest = datetime.min.replace(tzinfo=UTC)
    return [
        rating
        for held in kept.values()
        for _, rating in sorted(held.values(), key=lambda one: one[1].saved_at or earliest)
    ]


def _joined(
    taken: list[tuple[str, Rating]], checker: Checker, book: RatingBook, current: Iterable[Rating]
) -> list[Rating]:
    """The rows of the long form that belong to one packet, with what stands of it already, as one rating."""
    standing = {one.packet_id: one for one in current}
    rows: dict[str, list[tuple[str, Rating]]] = {}
    for row, rating in taken:
        rows.setdefault(rating.packet_id, []).append((row, rating))
    joined = []
    for packet_id, held in rows.items():
        before = standing.get(packet_id)
        stated: dict[str, tuple[str, RatedDimension]] = {}
        for row, rating in held:
            for one in rating.dimensions:
                if one.dimension in stated and stated[one.dimension][1] != one:
                    first = stated[one.dimension][0]
                    value = "cannot assess" if one.score is None else one.score
                    checker.reject(row, one.dimension, value, f"expected one score; {first} has another")
                else:
                    stated.setdefault(one.dimension, (row, one))
        dimensions = {one.dimension: one for one in (before.dimensions if before else ())}
        dimensions |= {name: one for name, (_, one) in stated.items()}
        packet = book.packets[packet_id]
        marked = {mode for _, one in held for mode in one.failure_modes} | set(
            before.failure_modes if before else ()
        )
        comments = list(dict.fromkeys(one.comment for _, one in held if one.comment))
        rating = held[0][1].model_copy(
            update={
                "dimensions": tuple(
                    dimensions[one.id] for one in book.asked_of(packet.trace) if one.id in dimensions
                ),
                "failure_modes": tuple(one.id for one in book.modes_of(packet.trace) if one.id in marked),
                "comment": "\n".join(comments) or (before.comment if before else ""),
                "safety": any(one.safety for _, one in held) or (before.safety if before else False),
                "saved_at": max((one.saved_at for _, one in held if one.saved_at), default=None),
            }
        )
        joined.append(with_id(rating))
    return joined
