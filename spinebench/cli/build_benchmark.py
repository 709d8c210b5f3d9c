"""`spinebench build benchmark`: from source data sets to a multiple-choice benchmark, by one plan file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.options import Display, DisplayOption, JsonOption

if TYPE_CHECKING:
    from spinebench.builder.build_report import BuildReport

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def benchmark(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="Plan file (YAML): sources and one section per stage.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the build, one folder per stage; made if missing."),
    ] = None,
    *,
    accepted_so_far: Annotated[
        bool,
        typer.Option("--accepted-so-far", help="Go on with what is accepted, though items wait for review."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; default: one per core.")
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the whole plan with its defaults, and end.")
    ] = False,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
) -> int:
    """Import, standardize, embed, make items, wait for reviewers, select, audit, package.

    Called again it goes on: a stage is made anew only where its settings or inputs changed.

    Example: spinebench build benchmark plan.yaml --out build/
    """
    from spinebench.builder.building import build_benchmark
    from spinebench.builder.plan import read_build_plan
    from spinebench.cli.build_progress import StageProgress
    from spinebench.cli.console import emit, put, say
    from spinebench.errors import UsageError

    read = read_build_plan(plan)
    if print_config:
        import yaml

        config = read.model_dump(mode="json")
        if json:
            emit(config)
        else:
            put(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        return 0
    if out is None:
        raise UsageError("option '--out': expected the folder of the build; give it with --out build/")
    try:
        with _ended_by_sigterm(), StageProgress(display.value) as progress:
            report = build_benchmark(
                read, out, accepted_so_far=accepted_so_far, workers=workers, on_progress=progress
            )
    except KeyboardInterrupt as stop:
        from spinebench.errors import ExitCode

        say("interrupted; nothing finished is lost")
        say(f"Go on with: spinebench build benchmark {plan} --out {out}")
        return ExitCode.TERMINATED if isinstance(stop, _Terminated) else ExitCode.INTERRUPTED
    if json:
        emit({"type": "build", **report.model_dump(mode="json")})
    else:
        print_build(report)
    return end(report, plan, out)


class _Terminated(KeyboardInterrupt):
    """SIGTERM, as schedulers and CI send it."""


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the build as Ctrl-C does: workers end, and the person is told how to go on."""
    if threading.current_thread() is not threading.main_thread():  # where no signal can be taken
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def print_build(report: BuildReport) -> None:
    """The table of a build's stages."""
    from spinebench.cli.console import print_table

    rows: list[tuple[str, ...]] = []
    for line in report.stages:
        counts = [f"{n} {name}" for name, n in line.counts.items() if name not in _SAID]
        dropped = [f"{n} {reason.replace('_', ' ')}" for reason, n in line.dropped.items()]
        texts = ([line.stage.value], _lines(counts, 52), _lines(dropped, 30) or ["–"])
        rows += zip_longest(*texts, fillvalue="")
    mark = f"; simulated: {', '.join(report.simulated)}" if report.simulated else ""
    print_table(
        ("stage", "gives", "left out"), rows, title=f"{report.name} {report.version}{mark}",
        caption="What was left out is listed with its reason in dropped.jsonl of each stage.",
    )  # fmt: skip


def _lines(parts: Sequence[str], columns: int) -> list[str]:
    """The parts between commas, in lines of at most `columns`, so that no terminal breaks the table in two."""
    lines: list[str] = []
    for place, part in enumerate(parts):
        text = part if place == len(parts) - 1 else f"{part},"
        if lines and len(lines[-1]) + 1 + len(text) <= columns:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def tell_waiting(report: BuildReport, out: Path) -> None:
    """Say how many items wait for whom."""
    from spinebench.cli.console import say

    waits = report.waits_for
    first, second, differ = (waits.get(name, 0) for name in ("first", "second", "adjudication"))
    parts = [
        (first, "nobody has decided"),
        (second, "wait for a second reviewer"),
        (differ, "reviewers differ on"),
    ]
    said = ", ".join(f"{n} {what}" for n, what in parts if n)
    say(f"{report.n_waiting} items wait ({said}): spinebench build review serve {out}")
    if differ:
        say("Where reviewers differ, whom the plan names under review.adjudicator decides.")


_SAID = frozenset({"dropped"})
"""Counts that another column gives."""


def end(report: BuildReport, plan: Path, out: Path) -> int:
    """Say how far the build is and what to do next; returns the exit code."""
    from spinebench.cli.console import say
    from spinebench.errors import ExitCode

    again = f"spinebench build benchmark {plan} --out {out}"
    for line in report.not_given:
        say(f"not given: {line}")
    if report.failed_checks:
        for name, detail in report.failed_checks.items():
            say(f"error: audit, {name}: {detail}")
        say(f"All figures: {out / 'audit' / 'report.md'}")
        say(f"Mend the cause, or name what is known under audit.allow in the plan; then: {again}")
        return ExitCode.FAILURES
    if not report.finished:
        tell_waiting(report, out)
        say(f"When they are done: {again}")
        return ExitCode.DONE
    if report.n_waiting:
        say(f"{report.n_waiting} items still wait for reviewers and are not in it")
    local = out / "package" / "local"
    say(f"For this machine: {local} (spinebench data check {local}/<split>.jsonl, then spinebench run)")
    say(f"To give on: {out / 'package' / 'release'} (python verify.py there checks it)")
    return ExitCode.DONE
