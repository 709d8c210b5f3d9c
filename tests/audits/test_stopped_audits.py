"""Audits that are killed, interrupted or run twice at once: nothing finished is lost or asked for again."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from spinebench.store.workspace import Workspace
from tests.exams import finish, start, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from spinebench.store.audit_folder import AuditFolder
    from tests.exams import Said
    from tests.servers.judge import JudgeAnswers
    from tests.servers.provider import ProviderServer

KEYS = {"OPENAI_API_KEY": "key-of-no-worth", "ANTHROPIC_API_KEY": "key-of-no-worth"}


def _folder() -> AuditFolder:
    (folder,) = Workspace("spinebench-workspace").audits()
    return folder


def _stored(folder: AuditFolder) -> dict[str, str]:
    return {one.key.id(): one.model_dump_json() for one in folder.judgements()}


@pytest.mark.slow
def test_killed_twice_and_resumed(
    cli: Callable[..., Said],
    judges: JudgeAnswers,
    plan: Path,
    provider_server: ProviderServer,
    tmp_path: Path,
) -> None:
    provider_server.delay_s = 0.15
    kept: dict[str, str] = {}
    for turn, target in enumerate((7, 12)):
        args = ["audit", "latest", "--plan", plan] if turn == 0 else ["audit", "--resume", "latest"]
        process = start(*args, "--max-connections", "2", "--display", "none", cwd=tmp_path, env=KEYS)
        wait_until(lambda target=target: provider_server.n_requests >= target)  # type: ignore[misc]
        time.sleep(0.1 * turn)
        os.kill(process.pid, signal.SIGKILL)
        assert finish(process).code == -signal.SIGKILL
        wait_until(lambda: provider_server.in_flight == 0)
        now = _stored(_folder())
        assert kept.items() <= now.items(), "a finished judgement is never lost or changed"
        kept = now
        status = _folder().status()
        assert status is not None
        assert status.state.value == "incomplete"
        with _folder().journal.path.open("ab") as file:  # what a power loss in the middle of a write leaves
            file.write(b'{"judgement":{"key":{"trace')
    said = cli("audit", "--resume", "latest", "--json", "--display", "none")
    assert said.code == 0, said.err
    assert said.record("audit")["n_done"] == 16
    assert said.record("audit")["n_reviewed"] == 8
    assert kept.items() <= _stored(_folder()).items()
    assert len(judges.asked) <= 16 + 2 * 4, "only what was in flight was asked twice"


def test_a_full_disk_stops_an_audit_and_loses_nothing(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path, tmp_path: Path
) -> None:
    """The kernel refuses files above 32 KB, as a disk that is full refuses all."""
    limited = f"import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, ({32 << 10}, {32 << 10})); "
    line = [sys.executable, "-c", limited + "runpy.run_module('spinebench', run_name='__main__')"]
    arguments = ["audit", "latest", "--plan", plan, "--max-connections", "1", "--display", "none"]
    said = finish(start(cwd=tmp_path, env=KEYS, line=[*line, *map(str, arguments)]))
    assert said.code == 5, said.err
    assert "Traceback" not in said.err
    assert said.last.startswith("go on with: spinebench audit --resume ")
    kept = _stored(_folder())
    assert 0 < len(kept) < 16
    n_asked = len(judges.asked)
    again = cli(*shlex.split(said.last.removeprefix("go on with: "))[1:], "--json", "--display", "none")
    assert again.code == 0, again.err
    assert again.record("audit")["n_done"] == 16
    assert kept.items() <= _stored(_folder()).items()
    assert len(judges.asked) - n_asked == 16 - len(kept)


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        pytest.param([signal.SIGINT], 130, id="Ctrl-C"),
        pytest.param([signal.SIGINT, signal.SIGINT], 130, id="Ctrl-C twice"),
        pytest.param([signal.SIGTERM], 143, id="SIGTERM"),
    ],
)
def test_a_signal_ends_an_audit_and_the_last_line_goes_on(
    cli: Callable[..., Said],
    judges: JudgeAnswers,
    plan: Path,
    provider_server: ProviderServer,
    tmp_path: Path,
    signals: list[signal.Signals],
    code: int,
) -> None:
    drains = len(signals) == 1 and signals[0] is signal.SIGINT
    if drains:
        provider_server.delay_s = 0.3
    else:
        provider_server.fault("hang", after=5)
    process = start(
        "audit", "latest", "--plan", plan, "--max-connections", "2", "--display", "none", cwd=tmp_path, env=KEYS
    )  # fmt: skip
    wait_until(lambda: provider_server.n_requests >= 6)
    refused = cli("audit", "--resume", "latest")
    assert refused.code == 2
    assert f"process {process.pid}" in refused.err
    for number in signals:
        process.send_signal(number)
        time.sleep(0.3)
    said = finish(process)
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    n_kept = len(_stored(_folder()))
    assert 0 < n_kept < 16
    if drains:
        assert n_kept == len(judges.asked), "all calls in flight were waited for"
    words = shlex.split(said.last.removeprefix("go on with: "))
    assert words[:3] == ["spinebench", "audit", "--resume"]
    provider_server.clear()
    provider_server.delay_s = 0
    again = cli(*words[1:], "--json", "--display", "none")
    assert again.code == 0, again.err
    assert again.record("audit")["n_done"] == 16
