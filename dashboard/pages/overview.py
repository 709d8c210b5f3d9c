"""The page Overview: how often the models are right, task by task, what it cost, and two models side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from spinebench.dashboard.accuracy_table import accuracy_charts, accuracy_table, row_labels
from spinebench.dashboard.address import Address
from spinebench.dashboard.caveats import mark_runs, run_caveats
from spinebench.dashboard.cost_table import cost_table
from spinebench.dashboard.error_data import outcome_counts
from spinebench.dashboard.free_text_table import free_text_table
from spinebench.dashboard.headlines import answers_headline, show_headline
from spinebench.dashboard.model_pair import show_pair
from spinebench.dashboard.page_heads import PageHead, head_of_runs
from spinebench.dashboard.run_choice import RunChoice, chosen
from spinebench.dashboard.summaries import model_accuracies
from spinebench.dashboard.workspace_data import data_stamp, say_when, stop_with, when_said
from spinebench.errors import SpinebenchError
from spinebench.evaluators.invisible import written_out
from spinebench.records import RunSpec


def head(address: Address) -> PageHead | None:
    """What a new window shows first at this address; None where that is not known at once."""
    return head_of_runs(
        "Overview",
        address,
        # Of several benchmarks, the page has a line of figures each.
        lambda choice: answers_headline(outcome_counts(choice)) if len(_by_benchmark(choice)) == 1 else [],
        said=lambda choice: (
            when_said(data_stamp()),
            *run_caveats(choice.runs),
            _benchmark_said(choice.runs),
        ),
    )


def show() -> None:
    """Draw the page."""
    st.title("Overview")
    choice = chosen()
    say_when(data_stamp())
    mark_runs(choice.runs)
    try:
        for runs in _by_benchmark(choice):
            _show_benchmark(choice, runs)
    except SpinebenchError as error:
        stop_with(error)


def _show_benchmark(choice: RunChoice, runs: Sequence[RunSpec]) -> None:
    """All that is said about the runs on one benchmark: figures of different questions are never pooled."""
    benchmark = runs[0].benchmark
    run_ids = tuple(run.run_id for run in runs)
    st.text(_benchmark_said(runs))
    show_headline(
        answers_headline(outcome_counts(RunChoice(tuple(runs), choice.personas, choice.conditions)))
    )
    with st.spinner("Summing up the answers ..."):
        summaries = model_accuracies(choice, run_ids)
    if not summaries:
        st.info(
            "No graded answer of these runs is in the database yet. Answers get there when a run stops; the page "
            "Runs shows how far it is, and loads what there is.",
            icon=":material/hourglass_empty:",
        )
        return
    labels = row_labels(summaries)
    graded = any(one.diagnosis or one.localization or one.knowledge for one in summaries)
    if graded:
        accuracy_charts(summaries, labels, run_ids)
        accuracy_table(summaries, labels, run_ids)
    free_text_table(summaries, labels, run_ids)
    st.subheader("Cost and time")
    cost_table(run_ids)
    if graded:  # free text is neither right nor wrong
        st.subheader("Compare two models")
        show_pair(choice, run_ids, key=benchmark.items_hash)


def _by_benchmark(choice: RunChoice) -> list[list[RunSpec]]:
    found: dict[str, list[RunSpec]] = {}
    for run in choice.runs:
        found.setdefault(run.benchmark.items_hash, []).append(run)
    return list(found.values())


def _benchmark_said(runs: Sequence[RunSpec]) -> str:
    benchmark = runs[0].benchmark
    drawn = ", drawn phantoms (SIMULATED)" if benchmark.simulated else ""
    return (
        f"Benchmark {written_out(benchmark.name)}{drawn}: {benchmark.n_items} items in {benchmark.n_clusters} "
        f"clusters; {len(runs)} {'run' if len(runs) == 1 else 'runs'}, items hash {benchmark.items_hash[:12]}"
    )
