"""A build at work: its plan and folder, and what its stages gave so far; names of the files they leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from spinebench.builder.build_report import REPORT, BuildReport, StageLine
from spinebench.builder.plan import BuildPlan
from spinebench.builder.record_files import write_json
from spinebench.builder.records import Dropped, Stage
from spinebench.builder.stages import BuildFolder, StageRecord
from spinebench.errors import DataError

LABELLED: Final = "images.jsonl"
DROPPED: Final = "dropped.jsonl"
CANDIDATES: Final = "candidates.jsonl"
REVIEW_REPORT: Final = "report.json"
ACCEPTED: Final = "accepted.jsonl"
SPLITS: Final = "splits.json"
SELECTION_REPORT: Final = "report.json"
AUDIT_REPORT: Final = "report.json"
AUDIT_TABLES: Final = "report.md"
OnProgress = Callable[[Stage, str, int, int], None]
"""Stage, what of it (an encoder's name, or empty), done, all."""


@dataclass
class Building:
    plan: BuildPlan
    build: BuildFolder
    on_progress: OnProgress | None
    lines: list[StageLine] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """Sources that gave no image, each with the reasons."""

    def progress(self, stage: Stage, what: str = "") -> Callable[[int, int], None]:
        def show(done: int, total: int) -> None:
            if self.on_progress is not None:
                self.on_progress(stage, what, done, total)

        return show

    def ended(self, record: StageRecord, dropped: list[Dropped]) -> None:
        """Note the stage for the table, and what it left out for the ledger."""
        reasons = Counter(one.reason for one in dropped)
        self.lines.append(
            StageLine(stage=record.stage, counts=record.counts, dropped=dict(sorted(reasons.items())))
        )
        self.dropped += dropped

    def report(self, *, not_given: Sequence[str] = (), **fields: object) -> BuildReport:
        plan = self.plan
        encoders = () if plan.embed is None else (plan.embed.encoder, *plan.embed.compare)
        simulated = ["encoder"] if any(one.simulated for one in encoders) else []
        simulated += ["review"] if plan.review.simulated else []
        made = BuildReport.model_validate(
            {
                "name": plan.package.name,
                "version": plan.package.version,
                "stages": self.lines,
                "simulated": simulated,
                **fields,
                "not_given": (*self.empty, *not_given),
            }
        )
        write_json(self.build.path / REPORT, made.model_dump(mode="json"))
        return made


def nothing(stage: str, what: str, work: Building) -> DataError:
    reasons = Counter(one.reason for one in work.dropped)
    found = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common(8)) or "nothing at all"
    return DataError(
        f"stage {stage!r}: expected at least one {what}, found none ({found}); "
        f"read {stage}/{DROPPED} in the folder of the build, and correct the sources or the plan"
    )
