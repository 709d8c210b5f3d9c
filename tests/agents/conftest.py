"""Fixtures of tests of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.agents.audit_cases import OneImage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def images(tmp_path: Path) -> OneImage:
    """The one image of the audited trace."""
    return OneImage(tmp_path / "a.png")
