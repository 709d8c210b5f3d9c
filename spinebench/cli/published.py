"""`spinebench published`: the papers' own tables, recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spinebench.evaluators.published import Replay

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def published(
    benchmark: Annotated[
        str | None, typer.Option(help="pathology or level-aware; both if not given.", show_default=False)
    ] = None,
    cells: Annotated[
        bool, typer.Option("--cells", help="List every cell checked, not only the contradictions.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON record per line on stdout.")] = False,
) -> None:
    """Recompute every derived cell of the published tables and name those that contradict them."""
    from spinebench.evaluators.published import BENCHMARKS, replay

    replays = [replay(name) for name in ([benchmark] if benchmark is not None else BENCHMARKS)]
    for one in replays:
        if as_json:
            _emit(one, cells)
        else:
            _show(one, cells)


def _emit(one: Replay, cells: bool) -> None:
    from spinebench.cli.console import emit

    emit(
        {
            "type": "published",
            "benchmark": one.benchmark,
            "source": one.source,
            "cells_checked": len(one.cells),
            "contradictions": len(one.contradictions),
            "remarks": one.remarks,
        }
    )
    for contradiction in one.contradictions:
        emit({"type": "contradiction", "benchmark": one.benchmark, **contradiction.model_dump()})
    if cells:
        for cell in one.cells:
            emit({"type": "cell", "benchmark": one.benchmark, **cell.model_dump()})


def _show(one: Replay, cells: bool) -> None:
    """One line per cell: a table of long names and formulas would fold on a narrow terminal."""
    found = len(one.contradictions)
    verb = "contradicts" if found == 1 else "contradict"
    typer.echo(f"{one.benchmark}: {len(one.cells)} derived cells recomputed, {found} {verb} the formulas")
    typer.echo(f"  source: {one.source}")
    for contradiction in one.contradictions:
        typer.echo(
            f"  table {contradiction.table}, {contradiction.row}, {' and '.join(contradiction.cells)}: "
            f"printed {' and '.join(f'{value:g}' for value in contradiction.printed)}, "
            f"recomputed {' and '.join(_either(values) for values in contradiction.recomputed)}"
        )
        for reason in (
            contradiction.reason,
            *(f"printed again in {where}" for where in contradiction.repeated_in),
        ):
            typer.echo(f"      {reason}")
    if cells:
        typer.echo("  all cells:")
        for cell in one.cells:
            verdict = "CONTRADICTS" if cell.contradicts else "agrees"
            typer.echo(
                f"    {verdict:<11} table {cell.table}, {cell.row}, {cell.cell}: printed {cell.printed:g}, "
                f"recomputed {_either(cell.recomputed)} ({cell.rule})"
            )
    for remark in one.remarks:
        typer.echo(f"  note: {remark}")


def _either(values: tuple[float, ...]) -> str:
    return " or ".join(f"{value:g}" for value in values)
