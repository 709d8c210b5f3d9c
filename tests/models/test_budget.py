from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.errors import ExitCode, StoppedError, UsageError
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.prices import PriceBook, TokenPrice
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.records import FailureClass, FinishReason, Usage
from tests.scripted_model import ScriptedModel, failure, request
from tests.virtual_time import run_virtual

PRICES = PriceBook({"openai/gpt-5.2": TokenPrice(input=0, output=1000)})
"""A thousandth of a USD per output token."""


def reply(output_tokens: int | None = 10) -> ModelReply:
    """A reply of 0.01 USD."""
    usage = Usage(input_tokens=0, output_tokens=output_tokens)
    return ModelReply(text="[A]", finish_reason=FinishReason.STOP, usage=usage)


async def ask_all(gateway: Gateway, model: ScriptedModel, n: int) -> list[Call | BaseException]:
    asked = (gateway.call(model, request(f"q{number}", max_tokens=10)) for number in range(n))
    return await asyncio.gather(*asked, return_exceptions=True)


def finished(outcomes: list[Call | BaseException]) -> list[Call]:
    """The calls that ended; all others must have been stopped."""
    for outcome in outcomes:
        assert isinstance(outcome, Call | StoppedError), outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Call)]


@pytest.mark.parametrize("connections", [1, 4, 64])
def test_the_budget_is_used_up_and_not_overshot_where_calls_cost_the_same(connections: int) -> None:
    model = ScriptedModel(otherwise=(1.0, reply()))
    gateway = Gateway(GatewayPolicy(budget_usd=0.255, max_connections=connections), prices=PRICES)
    calls = finished(run_virtual(ask_all(gateway, model, 200)))
    assert len(calls) == len(model.asked) == 25
    assert sum(call.usage.cost_usd or 0 for call in calls) == pytest.approx(0.25)


def test_the_message_says_what_was_spent_and_how_to_go_on() -> None:
    gateway = Gateway(GatewayPolicy(budget_usd=0.05), prices=PRICES)
    outcomes = run_virtual(ask_all(gateway, ScriptedModel(otherwise=(1.0, reply())), 9))
    stopped = next(outcome for outcome in outcomes if isinstance(outcome, StoppedError))
    assert stopped.exit_code is ExitCode.STOPPED
    assert str(stopped) == (
        "budget of 0.05 USD: 0.0500 USD are spent and the next call would not fit; "
        "resume to spend as much again, or with another --budget-usd"
    )


def test_token_limit() -> None:
    model = ScriptedModel(
        otherwise=(
            1.0,
            ModelReply(
                text="[A]", finish_reason=FinishReason.STOP, usage=Usage(input_tokens=90, output_tokens=10)
            ),
        )
    )
    gateway = Gateway(GatewayPolicy(token_limit=1050, max_connections=8))
    outcomes = run_virtual(ask_all(gateway, model, 50))
    assert len(finished(outcomes)) == 10
    assert any("token limit of 1050: 1000 tokens are used" in str(outcome) for outcome in outcomes)


def test_a_budget_of_nothing_asks_nothing() -> None:
    model = ScriptedModel()
    outcomes = run_virtual(ask_all(Gateway(GatewayPolicy(budget_usd=0), prices=PRICES), model, 3))
    assert finished(outcomes) == []
    assert model.asked == []


def test_a_pessimistic_first_guess_does_not_stop_the_work() -> None:
    # Before the first reply 100,000 output tokens, 100 USD, are assumed; a reply then costs 0.01 USD.
    model = ScriptedModel(otherwise=(1.0, reply()))
    gateway = Gateway(GatewayPolicy(budget_usd=0.2, max_connections=8), prices=PRICES)

    async def main() -> list[Call | BaseException]:
        asked = (gateway.call(model, request(f"q{n}", max_tokens=100_000)) for n in range(15))
        return await asyncio.gather(*asked, return_exceptions=True)

    assert len(finished(run_virtual(main()))) == 15
    # The first call ran alone, the rest side by side.
    assert [at for at, _ in model.asked][:2] == pytest.approx([0, 1], abs=0.01)
    assert model.most_in_flight == 8


def test_calls_in_flight_finish_when_the_budget_is_spent() -> None:
    # The first reply is cheap, the next ones cost a hundred times as much: four of them are under way.
    def decide(_: ModelRequest, number: int) -> tuple[float, ModelReply]:
        return (1.0, reply()) if number == 1 else (float(number), reply(1000))

    model = ScriptedModel(decide=decide)
    gateway = Gateway(GatewayPolicy(budget_usd=0.5, max_connections=4), prices=PRICES)
    calls = finished(run_virtual(ask_all(gateway, model, 100)))
    assert len(calls) == len(model.asked) == 5
    assert all(call.reply is not None for call in calls)


def test_a_call_that_waits_for_a_retry_is_stopped_too() -> None:
    def decide(asked: ModelRequest, _: int) -> ModelReply | BaseException:
        if asked.messages[0].text == "q0":
            return failure(FailureClass.SERVER, retry_after_s=None)
        return reply()

    gateway = Gateway(GatewayPolicy(budget_usd=0.05, backoff_initial_s=60), prices=PRICES)
    outcomes = run_virtual(ask_all(gateway, ScriptedModel(decide=decide), 20))
    assert isinstance(outcomes[0], StoppedError)


def test_the_budget_holds_for_all_accounts_together() -> None:
    prices = PriceBook(
        {"openai/a": TokenPrice(input=0, output=1000), "google/b": TokenPrice(input=0, output=1000)}
    )
    one = ScriptedModel(name="openai/a", otherwise=(1.0, reply()))
    other = ScriptedModel(name="google/b", account="google", otherwise=(1.0, reply()))
    gateway = Gateway(GatewayPolicy(budget_usd=0.1), prices=prices)

    async def main() -> list[list[Call | BaseException]]:
        return list(await asyncio.gather(ask_all(gateway, one, 30), ask_all(gateway, other, 30)))

    outcomes = run_virtual(main())
    assert len(finished(outcomes[0])) + len(finished(outcomes[1])) == 10
    with pytest.raises(StoppedError):
        run_virtual(gateway.call(ScriptedModel(name="openai/a", account="a new one"), request()))


def test_a_reply_without_usage_counts_as_its_estimate() -> None:
    model = ScriptedModel([reply(), reply(None), reply(None), reply(None)], otherwise=reply())
    gateway = Gateway(GatewayPolicy(budget_usd=0.1, max_connections=1), prices=PRICES)
    calls = finished(run_virtual(ask_all(gateway, model, 50)))
    assert len(calls) == 10
    (row,) = gateway.spending()
    assert row.cost_usd is None
    assert row.known_cost_usd == pytest.approx(0.07)
    assert row.unpriced_calls == 3


def test_a_budget_needs_a_price_before_any_work() -> None:
    gateway = Gateway(GatewayPolicy(budget_usd=5))
    model = ScriptedModel(name="openai-compatible/own", host="gpu.example.org")

    async def main() -> None:
        with pytest.raises(UsageError, match=r"budget of 5 USD with model 'openai-compatible/own'.*prices"):
            await gateway.check([model])
        with pytest.raises(UsageError, match="expected a known price"):
            await gateway.call(model, request())

    run_virtual(main())
    assert model.asked == []


def test_a_model_that_nothing_is_sent_away_for_needs_none() -> None:
    model = ScriptedModel(name="local/tiny", host=None)
    gateway = Gateway(GatewayPolicy(budget_usd=0.01))
    assert len(finished(run_virtual(ask_all(gateway, model, 20)))) == 20


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    connections=st.integers(1, 20),
    budget=st.floats(0.01, 2),
    failing=st.floats(0, 0.5),
)
def test_overshoot_is_at_most_what_calls_in_flight_exceed_their_estimates_by(
    seed: int, connections: int, budget: float, failing: float
) -> None:
    chance = random.Random(seed)

    def decide(_: ModelRequest, __: int) -> tuple[float, ModelReply | BaseException]:
        seconds = chance.uniform(0.1, 5)
        if chance.random() < failing:
            return seconds, failure(FailureClass.SERVER)
        return seconds, reply(chance.randint(0, 10))

    model = ScriptedModel(decide=decide)
    policy = GatewayPolicy(budget_usd=budget, max_connections=connections, seed=seed)
    gateway = Gateway(policy, prices=PRICES)
    outcomes = run_virtual(ask_all(gateway, model, 300))
    finished(outcomes)
    (row,) = gateway.spending()
    assert row.cost_usd is not None
    assert row.cost_usd <= budget + connections * 0.01
    if any(isinstance(outcome, StoppedError) for outcome in outcomes):
        assert row.cost_usd >= budget - 0.01, "stopped with room for another call"
    assert all(in_flight == 0 for in_flight, _ in gateway.connections().values())
