"""`spinebench rubrics`: which rubrics there are, what they say, what is wrong with one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric

app = typer.Typer(
    help="List, show and check rubrics.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)

JsonFlag = Annotated[bool, typer.Option("--json", help="NDJSON on stdout.")]


@app.callback()
def _rubrics(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the shipped rubrics."""
    if context.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_rubrics(as_json: JsonFlag = False) -> None:
    """List the shipped rubrics."""
    _list(as_json)


def _list(as_json: bool) -> None:
    from spinebench.cli.console import emit, print_table
    from spinebench.rubrics import SHIPPED, load_rubric

    rubrics = [load_rubric(name) for name in SHIPPED]
    if as_json:
        for rubric in rubrics:
            emit(
                {
                    "type": "rubric",
                    "id": rubric.id,
                    "version": rubric.version,
                    "title": rubric.title,
                    "language": rubric.language,
                    "n_dimensions": len(rubric.dimensions),
                    "n_failure_modes": len(rubric.failure_modes),
                    "hash": rubric.hash,
                }
            )
        return
    print_table(
        ("rubric", "version", "title", "dimensions", "failure modes", "hash"),
        [
            (one.id, one.version, one.title, len(one.dimensions), len(one.failure_modes), one.hash[:12])
            for one in rubrics
        ],
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A shipped rubric, or a rubric file.")],
    as_json: JsonFlag = False,
) -> None:
    """Show a rubric in full: what a judge and a clinician are given."""
    from spinebench.cli.console import emit, printable, put
    from spinebench.rubrics import load_rubric

    rubric = load_rubric(name)
    if as_json:
        emit({"type": "rubric", **rubric.model_dump(mode="json"), "hash": rubric.hash})
        return
    put("\n".join(printable(line) for line in _lines(rubric)) + "\n")


@app.command(short_help="Name all that is wrong with rubric files.")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rubric files, YAML or JSON.")],
    as_json: JsonFlag = False,
) -> int:
    """Check rubric files; exit 3 where anything is wrong, with every place, value and expectation."""
    from spinebench.cli.console import emit, printable, put, say
    from spinebench.errors import ExitCode
    from spinebench.rubrics.load import find_problems, load_rubric

    n_wrong = 0
    for file in files:
        problems = find_problems(file)
        n_wrong += bool(problems)
        if as_json:
            for problem in problems:
                emit({"type": "problem", **problem.model_dump(mode="json")})
            if not problems:
                emit({"type": "rubric", "file": file.name, **_identity(load_rubric(str(file)))})
            continue
        for problem in problems:
            put(printable(str(problem)) + "\n")
        if not problems:
            rubric = load_rubric(str(file))
            put(
                f"{printable(file.name)}: nothing is wrong; rubric {rubric.id}, version {printable(rubric.version)}, "
                f"{len(rubric.dimensions)} dimensions, {len(rubric.failure_modes)} failure modes, "
                f"hash {rubric.hash[:12]}\n"
            )
    if not n_wrong:
        return ExitCode.DONE
    say(f"error: {n_wrong} of {len(files)} files cannot be used as they are")
    say("Correct what is listed above, then call 'spinebench rubrics check' again.")
    return ExitCode.DATA


def _identity(rubric: Rubric) -> dict[str, Any]:
    return {"id": rubric.id, "version": rubric.version, "hash": rubric.hash}


def _lines(rubric: Rubric) -> Iterator[str]:
    yield f"{rubric.title} ({rubric.id}, version {rubric.version}, {rubric.language})"
    yield f"Source: {rubric.source}"
    yield f"Hash: {rubric.hash}"
    for dimension in rubric.dimensions:
        yield ""
        yield f"{dimension.name} ({dimension.id})"
        yield f"  {dimension.focus}"
        yield f"  scale {', '.join(map(str, dimension.scale))}; {_applies(dimension)}; {_weighs(dimension, rubric)}"
        for value, text in sorted(dimension.anchors.items()):
            yield f"  {value}: {text}"
    for mode in rubric.failure_modes:
        yield ""
        yield f"{mode.name} ({mode.id}); {_applies(mode)}"
        yield f"  {mode.definition}"
        yield f"  For example: {mode.example}"
        yield f"  But not: {mode.counter_example}"


def _weighs(dimension: Dimension, rubric: Rubric) -> str:
    section = next((one for one in rubric.sections if one.id == dimension.section), None)
    inside = "" if section is None else f" in {section.id} ({section.name}, weight {section.weight:g})"
    return f"weight {dimension.weight:g}{inside}"


def _applies(part: Dimension | FailureMode) -> str:
    return f"for {', '.join(part.tasks)}" if part.tasks else "for all tasks"
