"""What one reviewer may see and hand in: their own part of a review, on the web or on a filled sheet."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from spinebench.builder.records import ReviewDecision, Stage
from spinebench.builder.review.checking import problem_of
from spinebench.builder.review.ledger import ReviewEntry, ReviewerJournal
from spinebench.builder.review.plan import reason_text
from spinebench.builder.review.prescreen_records import PRESCREEN
from spinebench.builder.review.queue import CANDIDATES, PLAN, SOURCES, Review, item_key
from spinebench.records import JsonValue, digest
from spinebench.store.journal import explain

MOST_AT_ONCE = 40
"""Items that a page may ask for in one request."""


class NotTakenError(Exception):
    """A decision that is not taken, and why, in words for the reviewer."""


class ReplacedError(Exception):
    """Another decision on the item was handed in since the one that this one follows."""

    def __init__(self, stands: str | None) -> None:
        super().__init__(stands)
        self.stands = stands
        """Key of the line that stands; None where nothing does."""


@dataclass(frozen=True)
class Desk:
    """One reviewer's part of a review, as it stands."""

    review: Review
    reviewer: str
    journal: ReviewerJournal
    reviewers: Mapping[str, ReviewerJournal]
    """Reviewer -> journal, of all reviewers: what the adjudicator sees."""

    @property
    def adjudicates(self) -> bool:
        """Whether the reviewer is the one who decides where others differ."""
        return self.reviewer == self.review.plan.adjudicator

    @property
    def set_id(self) -> str:
        """Names the part in addresses and in a browser's store."""
        return digest(["review", self.review.build.name, self.review.plan.seed, self.reviewer])[:24]

    def states(self) -> list[tuple[str, str]]:
        """(Short key of an item, `accept`, `correct`, `reject`, `changed` or empty) in the order to read them.

        `changed`: the reviewer decided on an earlier form of the item.
        """
        standing = self.journal.standing()
        earlier = {name for name, _ in standing}
        found: list[tuple[str, str]] = []
        for name in self.review.items_of(self.reviewer):
            entry = standing.get((name, self.review.hashes[name]))
            state = entry.decision.decision if entry else "changed" if name in earlier else ""
            found.append((item_key(name), state))
        return found

    def cases(self, keys: Sequence[str]) -> list[dict[str, JsonValue]]:
        """The items of short keys, in their order, with the reviewer's own decision; keys of others are left out.

        Remarks of the pre-screen come with an item that is decided, and with no other.
        """
        names = (self.review.by_key.get(key) for key in keys[:MOST_AT_ONCE])
        return [self._case(name) for name in names if name is not None and self._may_read(name)]

    def remarks(self, item_id: str) -> list[str]:
        """What the pre-screen says of an item; only for a reviewer who has decided on it."""
        found = self.review.remarks.get(self.review.hashes[item_id])
        return [] if found is None else [f"{text} ({found.model})" for text in found.texts()]

    def take(self, sent: object, *, source: Literal["page", "sheet", "simulation"] = "page") -> ReviewEntry:
        """Take one decision that was handed in; the same again is known and adds nothing.

        `sent`: `key`, `follows` (key of the line of this item that the reviewer knew to stand, or None), `withdrawn`
        and the fields of a `ReviewDecision` but reviewer and simulated. Raises `NotTakenError` for what cannot be,
        `ReplacedError` where another decision was handed in since.
        """
        entry = self._entry(sent, source)
        follows = sent.get("follows") if isinstance(sent, Mapping) else None
        decision = entry.decision
        taken = entry

        def new() -> list[ReviewEntry]:
            # Inside the journal's turn: nobody hands in another between this look and the line that is added.
            nonlocal taken
            known = self.journal.known(entry.key)
            if known is not None:
                if (known.decision, known.withdrawn) != (decision, entry.withdrawn):
                    raise NotTakenError("another decision was handed in under this key")
                taken = known
                return []
            last = self.journal.last(decision.item_id, decision.item_hash)
            if last is not None and last.decision == decision and last.withdrawn == entry.withdrawn:
                taken = last
                return []
            if entry.withdrawn and (last is None or last.withdrawn):
                raise NotTakenError("there is no decision to take back")
            if last is not None and last.key != follows:
                raise ReplacedError(last.key)
            return [entry]

        self.journal.add(new)
        return taken

    def _may_read(self, item_id: str) -> bool:
        return self.adjudicates or item_id in self.review.items_of(self.reviewer)

    def _case(self, item_id: str) -> dict[str, JsonValue]:
        entry = self.journal.last(item_id, self.review.hashes[item_id])
        decided = entry is not None and not entry.withdrawn
        standing: JsonValue = None
        if entry is not None:
            standing = {
                "key": entry.key,
                "withdrawn": entry.withdrawn,
                **entry.decision.model_dump(mode="json", include={"decision", "reason", "gold", "note"}),
            }
        case = {**self.review.case(item_id), "id": item_key(item_id), "standing": standing}
        case["remarks"] = [*self.remarks(item_id)] if decided else []
        case["earlier"] = self.earlier(item_id)
        return case

    def earlier(self, item_id: str) -> list[JsonValue]:
        """What reviewers said, without their names; for the adjudicator alone."""
        if not self.adjudicates:
            return []
        said = []
        for journal in self.reviewers.values():
            entry = journal.last(item_id, self.review.hashes[item_id])
            if entry is not None and not entry.withdrawn:
                one = entry.decision
                reason = None if one.reason is None else reason_text(one.reason)
                parts = (one.decision, reason, *one.gold, one.note)
                said.append(" · ".join(part for part in parts if part))
        return [*sorted(said)]

    def _entry(self, sent: object, source: Literal["page", "sheet", "simulation"]) -> ReviewEntry:
        if not isinstance(sent, Mapping):
            raise NotTakenError("expected an object with the fields of a decision")
        fields = {
            name: sent[name]
            for name in ("item_id", "item_hash", "decision", "reason", "gold", "note")
            if name in sent
        }
        try:
            decision = ReviewDecision.model_validate(
                {
                    **fields,
                    "gold": tuple(fields["gold"])
                    if isinstance(fields.get("gold"), list)
                    else fields.get("gold", ()),
                    "reviewer": self.reviewer,
                    "simulated": self.reviewer in self.review.plan.simulated,
                }
            )
            entry = ReviewEntry.model_validate(
                {
                    "key": sent.get("key"),
                    "decision": decision,
                    "withdrawn": sent.get("withdrawn", False),
                    "at": datetime.now(UTC),
                    "source": source,
                }
            )
        except ValidationError as error:
            raise NotTakenError(explain(error)) from error
        if decision.item_id not in self.review.by_id:
            raise NotTakenError("there is no such item in this review")
        if source == "page" and not self._may_read(decision.item_id):
            raise NotTakenError("the item is not one of this reviewer's")
        problem = problem_of(decision, self.review.by_id[decision.item_id], self.review.plan)
        if problem is not None:
            raise NotTakenError(problem)
        return entry


class Desks:
    """The desks of all reviewers of one build; the build is read again when its files change."""

    def __init__(self, build: Path) -> None:
        self.build = build
        self._guard = threading.Lock()
        self._stamp: tuple[object, ...] = ()
        self._review: Review | None = None
        self._journals: dict[str, ReviewerJournal] = {}

    def review(self) -> Review:
        """The review as it stands now. Raises `DataError`."""
        with self._guard:
            folder = self.build / Stage.REVIEW.value
            paths = (
                self.build / Stage.ITEMS.value / CANDIDATES,
                *(folder / one for one in (PLAN, SOURCES, PRESCREEN)),
            )
            stamp = tuple(_stamp(path) for path in paths)
            if self._review is None or stamp != self._stamp:
                self._review, self._stamp = Review.open(self.build), stamp
            return self._review

    def of(self, reviewer: str) -> Desk | None:
        """A reviewer's desk; None for somebody who is not in the plan."""
        review = self.review()
        if reviewer not in review.plan.people:
            return None
        with self._guard:
            for name in review.plan.people:
                self._journals.setdefault(name, ReviewerJournal(review.folder, name))
            journals = dict(self._journals)
        reviewers = {name: journals[name] for name in review.plan.reviewers}
        return Desk(review, reviewer, journals[reviewer], reviewers)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
