from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.exams import write_exam

if TYPE_CHECKING:
    from tests.exams import Said


def test_keys_are_present_or_not_and_never_shown(
    cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    for said in (cli("doctor"), cli("doctor", "--json")):
        assert said.code == 0
        assert "secret" not in said.out + said.err
    keys = {row["name"]: row["value"] for row in said.records if row["type"] == "key"}
    assert keys["OPENAI_API_KEY"] == "present"
    assert keys["ANTHROPIC_API_KEY"] == "not set"


def test_a_key_in_dot_env_is_found(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "")  # restored at the end of the test
    monkeypatch.delenv("GOOGLE_API_KEY")
    (tmp_path / ".env").write_text("GOOGLE_API_KEY=from-file\n")
    keys = {row["name"]: row["value"] for row in cli("doctor", "--json").records if row["type"] == "key"}
    assert keys["GOOGLE_API_KEY"] == "present"


def test_the_workspace_is_counted(cli: Callable[..., Said], tmp_path: Path) -> None:
    assert "none yet" in cli("doctor").out
    exam = write_exam(tmp_path / "bench", n=2)
    assert cli("run", "-b", exam.file, "-m", "baseline/random").code == 0
    said = cli("doctor")
    assert "1 run" in said.out
    assert "pydantic" in said.out
