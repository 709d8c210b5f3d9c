"""What a workspace knows about an audit, gathered for reporting sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinebench.audit_records import AuditSpec, Judgement, JudgementStatus, RaterCard, Rating, RefersBy
from spinebench.audits.rows import audit_rows
from spinebench.errors import SpinebenchError
from spinebench.evaluators.agreement.result import DESCRIPTIVE_UNITS
from spinebench.exchange.audit_facts import AuditCounts, AuditFacts, SheetFigure
from spinebench.runs.results import graded_table, run_results

if TYPE_CHECKING:
    from spinebench.evaluators.agreement import AgreementReport
    from spinebench.evaluators.audit_rows import AuditRows
    from spinebench.store.audit_folder import AuditFolder
    from spinebench.store.run_folder import RunFolder
    from spinebench.store.workspace import Workspace


def audit_facts(
    workspace: Workspace, folder: AuditFolder, *, statements: dict[str, str] | None = None
) -> AuditFacts:
    """Everything that sheets are filled from, with the figures computed anew.

    A run that is gone or cannot be read leaves its facts unknown and is named among the notes. `statements` are
    people's own words by item, `GRRAS 5` -> text. Raises `DataError` for an audit that cannot be read.
    """
    spec = folder.spec()
    notes: list[str] = []
    runs = _runs(workspace, spec, notes)
    rows = audit_rows(workspace, [folder.audit_id])
    ratings, assignments = folder.ratings(), folder.assignments()
    if not rows.locked and ratings:
        notes.append("ratings are not locked: figures on them are preliminary")
    if not ratings:
        notes.append("no clinician has rated: what judges say is not held against anyone")
    notes += _chosen(folder, ratings)
    notes += [f"changed since the audit was declared: {line}" for line in rows.stale]
    raters = sorted(
        {one.rater for one in ratings} | {name for name, one in assignments.items() if one.traces}
    )
    frame_notes = _frame_notes(spec, runs, notes)
    figures = _figures(workspace, spec, runs, rows, notes)
    cards = workspace.raters()
    referred = {row.trace_id for row in rows.traces if row.referred}
    return AuditFacts(
        audit=spec,
        runs=tuple(run.spec() for run in runs),
        raters=tuple(cards.get(name) or RaterCard(rater=name) for name in raters),
        assignments=tuple(assignments[name] for name in sorted(assignments)),
        counts=_counts(folder, folder.judgements(), ratings),
        referred=frozenset(referred),
        frame_notes=frame_notes,
        figures=figures,
        notes=tuple(notes),
        statements=statements or {},
    )


def _runs(workspace: Workspace, spec: AuditSpec, notes: list[str]) -> list[RunFolder]:
    found = []
    for run_id in spec.sample.run_ids:
        try:
            folder = workspace.run(run_id)
            folder.spec()
        except SpinebenchError as error:
            notes.append(f"run {run_id} could not be read, its facts are missing: {error}")
        else:
            found.append(folder)
    return found


def _frame_notes(spec: AuditSpec, runs: list[RunFolder], notes: list[str]) -> tuple[str, ...]:
    """What the frame leaves out, told only where all runs are there and give the frame that was drawn from."""
    from spinebench.audits.plan import audit_plan_of
    from spinebench.audits.prepare import audit_frame
    from spinebench.evaluators.sampling import frame_hash

    if len(runs) < len(spec.sample.run_ids):
        return ()
    try:
        frame = audit_frame(audit_plan_of(spec.plan), runs)
    except SpinebenchError as error:
        notes.append(f"what the frame leaves out could not be read: {error}")
        return ()
    if frame_hash(frame.traces, strata_by=spec.sample.strata_by) != spec.sample.frame_hash:
        notes.append("the runs have other answers or scores than when the audit was drawn")
        return ()
    return frame.notes or ("no answer of the runs",)


def _counts(folder: AuditFolder, judgements: list[Judgement], ratings: list[Rating]) -> AuditCounts:
    def n_with(status: JudgementStatus) -> int:
        return sum(one.status is status for one in judgements)

    raters: dict[str, set[str]] = {}
    for rating in ratings:
        raters.setdefault(rating.trace_id, set()).add(rating.rater)
    lock = folder.rating_lock()
    return AuditCounts(
        n_judgements=len(judgements),
        n_unparsed=n_with(JudgementStatus.UNPARSED),
        n_refused=n_with(JudgementStatus.REFUSED),
        n_failed=n_with(JudgementStatus.ERROR),
        n_steered=len({one.key.trace_id for one in judgements if one.steering}),
        n_ratings=len(ratings),
        n_rated=len(raters),
        n_rated_twice=sum(len(names) > 1 for names in raters.values()),
        n_duplicates=sum(one.duplicate for one in ratings),
        n_cannot_assess=sum(part.cannot_assess for one in ratings for part in one.dimensions),
        n_adjudicated=len(folder.adjudications()),
        locked_at=None if lock is None else lock.at,
        sources=tuple(sorted({one.source for one in ratings})),
    )


def _figures(
    workspace: Workspace, spec: AuditSpec, runs: list[RunFolder], rows: AuditRows, notes: list[str]
) -> tuple[SheetFigure, ...]:
    from spinebench.evaluators.agreement import agreement_report
    from spinebench.evaluators.calibration import calibration_report
    from spinebench.evaluators.comparison import compare
    from spinebench.evaluators.reasoning import failure_prevalence
    from spinebench.exchange import sheet_figures as as_figures

    found: list[SheetFigure] = []
    for run in runs:
        found += as_figures.accuracy_figures(run_results(workspace, run.run_id))
    if runs:
        graded = graded_table(workspace, [run.run_id for run in runs])
        normal = graded.filter([one == "normal" for one in graded["image_condition"].to_pylist()])
        if len(set(normal["model"].to_pylist())) > 1:
            found += as_figures.comparison_figures(compare(normal, against="best", seed=spec.seed))
    report = agreement_report(rows, seed=spec.seed)
    notes += _few(report)
    found += as_figures.agreement_figures(report)
    found += as_figures.calibration_figures(calibration_report(rows, seed=spec.seed))
    found += as_figures.failure_figures(failure_prevalence(rows))
    return tuple(found)


def _chosen(folder: AuditFolder, ratings: list[Rating]) -> list[str]:
    """How many of the rated traces were referred for a reason: agreement is unweighted."""
    reviews = folder.reviews()
    rated = {one.trace_id for one in ratings} & set(reviews)
    n = sum(bool(set(reviews[one].refers_by) - {RefersBy.RANDOM}) for one in rated)
    if not n:
        return []
    return [
        f"{n} of {len(rated)} rated traces were given to clinicians for a reason, not by chance: agreement is that on "
        "the rated traces, not over all answers"
    ]


def _few(report: AgreementReport) -> list[str]:
    """What agreement on so few traces cannot say."""
    sizes = [one.n_clusters for one in report.dimensions if one.clinicians]
    if not sizes:
        return []
    notes = []
    if min(sizes) < DESCRIPTIVE_UNITS:
        notes.append(
            f"agreement rests on {_span(sizes)} independent studies or images per task and dimension; below "
            f"{DESCRIPTIVE_UNITS} it describes these and no more"
        )
    return notes


def _span(sizes: list[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"
