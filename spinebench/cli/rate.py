"""`spinebench rate`: the clinicians' side of an audit, from raters and packets to locked ratings and decisions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.rate_adjudicating import adjudicate
from spinebench.cli.rate_raters import raters_app
from spinebench.cli.rate_serving import serve, token
from spinebench.cli.workspace_option import JsonOption, WorkspaceOption, keep, opened, wants_json

if TYPE_CHECKING:
    from spinebench.store import Workspace
    from spinebench.store.audit_folder import AuditFolder

app = typer.Typer(
    help="Raters, blinded packets, import of ratings, lock, adjudication.",
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(raters_app, name="raters")
app.command()(token)
app.command()(serve)
app.command()(adjudicate)

Audit = Annotated[str, typer.Argument(metavar="AUDIT", help="Audit id, its unique beginning, or 'latest'.")]
Raters = Annotated[list[str] | None, typer.Option("--rater", help="Rater id (repeatable).")]
PerTrace = Annotated[int, typer.Option("--per-trace", min=2, help="Raters per trace.")]
Anchors = Annotated[
    int | None,
    typer.Option("--anchors", min=0, help="Traces that all raters rate. Default: a tenth, at least 5."),
]
Duplicates = Annotated[
    float, typer.Option("--duplicates", help="Share of traces shown twice, hidden: 0.05 to 0.10, or 0.")
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of shares, order and packet ids. Default: drawn, and stored."),
]
Everything = Annotated[
    bool, typer.Option("--all", help="All traces of the audit, not only those referred to clinicians.")
]


@app.callback(invoke_without_command=True)
def rate(ctx: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Raters, blinded packets, import of ratings, lock, adjudication."""
    keep(ctx, workspace, json)
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command()
def assign(
    ctx: typer.Context,
    audit: Audit = "latest",
    rater: Raters = None,
    per_trace: PerTrace = 2,
    anchors: Anchors = None,
    duplicates: Duplicates = 0.07,
    seed: Seed = None,
    everything: Everything = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Say who rates which trace in which order.

    Without --rater: all who have a card; later, those who have a list. Calling again keeps what is
    out, and adds what is new.
    """
    from spinebench.cli.console import say
    from spinebench.cli.named import at
    from spinebench.cli.rate_assigning import assign_to_raters, tell_assignments

    place, folder = _audit(ctx, audit, workspace)
    made = assign_to_raters(
        place, folder, rater, per_trace=per_trace, anchors=anchors, duplicates=duplicates, seed=seed,
        everything=everything,
    )  # fmt: skip
    as_json = wants_json(ctx, json)
    tell_assignments(folder, made, json=as_json)
    if not as_json:
        say(f"Next: spinebench rate packets {folder.audit_id}{at(place.path)}")


@app.command(short_help="Write each rater's packet: an HTML file, a table.")
def packets(
    ctx: typer.Context,
    audit: Audit = "latest",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write to. Default: 'packets' in the audit's folder."),
    ] = None,
    rater: Raters = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="Folder of the images now. Default: that of the run.")
    ] = None,
    missing_images: Annotated[
        bool, typer.Option("--missing-images", help="Let traces go out whose image cannot be had.")
    ] = False,
    third_rater: Annotated[
        str | None,
        typer.Option(
            "--third-rater", help="After the lock: what is open to decide, for this rater id alone."
        ),
    ] = None,
    show_scores: Annotated[
        bool,
        typer.Option("--show-scores", help="Let the third rater see the scores, not whose they are."),
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write one HTML file and one table per rater: blinded, and complete without a network.

    Where nothing is assigned yet, the referred traces are assigned to the raters named, as 'rate assign' does.
    With --third-rater: the traces that the lock left to decide, blinded likewise.
    """
    from spinebench.cli.console import emit, print_table, say
    from spinebench.cli.named import at
    from spinebench.cli.rate_adjudicating import write_third_rater
    from spinebench.cli.rate_assigning import assign_to_raters, tell_assignments
    from spinebench.cli.rate_telling import warn_of_names
    from spinebench.errors import UsageError
    from spinebench.exchange.packets import write_packet
    from spinebench.exchange.rating_book import RatingBook
    from spinebench.rating.images import RunImages

    place, folder = _audit(ctx, audit, workspace)
    as_json = wants_json(ctx, json)
    if third_rater is not None:
        if rater:
            raise UsageError(
                "--rater and --third-rater: expected one of them; write the packets in two calls"
            )
        write_third_rater(
            place, folder, third_rater, out or folder.path / "packets", root=images,
            missing_images=missing_images, show_scores=show_scores, json=as_json,
        )  # fmt: skip
        return
    if show_scores:
        raise UsageError(
            "--show-scores: expected a third rater, since other raters never see scores; name one with --third-rater"
        )
    if not folder.assignments():
        made = assign_to_raters(place, folder, rater)
        tell_assignments(folder, made, json=as_json)
    book = RatingBook.open(folder)
    target = out or folder.path / "packets"
    pictures = RunImages(place, root=images)
    rows = []
    for name in rater or sorted(book.assignments):
        written = write_packet(book, name, target, images=pictures, missing_images=missing_images)
        if as_json:
            emit(
                {"type": "packet", "rater": name, "html": str(written.html), "csv": str(written.csv),
                 "n_showings": written.n_showings, "n_sittings": written.n_sittings,
                 "without_image": list(written.without_image), "simulated": book.spec.simulated}
            )  # fmt: skip
        rows.append(
            (name, written.n_showings, written.n_sittings, written.html, len(written.without_image) or None)
        )
    if not as_json:
        print_table(("rater", "traces", "sittings", "packet", "without image"), rows)
    named = warn_of_names(book.traces.values(), json=as_json)
    if not as_json:
        if book.spec.simulated:
            say("SIMULATION: these traces, or their judges, are simulated; every packet says so.")
        if (lock := folder.rating_lock()) is not None:
            say(f"The ratings were locked at {lock.at:%Y-%m-%d %H:%M} UTC: nothing more is taken in.")
            return
        mark = "" if not named else " once that is settled"
        say(f"Give each rater their HTML file{mark}; it needs no network and saves a JSON file. Then:")
        say(f"  spinebench rate import {folder.audit_id} ratings-*.json{at(place.path)}")


@app.command("import", short_help="Take in filled packets and other tools' files.")
def import_files(
    ctx: typer.Context,
    audit: Annotated[
        str, typer.Argument(metavar="AUDIT", help="Audit id, its unique beginning, or 'latest'.")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of ratings.")],
    as_: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="USER=RATER", help="Who a user of a labelling tool is (repeatable)."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Take in filled packets (JSON or table), long tables, Label Studio JSON, Argilla records.

    Good rows are kept, the others named with their reason, and the exit code is then 3.
    """
    from datetime import UTC, datetime

    from spinebench.cli.console import emit, print_table
    from spinebench.cli.named import at
    from spinebench.cli.rate_telling import say_rejected
    from spinebench.errors import ExitCode, UsageError
    from spinebench.rating.importing import import_ratings

    place, folder = _audit(ctx, audit, workspace)
    users = {}
    for pair in as_ or []:
        user, mark, rater = pair.partition("=")
        if not mark or not user.strip() or not rater.strip():
            raise UsageError(f"--as {pair!r}: expected USER=RATER, e.g. 7=rater-a; write it so")
        users[user.strip()] = rater.strip()
    done = import_ratings(folder, files, at=datetime.now(UTC), users=users)
    rejected = [one for file in done for one in file.rejected]
    if wants_json(ctx, json):
        for file in done:
            emit(
                {"type": "import", "audit_id": folder.audit_id, "file": file.file, "format": file.format,
                 "n_new": file.n_new, "n_changed": file.n_changed, "n_known": file.n_known,
                 "n_blank": file.n_blank, "n_rejected": len(file.rejected), "by_rater": dict(file.new_by_rater)}
            )  # fmt: skip
        for one in rejected:
            emit({"type": "rejected", **one.model_dump(mode="json")})
    else:
        print_table(
            ("file", "format", "new", "changed", "known", "blank", "rejected"),
            [
                (
                    file.file,
                    file.format,
                    file.n_new,
                    file.n_changed,
                    file.n_known,
                    file.n_blank,
                    len(file.rejected),
                )
                for file in done
            ],
        )
    if not rejected:
        return ExitCode.DONE
    return say_rejected(
        rejected, kept=sum(file.n_new + file.n_changed + file.n_known for file in done), what="ratings",
        mend="Correct the file and import it again; what is known stays as it is: "
        f"spinebench rate import {folder.audit_id} FILE{at(place.path)}",
    )  # fmt: skip


@app.command(short_help="How far each rater is, and nothing else.")
def status(
    ctx: typer.Context,
    audit: Audit = "latest",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """How far each rater is; nothing about what they rated, which would unblind."""
    from spinebench.cli.console import emit, print_table, say
    from spinebench.cli.named import at
    from spinebench.exchange.rating_book import RatingBook
    from spinebench.rating.progress import progress

    place, folder = _audit(ctx, audit, workspace)
    book = RatingBook.open(folder)
    found = progress(book, folder.ratings())
    lock = folder.rating_lock()
    if wants_json(ctx, json):
        for one in found:
            last = None if one.last_activity is None else one.last_activity.isoformat()
            emit(
                {"type": "progress", "audit_id": folder.audit_id, "rater": one.rater, "n_rated": one.n_rated,
                 "n_begun": one.n_begun, "n_assigned": one.n_assigned, "n_sittings_done": one.n_sittings_done,
                 "n_sittings": one.n_sittings, "last_activity": last, "locked": lock is not None,
                 "simulated": book.spec.simulated}
            )  # fmt: skip
        return
    print_table(
        ("rater", "rated", "begun", "sittings done", "last activity (UTC)"),
        [
            (one.rater, f"{one.n_rated} of {one.n_assigned}", one.n_begun or None,
             f"{one.n_sittings_done} of {one.n_sittings}",
             None if one.last_activity is None else f"{one.last_activity:%Y-%m-%d %H:%M}")
            for one in found
        ],
        title=f"{folder.audit_id}{'  [SIMULATION]' if book.spec.simulated else ''}",
    )  # fmt: skip
    if lock is not None:
        say(f"Locked at {lock.at:%Y-%m-%d %H:%M} UTC with {lock.n_ratings} ratings.")
    elif all(one.n_rated == one.n_assigned for one in found):
        say(f"All is rated. To make it final: spinebench rate lock {folder.audit_id}{at(place.path)}")


@app.command()
def lock(
    ctx: typer.Context,
    audit: Annotated[
        str, typer.Argument(metavar="AUDIT", help="Audit id, its unique beginning, or 'latest'.")
    ],
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Lock although some showings are not rated.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Make the ratings final, for good. Then adjudication may begin."""
    from datetime import UTC, datetime

    from spinebench.cli.console import emit, say
    from spinebench.cli.named import at
    from spinebench.rating.adjudicating import disputes
    from spinebench.rating.locking import lock_ratings

    place, folder = _audit(ctx, audit, workspace)
    made = lock_ratings(folder, at=datetime.now(UTC), incomplete=incomplete)
    n_open = len(disputes(folder))
    if wants_json(ctx, json):
        emit({"type": "lock", **made.model_dump(mode="json"), "n_to_adjudicate": n_open})
        return
    say(f"{made.n_ratings} ratings are locked.")
    if n_open:
        say(f"{n_open} scores need a decision: spinebench rate adjudicate {folder.audit_id}{at(place.path)}")
    else:
        say("Nothing needs a decision.")
    say(f"Judges with clinicians: spinebench agree {folder.audit_id}{at(place.path)}")


def _audit(ctx: typer.Context, audit: str, workspace: Path | None) -> tuple[Workspace, AuditFolder]:
    from spinebench.cli.named import named_audit

    place = opened(ctx, workspace)
    return place, named_audit(place, audit)
