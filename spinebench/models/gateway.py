"""The one way to a chat model: limits, retries, timeouts, accounting, budget and reuse around every call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from spinebench.errors import ProviderError, StoppedError, UsageError
from spinebench.models.budget import Budget, Reservation, Verdict
from spinebench.models.cache import ReplyCache, is_good
from spinebench.models.checks import check_model
from spinebench.models.limits import AccountGate, ConnectionLimit, Signal, Slot
from spinebench.models.policy import GatewayPolicy, provider_of
from spinebench.models.prices import PriceBook, Rates
from spinebench.models.protocol import FATAL, ChatModel, ModelFailure, ModelReply, ModelRequest
from spinebench.models.provider_errors import internal_failure, provider_error, without_keys
from spinebench.models.retry import Again, GiveUp, RetryRule
from spinebench.models.spending import Ledger, Spending
from spinebench.models.storable import encodable, storable
from spinebench.records import Failure, FailureClass, Record, Usage, digest

__all__ = ["Call", "Gateway", "GatewayPolicy", "Spending"]

_UNCACHED = frozenset({"sim", "baseline", "recorded"})
"""Their replies depend on the item that is asked about, not on the request alone, and cost nothing."""


class Call(Record):
    """What became of one request. A missing reply is explained by the failures."""

    reply: ModelReply | None
    failures: tuple[Failure, ...]
    """One per failed attempt, in order, also of calls that succeeded in the end."""
    attempts: int
    """Requests sent; 0 for a reused reply."""
    reused: bool
    """True where the reply came from the cache or from an identical call in flight."""
    usage: Usage
    """Tokens of the reply. The cost is what this call cost: 0 for a reused reply of a priced model."""
    latency_s: float | None
    """Seconds of the successful attempt; None without one."""
    request_hash: str


@dataclass(slots=True)
class _Asking:
    """One call on its way through the gateway."""

    model: ChatModel
    request: ModelRequest
    role: str
    gate: AccountGate
    rates: Rates | None
    ticket: int
    attempt_timeout: float
    item_timeout: float
    deadline: float | None = None
    """Loop time at which the item's time is over; None before its first attempt."""
    attempts: int = 0
    failures: list[Failure] = field(default_factory=list)

    def time_left(self, now: float) -> float:
        return self.item_timeout if self.deadline is None else self.deadline - now


class Gateway:
    """Calls chat models for one run. Everything about one model attempt that is not the provider's protocol.

    Failures of one item are data in its `Call`. Two things end the work for all callers, those that wait
    included, while attempts in flight finish: a failure that no other item of the account would escape
    (`ProviderError`) and a spent budget (`StoppedError`, for all accounts).
    """

    def __init__(
        self,
        policy: GatewayPolicy | None = None,
        *,
        cache: ReplyCache | None = None,
        prices: PriceBook | None = None,
    ) -> None:
        self.policy = policy or GatewayPolicy()
        self.prices = prices or PriceBook()
        self._cache = cache
        self._retry = RetryRule(self.policy)
        self._ledger = Ledger(self.prices)
        self._budget = Budget(budget_usd=self.policy.budget_usd, token_limit=self.policy.token_limit)
        self._gates: dict[str, AccountGate] = {}
        self._tickets = itertools.count()
        self._flights: dict[str, asyncio.Future[ModelReply | None]] = {}
        self._settings: dict[int, tuple[ChatModel, str]] = {}
        self._stopped: str | None = None

    async def call(self, model: ChatModel, request: ModelRequest, *, role: str = "examinee") -> Call:
        """Ask `model`, with retries, and say what became of it.

        Raises `ProviderError` where the account cannot be used at all, `StoppedError` where the budget or
        token limit is reached, `UsageError` where a budget is set and the model's price is unknown.
        """
        request_hash = request.hash(model.name)
        cache = self._cache
        if cache is None or model.simulated or provider_of(model.name) in _UNCACHED:
            return await self._ask(model, request, role, request_hash)
        key = self._cache_key(model, request_hash)
        if not self.policy.reuse:
            call = await self._ask(model, request, role, request_hash)
            if call.reply is not None and is_good(call.reply, request):
                cache.put(key, call.reply, model=model.name)
            return call
        return await self._ask_once(cache, key, model, request, role, request_hash)

    async def check(self, models: Sequence[ChatModel]) -> None:
        """Check key, permission and model id of every model, at once; prices, too, where there is a budget.

        Raises `UsageError` for an unknown price under a budget, before anything is called, and
        `ProviderError` for the first model (in the order given) that cannot be used or reached; the others
        that failed are its notes. A provider that answers 429 to the check is one that can be used.
        """
        self.require_prices(models)
        outcomes = await asyncio.gather(*(check_model(model, self.policy, self._retry) for model in models))
        errors = [error for error in outcomes if error is not None]
        if errors:
            for error in errors[1:]:
                errors[0].add_note(str(error))
            raise errors[0]

    def require_prices(self, models: Sequence[ChatModel]) -> None:
        """Raise `UsageError` if there is a budget in USD and a remote model without a known price.

        Models that nothing leaves this machine for are exempt: there is no one to charge for them.
        """
        for model in models:
            if self.policy.budget_usd is not None and model.host is not None and self._rates(model) is None:
                raise UsageError(
                    f"budget of {self.policy.budget_usd:g} USD with model {model.name!r}: expected a known "
                    "price; give one in the plan (prices: USD per million tokens), or use --token-limit"
                )

    def spending(self) -> tuple[Spending, ...]:
        """What was used so far: one row per model and role."""
        return self._ledger.rows()

    def connections(self) -> dict[str, tuple[int, int]]:
        """Calls in flight and the present limit, by account."""
        return {account: (gate.in_flight, gate.limit.current) for account, gate in self._gates.items()}

    # ------------------------------------------------------------ reuse

    async def _ask_once(
        self,
        cache: ReplyCache,
        key: str,
        model: ChatModel,
        request: ModelRequest,
        role: str,
        request_hash: str,
    ) -> Call:
        while True:
            if (stored := cache.get(key)) is not None and is_good(stored, request):
                return self._reused(model, role, stored, request_hash)
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(cache, key, model, request, role, request_hash)
            try:
                # Shielded: a future is cancelled with the task that awaits it, and others await it, too.
                shared = await asyncio.shield(flight)
            except asyncio.CancelledError:
                if flight.cancelled() and not _being_cancelled():
                    continue  # the call in flight was cancelled, this one was not: it takes its place
                raise
            if shared is None:  # no good reply: this call finds out for itself
                return await self._ask(model, request, role, request_hash)
            return self._reused(model, role, shared, request_hash)

    async def _lead(
        self,
        cache: ReplyCache,
        key: str,
        model: ChatModel,
        request: ModelRequest,
        role: str,
        request_hash: str,
    ) -> Call:
        flight: asyncio.Future[ModelReply | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            call = await self._ask(model, request, role, request_hash)
            if call.reply is not None and is_good(call.reply, request):
                cache.put(key, call.reply, model=model.name)
                flight.set_result(call.reply)
            return call
        except asyncio.CancelledError:
            flight.cancel()
            raise
        finally:
            del self._flights[key]
            if not flight.done():
                flight.set_result(None)

    def _reused(self, model: ChatModel, role: str, reply: ModelReply, request_hash: str) -> Call:
        cost = None if self._rates(model) is None else 0.0
        usage = reply.usage.model_copy(update={"cost_usd": cost})
        self._ledger.replied(model, role, usage, reused=True)
        return Call(
            reply=reply,
            failures=(),
            attempts=0,
            reused=True,
            usage=usage,
            latency_s=None,
            request_hash=request_hash,
        )

    def _cache_key(self, model: ChatModel, request_hash: str) -> str:
        # The request hash names the model by its string; two servers, or two revisions of a checkpoint,
        # can go by the same one. The model is kept beside its settings so that no other object gets its id.
        known = self._settings.get(id(model))
        if known is None:
            known = self._settings[id(model)] = (model, digest(_plain(model.config)))
        return digest([request_hash, known[1]])

    # ------------------------------------------------------------ asking

    async def _ask(self, model: ChatModel, request: ModelRequest, role: str, request_hash: str) -> Call:
        if self.policy.budget_usd is not None:
            self.require_prices((model,))
        asking = _Asking(
            model=model,
            request=request,
            role=role,
            gate=self._gate(model),
            rates=self._rates(model),
            ticket=next(self._tickets),
            attempt_timeout=self.policy.attempt_timeout(model),
            item_timeout=self.policy.item_timeout(model),
        )
        loop = asyncio.get_running_loop()
        usage, latency = Usage(), None
        while True:
            slot = await self._enter(asking)
            if slot is None:
                reply = None
                break
            started = loop.time()
            outcome = await self._attempt(asking, slot)
            if isinstance(outcome, tuple):
                reply, usage = outcome
                latency = loop.time() - started
                break
            reply = None
            if isinstance(outcome, ProviderError):
                raise outcome
            wait = self._after(asking, outcome)
            if wait is None:
                break
            await asking.gate.sleep(wait)
        if reply is None:
            self._ledger.failed(model, role)
        else:
            self._ledger.replied(model, role, usage, reused=False)
        return Call(
            reply=reply,
            failures=tuple(asking.failures),
            attempts=asking.attempts,
            reused=False,
            usage=usage,
            latency_s=latency,
            request_hash=request_hash,
        )

    async def _enter(self, asking: _Asking) -> Slot | None:
        """A connection for the next attempt; None where the item's time ran out while waiting for it."""
        if asking.deadline is None:
            slot = await asking.gate.acquire(asking.ticket)
            asking.deadline = asyncio.get_running_loop().time() + asking.item_timeout
            return slot
        try:
            async with asyncio.timeout_at(_finite(asking.deadline)):
                return await asking.gate.acquire(asking.ticket)
        except TimeoutError:
            self._note(
                asking,
                ModelFailure(
                    FailureClass.TIMEOUT,
                    "no connection came free for another attempt within the item timeout of "
                    f"{asking.item_timeout:g} s",
                ),
            )
            return None

    async def _attempt(
        self, asking: _Asking, slot: Slot
    ) -> tuple[ModelReply, Usage] | ModelFailure | ProviderError:
        """One attempt in its connection: the reply with its priced usage, or what went wrong.

        What concerns the whole account is done before the connection is free for the next call.
        """
        signal, usage, reservation = Signal.SILENT, None, None
        try:
            if self._budget.limited:
                reservation = await self._reserve(asking)
            asking.attempts += 1
            self._ledger.attempt(asking.model, asking.role, attempt=asking.attempts)
            try:
                reply = await self._generate(asking)
            except ModelFailure as failure:
                if failure.failure_class in FATAL:
                    return self._shut(asking, failure)
                signal = _signal(failure)
                seconds = self._retry.pause(failure, item_timeout_s=asking.item_timeout)
                if seconds > 0:
                    asking.gate.pause(seconds)
                return failure
            signal = Signal.CLEAN
            usage = self._priced(asking, reply)
            return reply, usage
        finally:
            if reservation is not None:
                self._budget.settle(reservation, usage)
            asking.gate.release(slot, signal)

    async def _generate(self, asking: _Asking) -> ModelReply:
        """One request within its time; whatever goes wrong is a `ModelFailure`, but for the run's own end."""
        left = asking.time_left(asyncio.get_running_loop().time())
        seconds = min(asking.attempt_timeout, left)
        try:
            async with asyncio.timeout(_finite(seconds)) as limit:
                reply = await asking.model.generate(asking.request)
        except ModelFailure:
            raise
        except ProviderError as error:
            raise ModelFailure(FailureClass.PERMISSION, str(error)) from error
        except asyncio.CancelledError as error:
            # A cancelled task inside a user's model is that model's failure, not the end of this call.
            if _being_cancelled():
                raise
            raise internal_failure(error) from error
        except Exception as error:
            if isinstance(error, TimeoutError) and limit.expired():
                which = "attempt" if asking.attempt_timeout <= left else "item"
                whole = asking.attempt_timeout if which == "attempt" else asking.item_timeout
                message = f"no reply within the {which} timeout of {whole:g} s"
                raise ModelFailure(FailureClass.TIMEOUT, message) from error
            raise internal_failure(error) from error
        if not isinstance(reply, ModelReply):
            raise ModelFailure(
                FailureClass.INTERNAL, f"model returned {type(reply).__name__}: expected a ModelReply"
            )
        return storable(reply)

    def _after(self, asking: _Asking, failure: ModelFailure) -> float | None:
        """Note the failure; seconds to wait before the next attempt, None for no other attempt."""
        left = asking.time_left(asyncio.get_running_loop().time())
        match self._retry.after(
            failure, attempt=asking.attempts, time_left_s=left, item_timeout_s=asking.item_timeout
        ):
            case Again(wait_s=wait):
                self._note(asking, failure)
                return wait
            case GiveUp(why=why):
                self._note(asking, failure, why)
                return None

    def _note(self, asking: _Asking, failure: ModelFailure, why: str | None = None) -> None:
        record = failure.record(max(asking.attempts, 1))
        message = encodable(without_keys(record.message)) + ("" if why is None else f"; {why}")
        asking.failures.append(record.model_copy(update={"message": message}))

    def _priced(self, asking: _Asking, reply: ModelReply) -> Usage:
        cost = self.prices.cost(asking.model.name, reply.usage, host=asking.model.host)
        return reply.usage.model_copy(update={"cost_usd": cost})

    def _rates(self, model: ChatModel) -> Rates | None:
        return self.prices.rates(model.name, host=model.host)

    # ------------------------------------------------------------ the end of the work

    async def _reserve(self, asking: _Asking) -> Reservation:
        """Money and tokens for one attempt; raises `StoppedError` where there are none left."""
        key = (asking.model.name, asking.role)
        while True:
            asking.gate.raise_if_closed()
            found = self._budget.reserve(key, asking.request, asking.rates)
            if isinstance(found, Reservation):
                return found
            if found is Verdict.STOP:
                raise self._stop(self._budget.stop_message())
            await self._budget.change()

    def _stop(self, message: str) -> StoppedError:
        self._stopped = message
        for gate in self._gates.values():
            gate.close(lambda: StoppedError(message))
        self._budget.wake()
        return StoppedError(message)

    def _shut(self, asking: _Asking, failure: ModelFailure) -> ProviderError:
        error = (
            failure.__cause__
            if isinstance(failure.__cause__, ProviderError)
            else provider_error(asking.model, failure)
        )
        message = str(error)
        asking.gate.close(lambda: ProviderError(message))
        self._budget.wake()
        return ProviderError(message)

    def _gate(self, model: ChatModel) -> AccountGate:
        gate = self._gates.get(model.account)
        if gate is None:
            limit = ConnectionLimit(self.policy.max_connections, adaptive=self.policy.adaptive)
            gate = self._gates[model.account] = AccountGate(limit)
            if self._stopped is not None:
                message = self._stopped
                gate.close(lambda: StoppedError(message))
        return gate


def _signal(failure: ModelFailure) -> Signal:
    if failure.failure_class is FailureClass.RATE_LIMIT:
        return Signal.RATE_LIMITED
    return Signal.TROUBLED if failure.retryable else Signal.SILENT


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds


def _plain(config: object) -> object:
    """Settings as JSON can hold them; whatever it cannot hold, by its repr."""
    if isinstance(config, dict):
        return {str(key): _plain(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [_plain(value) for value in config]
    return config if config is None or isinstance(config, str | int | float | bool) else repr(config)
