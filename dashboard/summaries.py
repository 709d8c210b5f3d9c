"""Summaries and comparisons of the chosen runs, computed on columns and kept until the data change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from spinebench.dashboard.run_choice import RunChoice
from spinebench.dashboard.workspace_data import DataStamp, data_stamp, workspace
from spinebench.evaluators.results import ModelSummary, summarize
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    from spinebench.evaluators.comparison import Comparison


def model_summaries(choice: RunChoice, run_ids: tuple[str, ...]) -> tuple[ModelSummary, ...]:
    """One summary per model, persona, image condition and option-order family of these runs together.

    In the order in which the plans name them; () where the database holds no graded answer of them.
    """
    found = _summaries(
        str(workspace().path), data_stamp(), run_ids, tuple(choice.personas), tuple(choice.conditions)
    )
    models = choice.models
    return tuple(
        sorted(
            found,
            key=lambda one: (
                models.index(one.model),
                choice.personas.index(one.persona),
                choice.conditions.index(one.image_condition),
            ),
        )
    )


def model_comparison(choice: RunChoice, run_ids: tuple[str, ...]) -> Comparison | None:
    """All pairs of models of these runs on the questions they share; None with fewer than two models."""
    return _comparison(
        str(workspace().path), data_stamp(), run_ids, tuple(choice.personas), tuple(choice.conditions)
    )


@st.cache_data(max_entries=50, show_spinner="Summing up the answers ...")
def _summaries(
    path: str,
    stamp: DataStamp | None,
    run_ids: tuple[str, ...],
    personas: tuple[str, ...],
    conditions: tuple[str, ...],
) -> list[ModelSummary]:
    # The path and the stamp are part of the key: a new state of the data is summed up anew.
    return summarize(_graded(path, run_ids, personas, conditions))


@st.cache_data(max_entries=50, show_spinner="Comparing the models ...")
def _comparison(
    path: str,
    stamp: DataStamp | None,
    run_ids: tuple[str, ...],
    personas: tuple[str, ...],
    conditions: tuple[str, ...],
) -> Comparison | None:
    from spinebench.evaluators.comparison import compare

    table = _graded(path, run_ids, personas, conditions)
    if len(table.column("model").unique()) < 2:
        return None
    return compare(table)


def _graded(
    path: str, run_ids: tuple[str, ...], personas: tuple[str, ...], conditions: tuple[str, ...]
) -> pa.Table:
    """The graded answers run by run, so that of a question asked in several runs the last run's counts."""
    place = Workspace(Path(path))
    return pa.concat_tables(
        [
            place.query("graded_columns", run_id=run_id, personas=personas, conditions=conditions)
            for run_id in run_ids
        ]
    )
