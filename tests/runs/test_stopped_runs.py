"""Runs that are killed, interrupted or looked at while they work: nothing finished is lost or paid for twice."""

from __future__ import annotations

import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.store.workspace import Workspace
from tests.exams import Said, asking, finish, start, wait_until, write_exam

if TYPE_CHECKING:
    from spinebench.store.run_folder import RunFolder
    from tests.exams import Exam
    from tests.servers.provider import ProviderServer

WORKSPACE = "my workspace"


@contextmanager
def running(*args: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command at work, killed at the end if it still is."""
    process = start(*args, "--workspace", WORKSPACE, cwd=cwd)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


TORN = b'{"answer":{"key":{"item_id":"diagn'


def _tables(said: Said) -> list[dict[str, Any]]:
    """The results without the id of their run."""
    return [
        {name: value for name, value in record.items() if name != "runs"}
        for record in said.records
        if record["type"] == "result"
    ]


def _journalled(folder: RunFolder, exam: Exam) -> dict[str, str]:
    """Question -> the journal line of its answer, of all whole lines."""
    questions = {item.id: item.question for item in folder.items()}
    return {
        questions[entry.answer.key.item_id]: entry.answer.model_dump_json()
        for entry in folder.journal.read()
        if entry.answer is not None
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_and_resumed(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    exam = write_exam(tmp_path / "bench", n=40, right=range(0, 40, 3))
    provider_server.delay_s = 0.1
    arguments = [*asking(exam, provider_server), "--max-connections", "4", "--epochs", "1"]

    kept: dict[str, str] = {}
    for turn in range(2):
        before = provider_server.n_requests
        exam.asked.clear()
        args = arguments if turn == 0 else ["resume", "latest", "--display", "none"]
        target = before + draw.randrange(3, 14)
        with running(*args, cwd=tmp_path) as process:
            wait_until(lambda target=target: provider_server.n_requests >= target)  # type: ignore[misc]
            time.sleep(draw.uniform(0, 0.25))
            os.kill(process.pid, signal.SIGKILL)
            assert finish(process).code == -signal.SIGKILL
        wait_until(lambda: provider_server.in_flight == 0)
        folder = Workspace(tmp_path / WORKSPACE).runs()[0]
        assert not set(exam.asked) & set(kept), "a finished answer is never asked again"
        now = _journalled(folder, exam)
        assert kept.items() <= now.items(), "a finished answer is never lost or changed"
        kept = now
        assert folder.status() is not None
        with folder.journal.path.open("ab") as file:  # what a power loss in the middle of a write leaves
            file.write(TORN)

    exam.asked.clear()
    said = cli("resume", "latest", "--workspace", WORKSPACE, "--json", "--display", "none")
    assert said.code == 0, said.err
    assert said.record("run")["n_done"] == 40
    assert not set(exam.asked) & set(kept)
    assert len(exam.asked) + len(kept) >= 40 - 4, "all but replies in flight that were kept in the cache"
    assert kept.items() <= _journalled(folder, exam).items()
    # One file or two: the second sitting may have been killed before it opened the journal.
    aside = b"".join(path.read_bytes() for path in folder.path.glob("journal.torn-*"))
    assert aside.count(TORN) == 2, "torn lines are kept aside"
    assert provider_server.n_requests <= 40 + 2 * 4, "only what was in flight was asked twice"

    provider_server.delay_s = 0
    undisturbed = cli(*arguments, "--workspace", "other", "--json")
    assert undisturbed.code == 0
    assert _tables(said) == _tables(undisturbed)


@pytest.mark.slow
def test_control_c_drains_and_the_last_line_finishes_the_run(
    provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=24)
    provider_server.delay_s = 0.4
    arguments = [*asking(exam, provider_server), "--max-connections", "4"]
    with running(*arguments, cwd=tmp_path) as process:
        wait_until(lambda: provider_server.n_requests >= 6)
        process.send_signal(signal.SIGINT)
        said = finish(process)
    assert said.code == 130, said.err
    assert "waiting for the calls in flight" in said.err
    folder = Workspace(tmp_path / WORKSPACE).runs()[0]
    assert len(folder.done_keys()) == provider_server.n_requests < 24, "all calls in flight were waited for"
    status = folder.status()
    assert status is not None
    assert (status.state.value, status.n_done) == ("incomplete", len(folder.done_keys()))
    assert f"{status.n_done}/24 answers" in said.out, "what there is, is shown"

    words = said.last.removeprefix("go on with: ")
    assert shlex.split(words) == ["spinebench", "resume", folder.run_id, "--workspace", WORKSPACE]
    provider_server.delay_s = 0
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    again = finish(start(cwd=tmp_path, line=["bash", "-c", words], env={"PATH": path}))
    assert again.code == 0, again.err
    assert set(exam.n_asked().values()) == {1}


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        pytest.param([signal.SIGINT, signal.SIGINT], 130, id="Ctrl-C twice"),
        pytest.param([signal.SIGTERM], 143, id="SIGTERM"),
    ],
)
def test_an_abort_does_not_wait_for_calls_that_hang(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    signals: list[signal.Signals],
    code: int,
) -> None:
    exam = write_exam(tmp_path / "bench", n=12)
    provider_server.fault("hang", after=5)
    with running(*asking(exam, provider_server), "--max-connections", "2", cwd=tmp_path) as process:
        wait_until(lambda: provider_server.n_requests >= 7)
        for number in signals:
            process.send_signal(number)
            time.sleep(0.3)
        said = finish(process, timeout_s=30)
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    folder = Workspace(tmp_path / WORKSPACE).runs()[0]
    status = folder.status()
    assert status is not None
    assert status.n_done == len(folder.done_keys()) == 5
    assert said.last == f"go on with: spinebench resume {folder.run_id} --workspace '{WORKSPACE}'"

    provider_server.clear()
    again = cli(*shlex.split(said.last.removeprefix("go on with: spinebench ")), "--json")
    assert again.code == 0, again.err
    assert again.record("run")["n_done"] == 12


def test_control_c_while_the_model_is_checked_ends_at_once(tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(30)
        base_url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with running(
            "run", "-b", exam.file, "-m", "openai-compatible/m", "-M", f"base_url={base_url}", cwd=tmp_path
        ) as process:  # fmt: skip
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                said = finish(process, timeout_s=20)
    assert said.code == 130
    assert said.last == "Nothing was asked yet; call the same command again."
    assert not list((tmp_path / WORKSPACE).glob("runs/*"))


def test_one_process_at_work_and_any_number_looking_on(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=30)
    provider_server.delay_s = 1.0  # long enough for several looks on a busy machine
    with running(*asking(exam, provider_server), "--max-connections", "3", cwd=tmp_path) as process:
        wait_until(lambda: provider_server.n_requests >= 2)
        refused = cli("resume", "latest", "--workspace", WORKSPACE)
        assert refused.code == 2
        assert f"process {process.pid}" in refused.err
        assert refused.last
        assert process.poll() is None

        seen: list[int] = []
        workspace = Workspace(tmp_path / WORKSPACE)
        while process.poll() is None and provider_server.n_requests < 25:
            shown = cli("runs", "show", "latest", "--workspace", WORKSPACE, "--json")
            assert shown.code == 0, shown.err
            seen.append(sum(record["denominators"]["asked"] for record in shown.records[1:]))
            assert workspace.query("results").num_rows <= 1
            assert cli("runs", "list", "--workspace", WORKSPACE).code == 0
        said = finish(process)
    assert said.code == 0, said.err
    assert len(seen) >= 2
    assert seen == sorted(seen), "what was there once stays there"
    assert set(exam.n_asked().values()) == {1}
