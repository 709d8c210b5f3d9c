"""`spinebench build corpus`: questions out of one's own documents, for review."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.cli.options import Display, DisplayOption, JsonOption
from spinebench.cli.plan_options import given, with_plan_options
from spinebench.corpus.plan import PAGE, CorpusPlan

if TYPE_CHECKING:
    from spinebench.corpus.building import Building, Built
    from spinebench.corpus.parts import LeftOut
    from spinebench.corpus.sitting import Prepared
    from spinebench.errors import SpinebenchError
    from spinebench.runs.progress import Progress
    from spinebench.runs.stopping import StopSwitch

app = typer.Typer(add_completion=False, rich_markup_mode="rich")
_LISTED = 20
"""Entries of a list shown to a person; `left-out.jsonl` holds all."""

_LONGEST = 300
"""Characters of a reason shown to a person."""


@app.command()
@with_plan_options(CorpusPlan)
def corpus(
    documents: Annotated[
        Path, typer.Argument(metavar="DOCUMENTS", help="Folder of Markdown files with their figures.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for journal, images and review queue; made if missing."),
    ],
    *,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Read, screen and anchor; count the calls; no network, nothing written."
        ),
    ] = False,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
    **flags: Any,
) -> int:
    """Draft and revise questions from documents, for clinicians to accept or reject.

    Called again it goes on: no call that has its reply is made twice.

    Example: spinebench build corpus notes/ --out corpus/ -m openai/gpt-5.2 --test-set test.jsonl --dry-run
    """
    from tempfile import TemporaryDirectory

    from spinebench.cli.environment import environment
    from spinebench.corpus.sitting import models_of, prepare
    from spinebench.runs.plan_reading import validated

    environment()
    values = {**given(flags, CorpusPlan), "documents": str(documents)}
    plan = validated(CorpusPlan, values, page=PAGE)
    if dry_run:
        models = models_of(plan, dry=True)
        with TemporaryDirectory() as cache:
            _tell_dry_run(prepare(plan, out, cache=Path(cache)), models, as_json=json)
        return 0
    models = models_of(plan)  # a missing key is met before anything is read
    _make(out)
    prepared = prepare(plan, out, cache=out / "cache")
    return _sit(prepared, models, display=display.value, as_json=json)


def _make(out: Path) -> None:
    from spinebench.errors import UsageError

    try:
        (out / "cache").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"folder {str(out)!r}: expected a folder to write to, but {error.strerror}; name another with --out"
        ) from error


def _tell_dry_run(prepared: Prepared, models: dict[str, Any], *, as_json: bool) -> None:
    from spinebench.cli.console import emit, say
    from spinebench.cli.role_estimates import print_role_estimates
    from spinebench.corpus.dry_run import estimates
    from spinebench.corpus.steps import corpus_steps
    from spinebench.runs.prepare import remote_hosts

    selection = prepared.selection
    steps = corpus_steps(prepared.folder)
    roles = estimates(selection.parts, prepared.plan, models, steps)
    hosts = remote_hosts(list(models.values()))
    counts = {
        "n_documents": selection.n_documents,
        "n_figures": selection.n_figures,
        "n_parts": len(selection.parts),
        "n_questions": sum(len(part.kinds) for part in selection.parts),
        "n_left_out": len(selection.left_out),
    }
    if as_json:
        emit(
            {
                "type": "dry_run",
                **counts,
                "roles": [one.model_dump(mode="json") for one in roles],
                "leaves_machine": list(hosts),
            }
        )
    else:
        print_role_estimates(
            roles,
            title=f"{selection.n_documents} documents, {selection.n_figures} figures, "
            f"{counts['n_questions']} questions",
        )
    _tell_left_out(selection.left_out)
    say(f"texts and figures would go to: {', '.join(hosts) or 'no other machine'}")
    say(
        "Tokens are ranges by rules of thumb; a reply that cannot be used is asked for once more, which is not counted."
    )


def _sit(prepared: Prepared, models: dict[str, Any], *, display: str, as_json: bool) -> int:
    from spinebench.cli.carrying_out import carry_out
    from spinebench.cli.console import say
    from spinebench.corpus.sitting import build_through
    from spinebench.runs.steps import JOURNAL

    folder = prepared.folder
    _tell_left_out(prepared.selection.left_out)

    async def sit(
        switch: StopSwitch, show: Callable[[Progress], None], on_start: Callable[[Building], None]
    ) -> Built:
        return await build_through(prepared, models, switch=switch, on_progress=show, on_start=on_start)

    def how_to_go_on() -> None:
        say("Nothing finished is lost; call the same command again to go on.")

    return carry_out(
        sit,
        display=display,
        status_of=lambda building: building.built(),
        end=lambda built, switch, error: _end(prepared, built, switch, error, how_to_go_on, as_json=as_json),
        how_to_go_on=how_to_go_on,
        begun=(folder / JOURNAL).exists(),
    )


def _end(
    prepared: Prepared,
    built: Built | None,
    switch: StopSwitch,
    error: SpinebenchError | None,
    how_to_go_on: Callable[[], None],
    *,
    as_json: bool,
) -> int:
    """Print the counts, why they are not all, and how to go on; returns the exit code."""
    from spinebench.cli.carrying_out import interrupted
    from spinebench.cli.console import emit, print_table, say
    from spinebench.corpus.parts import Reason
    from spinebench.corpus.sitting import report_of
    from spinebench.errors import ExitCode
    from spinebench.runs.sitting import exceeds

    assert built is not None
    report = report_of(prepared, built)
    if as_json:
        emit({"type": "corpus", **report.model_dump(mode="json")})
    else:
        rows = [
            ("documents", report.n_documents),
            ("figures", report.n_figures),
            ("questions planned", report.n_questions),
            ("for review", report.n_candidates),
            ("  with remarks", report.n_with_remarks),
            ("not asked yet", report.n_waiting),
            *((f"left out: {reason.replace('_', ' ')}", n) for reason, n in report.left_out.items()),
        ]
        print_table(("corpus", "number"), rows)
    _tell_left_out(built.left_out)
    if error is not None:
        say(f"error: {error}")
        how_to_go_on()
        return error.exit_code
    if switch.request is not None:
        how_to_go_on()
        return interrupted(switch)
    n_failed = report.left_out.get(Reason.NO_REPLY.value, 0)
    if n_failed and exceeds(n_failed, report.n_questions, prepared.plan.fail_on_error):
        say(f"error: {n_failed} of {report.n_questions} questions got no reply")
        how_to_go_on()
        return ExitCode.FAILURES
    say(
        f"{prepared.folder}: read review-page-1.html, fill in the column decision of review.csv, then: "
        f"spinebench build accept {prepared.folder}"
    )
    return ExitCode.DONE


def _tell_left_out(left_out: tuple[LeftOut, ...]) -> None:
    from spinebench.cli.console import say

    for one in left_out[:_LISTED]:
        say(f"left out ({one.reason.value.replace('_', ' ')}): {one.where}: {one.detail[:_LONGEST]}")
    if len(left_out) > _LISTED:
        say(f"and {len(left_out) - _LISTED} more; left-out.jsonl lists them all")
