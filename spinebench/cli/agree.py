"""`spinebench agree`: clinicians among themselves, and each judge beside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from spinebench.evaluators.audit_rows import AuditRows

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


class IntervalChoice(StrEnum):
    """How intervals of coefficients are made."""

    JACKKNIFE = "jackknife"
    BCA = "bca"


@app.command()
def agree(
    audit: Annotated[
        list[str] | None,
        typer.Argument(metavar="AUDIT", help="Audit ids or their beginnings; none: the latest audit."),
    ] = None,
    *,
    ratings: Annotated[
        Path | None,
        typer.Option(
            "--ratings",
            help="A CSV file in place of an audit: item, rater, score [, dimension, model, cluster, task, repeat].",
        ),
    ] = None,
    scale: Annotated[
        str | None, typer.Option("--scale", help="Values of the scale of --ratings: 1-5 or 1,3,5.")
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            "--judge", help="Judge to report (repeatable); with --ratings: the raters that are judges."
        ),
    ] = None,
    dimension: Annotated[
        list[str] | None, typer.Option("--dimension", help="Dimension to report (repeatable).")
    ] = None,
    interval: Annotated[
        IntervalChoice, typer.Option("--interval", help="Jackknife-t, or the BCa bootstrap.")
    ] = IntervalChoice.JACKKNIFE,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is drawn.")] = 0,
    details: Annotated[
        bool,
        typer.Option("--details", help="Each clinician, each model, repeatability, and what may be said."),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write every figure to this file, one per row.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Agreement of judges with clinicians, beside that of clinicians with each other.

    Example: spinebench agree --ratings ratings.csv --scale 1-5 --judge gpt-4
    """
    from spinebench.cli.agreement_table import print_report, write_figures
    from spinebench.cli.console import emit, say
    from spinebench.cli.named import at
    from spinebench.errors import UsageError
    from spinebench.evaluators.agreement import agreement_report

    if ratings is not None:
        if audit:
            raise UsageError(
                f"audit {audit[0]!r} beside --ratings: expected one of the two; leave one of them out"
            )
        rows = _from_file(ratings, scale, judge or [])
    elif scale is not None:
        raise UsageError(
            f"scale {scale!r}: expected with --ratings only; an audit's rubric declares its own, leave it out"
        )
    else:
        rows = _from_audits(workspace, audit or ["latest"])
    _known("dimension", dimension, {row.dimension for row in rows.scores})
    _known("judge", judge, {row.rater for row in rows.scores if row.source == "judge"})
    report = agreement_report(rows, seed=seed, interval=interval.value, dimensions=dimension, judges=judge)
    if csv is not None:
        n = write_figures(report, csv)
        say(f"{n} figures written to {csv}")
    if json:
        head = report.model_dump(mode="json", exclude={"dimensions"})
        emit({"type": "agreement_report", **head})
        for one in report.dimensions:
            emit({"type": "agreement", "simulated": report.simulated, **one.model_dump(mode="json")})
        return 0
    print_report(report, details=details or bool(dimension))
    if ratings is None and not any(one.n_rated for one in report.dimensions):
        say(
            "No clinician has rated yet, so there is nothing to agree with. Next: "
            f"spinebench rate packets {(audit or ['latest'])[0]}{at(workspace)}"
        )
    return 0


def _from_audits(workspace: Path, names: list[str]) -> AuditRows:
    from spinebench.audits.rows import audit_rows
    from spinebench.cli.named import named_audit
    from spinebench.store.workspace import Workspace

    place = Workspace(workspace)
    return audit_rows(place, [named_audit(place, name).audit_id for name in names])


def _from_file(path: Path, scale: str | None, judges: list[str]) -> AuditRows:
    import csv
    import io

    from spinebench.errors import DataError, UsageError
    from spinebench.evaluators.agreement.long_table import rows_from_long_table
    from spinebench.exchange.table_text import file_text, separator

    if scale is None:
        raise UsageError(
            "scale None: expected the values that could be given, used or not; declare them with --scale 1-5"
        )
    try:
        delimiter, text = separator(file_text(path))
    except OSError as error:
        raise DataError(
            f"ratings file {str(path)!r}: expected a readable file ({error.strerror}); check the path"
        ) from None
    except ValueError as error:
        raise DataError(f"ratings file {str(path)!r}: {error}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = reader.fieldnames
        if not header:
            raise DataError(
                f"ratings file {str(path)!r}: expected a header line, but the file is empty; give it the columns item, "
                "rater and score"
            )
        return rows_from_long_table(header, reader, scale=_scale(scale), judges=judges)
    except csv.Error as error:
        raise DataError(
            f"ratings file {str(path)!r}: expected a CSV file ({error}); save it as one, in UTF-8"
        ) from None


def _scale(text: str) -> tuple[int, ...]:
    from spinebench.errors import UsageError

    low, dash, high = text.partition("-")
    try:
        values = tuple(range(int(low), int(high) + 1)) if dash else tuple(int(one) for one in text.split(","))
    except ValueError:
        values = ()
    if not 2 <= len(set(values)) <= 1000 or len(set(values)) != len(values):
        raise UsageError(
            f"scale {text!r}: expected two or more whole numbers as 1-5 or 1,3,5; declare all that could be given"
        )
    return values


def _known(what: str, given: list[str] | None, there: set[str]) -> None:
    from spinebench.errors import UsageError

    for one in given or []:
        if one not in there:
            raise UsageError(f"{what} {one!r}: expected one of {sorted(there)}; name one of them")
