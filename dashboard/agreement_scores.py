"""Agreement: what follows for the scores: corrected means, right for the wrong reason, claims, coverage."""

from __future__ import annotations

import streamlit as st

from spinebench.dashboard import agreement_tables as tables
from spinebench.dashboard.audit_reports import AuditState, calibration_of, is_simulated, wrong_reasons_of
from spinebench.dashboard.forest_chart import ForestMark, draw, forest, simulated_mark
from spinebench.evaluators.agreement.report import DimensionAgreement, JudgeAgreement
from spinebench.evaluators.agreement.trace_table import PANEL


def show_corrected(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    report = calibration_of(state, one.dimension, _for_calibration(judge))
    own = [row for row in report.models if row.task == one.task]
    marks = [
        mark
        for row in own
        for mark in (
            ForestMark.of(row.model, "judge, raw", row.judge),
            ForestMark.of(row.model, "clinicians alone", row.clinicians),
            ForestMark.of(row.model, "corrected", row.corrected),
        )
    ]
    if not marks:
        st.info("No model has a score on this dimension.", icon=":material/info:")
        return
    draw(
        forest(
            marks,
            title=f"Mean score, raw and corrected by clinicians: {one.task}, {one.dimension}",
            subtitle=f"judge: {report.judge}; weighted to the frame{simulated_mark(report.simulated)}",
            x_title="mean score (95 % interval)",
            domain=(float(one.scale[0]), float(one.scale[-1])),
            line_at=None,
        )
    )
    st.caption(
        "Quote the corrected mean: the judge's over all judged traces, corrected by the clinicians' labels. "
        "Lambda: weight of the judge's part, 0 leaves the labels alone. Rated, judged, drawn, frame: traces."
    )
    tables.show_table(tables.corrected_rows(report, one.task))
    notes = [
        f"{row.model}: {note}"
        for row in own
        for note in dict.fromkeys((*row.warnings, *row.corrected.warnings))
    ]
    undefined = [
        f"{row.model}: no corrected mean, {row.corrected.reason}" for row in own if row.corrected.reason
    ]
    if notes or undefined or report.warnings:
        st.subheader("Notes")
        tables.show_list([*report.warnings, *undefined, *notes])


def show_wrong_reasons(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    reasons = wrong_reasons_of(state, one.dimension, _for_calibration(judge))
    if not reasons:
        st.info("No trace has a score on this dimension.", icon=":material/info:")
        return
    draw(
        forest(
            [
                mark
                for reason in reasons
                for mark in (
                    ForestMark.of(reason.model, "judge, raw", reason.low_if_correct_judge),
                    ForestMark.of(reason.model, "clinicians alone", reason.low_if_correct_clinicians),
                    ForestMark.of(reason.model, "corrected", reason.low_if_correct),
                )
            ],
            title=f"Right for the wrong reason: {one.dimension}, all tasks",
            subtitle=f"low reasoning among right answers{simulated_mark(is_simulated(state))}",
            x_title="share of right answers (95 % interval)",
            domain=(0.0, 1.0),
            line_at=None,
        )
    )
    st.caption(
        "Low: below 40 % of the scale (1 and 2 of 1-5). Shares stand for the frame, over all tasks of the audit. "
        "In percent below."
    )
    tables.show_table(tables.wrong_reason_rows(reasons))
    st.subheader("Correctness by reasoning, percent of all traces as the judge sees them")
    tables.show_table(tables.band_rows(reasons))


def show_claims(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    if judge is not None:
        st.subheader("What may be said of the judge")
        tables.show_list(judge.claims.may or ("Nothing at this number of traces and clinicians.",))
        st.subheader("What may not be said")
        tables.show_list(judge.claims.may_not or ("No limit was found beyond those of the traces drawn.",))
    report = calibration_of(state, one.dimension, _for_calibration(judge))
    summary = next((task for task in report.tasks if task.task == one.task), None)
    if summary is not None:
        st.subheader("What may be claimed of corrected scores")
        tables.show_list(summary.claims or ("Nothing is claimed.",))


def show_coverage(one: DimensionAgreement) -> None:
    st.subheader("Coverage: what became of the traces to be scored")
    tables.show_table(tables.coverage_rows(one))
    st.subheader("Repeatability: the same rater again")
    if one.repeatability:
        tables.show_table(tables.repeat_rows(one))
    else:
        st.caption("Nobody scored a trace twice: no hidden duplicates, and judges without repeats.")


def _for_calibration(judge: JudgeAgreement | None) -> str | None:
    """One judge by name; None stands for the panel's median."""
    return None if judge is None or judge.judge == PANEL else judge.judge
