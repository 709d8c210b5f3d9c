"""The results table as data: one summary per model, persona, image condition and family of option orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from spinebench.evaluators.answers import Answers, GroupKey, groups, read_answers
from spinebench.evaluators.baselines import Baseline
from spinebench.evaluators.clustered import count_distinct, few_clusters
from spinebench.evaluators.columns import Coded
from spinebench.evaluators.diagnosis import DiagnosisSummary, diagnosis_accuracy, summarize_diagnosis
from spinebench.evaluators.estimate import FEW_CLUSTERS, Denominators, Estimate, Rate
from spinebench.evaluators.localization import (
    LocalizationSummary,
    localization_accuracy,
    summarize_localization,
)
from spinebench.evaluators.rates import TaskAccuracy, chance_corrected, mean_of_shares, share
from spinebench.records import WRITTEN_TASKS, Outcome, Record, Task


class KnowledgeSummary(Record):
    """Multiple-choice answers without a taxonomy of their own."""

    accuracy: Rate


class WrittenSummary(Record):
    """Reports or consultations of one model: what came of them. Their worth is for judges and clinicians to say."""

    task: Task
    n_asked: int
    n_complete: int
    """Every section asked for has a text, or every turn a reply."""
    n_incomplete: int
    n_not_answered: int


class AccuracySummary(Record):
    """How often one model is right under one persona, image condition and order family, beside chance."""

    model: str
    persona: str
    image_condition: str
    option_order: str
    """Family: `as_given`, `shuffled` or `rotation`."""
    benchmarks: tuple[str, ...]
    runs: tuple[str, ...]
    simulated: bool
    partial: bool
    """True if any answer comes from a run on part of its benchmark."""
    n_items: int
    n_clusters: int
    answers_per_item: float
    """Epochs, rotations and repeated runs: above 1 the answers of an item are not independent."""
    denominators: Denominators
    diagnosis: TaskAccuracy | None
    """None where no such question was asked; so too the next two."""
    localization: TaskAccuracy | None
    knowledge: KnowledgeSummary | None
    written: tuple[WrittenSummary, ...] = ()
    """One per task of free text that was asked."""
    overall: Rate
    """Unweighted mean of diagnosis and localization accuracy."""
    overall_chance_corrected: Estimate
    """Against the mean of the two tasks' chance accuracies."""
    warnings: tuple[str, ...]


class ModelSummary(AccuracySummary):
    """Everything that is said about one model under one persona, image condition and order family."""

    diagnosis: DiagnosisSummary | None
    localization: LocalizationSummary | None


def summarize(graded: object, *, distances: bool = False, level: float = 0.95) -> list[ModelSummary]:
    """Summaries in order of first appearance; [] without rows.

    `graded` is a pyarrow.Table or a mapping of columns with the names of the store's `graded` view (needed:
    model, item_id, cluster, task, status, outcome, correct; for localization gold, chosen and the set scores
    too). `distances` adds the level distances, which load scipy.optimize. Nothing is drawn at random.
    Intervals at `level`.

    Raises DataError when a needed column is missing.
    """
    found = []
    for key, group in groups(read_answers(graded)):
        diagnosis = group.of_task(Task.DIAGNOSIS)
        localization = group.of_task(Task.LOCALIZATION)
        of_diagnosis = summarize_diagnosis(diagnosis, level=level) if len(diagnosis) else None
        of_localization = (
            summarize_localization(localization, distances=distances, level=level)
            if len(localization)
            else None
        )
        common = _common(key, group, of_diagnosis, of_localization, level)
        found.append(ModelSummary(**common, diagnosis=of_diagnosis, localization=of_localization))
    return found


def accuracies(graded: object, *, level: float = 0.95) -> list[AccuracySummary]:
    """The accuracies of `summarize`, the same to the last digit, and no more: what a table of models by tasks shows,
    in a fraction of the time."""
    found = []
    for key, group in groups(read_answers(graded)):
        diagnosis = group.of_task(Task.DIAGNOSIS)
        localization = group.of_task(Task.LOCALIZATION)
        of_diagnosis = diagnosis_accuracy(diagnosis, level=level) if len(diagnosis) else None
        of_localization = localization_accuracy(localization, level=level) if len(localization) else None
        common = _common(key, group, of_diagnosis, of_localization, level)
        found.append(AccuracySummary(**common, diagnosis=of_diagnosis, localization=of_localization))
    return found


def _common(
    key: GroupKey,
    group: Answers,
    diagnosis: TaskAccuracy | None,
    localization: TaskAccuracy | None,
    level: float,
) -> dict[str, Any]:
    """What is said of a group beside its two tasks, by field."""
    columns = group.columns
    benchmarks, runs = (_occurring(columns.text(name, default=""), group) for name in ("benchmark", "run_id"))
    simulated, partial = (
        bool(columns.flags(name, default=False)[group.rows].any()) for name in ("simulated", "partial")
    )
    knowledge = group.of_task(Task.KNOWLEDGE)
    overall = _overall(group, level)
    n_items, n_clusters = count_distinct(group.item), count_distinct(group.cluster)
    return {
        **key._asdict(),
        "benchmarks": tuple(filter(None, benchmarks)),
        "runs": tuple(filter(None, runs)),
        "simulated": simulated,
        "partial": partial,
        "n_items": n_items,
        "n_clusters": n_clusters,
        "answers_per_item": len(group) / n_items,
        "denominators": group.denominators(),
        "knowledge": _knowledge(knowledge, level) if len(knowledge) else None,
        "written": tuple(_written(group)),
        "overall": overall,
        "overall_chance_corrected": chance_corrected(
            overall.of_asked, _overall_chance(diagnosis, localization), "mean of the tasks' chances"
        ),
        "warnings": _warnings(group, benchmarks, n_items, n_clusters),
    }


def _written(group: Answers) -> Iterator[WrittenSummary]:
    for task in Task:
        if task not in WRITTEN_TASKS or not len(part := group.of_task(task)):
            continue
        complete, incomplete = (
            int(part.has_outcome(outcome).sum()) for outcome in (Outcome.COMPLETE, Outcome.INCOMPLETE)
        )
        n_asked = len(part)
        yield WrittenSummary(
            task=task,
            n_asked=n_asked,
            n_complete=complete,
            n_incomplete=incomplete,
            n_not_answered=n_asked - complete - incomplete,
        )


def _occurring(coded: Coded, group: Answers) -> tuple[str, ...]:
    """The values that occur in the group, by code."""
    return tuple(coded.labels[code] for code in np.flatnonzero(np.bincount(coded.codes[group.rows] + 1)[1:]))


def _knowledge(answers: Answers, level: float) -> KnowledgeSummary:
    accuracy = share(
        "knowledge accuracy", answers, answers.correct, level=level, empty="no knowledge questions"
    )
    return KnowledgeSummary(accuracy=accuracy)


def _overall(group: Answers, level: float) -> Rate:
    """Both tasks share images and studies, so one sum over clusters carries the errors of both."""
    parts = {task: group.of_task(task) for task in (Task.DIAGNOSIS, Task.LOCALIZATION)}
    missing = [str(task) for task, part in parts.items() if not len(part)]
    both = group.take(group.task.equals(Task.DIAGNOSIS.value) | group.task.equals(Task.LOCALIZATION.value))
    return mean_of_shares(
        "overall accuracy (mean of diagnosis and localization)",
        [] if missing else [(part, part.correct) for part in parts.values()],
        both,
        level=level,
        empty=f"no {' and no '.join(missing)} questions: overall is the mean of both accuracies",
    )


def _overall_chance(diagnosis: TaskAccuracy | None, localization: TaskAccuracy | None) -> float | None:
    if diagnosis is None or localization is None:
        return None
    chances = (
        _accuracy_of(diagnosis.baselines, "random option"),
        _accuracy_of(localization.baselines, "uniform non-empty subset"),
    )
    return None if None in chances else sum(chance for chance in chances if chance is not None) / 2


def _accuracy_of(baselines: tuple[Baseline, ...], name: str) -> float | None:
    return next((baseline.accuracy for baseline in baselines if baseline.name == name), None)


def _warnings(group: Answers, benchmarks: tuple[str, ...], n_items: int, n_clusters: int) -> tuple[str, ...]:
    found = []
    if len(benchmarks) > 1:
        found.append(f"{len(benchmarks)} benchmarks are pooled here: {', '.join(benchmarks)}")
    if len(group) > n_items:
        found.append(
            f"{len(group)} answers to {n_items} items, each counted (epochs, rotations or runs): "
            "read the cluster-robust intervals"
        )
    if n_clusters < FEW_CLUSTERS and n_clusters < len(group):
        found.append(few_clusters(n_clusters))
    return tuple(found)
