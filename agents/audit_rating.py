"""The nodes of the audit graph on the clinicians' side: resolve ratings, adjudicate, close."""

from __future__ import annotations

from typing import Literal

from spinebench.agents.audit_state import (
    AuditState,
    Json,
    scales,
    trace_id_of,
)
from spinebench.audit_records import (
    Adjudicated,
    Rating,
)
from spinebench.errors import UsageError
from spinebench.evaluators.resolving import ResolvedDimension, resolve
from spinebench.rubrics.rubric import Rubric


class RatingNodes:
    """The nodes that a graph entered again with ratings goes through. Each returns what it adds to the state."""

    def __init__(self, rubrics: tuple[Rubric, ...]) -> None:
        self._rubrics = rubrics

    async def resolve(self, state: AuditState) -> AuditState:
        """Median and range of the clinicians' scores by dimension."""
        trace_id = trace_id_of(state)
        ratings = [Rating.model_validate(one) for one in state["ratings"]]
        strangers = sorted({one.trace_id for one in ratings} - {trace_id})
        if strangers:
            raise UsageError(
                f"ratings of trace {strangers[0]!r}: expected ratings of {trace_id!r} only; give each trace its own"
            )
        resolved = resolve(ratings, scales=scales(self._rubrics, state))
        return {
            "resolved": [one.model_dump(mode="json") for one in resolved],
            "adjudicate": [],
            "outcome": "waiting",
        }

    def after_resolve(self, state: AuditState) -> Literal["adjudicate", "close", "__end__"]:
        """Nothing is decided before the ratings are locked; then what lies apart or was flagged is adjudicated."""
        if not state.get("locked"):
            return "__end__"
        return "adjudicate" if _undecided(state) else "close"

    async def adjudicate(self, state: AuditState) -> AuditState:
        """List what a third rater or the panel has to decide."""
        return {"adjudicate": _undecided(state), "outcome": "adjudicate"}

    async def close(self, state: AuditState) -> AuditState:
        """The ratings stand as they are, or what was open has been decided."""
        return {"adjudicate": [], "outcome": "closed"}


def _undecided(state: AuditState) -> list[Json]:
    """Dimensions to adjudicate that no stored decision settles."""
    trace_id = trace_id_of(state)
    decided = {
        one.dimension
        for one in (Adjudicated.model_validate(entry) for entry in state.get("adjudicated", []))
        if one.trace_id == trace_id
    }
    resolved = [ResolvedDimension.model_validate(one) for one in state["resolved"]]
    return [
        {"trace_id": trace_id, "dimension": one.dimension, "why": list(one.needs)}
        for one in resolved
        if one.needs and one.dimension not in decided
    ]
