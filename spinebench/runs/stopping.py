"""How a run is asked to end early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class StopRequest(StrEnum):
    """How a run is asked to end early."""

    DRAIN = "drain"  # finish what is in flight, ask nothing new
    ABORT = "abort"  # cancel what is in flight; the journal stays whole


@dataclass
class StopSwitch:
    """Thrown from a signal handler: the first time drains, the second time aborts."""

    request: StopRequest | None = None
    signal: int | None = None
    """Number of the signal that threw it first."""
    _listeners: list[Callable[[StopRequest], None]] = field(default_factory=list)

    def throw(self, request: StopRequest, *, by: int | None = None) -> None:
        """Ask for the end; `by` is the number of the signal that asked."""
        self.request = request
        self.signal = self.signal or by
        for listener in self._listeners:
            listener(request)

    def listen(self, listener: Callable[[StopRequest], None]) -> None:
        """Call `listener` whenever the switch is thrown from now on."""
        self._listeners.append(listener)
