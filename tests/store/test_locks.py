"""Locks: one process per run, named when it refuses another, and readers and writers that take turns."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from spinebench.errors import ExitCode, StoppedError, UsageError
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from spinebench.store.locks import DatabaseLock
from tests.stored_runs import ITEMS, diagnosis, key, python, right, stored_run

HOLD = """
import sys
import time
from spinebench.store import Workspace
with Workspace(sys.argv[1]).run("run-1").lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_a_second_process_is_refused_with_the_pid_until_the_first_is_killed(workspace: Workspace) -> None:
    run = stored_run(workspace)
    holder = python(HOLD, workspace.path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert run.is_live()
    with (
        pytest.raises(UsageError, match=rf"run 'run-1'.* process {holder.pid} is; wait") as caught,
        run.lock(),
    ):
        pass
    assert caught.value.exit_code is ExitCode.USAGE

    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate(timeout=60)
    assert not run.is_live()
    with run.lock():
        assert run.is_live()
    assert not run.is_live()


def test_the_same_process_cannot_hold_a_run_twice(workspace: Workspace) -> None:
    run = stored_run(workspace)
    with run.lock(), pytest.raises(UsageError, match=f"process {os.getpid()}"), workspace.run("run-1").lock():
        pass


def test_an_error_inside_frees_the_run(workspace: Workspace) -> None:
    run = stored_run(workspace)
    with pytest.raises(KeyboardInterrupt), run.lock():
        raise KeyboardInterrupt
    with run.lock():
        pass


def test_asking_whether_a_run_is_live_does_not_keep_others_out(workspace: Workspace) -> None:
    run = stored_run(workspace)
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            run.is_live()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(50):
            with run.lock():
                pass
    finally:
        stop.set()
        thread.join()


def test_reading_takes_no_run_lock(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(ITEMS[0])])
    with run.lock():
        other = workspace.run("run")
        assert len(list(other.latest())) == 1
        assert ingest(workspace)
        assert workspace.query("results").num_rows == 1


@pytest.mark.parametrize(("held", "wanted"), [("shared", "exclusive"), ("exclusive", "shared")])
def test_who_does_not_let_go_is_not_waited_for_without_end(tmp_path: Path, held: str, wanted: str) -> None:
    lock = DatabaseLock(tmp_path, timeout_s=0.1)
    with (
        getattr(lock, held)(),
        pytest.raises(StoppedError, match=r"expected it to be free within 0\.1 s"),
        getattr(lock, wanted)(),
    ):
        pass
    with getattr(lock, wanted)():
        pass


def test_a_waiting_writer_comes_before_readers_that_arrive_later(tmp_path: Path) -> None:
    order: list[str] = []
    lock = DatabaseLock(tmp_path)
    started = threading.Event()

    def write() -> None:
        started.set()
        with lock.exclusive():
            order.append("writer")

    def read() -> None:
        with lock.shared():
            order.append("late reader")

    with lock.shared():
        writer = threading.Thread(target=write)
        writer.start()
        started.wait()
        probe = DatabaseLock(tmp_path, timeout_s=0.0)
        while True:  # until the writer stands in the turnstile
            try:
                with probe.shared():
                    pass
            except StoppedError:
                break
        reader = threading.Thread(target=read)
        reader.start()
        order.append("first reader leaves")
    writer.join()
    reader.join()
    assert order == ["first reader leaves", "writer", "late reader"]


READ = """
import sys
from pathlib import Path
from spinebench.store import Workspace
workspace, stop = Workspace(sys.argv[1]), Path(sys.argv[2])
seen = []
while not stop.exists():
    seen.append(workspace.sql("SELECT count(*) FROM answers").column(0)[0].as_py())
    if len(seen) == 1:
        print("ready", flush=True)
assert seen == sorted(seen), seen
print(len(seen), len(set(seen)))
"""


def test_a_writer_and_readers_of_other_processes_all_get_on(workspace: Workspace, tmp_path: Path) -> None:
    n_loads = 12
    items = [diagnosis(f"i{number}") for number in range(n_loads)]
    run = stored_run(workspace, items=items)
    ingest(workspace)
    stop = tmp_path / "stop"
    readers = [python(READ, workspace.path, stop) for _ in range(3)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for item in items:
        run.journal.append([right(item)])
        (done,) = ingest(workspace, "run-1")
        assert done.n_lines == 1
    stop.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=120)
        assert reader.returncode == 0, err
        n_queries, n_states = map(int, out.split())
        assert n_queries >= n_loads / 2, "a reader starved"
        assert n_states >= 3, "a reader saw hardly any load"
    assert workspace.sql("SELECT count(*) AS n FROM answers").to_pylist() == [{"n": n_loads}]


def test_two_writers_load_every_line_once(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(item) for item in ITEMS])
    stored_run(workspace, [right(ITEMS[0], run_id="run-2")], run_id="run-2")
    code = """
import sys
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
print(sum(done.n_lines for done in ingest(Workspace(sys.argv[1]))))
"""
    writers = [python(code, workspace.path) for _ in range(3)]
    n_lines = 0
    for writer in writers:
        out, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err
        n_lines += int(out)
    assert n_lines == len(ITEMS) + 1
    assert workspace.sql("SELECT count(*) AS n FROM answers").to_pylist() == [{"n": len(ITEMS) + 1}]
    assert run.done_keys() == {key(item.id).id() for item in ITEMS}
