"""How many calls of one provider account run at once, and who is next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from heapq import heappop, heappush

from spinebench.errors import SpinebenchError

ADAPTIVE_START = 8


class Signal(Enum):
    """What an attempt says about the account's load."""

    CLEAN = auto()  # a reply
    RATE_LIMITED = auto()  # 429
    TROUBLED = auto()  # 5xx, connection, timeout, malformed
    SILENT = auto()  # says nothing: a wrong request, an error on our side, a cancelled call


class ConnectionLimit:
    """The number of connections: fixed, or growing additively and falling by half (AIMD).

    Adaptive: it starts at 8 (or the ceiling, if lower). Each clean reply that comes while all connections
    are taken adds one, which doubles the limit per round, until the first 429; after that a whole round of
    clean replies adds one. A 429 halves it, once per round: attempts that were already under way at the
    cut say nothing new. After a 5xx, a broken connection or a timeout a round of clean replies has to
    pass before it grows again: the server is in trouble, but has not asked for less.
    """

    def __init__(self, maximum: int, *, adaptive: bool = False) -> None:
        self.maximum = maximum
        self.adaptive = adaptive
        self.current = min(ADAPTIVE_START, maximum) if adaptive else maximum
        self.cuts = 0
        """Rounds of 429 so far; an attempt remembers the count at its start."""
        self._clean = 0
        self._held = 0

    def note(self, signal: Signal, *, cuts_at_start: int, saturated: bool) -> None:
        """Take in how an attempt ended. `saturated`: no connection was free when it ended."""
        if not self.adaptive or signal is Signal.SILENT:
            return
        if signal is Signal.RATE_LIMITED:
            if cuts_at_start == self.cuts:
                self.cuts += 1
                self.current = max(1, self.current // 2)
            self._clean = 0
        elif signal is Signal.TROUBLED:
            self._clean = 0
            self._held = self.current
        elif self._held > 0:
            self._held -= 1
        elif saturated and self.current < self.maximum:
            self._clean += 1
            if self.cuts == 0 or self._clean >= self.current:
                self.current += 1
                self._clean = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """One connection in use."""

    cuts_at_start: int


class AccountGate:
    """Hands out the connections of one account, in the order in which the calls first arrived.

    A call keeps its ticket through its retries, so a retry goes before younger calls: its item's time is
    already running. `pause` holds all new attempts back; `close` turns every caller away, those waiting for
    a connection or for a retry included. Attempts in flight are never touched.
    """

    def __init__(self, limit: ConnectionLimit) -> None:
        self.limit = limit
        self.in_flight = 0
        self._waiting: list[tuple[int, asyncio.Future[Slot | None]]] = []
        self._sleeping: set[asyncio.Future[None]] = set()
        self._resume_at = 0.0
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None
        self._closed: Callable[[], SpinebenchError] | None = None

    @property
    def n_waiting(self) -> int:
        """Calls that wait for a connection."""
        return sum(not future.done() for _, future in self._waiting)

    async def acquire(self, ticket: int) -> Slot:
        """A connection, as soon as one is free and no older call waits; give it back with `release`.

        Raises what `close` was given, at once or while waiting.
        """
        self.raise_if_closed()
        loop = asyncio.get_running_loop()
        if not self._waiting and self.in_flight < self.limit.current and loop.time() >= self._resume_at:
            self.in_flight += 1
            return Slot(self.limit.cuts)
        future: asyncio.Future[Slot | None] = loop.create_future()
        heappush(self._waiting, (ticket, future))
        self._grant(loop)
        try:
            slot = await future
        except asyncio.CancelledError:
            # Granted and cancelled in the same turn of the loop: the connection must not be lost.
            if future.done() and not future.cancelled() and future.result() is not None:
                self.in_flight -= 1
                self._grant(loop)
            raise
        if slot is None:
            self.raise_if_closed()
            raise AssertionError("woken without a connection by an open gate")
        return slot

    def release(self, slot: Slot, signal: Signal) -> None:
        """Give a connection back, with what its attempt met."""
        saturated = self.in_flight >= self.limit.current
        self.limit.note(signal, cuts_at_start=slot.cuts_at_start, saturated=saturated)
        self.in_flight -= 1
        if self._waiting:
            self._grant(asyncio.get_running_loop())

    def pause(self, seconds: float) -> None:
        """Start no attempt for `seconds` from now; a longer pause already running stays."""
        self._resume_at = max(self._resume_at, asyncio.get_running_loop().time() + seconds)

    async def sleep(self, seconds: float) -> None:
        """Wait without a connection, unless a pause of the account lasts as long anyway.

        `acquire` then holds the caller back, in its place of the queue: woken by a timer of its own it would
        come just after younger calls have been let in. Raises what `close` was given, at once.
        """
        self.raise_if_closed()
        loop = asyncio.get_running_loop()
        if loop.time() + seconds <= self._resume_at:
            return
        future: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, future)
        self._sleeping.add(future)
        try:
            await future
        finally:
            timer.cancel()
            self._sleeping.discard(future)
        self.raise_if_closed()

    def close(self, error: Callable[[], SpinebenchError]) -> None:
        """Turn away every caller, now and later, with a new `error()` each. The first reason stays."""
        if self._closed is not None:
            return
        self._closed = error
        for _, waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
        for sleeping in self._sleeping:
            _wake(sleeping)

    def raise_if_closed(self) -> None:
        """Raise what `close` was given, if it was called."""
        if self._closed is not None:
            raise self._closed()

    def _grant(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop.time() < self._resume_at:
            self._call_again(loop)
            return
        while self._waiting and self.in_flight < self.limit.current:
            _, future = heappop(self._waiting)
            if not future.done():  # done: its caller was cancelled
                self.in_flight += 1
                future.set_result(Slot(self.limit.cuts))

    def _call_again(self, loop: asyncio.AbstractEventLoop) -> None:
        # A timer of an event loop that has ended never fires, hence the comparison.
        if self._timer is None or self._timer[0] is not loop:
            self._timer = (loop, loop.call_at(self._resume_at, self._resume, loop))

    def _resume(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._grant(loop)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
