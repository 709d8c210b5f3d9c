"""What calls used and cost, per model and role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spinebench.models.prices import PriceBook
from spinebench.models.protocol import ChatModel
from spinebench.records import Record, Usage


class Spending(Record):
    """Sums over the calls of one model in one role (or over several such rows).

    Tokens and cost are those of new replies: a reused reply uses nothing. An attempt that failed counts
    as an attempt without tokens, because no provider reports any.
    """

    model: str
    role: str
    calls: int
    """Calls that ended with a reply or with a failure of their own; not those that the run's stop cut off."""
    failed: int
    """Calls without a reply."""
    attempts: int
    """Requests that were sent, also for calls that were cut off."""
    retried: int
    """Attempts after a call's first one."""
    reused: int
    """Calls answered from the cache or by an identical call in flight."""
    input_tokens: int | None
    """None where no reply reported any, as with the other token counts."""
    output_tokens: int | None
    reasoning_tokens: int | None
    cached_input_tokens: int | None
    cost_usd: float | None
    """None as soon as the cost of one new reply is unknown; the sum of the others is `known_cost_usd`."""
    known_cost_usd: float
    unpriced_calls: int
    """New replies whose cost is unknown."""
    no_price: str | None = None
    """Why there is no price, e.g. `no price: local`."""


def added_usage(parts: Iterable[Usage]) -> Usage:
    """The usage of several calls that make up one answer. A count that no call reported is None; the cost is None
    as soon as one is unknown."""
    found = list(parts)
    costs = [part.cost_usd for part in found]
    known = [cost for cost in costs if cost is not None]

    def total_of(name: str) -> int | None:
        counts = [getattr(part, name) for part in found]
        reported = [count for count in counts if count is not None]
        return sum(reported) if reported else None

    return Usage(
        **{name: total_of(name) for name in _TOKEN_FIELDS},
        cost_usd=sum(known) if known and len(known) == len(costs) else None,
    )


@dataclass(slots=True)
class _Tally:
    no_price: str | None
    calls: int = 0
    failed: int = 0
    attempts: int = 0
    retried: int = 0
    reused: int = 0
    unpriced_calls: int = 0
    known_cost_usd: float = 0.0
    tokens: dict[str, int] = field(default_factory=dict)


_TOKEN_FIELDS = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_input_tokens")


class Ledger:
    """Counts what a gateway's calls used."""

    def __init__(self, prices: PriceBook) -> None:
        self._prices = prices
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def attempt(self, model: ChatModel, role: str, *, attempt: int) -> None:
        """An attempt begins, the call's first if `attempt` is 1."""
        tally = self._tally(model, role)
        tally.attempts += 1
        tally.retried += attempt > 1

    def replied(self, model: ChatModel, role: str, usage: Usage, *, reused: bool) -> None:
        """A call ends with a reply; `usage` carries its cost."""
        tally = self._tally(model, role)
        tally.calls += 1
        if reused:
            tally.reused += 1
            return
        for name in _TOKEN_FIELDS:
            count = getattr(usage, name)
            if count is not None:
                tally.tokens[name] = tally.tokens.get(name, 0) + count
        if usage.cost_usd is None:
            tally.unpriced_calls += 1
        else:
            tally.known_cost_usd += usage.cost_usd

    def failed(self, model: ChatModel, role: str) -> None:
        """A call ends without a reply."""
        tally = self._tally(model, role)
        tally.calls += 1
        tally.failed += 1

    def rows(self) -> tuple[Spending, ...]:
        """One row per model and role, in the order of their first calls."""
        return tuple(
            Spending(
                model=model,
                role=role,
                calls=tally.calls,
                failed=tally.failed,
                attempts=tally.attempts,
                retried=tally.retried,
                reused=tally.reused,
                **{name: tally.tokens.get(name) for name in _TOKEN_FIELDS},
                cost_usd=None if tally.unpriced_calls or tally.no_price else tally.known_cost_usd,
                known_cost_usd=tally.known_cost_usd,
                unpriced_calls=tally.unpriced_calls,
                no_price=tally.no_price,
            )
            for (model, role), tally in self._tallies.items()
        )

    def _tally(self, model: ChatModel, role: str) -> _Tally:
        key = (model.name, role)
        tally = self._tallies.get(key)
        if tally is None:
            no_price = self._prices.why_unknown(model.name, host=model.host)
            tally = self._tallies[key] = _Tally(no_price)
        return tally


def total(rows: Iterable[Spending]) -> Spending:
    """The sum of rows, as model `all` in role `all`; zeros (and no token count) for no rows.

    The cost is None as soon as it is in one row; rows whose models have none because nothing is charged
    (`no price: local`) count as such, too.
    """
    rows = tuple(rows)
    unknown = any(row.cost_usd is None for row in rows)
    known = sum(row.known_cost_usd for row in rows)

    def tokens(name: str) -> int | None:
        counts = [count for row in rows if (count := getattr(row, name)) is not None]
        return sum(counts) if counts else None

    return Spending(
        model="all",
        role="all",
        calls=sum(row.calls for row in rows),
        failed=sum(row.failed for row in rows),
        attempts=sum(row.attempts for row in rows),
        retried=sum(row.retried for row in rows),
        reused=sum(row.reused for row in rows),
        **{name: tokens(name) for name in _TOKEN_FIELDS},
        cost_usd=None if unknown else known,
        known_cost_usd=known,
        unpriced_calls=sum(row.unpriced_calls for row in rows),
        no_price=next((row.no_price for row in rows if row.no_price), None),
    )
