"""Free text on the overview: how many reports and consultations were asked for, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from spinebench.dashboard.case_links import cases_url
from spinebench.evaluators.results import AccuracySummary


def free_text_table(
    summaries: Sequence[AccuracySummary], labels: Sequence[str], run_ids: Sequence[str]
) -> None:
    """A row per model and task of free text, each with the way to its cases; draws nothing where none was asked."""
    rows = [
        {
            "model": label,
            "task": written.task.value,
            "asked": written.n_asked,
            "complete": written.n_complete,
            "incomplete": written.n_incomplete,
            "not answered": written.n_not_answered,
            "cases": cases_url(
                run=run_ids,
                model=one.model,
                persona=one.persona,
                condition=one.image_condition,
                task=written.task.value,
            ),
        }
        for one, label in zip(summaries, labels, strict=True)
        for written in one.written
    ]
    if not rows:
        return
    st.subheader("Free text")
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        column_config={"cases": st.column_config.LinkColumn(display_text="open cases")},
    )
    st.caption(
        "Complete: every section asked for has a text, or every turn a reply. What it is worth is for judges and "
        "clinicians to say: see the page Reports."
    )
