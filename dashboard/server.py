"""The dashboard as an ASGI application: Streamlit's pages, and routes for images byte for byte and cases as files."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from streamlit import App, config
from streamlit.runtime.pages_manager import PagesManager

from spinebench.dashboard.export_route import export_routes
from spinebench.dashboard.head_route import PageHeads, head_routes
from spinebench.dashboard.image_route import image_routes
from spinebench.dashboard.navigation import PAGES
from spinebench.dashboard.workspace_data import WORKSPACE_VARIABLE
from spinebench.store.workspace import Workspace

MAIN = Path(__file__).with_name("main.py")
_SETTINGS = {
    "browser.gatherUsageStats": False,  # nothing is told to anyone
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "server.fileWatcherType": "none",
    "server.headless": True,
    "global.developmentMode": False,
    # Streamlit's own red makes what is done look like a fault. Named per scheme: a colour of both is a theme of one.
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#56B4E9",
}
"""Streamlit reads its environment variables in its own command alone; an application sets them itself."""


def create_app(workspace: Path, *, hosts: Sequence[str] | None = None) -> App:
    """The application over one workspace. One per process: Streamlit pins its script.

    `hosts`: the names under which browsers may ask for it; None: any. Streamlit lets in whoever comes from the page of
    the name that they ask for, so that a web page whose name is made to lead to this machine would read everything.
    """
    os.environ[WORKSPACE_VARIABLE] = str(workspace)
    for name, value in _SETTINGS.items():
        config.set_option(name, value)
    # The folder `pages` beside the script would be taken for scripts: an address of a page, opened before any other,
    # stayed blank.
    PagesManager.uses_pages_directory = False
    first = Route(f"/{PAGES[0][0]}", _to_the_first_page, methods=["GET", "HEAD"])
    place = Workspace(workspace)
    known = [] if hosts is None else [Middleware(TrustedHostMiddleware, list(hosts), www_redirect=False)]
    return App(
        MAIN,
        routes=[*image_routes(place), *export_routes(place), *head_routes(), first],
        lifespan=_warming,
        middleware=[*known, Middleware(PageHeads)],
    )


@asynccontextmanager
async def _warming(app: App) -> AsyncIterator[None]:
    from spinebench.dashboard.warming import kept_ready

    with kept_ready():
        yield


def _to_the_first_page(request: Request) -> RedirectResponse:
    """Streamlit knows its first page by `/` alone and says of the page's own name that there is no such page.

    The address is relative, so that it holds behind a proxy that gives the dashboard a folder of its own.
    """
    return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")
