"""Who rates which trace: raters per trace, the anchor set, hidden duplicates.

Everything that looks random is a hash over the seed and names, so that the same input gives the same lists,
and a rater or trace that comes later changes nothing in the lists that are out.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from spinebench.audit_records import AssignedTrace, Assignment, AuditTrace
from spinebench.errors import UsageError
from spinebench.rating.ordering import Showing, order_showings

SITTING = 25
"""Traces a sitting, at most."""
FEWEST_DUPLICATES, MOST_DUPLICATES = 0.05, 0.10
"""Share of hidden duplicates in a rater's list, over the distinct traces of the list."""


@dataclass(frozen=True, slots=True)
class Rateable:
    """What assigning has to know of a trace."""

    trace_id: str
    model: str
    image: str

    @classmethod
    def of(cls, trace: AuditTrace) -> Rateable:
        facts = trace.pick.trace
        return cls(facts.trace_id, facts.model, facts.image)


def assign(
    traces: Sequence[Rateable],
    raters: Sequence[str],
    *,
    audit_id: str,
    seed: int,
    at: datetime,
    per_trace: int = 2,
    anchors: int | None = None,
    duplicates: float = 0.07,
    earlier: Mapping[str, Assignment] | None = None,
) -> list[Assignment]:
    """One list per rater, sorted by rater; the raters of `earlier` are always among them.

    Lists that are out are kept as they are: what is new stands behind them. Nothing new: the same lists.
    Every trace goes to `per_trace` raters or more, the anchor set to all. A rater who comes late, when every
    trace has its raters, is given the anchors and as many further traces as an equal share would be.

    Args:
        traces: the traces to rate; one that was assigned earlier and is not named here stays assigned.
        anchors: traces rated by all, spread over the models; None: a tenth, five or more where there are as
            many. It may grow, and does not shrink.
        duplicates: share of a rater's traces that are shown a second time, 0 or 0.05 to 0.10. Rounded to whole
            traces within these bounds: a list of fewer than ten traces has none.

    Raises UsageError for fewer raters than `per_trace`, `per_trace` below 2, and a share out of bounds.
    """
    earlier = dict(earlier or {})
    everyone = sorted({*raters, *earlier})
    _check(everyone, per_trace=per_trace, duplicates=duplicates, n_traces=len(traces))
    if not traces:
        return [earlier[rater] for rater in everyone if rater in earlier]
    held = {
        rater: {shown.trace_id for shown in earlier[rater].traces} if rater in earlier else set[str]()
        for rater in everyone
    }
    known = {trace.trace_id: trace for trace in traces}
    anchored = _anchors(traces, anchors, seed=seed, earlier=earlier)
    wanted = {rater: held[rater] | anchored for rater in everyone}
    _share_out(traces, wanted, newcomers=set(everyone) - set(earlier), per_trace=per_trace, seed=seed)
    return [
        _extended(
            earlier.get(rater),
            [known[trace_id] for trace_id in sorted(wanted[rater] - held[rater])],
            rater=rater, audit_id=audit_id, seed=seed, at=at, anchored=anchored,
            duplicates=duplicates, known=known,
        )
        for rater in everyone
    ]  # fmt: skip


def broken_rules(assignment: Assignment, traces: Iterable[Rateable]) -> list[str]:
    """What could not be kept in a list, one sentence each; [] where every rule of the order holds.

    Traces that are not among `traces` any more are passed over.
    """
    known = {trace.trace_id: trace for trace in traces}
    listed = [known[shown.trace_id] for shown in assignment.traces if shown.trace_id in known]
    pairs = list(itertools.pairwise(listed))
    models = Counter(trace.model for trace in listed)
    said = []
    same_model = sum(one.model == other.model for one, other in pairs)
    if same_model:
        most = max(models.values())
        why = "all are of one model" if len(models) == 1 else f"one model has {most} of {len(listed)}"
        said.append(f"{same_model} times two traces of one model follow each other ({why})")
    same_image = sum(one.image == other.image for one, other in pairs)
    if same_image:
        n_images = len({trace.image for trace in listed})
        said.append(f"{same_image} times the same image follows itself (there are {n_images} images)")
    n_again = sum(shown.duplicate for shown in assignment.traces)
    n_distinct = len(assignment.traces) - n_again
    if not FEWEST_DUPLICATES <= n_again / max(1, n_distinct) <= MOST_DUPLICATES:
        why = ": too few traces for one" if n_distinct < 10 else ""
        said.append(f"{n_again} hidden duplicates in {n_distinct} traces, not 5 to 10 %{why}")
    for gap, position in _duplicate_gaps(assignment):
        if gap < position // 3:
            said.append(
                f"the hidden duplicate at place {position} stands {gap} places after its first showing"
            )
    return said


def _check(everyone: Sequence[str], *, per_trace: int, duplicates: float, n_traces: int) -> None:
    if per_trace < 2:
        raise UsageError(
            f"raters per trace {per_trace!r}: expected 2 or more; "
            "without a second rater nothing can be said about how far one rater is to be trusted"
        )
    if len(everyone) < per_trace and n_traces:
        raise UsageError(
            f"raters {list(everyone)!r}: expected {per_trace} or more, the raters per trace; "
            "add one by 'spinebench rate raters add ID', and where you name raters with --rater name it too"
        )
    if duplicates != 0 and not FEWEST_DUPLICATES <= duplicates <= MOST_DUPLICATES:
        raise UsageError(
            f"share of hidden duplicates {duplicates!r}: expected 0.05 to 0.10; "
            "or 0 for none, which leaves the raters' repeatability unknown"
        )


def _anchors(
    traces: Sequence[Rateable], wanted: int | None, *, seed: int, earlier: Mapping[str, Assignment]
) -> set[str]:
    """The earlier anchors and, up to the wanted number, new ones: each model's first by hash in turn."""
    kept = {shown.trace_id for one in earlier.values() for shown in one.traces if shown.anchor}
    if wanted is None:
        wanted = len(kept) if kept else max(math.ceil(len(traces) / 10), 5)
    if wanted < 0:
        raise UsageError(f"anchors {wanted!r}: expected 0 or more; leave the option out for a tenth")
    by_model: dict[str, list[Rateable]] = defaultdict(list)
    for trace in sorted(traces, key=lambda one: _hash(seed, "anchor", one.trace_id)):
        by_model[trace.model].append(trace)
    models = sorted(by_model, key=lambda model: _hash(seed, "anchor model", model))
    rank = {
        trace.trace_id: (turn, place)
        for place, model in enumerate(models)
        for turn, trace in enumerate(by_model[model])
    }
    for trace_id in sorted(rank, key=lambda one: rank[one]):
        if len(kept) >= wanted:
            break
        kept.add(trace_id)
    return kept


def _share_out(
    traces: Sequence[Rateable],
    wanted: dict[str, set[str]],
    *,
    newcomers: set[str],
    per_trace: int,
    seed: int,
) -> None:
    """Give every trace its raters, the least busy first; then fill up newcomers to an equal share."""
    here = {trace.trace_id: trace for trace in traces}
    busy = {rater: len(ids & here.keys()) for rater, ids in wanted.items()}
    by_model = {
        rater: Counter(here[one].model for one in sorted(ids & here.keys())) for rater, ids in wanted.items()
    }
    raters_of = {trace_id: {rater for rater, ids in wanted.items() if trace_id in ids} for trace_id in here}

    def give(rater: str, trace: Rateable) -> None:
        wanted[rater].add(trace.trace_id)
        raters_of[trace.trace_id].add(rater)
        busy[rater] += 1
        by_model[rater][trace.model] += 1

    shuffled = sorted(traces, key=lambda one: _hash(seed, "share", one.trace_id))
    for trace in shuffled:
        while len(raters_of[trace.trace_id]) < per_trace:
            free = wanted.keys() - raters_of[trace.trace_id]
            give(
                min(
                    free,
                    key=lambda rater: (
                        busy[rater],
                        by_model[rater][trace.model],
                        _hash(seed, "rater", rater, trace.trace_id),
                    ),
                ),
                trace,
            )
    share = math.ceil(len(traces) * per_trace / len(wanted))
    for rater in sorted(newcomers):
        while busy[rater] < share:
            open_to = [trace for trace in shuffled if rater not in raters_of[trace.trace_id]]
            give(
                rater,
                min(
                    open_to,
                    key=lambda one: (len(raters_of[one.trace_id]), by_model[rater][one.model]),
                ),
            )


def _extended(
    before: Assignment | None,
    new: Sequence[Rateable],
    *,
    rater: str,
    audit_id: str,
    seed: int,
    at: datetime,
    anchored: set[str],
    duplicates: float,
    known: Mapping[str, Rateable],
) -> Assignment:
    """A rater's list with what is new behind it. The seed of a list that is out stays its own."""
    kept = before.traces if before is not None else ()
    if before is not None and not new:
        return before
    own_seed = before.seed if before is not None else seed
    distinct = {shown.trace_id for shown in kept} | {trace.trace_id for trace in new}
    repeated = {shown.trace_id for shown in kept if shown.duplicate}
    n_more = max(0, n_duplicates(len(distinct), duplicates) - len(repeated))
    order = order_showings(
        [Showing(trace.trace_id, trace.model, trace.image) for trace in new],
        again=n_more,
        before=[_showing(shown, known) for shown in kept],
        seed=f"{own_seed}|{rater}|{len(kept)}",
    )
    start, sittings = len(kept), max((shown.sitting for shown in kept), default=0)
    n_sittings = math.ceil(len(order) / SITTING)
    added = tuple(
        AssignedTrace(
            packet_id=packet_id(audit_id, rater, one.trace_id, own_seed, duplicate=one.duplicate),
            trace_id=one.trace_id,
            position=start + place + 1,
            sitting=sittings + 1 + place * n_sittings // len(order),  # of equal length, as far as it goes
            duplicate=one.duplicate,
            anchor=one.trace_id in anchored,
        )
        for place, one in enumerate(order)
    )
    created = before.created_at if before is not None else at
    return Assignment(
        audit_id=audit_id, rater=rater, seed=own_seed, created_at=created, traces=(*kept, *added)
    )


def _showing(shown: AssignedTrace, known: Mapping[str, Rateable]) -> Showing:
    trace = known.get(shown.trace_id)
    model, image = ("", "") if trace is None else (trace.model, trace.image)
    return Showing(shown.trace_id, model, image, shown.duplicate)


def n_duplicates(n_distinct: int, share: float) -> int:
    """Whole hidden duplicates for a list: the share, rounded, within 5 to 10 % of the distinct traces."""
    if share == 0:
        return 0
    lowest, highest = -(-n_distinct // 20), n_distinct // 10
    return min(max(round(n_distinct * share), lowest), highest)


def packet_id(audit_id: str, rater: str, trace_id: str, seed: int, *, duplicate: bool) -> str:
    """Twelve letters and digits that say nothing about what they stand for to whoever lacks the seed."""
    return _hash(seed, "packet", audit_id, rater, trace_id, "again" if duplicate else "first")[:12]


def _duplicate_gaps(assignment: Assignment) -> list[tuple[int, int]]:
    """Of each hidden duplicate: how far behind its first showing it stands, and where."""
    first = {shown.trace_id: shown.position for shown in assignment.traces if not shown.duplicate}
    return [
        (shown.position - first[shown.trace_id], shown.position)
        for shown in assignment.traces
        if shown.duplicate
    ]


def _hash(seed: int, *parts: str) -> str:
    return hashlib.sha256("\x1f".join((str(seed), *parts)).encode()).hexdigest()
