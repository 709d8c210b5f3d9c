"""Appending finished work to a journal from many tasks at once: all that wait go into one append with one fsync."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Generic, TypeVar

E = TypeVar("E")


class JournalWriter(Generic[E]):
    """Writes entries in the order in which they come, and says so once they are on disk."""

    def __init__(
        self,
        append: Callable[[Sequence[E]], object],
        *,
        on_written: Callable[[E], None],
        on_failed: Callable[[Exception], None],
    ) -> None:
        self._append = append
        self._on_written = on_written
        self._on_failed = on_failed
        self._queue: asyncio.Queue[tuple[Sequence[E], asyncio.Future[None]]] = asyncio.Queue()

    async def write(self, *entries: E) -> None:
        """Returns once the entries, which stay together, are on disk. Raises what the append raised."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((entries, written))
        await asyncio.shield(written)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Write until the block ends, and then what is still waiting."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            await self._queue.join()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await asyncio.to_thread(self._append, [entry for entries, _ in batch for entry in entries])
            except Exception as error:  # noqa: BLE001 - raised again in each task that waits for its entries
                self._on_failed(error)
                for _, written in batch:
                    written.set_exception(error)
                    written.exception()  # seen: the task that waits may have been cancelled
            else:
                for entries, written in batch:
                    for entry in entries:
                        self._on_written(entry)
                    written.set_result(None)
            finally:
                for _ in batch:
                    self._queue.task_done()


@contextlib.asynccontextmanager
async def every(seconds: float, call: Callable[[], object]) -> AsyncIterator[None]:
    """Call `call` again and again while the block lasts."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(seconds)
            call()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
