"""Whatever a provider does: one outcome per request, bounded attempts, no connection lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.protocol import FATAL, ModelFailure, ModelRequest
from spinebench.records import FailureClass, FinishReason
from tests.scripted_model import OK, ScriptedModel, Step, request
from tests.virtual_time import run_virtual

PASSING = sorted(set(FailureClass) - FATAL)


def misbehave(chance: random.Random, health: float) -> tuple[Step, ...]:
    """Steps of one attempt: a reply with probability `health`, otherwise anything that can go wrong."""
    seconds = chance.choice([0.0, 0.1, 1.0, 7.0])
    if chance.random() < health:
        return seconds, OK.model_copy(update={"finish_reason": chance.choice(list(FinishReason))})
    trouble = chance.randrange(6)
    if trouble == 0:
        return (1e9,)  # hangs
    if trouble == 1:
        return seconds, chance.choice([RuntimeError("bug"), asyncio.CancelledError(), TimeoutError()])
    retry_after = chance.choice([None, None, 0.0, 2.0, 40.0, 10_000.0, float("nan")])
    return seconds, ModelFailure(chance.choice(PASSING), "trouble", retry_after_s=retry_after)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 100_000),
    health=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    connections=st.integers(1, 10),
    adaptive=st.booleans(),
    max_retries=st.integers(0, 6),
    cancelled=st.sampled_from([0, 0, 3, 25]),
    cached=st.booleans(),
)
def test_every_request_ends_in_exactly_one_outcome(
    seed: int, health: float, connections: int, adaptive: bool, max_retries: int, cancelled: int, cached: bool
) -> None:
    chance = random.Random(seed)

    def decide(_: ModelRequest, __: int) -> tuple[Step, ...]:
        return misbehave(chance, health)

    models = [ScriptedModel(decide=decide, name=f"openai/m{n}", account=f"account {n % 2}") for n in range(3)]
    healthy = ScriptedModel(name="google/fine", account="healthy", otherwise=(1.0, OK))

    async def main(cache: ReplyCache | None) -> None:
        policy = GatewayPolicy(
            max_connections=connections,
            adaptive=adaptive,
            max_retries=max_retries,
            item_timeout_s=300,
            seed=seed,
        )
        gateway = Gateway(policy, cache=cache)
        texts = [f"q{chance.randrange(12)}" for _ in range(25)]
        asked = [(model, text) for model in models for text in texts]
        tasks = [asyncio.create_task(gateway.call(model, request(text))) for model, text in asked]
        fine = [asyncio.create_task(gateway.call(healthy, request(f"q{n}"))) for n in range(10)]
        for _ in range(cancelled):
            await asyncio.sleep(chance.choice([0, 0.05, 1]))
            chance.choice(tasks).cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            assert isinstance(outcome, Call) or (cancelled and isinstance(outcome, asyncio.CancelledError))
            if not isinstance(outcome, Call):
                continue
            assert outcome.attempts <= max_retries + 1
            if outcome.reused:
                assert outcome.reply is not None
                assert outcome.attempts == 0
            elif outcome.reply is None:
                assert outcome.failures
            else:
                assert len(outcome.failures) == outcome.attempts - 1
        for model in models:
            assert model.in_flight == 0
        for account in {model.account for model in models}:
            in_flight, limit = gateway.connections()[account]
            assert in_flight == 0
            assert 1 <= limit <= connections
        calls = [outcome for outcome in outcomes if isinstance(outcome, Call)]
        rows = [row for row in gateway.spending() if row.model != healthy.name]
        assert sum(row.calls for row in rows) == len(calls)
        assert sum(row.failed for row in rows) == sum(call.reply is None for call in calls)
        assert sum(row.attempts for row in rows) == sum(len(model.asked) for model in models)
        assert all(call.reply == OK for call in await asyncio.gather(*fine))
        assert max(at for at, _ in healthy.asked) <= 10

    if cached:
        with ReplyCache(Path(":memory:")) as cache:
            run_virtual(main(cache))
    else:
        run_virtual(main(None))
    for model in models:
        assert model.most_in_flight <= connections
