"""What `spinebench rate` says of traces that name their model, of disputes, and of rows it did not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from spinebench.audit_records import AuditTrace
    from spinebench.exchange.rating_rows import Rejected
    from spinebench.rating.adjudicating import Dispute
    from spinebench.store.audit_folder import AuditFolder


def warn_of_names(traces: Iterable[AuditTrace], *, json: bool) -> int:
    """Name the traces that say which model wrote them; returns how many do."""
    from spinebench.cli.console import emit, say
    from spinebench.rating.self_naming import names_its_model

    listed = list(traces)
    n_named = 0
    for trace in listed:
        passages = names_its_model(trace)
        if not passages:
            continue
        n_named += 1
        if json:
            emit({"type": "names_its_model", "trace_id": trace.trace_id, "passages": list(passages)})
        elif n_named <= 10:
            say(f"not blinded: trace {trace.trace_id} says who wrote it: ...{passages[0]}...")
    if n_named and not json:
        say(
            f"{n_named} of {len(listed)} traces name a model; their text is not changed. Decide whether they may be "
            "rated, and report how many they are."
        )
    return n_named


def tell_disputes(folder: AuditFolder, found: Sequence[Dispute], workspace: Path, *, json: bool) -> None:
    """What needs a decision, what was decided, and how to decide."""
    from spinebench.cli.console import emit, print_table, say
    from spinebench.cli.named import at

    for one in found if json else ():
        decided = None if one.decided is None else one.decided.model_dump(mode="json")
        emit(
            {"type": "dispute", "trace_id": one.trace_id, "dimension": one.dimension, "scores": dict(one.scores),
             "apart": one.apart, "flagged_by": list(one.flagged_by), "decided": decided}
        )  # fmt: skip
    if json:
        return
    if not found:
        say("Nothing needs a decision.")
        return
    print_table(
        ("trace", "dimension", "scores", "why", "decided"),
        [
            (
                one.trace_id,
                one.dimension,
                ", ".join(f"{name} {'x' if score is None else score}" for name, score in one.scores.items()),
                "; ".join(one.reasons),
                None if one.decided is None else "x" if one.decided.score is None else one.decided.score,
            )
            for one in found
        ],
    )
    say(
        f"spinebench rate adjudicate {folder.audit_id} --trace TRACE --dimension DIMENSION --score SCORE "
        f"--by consensus{at(workspace)}   (x: cannot assess)"
    )
    if any(one.decided is None for one in found):
        say(
            "Or by a third rater, blinded: spinebench rate packets "
            f"{folder.audit_id} --third-rater RATER{at(workspace)}"
        )


def say_rejected(rejected: Sequence[Rejected], *, kept: int, what: str, mend: str) -> int:
    """Name each rejected row, then how to mend them; returns the exit code."""
    from spinebench.cli.console import say
    from spinebench.errors import ExitCode

    for one in rejected[:40]:
        say(str(one))
    if len(rejected) > 40:
        say(f"and {len(rejected) - 40} more; --json lists them all")
    say(f"error: {len(rejected)} rejected; {kept} {what} of these files are kept.")
    say(mend)
    return ExitCode.DATA
