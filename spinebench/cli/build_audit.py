"""`spinebench build audit`: what a benchmark gives away without its pictures, and what its splits share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.builder.audit.plan import AuditPlan
from spinebench.cli.options import JsonOption
from spinebench.cli.plan_options import given, with_plan_options

if TYPE_CHECKING:
    from spinebench.benchmarks.benchmark import Benchmark
    from spinebench.builder.audit.report import AuditReport
    from spinebench.errors import DataError

app = typer.Typer(add_completion=False, rich_markup_mode="rich")
PAGE = "docs/builder-selection.md"
_LISTED = 20
_SPLIT = "benchmark"
"""Name of the only split where a file is given without one."""


@app.command()
@with_plan_options(AuditPlan)
def audit(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Benchmark file: pathology JSON or native JSON lines."),
    ] = None,
    *,
    split: Annotated[
        list[str] | None, typer.Option("--split", help="A split and its file, name=file (repeatable).")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder that image paths start from. Default: each file's folder."),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="pathology-json or native-jsonl. Default: recognized.")
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave invalid records out instead of failing.")
    ] = False,
    no_pictures: Annotated[
        bool,
        typer.Option(
            "--no-pictures", help="Read no image file: copies are known by path or declared digest only."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the whole report here, as JSON.")
    ] = None,
    json: JsonOption = False,
    **flags: Any,
) -> int:
    """Look for shortcuts, leakage between splits and contradicting labels; exit 1 where a check of --fail fails.

    Example: spinebench build audit --split evaluation=test.jsonl --split train=train.jsonl --allow shortcut:modality
    """
    from spinebench.benchmarks.load import load_benchmark
    from spinebench.builder.audit.auditing import audit_benchmark
    from spinebench.builder.record_files import write_json
    from spinebench.cli.console import emit, say
    from spinebench.errors import ExitCode
    from spinebench.runs.plan_reading import validated

    plan = validated(AuditPlan, given(flags, AuditPlan), page=PAGE)
    splits: dict[str, Benchmark] = {}
    for name, path in _files(file, split or []).items():
        splits[name] = load_benchmark(path, format=format, image_root=images, skip_invalid=skip_invalid)
        if splits[name].invalid:
            say(f"{len(splits[name].invalid)} invalid records of {path.name} are left out.")
    facts = None if no_pictures else _facts(splits)
    report = audit_benchmark(
        {name: benchmark.items for name, benchmark in splits.items()}, image_facts=facts, plan=plan
    )
    whole = report.model_dump(mode="json")
    if out is not None:
        write_json(out, whole)
    if json:
        emit({"type": "audit", **whole})
    else:
        _print(report)
    for name, benchmark in splits.items():
        if benchmark.info.simulated:
            say(
                f"{name}: SIMULATED: its images are drawn, or it was made with a simulated encoder or reviewers."
            )
    if not no_pictures and report.n_images_with_facts < report.n_images:
        n = report.n_images - report.n_images_with_facts
        say(f"{n} of {report.n_images} images could not be read: near duplicates of them cannot be found.")
    for check in report.failed:
        say(f"failed: {check.name}: {check.detail}")
    if report.failed:
        say("Mend the cause in the benchmark, or name what is known with --allow; then audit it again.")
    return ExitCode.FAILURES if report.failed else ExitCode.DONE


def _files(file: Path | None, named: list[str]) -> dict[str, Path]:
    from spinebench.errors import UsageError

    found: dict[str, Path] = {} if file is None else {_SPLIT: file}
    for text in named:
        name, equals, path = text.partition("=")
        name = name.strip()
        if not (name and equals and path):
            raise UsageError(f"split {text!r}: expected name=file; correct --split")
        if name in found:
            raise UsageError(f"split {name!r}: expected one file of that name; give the other another name")
        found[name] = Path(path)
    if not found:
        raise UsageError("benchmark file: expected a file or at least one --split name=file; name one")
    return found


def _facts(splits: dict[str, Benchmark]) -> dict[str, Any]:
    from spinebench.builder.audit.facts import read_facts
    from spinebench.cli.console import say

    facts: dict[str, Any] = {}
    errors: list[DataError] = []
    for name, benchmark in splits.items():
        found, problems = read_facts(name, benchmark)
        facts |= found
        errors += problems
    for error in errors[:_LISTED]:
        say(f"not read: {error}")
    if len(errors) > _LISTED:
        say(f"and {len(errors) - _LISTED} more; spinebench data check lists them all")
    return facts


def _print(report: AuditReport) -> None:
    from spinebench.builder.audit.tables import tables
    from spinebench.cli.console import print_table

    for table in tables(report):
        print_table(table.columns, table.rows, title=table.title)
