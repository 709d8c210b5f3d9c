"""One small audited workspace, pages as scripts run them, and a browser before a server of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from streamlit.testing.v1 import AppTest

    from spinebench.store import Workspace

_PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three simulated models on 30 diagnosis questions, judged and rated, all of it in the database.

    Shared by all tests of the dashboard: it is only read. A test that writes copies `audited.path` first.
    """
    from spinebench.store.ingest import ingest
    from tests.simulated_audits import judged, rate

    folder = tmp_path_factory.mktemp("dashboard")
    workspace, audit = judged(folder)
    rate(workspace, audit, folder)
    ingest(workspace)
    return workspace


@pytest.fixture(autouse=True)
def _the_main_module_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest puts its script in the place of `__main__`, which processes started later would run again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a page (`overview`, `runs`, ...) on a workspace, with filters as in the address."""
    from streamlit.testing.v1 import AppTest

    def open_page(workspace: Path, name: str, **filters: str) -> AppTest:
        monkeypatch.setenv("SPINEBENCH_DASHBOARD_WORKSPACE", str(workspace))
        # A script of one page: AppTest's own `switch_page` knows pages of files only.
        script = f"from importlib import import_module\nimport_module('spinebench.dashboard.pages.{name}').show()\n"
        app = AppTest.from_string(script, default_timeout=_PATIENCE_S)
        for key, value in filters.items():
            app.query_params[key] = value
        return app.run()

    return open_page


@pytest.fixture(scope="session")
def dashboard(audited: Workspace) -> Iterator[str]:
    """The address of `spinebench dashboard` on the audited workspace, started as a user starts it."""
    from tests.dashboard.serving import serving

    with serving(audited) as address:
        yield address


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A new window of 1440 x 900."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(_PATIENCE_S * 1000 / 2)
    yield context.new_page()
    context.close()
