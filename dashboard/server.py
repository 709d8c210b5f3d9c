"""The dashboard as an ASGI application: Streamlit's pages, and a route that serves images byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

from streamlit import App
from streamlit.runtime.pages_manager import PagesManager

from spinebench.dashboard.image_route import image_routes
from spinebench.dashboard.workspace_data import WORKSPACE_VARIABLE
from spinebench.store.workspace import Workspace

MAIN = Path(__file__).with_name("main.py")


def create_app(workspace: Path) -> App:
    """The application over one workspace. One per process: Streamlit pins its script."""
    os.environ[WORKSPACE_VARIABLE] = str(workspace)
    # The folder `pages` beside the script would be taken for scripts: an address of a page, opened before any other,
    # stayed blank.
    PagesManager.uses_pages_directory = False
    return App(MAIN, routes=image_routes(Workspace(workspace)))
