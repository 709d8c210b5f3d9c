"""What the remote adapters make of everything that goes wrong, against the loopback provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.models.protocol import (
    ModelFailure,
)
from spinebench.models.registry import create_model
from spinebench.records import FailureClass
from tests.models.remote_models import MODELS, Bench, ask, base_url

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

FAULTS: dict[str, tuple[dict[str, Any], FailureClass]] = {
    "429": ({"kind": "rate_limit"}, FailureClass.RATE_LIMIT),
    "quota": ({"kind": "quota"}, FailureClass.QUOTA),
    "500": ({"kind": "server"}, FailureClass.SERVER),
    "503": ({"kind": "server", "status": 503}, FailureClass.SERVER),
    "504": ({"kind": "server", "status": 504}, FailureClass.SERVER),
    "overloaded": ({"kind": "overloaded"}, FailureClass.SERVER),
    "502 html": ({"kind": "gateway_html"}, FailureClass.SERVER),
    "529": ({"kind": "overloaded", "status": 529}, FailureClass.SERVER),
    "409": ({"kind": "server", "status": 409}, FailureClass.SERVER),
    "408": ({"kind": "server", "status": 408}, FailureClass.TIMEOUT),
    "401": ({"kind": "auth"}, FailureClass.AUTH),
    "403": ({"kind": "permission"}, FailureClass.PERMISSION),
    "402": ({"kind": "server", "status": 402}, FailureClass.QUOTA),
    "404 model": ({"kind": "unknown_model"}, FailureClass.UNKNOWN_MODEL),
    "404 route": ({"kind": "no_route"}, FailureClass.BAD_REQUEST),
    "400": ({"kind": "bad_request"}, FailureClass.BAD_REQUEST),
    "413": ({"kind": "too_large"}, FailureClass.BAD_REQUEST),
    "422": ({"kind": "unprocessable"}, FailureClass.BAD_REQUEST),
    "501": ({"kind": "server", "status": 501}, FailureClass.BAD_REQUEST),
    "307": ({"kind": "raw", "status": 307, "headers": {"location": "/elsewhere"}}, FailureClass.BAD_REQUEST),
    "reset": ({"kind": "reset"}, FailureClass.CONNECTION),
    "cut": ({"kind": "cut"}, FailureClass.CONNECTION),
    "truncated json": ({"kind": "truncated"}, FailureClass.MALFORMED),
    "html with 200": ({"kind": "invalid_json"}, FailureClass.MALFORMED),
    "empty object": ({"kind": "no_content"}, FailureClass.MALFORMED),
    "empty body": ({"kind": "raw", "body": ""}, FailureClass.MALFORMED),
    "json list": ({"kind": "raw", "body": [1, 2]}, FailureClass.MALFORMED),
    "json null": ({"kind": "raw", "body": None}, FailureClass.MALFORMED),
    "empty choices": (
        {"kind": "raw", "body": {"choices": [], "candidates": [], "content": None}},
        FailureClass.MALFORMED,
    ),
    "wrong types": (
        {"kind": "raw", "body": {"choices": {"a": 1}, "candidates": "x", "content": 7, "usage": []}},
        FailureClass.MALFORMED,
    ),
    "bad gzip": (
        {"kind": "raw", "body": "not gzip", "headers": {"content-encoding": "gzip"}},
        FailureClass.MALFORMED,
    ),
    "error without words": ({"kind": "raw", "status": 500, "body": ""}, FailureClass.SERVER),
    "error as string": ({"kind": "raw", "status": 400, "body": {"error": "no"}}, FailureClass.BAD_REQUEST),
    "error as list": ({"kind": "raw", "status": 400, "body": [{"error": {}}]}, FailureClass.BAD_REQUEST),
}


@pytest.mark.parametrize("name", list(FAULTS))
async def test_every_fault_is_classified_once(bench: Bench, name: str) -> None:
    settings, expected = FAULTS[name]
    bench.server.fault(**settings)
    with pytest.raises(ModelFailure) as caught:
        await bench.model.generate(ask())
    assert caught.value.failure_class is expected, caught.value.message
    assert caught.value.message
    assert bench.server.n_requests == 1, "one attempt per call: retries are the gateway's"


@pytest.mark.parametrize(
    ("spelling", "least", "most"),
    [("seconds", 17, 17), ("ms", 17, 17), ("date", 14, 17), ("body", 17, 17)],
)
async def test_retry_after_in_every_spelling(bench: Bench, spelling: str, least: float, most: float) -> None:
    bench.server.fault("rate_limit", retry_after_s=17, retry_after_as=spelling)
    with pytest.raises(ModelFailure) as caught:
        await bench.model.generate(ask())
    if spelling == "body" and bench.provider != "google":
        assert caught.value.retry_after_s is None
        return
    assert caught.value.retry_after_s is not None
    assert least <= caught.value.retry_after_s <= most


async def test_no_server_is_a_connection_failure_that_names_the_address(bench: Bench) -> None:
    bench.server.stop()
    with pytest.raises(ModelFailure) as caught:
        await bench.model.generate(ask())
    assert caught.value.failure_class is FailureClass.CONNECTION
    assert bench.server.url in caught.value.message


async def test_a_server_that_never_answers_ends_with_the_timeout_option(
    provider_server: ProviderServer, provider_keys: dict[str, str]
) -> None:
    provider_server.fault("hang")
    for provider, name in MODELS.items():
        model = create_model(name, args={"base_url": base_url(provider_server, provider), "timeout": 0.2})
        with pytest.raises(ModelFailure) as caught:
            await model.generate(ask())
        assert caught.value.failure_class is FailureClass.TIMEOUT, provider
        await model.aclose()


async def test_cancellation_is_never_swallowed_and_the_model_stays_usable(bench: Bench) -> None:
    bench.server.fault("hang", times=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await bench.model.generate(ask())
    assert (await bench.model.generate(ask())).text


async def test_a_key_that_the_server_repeats_is_blanked_out(
    bench: Bench, provider_keys: dict[str, str]
) -> None:
    key = {
        "anthropic": provider_keys["ANTHROPIC_API_KEY"],
        "google": provider_keys["GOOGLE_API_KEY"],
    }.get(bench.provider, provider_keys["OPENAI_API_KEY"])
    kinds = [("auth", 401), ("bad_request", 400)]
    if bench.provider != "google":  # which reports a blocked prompt within a reply
        kinds.append(("filter_400", 400))
    for kind, status in kinds:
        bench.server.faults.clear()
        bench.server.fault(kind, status=status, message=f"content filter: bad key {key} given")
        try:
            said = (await bench.model.generate(ask())).refusal or ""
        except ModelFailure as failure:
            said = f"{failure} {failure.message}"
        assert "bad key" in said
        assert key not in said


async def test_many_calls_at_once_get_their_own_answers(bench: Bench) -> None:
    bench.server.hold_until = 100  # replies come only once a hundred requests are in flight together
    bench.server.answer = lambda request: f"answer to {request.text}"
    async with asyncio.timeout(60):
        replies = await asyncio.gather(*(bench.model.generate(ask(f"question {n}")) for n in range(100)))
    assert [reply.text for reply in replies] == [f"answer to question {n}" for n in range(100)]


async def test_calls_one_after_another_share_a_connection(bench: Bench) -> None:
    for _ in range(5):
        await bench.model.generate(ask())
    assert bench.server.n_connections == 1


def test_a_model_outlives_an_event_loop(
    provider_server: ProviderServer, provider_keys: dict[str, str]
) -> None:
    model = create_model(MODELS["openai"], args={"base_url": provider_server.openai_url})

    async def once() -> str:
        reply = await model.generate(ask())
        await model._http._transport.aclose()  # type: ignore[attr-defined]  # as a clean end of the loop would
        return reply.text

    assert asyncio.run(once()) == asyncio.run(once())
