"""The audit graph's state: plain JSON throughout, images by reference, never by bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from spinebench.audit_records import AuditTrace
from spinebench.rubrics.rubric import Rubric

Json = dict[str, Any]


class AuditInput(TypedDict, total=False):
    """What the graph is called with. Only `trace` is required; with `ratings` it is entered again."""

    trace: Json
    """An `AuditTrace` as JSON."""
    audit_id: str
    """Goes into the records; empty by default."""
    done: list[Json]
    """`Judgement`s of this trace that are stored already. Those that are no error are not asked for again."""
    ratings: list[Json]
    """The trace's `Rating`s, superseded ones left out. Not empty: no judge is asked, the ratings are resolved."""
    locked: bool
    """Whether the ratings are final. Before that nothing is adjudicated or closed."""
    adjudicated: list[Json]
    """`Adjudicated` decisions of this trace that are stored already."""


class Sitting(TypedDict, total=False):
    """One judge at work on the trace, once."""

    trace_id: str
    judge: str
    repeat: int
    stage: Literal["ask", "replied", "over"]
    plain_json: bool
    """The provider has refused the JSON schema."""
    replies: list[Json]
    """`JudgeReply`s."""
    finish_reason: str | None
    """Of the last reply."""
    failures: list[Json]
    judgement: Json
    """Set when it is over."""


def joined(before: dict[str, Sitting] | None, after: dict[str, Sitting]) -> dict[str, Sitting]:
    """What parallel judges add, by judgement id; the later entry of one id counts."""
    return {**(before or {}), **after}


def later(before: Json | None, after: Json | None) -> Json | None:
    """One of what several judges say at once."""
    return after


class JudgeInput(TypedDict):
    """What a judge node is sent."""

    id: str
    sitting: Sitting
    trace: Json
    images: list[Json]


class AuditState(AuditInput, total=False):
    """What the nodes add."""

    # prepare
    images: list[Json]
    """Those the judges are shown: each a `SentImage` as JSON, with `file`, where its bytes lie."""
    image_failure: Json | None
    """A `Failure`: the image is to be shown and cannot be. Then no judge is asked, and all judgements are errors."""
    shown_sha256: str
    steering: list[str]
    # judge, check
    sittings: Annotated[dict[str, Sitting], joined]
    """Judgement id -> `Sitting`."""
    judgements: list[Json]
    """`Judgement`s made in this entry, those that are over so far. What was `done` before is not among them."""
    halted: Annotated[Json | None, later]
    """Why nothing more may be asked: kind and message of the error that the graph then ends with."""
    # checks
    checks: list[Json]
    """`TraceCheck`s."""
    # reconcile, refer
    votes: list[Json]
    """`DimensionVotes`, over what was done before and now."""
    review: Json
    """A `Review`."""
    # resolve, adjudicate, close
    resolved: list[Json]
    """`ResolvedDimension`s."""
    adjudicate: list[Json]
    """What a third rater or the panel has to decide: each a mapping of `trace_id`, `dimension` and `why`."""
    outcome: str
    """Of an entry with ratings: `waiting` (not locked), `adjudicate` or `closed`."""


class AuditOutput(AuditState, total=False):
    """The whole state: a user's own graph may read any of it."""


def trace_id_of(state: AuditState) -> str:
    """The id of the trace a state is about."""
    return str(state["trace"]["pick"]["trace"]["trace_id"])


def scales(rubrics: Sequence[Rubric], state: AuditState) -> dict[str, tuple[int, ...]]:
    """Dimension -> declared values, for the dimensions that apply to the trace's task, in the rubrics' order."""
    task = AuditTrace.model_validate(state["trace"]).item.task
    return {one.id: one.scale for rubric in rubrics for one in rubric.dimensions if one.applies_to(task)}
