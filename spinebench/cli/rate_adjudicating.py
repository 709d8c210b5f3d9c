"""`spinebench rate adjudicate`: what needs a decision after the lock, decisions, and a third rater's packet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.workspace_option import JsonOption, WorkspaceOption, opened, wants_json

if TYPE_CHECKING:
    from spinebench.exchange.rating_rows import Rejected
    from spinebench.store import Workspace
    from spinebench.store.audit_folder import AuditFolder


def adjudicate(
    ctx: typer.Context,
    audit: Annotated[
        str, typer.Argument(metavar="AUDIT", help="Audit id, its unique beginning, or 'latest'.")
    ] = "latest",
    trace: Annotated[str | None, typer.Option("--trace", help="Trace id, or one of its packet ids.")] = None,
    dimension: Annotated[str | None, typer.Option("--dimension", help="Dimension that is decided.")] = None,
    score: Annotated[str | None, typer.Option("--score", help="The score, or x for 'cannot assess'.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="third_rater or consensus.")] = None,
    rater: Annotated[
        str | None, typer.Option("--rater", help="Who decided; needed for a third rater.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Why, in a few words.")] = "",
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Table: trace, dimension, score, by, rater, note.")
    ] = None,
    filled: Annotated[
        list[Path] | None,
        typer.Option("--filled", help="A third rater's filled packet, JSON or table (repeatable)."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """List what needs a decision after the lock, or record one. The clinicians' own scores stay."""
    from datetime import UTC, datetime

    from spinebench.cli.console import emit, say
    from spinebench.cli.named import at, named_audit
    from spinebench.cli.rate_telling import say_rejected, tell_disputes
    from spinebench.errors import ExitCode, UsageError
    from spinebench.rating.adjudicating import Decision, decide, decide_from_table, disputes
    from spinebench.rating.third_rater import decide_from_packet

    place = opened(ctx, workspace)
    folder = named_audit(place, audit)
    known = sorted(place.raters())
    now = datetime.now(UTC)
    rejected: list[Rejected] = []
    as_json = wants_json(ctx, json)
    given = {"--trace": trace, "--dimension": dimension, "--score": score, "--by": by}
    deciding = any(given.values()) or rater is not None or bool(note)
    if (csv is not None) + bool(filled) + deciding > 1:
        raise UsageError("--csv and --filled: expected one of them alone; leave out the other options")
    if csv is None and not filled and not deciding:
        tell_disputes(folder, disputes(folder), place.path, json=as_json)
        return ExitCode.DONE
    if filled:
        made = []
        for path in filled:
            decided, wrong = decide_from_packet(folder, path, raters=known, at=now)
            made += decided
            rejected += wrong
    elif csv is not None:
        made, rejected = decide_from_table(folder, csv, raters=known, at=now)
    else:
        lacking = [name for name, value in given.items() if not value]
        if lacking or trace is None or dimension is None or score is None or by is None:
            raise UsageError(
                f"decision: expected {', '.join(given)}, but there is no {', '.join(lacking)}; give all of them"
            )
        decision = Decision(trace=trace, dimension=dimension, score=score, by=by, rater=rater, note=note)
        made = decide(folder, [decision], raters=known, at=now)
    if as_json:
        for one in made:
            emit({"type": "adjudicated", **one.model_dump(mode="json")})
        for row in rejected:
            emit({"type": "rejected", **row.model_dump(mode="json")})
    n_open = sum(one.decided is None for one in disputes(folder))
    say(f"{len(made)} decisions recorded; {n_open} still to be made.")
    if not rejected:
        return ExitCode.DONE
    return say_rejected(
        rejected, kept=len(made), what="decisions",
        mend=f"Correct the file, then call again: spinebench rate adjudicate {folder.audit_id} "
        f"{'--filled' if filled else '--csv'} FILE{at(place.path)}",
    )  # fmt: skip


def write_third_rater(
    place: Workspace,
    folder: AuditFolder,
    rater: str,
    out: Path,
    *,
    root: Path | None,
    missing_images: bool,
    show_scores: bool,
    json: bool,
) -> None:
    """Write a third rater's packet, and say where it is and how it comes back."""
    from spinebench.cli.console import emit, say
    from spinebench.cli.named import at
    from spinebench.cli.rate_telling import warn_of_names
    from spinebench.errors import UsageError
    from spinebench.exchange.packets import write_packet
    from spinebench.rating.images import RunImages
    from spinebench.rating.third_rater import third_rater_packet

    if rater not in place.raters():
        raise UsageError(
            f"rater {rater!r}: expected one with a card; add it by 'spinebench rate raters add {rater}'"
        )
    packet = third_rater_packet(folder, rater, show_scores=show_scores)
    written = write_packet(
        packet.book, rater, out, images=RunImages(place, root=root), missing_images=missing_images,
        earlier=packet.scores if show_scores else None, name=f"{rater}-decisions",
    )  # fmt: skip
    if json:
        emit(
            {"type": "packet", "rater": rater, "html": str(written.html), "csv": str(written.csv),
             "n_showings": written.n_showings, "n_sittings": written.n_sittings,
             "without_image": list(written.without_image), "simulated": packet.book.spec.simulated,
             "n_open": packet.n_open, "scores_shown": show_scores}
        )  # fmt: skip
    warn_of_names(packet.book.traces.values(), json=json)
    if not json:
        if packet.book.spec.simulated:
            say("SIMULATION: these traces, or their judges, are simulated; the packet says so.")
        scores = "score" if packet.n_open == 1 else "scores"
        traces = "trace" if written.n_showings == 1 else "traces"
        say(
            f"{packet.n_open} {scores} of {written.n_showings} {traces} for {rater} to decide: {written.html}"
        )
        shown = "shown, lowest first" if show_scores else "not shown"
        say(f"The others' scores are {shown}; who gave which is not. It saves a JSON file. Then:")
        say(f"  spinebench rate adjudicate {folder.audit_id} --filled FILE{at(place.path)}")
