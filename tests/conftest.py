"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.exams import Said
    from tests.servers.provider import ProviderServer

# The same examples every time, so that a change is judged by what it changes; `--hypothesis-profile default` looks
# for new ones. How long one takes is the machine's doing: pytest's own time limit is the only one.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def _provider_servers() -> Iterator[list[ProviderServer]]:
    """The server that tests share one after another; starting one takes longer than most of them."""
    servers: list[ProviderServer] = []
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def provider_server(_provider_servers: list[ProviderServer]) -> ProviderServer:
    """A loopback provider for the three wire formats, as new for each test (`tests/servers/provider.py`)."""
    from tests.servers.provider import ProviderServer

    if not _provider_servers or not _provider_servers[-1].running:
        _provider_servers.append(ProviderServer().start())
    _provider_servers[-1].reset()
    return _provider_servers[-1]


@pytest.fixture(scope="session")
def tiny_llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny, randomly initialised LLaVA checkpoint (`tests/tiny_vlm.py`)."""
    from tests.tiny_vlm import build_tiny_llava

    return build_tiny_llava(tmp_path_factory.mktemp("checkpoints") / "tiny-llava")


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Runs a command in this process, in `tmp_path`, without keys or settings from outside (`tests/exams.py`)."""
    from spinebench.cli.app import run_app
    from tests.exams import Said

    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SPINEBENCH_") or name.endswith("_API_KEY") or name == "NO_COLOR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args: str | Path) -> Said:
        capsys.readouterr()
        code = run_app([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Said(int(code), printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def tiny_llava_answering_b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny LLaVA checkpoint that answers `My final option: [B]` to everything."""
    from tests.tiny_vlm import build_answering_llava

    folder = tmp_path_factory.mktemp("checkpoints") / "answering-b"
    return build_answering_llava(folder, reply="My final option: [B]")


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright; skips the test where either is missing.

    For one test alone: while Playwright is at work its event loop runs in this thread, and no other can be begun.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright's Python package")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
