"""The script that Streamlit runs: navigation between the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from spinebench.dashboard import navigation

st.set_page_config(
    page_title="spinebench", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide"
)
# Streamlit leaves a sixth of the window empty above a page's title, and breaks narrow columns of a table within words.
st.html(
    "<style>[data-testid=stMainBlockContainer] { padding-top: 4rem; padding-bottom: 3rem; }"
    "[data-testid=stTable] th { white-space: nowrap; }"
    "[data-testid=stTable] td { word-break: normal; overflow-wrap: break-word; }</style>"
)
navigation.run()
