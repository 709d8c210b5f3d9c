"""The Python interface: one asynchronous implementation, thin wrappers that also work in a notebook."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import spinebench
from spinebench import Run, Workspace, arun, compare, load_benchmark, run
from spinebench.errors import DataError, ProviderError, StoppedError, UsageError
from spinebench.runs.plan import RunPlan, plan_of
from tests.exams import MODEL, Exam, write_exam

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer


@pytest.fixture
def exam(tmp_path: Path) -> Exam:
    return write_exam(tmp_path / "bench", n=8, right=[0, 2, 4, 1])


@pytest.fixture
def plan(exam: Exam, provider_server: ProviderServer) -> dict[str, Any]:
    provider_server.answer = exam.answer
    return {
        "benchmark": str(exam.file),
        "models": [{"name": MODEL, "args": {"base_url": provider_server.openai_url}}],
    }


def _check(one: Run) -> None:
    """Diagnosis 3 of 4, localization 1 of 4."""
    (result,) = one.results()
    assert result.diagnosis is not None
    assert result.localization is not None
    assert result.diagnosis.accuracy.of_asked.value == 0.75
    assert result.localization.accuracy.of_asked.value == 0.25
    assert result.overall.of_asked.value == 0.5
    assert one.graded().num_rows == 8
    assert one.spec.n_planned == 8
    assert one.status is not None
    assert one.status.state.value == "done"
    assert one.id in repr(one)


def test_run_takes_a_dict(plan: dict[str, Any], tmp_path: Path) -> None:
    _check(run(plan, workspace=tmp_path / "ws"))


def test_run_takes_a_plan(plan: dict[str, Any], tmp_path: Path) -> None:
    _check(run(RunPlan.model_validate(plan), workspace=tmp_path / "ws"))


def test_run_takes_a_plan_file(plan: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan))
    _check(run(file, workspace=str(tmp_path / "ws")))
    assert len(Workspace(tmp_path / "ws").runs()) == 1


async def test_arun_is_awaited(plan: dict[str, Any], tmp_path: Path) -> None:
    _check(await arun(plan, workspace=tmp_path / "ws"))


async def test_run_works_where_an_event_loop_is_running(plan: dict[str, Any], tmp_path: Path) -> None:
    """As in a notebook's cell."""
    _check(run(plan, workspace=tmp_path / "ws"))


async def test_an_error_inside_a_running_loop_reaches_the_caller(
    plan: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="nosuch"):
        run({**plan, "sample_ids": ["nosuch"]}, workspace=tmp_path / "ws")


async def test_interrupting_a_cell_stops_the_asking(
    plan: dict[str, Any], tmp_path: Path, provider_server: ProviderServer
) -> None:
    provider_server.delay_s = 0.3

    def interrupt() -> None:
        while provider_server.n_requests < 3:  # before the first question there is no run yet
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=interrupt, daemon=True)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        hand.start()
        with pytest.raises(KeyboardInterrupt):
            run({**plan, "max_connections": 1, "epochs": 9}, workspace=tmp_path / "ws")
    finally:
        hand.join()
        signal.signal(signal.SIGINT, previous)
    n_asked = provider_server.n_requests
    assert n_asked < 72
    await asyncio.sleep(1)
    assert provider_server.n_requests <= n_asked + 1
    (folder,) = Workspace(tmp_path / "ws").runs()
    assert not folder.is_live()


def test_runs_are_compared(plan: dict[str, Any], tmp_path: Path) -> None:
    one = run({**plan, "models": [*plan["models"], "baseline/always-healthy"]}, workspace=tmp_path / "ws")
    comparison = compare(one)
    scopes = {scope.scope: scope for scope in comparison.scopes}
    (pair,) = scopes["diagnosis"].pairs
    assert pair.n == 4
    other = run({**plan, "models": ["baseline/random"]}, workspace=tmp_path / "ws")
    models = {s.model for scope in compare([one, other]).scopes for s in scope.standings}
    assert models == {MODEL, "baseline/always-healthy", "baseline/random"}
    with pytest.raises(UsageError, match="nobody"):
        compare(one, models=["openai/nobody", MODEL])
    with pytest.raises(UsageError, match="at least one run"):
        compare([])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"models": ["openai/gpt-5"]}, ProviderError),
        ({"benchmark": "nowhere.json"}, DataError),
        ({"epoch": 3}, UsageError),
        ({"epochs": 0}, UsageError),
        ({"token_limit": 200, "max_connections": 1}, StoppedError),
    ],
    ids=lambda value: str(value),
)
def test_errors_are_of_the_documented_classes(
    plan: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    error: type[Exception],
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(error):
        run({**plan, **change}, workspace=tmp_path / "ws")


def test_an_unknown_key_is_told_with_the_nearest_one(plan: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="'epoch': expected a known key, did you mean 'epochs'"):
        plan_of({**plan, "epoch": 3})


def test_a_benchmark_is_loaded(exam: Exam) -> None:
    benchmark = load_benchmark(exam.file)
    assert len(benchmark.items) == 8
    assert benchmark.info.n_by_task == {"diagnosis": 4, "localization": 4}


def test_the_package_offers_these_names() -> None:
    for name in spinebench.__all__:
        assert getattr(spinebench, name) is not None
    with pytest.raises(AttributeError, match="nosuch"):
        spinebench.nosuch  # noqa: B018
