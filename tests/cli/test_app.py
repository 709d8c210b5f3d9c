"""The frame of all commands: help, version, exit codes, pipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.cli.app import COMMANDS
from tests.exams import ROOT, finish, start, write_exam

if TYPE_CHECKING:
    from tests.exams import Said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli: Callable[..., Said], name: str) -> None:
    said = cli(name, "--help")
    assert said.code == 0
    assert "Usage" in said.out
    assert said.err == ""


def test_help_lists_every_command(cli: Callable[..., Said]) -> None:
    said = cli("--help")
    assert said.code == 0
    for name in COMMANDS:
        assert f"  {name} " in said.out


def test_the_version_is_printed(cli: Callable[..., Said]) -> None:
    assert cli("--version").out.startswith("spinebench 0.")


@pytest.mark.parametrize(
    "arguments", [["runn"], ["run", "--nosuch"], ["resume"], ["run", "a", "b"], ["run", "--epochs", "x"]]
)
def test_a_wrong_call_ends_with_2_and_says_what_to_do(cli: Callable[..., Said], arguments: list[str]) -> None:
    said = cli(*arguments)
    assert said.code == 2
    assert said.last == "Call the command with --help to see what it takes."
    assert said.out == ""


@pytest.mark.parametrize("form", ["--json", ""])
def test_a_closed_pipe_is_no_error(tmp_path: Path, form: str) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    line = f"{sys.executable} -m spinebench run -b {exam.file} -m baseline/random {form} | true"
    said = finish(start(cwd=tmp_path, line=["bash", "-o", "pipefail", "-c", line]))
    assert said.code == 0, said.err
    assert "Traceback" not in said.err
    assert "BrokenPipe" not in said.err


def test_a_terminal_that_knows_only_ascii_does_not_end_a_run(tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    said = finish(
        start(
            "run", "-b", exam.file, "-m", "baseline/random", cwd=tmp_path,
            env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        )
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "baseline/random" in said.out


def test_the_module_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spinebench", "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0
    assert done.stdout.startswith("spinebench ")


def test_a_dot_env_that_is_no_text_is_named(cli: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff\xfe\n")
    said = cli("doctor")
    assert said.code == 2
    assert ".env" in said.err
    assert "Traceback" not in said.err
