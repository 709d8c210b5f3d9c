"""One rating as a file states it, held against the audit: taken in as a record, or rejected with every reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from spinebench.audit_records import RatedDimension, Rating
from spinebench.exchange.rating_book import Packet, RatingBook
from spinebench.records import JsonValue, Record, digest

Source = Literal["packet", "csv", "label_studio", "argilla", "page"]

_WHOLE = re.compile(r"^'?([-+−]?\d{1,6})(?:[.,]0+)?$")
"""Also as a spreadsheet writes a whole number: 3,0 and 3.0."""
_LABELLED = re.compile(r"^([-+−]?\d{1,6})\s*[-–—:.)=]\s*[^\d\s].*$", re.DOTALL)
"""A choice that names its score first: `4 - mostly sound`."""
_MOST_SECONDS = 1e9
"""Time at a trace beyond this, some thirty years, is no time; it also keeps out whole numbers that no float holds."""
_CANNOT = frozenset({
    "cannot assess", "can not assess", "can't assess", "cant assess", "unable to assess", "not assessable",
    "unassessable", "n/a", "na", "x",
})  # fmt: skip
_YES = frozenset({"1", "yes", "y", "true", "x", "✓", "unsafe", "safety concern", "safety"})
_NO = frozenset({"", "0", "no", "n", "false", "-", "safe", "none"})
_LONGEST_COMMENT = 20_000


class Rejected(Record):
    """Something of a file that is not taken, and why."""

    file: str
    row: str
    """Where in the file, in words: `row 3`, `task 12, annotation 5`; `file` for all of it."""
    field: str | None
    value: str | None
    """As the file has it, shortened."""
    reason: str

    def __str__(self) -> str:
        what = " ".join(part for part in (self.field, self.value) if part is not None)
        return f"{self.file}, {self.row}: {what + ': ' if what else ''}{self.reason}"


@dataclass(slots=True)
class RawRating:
    """One rating as a file states it, before anything is believed."""

    row: str
    source: Source
    packet_id: str | None = None
    trace_id: str | None = None
    rater: str | None = None
    """As the file names the person."""
    set_id: str | None = None
    rubric_hash: str | None = None
    scores: dict[str, object] = field(default_factory=dict)
    modes: list[str] = field(default_factory=list)
    marks: dict[str, object] = field(default_factory=dict)
    """Failure mode -> whether it is marked, where the file has a field for each."""
    safety: object = None
    comment: object = None
    shown_sha256: object = None
    opened_at: object = None
    saved_at: object = None
    active_s: object = None
    partial: bool = False
    """One dimension at a time: what is not stated is not missing."""


class Checker:
    """Holds raw ratings of one file against an audit."""

    def __init__(
        self,
        book: RatingBook,
        file: str,
        *,
        at: datetime,
        users: Mapping[str, str] | None = None,
        partial: bool = False,
    ) -> None:
        self.book = book
        self.partial = partial
        self.file = file
        self.at = at
        self.users = dict(users or {})
        self.rejected: list[Rejected] = []

    def reject(self, row: str, name: str | None, value: object, reason: str) -> None:
        shown = None if value is None else _shown(value)
        self.rejected.append(Rejected(file=self.file, row=row, field=name, value=shown, reason=reason))

    def take(self, raw: RawRating) -> Rating | None:
        """The rating, or None after every fault of it was put into `rejected`."""
        before = len(self.rejected)
        packet = self._packet(raw)
        if packet is None:
            return None
        if raw.rubric_hash is not None and not self._same_rubric(raw.rubric_hash):
            self.reject(
                raw.row,
                "rubric_hash",
                raw.rubric_hash,
                "expected the rubric of this audit; rate anew with its packet",
            )
        dimensions = self._dimensions(raw, packet)
        modes = self._modes(raw, packet)
        safety = self._yes_no(raw.row, "safety", raw.safety)
        opened, saved = (self._time(raw, name) for name in ("opened_at", "saved_at"))
        content = {
            "audit_id": self.book.spec.audit_id,
            "rater": packet.rater,
            "packet_id": packet.shown.packet_id,
            "trace_id": packet.shown.trace_id,
            "duplicate": packet.shown.duplicate,
            "dimensions": dimensions,
            "failure_modes": modes,
            "comment": self._comment(raw),
            "safety": safety,
            "opened_at": opened,
            "saved_at": saved,
            "active_s": self._seconds(raw),
            "rubric_hash": self.book.spec.rubric_hash,
            "shown_sha256": self._shown_hash(raw, packet),
            "source": raw.source,
        }
        if len(self.rejected) > before:
            return None
        return with_id(Rating.model_validate({"rating_id": "0" * 64, "at": self.at, **content}))

    def known_rater(self, row: str, name: str | None) -> str | None:
        """The rater that a file means; None, and a rejection, where that is nobody of this audit."""
        if name is None or not name.strip():
            self.reject(row, "rater", name, "expected who rated")
            return None
        name = name.strip()
        rater = self.users.get(name, name)
        if rater in self.book.assignments:
            return rater
        local = rater.partition("@")[0]
        if "@" in rater and local in self.book.assignments:
            return local
        listed = ", ".join(sorted(self.book.assignments))
        self.reject(
            row,
            "rater",
            name,
            f"expected a rater of this audit ({listed}); name who it is by --as {name}=RATER",
        )
        return None

    def _packet(self, raw: RawRating) -> Packet | None:
        rater = None
        if raw.rater is not None or raw.packet_id is None or raw.source in {"label_studio", "argilla"}:
            rater = self.known_rater(raw.row, raw.rater)
            if rater is None:
                return None
        if raw.packet_id is not None:
            packet = self.book.packets.get(raw.packet_id.strip())
            if packet is None:
                self.reject(raw.row, "packet_id", raw.packet_id, "expected a packet of this audit")
                return None
            if raw.set_id is not None and raw.set_id.strip() != self.book.set_id(packet.rater):
                self.reject(raw.row, "packet_set", raw.set_id, "expected the packets of this audit and rater")
                return None
            if rater is not None and rater != packet.rater:
                self.reject(raw.row, "rater", raw.rater, "expected the rater that this packet is assigned to")
                return None
            if raw.trace_id is not None and raw.trace_id.strip() != packet.shown.trace_id:
                self.reject(raw.row, "trace_id", raw.trace_id, "expected the trace of this packet")
                return None
            return packet
        if raw.trace_id is None or not raw.trace_id.strip():
            self.reject(raw.row, "packet_id", None, "expected a packet id or a trace id")
            return None
        assert rater is not None
        packet = self.book.first_showing(rater, raw.trace_id.strip())
        if packet is None:
            self.reject(raw.row, "trace_id", raw.trace_id, f"expected a trace that is assigned to {rater}")
        return packet

    def _same_rubric(self, given: str) -> bool:
        given = given.strip().strip("'")
        return len(given) >= 12 and self.book.spec.rubric_hash.startswith(given)

    def _dimensions(self, raw: RawRating, packet: Packet) -> tuple[RatedDimension, ...]:
        asked = {one.id: one for one in self.book.asked_of(packet.trace)}
        found = []
        for name, dimension in asked.items():
            value = raw.scores.get(name)
            if is_blank(value):
                if not (raw.partial or self.partial):
                    self.reject(
                        raw.row, name, None, "expected a score or 'cannot assess': the rating is not finished"
                    )
                continue
            if says_cannot(value):
                found.append(RatedDimension(dimension=name, cannot_assess=True))
                continue
            score = whole_number(value, labelled=raw.source in {"label_studio", "argilla"})
            if score is None or score not in dimension.scale:
                scale = ", ".join(map(str, dimension.scale))
                self.reject(raw.row, name, value, f"expected one of {scale}, or 'cannot assess'")
                continue
            found.append(RatedDimension(dimension=name, score=score))
        for name, value in raw.scores.items():
            if name not in asked and not is_blank(value) and value != "-":
                what = f"a {packet.task.value} trace is not rated on it" if name in self.book.dimensions else (
                    f"expected a dimension of the rubric ({', '.join(asked)})"
                )  # fmt: skip
                self.reject(raw.row, name, value, what)
        return tuple(found)

    def _modes(self, raw: RawRating, packet: Packet) -> tuple[str, ...]:
        asked = {one.id: one for one in self.book.modes_of(packet.trace)}
        by_name = {one.name.casefold(): one.id for one in asked.values()}
        marked = list(raw.modes)
        for name, value in raw.marks.items():
            if name not in asked and (is_blank(value) or value == "-"):
                continue
            if self._yes_no(raw.row, name, value):
                marked.append(name)
        found = set()
        for mode in marked:
            name = by_name.get(mode.strip().casefold(), mode.strip())
            if name not in asked:
                self.reject(
                    raw.row,
                    "failure_modes",
                    mode,
                    f"expected failure modes of the rubric ({', '.join(asked)})",
                )
            found.add(name)
        return tuple(one for one in asked if one in found)

    def _yes_no(self, row: str, name: str, value: object) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        if isinstance(value, list | tuple) and len(value) <= 1:
            return self._yes_no(row, name, value[0] if value else None)
        text = str(value).strip().casefold()
        text = text[:-2] if text in {"0.0", "1.0", "0,0", "1,0"} else text
        if text in _YES or text in _NO:
            return text in _YES
        self.reject(row, name, value, "expected yes or no")
        return False

    def _comment(self, raw: RawRating) -> str:
        if raw.comment is None:
            return ""
        if isinstance(raw.comment, list | tuple):
            text = "\n".join(str(part) for part in raw.comment)
        elif isinstance(raw.comment, str | int | float):
            text = str(raw.comment)
        else:
            self.reject(raw.row, "comment", raw.comment, "expected text")
            return ""
        if len(text) > _LONGEST_COMMENT:
            self.reject(
                raw.row, "comment", text, f"expected at most {_LONGEST_COMMENT} characters, not {len(text)}"
            )
            return ""
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _time(self, raw: RawRating, name: str) -> datetime | None:
        value = getattr(raw, name)
        if is_blank(value):
            return None
        try:
            time = datetime.fromisoformat(str(value).strip())
            return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.reject(raw.row, name, value, "expected a time, as 2026-03-04T05:06:07Z")
            return None

    def _seconds(self, raw: RawRating) -> float | None:
        if is_blank(raw.active_s):
            return None
        value = raw.active_s
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_SECONDS:
            return float(value)
        self.reject(raw.row, "active_s", value, "expected seconds, 0 or more")
        return None

    def _shown_hash(self, raw: RawRating, packet: Packet) -> str | None:
        if is_blank(raw.shown_sha256):
            return None
        if isinstance(raw.shown_sha256, str) and raw.shown_sha256 in {
            self.book.shown_sha256(packet.trace, image=image) for image in (True, False)
        }:
            return str(raw.shown_sha256)
        self.reject(
            raw.row, "shown_sha256", raw.shown_sha256,
            "expected the hash of what this audit shows: the packet was made from something else",
        )  # fmt: skip
        return None


def with_id(rating: Rating) -> Rating:
    """The rating under the id of its content."""
    content: JsonValue = rating.model_dump(mode="json", exclude={"rating_id", "at"})
    return rating.model_copy(update={"rating_id": digest(content)})


def whole_number(value: object, *, labelled: bool = False) -> int | None:
    """The whole number that a cell or field means; None where it means none.

    `labelled`: also `4 - mostly sound`, as a choice in a labelling tool may read.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    found = _WHOLE.match(text) or (_LABELLED.match(text) if labelled else None)
    return None if found is None else int(found[1].replace("−", "-"))


def says_cannot(value: object) -> bool:
    """Whether a value stands for "cannot assess"."""
    if not isinstance(value, str):
        return False
    plain = re.sub(r"[\s_-]+", " ", value.replace("’", "'").casefold()).strip()
    return plain in _CANNOT or plain.replace(" ", "") in {"n.a.", "n.a"}


def is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value == []


def text_or_none(value: object) -> str | None:
    """A value as text; None where it is blank. Numbers are written as they are read."""
    return None if is_blank(value) else str(value)


def strings(value: object) -> list[str]:
    """A list of texts from a list, a text with `;` or `|` between, or nothing."""
    if is_blank(value):
        return []
    parts: Sequence[object] = value if isinstance(value, list | tuple) else re.split(r"[;|]", str(value))
    return [str(part).strip() for part in parts if str(part).strip()]


def _shown(value: object, *, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
