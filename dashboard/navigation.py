"""The pages for researchers. Raters have a server of their own (`rater_server`), which has none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

import streamlit as st
from streamlit.navigation.page import StreamlitPage

PAGES = (
    ("overview", "Overview", ":material/leaderboard:"),
    ("errors", "Errors", ":material/troubleshoot:"),
    ("reports", "Reports", ":material/article:"),
    ("cases", "Cases", ":material/radiology:"),
    ("rate", "Rate", ":material/rate_review:"),
    ("agreement", "Agreement", ":material/handshake:"),
    ("runs", "Runs", ":material/monitor_heart:"),
)
"""Module under `pages`, title, icon. The first is where one lands."""
_NEXT = "page to go to"


def run() -> None:
    """Show the page that the address names, or go to the one that `leave_for` names."""
    shown = st.navigation([page(name) for name, _, _ in PAGES], position="top")
    if _NEXT in st.session_state:
        name, query = st.session_state.pop(_NEXT)
        st.switch_page(page(name), query_params=query)
    shown.run()


def leave_for(name: str, query: Mapping[str, Sequence[str]]) -> None:
    """For callbacks of widgets: go to one of `PAGES` in place of drawing this one again."""
    st.session_state[_NEXT] = (name, dict(query))


def page(name: str) -> StreamlitPage:
    """One of `PAGES` by its module's name, for links to it. Raises StopIteration for another name."""
    title, icon = next((title, icon) for known, title, icon in PAGES if known == name)
    return st.Page(_show(name), title=title, icon=icon, url_path=name, default=name == PAGES[0][0])


def _show(name: str) -> Callable[[], None]:
    """A page's module is loaded when it is opened."""

    def show() -> None:
        from spinebench.dashboard.workspace_data import stop_with_file_fault

        module = import_module(f"spinebench.dashboard.pages.{name}")
        try:
            module.show()
        except OSError as error:
            stop_with_file_fault(error)

    return show
