"""How commands speak: records to stdout, everything else to stderr. Imports nothing heavy."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_FIGURE = re.compile(
    r"[-+]?\$?[\d.,]*\d(e[-+]?\d+)?%?([-–+/][\d.,]*\d)?( ?[\[(][^\])]*[\])])?", re.ASCII | re.IGNORECASE
)
"""A number, a range, a sum of sizes, each with what stands in brackets behind it; no date and no run id."""
_UNBROKEN = 36
"""Cells up to this length are never broken over lines."""
_WIDEST = 200
"""Columns of text that no terminal is asked to go beyond."""


def printable(text: str) -> str:
    """Text from outside (traces, file names, provider messages) without terminal escapes and controls."""
    return _CONTROLS.sub("�", _ESCAPES.sub("", text))


def emit(record: Mapping[str, Any]) -> None:
    """One NDJSON line on stdout."""
    put(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def put(text: str) -> None:
    """Text on stdout. Where its reader has gone (`| head`), the command goes on to its end in silence."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _nobody_reads()


def _nobody_reads() -> None:
    """Send what is still written to stdout nowhere: its exit code is that of the work, not of the pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(text: str = "") -> None:
    """A line for the person, on stderr."""
    sys.stderr.write(printable(text).replace("�\n", "\n") + "\n")
    sys.stderr.flush()


def _has_no_width(*, stderr: bool = False) -> bool:
    return not (sys.stderr if stderr else sys.stdout).isatty() and "COLUMNS" not in os.environ


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A rich console; it honours NO_COLOR and drops colour where there is no terminal."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            _nobody_reads()

    if width is None and _has_no_width(stderr=stderr):
        # A pipe or a file has no width of its own; the default of 80 columns would break what is read there.
        width = 120
    return Patient(stderr=stderr, highlight=False, soft_wrap=False, width=width)


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str | None = None,
    caption: str | None = None,
    keys: int = 1,
) -> None:
    """A table on stdout: numbers right, text left, cells taken literally (no markup), never cut off.

    Where a terminal is too narrow for it, the columns that do not fit follow below, each time behind the first `keys`
    columns again.
    """
    from rich.text import Text

    out = console()
    if title is not None:
        out.print(Text(printable(title), style="bold"))
    limit = _WIDEST if _has_no_width() else out.width
    rest = list(range(keys, len(columns)))
    if _width(columns, rows, range(keys), out) > limit // 2:
        limit = _WIDEST  # repeated, the first columns would leave no room for the others
    while True:
        part = len(rest)
        while part > 1 and _too_wide(columns, rows, [*range(keys), *rest[:part]], out, limit):
            part -= 1
        shown = [*range(keys), *rest[:part]]
        wanted = _width(columns, rows, shown, out)
        # A line that a narrow terminal wraps can still be read; a figure that is cut off cannot.
        (out if wanted <= out.width else console(width=wanted)).print(_table(columns, rows, shown))
        rest = rest[part:]
        if not rest:
            break
    if caption is not None:
        out.print(Text(printable(caption), style="dim"))
        out.print()


def _too_wide(
    columns: Sequence[str], rows: Sequence[Sequence[object]], shown: Sequence[int], out: Console, limit: int
) -> bool:
    """Whether a table of the columns `shown` goes beyond the limit; beyond `_WIDEST`, where that cuts it off."""
    from rich.cells import cell_len

    if limit < _WIDEST:
        return _width(columns, rows, shown, out) > limit
    least = 0
    for index in shown:
        cells = [cell_len(printable(str(row[index]))) for row in rows]
        # Long cells are broken over lines; short ones and the heading above them are not.
        least += 2 + (
            _UNBROKEN if max(cells, default=0) > _UNBROKEN else max(cell_len(columns[index]), *cells, 0)
        )
    return least > limit


def _width(
    columns: Sequence[str], rows: Sequence[Sequence[object]], shown: Sequence[int], out: Console
) -> int:
    """Columns of text that a table of the columns `shown` would have, were the terminal wide."""
    measure = out.measure(_table(columns, rows, shown), options=out.options.update(width=_WIDEST))
    return min(measure.maximum, _WIDEST)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], shown: Sequence[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for index in shown:
        texts = [str(row[index]) for row in rows if row[index] not in (None, "")]
        numeric = bool(texts) and all(_FIGURE.fullmatch(text) for text in texts)
        short = all(len(text) <= _UNBROKEN for text in texts)
        table.add_column(
            Text(columns[index]),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=short,
            vertical="bottom",
        )
    for row in rows:
        cells = (row[index] for index in shown)
        table.add_row(*(Text("–" if cell is None else printable(str(cell))) for cell in cells))
    return table
