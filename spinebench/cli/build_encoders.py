"""`spinebench build encoders`: the encoders of a build side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spinebench.cli.options import JsonOption

if TYPE_CHECKING:
    from spinebench.builder.encoder_comparison import Comparison
    from spinebench.builder.records import Similarities
    from spinebench.evaluators.estimate import Estimate

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def encoders(
    build: Annotated[
        Path, typer.Argument(metavar="BUILD", help="Folder of a build that has come through the stage embed.")
    ],
    *,
    statistic: Annotated[
        Literal["mean", "maximum"],
        typer.Option("--statistic", help="Of an image's similarities to a disease's images in the library."),
    ] = "mean",
    image: Annotated[
        str | None,
        typer.Option("--image", help="Id of one image: its similarity to each disease by each encoder."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Also write the table, mean and maximum, into this file.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Compare image encoders: similarity of each disease's images to each disease, separation, retrieval.

    Example: spinebench build encoders build/
    """
    from spinebench.builder.encoder_comparison import cells_csv, load_comparison
    from spinebench.builder.records import Stage
    from spinebench.cli.console import emit, say

    folder = build / Stage.EMBED.value
    comparison = load_comparison(folder)
    if image is not None:
        found = _of_image(folder, comparison, image)
        if json:
            for one in found:
                emit({"type": "similarities", "note": comparison.note, **one.model_dump(mode="json")})
        else:
            _print_image(found, statistic)
    elif json:
        emit({"type": "encoders", **comparison.model_dump(mode="json")})
    else:
        _print_cells(comparison, statistic)
        _print_measures(comparison)
    if csv is not None:
        _write(csv, cells_csv(comparison))
    if comparison.note:
        say(f"warning: {comparison.note}")
    return 0


def _print_cells(comparison: Comparison, statistic: str) -> None:
    from spinebench.cli.console import print_table

    for encoder in comparison.encoders:
        columns = list(dict.fromkeys(cell.column for cell in encoder.cells))
        lines = []
        for row in columns:
            cells = {cell.column: cell for cell in encoder.cells if cell.row == row}
            figures = (
                cells[column].mean if statistic == "mean" else cells[column].maximum for column in columns
            )
            n = max((cell.n for cell in cells.values()), default=0)
            lines.append((row, n, *("" if value is None else f"{value:.3f}" for value in figures)))
        print_table(
            ("images of", "n", *columns),
            lines,
            title=f"{_named(encoder.encoder, simulated=encoder.simulated)}: {statistic} cosine to the library's "
            "images of",
        )


def _print_measures(comparison: Comparison) -> None:
    from spinebench.cli.console import print_table, say

    lines = [
        (
            measures.scope,
            _named(encoder.encoder, simulated=encoder.simulated),
            _figure(measures.retrieval),
            "" if measures.chance is None else f"{measures.chance:.3f}",
            _figure(measures.auc),
            _figure(measures.difference),
        )
        for place in range(len(comparison.encoders[0].measures) if comparison.encoders else 0)
        for encoder in comparison.encoders
        for measures in (encoder.measures[place],)
    ]
    print_table(
        ("images", "encoder", "retrieval mAP", "all alike", "AUC of pairs", "difference in SD"),
        lines,
        title=f"How well encoders tell diseases apart, {comparison.n_images} images of {comparison.n_clusters} "
        "patients or studies; images of one patient are never compared",
    )
    for lead in comparison.leads:
        say(f"{lead.scope}: mAP of {lead.first} minus {lead.other}: {_figure(lead.difference)}")


def _named(encoder: str, *, simulated: bool) -> str:
    return f"{encoder} (simulated)" if simulated else encoder


def _figure(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"undefined: {estimate.reason}"
    if estimate.interval is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.interval.low:.3f}, {estimate.interval.high:.3f}]"


def _of_image(folder: Path, comparison: Comparison, image: str) -> list[Similarities]:
    from spinebench.builder.embed_stage import SIMILARITIES_FILE, compared_file
    from spinebench.builder.record_files import read_records
    from spinebench.builder.records import Similarities
    from spinebench.errors import UsageError

    names = [one.encoder for one in comparison.encoders]
    files = [folder / SIMILARITIES_FILE, *(compared_file(folder, name) for name in names[1:])]
    found = [one for file in files for one in read_records(file, Similarities) if one.id == image]
    if not found:
        raise UsageError(
            f"image {image!r}: expected the id of an image of the build; the file {SIMILARITIES_FILE} of its folder "
            "embed lists them"
        )
    return found


def _print_image(found: list[Similarities], statistic: str) -> None:
    from spinebench.cli.console import print_table, say

    labels = list(dict.fromkeys(one.disease for row in found for one in row.diseases))
    lines = []
    for row in found:
        figures = {one.disease: one.mean if statistic == "mean" else one.maximum for one in row.diseases}
        named = _named(row.encoder, simulated=row.simulated)
        lines.append((named, *(f"{figures[one]:.3f}" if one in figures else "" for one in labels)))
    print_table(
        ("encoder", *labels), lines, title=f"{found[0].id}: {statistic} cosine to the library's images of"
    )
    say("Encoders that are only compared have figures for the images of the library alone.")


def _write(file: Path, text: str) -> None:
    from spinebench.errors import UsageError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"file {str(file)!r}: expected a place to write to, but {error.strerror}; name another with --csv"
        ) from error
