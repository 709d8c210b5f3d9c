"""What the page Reports shows of the chosen runs: scores, levels named and sections missing, computed once per state of
the data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from pydantic import TypeAdapter

from spinebench.audit_records import AuditSpec
from spinebench.audits.level_aware import LevelAwareReport, RatedScores, level_aware_report
from spinebench.dashboard.audit_reports import AuditState, audit_specs, audit_state
from spinebench.dashboard.run_choice import RunChoice, latest_choice
from spinebench.dashboard.workspace_data import DataStamp, data_stamp, kept_of_data, rows, workspace
from spinebench.evaluators.report_results import LevelAwareScores
from spinebench.evaluators.report_rows import ReportLayout
from spinebench.evaluators.report_sections import ReportSection
from spinebench.records import WRITTEN_TASKS, ImageCondition, Outcome, RunSpec, Task
from spinebench.runs.level_tables import LevelTables, level_tables
from spinebench.store.workspace import Workspace

TASKS = frozenset({Task.KNOWLEDGE, *WRITTEN_TASKS})
"""Tasks that the page is about."""


@dataclass
class WrittenReports:
    """What became of the reports that one model was asked for under one persona and image condition."""

    n: Counter[str] = field(default_factory=Counter)
    """Reports by outcome."""
    missing: Counter[str] = field(default_factory=Counter)
    """Written reports (whole or not) in which a section has no text, by section."""


def tasks_of_runs() -> dict[str, frozenset[str]]:
    """Run -> tasks of its items, of the runs that the database holds."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("run_tasks"):
        found[str(row["run_id"])].add(str(row["task"]))
    return {run_id: frozenset(tasks) for run_id, tasks in found.items()}


def usual_reports(specs: Sequence[RunSpec]) -> RunChoice:
    """What the page is about without a choice: the latest run that asked for its tasks. Of runs oldest first."""
    return latest_choice(specs, [run_id for run_id, own in tasks_of_runs().items() if own & TASKS])


def tasks_asked(choice: RunChoice) -> frozenset[str]:
    """Which of `TASKS` the chosen runs asked for."""
    tasks = tasks_of_runs()
    return TASKS & frozenset[str]().union(*(tasks.get(run_id, frozenset()) for run_id in choice.run_ids))


def conditions_scored(choice: RunChoice) -> list[str]:
    """Image conditions that scores may be of, the usual one first: answers under several are not pooled."""
    return sorted(choice.conditions, key=lambda one: one != ImageCondition.NORMAL)


def sectioned_audits(run_ids: Sequence[str]) -> list[AuditSpec]:
    """Audits of these runs with a rubric that has sections, oldest first: those that score reports."""
    return [
        spec
        for spec in audit_specs()
        if set(spec.sample.run_ids) & set(run_ids) and any(one.get("sections") for one in spec.rubrics)
    ]


def written_reports(choice: RunChoice) -> dict[tuple[str, str, str], WrittenReports]:
    """(Model, persona, image condition) -> what became of its reports, all chosen runs together."""
    found: defaultdict[tuple[str, str, str], WrittenReports] = defaultdict(WrittenReports)
    for run_id in choice.run_ids:
        for row in rows("written_reports", run_id=run_id):
            key = (str(row["model"]), str(row["persona"]), str(row["image_condition"]))
            if key[1] not in choice.personas or key[2] not in choice.conditions:
                continue
            n = int(str(row["n"]))
            found[key].n[str(row["outcome"])] += n
            if row["outcome"] != Outcome.NOT_ANSWERED:
                present = row["sections"]
                assert isinstance(present, list)
                found[key].missing.update({str(one): n for one in ReportSection if one not in present})
    order = {model: place for place, model in enumerate(choice.models)}
    return dict(sorted(found.items(), key=lambda one: (order[one[0][0]], *one[0][1:])))


def scores_of(choice: RunChoice, audit_id: str | None, condition: str) -> LevelAwareReport:
    """The figures of `spinebench scores`; `audit_id` None: of each run its latest audit with sections.

    Raises `SpinebenchError` as `level_aware_report` does.
    """
    states = tuple(audit_state(spec.audit_id) for spec in sectioned_audits(choice.run_ids))
    return _scores(
        str(workspace().path),
        data_stamp(),
        states,
        tuple(choice.run_ids),
        audit_id,
        ImageCondition(condition),
    )


def levels_of(choice: RunChoice, tasks: Collection[str]) -> LevelTables:
    """The figures of `spinebench levels`. Raises `DataError` where no item of these tasks says anything of levels."""
    return _levels(str(workspace().path), data_stamp(), tuple(choice.run_ids), tuple(sorted(tasks)))


def scale_of(report: LevelAwareReport) -> tuple[int, ...]:
    """The scale of the rubric that the reports were scored by; () where no audit scored them."""
    for spec in audit_specs():
        for content in spec.rubrics:
            if spec.audit_id in report.audit_ids and content.get("sections"):
                return ReportLayout.of_rubric(content).scale
    return ()


def rater_name(one: RatedScores) -> str:
    """Whose scores these are: a judge by its name, others by how many there are."""
    if one.source is None:
        return "nobody yet"
    if one.rater is not None:
        return one.rater
    return f"{one.n_raters} {one.source}{'' if one.n_raters == 1 else 's'}"


def model_and_persona(name: str, choice: RunChoice) -> tuple[str, str | None]:
    """Of a row of the scores the model and, where the row is of one persona, that."""
    model = max((one for one in choice.models if name == one or name.startswith(f"{one}, ")), key=len)
    everyone = {persona for run in choice.runs for persona in run.personas}
    return model, next((part for part in name[len(model) :].split(", ") if part in everyone), None)


def of_chosen_personas(found: RatedScores, choice: RunChoice) -> list[LevelAwareScores]:
    """The rows of the scores without those of personas that are not chosen."""
    return [
        one for one in found.models if model_and_persona(one.model, choice)[1] in (None, *choice.personas)
    ]


# Workspace, stamp and states are in the keys only: new data make new figures. All sessions share one report, which
# nobody changes: a copy for every script would cost a fifth of a second.
@st.cache_resource(max_entries=20, show_spinner="Computing scores with their intervals ...")
def _scores(
    path: str,
    stamp: DataStamp | None,
    states: tuple[AuditState, ...],
    run_ids: tuple[str, ...],
    audit_id: str | None,
    condition: ImageCondition,
) -> LevelAwareReport:
    def compute() -> LevelAwareReport:
        audits = None if audit_id is None else [audit_id]
        return level_aware_report(Workspace(Path(path)), run_ids, audits, image_condition=condition)

    asked = ([(one.audit_id, one.files) for one in states], run_ids, audit_id, condition)
    return kept_of_data(path, stamp, TypeAdapter(LevelAwareReport), "level-aware scores", asked, compute)


@st.cache_resource(max_entries=20, show_spinner="Reading the levels that answers name ...")
def _levels(
    path: str, stamp: DataStamp | None, run_ids: tuple[str, ...], tasks: tuple[str, ...]
) -> LevelTables:
    def compute() -> LevelTables:
        return level_tables(Workspace(Path(path)), run_ids, tasks=tasks)

    return kept_of_data(path, stamp, TypeAdapter(LevelTables), "levels named", (run_ids, tasks), compute)
