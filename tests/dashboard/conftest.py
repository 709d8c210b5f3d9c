"""One small audited workspace, pages as scripts run them, and a browser before a server of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest

from tests.exams import ROOT, command

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from streamlit.testing.v1 import AppTest

    from spinebench.store import Workspace

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        command("dashboard", "--workspace", audited.path, "--port", str(port), "--no-browser"),
        cwd=audited.path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=_PATIENCE_S)


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright; skips the test where either is missing.

    For one test alone: while Playwright is at work its event loop runs in this thread, and no other can be begun.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright's Python package")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A new window of 1440 x 900."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(_PATIENCE_S * 1000 / 2)
    yield context.new_page()
    context.close()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not _answers(address):
        assert process.poll() is None, "the dashboard ended"
        assert time.monotonic() < deadline, "the dashboard did not come up"
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
            return True
    except (URLError, OSError):
        return False
