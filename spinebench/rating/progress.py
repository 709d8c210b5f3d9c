"""How far each rater is, and nothing about what they rated: agreement before the lock would unblind."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from spinebench.audit_records import Rating
from spinebench.exchange.rating_book import RatingBook


@dataclass(frozen=True, slots=True)
class Progress:
    """One rater's progress. Hidden duplicates count like any other showing."""

    rater: str
    n_assigned: int
    n_rated: int
    """Showings with a score or 'cannot assess' in every dimension that is asked."""
    n_begun: int
    """Showings with some dimensions rated, not all."""
    n_sittings: int
    n_sittings_done: int
    last_activity: datetime | None
    """When the latest rating was saved, or taken in where the file does not say; None before the first."""


def progress(book: RatingBook, ratings: list[Rating]) -> list[Progress]:
    """One row per rater, by name. `ratings`: those that stand (`AuditFolder.ratings()`)."""
    by_packet = {one.packet_id: one for one in ratings}
    found = []
    for rater, assignment in sorted(book.assignments.items()):
        complete: dict[int, list[bool]] = defaultdict(list)
        n_begun = 0
        times = []
        for shown in assignment.traces:
            rating = by_packet.get(shown.packet_id)
            whole = rating is not None and is_complete(book, rating)
            complete[shown.sitting].append(whole)
            if rating is not None:
                n_begun += not whole
                times.append(rating.saved_at or rating.at)
        found.append(
            Progress(
                rater=rater,
                n_assigned=len(assignment.traces),
                n_rated=sum(sum(sitting) for sitting in complete.values()),
                n_begun=n_begun,
                n_sittings=len(complete),
                n_sittings_done=sum(all(sitting) for sitting in complete.values()),
                last_activity=max(times, default=None),
            )
        )
    return found


def is_complete(book: RatingBook, rating: Rating) -> bool:
    """Whether a rating has every dimension that its trace is rated on."""
    packet = book.packets.get(rating.packet_id)
    if packet is None:
        return False
    return {one.id for one in book.asked(packet.task)} <= {one.dimension for one in rating.dimensions}
