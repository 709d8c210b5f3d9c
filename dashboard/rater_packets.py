"""What one rater may see and hand in: their own assigned traces, blinded, and the ratings of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from spinebench.audit_records import AuditTrace, Rating
from spinebench.errors import SpinebenchError
from spinebench.exchange.packet_images import PacketImage
from spinebench.exchange.packets import CANNOT_ASSESS, ShownImage, packet_content
from spinebench.exchange.rating_book import RatingBook, opaque
from spinebench.exchange.rating_rows import Checker
from spinebench.exchange.rating_tools import UnreadableError
from spinebench.exchange.ratings_import import page_rating
from spinebench.rating.images import RunImages
from spinebench.rating.progress import Progress, progress
from spinebench.records import JsonValue
from spinebench.store.audit_folder import AuditFolder, latest_ratings
from spinebench.store.workspace import Workspace


class ConflictError(Exception):
    """Another rating of the packet was handed in since the one that this one follows."""

    def __init__(self, stands: str) -> None:
        super().__init__(stands)
        self.stands = stands
        """Id of the rating that stands."""


class RefusedError(Exception):
    """A rating that is not taken, and why, in words for the rater."""


@dataclass(frozen=True, slots=True)
class RaterPacket:
    """One rater's part of one audit."""

    rater: str
    folder: AuditFolder
    book: RatingBook

    @property
    def set_id(self) -> str:
        """Names the packet in addresses without naming the audit."""
        return self.book.set_id(self.rater)

    def progress(self) -> Progress:
        """How far the rater is; nothing about what they rated."""
        return next(one for one in progress(self.book, self.ratings()) if one.rater == self.rater)

    def content(self) -> dict[str, JsonValue]:
        """What the page is filled with; see `packet_content`. Images are addresses, opaque ones."""
        pictures = {}
        for packet_id, keys in self._image_keys().items():
            trace_id = self.book.packets[packet_id].shown.trace_id
            pictures[trace_id] = [ShownImage(key, f"/rate/{self.set_id}/images/{key}") for key in keys]
        standing: dict[str, JsonValue] = {one.packet_id: _as_shown(one) for one in self.ratings()}
        server: JsonValue = {
            "submit": f"/rate/{self.set_id}/ratings", "sign_out": "/sign-out", "standing": standing
        }  # fmt: skip
        return {**packet_content(self.book, self.rater, pictures), "server": server}

    def image(self, key: str, images: RunImages) -> PacketImage | None:
        """The image of an opaque key; None where no trace of this packet has it.

        Raises `SpinebenchError` where the image cannot be had as its model was shown it.
        """
        for packet_id, keys in self._image_keys().items():
            if key in keys:
                return images(self.book.packets[packet_id].trace)[keys.index(key)]
        return None

    def ratings(self) -> list[Rating]:
        """The rater's ratings that stand, those of earlier versions of their list left out."""
        return [one for one in latest_ratings(self._ever()) if one.packet_id in self.book.packets]

    def take(self, sent: object) -> Rating:
        """Take one rating that the page sent; the same again is known and adds nothing.

        `sent["follows"]`: id of the rating of this packet that the page knew to stand, or None. Raises
        RefusedError for what is not whole, not of this rater, or behind the lock; ConflictError where another
        rating was handed in since, which the page is to show before it is superseded.
        """
        checker = Checker(self.book, "page", at=datetime.now(UTC))
        raw = page_rating(sent, rater=self.rater, row="rating", source="page")
        if isinstance(raw, UnreadableError):
            raise RefusedError(raw.reason)
        rating = checker.take(raw)
        if rating is None:
            raise RefusedError(
                "; ".join(f"{one.field or 'rating'}: {one.reason}" for one in checker.rejected)
            )
        follows = sent.get("follows") if isinstance(sent, dict) else None
        taken = rating

        def new() -> list[Rating]:
            # Inside the journal's turn: nobody hands in a rating between this look and the line that is added.
            nonlocal taken
            ever = self._ever()
            known = next((one for one in ever if one.rating_id == rating.rating_id), None)
            if known is not None:
                taken = known
                return []
            stands = next((one for one in latest_ratings(ever) if one.packet_id == rating.packet_id), None)
            if stands is not None and _same_judgement(stands, rating):
                taken = stands
                return []
            if stands is not None and stands.rating_id != follows:
                raise ConflictError(stands.rating_id)
            return [rating]

        try:
            self.folder.ratings_journal(self.rater).append_new(new)
        except SpinebenchError as error:
            if self.folder.rating_lock() is None:
                raise
            raise RefusedError("the ratings of this study are final by now.") from error
        return taken

    def _ever(self) -> list[Rating]:
        journal = self.folder.ratings_journal(self.rater)
        found: dict[str, Rating] = {}
        for line in journal.lines():
            one = self.folder.rating(self.rater, line)
            found.setdefault(one.rating_id, one)
        return list(found.values())

    def _image_keys(self) -> Mapping[str, list[str]]:
        """Packet id -> keys of its images, in their order."""
        return {
            shown.packet_id: _keys(self.set_id, self.book.traces[shown.trace_id])
            for shown in self.book.assignments[self.rater].traces
        }


class RaterPackets:
    """The packets of all raters of a workspace, read again when the assignments of their audit change."""

    def __init__(self, workspace: Workspace, *, image_root: Path | None = None) -> None:
        """`image_root`: where the images are now; None: where the runs had them."""
        self._workspace = workspace
        self._books: dict[str, tuple[tuple[int, int, int], RatingBook]] = {}
        self._guard = threading.Lock()
        self.images = RunImages(workspace, root=image_root)

    def of(self, rater: str) -> list[RaterPacket]:
        """The packets of one rater that are open, oldest audit first; those of locked audits are closed."""
        found = []
        for folder in self._workspace.audits():
            book = self._book(folder)
            if book is not None and rater in book.assignments and book.assignments[rater].traces:
                found.append(RaterPacket(rater, folder, book))
        return [one for one in found if one.folder.rating_lock() is None]

    def named(self, rater: str, set_id: str) -> RaterPacket | None:
        """One of the rater's own packets; None for anything else, whether it exists or not."""
        return next((one for one in self.of(rater) if one.set_id == set_id), None)

    def is_closed(self, rater: str, set_id: str) -> bool:
        """Whether it is the rater's own packet, of an audit whose ratings are final."""
        books = ((folder, self._book(folder)) for folder in self._workspace.audits())
        return any(
            book is not None
            and rater in book.assignments
            and book.set_id(rater) == set_id
            and folder.rating_lock() is not None
            for folder, book in books
        )

    def _book(self, folder: AuditFolder) -> RatingBook | None:
        """None where nothing is assigned."""
        try:
            found = os.stat(folder.path / "assignments.jsonl")
        except OSError:
            return None
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        with self._guard:
            held = self._books.get(folder.audit_id)
            if held is None or held[0] != stamp:
                if not any(one.traces for one in folder.assignments().values()):
                    return None
                held = self._books[folder.audit_id] = (stamp, RatingBook.open(folder))
            return held[1]


def _keys(set_id: str, trace: AuditTrace) -> list[str]:
    return [opaque([set_id, one.sha256]) for one in trace.answer.images]


def _same_judgement(one: Rating, other: Rating) -> bool:
    """Whether two ratings are one submission: equal but for the seconds counted in the tabs it was sent from."""
    left, right = (
        rating.model_copy(update={"rating_id": "", "at": other.at, "active_s": None, "opened_at": None})
        for rating in (one, other)
    )
    return left == right


def _as_shown(rating: Rating) -> JsonValue:
    """A rating as the page holds it."""
    return {
        "rating_id": rating.rating_id,
        "dimensions": {
            one.dimension: CANNOT_ASSESS if one.score is None else one.score for one in rating.dimensions
        },
        "failure_modes": list(rating.failure_modes),
        "safety": rating.safety,
        "comment": rating.comment,
        "opened_at": None if rating.opened_at is None else rating.opened_at.isoformat(),
        "saved_at": (rating.saved_at or rating.at).isoformat(),
        "active_s": rating.active_s,
    }
