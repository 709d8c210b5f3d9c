"""`spinebench build accept`: a benchmark file out of what the reviewers of a corpus accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinebench.cli.options import JsonOption

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def accept(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder that 'build corpus' wrote with --out.")
    ],
    reviewed: Annotated[
        list[Path] | None,
        typer.Option(
            "--reviewed",
            help="Filled table (CSV) or saved decisions (JSONL); default: its review.csv (repeatable).",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Benchmark file to write; default: benchmark.jsonl in the folder."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write the accepted questions as a benchmark file."""
    from spinebench.cli.console import emit, say
    from spinebench.corpus.accepting import accept as accept_reviewed

    file, counts = accept_reviewed(folder, reviewed=reviewed or (), to=to)
    if json:
        emit({"type": "accepted", "file": str(file), **counts.model_dump()})
    say(
        f"{counts.n_accepted} accepted, {counts.n_rejected} rejected, {counts.n_undecided} not decided (left out); "
        f"look at them with: spinebench data check {file}"
    )
