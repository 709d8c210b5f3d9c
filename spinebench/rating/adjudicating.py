"""What has to be decided after the lock, and the decisions. The clinicians' own scores stay as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from spinebench.audit_records import Adjudicated, AuditEntry, Rating
from spinebench.errors import UsageError
from spinebench.evaluators.resolving import LEVELS_APART, ResolvedDimension, resolve
from spinebench.exchange.rating_book import RatingBook
from spinebench.exchange.rating_rows import Rejected, says_cannot, text_or_none, whole_number
from spinebench.exchange.rating_tables import read_table
from spinebench.exchange.table_text import file_text
from spinebench.rating.locking import require_lock
from spinebench.store.audit_folder import AuditFolder


@dataclass(frozen=True, slots=True)
class Dispute:
    """One dimension of one trace that needs a decision."""

    trace_id: str
    resolved: ResolvedDimension
    """What its ratings come to, and why it needs a decision."""
    flagged_by: tuple[str, ...]
    """Raters who hold the trace to be dangerous, at either showing."""
    decided: Adjudicated | None

    @property
    def dimension(self) -> str:
        return self.resolved.dimension

    @property
    def scores(self) -> dict[str, int | None]:
        """Rater -> score at the first showing, by rater; None: cannot assess."""
        found = {**self.resolved.scores, **dict.fromkeys(self.resolved.not_assessed_by)}
        return {rater: found[rater] for rater in sorted(found)}

    @property
    def apart(self) -> int | None:
        """Levels of the declared scale between lowest and highest score; None below two scores."""
        return self.resolved.range

    @property
    def reasons(self) -> tuple[str, ...]:
        said = {
            "range": f"{self.apart} levels apart",
            "safety": f"safety flag of {', '.join(self.flagged_by)}",
        }
        return tuple(said[why] for why in self.resolved.needs)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as a person states it, before it is held against the audit."""

    trace: str
    """Trace id or packet id."""
    dimension: str
    score: object
    by: str
    rater: str | None = None
    note: str = ""


def disputes(folder: AuditFolder) -> list[Dispute]:
    """Every (trace, dimension) that needs a decision, decided ones too, in the audit's order of traces.

    What needs one is said by `ResolvedDimension.needs`; a safety flag puts all dimensions of its trace up for
    decision. Raises UsageError before the lock.
    """
    require_lock(folder)
    book = RatingBook.open(folder)
    decided = folder.adjudications()
    by_trace: dict[str, list[Rating]] = defaultdict(list)
    for rating in folder.ratings():
        by_trace[rating.trace_id].append(rating)
    found = []
    for trace_id, trace in book.traces.items():
        flagged = tuple(sorted({one.rater for one in by_trace[trace_id] if one.safety}))
        scales = {one.id: one.scale for one in book.asked(trace.item.task)}
        found += [
            Dispute(trace_id, resolved, flagged, decided.get((trace_id, resolved.dimension)))
            for resolved in resolve(by_trace[trace_id], scales=scales)
            if resolved.needs
        ]
    return found


def decide(
    folder: AuditFolder, decisions: Sequence[Decision], *, raters: Sequence[str], at: datetime
) -> list[Adjudicated]:
    """Record decisions; one that stands already in the same words is not written again. Returns the new ones.

    A later decision on the same dimension replaces an earlier one. All or none: the first wrong one raises
    UsageError and nothing is written. `raters`: everyone who has a card.
    """
    open_to = {(one.trace_id, one.dimension): one for one in disputes(folder)}
    book = RatingBook.open(folder)
    found = [_checked(book, one, open_to, raters, at=at) for one in decisions]
    new = []
    for one in found:
        before = open_to[one.trace_id, one.dimension].decided
        if before is None or before.model_copy(update={"at": one.at}) != one:
            new.append(one)
    if new:
        with folder.lock():
            folder.journal.append([AuditEntry(adjudicated=one) for one in new])
            folder.journal.close()
    return new


def decide_from_table(
    folder: AuditFolder, path: Path, *, raters: Sequence[str], at: datetime
) -> tuple[list[Adjudicated], list[Rejected]]:
    """Decisions from a table with columns trace (or packet), dimension, score, by, rater, note.

    The good rows are recorded; the others are returned with their reasons. Rows without a score are passed
    over, so that a list of what is open can be filled in bit by bit.
    """
    try:
        table = read_table(file_text(path))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"file {str(path)!r}: expected a table of decisions, but {error}; write one with the columns trace, "
            "dimension, score, by, rater, note"
        ) from error
    missing = [name for name in ("dimension", "score", "by") if name not in table.header]
    if missing or not table.is_ratings:
        raise UsageError(
            f"file {str(path)!r}: expected the columns trace, dimension, score, by, rater, note, but there is no "
            f"{', '.join(missing) or 'trace'}; add it"
        )
    open_to = {(one.trace_id, one.dimension): one for one in disputes(folder)}
    book = RatingBook.open(folder)
    good: list[Decision] = []
    rejected = [
        Rejected(file=path.name, row=f"row {line}", field=None, value=None,
                 reason="expected no more cells than the header has")
        for line in table.too_long
    ]  # fmt: skip
    for line, row in table.rows:
        if not row.get("score", "").strip():
            continue
        decision = Decision(
            trace=text_or_none(row.get("trace_id")) or text_or_none(row.get("packet_id")) or "",
            dimension=row["dimension"].strip(),
            score=row["score"],
            by=row.get("by", ""),
            rater=text_or_none(row.get("rater")),
            note=row.get("note", ""),
        )
        try:
            _checked(book, decision, open_to, raters, at=at)
        except UsageError as error:
            reason = str(error).rpartition("; ")[0]
            rejected.append(
                Rejected(file=path.name, row=f"row {line}", field=None, value=None, reason=reason)
            )
        else:
            good.append(decision)
    return decide(folder, good, raters=raters, at=at), rejected


def _checked(
    book: RatingBook,
    decision: Decision,
    open_to: Mapping[tuple[str, str], Dispute],
    raters: Sequence[str],
    *,
    at: datetime,
) -> Adjudicated:
    listed = f"call 'spinebench rate adjudicate {book.spec.audit_id}' to see what is to be decided"
    trace_id = decision.trace.strip()
    if trace_id in book.packets:
        trace_id = book.packets[trace_id].shown.trace_id
    if trace_id not in book.traces:
        raise UsageError(f"trace {decision.trace!r}: expected a trace or packet of this audit; {listed}")
    dimension = book.dimensions.get(decision.dimension)
    if dimension is None:
        raise UsageError(
            f"dimension {decision.dimension!r}: expected one of {', '.join(book.dimensions)}; {listed}"
        )
    dispute = open_to.get((trace_id, dimension.id))
    if dispute is None:
        raise UsageError(
            f"trace {trace_id!r}, {dimension.id}: expected one that needs a decision, but its scores are less than "
            f"{LEVELS_APART} levels apart and nobody flagged it; {listed}"
        )
    by = _by(decision.by)
    score = None if says_cannot(decision.score) else whole_number(decision.score)
    if not says_cannot(decision.score) and score not in dimension.scale:
        scale = ", ".join(map(str, dimension.scale))
        raise UsageError(
            f"score {decision.score!r}: expected one of {scale}, or x for 'cannot assess'; {listed}"
        )
    rater = text_or_none(decision.rater)
    if rater is not None and rater not in raters:
        raise UsageError(
            f"rater {rater!r}: expected one with a card; add it by 'spinebench rate raters add {rater}'"
        )
    if by == "third_rater" and rater is None:
        raise UsageError("rater None: expected who the third rater is; name it with --rater")
    if by == "third_rater" and rater in dispute.scores:
        raise UsageError(
            f"rater {rater!r}: expected one who has not rated this trace before; name another, or decide by consensus"
        )
    return Adjudicated(
        audit_id=book.spec.audit_id, trace_id=trace_id, dimension=dimension.id, score=score, by=by, rater=rater,
        note=decision.note.strip(), at=at,
    )  # fmt: skip


def _by(text: str) -> Literal["third_rater", "consensus"]:
    match text.strip().casefold().replace(" ", "_").replace("-", "_"):
        case "third_rater":
            return "third_rater"
        case "consensus":
            return "consensus"
        case _:
            raise UsageError(f"by {text!r}: expected third_rater or consensus; say how it was decided")
