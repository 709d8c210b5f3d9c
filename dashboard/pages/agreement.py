"""The page agreement: clinicians among themselves, each judge beside them, and what follows for the scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, cast

import streamlit as st

from spinebench.audit_records import AuditSpec
from spinebench.dashboard import agreement_tables as tables
from spinebench.dashboard.agreement_charts import (
    CELL,
    ForestMark,
    LayerChart,
    bland_altman_chart,
    cell_of,
    forest,
    model_scatter,
    shift_heat_map,
)
from spinebench.dashboard.audit_reports import (
    AuditState,
    agreement_of,
    audit_specs,
    audit_state,
    calibration_of,
    pairs_of,
    rows_of,
    scored_dimensions,
    wrong_reasons_of,
)
from spinebench.dashboard.case_links import case_url
from spinebench.dashboard.workspace_data import query, stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.agreement import AgreementReport
from spinebench.evaluators.agreement.report import DimensionAgreement, JudgeAgreement
from spinebench.evaluators.agreement.scored_pairs import ScoredPair
from spinebench.evaluators.agreement.trace_table import PANEL

_MOST_LINKS = 100
"""Cases that are listed below a chart at once."""


def show() -> None:
    """Draw the page."""
    st.title("Agreement")
    specs = audit_specs()
    if not specs:
        _say_no_audit()
        return
    try:
        _show_audit(specs)
    except SpinebenchError as error:
        stop_with(error)


def _say_no_audit() -> None:
    st.info(
        "This workspace holds no audit yet. An audit draws traces of a run, has judges score them and refers some to "
        "clinicians. Begin with `spinebench audit RUN`, or see one by `spinebench demo`; then reload this page.",
        icon=":material/info:",
    )
    for path, _ in workspace().unreadable_audits():
        st.warning("An audit cannot be read; `spinebench check` says why:", icon=":material/error:")
        st.text(path.name)


def _show_audit(specs: Sequence[AuditSpec]) -> None:
    where = st.columns([3, 1.3, 2, 2.2])
    with where[0]:
        audit_id = _choice("Audit", "audit", [spec.audit_id for spec in reversed(specs)])
    spec = next(one for one in specs if one.audit_id == audit_id)
    state = audit_state(audit_id)
    rows = rows_of(state)
    dimensions = scored_dimensions(state)
    _mark(spec, rows.locked, rows.stale)
    if not dimensions:
        st.info(
            "Nobody has scored a trace of this audit yet. `spinebench audit` lets the judges go on, "
            "`spinebench rate` brings in the clinicians.",
            icon=":material/info:",
        )
        return
    with where[1]:
        task = _choice("Task", "task", list(dimensions))
    with where[2]:
        dimension = _choice("Dimension", "dimension", dimensions[task])
    report = agreement_of(state, task, dimension)
    one = report.dimensions[0]
    judges = [judge.judge for judge in one.judges]
    with where[3]:
        name = _choice("Judge", "judge", judges[::-1]) if judges else None
    judge = next((each for each in one.judges if each.judge == name), None)
    st.caption(
        f"{one.n_rated} of {one.n_traces} traces rated, in {one.n_clusters} clusters, by {len(one.clinicians)} "
        f"clinicians; {one.n_models} models; scale {', '.join(map(str, one.scale))}. {report.n_tuning} tuning traces "
        f"of the audit are left out. Scores as of {state.at:%Y-%m-%d %H:%M:%S} UTC."
    )
    views: dict[str, Callable[[], None]] = {
        "Judge and clinicians": lambda: _show_agreement(one, report),
        "Differences": lambda: _show_differences(state, one, judge),
        "Models": lambda: _show_models(state, one, judge),
        "Corrected scores": lambda: _show_corrected(state, one, judge),
        "Wrong reasons": lambda: _show_wrong_reasons(state, one, judge),
        "What may be said": lambda: _show_claims(state, one, judge),
        "Coverage": lambda: _show_coverage(one),
    }
    asked = st.query_params.get("view")
    view = st.segmented_control(
        "What to look at",
        list(views),
        default=asked if asked in views else next(iter(views)),
        required=True,
        key="agreement view",
        label_visibility="collapsed",
    )
    st.query_params["view"] = view
    if not one.n_rated and view not in ("Corrected scores", "Wrong reasons", "Coverage"):
        st.info(
            "No clinician has rated this task on this dimension yet, so there is nothing to agree with. Next: "
            "`spinebench rate packets`, then `spinebench rate import`; judges' own scores are under Corrected scores.",
            icon=":material/info:",
        )
        return
    views[view]()


def _choice(label: str, name: str, options: list[str]) -> str:
    """One of a few names, kept in the address."""
    asked = st.query_params.get(name)
    key = f"agreement {name}"
    if st.session_state.get(key) not in options:
        st.session_state[key] = asked if asked in options else options[0]
    picked = st.selectbox(label, options, key=key)
    st.query_params[name] = picked
    return picked


def _mark(spec: AuditSpec, locked: bool, stale: Sequence[str]) -> None:
    if spec.simulated:
        st.warning(
            "SIMULATION: simulated models, judges or images. No figure here is about a real model or a real judge.",
            icon=":material/science:",
        )
    if spec.partial:
        st.warning(
            "PARTIAL: the audited runs asked only part of their benchmark.", icon=":material/pie_chart:"
        )
    if stale:
        st.warning("STALE: changed since the judge was held against clinicians:", icon=":material/history:")
        tables.show_list(stale)
    st.caption(
        "Ratings are locked." if locked else "Ratings are NOT LOCKED: preliminary, figures may still change."
    )


def _show_agreement(one: DimensionAgreement, report: AgreementReport) -> None:
    named = f"{one.task}, {one.dimension}"
    n = f"n = {one.n_rated} rated traces, {len(one.clinicians)} clinicians{_simulated(report.simulated)}"
    own = "clinicians"
    ceiling = one.ceiling
    kappa = ForestMark.of(own, "clinicians with each other", ceiling.mean_kappa)
    alpha = ForestMark.of(own, "clinicians with each other", ceiling.alpha)
    exact = ForestMark.of(own, "clinicians with each other", ceiling.exact)
    kappas, alphas, exacts, biases = [kappa], [alpha], [exact], []
    for judge in one.judges:
        kappas.append(ForestMark.of(judge.judge, "judge with clinicians", judge.panel.judge_clinician))
        kappas += [
            ForestMark.of(f"{judge.judge} with {each.clinician}", "judge with one clinician", each.kappa)
            for each in judge.each
        ]
        alphas.append(ForestMark.of(judge.judge, "judge with clinicians", judge.panel.alpha_with_judge))
        exacts.append(ForestMark.of(judge.judge, "judge with clinicians", judge.exact))
        biases.append(ForestMark.of(judge.judge, "judge with clinicians", judge.differences))
    left, right = st.columns(2, gap="large")
    with left:
        _draw(
            forest(
                kappas,
                title=f"Kappa with clinicians: {named}",
                subtitle=f"quadratic weights; band: clinicians with each other; {n}",
                x_title="kappa (95 % interval)",
                domain=(-0.2, 1.0),
                ceiling=kappa,
            )
        )
    with right:
        _draw(
            forest(
                alphas,
                title=f"Alpha: {named}",
                subtitle=f"ordinal; a judge's: with it as one more rater; {n}",
                x_title="Krippendorff's alpha (95 % interval)",
                domain=(-0.2, 1.0),
                ceiling=alpha,
            )
        )
        if biases:
            _draw(
                forest(
                    biases,
                    title=f"Bias: {named}",
                    subtitle=f"judge less the clinicians' mean: above 0 is more lenient; {n}",
                    x_title="points of the scale (95 % interval)",
                    domain=(-1.0, 1.0),
                )
            )
        _draw(
            forest(
                exacts,
                title=f"Exact agreement: {named}",
                subtitle=n,
                x_title="share of equal scores (95 % interval)",
                domain=(0.0, 1.0),
                line_at=None,
                ceiling=exact,
            )
        )
    st.subheader("Clinicians among themselves")
    tables.show_table(tables.ceiling_rows(ceiling))
    st.subheader("Judges with clinicians")
    tables.show_table(tables.judge_rows(one))
    votes = one.panel_votes
    if votes.n_raters > 1:
        worth = f"undefined ({votes.reason})" if votes.value is None else f"{votes.value:.1f}"
        st.text(f"Effective votes of the {votes.n_raters} judges, as their errors go together: {worth}.")


def _show_differences(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    if judge is None:
        _say_no_judge()
        return
    pairs = pairs_of(state, one.task, one.dimension, judge.judge)
    subtitle = f"n = {len(pairs)} traces{_simulated(_is_simulated(state))}"
    left, right = st.columns(2, gap="large")
    with left:
        cell = _clicked(
            shift_heat_map(
                judge.shift,
                judge=judge.judge,
                title=f"Shift: {one.task}, {one.dimension}",
                subtitle=f"{subtitle}; framed: equal; click a cell for its cases",
            ),
            "shift",
        )
        if judge.margins.p_value is not None:
            st.text(
                f"Use of the scale against the clinicians' median, Stuart-Maxwell: p = {judge.margins.p_value:.2g}."
            )
        if cell:
            _list_cases(
                state, [pair for pair in pairs if cell_of(pair.clinicians_median, pair.judge) == cell]
            )
    with right:
        found = judge.differences
        cell = _clicked(
            bland_altman_chart(
                pairs,
                found,
                judge=judge.judge,
                title=f"Bland-Altman: {one.task}, {one.dimension}",
                subtitle=f"{subtitle}; area: traces at one place; click for its cases",
            ),
            "bland-altman",
        )
        st.text(f"Bias {tables.bias(found)} points.")
        if cell:
            _list_cases(
                state,
                [
                    pair
                    for pair in pairs
                    if cell_of((pair.judge + pair.clinicians_mean) / 2, pair.judge - pair.clinicians_mean)
                    == cell
                ],
            )


def _show_models(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    if judge is None:
        _say_no_judge()
        return
    pairs = pairs_of(state, one.task, one.dimension, judge.judge)
    if judge.per_model:
        _draw(
            forest(
                [
                    ForestMark.of(row.model, "judge with clinicians", row.differences)
                    for row in judge.per_model
                ],
                title=f"Bias of {judge.judge} by model: {one.task}, {one.dimension}",
                subtitle=f"judge less the clinicians' mean{_simulated(_is_simulated(state))}",
                x_title="points of the scale (95 % interval)",
                domain=(-1.0, 1.0),
            )
        )
    models = sorted({pair.model for pair in pairs})
    clicked: list[ScoredPair] = []
    for start in range(0, len(models), 3):
        for place, model in zip(st.columns(3), models[start : start + 3], strict=False):
            own = [pair for pair in pairs if pair.model == model]
            with place:
                cell = _clicked(
                    model_scatter(own, one.scale, model=model, judge=judge.judge), f"scatter {model}"
                )
            clicked += [pair for pair in own if cell and cell_of(pair.clinicians_mean, pair.judge) == cell]
    st.caption(
        "Area: traces at one place; dashed: equal scores. Click a disc for its cases. A model has too few traces for "
        "a coefficient: only its bias and shares are given."
    )
    if clicked:
        _list_cases(state, clicked)
    tables.show_table(tables.model_rows(judge))
    figures = judge.models
    said = [
        f"QW kappa with clinicians, all models together: {tables.coefficient(figures.pooled)}",
        f"within models: {tables.coefficient(figures.within)}",
    ]
    if figures.across_means is not None:
        said.append(f"correlation of the models' means: {figures.across_means:.2f}")
    ranking = judge.ranking
    if ranking.tau is not None:
        span = ranking.interval
        text = f"order of the models, tau-b: {ranking.tau:.2f}"
        said.append(text + ("" if span is None else f" [{span.low:.2f} to {span.high:.2f}]"))
    if ranking.order_probability is not None:
        said.append(f"two models in the same order {100 * ranking.order_probability:.0f} % of the time")
    tables.show_list(said)


def _show_corrected(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
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
    _draw(
        forest(
            marks,
            title=f"Mean score, raw and corrected by clinicians: {one.task}, {one.dimension}",
            subtitle=f"judge: {report.judge}; weighted to the frame{_simulated(report.simulated)}",
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


def _show_wrong_reasons(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    reasons = wrong_reasons_of(state, one.dimension, _for_calibration(judge))
    if not reasons:
        st.info("No trace has a score on this dimension.", icon=":material/info:")
        return
    _draw(
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
            subtitle=f"low reasoning among right answers{_simulated(_is_simulated(state))}",
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


def _show_claims(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
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


def _show_coverage(one: DimensionAgreement) -> None:
    st.subheader("Coverage: what became of the traces to be scored")
    tables.show_table(tables.coverage_rows(one))
    st.subheader("Repeatability: the same rater again")
    if one.repeatability:
        tables.show_table(tables.repeat_rows(one))
    else:
        st.caption("Nobody scored a trace twice: no hidden duplicates, and judges without repeats.")


def _draw(chart: LayerChart) -> None:
    st.altair_chart(chart, width="stretch")


def _clicked(chart: LayerChart, key: str) -> str | None:
    """Draw a chart whose marks can be clicked, and return the place that is."""
    address = [
        st.session_state.get(f"agreement {name}", "") for name in ("audit", "task", "dimension", "judge")
    ]
    event = cast(
        Any,
        st.altair_chart(
            chart,
            width="stretch",
            on_select="rerun",
            selection_mode=[CELL],
            key=f"{key} {' '.join(address)}",  # another figure begins without a click
        ),
    )
    found = event.selection.get(CELL) or []
    return str(found[0][CELL]) if found else None


def _list_cases(state: AuditState, pairs: Iterable[ScoredPair]) -> None:
    """Links to the cases behind a mark, with their scores."""
    pairs = list(pairs)
    drawn = query("audit_traces", audit_id=state.audit_id).select(
        ["trace_id", "run_id", "answer_id", "item_id"]
    )
    place = {row["trace_id"]: row for row in drawn.to_pylist()}
    shown = [pair for pair in pairs[:_MOST_LINKS] if pair.trace_id in place]
    lines = []
    for pair in shown:
        row = place[pair.trace_id]
        link = escape(case_url(row["run_id"], row["answer_id"]), quote=True)
        lines.append(
            f'<li><a href="{link}">{escape(str(row["item_id"]))}, {escape(pair.model)}</a>: judge {pair.judge:g}, '
            f"clinicians' mean {pair.clinicians_mean:.2f} of {pair.n_clinicians}</li>"
        )
    rest = f" (the first {len(shown)})" if len(shown) < len(pairs) else ""
    noun = "case" if len(pairs) == 1 else "cases"
    st.html(f"<b>{len(pairs)} {noun}{rest}</b><ul style='padding-left:1.2rem'>{''.join(lines)}</ul>")


def _say_no_judge() -> None:
    st.info(
        "No judge scored this task on this dimension: there is no one to compare.", icon=":material/info:"
    )


def _for_calibration(judge: JudgeAgreement | None) -> str | None:
    """One judge by name; None stands for the panel's median."""
    return None if judge is None or judge.judge == PANEL else judge.judge


def _is_simulated(state: AuditState) -> bool:
    return any(trace.simulated for trace in rows_of(state).traces)


def _simulated(simulated: bool) -> str:
    return "; SIMULATION" if simulated else ""
