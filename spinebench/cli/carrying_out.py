"""What all commands that call models share: signals, progress, and an end that says how to go on."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from spinebench.cli import collection
from spinebench.cli.console import say
from spinebench.cli.progress import progress_display
from spinebench.errors import ExitCode, SpinebenchError

if TYPE_CHECKING:
    from spinebench.runs.progress import Progress
    from spinebench.runs.stopping import StopSwitch

F = TypeVar("F")
S = TypeVar("S")


def carry_out(
    sit: Callable[[StopSwitch, Callable[[Progress], None], Callable[[F], None]], Coroutine[Any, Any, S]],
    *,
    display: str,
    status_of: Callable[[F], S | None],
    end: Callable[[S | None, StopSwitch, SpinebenchError | None], int],
    how_to_go_on: Callable[[], None],
    begun: bool,
) -> int:
    """Run one sitting to its end and return the exit code.

    `sit` gets the switch that Ctrl-C throws, what shows progress, and what is told the folder once there is one;
    `end` the last status, with the error that ended the sitting after it had begun. An error before that is raised.
    `begun`: whether something was asked in an earlier sitting.
    """
    from spinebench.runs.stopping import StopSwitch

    switch = StopSwitch()
    started: list[F] = []
    error: SpinebenchError | None = None
    status: S | None = None

    async def work() -> S:
        _catch_signals(switch)
        with collection.rare(), progress_display(display) as shown:
            return await sit(switch, shown.show, started.append)

    try:
        try:
            status = asyncio.run(work())
        except SpinebenchError as met:
            if not started:
                raise
            error, status = met, status_of(started[0])
        return end(status, switch, error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        if started or begun:
            how_to_go_on()
        else:
            say("Nothing was asked yet; call the same command again.")
        return interrupted(switch)


def interrupted(switch: StopSwitch) -> ExitCode:
    """The exit code of a sitting that was stopped by a signal."""
    return ExitCode.TERMINATED if switch.signal == signal.SIGTERM else ExitCode.INTERRUPTED


def _catch_signals(switch: StopSwitch) -> None:
    """First Ctrl-C drains, the second aborts; SIGTERM aborts at once. The journal stays whole either way."""
    from spinebench.runs.stopping import StopRequest

    def on_interrupt() -> None:
        if switch.request is None:
            say("stopping: waiting for the calls in flight; press Ctrl-C again to give them up")
            switch.throw(StopRequest.DRAIN, by=signal.SIGINT)
        else:
            switch.throw(StopRequest.ABORT, by=signal.SIGINT)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    loop.add_signal_handler(signal.SIGTERM, lambda: switch.throw(StopRequest.ABORT, by=signal.SIGTERM))
