"""Budgets, token limits and full disks stop a run with exit code 5; what is finished is kept and not asked again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import yaml

from spinebench.store.workspace import Workspace
from tests.exams import MODEL, asking, finish, start, write_exam

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exams import Said
    from tests.servers.provider import ProviderServer


def test_a_token_limit_stops_the_run_and_a_higher_one_goes_on(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=12)
    said = cli(*asking(exam, provider_server), "--max-connections", 1, "--token-limit", 400, "--json")
    assert said.code == 5
    run = said.record("run")
    assert run["state"] == "incomplete"
    assert 0 < run["n_done"] < 12
    assert "token" in run["message"]
    assert said.record("result")["denominators"]["asked"] == run["n_done"], "what there is, is shown"
    assert said.last == f"go on with: spinebench resume {run['run_id']} --workspace spinebench-workspace"
    again = cli("resume", run["run_id"], "--token-limit", 100_000, "--json")
    assert again.code == 0, again.err
    assert set(exam.n_asked().values()) == {1}


def test_a_budget_in_dollars_needs_a_price_and_stops_when_it_is_spent(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    """A reply of 100 input and 20 output tokens at 10 and 50 USD per million costs 0.002 USD."""
    exam = write_exam(tmp_path / "bench", n=12)
    provider_server.answer = exam.answer
    plan = {
        "benchmark": "bench/test.json",
        "models": [{"name": MODEL, "args": {"base_url": provider_server.openai_url}}],
        "budget_usd": 0.01,
        "max_connections": 1,
        "max_tokens": 20,
        "prices": {MODEL: {"input": 10, "output": 50}},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    said = cli("run", tmp_path / "plan.yaml", "--json")
    assert said.code == 5, said.err
    run = said.record("run")
    assert 0 < run["n_done"] <= 5
    assert run["cost_usd"] == pytest.approx(0.002 * run["n_done"])
    assert "budget" in run["message"]
    again = cli("resume", "latest", "--budget-usd", 1, "--json")
    assert again.code == 0, again.err
    assert again.record("run")["cost_usd"] == pytest.approx(0.002 * (12 - run["n_done"]))
    assert set(exam.n_asked().values()) == {1}


def test_a_budget_without_a_price_is_refused_before_any_call(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")
    exam = write_exam(tmp_path / "bench", n=2)
    said = cli("run", "-b", exam.file, "-m", "openai/no-such-model-x", "--budget-usd", 1)
    assert said.code == 2
    assert "price" in said.err
    assert "--token-limit" in said.last


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_loses_nothing(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    """The kernel refuses files above 96 KB, as a disk that is full refuses all."""
    exam = write_exam(tmp_path / "bench", n=60)
    for question, options in exam.planted.items():
        exam.planted[question] = f"{'I see a vertebra. ' * 200}\nMy final option: [A]" if options else ""
    limited = f"import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({96 << 10}, {96 << 10})); "
    line = [sys.executable, "-c", limited + "runpy.run_module('spinebench', run_name='__main__')"]
    arguments = asking(exam, provider_server)
    said = finish(start(cwd=tmp_path, line=[*line, *arguments, "--max-connections", "2"]))
    assert said.code == 5, said.err
    assert "Traceback" not in said.err
    assert "journal" in said.err
    assert said.last.startswith("go on with: spinebench resume ")

    folder = Workspace("spinebench-workspace").runs()[0]
    n_kept = len(folder.done_keys())
    assert 0 < n_kept < 60
    again = cli(*said.last.removeprefix("go on with: spinebench ").split(), "--json")
    assert again.code == 0, again.err
    assert again.record("run")["n_done"] == 60
    asked_twice = [question for question, n in exam.n_asked().items() if n > 1]
    assert len(asked_twice) <= 3, "only what was in flight is asked again"
