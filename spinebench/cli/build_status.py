"""`spinebench build status`: how far a build is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinebench.cli.options import JsonOption

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def status(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build.")],
    *,
    json: JsonOption = False,
) -> None:
    """Show the stages of a build as the last call left them.

    Where its review stands now: spinebench build review status BUILD
    """
    from spinebench.builder.build_report import read_report
    from spinebench.cli.build_benchmark import print_build, tell_waiting
    from spinebench.cli.console import emit, say

    report = read_report(build)
    if json:
        emit({"type": "build", **report.model_dump(mode="json")})
        return
    print_build(report)
    for line in report.not_given:
        say(f"not given: {line}")
    if report.failed_checks:
        say(f"stopped by the audit: {', '.join(report.failed_checks)}")
    elif not report.finished:
        tell_waiting(report, build)
