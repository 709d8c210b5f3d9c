"""Limits on money and tokens: which call may still start, and when the work stops."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import IntEnum

from spinebench.models.prices import Rates
from spinebench.models.protocol import ImagePart, ModelRequest, TextPart
from spinebench.records import Usage

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_IMAGE = 1600
_OUTPUT_TOKENS = 4096
"""Rough, and used only until the first reply of a model has said more."""


class Verdict(IntEnum):
    """Whether a call may start; the worse of two verdicts is the greater one."""

    GO = 0
    WAIT = 1  # it would fit if calls in flight turn out cheaper than reserved
    STOP = 2  # it does not fit, whatever the calls in flight cost


@dataclass(slots=True)
class _Limit:
    maximum: float
    spent: float = 0.0
    reserved: float = 0.0
    n_reserved: int = 0

    def reserve(self, amount: float) -> None:
        self.reserved += amount
        self.n_reserved += 1

    def free(self, amount: float) -> None:
        self.n_reserved -= 1
        # By subtraction alone, rounding would leave a trace when nothing is reserved any more.
        self.reserved = self.reserved - amount if self.n_reserved else 0.0

    def verdict(self, estimate: float, *, proven: bool) -> Verdict:
        if self.spent >= self.maximum or (proven and self.spent + estimate > self.maximum):
            return Verdict.STOP
        if self.n_reserved and self.spent + self.reserved + estimate > self.maximum:
            return Verdict.WAIT
        # A guess made before the first reply stops nothing; it only limits how many run side by side.
        return Verdict.GO


@dataclass(slots=True)
class _Mean:
    n: int = 0
    sum: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        self.sum += value


@dataclass(slots=True)
class _Means:
    cost: _Mean = field(default_factory=_Mean)
    tokens: _Mean = field(default_factory=_Mean)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for one attempt in flight."""

    key: tuple[str, str]
    cost: float
    tokens: float


class Budget:
    """Money and token limits of one gateway.

    Each attempt in flight has an estimate reserved: the mean of what calls of its model and role have
    used so far, or, before the first reply, its maximal output and a rough count of its input. A call
    starts if it fits beside what is spent and reserved; it waits while only the reservations are in its
    way; it stops the work if it does not fit beside what is spent. So the limit is overshot by no more than
    the amounts by which the calls in flight exceed their estimates. A reply without reported usage counts
    as its estimate.
    """

    def __init__(self, *, budget_usd: float | None = None, token_limit: int | None = None) -> None:
        self._money = None if budget_usd is None else _Limit(budget_usd)
        self._tokens = None if token_limit is None else _Limit(token_limit)
        self._means: dict[tuple[str, str], _Means] = {}
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def limited(self) -> bool:
        """Whether there is any limit at all."""
        return self._money is not None or self._tokens is not None

    def reserve(
        self, key: tuple[str, str], request: ModelRequest, rates: Rates | None
    ) -> Reservation | Verdict:
        """A reservation if the call of model and role `key` may start now, otherwise WAIT or STOP."""
        means = self._means.setdefault(key, _Means())
        guess_in, guess_out = _guess(request)
        cost, tokens, verdict = 0.0, 0.0, Verdict.GO
        if self._money is not None and rates is not None:
            proven = means.cost.n > 0
            cost = means.cost.sum / means.cost.n if proven else rates.cost(guess_in, guess_out)
            verdict = self._money.verdict(cost, proven=proven)
        if self._tokens is not None:
            proven = means.tokens.n > 0
            tokens = means.tokens.sum / means.tokens.n if proven else float(guess_in + guess_out)
            verdict = max(verdict, self._tokens.verdict(tokens, proven=proven))
        if verdict is not Verdict.GO:
            return verdict
        if self._money is not None:
            self._money.reserve(cost)
        if self._tokens is not None:
            self._tokens.reserve(tokens)
        return Reservation(key, cost, tokens)

    def settle(self, reservation: Reservation, usage: Usage | None) -> None:
        """An attempt ended: with a reply that used `usage` (with its cost), or, for None, without one."""
        if self._money is not None:
            self._money.free(reservation.cost)
        if self._tokens is not None:
            self._tokens.free(reservation.tokens)
        if usage is not None:
            self._count(reservation, usage)
        self.wake()

    async def change(self) -> None:
        """Wait until an attempt in flight ends or the gateway stops."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def wake(self) -> None:
        """Let everyone who waits for a change look again."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def stop_message(self) -> str:
        """Why the work stops, for the user."""
        if self._money is not None and (self._tokens is None or _share(self._money) >= _share(self._tokens)):
            return (
                f"budget of {self._money.maximum:g} USD: {self._money.spent:.4f} USD are spent and the next "
                "call would not fit; resume to spend as much again, or with another --budget-usd"
            )
        assert self._tokens is not None
        return (
            f"token limit of {self._tokens.maximum:.0f}: {self._tokens.spent:.0f} tokens are used and the "
            "next call would not fit; resume to use as many again, or with another --token-limit"
        )

    def _count(self, reservation: Reservation, usage: Usage) -> None:
        means = self._means[reservation.key]
        if self._money is not None:
            if usage.cost_usd is None:
                self._money.spent += reservation.cost
            else:
                self._money.spent += usage.cost_usd
                means.cost.add(usage.cost_usd)
        if self._tokens is not None:
            if usage.input_tokens is None and usage.output_tokens is None:
                self._tokens.spent += reservation.tokens
            else:
                used = float((usage.input_tokens or 0) + (usage.output_tokens or 0))
                self._tokens.spent += used
                means.tokens.add(used)


def _guess(request: ModelRequest) -> tuple[int, int]:
    parts = [part for message in request.messages for part in message.parts]
    characters = sum(len(part.text) for part in parts if isinstance(part, TextPart))
    images = sum(isinstance(part, ImagePart) for part in parts)
    tokens = characters // _CHARACTERS_PER_TOKEN + images * _TOKENS_PER_IMAGE
    return tokens, request.decoding.max_tokens or _OUTPUT_TOKENS


def _share(limit: _Limit) -> float:
    return limit.spent / limit.maximum if limit.maximum > 0 else 1.0
