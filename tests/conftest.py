"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer


@pytest.fixture
def provider_server() -> Iterator[ProviderServer]:
    """A loopback provider for the three wire formats, fresh for each test (`tests/servers/provider.py`)."""
    from tests.servers.provider import ProviderServer

    with ProviderServer() as server:
        yield server


@pytest.fixture(scope="session")
def tiny_llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny, randomly initialised LLaVA checkpoint (`tests/tiny_vlm.py`)."""
    from tests.tiny_vlm import build_tiny_llava

    return build_tiny_llava(tmp_path_factory.mktemp("checkpoints") / "tiny-llava")
