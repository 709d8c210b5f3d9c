"""The page Reports: the level-aware benchmark's scores, its reports part by part, and the levels they name."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import get_args

import streamlit as st

from spinebench.audits.level_aware import HOW_TO_JUDGE, LevelAwareReport, RatedScores
from spinebench.dashboard.address import Address
from spinebench.dashboard.agreement_tables import show_list
from spinebench.dashboard.case_opening import Filters
from spinebench.dashboard.caveats import mark_runs
from spinebench.dashboard.charts import chart_columns, names_width, show_chart
from spinebench.dashboard.error_data import outcome_counts
from spinebench.dashboard.headlines import show_headline, written_headline
from spinebench.dashboard.page_heads import PageHead, head_of_runs
from spinebench.dashboard.report_charts import dimension_heat_map, score_charts, section_bars
from spinebench.dashboard.report_data import (
    TASKS,
    conditions_scored,
    levels_of,
    model_and_persona,
    of_chosen_personas,
    rater_name,
    scale_of,
    scores_of,
    sectioned_audits,
    tasks_asked,
    tasks_of_runs,
    usual_reports,
    written_reports,
)
from spinebench.dashboard.report_tables import (
    Row,
    divided_rows,
    level_rows,
    level_tasks,
    report_count_rows,
    written_rows,
)
from spinebench.dashboard.run_choice import RunChoice, chosen
from spinebench.dashboard.workspace_data import (
    data_stamp,
    plain,
    say_when,
    stop_if_empty,
    stop_with,
    workspace,
)
from spinebench.errors import DataError, SpinebenchError
from spinebench.evaluators.report_results import Facet, LevelAwareScores
from spinebench.records import Task

_LATEST = "the latest of each run"
_NOTHING_ASKED = "The chosen runs hold no knowledge question and no free text in the database."


def head(address: Address) -> PageHead | None:
    """What a new window shows first at this address; None where that is not known at once."""
    return head_of_runs(
        "Reports",
        address,
        lambda choice: written_headline(outcome_counts(choice)) if tasks_asked(choice) else [],
        instead=lambda choice: "" if tasks_asked(choice) else _NOTHING_ASKED,
        usual=usual_reports,
    )


def show() -> None:
    """Draw the page."""
    st.title("Reports")
    try:
        stop_if_empty()
        _show(chosen(usual_reports))
    except SpinebenchError as error:
        stop_with(error)


def _show(choice: RunChoice) -> None:
    mark_runs(choice.runs)
    say_when(data_stamp())
    asked = tasks_asked(choice)
    if not asked:
        _say_nothing_asked()
        return
    show_headline(written_headline(outcome_counts(choice)))
    written = written_reports(choice)
    if written:
        st.subheader("What was written", anchor=False)
        _table(written_rows(written))
        st.caption(
            "Reports asked for and what came of them. No findings, no diagnosis ...: reports that were written in "
            "which that section has no text under a heading of its own."
        )
    if asked & {Task.KNOWLEDGE, Task.REPORT}:
        _scores(choice, asked)
    else:
        st.info(
            "Consultations alone have no points: their scores by judges and clinicians are on the page Agreement.",
            icon=":material/info:",
        )
    _levels(choice, asked)


def _say_nothing_asked() -> None:
    others = [run_id for run_id, own in tasks_of_runs().items() if own & TASKS]
    st.info(
        f"{_NOTHING_ASKED} Such items have the task `knowledge`, `report` or `consultation`: run a benchmark file with "
        "them by `spinebench run -b FILE -m MODEL`, or see some by `spinebench demo`."
        + (" Runs of this workspace that hold them, to be chosen in the sidebar:" if others else ""),
        icon=":material/info:",
    )
    if others:
        show_list(others)


def _scores(choice: RunChoice, asked: frozenset[str]) -> None:
    audits = [spec.audit_id for spec in reversed(sectioned_audits(choice.run_ids))]
    if Task.REPORT in asked and not audits:
        st.info(
            "No audit of the chosen runs has a rubric with sections, so no report has points yet. Have judges score "
            "them:",
            icon=":material/info:",
        )
        at = f" --workspace {shlex.quote(str(workspace().path))}"
        st.code(HOW_TO_JUDGE.replace("RUN", choice.run_ids[-1]) + at, language=None)
        if Task.KNOWLEDGE not in asked:
            return
    where = st.columns(3)
    audit_id = None
    if len(audits) > 1:
        with where[1]:
            picked = _choice("Audit", "audit", [_LATEST, *audits])
        audit_id = None if picked == _LATEST else picked
    condition = _condition(choice, where[2])
    report = scores_of(choice, audit_id, condition)
    if report.simulated and not any(run.simulated for run in choice.runs):
        st.warning("SIMULATION: a judge or clinician of the audit is simulated.", icon=":material/science:")
    named = {rater_name(one): one for one in report.ratings}
    rating = report.ratings[0]
    if len(named) > 1:
        with where[0]:
            rating = named[_choice("Reports scored by", "rater", list(named))]
    models = of_chosen_personas(rating, choice)
    st.subheader("Scores", anchor=False)
    charts = score_charts(models)
    columns = chart_columns(2, least=names_width(one.model for one in models) + 360, key="report-scores")
    for place, chart in enumerate(charts):
        with columns[place % 2]:
            show_chart(chart, key=f"score {place} {rater_name(rating)} {condition}")
    st.caption(
        "Points of 100. Questions: what was not answered counts as wrong. Reports: mean over the scored reports of the "
        f"mean of their sections, by {report.rubric}; reports by {_rater(rating)}. Overall: the three "
        "weighted by the counts scored. Intervals resample cases."
    )
    _table(report_count_rows(models))
    st.caption(
        "Incomplete: scored, but without a score in some dimension. Unscored: written, but a section has no score. "
        "Not written: left out of the points, in the column after at 0."
    )
    _parts(choice, report, rating, models)
    _divided(models)
    _notes(report, rating, models)


def _parts(
    choice: RunChoice, report: LevelAwareReport, rating: RatedScores, models: Sequence[LevelAwareScores]
) -> None:
    scale = scale_of(report)
    if rating.source is None or not scale:
        return
    st.subheader("Reports by dimension and section", anchor=False)
    dimension_heat_map(
        models,
        report.dimension_names,
        scale,
        lambda cell: _cases(choice, report, rating, cell["row"], cell["dimension"]),
        key=f"dimensions {' '.join(report.audit_ids)} {rater_name(rating)} {report.image_condition}",
    )
    st.caption(
        "Mean over the reports with a score in the dimension, and their number. The colours are those of the whole "
        "scale. A click on a cell opens its cases, the lowest judge scores first."
    )
    bars = section_bars(models, report.section_names, scale)
    if bars is not None:
        show_chart(bars, key=f"sections {rater_name(rating)}")


def _cases(
    choice: RunChoice, report: LevelAwareReport, rating: RatedScores, row: str, dimension: str
) -> Filters:
    """The reports behind a cell: those that a judge scored on the dimension, or a judge and a clinician."""
    model, persona = model_and_persona(row, choice)
    one_audit = report.audit_ids[0] if len(report.audit_ids) == 1 else None
    if one_audit is None:  # scores on the page Cases are of one audit
        narrowed = {}
    elif rating.source == "clinician":
        narrowed = {"difference": "0"}
    else:
        narrowed = {"score": "1-5"}
    return {
        "run": choice.run_ids,
        "model": model,
        "persona": persona if persona is not None else _unless_all(choice),
        "condition": report.image_condition.value,
        "task": Task.REPORT.value,
        "audit": one_audit,
        "dimension": dimension,
        "sort": "score",
        **narrowed,
    }


def _rater(rating: RatedScores) -> str:
    """Whose scores these are, where Markdown is read: a judge's name is another's text."""
    return rater_name(rating) if rating.rater is None else plain(rating.rater)


def _unless_all(choice: RunChoice) -> Iterable[str] | None:
    everyone = {name for run in choice.runs for name in run.personas}
    return choice.personas if set(choice.personas) != everyone else None


def _divided(models: Sequence[LevelAwareScores]) -> None:
    known = {divided.by for one in models for divided in one.divided}
    facets = [facet for facet in get_args(Facet) if facet in known]
    if not facets:
        return
    st.subheader("Scores within divisions", anchor=False)
    asked = st.query_params.get("by")
    by = st.segmented_control(
        "By",
        facets,
        default=asked if asked in facets else facets[0],
        required=True,
        key=f"reports by {' '.join(facets)}",
        label_visibility="collapsed",
    )
    st.query_params["by"] = by
    _table(divided_rows(models, by))
    st.caption("Points of 100 with 95 % intervals; n is what was scored. Few cases make wide intervals.")


def _levels(choice: RunChoice, asked: frozenset[str]) -> None:
    st.subheader("Levels named", anchor=False)
    try:
        found = levels_of(choice, asked)
    except DataError:
        st.caption(
            "No answer can be held against levels: no item of the chosen runs states levels, a reference text or key "
            "facts."
        )
        return
    shown = [
        row
        for row in found.rows
        if row.persona in choice.personas and row.image_condition in choice.conditions
    ]
    for task in level_tasks(shown):
        own = [row for row in shown if row.task is task]
        st.text(task.value.capitalize())
        _table(level_rows(own))
        whole = sum(row.n_without_sections for row in own)
        if whole:
            st.caption(
                f"{whole:,} reports show neither findings nor a diagnosis as a section and were read whole."
            )
    st.caption(
        "Vertebrae, discs and sides that the texts name, read by rules and held against the reference. Exact (level, "
        "and side where the reference has one), within one level (whatever the side) and missed: of the reference's "
        "findings. Wrong side: of those with a side that are named at their level with a side. Unsupported: of levels "
        "named. No text: refused, filtered or failed, their findings are missed."
    )


def _notes(report: LevelAwareReport, rating: RatedScores, models: Sequence[LevelAwareScores]) -> None:
    notes = [
        *report.warnings,
        *rating.warnings,
        *(f"{one.model}: {text}" for one in models for text in one.warnings),
    ]
    if notes:
        st.text("To be read with these figures:")
        show_list(notes)


def _condition(choice: RunChoice, where: st.delta_generator.DeltaGenerator) -> str:
    """The one image condition that scores are of."""
    options = conditions_scored(choice)
    if len(options) == 1:
        return options[0]
    with where:
        return _choice("Image condition of the scores", "scored", options)


def _choice(label: str, name: str, options: list[str]) -> str:
    """One of a few names, kept in the address."""
    asked = st.query_params.get(name)
    key = f"reports {name}"
    if st.session_state.get(key) not in options:
        st.session_state[key] = asked if asked in options else options[0]
    picked = st.selectbox(label, options, key=key)
    st.query_params[name] = picked
    return picked


def _table(rows: Sequence[Row]) -> None:
    st.dataframe(rows, hide_index=True, placeholder="–", width="stretch")
