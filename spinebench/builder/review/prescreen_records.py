"""What a model may say of an item before persons read it: remarks and an order of attention, never a decision."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from spinebench.records import Failure, Record, Sha256, Usage
from spinebench.store.journal import CorruptLineError, Journal, Line

PRESCREEN = "prescreen.jsonl"
"""Journal of the pre-screen, in the folder of the review."""


class PrescreenReply(Record):
    """What the model is asked to reply."""

    supported: Literal["yes", "no", "unsure"]
    """Whether the picture supports the marked answer."""
    also_right: tuple[str, ...]
    """Letters of other options that are right as well."""
    quality: Literal["good", "limited", "poor"]
    """Of the picture, for answering this question."""
    text_in_picture: Literal["none", "harmless", "identifying"]
    """Text burned into the picture: side marks and scales are harmless."""
    remark: str


class PrescreenRemark(Record):
    """The reply on one item, read. It has no field that decides anything."""

    item_id: str
    item_hash: Sha256
    model: str
    reply: PrescreenReply

    @property
    def suspicion(self) -> int:
        """0 to 10, for an order of attention only, by weights of our own: no support 4 (unsure 1), another option right
        3, identifying text 2, poor picture 1."""
        one = self.reply
        return (
            {"no": 4, "unsure": 1, "yes": 0}[one.supported]
            + (3 if one.also_right else 0)
            + (2 if one.text_in_picture == "identifying" else 0)
            + (1 if one.quality == "poor" else 0)
        )

    def texts(self) -> tuple[str, ...]:
        """The remarks in words, for a reviewer who has decided already."""
        one = self.reply
        said = [
            {
                "no": "The picture does not support the marked answer.",
                "unsure": "Unsure about the marked answer.",
            }.get(one.supported),
            f"Also right: {', '.join(one.also_right)}." if one.also_right else None,
            None if one.quality == "good" else f"Picture: {one.quality}.",
            None if one.text_in_picture == "none" else f"Text in the picture: {one.text_in_picture}.",
            one.remark.strip() or None,
        ]
        return tuple(text for text in said if text)


class PrescreenEntry(Record):
    """One line of the journal: what became of one item's call."""

    item_id: str
    item_hash: Sha256
    request_hash: str
    """Of the request: texts, images, model, decoding. A stored reply is found again by it."""
    prompt_hash: str
    model: str
    replies: tuple[str, ...] = ()
    """As they came; empty where no call succeeded."""
    value: dict[str, Any] | None = None
    """The last reply as it was read; None where it could not be."""
    problem: str | None = None
    failures: tuple[Failure, ...] = ()
    usage: tuple[Usage, ...] = ()
    at: datetime


class PrescreenJournal(Journal[PrescreenEntry]):
    """The journal of a pre-screen; what a damaged line held is asked again."""

    def corrupt(self, line: Line, why: str) -> CorruptLineError:
        return CorruptLineError(
            f"journal {str(self.path)!r}, line {line.number} (byte {line.offset}): expected a step of a pre-screen, "
            f"but {why}; remove the line, then {self.way_on}"
        )


def prescreen_journal(folder: Path) -> PrescreenJournal:
    """The journal in the folder of a review."""
    return PrescreenJournal(
        folder / PRESCREEN, PrescreenEntry, way_on="call the same 'spinebench build review prescreen' again"
    )


def read_remarks(folder: Path) -> dict[tuple[str, str], PrescreenRemark]:
    """(Item id, item hash) -> the last remark of it; replies that could not be read give none."""
    found = {}
    for entry in prescreen_journal(folder).read():
        if entry.value is not None:
            found[entry.item_id, entry.item_hash] = PrescreenRemark(
                item_id=entry.item_id,
                item_hash=entry.item_hash,
                model=entry.model,
                reply=PrescreenReply.model_validate(entry.value),
            )
    return found
