"""Takes files of ratings into an audit: what is new is appended, what is known is left, what is wrong is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from spinebench.audit_records import Rating
from spinebench.errors import UsageError
from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import Rejected
from spinebench.exchange.ratings_import import Format, read_ratings
from spinebench.store.audit_folder import AuditFolder

_JUDGEMENT = ("trace_id", "duplicate", "dimensions", "failure_modes", "comment", "safety", "rubric_hash")
_MAKING = ("opened_at", "saved_at", "active_s", "shown_sha256")


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What became of one file."""

    file: str
    format: Format | None
    n_new: int
    """Ratings of packets that had none."""
    n_changed: int
    """Ratings that supersede an earlier one of the same packet."""
    n_known: int
    """Ratings that had been taken in before, now superseded or not."""
    n_blank: int
    rejected: tuple[Rejected, ...]
    new_by_rater: Mapping[str, int]


def import_ratings(
    folder: AuditFolder, paths: Sequence[Path], *, at: datetime, users: Mapping[str, str] | None = None
) -> list[ImportedFile]:
    """Read the files in their order and append what is new. Importing a file twice changes nothing.

    Nor does a rating that comes again in another form, as the table beside the saved page, and says no more.
    A rating that was saved before the one that stands for its packet is rejected: it would undo later work.
    Raises UsageError once the ratings are locked, before anything is assigned, and for a file that cannot be
    opened (then nothing of the later files is taken).
    """
    lock = folder.rating_lock()
    if lock is not None:
        raise UsageError(
            f"audit {folder.audit_id!r}: expected ratings that are open, but they were locked at "
            f"{lock.at.isoformat(timespec='seconds')}; decide what is open by 'spinebench rate adjudicate "
            f"{folder.audit_id}'"
        )
    book = RatingBook.open(folder)
    for path in paths:
        if not path.is_file():
            raise UsageError(
                f"file {str(path)!r}: expected a file of ratings, but there is none; check the path"
            )
    return [_import(folder, book, path, at=at, users=users) for path in paths]


def _import(
    folder: AuditFolder, book: RatingBook, path: Path, *, at: datetime, users: Mapping[str, str] | None
) -> ImportedFile:
    ever = folder.ratings(superseded=True)
    known = {one.rating_id for one in ever}
    current = {one.packet_id: one for one in folder.ratings()}
    read = read_ratings(path, book, at=at, users=users, current=current.values())
    rejected = list(read.rejected)
    taken: list[Rating] = []
    n_again = 0
    for rating in read.ratings:
        stands = current.get(rating.packet_id)
        if rating.rating_id not in known and stands is not None and _older(rating, stands):
            assert stands.saved_at is not None
            rejected.append(
                Rejected(
                    file=path.name,
                    row=f"packet {rating.packet_id}",
                    field="saved_at",
                    value=None if rating.saved_at is None else rating.saved_at.isoformat(),
                    reason=f"expected one saved after {stands.saved_at.isoformat()}, as the rating that stands was",
                )
            )
            continue
        if stands is not None and _says_no_more(rating, stands):
            n_again += 1
            continue
        taken.append(rating)
    added = folder.add_ratings(taken)
    by_rater: dict[str, int] = defaultdict(int)
    for rating in added:
        by_rater[rating.rater] += 1
    fresh = {one.packet_id for one in added if one.packet_id not in current}
    return ImportedFile(
        file=path.name,
        format=read.format,
        n_new=len(fresh),
        n_changed=len({one.packet_id for one in added} - fresh),
        n_known=n_again + len(taken) - len(added),
        n_blank=read.n_blank,
        rejected=tuple(rejected),
        new_by_rater=dict(sorted(by_rater.items())),
    )


def _older(rating: Rating, stands: Rating) -> bool:
    return rating.saved_at is not None and stands.saved_at is not None and rating.saved_at < stands.saved_at


def _says_no_more(rating: Rating, stands: Rating) -> bool:
    """Whether a rating judges as the one that stands and knows nothing of its making that that one does not."""
    if any(getattr(rating, name) != getattr(stands, name) for name in _JUDGEMENT):
        return False
    return all(getattr(rating, name) in {None, getattr(stands, name)} for name in _MAKING)
