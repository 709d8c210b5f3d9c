"""The gateway with the real adapters, against a loopback provider that fails on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from spinebench.errors import ProviderError, StoppedError
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.protocol import ChatModel
from spinebench.models.registry import create_model
from spinebench.records import FailureClass, FinishReason
from tests.scripted_model import request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.provider import ProviderServer

PROTOCOLS = ["openai/gpt-5.2", "anthropic/claude-sonnet-4-5", "google/gemini-2.5-pro"]

Connect = Callable[[str], ChatModel]


@pytest_asyncio.fixture
async def connect(provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """Makes a model of a name whose provider is the loopback one, and closes it afterwards."""
    made: list[ChatModel] = []
    urls = {
        "openai": provider_server.openai_url,
        "anthropic": provider_server.anthropic_url,
        "google": provider_server.google_url,
    }
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(variable, "loopback-key-0123456789")

    def make(name: str) -> ChatModel:
        made.append(create_model(name, args={"base_url": urls[name.partition("/")[0]]}))
        return made[-1]

    yield make
    for model in made:
        await model.aclose()


def quick(**settings: Any) -> GatewayPolicy:
    """A policy whose back-off does not hold the tests up."""
    return GatewayPolicy(backoff_initial_s=0.01, backoff_max_s=0.05, **settings)


def gathered(*calls: Awaitable[Call]) -> Awaitable[list[Call | BaseException]]:
    return asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_a_reply_with_its_cost(connect: Connect, name: str) -> None:
    call = await Gateway().call(connect(name), request())
    assert call.reply is not None
    assert call.reply.text
    assert call.usage.input_tokens
    assert call.usage.cost_usd
    assert call.latency_s is not None
    assert call.attempts == 1


@pytest.mark.parametrize(
    ("kind", "failure_class"),
    [
        ("rate_limit", FailureClass.RATE_LIMIT),
        ("server", FailureClass.SERVER),
        ("overloaded", FailureClass.SERVER),
        ("gateway_html", FailureClass.SERVER),
        ("reset", FailureClass.CONNECTION),
        ("cut", FailureClass.CONNECTION),
        ("truncated", FailureClass.MALFORMED),
        ("invalid_json", FailureClass.MALFORMED),
        ("no_content", FailureClass.MALFORMED),
        ("hang", FailureClass.TIMEOUT),
    ],
)
@pytest.mark.parametrize("name", PROTOCOLS)
async def test_passing_trouble_ends_in_a_reply(
    connect: Connect, provider_server: ProviderServer, name: str, kind: str, failure_class: FailureClass
) -> None:
    provider_server.fault(kind, times=2)
    # A busy machine may be slow to answer; only what hangs is to be cut short.
    gateway = Gateway(quick(attempt_timeout_s=2 if kind == "hang" else 30))
    call = await gateway.call(connect(name), request())
    assert call.reply is not None
    assert call.attempts == 3
    assert [met.failure_class for met in call.failures] == [failure_class] * 2
    assert provider_server.n_requests == 3, "the SDK made no retries of its own"


@pytest.mark.parametrize("spelling", ["seconds", "date", "ms"])
async def test_retry_after_is_honoured(
    connect: Connect, provider_server: ProviderServer, spelling: str
) -> None:
    # An HTTP date has whole seconds: two seconds ahead is at least one.
    asked, least = (2.0, 0.9) if spelling == "date" else (0.6, 0.6)
    provider_server.fault("rate_limit", times=1, retry_after_s=asked, retry_after_as=spelling)
    began = time.monotonic()
    call = await Gateway(quick()).call(connect(PROTOCOLS[0]), request())
    assert call.reply is not None
    assert time.monotonic() - began >= least


@pytest.mark.parametrize(
    ("kind", "finish"),
    [("refusal", FinishReason.REFUSAL), ("filter", FinishReason.FILTER), ("length", FinishReason.LENGTH)],
)
async def test_a_reply_that_is_no_answer_is_not_stored(
    connect: Connect, provider_server: ProviderServer, tmp_path: Path, kind: str, finish: FinishReason
) -> None:
    provider_server.fault(kind, times=1)
    model = connect(PROTOCOLS[0])
    with ReplyCache(tmp_path / "replies.sqlite") as cache:
        gateway = Gateway(cache=cache)
        first, second, third = [await gateway.call(model, request()) for _ in range(3)]
    assert first.reply is not None
    assert first.reply.finish_reason is finish
    assert [second.reused, third.reused] == [False, True]
    assert third.reply is not None
    assert second.reply is not None
    assert third.reply.text == second.reply.text
    assert provider_server.n_requests == 2


@pytest.mark.parametrize("adaptive", [False, True])
async def test_a_flood_with_faults(connect: Connect, provider_server: ProviderServer, adaptive: bool) -> None:
    for kind in ("rate_limit", "server", "reset", "truncated"):
        provider_server.fault(kind, every=5)
    provider_server.fault("bad_request", match=r"\bq13\b")
    gateway = Gateway(quick(max_connections=6, adaptive=adaptive, max_retries=30))
    model = connect(PROTOCOLS[0])
    calls = await asyncio.gather(*(gateway.call(model, request(f"question q{n} ?")) for n in range(60)))
    assert [n for n, call in enumerate(calls) if call.reply is None] == [13]
    assert calls[13].failures[-1].failure_class is FailureClass.BAD_REQUEST
    assert provider_server.max_in_flight <= 6
    assert sum(call.attempts for call in calls) == provider_server.n_requests
    assert gateway.connections()[model.account][0] == 0


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_a_wrong_key_ends_everything_soon(
    connect: Connect, provider_server: ProviderServer, name: str
) -> None:
    provider_server.keys = ["another-key"]
    gateway, model = Gateway(GatewayPolicy(max_connections=3)), connect(name)
    outcomes = await gathered(*(gateway.call(model, request(f"q{n}")) for n in range(50)))
    assert all(isinstance(outcome, ProviderError) for outcome in outcomes)
    assert "_API_KEY" in str(outcomes[0])
    assert "loopback-key" not in str(outcomes[0])
    assert provider_server.n_requests <= 3
    with pytest.raises(ProviderError, match="_API_KEY"):
        await Gateway().check([model])


@pytest.mark.parametrize("name", PROTOCOLS)
async def test_an_unknown_model_is_found_before_anything_is_asked(
    connect: Connect, provider_server: ProviderServer, name: str
) -> None:
    model = connect(name)
    await Gateway().check([model])
    provider_server.models = ["something-else"]
    with pytest.raises(ProviderError, match="correct the model name"):
        await Gateway().check([model])
    assert provider_server.n_requests <= 1, "an adapter may try the model where the list lacks it"


async def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    model = create_model("openai-compatible/x", args={"base_url": f"http://127.0.0.1:{unused_tcp_port}/v1"})
    gateway = Gateway(quick(max_retries=1))
    call = await gateway.call(model, request())
    assert [met.failure_class for met in call.failures] == [FailureClass.CONNECTION] * 2
    with pytest.raises(ProviderError, match="expected an answer to the check"):
        await gateway.check([model])
    await model.aclose()


async def test_a_budget_stops_and_the_cache_resumes(
    connect: Connect, provider_server: ProviderServer, tmp_path: Path
) -> None:
    model = connect(PROTOCOLS[0])
    with ReplyCache(tmp_path / "replies.sqlite") as cache:
        cost = (await Gateway(cache=cache).call(model, request("q0"))).usage.cost_usd
        assert cost is not None

        async def sitting(budget: float | None) -> list[Call | BaseException]:
            gateway = Gateway(GatewayPolicy(budget_usd=budget, max_connections=4), cache=cache)
            return await gathered(*(gateway.call(model, request(f"q{n}", max_tokens=50)) for n in range(30)))

        first = await sitting(10.5 * cost)
        assert sum(isinstance(outcome, StoppedError) for outcome in first) == 20
        asked = provider_server.n_requests
        assert asked == 11
        second = [outcome for outcome in await sitting(None) if isinstance(outcome, Call)]
        assert len(second) == 30
        assert sum(call.reused for call in second) == 10
        assert provider_server.n_requests == asked + 20
