"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer


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
