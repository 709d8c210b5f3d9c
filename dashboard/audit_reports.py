"""The reports on audits that pages show: computed by the evaluators, once per state of an audit's files.

Agreement and calibration depend on nothing but the audit's own files, so a run that writes to the database beside it
makes nothing be computed again; a new judgement or rating does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import streamlit as st
from pydantic import TypeAdapter

from spinebench.audit_records import AuditSpec
from spinebench.audits.rows import audit_rows
from spinebench.dashboard.kept_figures import KeptFigures, kept_record, key_of, read_record
from spinebench.dashboard.workspace_data import rows, stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.agreement import AgreementReport, agreement_report
from spinebench.evaluators.agreement.scored_pairs import ScoredPair, scored_pairs
from spinebench.evaluators.audit_rows import AuditRows
from spinebench.evaluators.calibration import CalibrationReport, calibration_report
from spinebench.evaluators.reasoning import (
    FailurePrevalence,
    WrongReason,
    failure_prevalence,
    right_for_wrong_reason,
)
from spinebench.records import Record
from spinebench.store.ingest_audits import ingest_audit
from spinebench.store.workspace import Workspace

_KEPT = 100
"""Reports that are kept, of all sessions together."""
_PATIENCE_S = 0.4
"""How long a page waits for a report before it says that one is being computed."""
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


class AuditFacts(Record):
    """What is said of an audit as a whole, whatever the task and dimension."""

    locked: bool
    """Whether the ratings are final."""
    stale: tuple[str, ...]
    """What changed since the judge was held against clinicians."""
    simulated: bool
    """Whether a trace is."""


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


def latest_or_named(specs: Sequence[AuditSpec], audit_id: str | None) -> AuditSpec:
    """The audit of that name, else the latest. Of audits oldest first, at least one."""
    return next((one for one in specs if one.audit_id == audit_id), specs[-1])


def audit_state(audit_id: str) -> AuditState:
    """The present state of an audit's files."""
    place = workspace()
    folder = place.audits_dir / audit_id
    found = [(path, path.stat()) for name in _FILES for path in sorted(folder.glob(name))]
    files = tuple(
        (path.relative_to(folder).as_posix(), stat.st_mtime_ns, stat.st_size) for path, stat in found
    )
    return AuditState(str(place.path), audit_id, files)


def _database_file() -> int | None:
    """Which file the database is, whatever is written into it; None where there is none."""
    try:
        return workspace().database.path.stat().st_ino
    except OSError:
        return None


class StillComputingError(Exception):
    """A report is not finished; `is_done` tells when asking again gives it."""

    def __init__(self, report: Future[object]) -> None:
        super().__init__("a report is being computed")
        self._report = report

    @property
    def is_done(self) -> bool:
        """Whether the report, or what went wrong with it, is there."""
        return self._report.done()

    def wait(self) -> None:
        """Until it is."""
        wait([self._report])


def scored_dimensions(state: AuditState) -> dict[str, list[str]]:
    """Task -> the dimensions on which validation traces of it have scores; both sorted."""
    _load(state, _database_file())
    found: dict[str, list[str]] = {}
    for row in rows("audit_dimensions", audit_id=state.audit_id):
        found.setdefault(str(row["task"]), []).append(str(row["dimension"]))
    return found


# The reports below are computed beside the pages, one after the other, and raise StillComputingError until they are
# there: those of an audit of 20,000 judgements take seconds, in which a page still has to answer clicks.


def facts_of(state: AuditState) -> AuditFacts:
    """What is said of the audit as a whole."""
    return cast(AuditFacts, _finished(_facts, state))


def agreement_of(state: AuditState, task: str, dimension: str) -> AgreementReport:
    """The agreement report on one task and dimension: the same figures as `spinebench agree --dimension`."""
    return cast(AgreementReport, _finished(_agreement, state, task, dimension))


def calibration_of(state: AuditState, dimension: str, judge: str | None) -> CalibrationReport:
    """The calibration report on one dimension, all tasks; `judge` None: the panel's median."""
    return cast(CalibrationReport, _finished(_calibration, state, dimension, judge))


def wrong_reasons_of(state: AuditState, dimension: str, judge: str | None) -> tuple[WrongReason, ...]:
    """Right for the wrong reason on one dimension, over all tasks, per model and for all of them."""
    return cast(tuple[WrongReason, ...], _finished(_wrong_reasons, state, dimension, judge))


def prevalences_of(state: AuditState) -> tuple[FailurePrevalence, ...]:
    """Every failure mode's share, per model and for all of them."""
    return cast(tuple[FailurePrevalence, ...], _finished(_prevalences, state))


def pairs_of(state: AuditState, task: str, dimension: str, judge: str) -> tuple[ScoredPair, ...]:
    """The single scores behind a comparison of one judge and the clinicians."""
    return cast(tuple[ScoredPair, ...], _finished(_pairs, state, task, dimension, judge))


def is_simulated(state: AuditState) -> bool:
    """Whether a trace of the audit is."""
    return facts_of(state).simulated


@st.cache_data(max_entries=8, show_spinner="Loading scores and ratings ...")
def _load(state: AuditState, database_file: int | None) -> None:
    """Bring the database up to this state of the audit's files; another database file is brought up anew."""
    ingest_audit(Workspace(Path(state.path)), state.audit_id)


def _finished(compute: Callable[..., object], state: AuditState, *asked: str | None) -> object:
    report = _begun(compute, state, asked)
    try:
        return report.result(timeout=_PATIENCE_S)
    except TimeoutError:
        raise StillComputingError(report) from None
    except SpinebenchError:
        _begun.clear(compute, state, asked)  # the next visit tries again
        raise


@st.cache_resource(max_entries=_KEPT, show_spinner=False, hash_funcs={FunctionType: lambda one: one.__name__})
def _begun(
    compute: Callable[..., object], state: AuditState, asked: tuple[str | None, ...]
) -> Future[object]:
    kept = read_record(_figures(state), _key(compute, state, asked), _KINDS[compute.__name__])
    if kept is None:
        return _worker().submit(_computed, compute, state, asked)
    report: Future[object] = Future()
    report.set_result(kept)
    return report


def _computed(compute: Callable[..., object], state: AuditState, asked: tuple[str | None, ...]) -> object:
    return kept_record(
        _figures(state),
        _key(compute, state, asked),
        _KINDS[compute.__name__],
        lambda: compute(_read_rows(state), *asked),
        lambda: audit_state(state.audit_id) == state,
    )


def _figures(state: AuditState) -> KeptFigures:
    return KeptFigures(Workspace(Path(state.path)).cache_dir)


def _key(compute: Callable[..., object], state: AuditState, asked: tuple[str | None, ...]) -> str:
    return key_of(f"audit{compute.__name__}", state.audit_id, state.files, asked)


@st.cache_resource(show_spinner=False)
def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit reports")


# Rows are large, and an audit at work has a new state every few seconds.
@st.cache_resource(max_entries=2, show_spinner=False)
def _read_rows(state: AuditState) -> AuditRows:
    return audit_rows(Workspace(Path(state.path)), [state.audit_id])


def _facts(known: AuditRows) -> AuditFacts:
    return AuditFacts(
        locked=known.locked, stale=known.stale, simulated=any(trace.simulated for trace in known.traces)
    )


def _agreement(known: AuditRows, task: str, dimension: str) -> AgreementReport:
    ids = {trace.trace_id for trace in known.traces if trace.task == task}
    own = tuple(row for row in known.scores if row.dimension == dimension and row.trace_id in ids)
    return agreement_report(replace(known, scores=own), dimensions=[dimension])


def _calibration(known: AuditRows, dimension: str, judge: str | None) -> CalibrationReport:
    return calibration_report(known, dimension=dimension, judge=judge)


def _wrong_reasons(known: AuditRows, dimension: str, judge: str | None) -> tuple[WrongReason, ...]:
    return right_for_wrong_reason(known, dimension=dimension, judge=judge)


def _prevalences(known: AuditRows) -> tuple[FailurePrevalence, ...]:
    return failure_prevalence(known)


def _pairs(known: AuditRows, task: str, dimension: str, judge: str) -> tuple[ScoredPair, ...]:
    return scored_pairs(known, task=task, dimension=dimension, judge=judge)


@st.cache_data(max_entries=8, show_spinner=False)
def _specs(path: str, stamps: tuple[tuple[str, int], ...]) -> tuple[AuditSpec, ...]:
    # The stamps are part of the key: a new audit is read, the others are not read again at every click.
    return tuple(audit.spec() for audit in Workspace(Path(path)).audits())


_KINDS: dict[str, TypeAdapter[Any]] = {
    "_facts": TypeAdapter(AuditFacts),
    "_agreement": TypeAdapter(AgreementReport),
    "_calibration": TypeAdapter(CalibrationReport),
    "_wrong_reasons": TypeAdapter(tuple[WrongReason, ...]),
    "_prevalences": TypeAdapter(tuple[FailurePrevalence, ...]),
    "_pairs": TypeAdapter(tuple[ScoredPair, ...]),
}
"""What each report is kept as."""
