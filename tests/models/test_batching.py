"""Jobs are gathered, kept apart by key, and never left hanging."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest

from spinebench.models.batching import Batcher, BatcherClosedError

LONG = 60.0


class Worker:
    """Answers `a1` with `A1`, notes every batch, and can be held back or told to fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.started = threading.Event()
        self.saw_abandoned = threading.Event()

    def run(self, jobs: Sequence[str], abandoned: threading.Event) -> list[str | Exception]:
        self.batches.append(list(jobs))
        self.started.set()
        while not self.go.wait(0.005):
            if abandoned.is_set():
                self.saw_abandoned.set()
                break
        if "explode" in jobs:
            raise ValueError("boom")
        if "short" in jobs:
            return []
        return [KeyError(job) if job.startswith("bad") else job.upper() for job in jobs]


def batcher(worker: Worker, *, size: int = 3, wait_s: float = 0.02) -> Batcher[str, str]:
    return Batcher(worker.run, key=lambda job: None if job == "alone" else job[0], size=size, wait_s=wait_s)


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker()
    yield worker
    worker.go.set()


async def test_a_full_batch_starts_without_waiting(worker: Worker) -> None:
    gathered = batcher(worker, wait_s=LONG)
    assert await asyncio.gather(*map(gathered.submit, ["a1", "a2", "a3"])) == ["A1", "A2", "A3"]
    assert worker.batches == [["a1", "a2", "a3"]]
    await gathered.aclose()


async def test_a_part_of_a_batch_starts_after_the_wait(worker: Worker) -> None:
    gathered = batcher(worker)
    assert await asyncio.gather(*map(gathered.submit, ["a1", "a2"])) == ["A1", "A2"]
    assert worker.batches == [["a1", "a2"]]
    await gathered.aclose()


async def test_other_keys_are_not_mixed_and_order_is_kept(worker: Worker) -> None:
    gathered = batcher(worker)
    jobs = ["a1", "b1", "a2", "alone", "b2", "a3", "a4"]
    assert await asyncio.gather(*map(gathered.submit, jobs)) == [job.upper() for job in jobs]
    assert sorted(worker.batches) == [["a1", "a2", "a3"], ["a4"], ["alone"], ["b1", "b2"]]
    await gathered.aclose()


async def test_a_failing_job_fails_alone(worker: Worker) -> None:
    gathered = batcher(worker)
    good, bad = await asyncio.gather(gathered.submit("b1"), gathered.submit("bad"), return_exceptions=True)
    assert worker.batches == [["b1", "bad"]]
    assert good == "B1"
    assert isinstance(bad, KeyError)
    await gathered.aclose()


@pytest.mark.parametrize(("job", "error"), [("explode", ValueError), ("short", AssertionError)])
async def test_a_failing_batch_leaves_nobody_waiting_and_the_next_one_runs(
    worker: Worker, job: str, error: type[Exception]
) -> None:
    gathered = batcher(worker)
    outcomes = await asyncio.gather(
        gathered.submit(job), gathered.submit(f"{job[0]}9"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [error, error]
    assert await gathered.submit("a1") == "A1"
    await gathered.aclose()


async def test_a_job_cancelled_while_it_waits_is_not_run(worker: Worker) -> None:
    worker.go.clear()
    gathered = batcher(worker)
    running = asyncio.create_task(gathered.submit("a1"))
    await asyncio.to_thread(worker.started.wait)
    waiting = [asyncio.create_task(gathered.submit(job)) for job in ("a2", "a3")]
    await asyncio.sleep(0)
    waiting[0].cancel()
    worker.go.set()
    assert await running == "A1"
    assert await waiting[1] == "A3"
    assert worker.batches == [["a1"], ["a3"]]
    await gathered.aclose()


async def test_a_batch_nobody_waits_for_may_stop_early(worker: Worker) -> None:
    worker.go.clear()
    gathered = batcher(worker, size=2)
    callers = [asyncio.create_task(gathered.submit(job)) for job in ("a1", "a2")]
    await asyncio.to_thread(worker.started.wait)
    callers[0].cancel()
    await asyncio.sleep(0.05)
    assert not worker.saw_abandoned.is_set()
    callers[1].cancel()
    assert await asyncio.to_thread(worker.saw_abandoned.wait, 10)
    await gathered.aclose()


async def test_closing_refuses_the_waiting_and_stops_the_running(worker: Worker) -> None:
    worker.go.clear()
    gathered = batcher(worker, size=1)
    running = asyncio.create_task(gathered.submit("a1"))
    await asyncio.to_thread(worker.started.wait)
    waiting = asyncio.create_task(gathered.submit("a2"))
    await asyncio.sleep(0)
    await gathered.aclose()
    assert worker.saw_abandoned.is_set()
    assert await running == "A1"
    with pytest.raises(BatcherClosedError):
        await waiting
    with pytest.raises(BatcherClosedError):
        await gathered.submit("a3")


async def test_shrinking_holds_for_later_batches_and_never_grows(worker: Worker) -> None:
    gathered = batcher(worker, size=4)
    gathered.shrink(2)
    gathered.shrink(3)
    assert gathered.size == 2
    await asyncio.gather(*map(gathered.submit, ["a1", "a2", "a3", "a4"]))
    assert worker.batches == [["a1", "a2"], ["a3", "a4"]]
    gathered.shrink(0)
    assert gathered.size == 1
    await gathered.aclose()


def test_one_batcher_serves_one_loop_after_another() -> None:
    worker = Worker()
    gathered = batcher(worker)

    async def ask(job: str) -> str:
        return await asyncio.wait_for(gathered.submit(job), 30)

    assert [asyncio.run(ask(job)) for job in ("a1", "a2")] == ["A1", "A2"]
    asyncio.run(gathered.aclose())
