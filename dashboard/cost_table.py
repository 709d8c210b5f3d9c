"""What the answers of some runs cost and how long they took, model by model."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from spinebench.dashboard.workspace_data import rows
from spinebench.evaluators.invisible import written_out


def cost_table(run_ids: Sequence[str]) -> None:
    """One row per run, model and role (examinee, extractor); what nobody reported stays empty, never 0."""
    found = []
    for run_id in run_ids:
        timed = {one["model"]: one for one in rows("timing", run_id=run_id)}
        for used in rows("usage", run_id=run_id):
            time = timed.get(used["model"], {}) if used["role"] == "examinee" else {}
            found.append(
                {
                    "run": run_id,
                    "model": written_out(str(used["model"])),
                    "role": used["role"],
                    "replies": used["n"],
                    "reused": used["n_reused"],
                    "cost, USD": used["cost_usd"],
                    "priced": used["n_priced"],
                    "input tokens": used["input_tokens"],
                    "output tokens": used["output_tokens"],
                    "reasoning tokens": used["reasoning_tokens"],
                    "median, s": time.get("median_latency_s"),
                    "95th percentile, s": time.get("p95_latency_s"),
                    "timed": time.get("n_timed"),
                }
            )
    st.dataframe(
        found,
        hide_index=True,
        placeholder="–",
        width="stretch",
        column_config={
            "cost, USD": st.column_config.NumberColumn(
                format="%.4f", help="Empty where no price is known. Reused replies cost nothing again."
            ),
            "priced": st.column_config.NumberColumn(help="Replies whose price is known: the cost is theirs."),
            "reused": st.column_config.NumberColumn(help="Replies from the cache."),
            "median, s": st.column_config.NumberColumn(
                format="%.3f", help="Seconds of the successful attempt."
            ),
            "95th percentile, s": st.column_config.NumberColumn(format="%.3f"),
            "timed": st.column_config.NumberColumn(help="Answers behind the two times."),
        },
    )
