"""The pages, and who sees which: researchers all of them, a signed-in rater the rating page alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st

PAGES = (
    ("overview", "Overview", ":material/leaderboard:"),
    ("errors", "Errors", ":material/troubleshoot:"),
    ("cases", "Cases", ":material/radiology:"),
    ("agreement", "Agreement", ":material/handshake:"),
    ("runs", "Runs", ":material/monitor_heart:"),
)
"""Module under `pages`, title, icon. The first is where one lands."""


def run() -> None:
    """Show the page that the address names."""
    pages = [
        st.Page(_show(name), title=title, icon=icon, url_path=name, default=name == PAGES[0][0])
        for name, title, icon in PAGES
    ]
    st.navigation(pages, position="top").run()


def _show(name: str) -> Callable[[], None]:
    """A page's module is loaded when it is opened."""

    def show() -> None:
        import_module(f"spinebench.dashboard.pages.{name}").show()

    return show
