"""An audit's report as tables for a person."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from spinebench.builder.audit.report import AuditReport, Difference


@dataclass(frozen=True)
class Table:
    """A table of texts and numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def tables(report: AuditReport) -> tuple[Table, ...]:
    """The report's tables, the checks last; tables without rows are left out."""
    made = (
        Table("Splits", ("split", "items", "by task", "clusters", "images"), _splits(report)),
        Table(
            "Classes",
            ("task", "label", "source", "modality", *(one.split for one in report.splits)),
            _classes(report),
        ),
        Table("Chance", ("split", "task", "guess", "accuracy", "items"), _chance(report)),
        Table(
            "Right options by position", ("split", "task", "label", "right", "p (Holm)"), _positions(report)
        ),
        Table(
            "Without the picture",
            (
                "split",
                "task",
                "baseline",
                "measure",
                "score",
                "chance",
                "above chance",
                "above reference",
                "shortcut",
            ),
            _shortcuts(report),
        ),
        Table("Not tried", ("split", "task", "baseline", "why"), _skipped(report)),
        Table("Checks", ("check", "result", "findings", "detail"), _checks(report)),
    )
    return tuple(table for table in made if table.rows)


def _splits(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (
            one.split,
            one.n_items,
            ", ".join(f"{n} {task}" for task, n in one.n_by_task.items()),
            one.n_clusters,
            one.n_images,
        )
        for one in report.splits
    )


def _classes(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    counts: dict[tuple[str, str, str, str], dict[str, int]] = defaultdict(dict)
    for one in report.classes:
        counts[one.task.value, one.label, one.source or "–", one.modality or "–"][one.split] = one.n_items
    return tuple(
        (*key, *(counts[key].get(split.split, 0) for split in report.splits)) for key in sorted(counts)
    )


def _chance(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (
            one.split,
            one.task.value,
            guess.name if guess.answer is None else f"{guess.name} ({guess.answer})",
            f"{guess.accuracy:.3f}",
            guess.n_items,
        )
        for one in report.chance
        for guess in one.baselines
    )


def _positions(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (
            one.split,
            one.task.value,
            "all" if one.label is None else one.label,
            ", ".join(f"{name} {n}" for name, n in one.right.items()),
            f"{one.p_holm:.3f}",
        )
        for one in report.positions
    )


def _shortcuts(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (
            one.split,
            one.task.value,
            one.baseline.value,
            one.measure,
            f"{one.score:.3f}",
            f"{one.chance:.3f}",
            _difference(one.above_chance),
            "–" if one.above_reference is None else _difference(one.above_reference),
            "yes" if one.shortcut else "no",
        )
        for one in report.shortcuts
    )


def _difference(found: Difference) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _skipped(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (one.split, one.task.value, "all" if one.baseline is None else one.baseline.value, one.why)
        for one in report.skipped
    )


def _checks(report: AuditReport) -> tuple[tuple[object, ...], ...]:
    def result(passed: bool | None, ends_build: bool) -> str:
        if passed is None:
            return "not tried"
        if passed:
            return "passed"
        return "failed" if ends_build else "found"

    return tuple((one.name, result(one.passed, one.ends_build), one.n, one.detail) for one in report.checks)
