"""`python -m spinebench.dashboard.preparing WORKSPACE`: the figures that pages show first, computed and kept.

The server starts it as a process of its own and of low priority: computed in the server's, figures would take from
every visit and click meanwhile. It asks for them as the pages do, without any choice made, those of the first pages
first. What a page asks for before it is kept, the page computes by itself.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from spinebench.audit_records import AuditSpec
from spinebench.dashboard.audit_reports import (
    AuditState,
    StillComputingError,
    agreement_of,
    audit_state,
    calibration_of,
    facts_of,
    pairs_of,
    prevalences_of,
    wrong_reasons_of,
)
from spinebench.dashboard.case_filters import CaseFilters
from spinebench.dashboard.case_selection import cases_on_page
from spinebench.dashboard.error_data import (
    confusion_counts,
    healthy_rates,
    localization_summary,
    outcome_counts,
    shift_counts,
)
from spinebench.dashboard.kept_figures import KeptFigures, key_of
from spinebench.dashboard.rating_progress import rating_progress
from spinebench.dashboard.report_data import (
    conditions_scored,
    levels_of,
    scores_of,
    tasks_asked,
    usual_reports,
)
from spinebench.dashboard.run_choice import RunChoice, all_of, usual_choice
from spinebench.dashboard.summaries import model_accuracies, model_comparison
from spinebench.dashboard.workspace_data import WORKSPACE_VARIABLE, DataStamp, data_stamp, rows, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.agreement.trace_table import PANEL
from spinebench.records import RunSpec, Task

_NICENESS = 19
_NEWEST = 3
"""Runs and audits whose details are prepared."""
_log = logging.getLogger(__name__)
_Job = Callable[[], object]


def state_of_everything() -> tuple[DataStamp | None, tuple[AuditState, ...]]:
    """Of the database and of every audit: while it is the same, nothing has to be prepared again."""
    return data_stamp(), tuple(audit_state(audit.audit_id) for audit in workspace().audits())


def is_prepared(state: tuple[DataStamp | None, tuple[AuditState, ...]]) -> bool:
    """Whether the figures of this state were all prepared already."""
    return KeptFigures(workspace().cache_dir).read(_done(state)) is not None


def prepare(go_on: Callable[[], bool] = lambda: True) -> None:
    """Compute and keep what is not kept yet; ends early when `go_on` says no. Faults are for the pages to say."""
    state = state_of_everything()
    for job in _jobs():
        if not go_on():
            return
        try:
            _finish(job)
        except (SpinebenchError, OSError) as error:
            _log.info("not made ready: %s", error)
    figures = KeptFigures(workspace().cache_dir)
    if state == state_of_everything():
        figures.write(_done(state), b"")
    figures.prune()


def _done(state: tuple[DataStamp | None, tuple[AuditState, ...]]) -> str:
    stamp, audits = state
    seen = None if stamp is None else (stamp.modified_ns, stamp.size)
    return key_of("everything", seen, [(one.audit_id, one.files) for one in audits])


def _finish(job: _Job) -> None:
    """Reports on audits are computed beside; nothing else is to be done meanwhile."""
    while True:
        try:
            job()
        except StillComputingError as error:
            error.wait()
        else:
            return


def _jobs() -> Iterator[_Job]:
    runs = [folder.spec() for folder in workspace().runs()]
    if not runs or data_stamp() is None:
        return
    choice = usual_choice(runs)
    audits = [folder.spec() for folder in workspace().audits()]
    of_choice = [one for one in audits if {*one.sample.run_ids} & {*choice.run_ids}]
    yield from _of_the_first_pages(choice, of_choice)
    for audit in audits[: -_NEWEST - 1 : -1]:
        yield from _of_agreement(audit)
    if 1 < len(choice.runs) <= _NEWEST:
        for left_out in choice.runs:
            yield from _of_a_choice(all_of(tuple(run for run in choice.runs if run != left_out)), of_choice)
    yield from _of_reports(usual_reports(runs))
    for model in choice.models:
        yield _job(localization_summary, choice, model)
    for run in runs[: -_NEWEST - 1 : -1]:
        yield from _of_a_run(run)
    for audit in audits[: -_NEWEST - 1 : -1]:
        for name in ("audits", "coverage", "judge_failures", "audit_usage"):
            yield _job(rows, name, audit_id=audit.audit_id)


def _of_the_first_pages(choice: RunChoice, audits: Sequence[AuditSpec]) -> Iterator[_Job]:
    yield from _of_a_choice(choice, audits)
    yield _job(shift_counts, choice)
    if audits:
        yield _job(rows, "case_rubric", audit_id=audits[-1].audit_id)
        yield _job(rows, "audits")
        yield _job(rows, "audits", audit_id=audits[-1].audit_id)
        yield _job(prevalences_of, audit_state(audits[-1].audit_id))
    yield _job(rows, "run_tasks")


def _of_a_choice(choice: RunChoice, audits: Sequence[AuditSpec]) -> Iterator[_Job]:
    """What is computed or counted over the runs together."""
    run_ids = tuple(choice.run_ids)
    yield _job(outcome_counts, choice)
    yield _job(model_accuracies, choice, run_ids)
    for run_id in run_ids:
        yield _job(rows, "timing", run_id=run_id)
        yield _job(rows, "usage", run_id=run_id)
    yield _job(confusion_counts, choice, choice.models)
    yield _job(healthy_rates, choice)
    own = [one.audit_id for one in audits if {*one.sample.run_ids} & {*run_ids}]
    filters = CaseFilters(choice.run_ids, choice.personas, choice.conditions, own[-1] if own else None)
    yield _job(rows, "case_values", runs=choice.run_ids)
    yield _job(cases_on_page, filters.parameters(), 1)
    yield _job(model_comparison, choice, run_ids)


def _of_reports(choice: RunChoice) -> Iterator[_Job]:
    """Of the runs that the page Reports begins with."""
    asked = tasks_asked(choice)
    if not asked:
        return
    yield _job(outcome_counts, choice)
    for run_id in choice.run_ids:
        yield _job(rows, "written_reports", run_id=run_id)
    if asked & {Task.KNOWLEDGE, Task.REPORT}:
        yield _job(scores_of, choice, None, conditions_scored(choice)[0])
    yield _job(levels_of, choice, asked)


def _of_agreement(audit: AuditSpec) -> Iterator[_Job]:
    """Every task and dimension, by the raters that the page begins with."""
    state = audit_state(audit.audit_id)
    yield _job(rating_progress, workspace().audit(audit.audit_id))
    yield _job(facts_of, state)
    scored = [
        (str(row["task"]), str(row["dimension"])) for row in rows("audit_dimensions", audit_id=audit.audit_id)
    ]
    for task, dimension in scored:
        yield _job(agreement_of, state, task, dimension)
        yield _job(rows, "score_spread", audit_id=audit.audit_id, task=task, dimension=dimension)
    for task, dimension in scored:
        yield _job(_beside_agreement, state, task, dimension)


def _beside_agreement(state: AuditState, task: str, dimension: str) -> None:
    """Of the last judge named, which is the panel where there are several."""
    judges = agreement_of(state, task, dimension).dimensions[0].judges
    if judges:
        judge = judges[-1].judge
        pairs_of(state, task, dimension, judge)
        calibration_of(state, dimension, None if judge == PANEL else judge)
        wrong_reasons_of(state, dimension, None if judge == PANEL else judge)


def _of_a_run(run: RunSpec) -> Iterator[_Job]:
    for name in ("runs", "statuses", "failures", "timing", "usage", "item_sizes", "item_counts"):
        yield _job(rows, name, run_id=run.run_id)
    for name in ("item_duplicates", "item_images"):
        yield _job(rows, name, run_id=run.run_id, size=50)


def _job(ask: Callable[..., object], *asked: object, **named: object) -> _Job:
    return lambda: ask(*asked, **named)


def main() -> None:
    """Prepare the workspace named, until the process that started this one is gone."""
    logging.disable(logging.WARNING)  # Streamlit says of every cache that no page is being drawn
    os.environ[WORKSPACE_VARIABLE] = str(Path(sys.argv[1]))
    os.nice(_NICENESS)
    parent = os.getppid()
    prepare(lambda: os.getppid() == parent)


if __name__ == "__main__":
    main()
