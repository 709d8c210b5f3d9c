"""Work on all cores: every item once, a process that dies costs its own item only, an error ends the call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinebench.builder import parallel
from spinebench.builder.parallel import in_chunks
from spinebench.errors import DataError, StoppedError


def square(n: int) -> int:
    return n * n


def deadly(n: int) -> int:
    if n in {5, 13}:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def failing(n: int) -> int:
    if n == 3:
        raise DataError("item 3: expected better")
    return n


def never_begins() -> None:
    os._exit(1)


def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@pytest.mark.parametrize("workers", [None, 1, 2])
@pytest.mark.parametrize("n", [0, 1, 40])
def test_every_item_once(workers: int | None, n: int) -> None:
    parts = list(in_chunks(square, range(n), crashed=lambda _: -1, workers=workers, chunk=7))
    assert sorted(one for part in parts for one in part) == [k * k for k in range(n)]
    assert all(len(part) <= 7 for part in parts)


def test_a_process_that_dies_costs_its_item_only() -> None:
    parts = in_chunks(deadly, range(20), crashed=lambda n: -n, workers=2, chunk=4)
    assert sorted(one for part in parts for one in part) == sorted(
        -n if n in {5, 13} else n for n in range(20)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_ends_the_call(workers: int) -> None:
    with pytest.raises(DataError, match="item 3"):
        list(in_chunks(failing, range(20), crashed=lambda n: -n, workers=workers, chunk=2))


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_taken_as_they_are_needed(workers: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for n in range(10_000):
            taken += 1
            yield n

    results = in_chunks(square, items(), crashed=lambda n: -n, workers=workers, chunk=5)
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator
    assert taken <= 5 * (3 * workers + 3)


SCRIPT = """
import sys
from spinebench.builder.parallel import in_chunks
from tests.builder.test_parallel import slow
if __name__ == "__main__":
    for part in in_chunks(slow, [0.0] * 4 + [60.0] * 8, crashed=abs, workers=2, chunk=1):
        print("done", flush=True)
"""


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        workers = children(process.pid)
        assert workers
        process.kill()
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in workers)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Running, and not only waiting for somebody to ask how it ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_processes_that_cannot_start_are_told_and_no_item_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_begin", never_begins)
    with pytest.raises(StoppedError, match=r"worker processes: expected .*--workers 1"):
        list(in_chunks(square, range(40), crashed=square, workers=2))
