"""The review's section of a plan: who reviews, how much is read twice, and which reasons there are."""

from __future__ import annotations

import re
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from spinebench.audit_records import RaterId
from spinebench.records import Record

REASONS: Final = {
    "wrong_label": "The picture does not show what the marked answer says",
    "not_visible": "The finding cannot be seen in this picture",
    "poor_image": "The picture is too poor to answer from",
    "several_true": "More options are right than are marked",
    "identifies_person": "Picture or text identifies a person",
    "question_unclear": "The question cannot be understood, or gives the answer away",
    "duplicate": "The same item is there already",
    "other": "Another reason, said in the note",
}
"""The fixed reasons and what reviewers read beside them."""

_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ReviewPlan(Record):
    """How every item of a build is checked by persons before it enters the benchmark."""

    reviewers: tuple[RaterId, ...] = Field(
        default=(), description="Pseudonyms of the reviewers; without any, every item waits."
    )
    adjudicator: RaterId | None = Field(
        default=None,
        description="Pseudonym of who decides where reviewers differ; no reviewer. Without one, such items wait.",
    )
    double_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the items of each task and label that a second reviewer reads as well, at least one "
        "of each unless it is 0.",
    )
    require: Literal["one", "both_agree"] = Field(
        default="one",
        description="one: one decision is enough outside the double share; both_agree: every item is read twice.",
    )
    reasons: tuple[str, ...] = Field(
        default=tuple(REASONS),
        min_length=1,
        max_length=10,
        description="Reasons to choose from when an item is corrected or rejected.",
    )
    order: Literal["seeded", "attention"] = Field(
        default="seeded",
        description="seeded: each reviewer's own random order; attention: items with the most remarks of the "
        "pre-screen first, which lets reviewers guess what the model thought.",
    )
    simulated: tuple[RaterId, ...] = Field(
        default=(), description="Pseudonyms among them that are no persons: their decisions are marked so."
    )
    seed: int = Field(default=0, description="Seed of assignment and orders.")

    @field_validator("reasons")
    @classmethod
    def _short_names(cls, reasons: tuple[str, ...]) -> tuple[str, ...]:
        for one in reasons:
            if not _REASON.fullmatch(one):
                raise ValueError(f"reason {one!r}: expected small letters, digits and _, e.g. wrong_label")
        return reasons

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, values in (("reviewers", self.reviewers), ("reasons", self.reasons)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} {values!r}: expected each once")
        if self.adjudicator in self.reviewers:
            raise ValueError(f"adjudicator {self.adjudicator!r}: expected somebody who is no reviewer")
        if self.require == "both_agree" and len(self.reviewers) == 1:
            raise ValueError(f"require both_agree with reviewers {self.reviewers!r}: expected two or more")
        if unknown := sorted(set(self.simulated) - set(self.people)):
            raise ValueError(f"simulated {unknown!r}: expected names of reviewers or of the adjudicator")
        return self

    @property
    def people(self) -> tuple[RaterId, ...]:
        """All whose decisions count: the reviewers, then the adjudicator."""
        return self.reviewers if self.adjudicator is None else (*self.reviewers, self.adjudicator)


def reason_text(reason: str) -> str:
    """What reviewers read of a reason."""
    return REASONS.get(reason, reason.replace("_", " "))
