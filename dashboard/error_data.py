"""What the errors page shows, read for the chosen runs, personas and image conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import streamlit as st
from pydantic import TypeAdapter

from spinebench.dashboard.run_choice import RunChoice
from spinebench.dashboard.workspace_data import DataStamp, data_stamp, kept_of_data, query, rows, workspace
from spinebench.evaluators.answers import read_answers
from spinebench.evaluators.healthy import HealthyMisdiagnosis, healthy_misdiagnosis
from spinebench.evaluators.localization import LocalizationSummary, summarize_localization
from spinebench.evaluators.taxonomy import disease_label

NOT_ANSWERED = "(not answered)"
"""As the store's view `confusion` calls it."""
_HEALTHY = TypeAdapter(list[HealthyMisdiagnosis])
_LOCALIZATION: TypeAdapter[LocalizationSummary | None] = TypeAdapter(LocalizationSummary | None)


def outcome_counts(choice: RunChoice) -> Counter[tuple[str, str, str, str, str]]:
    """Answers by model, persona, image condition, task and outcome, all chosen runs together; in the order in which
    the plans name models, personas and conditions."""
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for row in _chosen_rows("outcomes", choice):
        key = (row["model"], row["persona"], row["image_condition"], row["task"], row["outcome"])
        counts[key] += row["n"]
    orders = [
        {name: place for place, name in enumerate(order)}
        for order in (choice.models, choice.personas, choice.conditions)
    ]

    def place(key: tuple[str, ...]) -> list[int]:
        return [order.get(name, len(order)) for order, name in zip(orders, key, strict=False)]

    return Counter({key: counts[key] for key in sorted(counts, key=place)})


def confusion_counts(choice: RunChoice, models: list[str]) -> Counter[tuple[str, str]]:
    """Diagnosis answers by (gold label, answered label) of some models, all chosen runs together."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in _chosen_rows("confusion", choice):
        if row["model"] in models:
            answered = row["answered"]
            label = answered if answered == NOT_ANSWERED else disease_label(answered)
            counts[disease_label(row["disease"]), label] += row["n"]
    return counts


def shift_counts(choice: RunChoice) -> Counter[tuple[str, int]]:
    """Localizations off by the same number of levels throughout, by model and that number (caudal positive)."""
    counts: Counter[tuple[str, int]] = Counter()
    for row in _chosen_rows("shifts", choice):
        counts[row["model"], row["shift"]] += row["n"]
    return counts


def healthy_rates(choice: RunChoice) -> list[HealthyMisdiagnosis]:
    """Healthy images answered with a disease, by model and by modality, region and source."""
    return _healthy(
        str(workspace().path), data_stamp(), choice.run_ids, [*choice.personas], [*choice.conditions]
    )


def localization_summary(choice: RunChoice, model: str) -> LocalizationSummary | None:
    """All figures of one model's localizations, its answers of all chosen runs together; None without any."""
    return _localization(
        str(workspace().path), data_stamp(), choice.run_ids, [*choice.personas], [*choice.conditions], model
    )


# Workspace and stamp are in the keys only: new data make new answers.
@st.cache_data(max_entries=20, show_spinner=False)
def _healthy(
    path: str, stamp: DataStamp | None, run_ids: list[str], personas: list[str], conditions: list[str]
) -> list[HealthyMisdiagnosis]:
    def compute() -> list[HealthyMisdiagnosis]:
        tables = [
            query("healthy", run_id=run_id, personas=personas, image_conditions=conditions)
            for run_id in run_ids
        ]
        return healthy_misdiagnosis(pa.concat_tables(tables), by=("modality", "region", "source"))

    return kept_of_data(path, stamp, _HEALTHY, "healthy", (run_ids, personas, conditions), compute)


@st.cache_data(max_entries=50, show_spinner="Reading localizations ...")
def _localization(
    path: str,
    stamp: DataStamp | None,
    run_ids: list[str],
    personas: list[str],
    conditions: list[str],
    model: str,
) -> LocalizationSummary | None:
    def compute() -> LocalizationSummary | None:
        tables = [
            query("localizations", run_id=run_id, model=model, personas=personas, image_conditions=conditions)
            for run_id in run_ids
        ]
        table = pa.concat_tables(tables)
        return summarize_localization(read_answers(table), distances=True) if table.num_rows else None

    asked = (run_ids, personas, conditions, model)
    return kept_of_data(path, stamp, _LOCALIZATION, "localization", asked, compute)


def _chosen_rows(name: str, choice: RunChoice) -> Iterator[dict[str, Any]]:
    for run_id in choice.run_ids:
        for row in rows(name, run_id=run_id):
            if row["persona"] in choice.personas and row["image_condition"] in choice.conditions:
                yield row
