"""`spinebench build`: make benchmarks. A command's module is imported when it is called."""

from __future__ import annotations

import typer

from spinebench.cli.lazy import lazy_group

COMMANDS: dict[str, tuple[str, str]] = {
    "benchmark": (
        "spinebench.cli.build_benchmark",
        "From source data sets to a checked multiple-choice benchmark, by one plan file.",
    ),
    "status": ("spinebench.cli.build_status", "How far a build is, and what was left out."),
    "questions": ("spinebench.cli.build_questions", "Wordings of questions, written and checked by models."),
    "encoders": ("spinebench.cli.build_encoders", "Compare image encoders on a build's images."),
    "review": ("spinebench.cli.build_review", "Reviewers accept, correct or reject every item."),
    "audit": ("spinebench.cli.build_audit", "Shortcuts, leakage and label conflicts of any benchmark file."),
    "restore": ("spinebench.cli.build_release", "Images of a released benchmark from your own copies."),
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
