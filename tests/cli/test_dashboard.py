"""`spinebench dashboard`: what it refuses before it starts. What it shows is tested in tests/dashboard."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from spinebench.cli.app import run_app
from spinebench.store import Workspace


def test_a_workspace_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["dashboard", "--workspace", str(tmp_path / "typo"), "--no-browser"]) == 2
    err = capsys.readouterr().err
    assert "typo': expected a folder, but there is none" in err
    assert "spinebench demo" in err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("words", [("dashboard", "--no-browser"), ("rate", "serve")], ids=" ".join)
def test_a_port_that_is_taken_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    Workspace(tmp_path).create()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run_app([*words, "--workspace", str(tmp_path), "--port", str(port)]) == 2
    err = capsys.readouterr().err
    assert f"port {port} of '127.0.0.1': expected one that is free" in err
    assert "--port" in err
