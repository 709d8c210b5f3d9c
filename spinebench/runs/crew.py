"""Workers that share a list of jobs until there is none left, or something ends the work for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from spinebench.errors import SpinebenchError
from spinebench.runs.stopping import StopRequest, StopSwitch

J = TypeVar("J")


class Crew:
    """The workers of one sitting. What goes wrong with one job is that job's result, not theirs."""

    def __init__(self, switch: StopSwitch) -> None:
        self._switch = switch
        self._broken = False
        """Whether something failed that is no job's and no user's fault: nothing more is begun."""
        self.cause: SpinebenchError | None = None
        """What no job escapes and ended the work: wrong key, budget, full disk."""

    @property
    def over(self) -> bool:
        """Whether no further job may be begun."""
        return self._switch.request is not None or self.cause is not None or self._broken

    def ends(self, error: Exception) -> None:
        """Something failed that no further job would escape."""
        if isinstance(error, SpinebenchError):
            self.cause = self.cause or error
        else:
            self._broken = True

    async def work(self, jobs: Iterator[J], do: Callable[[J], Awaitable[None]]) -> None:
        """One worker: does the next job until there is none or the work is over."""
        for job in jobs:
            if self.over:
                return
            try:
                await do(job)
            except Exception as error:
                self.ends(error)
                if isinstance(error, SpinebenchError):
                    return
                raise

    async def all_of(self, workers: Iterable[Coroutine[Any, Any, None]]) -> list[BaseException]:
        """Wait for all workers, which an abort cancels; what they raised beside the cause."""
        tasks = [asyncio.create_task(worker) for worker in workers]

        def cancel(request: StopRequest) -> None:
            if request is StopRequest.ABORT:
                for task in tasks:
                    task.cancel()

        self._switch.listen(cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return [
            result
            for result in results
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError)
        ]


def raise_first(raised: Iterable[BaseException], cause: SpinebenchError | None) -> None:
    """Raise what is no user's fault before the cause that ended the work; nothing where there is neither."""
    for error in raised:
        raise error
    if cause is not None:
        raise cause
