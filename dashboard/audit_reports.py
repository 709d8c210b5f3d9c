"""The reports on audits that pages show: computed by the evaluators, once per state of an audit's files.

Agreement and calibration depend on nothing but the audit's own files, so a run that writes to the database beside it
makes nothing be computed again; a new judgement or rating does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from spinebench.audit_records import AuditSpec
from spinebench.audits.rows import audit_rows
from spinebench.dashboard.workspace_data import stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.agreement import AgreementReport, agreement_report
from spinebench.evaluators.agreement.scored_pairs import ScoredPair, scored_pairs
from spinebench.evaluators.audit_rows import AuditRows
from spinebench.evaluators.calibration import CalibrationReport, calibration_report
from spinebench.evaluators.reasoning import WrongReason, right_for_wrong_reason
from spinebench.store.workspace import Workspace

_KEPT = 100
"""Reports that are kept, of all sessions together."""
_FILES = ("audit.json", "traces.jsonl", "journal.jsonl", "assignments.jsonl", "ratings/*.jsonl")
"""What the rows of an audit are read from."""


@dataclass(frozen=True)
class AuditState:
    """One audit in one state of its files: what its reports depend on."""

    path: str
    """Of the workspace."""
    audit_id: str
    files: tuple[tuple[str, int, int], ...]
    """Name, time of writing in ns, size."""

    @property
    def at(self) -> datetime:
        """When one of its files was last written, UTC."""
        return datetime.fromtimestamp(max(written for _, written, _ in self.files) / 1e9, UTC)


def audit_specs() -> tuple[AuditSpec, ...]:
    """What the readable audits of the workspace are, oldest first."""
    try:
        place = workspace()
        stamps = [
            (path.parent.name, path.stat().st_mtime_ns) for path in place.audits_dir.glob("*/audit.json")
        ]
        return _specs(str(place.path), tuple(sorted(stamps)))
    except SpinebenchError as error:
        stop_with(error)
        return ()


def audit_state(audit_id: str) -> AuditState:
    """The present state of an audit's files."""
    place = workspace()
    folder = place.audits_dir / audit_id
    found = [(path, path.stat()) for name in _FILES for path in sorted(folder.glob(name))]
    files = tuple(
        (path.relative_to(folder).as_posix(), stat.st_mtime_ns, stat.st_size) for path, stat in found
    )
    return AuditState(str(place.path), audit_id, files)


@st.cache_resource(max_entries=4, show_spinner="Reading scores and ratings ...")
def rows_of(state: AuditState) -> AuditRows:
    """Everything the statistics of the audit need. Shared between sessions: to be read only."""
    return audit_rows(Workspace(Path(state.path)), [state.audit_id])


def scored_dimensions(state: AuditState) -> dict[str, list[str]]:
    """Task -> the dimensions on which validation traces of it have scores; both sorted."""
    rows = rows_of(state)
    task_of = {trace.trace_id: trace.task for trace in rows.traces if trace.split == "validation"}
    found = sorted({(task_of[row.trace_id], row.dimension) for row in rows.scores if row.trace_id in task_of})
    return {task: [name for own, name in found if own == task] for task, _ in found}


@st.cache_data(max_entries=_KEPT, show_spinner="Computing agreement ...")
def agreement_of(state: AuditState, task: str, dimension: str) -> AgreementReport:
    """The agreement report on one task and dimension: the same figures as `spinebench agree --dimension`."""
    rows = rows_of(state)
    ids = {trace.trace_id for trace in rows.traces if trace.task == task}
    of_task = replace(rows, scores=tuple(row for row in rows.scores if row.trace_id in ids))
    return agreement_report(of_task, dimensions=[dimension])


@st.cache_data(max_entries=_KEPT, show_spinner="Correcting scores ...")
def calibration_of(state: AuditState, dimension: str, judge: str | None) -> CalibrationReport:
    """The calibration report on one dimension, all tasks; `judge` None: the panel's median."""
    return calibration_report(rows_of(state), dimension=dimension, judge=judge)


@st.cache_data(max_entries=_KEPT, show_spinner="Reading reasons ...")
def wrong_reasons_of(state: AuditState, dimension: str, judge: str | None) -> tuple[WrongReason, ...]:
    """Right for the wrong reason on one dimension, over all tasks, per model and for all of them."""
    return right_for_wrong_reason(rows_of(state), dimension=dimension, judge=judge)


def is_simulated(state: AuditState) -> bool:
    """Whether a trace of the audit is."""
    return any(trace.simulated for trace in rows_of(state).traces)


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def pairs_of(state: AuditState, task: str, dimension: str, judge: str) -> tuple[ScoredPair, ...]:
    """The single scores behind a comparison of one judge and the clinicians."""
    return scored_pairs(rows_of(state), task=task, dimension=dimension, judge=judge)


@st.cache_data(max_entries=8, show_spinner=False)
def _specs(path: str, stamps: tuple[tuple[str, int], ...]) -> tuple[AuditSpec, ...]:
    # The stamps are part of the key: a new audit is read, the others are not read again at every click.
    return tuple(audit.spec() for audit in Workspace(Path(path)).audits())
