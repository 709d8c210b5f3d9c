"""How calls are made: retries, timeouts, connections, limits. Nothing here can change an answer."""

from __future__ import annotations

from pydantic import Field

from spinebench.models.protocol import ChatModel
from spinebench.records import Record

ATTEMPT_TIMEOUT_S = 180.0
ITEM_TIMEOUT_S = 900.0

IN_PROCESS = frozenset({"local", "sim", "baseline", "recorded"})
"""Providers whose models run in this process: they have no timeout of their own accord, because a second
attempt at the same computation would only queue behind the first."""


class GatewayPolicy(Record):
    """Settings of the gateway; no part of a run's digest.

    The default of both timeouts, None, means 180 s per attempt and 900 s per item for a model reached over a
    network, and no limit for one that runs in this process. An explicit value holds for every model;
    `float("inf")` switches a timeout off.
    """

    max_retries: int = Field(default=6, ge=0)
    """Attempts after the first one, per call."""
    attempt_timeout_s: float | None = Field(default=None, gt=0)
    item_timeout_s: float | None = Field(default=None, gt=0)
    """From the start of the first attempt; waiting for the first free connection does not count."""
    max_connections: int = Field(default=16, ge=1)
    """Calls in flight per account: the fixed number, or the ceiling where `adaptive` is set."""
    adaptive: bool = False
    budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    token_limit: int | None = Field(default=None, ge=0)
    """Input and output tokens of this gateway's new calls, all models and roles together."""
    reuse: bool = True
    """Whether stored replies are read. They are written either way."""
    backoff_initial_s: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    backoff_max_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    retry_after_max_s: float = Field(default=900.0, gt=0, allow_inf_nan=False)
    """Longest wait that a provider's Retry-After can impose where the item timeout does not end it first."""
    check_retries: int = Field(default=2, ge=0)
    """Attempts after the first one when a model is checked before the work."""
    check_timeout_s: float = Field(default=30.0, gt=0)
    seed: int = 0
    """Of the jitter."""

    def attempt_timeout(self, model: ChatModel) -> float:
        """Seconds one attempt of `model` may take; infinite where there is no limit."""
        return _or_default(self.attempt_timeout_s, ATTEMPT_TIMEOUT_S, model)

    def item_timeout(self, model: ChatModel) -> float:
        """Seconds all attempts of one call of `model` may take; infinite where there is no limit."""
        return _or_default(self.item_timeout_s, ITEM_TIMEOUT_S, model)


def provider_of(name: str) -> str:
    """The provider of a canonical model string."""
    return name.partition("/")[0]


def _or_default(value: float | None, default: float, model: ChatModel) -> float:
    if value is not None:
        return value
    return float("inf") if provider_of(model.name) in IN_PROCESS else default
