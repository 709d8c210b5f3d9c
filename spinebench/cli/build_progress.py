"""Progress of a build's stages on stderr: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from spinebench.cli.console import console, say

if TYPE_CHECKING:
    from spinebench.builder.records import Stage

_LINE_EVERY_S = 10.0


class StageProgress:
    """Called with stage, part, done and all; used as a context manager around a build.

    `rich` is a bar on a terminal and plain lines otherwise; `plain` a line every ten seconds; `none` nothing.
    """

    def __init__(self, kind: str) -> None:
        self._kind = "plain" if kind == "rich" and not sys.stderr.isatty() else kind
        self._stage: tuple[Stage, str] | None = None
        self._began = self._next = 0.0
        if self._kind == "rich":
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._kind == "rich":
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kind == "rich":
            self._bar.stop()

    def __call__(self, stage: Stage, part: str, done: int, total: int) -> None:
        name = f"{stage.value} {part}".strip()
        now = time.monotonic()
        if self._stage != (stage, part):
            self._stage, self._began, self._next = (stage, part), now, now + _LINE_EVERY_S
            if self._kind == "rich":
                self._bar.reset(self._task, total=total, description=name)
        if self._kind == "rich":
            self._bar.update(self._task, completed=done, total=total)
        elif self._kind == "plain" and now >= self._next:
            self._next = now + _LINE_EVERY_S
            rate = done / (now - self._began)
            left = f", {(total - done) / rate / 60:.0f} min left" if rate else ""
            say(f"{name}: {done}/{total}{left}")
