"""The lock: from then on ratings are final, and adjudication may begin."""

from __future__ import annotations

from datetime import datetime

from spinebench.audit_records import RatingLock
from spinebench.errors import DataError, UsageError
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.progress import progress
from spinebench.store.audit_folder import AuditFolder, ratings_hash


def lock_ratings(folder: AuditFolder, *, at: datetime, incomplete: bool = False) -> RatingLock:
    """Lock an audit's ratings. They cannot be opened again.

    Raises UsageError where showings are unrated, unless `incomplete` lets them stay so (they count against
    coverage), where there are no ratings, and where they are locked already.
    """
    book = RatingBook.open(folder)
    lacking = [
        f"{one.rater} {one.n_assigned - one.n_rated} of {one.n_assigned}"
        for one in progress(book, folder.ratings())
        if one.n_rated < one.n_assigned
    ]
    if lacking and not incomplete and folder.rating_lock() is None:
        raise UsageError(
            f"ratings of audit {folder.audit_id!r}: expected all that are assigned, but there lack: "
            f"{', '.join(lacking)}; import them, or lock what is there for good with --incomplete"
        )
    return folder.lock_ratings(at=at)


def require_lock(folder: AuditFolder) -> RatingLock:
    """The lock. Raises UsageError before it, DataError where the ratings are not those that were locked."""
    lock = folder.rating_lock()
    if lock is None:
        raise UsageError(
            f"audit {folder.audit_id!r}: expected locked ratings, but they are open: decisions made now could "
            f"change what raters still write; call 'spinebench rate lock {folder.audit_id}'"
        )
    ratings = folder.ratings()
    if len(ratings) != lock.n_ratings or ratings_hash(ratings) != lock.ratings_hash:
        raise DataError(
            f"ratings of audit {folder.audit_id!r}: expected the {lock.n_ratings} that were locked, but the "
            f"journals hold {len(ratings)} or others; restore the journals from a backup"
        )
    return lock
