"""`spinebench data`: look into a benchmark file before it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from spinebench.benchmarks.benchmark import Benchmark
    from spinebench.benchmarks.check import CheckReport
    from spinebench.benchmarks.identifiers import IdentifierFinding
    from spinebench.records import Item

app = typer.Typer(help="Check, show and hash benchmark files.", add_completion=False, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(help="Benchmark file: pathology JSON or native JSON lines.")]
Images = Annotated[
    Path | None,
    typer.Option("--images", help="Folder that image paths start from. Default: the file's folder."),
]
Format = Annotated[
    str | None, typer.Option("--format", help="pathology-json or native-jsonl. Default: recognized.")
]
SkipInvalid = Annotated[
    bool,
    typer.Option("--skip-invalid", help="Leave invalid records out instead of failing; they are listed."),
]
Language = Annotated[
    list[str] | None, typer.Option("--language", help="Only items in this language: en, zh; repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="NDJSON on stdout.")]
_LISTED = 20
"""Entries of a list shown to a person; `--json` gives all."""


@app.callback(invoke_without_command=True)
def _data(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def check(
    file: File,
    images: Images = None,
    format: Format = None,
    language: Language = None,
    skip_invalid: SkipInvalid = False,
    allow_identifiers: Annotated[
        bool,
        typer.Option("--allow-identifiers", help="List identifiers, but do not fail because of them."),
    ] = False,
    json: Json = False,
) -> int:
    """Check every record, its texts and every image; exit 3 where anything is invalid or identifies a person."""
    from spinebench.benchmarks.check import check_benchmark
    from spinebench.benchmarks.languages import only_in
    from spinebench.benchmarks.load import load_benchmark
    from spinebench.benchmarks.problems import BenchmarkFileError
    from spinebench.cli.console import emit, say
    from spinebench.errors import ExitCode

    try:
        benchmark = load_benchmark(file, format=format, image_root=images, skip_invalid=True)
    except BenchmarkFileError as error:
        if json:
            for record in error.invalid:
                emit({"type": "invalid_record", **record.model_dump(mode="json")})
        raise
    report = check_benchmark(only_in(benchmark, language or ()))
    if json:
        _emit_report(report)
    else:
        _print_report(report)
    failures = _failures(report, skip_invalid=skip_invalid, allow_identifiers=allow_identifiers)
    if not failures:
        found = len(report.identifiers) + len(report.text_identifiers)
        allowed = f", {found} identifiers allowed" if found else ""
        say(f"Nothing is wrong with the file or its images{allowed}.")
        return ExitCode.DONE
    say(f"error: {file.name}: {', '.join(failures)}")
    say("Correct what is listed above, then check again: spinebench data check " + str(file))
    return ExitCode.DATA


@app.command()
def show(
    file: File,
    sample_id: Annotated[
        list[str] | None, typer.Option("--sample-id", help="Id of an item to show; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Items to show, from the first.")] = 5,
    images: Images = None,
    format: Format = None,
    language: Language = None,
    skip_invalid: SkipInvalid = False,
    json: Json = False,
) -> None:
    """Show items as they are understood: question, options, gold answer, image, labels."""
    from spinebench.benchmarks.languages import only_in
    from spinebench.cli.console import emit, say

    benchmark = only_in(_load(file, images, format, skip_invalid=skip_invalid), language or ())
    items = [benchmark.item(one) for one in sample_id] if sample_id else benchmark.items[:limit]
    for item in items:
        if json:
            emit({"type": "item", **item.model_dump(mode="json")})
        else:
            _print_item(item)
    rest = len(benchmark.items) - len(items)
    if rest and not json:
        say(f"{rest} more items; --limit or --sample-id shows others.")


@app.command()
def hash(
    file: File,
    images: Images = None,
    format: Format = None,
    skip_invalid: SkipInvalid = False,
    json: Json = False,
) -> None:
    """Print the hash over the items, and the one over items and image bytes."""
    from spinebench.cli.console import emit

    benchmark = _load(file, images, format, skip_invalid=skip_invalid)
    hashes = {"items": benchmark.info.items_hash, "items_and_images": benchmark.hash()}
    if json:
        emit({"type": "hash", "file": file.name, "n_items": benchmark.info.n_items, **hashes})
    else:
        for name, value in hashes.items():
            typer.echo(f"{value}  {name.replace('_', ' ')}")


def _load(file: Path, images: Path | None, format: str | None, *, skip_invalid: bool) -> Benchmark:
    from spinebench.benchmarks.load import load_benchmark
    from spinebench.cli.console import say

    benchmark = load_benchmark(file, format=format, image_root=images, skip_invalid=skip_invalid)
    if benchmark.invalid:
        say(f"{len(benchmark.invalid)} invalid records of {file.name} are left out.")
    return benchmark


def _failures(report: CheckReport, *, skip_invalid: bool, allow_identifiers: bool) -> list[str]:
    counts = {
        "invalid records": 0 if skip_invalid else len(report.invalid),
        "unusable images": len(report.unusable),
        "identifiers of images": 0 if allow_identifiers else len(report.identifiers),
        "identifiers in texts": 0 if allow_identifiers else len(report.text_identifiers),
    }
    return [f"{n} {what}" for what, n in counts.items() if n]


def _emit_report(report: CheckReport) -> None:
    from spinebench.cli.console import emit

    whole = report.model_dump(mode="json")
    lists = {
        "invalid_record": whole.pop("invalid"),
        "unusable_image": whole.pop("unusable"),
        "unknown_label": whole.pop("unknown_labels"),
        "identifier": whole.pop("identifiers"),
        "text_identifier": whole.pop("text_identifiers"),
    }
    groups = {"duplicates": whole.pop("duplicates"), "same_images": whole.pop("same_images")}
    counts = {f"n_{kind}s": len(entries) for kind, entries in lists.items()}
    counts |= {f"n_{kind}": len(entries) for kind, entries in groups.items()}
    emit({"type": "benchmark", **whole, **counts})
    for kind, entries in lists.items():
        for entry in entries:
            emit({"type": kind, **entry})
    for kind, entries in groups.items():
        for entry in entries:
            emit({"type": kind, "members": entry})


def _print_report(report: CheckReport) -> None:
    from spinebench.cli.console import print_table

    info = report.info
    simulated = " (SIMULATED: drawn images, or made with something simulated)" if info.simulated else ""
    clusters = report.clusters
    rows: list[tuple[str, object]] = [
        ("benchmark", f"{info.name}{simulated}"),
        ("format", info.format),
        ("items", info.n_items),
        *((f"  {task}", n) for task, n in info.n_by_task.items()),
        (
            "clusters",
            f"{clusters.n_clusters}; items in each {clusters.smallest} to {clusters.largest}, "
            f"mean {clusters.mean:.2f}, most in {clusters.largest_cluster}",
        ),
        ("images", report.n_images),
        ("  shown by several items", report.n_images_shared),
        ("  same bytes, several paths", sum(map(len, report.same_images))),
        ("  missing", sum(image.problem == "missing" for image in report.unusable)),
        ("  unusable otherwise", sum(image.problem != "missing" for image in report.unusable)),
        ("invalid records", len(report.invalid)),
        (
            "  gold not among the options",
            sum(any(p.gold_absent for p in record.problems) for record in report.invalid),
        ),
        ("records that repeat others", sum(len(group) - 1 for group in report.duplicates)),
        ("unknown labels", len(report.unknown_labels)),
        ("identifiers of images", len(report.identifiers)),
        ("identifiers in texts", len(report.text_identifiers)),
        *((f"  {name}", n) for name, n in _by_kind(report.text_identifiers).items()),
        ("paths with sex or age", report.n_paths_with_demographics),
    ]
    print_table(("", info.path), [(name, str(value)) for name, value in rows])
    typer.echo(f"items hash {info.items_hash}\n")
    for what, counts in (
        ("disease", report.n_by_disease),
        ("modality", report.n_by_modality),
        ("source", report.n_by_source),
        ("options per item", report.n_by_number_of_options),
    ):
        _print_counts(what, counts, total=info.n_items)
    _print_list("Invalid records", [str(record) for record in report.invalid])
    _print_list("Unusable images", [image.message for image in report.unusable])
    _print_list(
        "Unknown labels",
        [
            f"{entry.label!r} in {entry.n_items} {entry.task.value} items"
            + (f", nearest is {entry.nearest!r}" if entry.nearest else "")
            for entry in report.unknown_labels
        ],
    )
    _print_list("Records that repeat others", [", ".join(group) for group in report.duplicates])
    _print_list("Images of the same bytes", [", ".join(group) for group in report.same_images])
    _print_list(
        "Identifiers of images",
        [f"{finding.where}: {finding.what} ({finding.kind})" for finding in report.identifiers],
    )
    _print_list(
        "Identifiers in texts", [f"{finding.where}: {finding.what}" for finding in report.text_identifiers]
    )


def _by_kind(findings: Sequence[IdentifierFinding]) -> dict[str, int]:
    """Findings in texts by kind, the most frequent first."""
    kinds = Counter(
        "id or cluster" if one.text_kind is None else one.text_kind.value.replace("_", " ")
        for one in findings
    )
    return dict(kinds.most_common())


def _print_counts(what: str, counts: Mapping[str, int], *, total: int) -> None:
    from spinebench.cli.console import print_table

    if not counts:
        return
    rows: list[tuple[Any, ...]] = list(counts.items())
    if sum(counts.values()) < total:
        rows.append(("not stated", total - sum(counts.values())))
    print_table((what, "items"), rows)


def _print_list(title: str, entries: Sequence[str]) -> None:
    from spinebench.cli.console import printable

    if not entries:
        return
    typer.echo(f"{title} ({len(entries)}):")
    for entry in entries[:_LISTED]:
        typer.echo(f"  {printable(entry)}")
    if len(entries) > _LISTED:
        typer.echo(f"  and {len(entries) - _LISTED} more; --json lists them all")
    typer.echo()


def _print_item(item: Item) -> None:
    from spinebench.cli.console import printable

    lines = [f"{item.id}  {item.task.value}  ({item.benchmark})", f"  {item.question}"]
    for position, option in enumerate(item.options):
        mark = "*" if option in item.gold else " "
        lines.append(f"  {mark} {chr(ord('A') + position)}: {option}")
    for name, value in (
        ("image", ", ".join(image.path for image in item.images)),
        ("disease", item.disease),
        ("levels", ", ".join(item.levels)),
        ("modality", item.modality),
        ("region", item.region),
        ("source", item.source),
        ("cluster", item.cluster),
        ("subspecialty", item.subspecialty),
        ("reference", item.reference),
        ("metadata", item.metadata),
    ):
        if value:
            lines.append(f"  {name + ':':<13} {value}")
    typer.echo(printable("\n".join(lines)) + "\n")
