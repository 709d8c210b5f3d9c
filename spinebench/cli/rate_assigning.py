"""Who rates what: the part that `rate assign` and `rate packets` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spinebench.audit_records import Assignment
    from spinebench.store import Workspace
    from spinebench.store.audit_folder import AuditFolder


def assign_to_raters(
    place: Workspace,
    folder: AuditFolder,
    raters: Sequence[str] | None,
    *,
    per_trace: int = 2,
    anchors: int | None = None,
    duplicates: float = 0.07,
    seed: int | None = None,
    everything: bool = False,
) -> list[Assignment]:
    """Assign the referred traces, or all, to these raters, and store what is new; returns every rater's list.

    Where none are named: those who have a list, or, before there is any, all who have a card.

    Raises `UsageError` for a rater without a card, ratings that are locked, and where there is nothing to rate.
    """
    import secrets
    from datetime import UTC, datetime
    from difflib import get_close_matches

    from spinebench.cli.console import say
    from spinebench.errors import UsageError
    from spinebench.rating.assigning import Rateable, assign

    cards = place.raters()
    held = folder.assignments()
    named = raters or ([] if held else sorted(cards))
    for name in named:
        if name not in cards:
            near = get_close_matches(name, cards, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"rater {name!r}: expected one with a card{hint}; add it by 'spinebench rate raters add {name}'"
            )
    if folder.rating_lock() is not None:
        raise UsageError(
            f"audit {folder.audit_id!r}: expected ratings that are open, but they are locked; make a new audit"
        )
    traces = list(folder.traces())
    if not everything and folder.spec().judges:
        reviews = folder.reviews()
        unseen = sum(trace.trace_id not in reviews for trace in traces)
        if unseen:
            say(
                f"{unseen} of {len(traces)} traces have not been through all judges yet; call again when they have."
            )
        traces = [
            trace for trace in traces if trace.trace_id in reviews and reviews[trace.trace_id].refers_by
        ]
    if not traces and not held:
        raise UsageError(
            f"audit {folder.audit_id!r}: expected traces that are referred to clinicians, but there are none; "
            "finish the audit, or assign all its traces with --all"
        )
    # The seed is not to be guessed from a packet: whoever knows it could tell what its ids stand for.
    drawn = secrets.randbits(48) if seed is None else seed
    made = assign(
        [Rateable.of(trace) for trace in traces], list(named), audit_id=folder.audit_id, seed=drawn,
        at=datetime.now(UTC), per_trace=per_trace, anchors=anchors, duplicates=duplicates, earlier=held,
    )  # fmt: skip
    changed = [one for one in made if held.get(one.rater) != one]
    if changed:
        folder.write_assignments(changed)
    return made


def tell_assignments(folder: AuditFolder, made: Sequence[Assignment], *, json: bool) -> None:
    """A line per rater of what they got, and which rules could not be kept."""
    from spinebench.cli.console import emit, print_table, say
    from spinebench.rating.assigning import Rateable, broken_rules

    known = [Rateable.of(trace) for trace in folder.traces()]
    rows = []
    for one in made:
        n_again = sum(shown.duplicate for shown in one.traces)
        n_anchors = sum(shown.anchor and not shown.duplicate for shown in one.traces)
        n_sittings = max((shown.sitting for shown in one.traces), default=0)
        broken = broken_rules(one, known)
        rows.append((one.rater, len(one.traces), n_anchors, n_again, n_sittings))
        if json:
            emit(
                {"type": "assignment", "audit_id": one.audit_id, "rater": one.rater, "seed": one.seed,
                 "n_showings": len(one.traces), "n_anchors": n_anchors, "n_duplicates": n_again,
                 "n_sittings": n_sittings, "not_kept": broken}
            )  # fmt: skip
        for said in broken:
            say(f"{one.rater}: {said}")
    if not json:
        print_table(("rater", "showings", "anchors", "hidden duplicates", "sittings"), rows)
