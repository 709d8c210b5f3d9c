"""Accuracies and comparisons of the chosen runs, computed from answers packed by question and kept until data change.

What another choice of runs, personas or conditions has in common with an earlier one is not computed again: the
packed answers are those of all runs on the benchmark, and figures are kept model by model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from pydantic import TypeAdapter

from spinebench.dashboard.run_choice import RunChoice, all_runs
from spinebench.dashboard.workspace_data import DataStamp, data_stamp, kept_of_data, workspace
from spinebench.evaluators.clustered import count_distinct
from spinebench.evaluators.question_table import STATUSES, QuestionTable
from spinebench.evaluators.results import AccuracySummary, accuracies
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    from spinebench.evaluators.comparison import Comparison

_ACCURACIES = TypeAdapter(list[AccuracySummary])


def model_accuracies(choice: RunChoice, run_ids: tuple[str, ...]) -> tuple[AccuracySummary, ...]:
    """One summary per model, persona, image condition and option-order family of these runs together.

    The runs are on one benchmark. In the order in which the plans name them; () where the database holds no graded
    answer of them.
    """
    runs_of = {
        model: tuple(run.run_id for run in choice.runs if run.run_id in run_ids and model in run.models)
        for model in choice.models
    }
    asked = (str(workspace().path), data_stamp(), _on_the_benchmark(run_ids))
    found: list[AccuracySummary] = []
    for together in dict.fromkeys(filter(None, runs_of.values())):
        models = tuple(model for model, runs in runs_of.items() if runs == together)
        for persona in choice.personas:
            for condition in choice.conditions:
                found += _accuracies(*asked, together, models, persona, condition)
    return tuple(
        sorted(
            found,
            key=lambda one: (
                choice.models.index(one.model),
                choice.personas.index(one.persona),
                choice.conditions.index(one.image_condition),
            ),
        )
    )


def model_comparison(choice: RunChoice, run_ids: tuple[str, ...]) -> Comparison | None:
    """All pairs of models of these runs on the questions they share, without a ranking; None with fewer than two
    models."""
    return _comparison(
        str(workspace().path),
        data_stamp(),
        _on_the_benchmark(run_ids),
        run_ids,
        tuple(choice.personas),
        tuple(choice.conditions),
    )


def _on_the_benchmark(run_ids: Sequence[str]) -> tuple[str, ...]:
    """All runs of the workspace on the benchmark of these runs, oldest first."""
    specs = all_runs()
    wanted = {spec.benchmark.items_hash for spec in specs if spec.run_id in run_ids}
    return tuple(spec.run_id for spec in specs if spec.benchmark.items_hash in wanted)


# Path and stamp are part of every key: a new state of the data is summed up anew.
@st.cache_data(max_entries=500, show_spinner=False)
def _accuracies(
    path: str,
    stamp: DataStamp | None,
    benchmark_runs: tuple[str, ...],
    run_ids: tuple[str, ...],
    models: tuple[str, ...],
    persona: str,
    condition: str,
) -> list[AccuracySummary]:
    def compute() -> list[AccuracySummary]:
        table = _questions(path, stamp, benchmark_runs)
        return accuracies(
            table.graded(run_ids=run_ids, models=models, personas=[persona], conditions=[condition])
        )

    asked = (_specs(path, benchmark_runs), run_ids, models, persona, condition)
    return kept_of_data(path, stamp, _ACCURACIES, "accuracies", asked, compute)


@st.cache_data(max_entries=50, show_spinner="Comparing the models ...")
def _comparison(
    path: str,
    stamp: DataStamp | None,
    benchmark_runs: tuple[str, ...],
    run_ids: tuple[str, ...],
    personas: tuple[str, ...],
    conditions: tuple[str, ...],
) -> Comparison | None:
    from spinebench.evaluators.comparison import Comparison, compare

    def compute() -> Comparison | None:
        table = _questions(path, stamp, benchmark_runs)
        graded = table.graded(run_ids=run_ids, models=table.models, personas=personas, conditions=conditions)
        if count_distinct(graded.text("model").codes) < 2:
            return None
        return compare(graded, n_resamples=0)

    kind: TypeAdapter[Comparison | None] = TypeAdapter(Comparison | None)
    asked = (_specs(path, benchmark_runs), run_ids, personas, conditions)
    return kept_of_data(path, stamp, kind, "comparison", asked, compute)


@st.cache_resource(max_entries=3, show_spinner=False)
def _questions(path: str, stamp: DataStamp | None, run_ids: tuple[str, ...]) -> QuestionTable:
    place = Workspace(Path(path))
    runs = [place.run(run_id).spec() for run_id in run_ids]
    models = list(dict.fromkeys(model for run in runs for model in run.models))
    table = place.query("questions", run_ids=list(run_ids), models=models, statuses=list(STATUSES))
    return QuestionTable.of(table, runs, models)


def _specs(path: str, run_ids: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Which state the descriptions of these runs are in: figures name what they say, beside the database."""
    found = [(run_id, (Workspace(Path(path)).runs_dir / run_id / "run.json").stat()) for run_id in run_ids]
    return [(run_id, stat.st_mtime_ns, stat.st_size) for run_id, stat in found]
