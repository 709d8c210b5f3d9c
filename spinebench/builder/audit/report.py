"""What an audit found, as records that read the same on every machine: figures have six digits."""

from __future__ import annotations

from typing import Literal

from spinebench.builder.audit.plan import BaselineName
from spinebench.evaluators.baselines import Baseline
from spinebench.records import Record, Task


class SplitSize(Record):
    """One split in numbers."""

    split: str
    n_items: int
    n_by_task: dict[str, int]
    n_clusters: int
    n_images: int
    """Different images by pixels or bytes where known, else by path."""
    n_options: dict[str, dict[str, int]]
    """Task -> number of options -> items."""


class Difference(Record):
    """A mean paired difference with its cluster-robust interval."""

    value: float
    low: float
    high: float


class ShortcutResult(Record):
    """What one baseline scores out of fold on one task of one split."""

    split: str
    task: Task
    baseline: BaselineName
    measure: Literal["accuracy", "jaccard"]
    """Accuracy: share right (of several answers: the exact set); Jaccard: mean over items, several answers only."""
    n_items: int
    n_clusters: int
    score: float
    chance: float
    """One option (or a non-empty set of options) at random."""
    reference: float
    """What the same items give without what the baseline looks at. For options, text and all together: `label
    frequency`. For the others: the model that knows how often each label is right where it is offered, and no more.
    For `label frequency`: chance."""
    above_chance: Difference
    above_reference: Difference | None
    """None for `label frequency`."""
    p: float
    """One-sided, that it is above both by no more than delta: the larger of the two p-values."""
    p_holm: float
    """Holm's, over all baselines of the audit."""
    shortcut: bool
    """Both lower bounds are above delta, and the adjusted p is below 1 - level."""


class Skipped(Record):
    """A baseline, or a whole task, that could not be tried."""

    split: str
    task: Task
    baseline: BaselineName | None
    why: str


class Overlap(Record):
    """What two splits share."""

    kind: Literal["clusters", "images", "near_duplicates", "items"]
    one: str
    other: str
    n: int
    """Clusters, images, pairs of images or pairs of items."""
    examples: tuple[tuple[str, str], ...]
    """The first of them by name: in the one split, in the other."""


class Conflict(Record):
    """Two items about one picture whose gold answers contradict each other."""

    kind: Literal["same_image", "near_duplicate"]
    task: Task
    items: tuple[str, str]
    gold: tuple[tuple[str, ...], tuple[str, ...]]
    images: tuple[str, str]
    splits: tuple[str, str]


class Conflicts(Record):
    """Pairs of items that contradict each other."""

    n_same_image: int
    n_near: int
    n_asked_apart: int
    """Pairs on one image with different gold that do not contradict: neither offers the other's answer, or they ask
    about different diseases."""
    examples: tuple[Conflict, ...]


class ClassCount(Record):
    """Items of one label in one split, of one source and modality; None where an item does not say."""

    split: str
    task: Task
    label: str
    source: str | None
    modality: str | None
    n_items: int
    n_clusters: int


class ChanceLevels(Record):
    """What guessing gives in a task of a split."""

    split: str
    task: Task
    baselines: tuple[Baseline, ...]


class PositionTable(Record):
    """Where right options stand; over all labels, or of one gold label."""

    split: str
    task: Task
    label: str | None
    """None: all."""
    right: dict[str, int]
    """Letter -> right options there."""
    expected: dict[str, float]
    """If every order of an item's options were as likely as any other."""
    statistic: float
    df: int
    p: float
    p_holm: float
    """Over all tables of the split and task."""
    method: Literal["chi-square", "Monte Carlo"]


class CheckResult(Record):
    """One check of the audit."""

    name: str
    """A check, or a single shortcut: `shortcut:<baseline>`."""
    passed: bool | None
    """None: nothing could be looked at, for the reason in `detail`; that is no finding, and no clearance either."""
    n: int
    """Findings."""
    detail: str
    ends_build: bool
    """Whether the plan has the build end where it fails."""


class AuditReport(Record):
    """Everything an audit found."""

    splits: tuple[SplitSize, ...]
    checks: tuple[CheckResult, ...]
    shortcuts: tuple[ShortcutResult, ...]
    skipped: tuple[Skipped, ...]
    overlaps: tuple[Overlap, ...]
    conflicts: Conflicts
    positions: tuple[PositionTable, ...]
    classes: tuple[ClassCount, ...]
    chance: tuple[ChanceLevels, ...]
    n_images_with_facts: int
    """Images whose size, pixels and picture hash are known; of the others, near duplicates cannot be found."""
    n_images: int

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that end the build."""
        return tuple(one for one in self.checks if one.ends_build and one.passed is False)

    @property
    def not_tried(self) -> tuple[CheckResult, ...]:
        """The checks that could not be made."""
        return tuple(one for one in self.checks if one.passed is None)
