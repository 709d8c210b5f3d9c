"""Progress of a run on stderr: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from spinebench.cli.console import console, say

if TYPE_CHECKING:
    from spinebench.runs.progress import Progress

_LINE_EVERY_S = 10.0


class ProgressDisplay(Protocol):
    """Shows how far a run is. Used as a context manager around it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, progress: Progress) -> None: ...


def progress_display(kind: str) -> ProgressDisplay:
    """`rich` is a bar on a terminal and plain lines otherwise; `plain` lines; `none` nothing."""
    if kind == "none":
        return Silent()
    if kind == "rich" and sys.stderr.isatty():
        return Bar()
    return Lines()


def describe(progress: Progress) -> str:
    """`120/180 done, 2 failed, 14.2/s, 0:04 left, $0.31`."""
    parts = [f"{progress.n_done}/{progress.n_planned} done"]
    if progress.n_failed:
        parts.append(f"{progress.n_failed} failed")
    if progress.n_reused:
        parts.append(f"{progress.n_reused} reused")
    rate, eta = progress.rate_per_s(), progress.eta_s()
    if rate is not None:
        parts.append(f"{rate:.1f}/s")
    if eta is not None:
        parts.append(f"{int(eta) // 60}:{int(eta) % 60:02d} left")
    parts.append("cost unknown" if progress.cost_usd is None else f"${progress.cost_usd:.2f}")
    return ", ".join(parts)


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, progress: Progress) -> None:
        return None


class Lines(Silent):
    """A line every ten seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _LINE_EVERY_S

    def show(self, progress: Progress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY_S
            say(describe(progress))


class Bar(Silent):
    """A progress bar with rate, time left, failures and cost."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[line]}"),
            console=console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("asking", total=None, line="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, progress: Progress) -> None:
        self._bar.update(
            self._task,
            total=progress.n_planned,
            completed=progress.n_done + progress.n_failed,
            line=describe(progress),
        )
