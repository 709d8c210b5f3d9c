"""What a dry run expects of the model of one role."""

from __future__ import annotations

from spinebench.records import Record


class RoleEstimate(Record):
    """The calls of a role that are left, at most; no reply has to be asked for twice."""

    role: str
    model: str
    host: str | None
    calls: int
    input_tokens: tuple[int, int]
    output_tokens: tuple[int, int]
    cost_usd: tuple[float, float] | None
    """None where the price is unknown."""
