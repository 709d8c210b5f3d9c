"""A third rater's packet: what the others could not agree on, blinded like theirs, and its way back as decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from spinebench.audit_records import Adjudicated, AssignedTrace, Assignment
from spinebench.errors import UsageError
from spinebench.exchange.packets import Earlier
from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import Rejected
from spinebench.exchange.ratings_import import read_ratings
from spinebench.exchange.table_text import file_text
from spinebench.rating.adjudicating import Decision, Dispute, decide, disputes
from spinebench.rating.assigning import SITTING, packet_id
from spinebench.rating.locking import require_lock
from spinebench.rating.ordering import Showing, order_showings
from spinebench.records import digest
from spinebench.store.audit_folder import AuditFolder


@dataclass(frozen=True, slots=True)
class ThirdRaterPacket:
    """What one rater is to decide."""

    book: RatingBook
    """Of this rater's traces alone; asks for the open dimensions and no others."""
    scores: Earlier
    """The scores between which to decide, lowest first: whose is whose, and in what order, is not told. Empty where
    they are not to be shown."""
    n_open: int
    """Decisions that are asked for."""


def third_rater_packet(folder: AuditFolder, rater: str, *, show_scores: bool = False) -> ThirdRaterPacket:
    """The traces with an open decision that this rater has not rated, in an order of their own.

    Packet ids follow from the locked ratings, which are in no packet, and from whether scores are shown: nothing has
    to be stored, a packet made again has the same ids, and the decisions tell what they were made on. Raises
    UsageError before the lock, and where nothing is left to this rater.
    """
    found = disputes(folder)
    open_ones = [one for one in found if one.decided is None]
    book = _book(folder, open_ones, [rater], shown=show_scores)
    if not book.assignments[rater].traces:
        why = "nothing is open" if not open_ones else "this rater has rated all that is open"
        raise UsageError(
            f"rater {rater!r}: expected one to whom traces are left to decide, but {why}; see 'spinebench rate "
            f"adjudicate {folder.audit_id}'"
        )
    scores = {
        (one.trace_id, one.dimension): sorted(
            one.scores.values(), key=lambda score: (score is None, score or 0)
        )
        for one in open_ones
        if show_scores
    }
    return ThirdRaterPacket(book, scores, n_open=len(open_ones))


def decide_from_packet(
    folder: AuditFolder, path: Path, *, raters: Sequence[str], at: datetime
) -> tuple[list[Adjudicated], list[Rejected]]:
    """Decisions from a third rater's filled packet (JSON or table): dimension by dimension, as far as it is filled.

    What another decided meanwhile stands: a packet that says otherwise is rejected there. A file that comes again
    adds nothing. The note of a decision made with the scores in sight begins with `scores shown`. Returns the new
    decisions, and the rejected rows with their reasons. `raters`: all who have a card.
    """
    found = disputes(folder)
    standing = {(one.trace_id, one.dimension): one.decided for one in found}
    book, shown = _book_of(folder, found, raters, path)
    read = read_ratings(path, book, at=at, partial=True)
    rejected = list(read.rejected)
    decisions = []
    for rating in read.ratings:
        said = (
            "scores shown" if shown else "",
            "safety concern" if rating.safety else "",
            rating.comment.strip(),
        )
        note = "; ".join(part for part in said if part)
        for one in rating.dimensions:
            stands = standing[rating.trace_id, one.dimension]
            if stands is not None and (stands.by, stands.rater) != ("third_rater", rating.rater):
                if stands.score != one.score:
                    who = stands.rater or stands.by
                    rejected.append(
                        Rejected(
                            file=path.name, row=f"packet {rating.packet_id}", field=one.dimension,
                            value="x" if one.score is None else str(one.score),
                            reason=f"decided meanwhile by {who}; to replace that, decide it by --trace",
                        )
                    )  # fmt: skip
                continue
            decisions.append(
                Decision(
                    trace=rating.trace_id, dimension=one.dimension, score="x" if one.score is None else one.score,
                    by="third_rater", rater=rating.rater, note=note,
                )
            )  # fmt: skip
    return decide(folder, decisions, raters=raters, at=at), rejected


def _book_of(
    folder: AuditFolder, found: Sequence[Dispute], raters: Sequence[str], path: Path
) -> tuple[RatingBook, bool]:
    """The book that a filled packet belongs to, and whether its rater saw the scores."""
    with_scores = _book(folder, found, raters, shown=True)
    try:
        text = file_text(path)
    except (OSError, ValueError):
        text = ""  # what is wrong with the file is said where it is read
    if any(with_scores.set_id(rater) in text for rater in raters):
        return with_scores, True
    return _book(folder, found, raters, shown=False), False


def _book(folder: AuditFolder, found: Sequence[Dispute], raters: Sequence[str], *, shown: bool) -> RatingBook:
    """Every rater with the traces among these disputes that they have not rated."""
    lock = require_lock(folder)
    whole = RatingBook.open(folder)
    rated = {(one.rater, one.trace_id) for one in folder.ratings()}
    only: dict[str, set[str]] = defaultdict(set)
    for one in found:
        only[one.trace_id].add(one.dimension)
    assignments = {}
    for rater in raters:
        seed = int(digest(["third rater", folder.audit_id, rater, lock.ratings_hash, shown])[:12], 16)
        mine = [whole.traces[name] for name in sorted(only) if (rater, name) not in rated]
        order = order_showings(
            [Showing(one.trace_id, one.pick.trace.model, one.pick.trace.image) for one in mine],
            again=0,
            seed=f"{seed}|{rater}",
        )
        assignments[rater] = Assignment(
            audit_id=folder.audit_id,
            rater=rater,
            seed=seed,
            created_at=lock.at,
            traces=tuple(
                AssignedTrace(
                    packet_id=packet_id(folder.audit_id, rater, one.trace_id, seed, duplicate=False),
                    trace_id=one.trace_id,
                    position=place,
                    sitting=1 + (place - 1) // SITTING,
                )
                for place, one in enumerate(order, start=1)
            ),
        )
    return RatingBook(
        whole.spec,
        assignments,
        {name: whole.traces[name] for name in only},
        only={name: frozenset(dimensions) for name, dimensions in only.items()},
    )
