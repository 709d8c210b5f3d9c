"""Fixtures of tests of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinebench.store import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")
