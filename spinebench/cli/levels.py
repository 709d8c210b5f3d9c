"""`spinebench levels`: which levels and sides the answers name, against their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spinebench.runs.level_tables import LevelRow, LevelTables

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
def levels(
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Run ids or their beginnings; none: the latest run."),
    ] = None,
    *,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="Task to read (repeatable); default: all but knowledge."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Vertebrae, discs and sides that answers and reports name, against the reference: exact, within one level, wrong
    side, missed, unsupported. Read by rules; no call is made.

    Example: spinebench levels latest --task report
    """
    from spinebench.cli.console import emit
    from spinebench.cli.named import named_run
    from spinebench.runs.level_tables import level_tables
    from spinebench.store.workspace import Workspace

    place = Workspace(workspace)
    run_ids = [named_run(place, name).run_id for name in run or ["latest"]]
    found = level_tables(place, run_ids, tasks=task or ())
    if json:
        head = found.model_dump(mode="json", exclude={"rows"})
        for row in found.rows:
            emit({"type": "levels", **head, **row.model_dump(mode="json")})
        return 0
    _print(found)
    return 0


def _print(found: LevelTables) -> None:
    from spinebench.cli.console import print_table

    marks = [name for name, on in (("SIMULATION", found.simulated), ("PARTIAL", found.partial)) if on]
    mark = f"  [{', '.join(marks)}]" if marks else ""
    for task in dict.fromkeys(row.task for row in found.rows):
        rows = [row for row in found.rows if row.task is task]
        names = [_label(row, rows) for row in rows]
        print_table(
            ("model", "exact", "at most\none level off", "missed", "wrong side", "unsupported"),
            [(name, *_shares(row)) for name, row in zip(names, rows, strict=True)],
            title=f"Levels named, {task.value}, {', '.join(found.run_ids)}{mark}",
            caption=(
                f"Percent with {100 * found.level:g} % intervals. Exact (level, and side where the reference has one), "
                "at most one level off (whatever the side) and missed: of the reference's findings. Wrong side: of "
                "those with a side that are named at their level with a side. Unsupported: of levels named."
            ),
        )
        print_table(
            (
                "model",
                "texts",
                "findings",
                "with a side",
                "levels\nnamed",
                "name\nnone",
                "no text",
                "no reference",
            ),
            [(name, *_counts(row)) for name, row in zip(names, rows, strict=True)],
            caption="What the percentages are of. No text: refused, filtered or failed; their findings are missed. No "
            "reference: answers to items that say nothing of levels, in no figure." + _whole(rows),
        )


def _label(row: LevelRow, rows: Sequence[LevelRow]) -> str:
    """The model, with what else tells its rows apart in this table."""
    parts = [row.levels.model]
    for name in ("persona", "image_condition"):
        if len({getattr(other, name) for other in rows}) > 1:
            parts.append(str(getattr(row, name)))
    return ", ".join(parts)


def _shares(row: LevelRow) -> tuple[str | None, ...]:
    from spinebench.cli.results_table import percent
    from spinebench.evaluators.level_naming import FindingOutcome, Support

    found = row.levels
    return (
        percent(found.outcomes[FindingOutcome.EXACT]),
        percent(found.exact_or_within_one),
        percent(found.outcomes[FindingOutcome.MISSED]),
        percent(found.wrong_side),
        percent(found.support[Support.UNSUPPORTED]),
    )


def _counts(row: LevelRow) -> tuple[int, ...]:
    found = row.levels
    return (
        found.n_texts,
        found.exact_or_within_one.n,
        found.wrong_side.n,
        found.denied.n,
        found.n_silent,
        row.n_no_text,
        row.n_no_reference,
    )


def _whole(rows: Sequence[LevelRow]) -> str:
    n = sum(row.n_without_sections for row in rows)
    return (
        f" {n} reports show neither findings nor a diagnosis as a section and were read whole." if n else ""
    )
