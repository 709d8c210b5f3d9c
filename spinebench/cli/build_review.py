"""`spinebench build review`: reviewers on the web or by sheet, a model's pre-screen, and where the review stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.builder.review.prescreen_plan import PrescreenPlan
from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import Display, DisplayOption, JsonOption, WorkspaceOption
from spinebench.cli.plan_options import given, with_plan_options

if TYPE_CHECKING:
    from spinebench.builder.review.agreement import AgreementFigure
    from spinebench.builder.review.prescreen import PrescreenCounts, Prescreening
    from spinebench.builder.review.queue import Review
    from spinebench.errors import SpinebenchError
    from spinebench.runs.progress import Progress
    from spinebench.runs.stopping import StopSwitch

app = typer.Typer(
    help="Check every item of a build by persons: accept, correct or reject.",
    add_completion=False,
    no_args_is_help=True,
)
BuildArgument = Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of the build, at its review.")]
ReviewerOption = Annotated[
    list[str] | None,
    typer.Option("--reviewer", help="Only this reviewer (repeatable); default: all of the plan."),
]
_LISTED = 20
_STATES = ("accept", "correct", "reject", "changed", "")
_PAGE = "docs/builder-review.md"


@app.command()
def serve(
    build: BuildArgument,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on. Only this machine by default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8502,
    secrets: Annotated[
        Path | None,
        typer.Option(
            "--secrets", metavar="FILE", help="TOML file of a sign-in provider, as that of 'rate serve'."
        ),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Let reviewers decide in the browser, each by the personal token of 'spinebench rate token'.

    Example: spinebench build review serve BUILD --port 8600
    """
    import uvicorn

    from spinebench.cli.console import say
    from spinebench.cli.listening import free_port
    from spinebench.dashboard.oidc_settings import read_settings
    from spinebench.dashboard.rater_server import create_rater_app
    from spinebench.errors import UsageError
    from spinebench.store.rater_identities import current_identities
    from spinebench.store.rater_tokens import current_tokens
    from spinebench.store.workspace import Workspace

    review = _opened(build)
    _require_reviewers(review.plan.people)
    free_port(host, port)
    place = Workspace(workspace)
    oidc = None if secrets is None else read_settings(secrets, port=port)
    known = {*current_tokens(place), *(current_identities(place) if oidc is not None else ())}
    cards = place.raters()
    for one in review.plan.people:
        if one in cards and cards[one].simulated and one not in review.plan.simulated:
            raise UsageError(
                f"reviewer {one!r}: expected a person, but the rater's card says simulated; add the name to "
                "'simulated' in the plan's review, and build again"
            )
        if one not in known:
            say(f"{one} has no token yet: spinebench rate raters add {one}, then spinebench rate token {one}")
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    say(f"reviewers sign in at http://{shown}:{port}  (Ctrl-C ends it)")
    if host not in {"127.0.0.1", "localhost", "::1"}:
        say("Others can reach it: put TLS in front of it, or tokens and pictures travel readable.")
    uvicorn.run(create_rater_app(place, oidc=oidc, review=build), host=host, port=port, log_level="warning")


@app.command()
def sheet(
    build: BuildArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write to; default: review/sheets of the build."),
    ] = None,
    reviewer: ReviewerOption = None,
    json: JsonOption = False,
) -> None:
    """Write each reviewer's table (CSV), its JSON lines, and pages that work without a network.

    Example: spinebench build review sheet BUILD --reviewer anna
    """
    from spinebench.builder.record_files import put_whole
    from spinebench.builder.review.desk import Desks
    from spinebench.builder.review.sheet import write_sheet
    from spinebench.cli.console import emit, say
    from spinebench.dashboard.review_page import offline_pages

    desks = Desks(build)
    review = desks.review()
    _require_reviewers(review.plan.people)
    folder = out or review.folder / "sheets"
    for name in _chosen(reviewer, review.plan.people):
        desk = desks.of(name)
        assert desk is not None
        table, lines = write_sheet(desk, folder)
        n_pages = 0
        for n_pages, page in enumerate(offline_pages(desk), start=1):
            put_whole(folder / f"review-{name}-page-{n_pages}.html", [page.encode("utf-8", "replace")])
        n = len(desk.states())
        if json:
            emit(
                {
                    "type": "sheet",
                    "reviewer": name,
                    "n_items": n,
                    "csv": str(table),
                    "jsonl": str(lines),
                    "n_pages": n_pages,
                }
            )
        else:
            say(
                f"{name}: {n} items in {table} and on {n_pages} {'page' if n_pages == 1 else 'pages'} beside it"
            )
            if n == 0 and desk.adjudicates:
                say(
                    f"  {name} decides where reviewers differ, which they do on no item so far: call this again "
                    "once their decisions are imported"
                )
    say(f"When it is filled in: spinebench build review import {build} FILE --reviewer NAME")


@app.command("import")
def import_(
    build: BuildArgument,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Filled tables, or files saved by a page.")
    ],
    reviewer: Annotated[str, typer.Option("--reviewer", help="Whose decisions they are.")],
    json: JsonOption = False,
) -> int:
    """Take in filled sheets; rows that cannot be taken are listed, and the exit code is then 3.

    Example: spinebench build review import BUILD review-anna.csv --reviewer anna
    """
    from spinebench.builder.review.desk import Desks
    from spinebench.builder.review.sheet import read_sheet
    from spinebench.cli.console import emit, say
    from spinebench.errors import ExitCode

    desks = Desks(build)
    (name,) = _chosen([reviewer], desks.review().plan.people)
    desk = desks.of(name)
    assert desk is not None
    n_bad = 0
    for path in files:
        done = read_sheet(desk, path)
        n_bad += len(done.bad)
        if json:
            emit(
                {"type": "import", "file": path.name, "reviewer": name, "n_new": done.n_new, "n_known": done.n_known,
                 "n_replaced": done.n_replaced, "n_open": done.n_open,
                 "bad": [one.model_dump() for one in done.bad]}
            )  # fmt: skip
        say(
            f"{path.name}: {done.n_new} new, {done.n_known} known already, {done.n_replaced} replaced since, "
            f"{done.n_open} without a decision, {len(done.bad)} not taken"
        )
        for one in done.bad[:_LISTED]:
            say(f"  {one.row}: {one.reason}")
        if len(done.bad) > _LISTED:
            say(f"  and {len(done.bad) - _LISTED} more; --json lists them all")
    if n_bad:
        say("Correct these rows and import the file again; what was taken stays.")
    return ExitCode.DATA if n_bad else ExitCode.DONE


@app.command()
def status(build: BuildArgument, json: JsonOption = False) -> None:
    """How far the review is: items decided per reviewer, what enters, what waits for whom, and agreement."""
    from spinebench.builder.review.desk import Desks
    from spinebench.builder.review.ledger import decisions_of
    from spinebench.builder.review.resolving import resolve
    from spinebench.cli.console import emit, print_table, say

    desks = Desks(build)
    review = desks.review()
    done = resolve(review.candidates, decisions_of(review.folder), review.plan)
    people = []
    for name in review.plan.people:
        desk = desks.of(name)
        assert desk is not None
        states = [state for _, state in desk.states()]
        people.append(
            {
                "reviewer": name,
                "items": len(states),
                **{state or "open": states.count(state) for state in _STATES},
            }
        )
    counts = {
        "candidates": len(review.candidates),
        "accepted": len(done.accepted),
        "corrected": len(done.corrected),
        "rejected": len(done.dropped),
        "waiting": len(done.waiting),
        **{f"waiting_{name}": n for name, n in done.waits_for.items()},
        "changed_since_decided": done.n_changed,
        "decisions_not_used": done.n_unused,
        "simulated": done.n_simulated,
    }
    if json:
        emit(
            {
                "type": "review",
                **counts,
                "reviewers": people,
                "agreement": done.agreement.model_dump(mode="json"),
            }
        )
        return
    said = {"corrected": "of them corrected", "simulated": "decided by simulated reviewers"}
    print_table(
        ("review", "items"), [(said.get(name, name.replace("_", " ")), n) for name, n in counts.items()]
    )
    if people:
        print_table(
            ("reviewer", "items", "accepted", "corrected", "rejected", "changed since", "open"),
            [tuple(row.values()) for row in people],
        )
    if not review.plan.people:
        say("The plan names no reviewers: every item waits.")
    agreement = done.agreement
    what = " (SIMULATED reviewers)" if agreement.simulated else ""
    rows = [
        *(("decision", one.name, _shown(one), one.n_items) for one in agreement.decision),
        *(("right answer", one.name, _shown(one), one.n_items) for one in agreement.gold),
    ]
    if rows:
        print_table(
            ("on", "agreement", "value (95 % interval)", "items"),
            rows,
            title=f"{agreement.n_double} of {agreement.n_candidates} items read by two or more{what}",
        )
    else:
        say("No item has been read by two reviewers yet: there is no agreement to show.")
    if done.simulated:
        say("SIMULATED: decisions of simulated reviewers are among these.")


@app.command()
@with_plan_options(PrescreenPlan)
def prescreen(
    build: BuildArgument,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count calls and pictures; no network, nothing written.")
    ] = False,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
    **flags: Any,
) -> int:
    """Have a model look through the items: it gives remarks and an order of attention, and accepts nothing.

    Called again it goes on: no call that has its reply is made twice.

    Example: spinebench build review prescreen BUILD -m openai/gpt-5.2 --dry-run
    """
    from spinebench.builder.review.prescreen import Prescreening
    from spinebench.cli.carrying_out import carry_out
    from spinebench.cli.console import say
    from spinebench.cli.environment import environment
    from spinebench.models.registry import create_model
    from spinebench.runs.plan_reading import validated

    environment()
    plan = validated(PrescreenPlan, given(flags, PrescreenPlan), page=_PAGE)
    model = create_model(plan.model.name, args={**plan.model_args, **plan.model.args}, dry=dry_run)
    work = Prescreening(_opened(build), plan, model)
    if dry_run:
        _tell_dry_run(work, as_json=json)
        return 0
    say(f"items and pictures go to: {model.host or 'no other machine'}")

    async def sit(
        switch: StopSwitch, show: Callable[[Progress], None], on_start: Callable[[Prescreening], None]
    ) -> PrescreenCounts:
        try:
            return await work.run(switch=switch, on_progress=show, on_start=on_start)
        finally:
            await model.aclose()

    def how_to_go_on() -> None:
        say("Nothing finished is lost; call the same command again to go on.")

    return carry_out(
        sit,
        display=display.value,
        status_of=lambda begun: begun.counts(),
        end=lambda counts, switch, error: _end(work, counts, switch, error, how_to_go_on, as_json=json),
        how_to_go_on=how_to_go_on,
        begun=work.begun,
    )


def _end(
    work: Prescreening,
    counts: PrescreenCounts | None,
    switch: StopSwitch,
    error: SpinebenchError | None,
    how_to_go_on: Callable[[], None],
    *,
    as_json: bool,
) -> int:
    from spinebench.builder.review.prescreen import by_attention
    from spinebench.builder.review.queue import Review
    from spinebench.cli.carrying_out import interrupted
    from spinebench.cli.console import emit, print_table, say
    from spinebench.errors import ExitCode
    from spinebench.runs.sitting import exceeds

    assert counts is not None
    suspicious = by_attention(Review.open(work.review.build))
    if as_json:
        emit({"type": "prescreen", **counts.model_dump()})
        for name, value, texts in suspicious:
            emit({"type": "attention", "item_id": name, "suspicion": value, "remarks": list(texts)})
    else:
        print_table(
            ("pre-screen", "items"),
            [(name.removeprefix("n_"), n) for name, n in counts.model_dump().items()],
        )
        if suspicious:
            print_table(
                ("item", "suspicion", "remarks"),
                [(name, value, " ".join(texts)[:300]) for name, value, texts in suspicious[:_LISTED]],
                title="the most suspicious; every item still waits for a person",
            )
    if counts.n_unread:
        say(
            f"{counts.n_unread} of {counts.n_items} items have a reply that cannot be used or was refused: nothing is "
            "known about them; another model (-m) is asked about all of them anew"
        )
    if error is not None:
        say(f"error: {error}")
        how_to_go_on()
        return error.exit_code
    if switch.request is not None:
        how_to_go_on()
        return interrupted(switch)
    if counts.n_failed and exceeds(counts.n_failed, counts.n_items, work.plan.fail_on_error):
        say(f"error: {counts.n_failed} of {counts.n_items} items got no reply")
        how_to_go_on()
        return ExitCode.FAILURES
    return ExitCode.DONE


def _tell_dry_run(work: Prescreening, *, as_json: bool) -> None:
    from spinebench.cli.console import emit, print_table, say

    found = work.estimate()
    if as_json:
        emit({"type": "dry_run", **found.model_dump(mode="json")})
        return
    cost = "unknown" if found.cost_usd is None else "{:.2f}–{:.2f}".format(*found.cost_usd)
    print_table(
        ("items", "calls", "pictures", "input tokens", "output tokens", "USD"),
        [
            (
                found.n_items,
                found.calls,
                found.n_images,
                "{:,}–{:,}".format(*found.input_tokens),
                "{:,}–{:,}".format(*found.output_tokens),
                cost,
            )
        ],
    )
    say(f"items and pictures would go to: {found.leaves_machine or 'no other machine'}")


def _opened(build: Path) -> Review:
    from spinebench.builder.review.queue import Review

    return Review.open(build)


def _require_reviewers(people: tuple[str, ...]) -> None:
    from spinebench.errors import UsageError

    if not people:
        raise UsageError(
            "reviewers (): expected one or more in the plan; add 'review: {reviewers: [anna]}' and build again"
        )


def _chosen(names: list[str] | None, people: tuple[str, ...]) -> tuple[str, ...]:
    from spinebench.errors import UsageError

    for name in names or ():
        if name not in people:
            raise UsageError(
                f"reviewer {name!r}: expected one of {', '.join(people) or 'nobody, so far'}; name one of the plan"
            )
    return tuple(names) if names else people


def _shown(one: AgreementFigure) -> str:
    if one.value is None:
        return f"– ({one.reason})"
    interval = "" if one.low is None or one.high is None else f" ({one.low:.2f} to {one.high:.2f})"
    return f"{one.value:.2f}{interval}"
