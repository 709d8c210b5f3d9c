"""The level-aware scores of stored runs: questions and reports out of the store, reports' votes out of audits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spinebench.audits.level_aware_rows import LevelAwareRows, level_aware_table
from spinebench.audits.rows import audit_rows
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.audit_rows import ScoreRow, Source, TraceRow
from spinebench.evaluators.report_results import LevelAwareScores
from spinebench.evaluators.report_rows import ReportLayout
from spinebench.evaluators.report_scores import level_aware_scores
from spinebench.records import AnswerStatus, ImageCondition, Record, RunSpec, Task
from spinebench.rubrics.load import load_rubrics
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.workspace import Workspace

RUBRIC = "spinemed_report"
"""The shipped rubric that makes a report's score; others with sections do as well."""
HOW_TO_JUDGE = f"spinebench audit RUN --rubric {RUBRIC} --task report --per-cell 1000 --judge MODEL"


class RatedScores(Record):
    """The scores of all models with the reports as one judge, the panel of judges, or the clinicians score them."""

    source: Source | None
    """None where no report was judged: the scores are of the questions alone."""
    rater: str | None
    """A judge's model string; None for all judges or all clinicians together."""
    n_raters: int
    models: tuple[LevelAwareScores, ...]
    warnings: tuple[str, ...] = ()


class LevelAwareReport(Record):
    """Everything `spinebench scores` says."""

    run_ids: tuple[str, ...]
    audit_ids: tuple[str, ...]
    rubric: str
    """Id and version."""
    section_names: dict[str, str]
    """Id -> name in the rubric; so too those of dimensions."""
    dimension_names: dict[str, str]
    image_condition: ImageCondition
    simulated: bool
    partial: bool
    level: float
    seed: int
    resamples: int
    ratings: tuple[RatedScores, ...]
    """All judges, then each of several, then the clinicians."""
    warnings: tuple[str, ...]


def level_aware_report(
    workspace: Workspace,
    run_ids: Sequence[str],
    audit_ids: Sequence[str] | None = None,
    *,
    image_condition: ImageCondition = ImageCondition.NORMAL,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> LevelAwareReport:
    """Text, image, report and overall scores of the models of some runs, and what they rest on.

    Knowledge questions without an image are text, the others image. `audit_ids` are audits of these runs with a rubric
    that has sections; None: of each run the latest such audit, if there is one. Reports that an audit did not draw, or
    drew for tuning, are left out and counted in a warning; without an audit all reports are unscored.

    Raises `UsageError` for no run, an unknown run or audit, an audit of other runs or without sections, audits whose
    sections differ and a question that two runs hold; `DataError` where there is neither question nor judged report.
    """
    runs = {folder.run_id: folder.spec() for folder in map(workspace.run, run_ids)}
    if not runs:
        raise UsageError("runs []: expected at least one; name one, or 'latest'")
    audits = (
        _latest_audits(workspace, runs) if audit_ids is None else _named_audits(workspace, audit_ids, runs)
    )
    content = _rubric(audits)
    layout = ReportLayout.of_rubric(content)
    rows = audit_rows(workspace, [audit.audit_id for audit in audits]) if audits else None
    found = LevelAwareRows(
        drawn={trace.trace_id: trace for trace in rows.traces} if rows else {},
        audited={run_id for audit in audits for run_id in audit.spec().sample.run_ids},
    )
    for run_id, spec in runs.items():
        found.add(level_aware_table(workspace, run_id, image_condition), spec)
    if not found.questions and not (found.reports and audits):
        _refuse_nothing(workspace, runs, found, image_condition)
    models = [name for spec in runs.values() for name in spec.models]
    found.questions.sort(key=lambda row: models.index(found.model_of[row.model]))
    found.reports.sort(key=lambda row: models.index(found.model_of[row.model]))
    known = {row.trace_id for row in found.reports}
    votes = [
        vote
        for vote in (rows.scores if rows else ())
        if vote.trace_id in known and vote.dimension in set(layout.dimensions)
    ]

    def scored(own: Sequence[ScoreRow], source: Source) -> tuple[LevelAwareScores, ...]:
        return level_aware_scores(
            found.questions,
            found.reports,
            own,
            layout=layout,
            source=source,
            seed=seed,
            resamples=resamples,
            level=level,
        )

    ratings = []
    for source, rater in _raters(votes, [name for audit in audits for name in audit.spec().judges]):
        own = [vote for vote in votes if vote.source == source and rater in (None, vote.rater)]
        ratings.append(
            RatedScores(
                source=source,
                rater=rater,
                n_raters=len({vote.rater for vote in own}),
                models=scored(own, source),
                warnings=_unequal(own, found.drawn, source),
            )
        )
    if not ratings:
        ratings.append(RatedScores(source=None, rater=None, n_raters=0, models=scored((), "judge")))
    return LevelAwareReport(
        run_ids=tuple(runs),
        audit_ids=tuple(audit.audit_id for audit in audits),
        rubric=f"{content['id']} {content['version']}",
        section_names={one["id"]: one["name"] for one in content["sections"]},
        dimension_names={one["id"]: one["name"] for one in content["dimensions"]},
        image_condition=image_condition,
        simulated=any(spec.simulated for spec in runs.values())
        or any(audit.spec().simulated for audit in audits),
        partial=any(spec.partial for spec in runs.values()),
        level=level,
        seed=seed,
        resamples=resamples,
        ratings=tuple(ratings),
        warnings=(*found.warnings(), *_unjudged(found, audits), *(rows.stale if rows else ())),
    )


def _latest_audits(workspace: Workspace, runs: Mapping[str, RunSpec]) -> list[AuditFolder]:
    """Of each run the latest audit with a rubric that has sections, each once, oldest first."""
    latest: dict[str, AuditFolder] = {}
    for audit in workspace.audits():
        spec = audit.spec()
        if any(rubric.get("sections") for rubric in spec.rubrics):
            latest |= {run_id: audit for run_id in spec.sample.run_ids if run_id in runs}
    return list({audit.audit_id: audit for audit in latest.values()}.values())


def _named_audits(
    workspace: Workspace, names: Sequence[str], runs: Mapping[str, RunSpec]
) -> list[AuditFolder]:
    audits = {audit.audit_id: audit for audit in map(workspace.audit, names)}
    for name, audit in audits.items():
        spec = audit.spec()
        if not set(spec.sample.run_ids) & set(runs):
            raise UsageError(
                f"audit {name!r} of {', '.join(spec.sample.run_ids)}: expected an audit of {', '.join(runs)}; "
                "name the runs that it was drawn from"
            )
        if not any(rubric.get("sections") for rubric in spec.rubrics):
            used = ", ".join(str(rubric["id"]) for rubric in spec.rubrics)
            raise UsageError(
                f"audit {name!r} with the rubrics {used}: expected one with sections, a report's score is a mean over "
                f"them; make one with '{HOW_TO_JUDGE}'"
            )
    return list(audits.values())


def _rubric(audits: Sequence[AuditFolder]) -> Mapping[str, Any]:
    """The one rubric with sections; the shipped one where no audit has judged."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for audit in audits:
        for rubric in audit.spec().rubrics:
            if rubric.get("sections"):
                found[str(rubric["id"]), str(rubric["version"])] = rubric
    if len(found) > 1:
        names = ", ".join(f"{name} {version}" for name, version in found)
        raise UsageError(
            f"rubrics {names}: expected one with sections, scores by several do not add up; name audits of one rubric"
        )
    if not found:
        (shipped,) = load_rubrics((RUBRIC,))
        return shipped.model_dump(mode="json")
    return next(iter(found.values()))


def _unjudged(found: LevelAwareRows, audits: Sequence[AuditFolder]) -> list[str]:
    written = sum(row.status is AnswerStatus.ANSWERED for row in found.reports)
    if audits or not written:
        return []
    return [f"reports that nobody judged: {written}; no audit of these runs has a rubric with sections"]


def _refuse_nothing(
    workspace: Workspace, runs: Mapping[str, RunSpec], found: LevelAwareRows, condition: ImageCondition
) -> None:
    names = ", ".join(runs)
    if found.n_reports:
        raise DataError(
            f"audits of {names}: expected one with a rubric that has sections, {found.n_reports} reports are not "
            f"judged; make one with '{HOW_TO_JUDGE}'"
        )
    asked = dict.fromkeys(
        row["run_id"]
        for row in workspace.query("run_tasks").to_pylist()
        if row["task"] in (Task.KNOWLEDGE, Task.REPORT)
    )
    others = [run_id for run_id in asked if run_id not in runs]
    conditions = {one.value for run_id in asked.keys() & runs for one in runs[run_id].image_conditions}
    if instead := sorted(conditions - {condition.value}):
        way_on = f"they were asked under {', '.join(instead)}, name that with --image-condition"
    elif others:
        way_on = f"name {others[-1]!r}, which asked them"
    else:
        way_on = "sit a benchmark that has them with 'spinebench run'"
    raise DataError(
        f"runs {names}, image condition {condition.value!r}: expected answers to items of task 'knowledge' or "
        f"'report', there are none; {way_on}"
    )


def _raters(votes: Iterable[ScoreRow], order: Sequence[str]) -> list[tuple[Source, str | None]]:
    """All judges, each judge where there are several, in order, all clinicians; of those that have voted."""
    raters: defaultdict[Source, dict[str, None]] = defaultdict(dict)
    for vote in votes:
        raters[vote.source][vote.rater] = None
    found: list[tuple[Source, str | None]] = []
    judges = sorted(raters["judge"], key=order.index)
    if len(judges) > 1:
        found.append(("judge", None))
    found += [("judge", judge) for judge in judges]
    if raters["clinician"]:
        found.append(("clinician", None))
    return found


def _unequal(votes: Iterable[ScoreRow], drawn: Mapping[str, TraceRow], source: Source) -> tuple[str, ...]:
    """A warning where what was scored had unequal chances to be: these means do not weigh."""
    chances: defaultdict[str, set[float]] = defaultdict(set)
    for vote in votes:
        trace = drawn[vote.trace_id]
        rated = (trace.rating_probability or 1.0) if source == "clinician" else 1.0
        chances[trace.model].add(round(trace.probability * rated, 6))
    spread = [(min(own), max(own)) for own in chances.values() if max(own) > 1.01 * min(own)]
    if not spread:
        return ()
    low, high = min(one for one, _ in spread), max(one for _, one in spread)
    return (
        f"reports had unequal chances to be scored ({100 * low:.0f} to {100 * high:.0f} %) and are not weighted here: "
        "means lean towards what was drawn or referred more often; 'spinebench calibrate' weighs them",
    )
