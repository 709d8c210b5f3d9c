"""A run of twelve answers through the loopback provider, ready to be audited. Used through fixtures of the tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

OPENAI, ANTHROPIC = "openai/gpt-judge", "anthropic/claude-judge"


def judge_entries(server: ProviderServer) -> list[dict[str, Any]]:
    """Two judges of different protocols at the loopback provider."""
    return [
        {"name": OPENAI, "args": {"base_url": server.openai_url}},
        {"name": ANTHROPIC, "args": {"base_url": server.anthropic_url}},
    ]


def write_plan(path: Path, server: ProviderServer, **more: Any) -> Path:
    """A plan file: both judges, four traces per model and task, drawn one by one."""
    values = {"judges": judge_entries(server), "per_cell": 4, "mode": "specific", "seed": 5, **more}
    path.write_text(yaml.safe_dump({name: value for name, value in values.items() if value is not None}))
    return path
