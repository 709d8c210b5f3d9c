"""`spinebench build`: make benchmarks. A command's module is imported when it is called."""

from __future__ import annotations

import typer

from spinebench.cli.lazy import lazy_group

COMMANDS: dict[str, tuple[str, str]] = {
    "corpus": ("spinebench.cli.build_corpus", "Draft questions from your own documents, for review."),
    "accept": ("spinebench.cli.build_accept", "Write the questions of a corpus that reviewers accepted."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="Make benchmark files: from labelled images, or from your own documents; people accept every item.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _build() -> None:
    """Options of all build commands."""
