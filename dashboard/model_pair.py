"""Two models on the questions that both were asked: difference, test, and the questions that only one got right."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from spinebench.dashboard.case_links import case_url
from spinebench.dashboard.run_choice import RunChoice, counted_together
from spinebench.dashboard.summaries import model_comparison
from spinebench.dashboard.workspace_data import rows
from spinebench.evaluators.comparison import Comparison, PairComparison
from spinebench.evaluators.invisible import written_out

_PAGE = 25
"""Questions on one page of the list."""


@st.fragment
def show_pair(choice: RunChoice, run_ids: tuple[str, ...], *, key: str) -> None:
    """Let two models be chosen (`first` and `second` in the address) and show how they differ.

    A choice made here draws this part of the page alone anew.
    """
    comparison = model_comparison(choice, run_ids)
    if comparison is None:
        st.info("The chosen runs hold answers of one model only: there is nothing to compare it with.")
        return
    models = [model for model in choice.models if model in comparison.models]
    left, right = st.columns(2)
    with left:
        first = _pick("First model", "first", models, models[0], key)
    others = [model for model in models if model != first]
    with right:
        second = _pick("Second model", "second", others, others[0], key)
    pairs: dict[str, tuple[PairComparison, bool]] = {
        scope.scope: _oriented(scope.pairs, first, second) for scope in comparison.scopes
    }
    _show_figures(choice, comparison, pairs, first, second)
    _show_discordant(choice, run_ids, [*pairs], first, second, key)


def _pick(label: str, name: str, options: Sequence[str], default: str, key: str) -> str:
    """A choice of one whose memory is the address."""
    widget = f"{name} of {key}"
    asked = st.query_params.get(name)
    st.session_state[widget] = asked if asked in options else default

    def remember() -> None:
        st.query_params[name] = st.session_state[widget]

    return str(st.selectbox(label, options, key=widget, format_func=written_out, on_change=remember))


def _oriented(pairs: Sequence[PairComparison], first: str, second: str) -> tuple[PairComparison, bool]:
    """The pair, and whether it was computed the other way round."""
    found = next(pair for pair in pairs if {pair.first, pair.second} == {first, second})
    return found, found.first != first


def _show_figures(
    choice: RunChoice,
    comparison: Comparison,
    pairs: dict[str, tuple[PairComparison, bool]],
    first: str,
    second: str,
) -> None:
    shown = []
    for scope, (pair, turned) in pairs.items():
        sign = -1 if turned else 1
        bounds = pair.difference.interval
        ends = () if bounds is None else sorted((sign * 100 * bounds.low, sign * 100 * bounds.high))
        accuracies = (pair.first_accuracy, pair.second_accuracy)
        of_first, of_second = reversed(accuracies) if turned else accuracies
        table = pair.table
        only = (None, None) if table is None else (table.only_first, table.only_second)
        only_first, only_second = reversed(only) if turned else only
        shown.append(
            {
                "task": scope,
                "questions": pair.n,
                "clusters": pair.n_clusters,
                "first, %": None if of_first is None else 100 * of_first,
                "second, %": None if of_second is None else 100 * of_second,
                "difference, points": None
                if pair.difference.value is None
                else sign * 100 * pair.difference.value,
                "95 % interval": f"{ends[0]:.1f} to {ends[1]:.1f}" if ends else "",
                "only first right": only_first,
                "only second right": only_second,
                "test": pair.test,
                "p": None if pair.p_value is None else f"{pair.p_value:.3g}",
                f"p ({comparison.adjustment})": None if pair.p_adjusted is None else f"{pair.p_adjusted:.3g}",
                "without a partner": pair.only_first_asked + pair.only_second_asked,
            }
        )
    figures = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        width="stretch",
        column_config={"first, %": figures, "second, %": figures, "difference, points": figures},
    )
    n_pairs = len(comparison.models) * (len(comparison.models) - 1) // 2
    st.caption(
        "Paired on the questions asked of both; unanswered counts as wrong. The last p is adjusted for all "
        f"pairs of the {len(comparison.models)} models in the chosen runs ({n_pairs}), within a task."
        + counted_together(choice)
    )
    for text in dict.fromkeys(
        [*comparison.warnings, *(text for scope in comparison.scopes for text in scope.warnings)]
    ):
        st.text(f"Note: {text}.")


def _show_discordant(
    choice: RunChoice, run_ids: tuple[str, ...], scopes: Sequence[str], first: str, second: str, key: str
) -> None:
    """The questions on which they part, page by page, each with both cases."""
    st.text(f"Questions that only one of {written_out(first)} and {written_out(second)} got right")
    tasks = [scope for scope in scopes if scope != "overall"]
    left, right = st.columns(2)
    with left:
        task = st.selectbox("Task", ["all", *tasks], key=f"discordant task {key}")
    with right:
        only = st.selectbox(
            "Right",
            ["either", first, second],
            key=f"discordant only {key} {first} {second}",
            format_func=written_out,
        )
    asked = {
        "run_ids": run_ids,
        "first": first,
        "second": second,
        "personas": choice.personas,
        "conditions": choice.conditions,
        "task": None if task == "all" else task,
        "only": None if only == "either" else only,
    }
    number = f"discordant page {key} {first} {second} {task} {only}"
    page = int(st.session_state.get(number, 1))
    found = rows("discordant", **asked, size=_PAGE, skip=_PAGE * (page - 1))
    if not found and page > 1:  # there are fewer than there were
        page = st.session_state[number] = 1
        found = rows("discordant", **asked, size=_PAGE)
    if not found:
        st.text("There is none.")
        return
    n = int(str(found[0]["n_discordant"]))
    n_pages = -(-n // _PAGE)
    if n_pages > 1:
        st.number_input(f"Page of {n_pages:,}", 1, n_pages, key=number)
    st.dataframe(
        [
            {
                "item": written_out(str(one["item_id"])),
                "task": one["task"],
                "disease": None if one["disease"] is None else written_out(str(one["disease"])),
                "persona": written_out(str(one["persona"])),
                "images": one["image_condition"],
                "right": written_out(str(one["only"])),
                "first": one["first_outcome"],
                "second": one["second_outcome"],
                "case of first": case_url(str(one["first_run_id"]), str(one["first_answer_id"])),
                "case of second": case_url(str(one["second_run_id"]), str(one["second_answer_id"])),
            }
            for one in found
        ],
        hide_index=True,
        placeholder="–",
        width="stretch",
        column_config={
            "case of first": st.column_config.LinkColumn(display_text="open"),
            "case of second": st.column_config.LinkColumn(display_text="open"),
        },
    )
    st.caption(f"{_PAGE * (page - 1) + 1} to {_PAGE * (page - 1) + len(found)} of {n:,} questions.")
