"""Questions and reports of runs as rows of the level-aware scores, out of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from spinebench.audit_records import Split
from spinebench.errors import UsageError
from spinebench.evaluators.audit_rows import TraceRow
from spinebench.evaluators.report_rows import Facets, QuestionRow, ReportRow
from spinebench.records import AnswerStatus, ImageCondition, RunSpec, Task
from spinebench.store.workspace import Workspace

_Row: TypeAlias = dict[str, Any]


def level_aware_table(workspace: Workspace, run_id: str, condition: ImageCondition) -> list[_Row]:
    """Knowledge questions and reports of one run under one image condition, after loading what is new of it."""
    from spinebench.store.ingest import ingest

    ingest(workspace, run_id)
    found: list[_Row] = workspace.query("level_aware", run_id=run_id, condition=condition.value).to_pylist()
    return found


@dataclass
class LevelAwareRows:
    """Questions and reports of the runs so far, and what was left out of them."""

    drawn: Mapping[str, TraceRow]
    audited: set[str]
    """Runs that an audit drew from."""
    questions: list[QuestionRow] = field(default_factory=list)
    reports: list[ReportRow] = field(default_factory=list)
    model_of: dict[str, str] = field(default_factory=dict)
    """Name in the tables -> model."""
    n_reports: int = 0
    n_rotated: int = 0
    n_tuning: int = 0
    not_drawn: Counter[str] = field(default_factory=Counter)
    asked_in: dict[tuple[str, str, int], str] = field(default_factory=dict)
    """(name, item, epoch) -> run."""

    def add(self, rows: Iterable[_Row], spec: RunSpec) -> None:
        orders = [order for order in spec.option_orders if order != "rotation"]
        for row in rows:
            order = row["option_order"]
            if order.startswith("rotation:") and order != "rotation:0":
                self.n_rotated += 1
                continue
            name = ", ".join(
                [
                    row["model"],
                    *([row["persona"]] if len(spec.personas) > 1 else []),
                    *([order] if len(orders) > 1 else []),
                ]
            )
            self.model_of[name] = row["model"]
            first = self.asked_in.setdefault((name, row["item_id"], row["epoch"]), row["run_id"])
            if first != row["run_id"]:
                raise UsageError(
                    f"item {row['item_id']!r} by {name}: expected it in one of the runs, but {first} and "
                    f"{row['run_id']} both hold it; name one of them"
                )
            self._add(row, name)

    def _add(self, row: _Row, name: str) -> None:
        facets = Facets(
            subspecialty=row["subspecialty"],
            source=row["source"],
            modality=row["modality"],
            language=row["language"],
        )
        status = AnswerStatus(row["status"])
        if row["task"] == Task.KNOWLEDGE:
            self.questions.append(
                QuestionRow(
                    item_id=row["item_id"],
                    model=name,
                    cluster=row["cluster"],
                    part="image" if row["n_images"] else "text",
                    status=status,
                    correct=bool(row["correct"]),
                    facets=facets,
                )
            )
            return
        self.n_reports += 1
        trace_id = f"{row['run_id']}/{row['answer_id']}"
        trace = self.drawn.get(trace_id)
        if trace is not None and trace.split == Split.TUNING:
            self.n_tuning += 1
            return
        if trace is None and status is AnswerStatus.ANSWERED and row["run_id"] in self.audited:
            self.not_drawn[name] += 1
            return
        self.reports.append(
            ReportRow(
                trace_id=trace_id,
                item_id=row["item_id"],
                model=name,
                cluster=row["cluster"],
                status=status,
                facets=facets,
            )
        )

    def warnings(self) -> list[str]:
        found = [
            f"reports by {name} that were not drawn into the audit: {n}; the report score is of those that were"
            for name, n in self.not_drawn.items()
        ]
        if self.n_tuning:
            found.append(f"reports that were drawn for tuning and are left out: {self.n_tuning}")
        if self.n_rotated:
            found.append(
                f"answers to rotated options that are left out: {self.n_rotated}; each question counts once"
            )
        return found
