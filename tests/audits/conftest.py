"""Fixtures of the audit tests: an exam that was sat, judges behind the loopback provider, a plan of an audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.audits.audited import write_plan
from tests.exams import asking, write_exam
from tests.servers.judge import JudgeAnswers

if TYPE_CHECKING:
    from tests.exams import Exam, Said
    from tests.servers.provider import ProviderServer


@pytest.fixture
def judge_keys(cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of no worth, set after `cli` has cleared the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-no-worth")


@pytest.fixture
def exam(cli: Callable[..., Said], judge_keys: None, provider_server: ProviderServer, tmp_path: Path) -> Exam:
    """Twelve answered questions, a third of them right."""
    exam = write_exam(tmp_path / "bench", n=12, right=range(0, 12, 3))
    said = cli(*asking(exam, provider_server))
    assert said.code == 0, said.err
    provider_server.clear()
    return exam


@pytest.fixture
def judges(exam: Exam, provider_server: ProviderServer) -> JudgeAnswers:
    """Two judges two levels apart."""
    answers = JudgeAnswers(exam.answer, scores={"gpt-judge": 4, "claude-judge": 2})
    provider_server.answer = answers.answer
    return answers


@pytest.fixture
def other_server() -> Iterator[ProviderServer]:
    """A second provider, which can be down while the first one works."""
    from tests.servers.provider import ProviderServer

    with ProviderServer() as server:
        yield server


@pytest.fixture
def plan(tmp_path: Path, provider_server: ProviderServer) -> Path:
    return write_plan(tmp_path / "audit.yaml", provider_server)
