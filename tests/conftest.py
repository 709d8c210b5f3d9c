"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
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
