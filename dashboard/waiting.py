"""A page whose report is still being computed: it says so, and shows the report when it is there."""

from __future__ import annotations

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spinebench.dashboard.audit_reports import StillComputingError


def wait_for(report: StillComputingError, place: DeltaGenerator, words: str) -> None:
    """Say in `place` that a report is on its way, until it can be shown. A click ends this at the next word said."""
    while not report.is_done:
        place.info(words, icon=":material/hourglass_top:")
        time.sleep(0.2)
    st.rerun()
