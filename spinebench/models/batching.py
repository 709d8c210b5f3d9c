"""Gathers single asynchronous jobs into batches for one worker thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
Returned = TypeVar("Returned")


class BatcherClosedError(RuntimeError):
    """A job was given to a closed batcher, or was still waiting when it closed."""


@dataclass(eq=False)
class _Waiting(Generic[Job, Result]):
    job: Job
    key: Hashable | None
    future: asyncio.Future[Result]
    since: float


class Batcher(Generic[Job, Result]):
    """Runs jobs in batches, one batch at a time, in a thread of its own.

    `run(jobs, abandoned)` gets one to `size` jobs of equal key, in order of arrival, and returns one result
    or exception per job, in the same order; an exception it raises goes to every job of the batch.
    `abandoned` is set once nobody waits for the batch any more, so that `run` may stop early.

    A batch starts as soon as it is full, or `wait_s` seconds after its oldest job came or the batch before it
    ended, whichever is later. A job whose key is None runs alone and at once. Jobs cancelled while they wait
    are not run.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Job], threading.Event], Sequence[Result | Exception]],
        *,
        key: Callable[[Job], Hashable | None],
        size: int,
        wait_s: float,
        thread_name: str = "batcher",
    ) -> None:
        if size < 1:
            raise AssertionError(f"batch size {size!r}: expected at least 1")
        self._run = run
        self._key = key
        self._size = size
        self._wait_s = wait_s
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread_name)
        self._closed = False
        self._abandoned = threading.Event()
        self._free_since = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bind(None)

    def _bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        # Futures and events belong to a loop; a model may outlive the loop it was first used in.
        self._loop = loop
        self._waiting: deque[_Waiting[Job, Result]] = deque()
        self._arrived = asyncio.Event()
        self._drain: asyncio.Task[None] | None = None

    async def submit(self, job: Job) -> Result:
        """The job's result; raises what `run` returned or raised for it, or `BatcherClosedError`."""
        if self._closed:
            raise BatcherClosedError("closed")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._bind(loop)
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Waiting(job, self._key(job), future, time.monotonic()))
        self._arrived.set()
        if self._drain is None or self._drain.done():
            self._drain = loop.create_task(self._drain_all())
        return await future

    async def call(self, function: Callable[[], Returned]) -> Returned:
        """`function()` in the worker thread, after the batch that is running."""
        if self._closed:
            raise BatcherClosedError("closed")
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    def shrink(self, size: int) -> None:
        """Make later batches at most this large; never larger than they were."""
        self._size = max(1, min(self._size, size))

    @property
    def size(self) -> int:
        """The largest batch that is gathered now."""
        return self._size

    async def aclose(self) -> None:
        """Refuse the waiting jobs, ask the running batch to stop, and wait for the thread to end."""
        self._closed = True
        if self._loop is asyncio.get_running_loop():
            while self._waiting:
                waiting = self._waiting.popleft()
                if not waiting.future.done():
                    waiting.future.set_exception(BatcherClosedError("closed while the job was waiting"))
            self._abandoned.set()
            self._arrived.set()
            if self._drain is not None:
                await asyncio.gather(self._drain, return_exceptions=True)
        await asyncio.to_thread(self._executor.shutdown)

    async def _drain_all(self) -> None:
        while batch := await self._gather():
            await self._run_batch(batch)

    async def _gather(self) -> list[_Waiting[Job, Result]]:
        """The next batch; empty when nothing waits."""
        while True:
            while self._waiting and self._waiting[0].future.done():
                self._waiting.popleft()
            if not self._waiting:
                return []
            first = self._waiting[0]
            if first.key is None:
                self._waiting.popleft()
                return [first]
            same = [one for one in self._waiting if one.key == first.key and not one.future.done()]
            left = max(first.since, self._free_since) + self._wait_s - time.monotonic()
            if len(same) >= self._size or left <= 0:
                batch = same[: self._size]
                taken = {id(one) for one in batch}
                self._waiting = deque(one for one in self._waiting if id(one) not in taken)
                return batch
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                pass

    async def _run_batch(self, batch: list[_Waiting[Job, Result]]) -> None:
        abandoned = self._abandoned = threading.Event()
        if self._closed:
            abandoned.set()

        def note_done(_: asyncio.Future[Result]) -> None:
            if all(one.future.done() for one in batch):
                abandoned.set()

        for one in batch:
            one.future.add_done_callback(note_done)
        jobs = [one.job for one in batch]
        outcomes: Sequence[Result | Exception]
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._run, jobs, abandoned
            )
        except asyncio.CancelledError:
            abandoned.set()
            for one in batch:
                one.future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed on to every waiter, none is left hanging
            outcomes = [error] * len(batch)
        self._free_since = time.monotonic()
        if len(outcomes) != len(batch):
            outcomes = [AssertionError(f"{len(outcomes)} results for {len(batch)} jobs")] * len(batch)
        for one, outcome in zip(batch, outcomes, strict=True):
            if one.future.done():
                continue
            if isinstance(outcome, Exception):
                one.future.set_exception(outcome)
            else:
                one.future.set_result(outcome)
