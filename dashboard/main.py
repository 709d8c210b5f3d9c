"""The script that Streamlit runs: navigation between the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from spinebench.dashboard import navigation

st.set_page_config(
    page_title="spinebench", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide"
)
navigation.run()
