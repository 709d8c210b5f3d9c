"""The script that Streamlit runs: navigation between the pages."""

from __future__ import annotations

import streamlit as st

from spinebench.dashboard import navigation

st.set_page_config(page_title="spinebench", page_icon=":material/radiology:", layout="wide")
navigation.run()
