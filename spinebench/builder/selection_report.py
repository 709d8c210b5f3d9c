"""What a selection was asked for, what the data could give, and why not more."""

from __future__ import annotations

from pydantic import Field

from spinebench.records import Record, Task


class LabelSelection(Record):
    """One label of one task in one named split. The counts from `taken` to `not_needed` add up to `accepted`."""

    split: str
    task: Task
    label: str
    asked: int | None
    """Items by the plan's balance if every label had enough; None: all that pass."""
    accepted: int
    """Accepted items of the label, whatever split they are in."""
    taken: int
    other_split: int
    """In another split, or of a cluster or near-duplicate group that an earlier split holds."""
    too_poor: int
    image_used: int
    """Another item of the task asks about the same pixels."""
    cluster_limit: int
    not_needed: int

    @property
    def short_by(self) -> int:
        """Items fewer than asked for."""
        return 0 if self.asked is None else max(0, self.asked - self.taken)

    def why(self) -> str:
        """In words, why fewer were taken than asked for; empty where none are missing."""
        if not self.short_by:
            return ""
        reasons = {
            "of too poor quality": self.too_poor,
            "over the limit per cluster": self.cluster_limit,
            "on an image that is asked already": self.image_used,
            "kept in another split": self.other_split,
            "over the label's cap or the split's number": self.not_needed,
        }
        told = [f"{n} {what}" for what, n in reasons.items() if n]
        return f"{self.accepted} accepted" + "".join(f", {one}" for one in told)


class TaskSelection(Record):
    """One task of one split."""

    split: str
    task: Task
    asked: int | None
    """None: all that pass, or the split takes the rest."""
    taken: int
    n_images: int
    n_clusters: int

    @property
    def short_by(self) -> int:
        """Items fewer than asked for."""
        return 0 if self.asked is None else max(0, self.asked - self.taken)


class SelectionReport(Record):
    """The whole account. Every accepted item is either taken by a split or counted in `dropped`."""

    n_accepted: int
    tasks: tuple[TaskSelection, ...]
    labels: tuple[LabelSelection, ...]
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason -> items in no split."""
    n_units: int
    """Sets of items that have to stay together: clusters joined by near duplicates and equal pixels."""
    largest_unit: int
    """Items of the largest of them; where it is large, splits cannot be filled freely."""
    positions: dict[str, dict[str, int]] = Field(default_factory=dict)
    """`split/task` -> letter -> right options that stand there."""

    def lines(self) -> list[str]:
        """What fell short, in words; empty where everything asked for was given."""
        told = [
            f"{one.split}, {one.task.value}: {one.taken} of {one.asked} items, {one.short_by} short"
            for one in self.tasks
            if one.short_by
        ]
        told += [
            f"{one.split}, {one.task.value}, {one.label}: {one.taken} of {one.asked} ({one.why()})"
            for one in self.labels
            if one.short_by
        ]
        return told
