"""Agreement: where a judge and the clinicians differ, over all traces and model by model, down to the cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import streamlit as st

from spinebench.dashboard import agreement_tables as tables
from spinebench.dashboard.agreement_charts import (
    CELL,
    bland_altman_chart,
    cell_of,
    model_scatter,
    shift_heat_map,
)
from spinebench.dashboard.audit_reports import AuditState, is_simulated, pairs_of
from spinebench.dashboard.case_links import case_url
from spinebench.dashboard.charts import clicked_marks, show_clickable
from spinebench.dashboard.forest_chart import ForestMark, LayerChart, draw, forest, simulated_mark
from spinebench.dashboard.workspace_data import query
from spinebench.evaluators.agreement.report import DimensionAgreement, JudgeAgreement
from spinebench.evaluators.agreement.scored_pairs import ScoredPair

_MOST_LINKS = 100
"""Cases that are listed below a chart at once."""
_SCATTERS = 6
"""Models whose traces are drawn at once: each has a chart of its own, which takes a browser a while."""


def show_differences(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    if judge is None:
        _say_no_judge()
        return
    pairs = pairs_of(state, one.task, one.dimension, judge.judge)
    subtitle = f"n = {len(pairs)} traces{simulated_mark(is_simulated(state))}"
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


def show_models(state: AuditState, one: DimensionAgreement, judge: JudgeAgreement | None) -> None:
    if judge is None:
        _say_no_judge()
        return
    pairs = pairs_of(state, one.task, one.dimension, judge.judge)
    if judge.per_model:
        draw(
            forest(
                [
                    ForestMark.of(row.model, "judge with clinicians", row.differences)
                    for row in judge.per_model
                ],
                title=f"Bias of {judge.judge} by model: {one.task}, {one.dimension}",
                subtitle=f"judge less the clinicians' mean{simulated_mark(is_simulated(state))}",
                x_title="points of the scale (95 % interval)",
                domain=(-1.0, 1.0),
            )
        )
    clicked = _scatters(pairs, one.scale, judge.judge, simulated_mark(is_simulated(state)))
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


def _scatters(pairs: Sequence[ScoredPair], scale: Sequence[float], judge: str, mark: str) -> list[ScoredPair]:
    """Draw the traces of each model, some models at once, and return those of the mark that was clicked."""
    models = sorted({pair.model for pair in pairs})
    n_pages = -(-len(models) // _SCATTERS)
    above = st.container()
    number = st.pagination(n_pages, key=f"models page of {n_pages}") if n_pages > 1 else 1
    shown = models[(number - 1) * _SCATTERS : number * _SCATTERS]
    clicked: list[ScoredPair] = []
    for start in range(0, len(shown), 3):
        for place, model in zip(above.columns(3), shown[start : start + 3], strict=False):
            own = [pair for pair in pairs if pair.model == model]
            with place:
                subtitle = f"n = {len(own)} traces{mark}"
                chart = model_scatter(own, scale, model=model, judge=judge, subtitle=subtitle)
                cell = _clicked(chart, f"scatter {model}")
            clicked += [pair for pair in own if cell and cell_of(pair.clinicians_mean, pair.judge) == cell]
    if n_pages > 1:
        first = (number - 1) * _SCATTERS + 1
        st.text(f"Models {first} to {first + len(shown) - 1} of {len(models)}")
    return clicked


def _clicked(chart: LayerChart, key: str) -> str | None:
    """Draw a chart whose marks can be clicked, and return the place that is."""
    address = [
        st.session_state.get(f"agreement {name}", "") for name in ("audit", "task", "dimension", "judge")
    ]
    key = f"{key} {' '.join(address)}"  # another figure begins without a click
    show_clickable(chart, CELL, key=key)
    found = clicked_marks(CELL, key=key)
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
