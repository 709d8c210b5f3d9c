"""What the three remote adapters have in common, against the loopback provider in each wire format."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.errors import ProviderError, UsageError
from spinebench.models.protocol import (
    ChatModel,
    ImagePart,
    JsonSchema,
    Message,
    ModelFailure,
    ModelRequest,
    TextPart,
)
from spinebench.models.registry import create_model
from spinebench.records import DecodingOptions, FailureClass, FinishReason

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

MakeImage = Callable[..., ImagePart]

MODELS = {
    "openai": "openai/gpt-test",
    "openai-compatible": "openai-compatible/test-vl",
    "anthropic": "anthropic/claude-test",
    "google": "google/gemini-3-test",
}
SCHEMA = JsonSchema(
    name="verdict",
    schema={
        "type": "object",
        "properties": {"letter": {"type": "string"}},
        "required": ["letter"],
        "additionalProperties": False,
    },
)


def base_url(server: ProviderServer, provider: str) -> str:
    return server.openai_url if provider.startswith("openai") else server.url


def ask(*parts: TextPart | ImagePart | str, system: str | None = None, **decoding: Any) -> ModelRequest:
    user = tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts or ("Which?",))
    messages = [Message(role="user", parts=user)]
    if system is not None:
        messages.insert(0, Message(role="system", parts=(TextPart(text=system),)))
    return ModelRequest(messages=tuple(messages), decoding=DecodingOptions(**decoding))


@dataclass
class Bench:
    """A model and the server it talks to."""

    provider: str
    model: ChatModel
    server: ProviderServer


@pytest.fixture(params=list(MODELS))
async def bench(
    request: pytest.FixtureRequest, provider_server: ProviderServer, provider_keys: dict[str, str]
) -> AsyncIterator[Bench]:
    provider = request.param
    args = {"base_url": base_url(provider_server, provider), "timeout": 20}
    model = create_model(MODELS[provider], args=args)
    yield Bench(provider, model, provider_server)
    await model.aclose()


# ---------------------------------------------------------------- what is sent


async def test_texts_and_images_are_sent_in_the_order_given(bench: Bench, make_image: MakeImage) -> None:
    first, second = make_image(b"first image"), make_image(b"second image", "image/jpeg")
    reply = await bench.model.generate(ask("Question", first, "and", second, system="You are a surgeon."))
    received = bench.server.last
    digests = [hashlib.sha256(data).hexdigest() for data in (b"first image", b"second image")]
    assert received.system == "You are a surgeon."
    assert received.parts == (
        ("text", "Question"),
        ("image", digests[0]),
        ("text", "and"),
        ("image", digests[1]),
    )
    assert received.media_types == ("image/png", "image/jpeg")
    assert reply.finish_reason is FinishReason.STOP
    assert "My final option: [" in reply.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Wörter, 語, \U0001f9b4",
        'quotes " and \\ backslashes\n\ttabs',
        "image-bytes-0-000000",
        "\x00\x1f",
        "%s {} {0}",
    ],
    ids=["empty", "unicode", "escapes", "looks like our mark", "controls", "format strings"],
)
async def test_any_text_arrives_as_written(bench: Bench, make_image: MakeImage, text: str) -> None:
    await bench.model.generate(ask(text, make_image(), system=text))
    assert bench.server.last.parts[0] == ("text", text)
    assert bench.server.last.system == text


async def test_an_assistant_turn_keeps_its_place(bench: Bench) -> None:
    turns = [("user", "Which?"), ("assistant", "B."), ("user", "Sure?")]
    messages = tuple(Message(role=role, parts=(TextPart(text=text),)) for role, text in turns)  # type: ignore[arg-type]
    await bench.model.generate(ModelRequest(messages=messages))
    rows = bench.server.last.body.get("messages") or bench.server.last.body["contents"]
    assert [row["role"] for row in rows] in (["user", "assistant", "user"], ["user", "model", "user"])
    assert [text for _, text in bench.server.last.parts] == ["Which?", "B.", "Sure?"]


async def test_without_decoding_options_none_is_sent(bench: Bench) -> None:
    await bench.model.generate(ask())
    body = {**bench.server.last.body, **bench.server.last.body.get("generationConfig", {})}
    assert not {"temperature", "top_p", "topP", "seed", "reasoning_effort", "thinking"} & body.keys()


async def test_extra_body_is_merged(provider_server: ProviderServer, provider_keys: dict[str, str]) -> None:
    for provider, name in MODELS.items():
        args = {
            "base_url": base_url(provider_server, provider),
            "extra_body": '{"chat_template_kwargs": {"a": 1}}',
        }
        model = create_model(name, args=args)
        await model.generate(ask())
        assert provider_server.last.body["chat_template_kwargs"] == {"a": 1}, provider
        assert provider_server.last.text == "Which?"
        assert model.config["extra_body"] == {"chat_template_kwargs": {"a": 1}}
        await model.aclose()


async def test_prompted_json_asks_in_words(
    provider_server: ProviderServer, provider_keys: dict[str, str]
) -> None:
    for provider, name in MODELS.items():
        model = create_model(
            name, args={"base_url": base_url(provider_server, provider), "json_output": "prompt"}
        )
        await model.generate(ask().model_copy(update={"json_schema": SCHEMA}))
        received = provider_server.last
        assert '"letter"' in received.parts[-1][1], provider
        body = {**received.body, **received.body.get("generationConfig", {})}
        assert not {"response_format", "output_config", "responseJsonSchema"} & body.keys()
        await model.aclose()


async def test_an_image_that_changed_since_it_was_prepared_is_not_sent(
    bench: Bench, make_image: MakeImage
) -> None:
    part = make_image(b"the prepared image")
    part.file.write_bytes(b"another one")
    with pytest.raises(ModelFailure) as caught:
        await bench.model.generate(ask("Which?", part))
    part.file.unlink()
    with pytest.raises(ModelFailure) as gone:
        await bench.model.generate(ask("Which?", part))
    assert caught.value.failure_class is gone.value.failure_class is FailureClass.IMAGE
    assert str(part.file.parent) not in caught.value.message + gone.value.message
    assert bench.server.n_requests == 0


# ---------------------------------------------------------------- what comes back


async def test_usage_model_and_id_are_the_providers(bench: Bench) -> None:
    from tests.servers.wire import Reply

    bench.server.answer = lambda _: Reply(
        text="B",
        input_tokens=1000,
        cached_tokens=400,
        output_tokens=70,
        reasoning_tokens=50,
        model="snapshot-7",
    )
    reply = await bench.model.generate(ask())
    assert reply.usage.input_tokens == 1000
    assert reply.usage.cached_input_tokens == 400
    assert reply.usage.output_tokens == 70
    assert reply.usage.reasoning_tokens == 50
    assert reply.usage.cost_usd is None
    assert reply.provider_model == "snapshot-7"
    assert reply.response_id is not None


async def test_native_reasoning_is_kept_apart(bench: Bench) -> None:
    from tests.servers.wire import Reply

    bench.server.answer = lambda _: Reply(text="My final option: [B]", reasoning="The disc is dark.")
    reply = await bench.model.generate(ask())
    assert (reply.text, reply.reasoning) == ("My final option: [B]", "The disc is dark.")


async def test_rate_limit_headers_are_passed_on(bench: Bench) -> None:
    bench.server.fault(
        "raw", times=1, status=429, body={"error": {"message": "slow down"}}, headers={"retry-after": "3"}
    )
    with pytest.raises(ModelFailure) as caught:
        await bench.model.generate(ask())
    assert caught.value.retry_after_s == 3
    reply = await bench.model.generate(ask())
    expected = {
        "openai": "x-ratelimit-limit-requests",
        "openai-compatible": "x-ratelimit-limit-requests",
        "anthropic": "anthropic-ratelimit-requests-limit",
    }
    name = expected.get(bench.provider)
    assert reply.rate_limit == {} if name is None else name in reply.rate_limit


@pytest.mark.parametrize(
    ("fault", "finish"),
    [
        ("refusal", {"google": FinishReason.FILTER, "": FinishReason.REFUSAL}),
        ("filter", {"anthropic": FinishReason.REFUSAL, "": FinishReason.FILTER}),
        ("filter_400", {"": FinishReason.FILTER}),
        ("length", {"": FinishReason.LENGTH}),
        ("empty", {"": FinishReason.STOP}),
    ],
    ids=["refusal", "filter", "blocked prompt", "length", "empty"],
)
async def test_stops_are_replies(bench: Bench, fault: str, finish: dict[str, FinishReason]) -> None:
    bench.server.fault(fault)
    reply = await bench.model.generate(ask())
    assert reply.finish_reason is finish.get(bench.provider, finish[""])
    if fault in ("refusal", "filter_400"):
        assert reply.refusal
    if fault in ("refusal", "filter_400", "empty"):
        assert reply.text == ""


# ---------------------------------------------------------------- what goes wrong

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


# ---------------------------------------------------------------- who it is


async def test_identity_names_server_and_no_key(bench: Bench, provider_keys: dict[str, str]) -> None:
    assert bench.model.name == MODELS[bench.provider]
    assert bench.model.account == bench.server.url
    assert bench.model.host is None, "nothing leaves this machine for a loopback address"
    assert bench.model.simulated is False
    assert bench.model.config["base_url"] == base_url(bench.server, bench.provider)
    assert "timeout" not in bench.model.config, "what cannot change an answer is no part of the digest"
    assert not any(key in repr((bench.model.config, bench.model.account)) for key in provider_keys.values())


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        ("openai", "api.openai.com"),
        ("anthropic", "api.anthropic.com"),
        ("google", "generativelanguage.googleapis.com"),
    ],
)
async def test_at_the_vendors_own_address(provider: str, host: str, provider_keys: dict[str, str]) -> None:
    model = create_model(MODELS[provider])
    assert (model.account, model.host) == (provider, host)
    await model.aclose()


async def test_base_urls_of_the_environment(
    provider_server: ProviderServer, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", provider_server.openai_url)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider_server.url)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", provider_server.url)
    for name in MODELS.values():
        model = create_model(name)
        await model.generate(ask())
        await model.aclose()
    assert provider_server.n_requests == len(MODELS)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("value", [None, "", "   "], ids=["unset", "empty", "blank"])
def test_a_missing_key_names_its_variable(
    provider: str, value: str | None, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{provider.upper()}_API_KEY"
    monkeypatch.delenv(variable)
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(ProviderError, match=variable):
        create_model(MODELS[provider])


def test_a_key_with_a_line_break_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first-half\nsecond-half")
    with pytest.raises(ProviderError) as caught:
        create_model("openai/gpt-test")
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "half" not in str(caught.value)


async def test_gemini_key_is_accepted_and_google_key_goes_first(
    provider_server: ProviderServer, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaGemini")
    for expected in (provider_keys["GOOGLE_API_KEY"], "AIzaGemini"):
        model = create_model(MODELS["google"], args={"base_url": provider_server.url})
        await model.generate(ask())
        await model.aclose()
        assert provider_server.last.headers["x-goog-api-key"] == expected
        monkeypatch.delenv("GOOGLE_API_KEY", raising=False)


async def test_another_key_variable(
    provider_server: ProviderServer, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_B_KEY", "key-of-team-b")
    for provider, name in MODELS.items():
        args = {"base_url": base_url(provider_server, provider), "api_key_env": "TEAM_B_KEY"}
        model = create_model(name, args=args)
        await model.generate(ask())
        headers = provider_server.last.headers
        assert "key-of-team-b" in (headers.get("authorization", "") + headers.get("x-goog-api-key", ""))
        assert model.account == f"{provider_server.url}#TEAM_B_KEY", (
            "a key of its own has a rate limit of its own"
        )
        await model.aclose()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"api_key": "sk-secret-secret"}, "environment variable"),
        ({"api_key_env": "sk-secret-secret"}, "not the key itself"),
        ({"base_url": "http://user:sk-secret-secret@host/v1"}, "without user"),
        ({"base_url": "http://host/v1?key=sk-secret-secret"}, "query"),
        ({"base_url": "host:8000"}, "http"),
        ({"base_url": "http://"}, "http"),
        ({"base_url": "http://host:99999/v1"}, "http"),
        ({"base_ulr": "http://host"}, "did you mean 'base_url'"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"extra_body": "not json"}, "extra_body"),
        ({"extra_body": '{"messages": []}'}, "messages"),
        ({"json_output": "xml"}, "json_output"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_wrong_options_are_named_and_keys_are_not(
    args: dict[str, Any], said: str, provider_keys: dict[str, str]
) -> None:
    for name in MODELS.values():
        with pytest.raises(UsageError, match=said) as caught:
            create_model(name, args={"base_url": "http://127.0.0.1:9", **args})
        assert "sk-secret" not in str(caught.value)


def test_a_compatible_server_needs_an_address(provider_keys: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="base_url"):
        create_model("openai-compatible/test-vl")


# ---------------------------------------------------------------- check


async def test_check_costs_no_generation_where_models_are_described(bench: Bench) -> None:
    bench.server.models = [MODELS[bench.provider].partition("/")[2]]
    await bench.model.check()
    assert bench.server.n_requests == 0
    assert bench.server.n_checks == 1


async def test_check_falls_back_to_a_question(bench: Bench) -> None:
    bench.server.lists_models = False
    if bench.provider != "openai-compatible":
        bench.server.describes_models = False
    await bench.model.check()
    assert bench.server.n_requests == 1


async def test_check_outlives_a_connection_that_breaks_after_the_500(
    provider_server: ProviderServer, provider_keys: dict[str, str]
) -> None:
    provider_server.lists_models = False
    provider_server.breaks_after_500 = True
    model = create_model(
        MODELS["openai-compatible"], args={"base_url": provider_server.openai_url, "timeout": 20}
    )
    await model.check()
    await model.aclose()
    assert provider_server.broken
    assert provider_server.n_requests == 1


@pytest.mark.parametrize("status", [None, 405], ids=["answers", "only describes"])
async def test_a_description_in_another_protocols_words_is_not_believed(
    bench: Bench, status: int | None
) -> None:
    bench.server.models = [MODELS[bench.provider].partition("/")[2]]
    bench.server.describes_as = "openai"
    if status is not None:
        bench.server.fault("raw", status=status, body={"detail": "Method Not Allowed"})
    believed = bench.provider.startswith("openai")
    if believed or status is None:
        await bench.model.check()
    else:
        with pytest.raises(ModelFailure, match="no such path on the server") as caught:
            await bench.model.check()
        assert ("api_version=v1beta" in caught.value.message) is (bench.provider == "google")
    assert bench.server.n_requests == (0 if believed else 1)


async def test_check_names_the_nearest_models(bench: Bench) -> None:
    model_id = MODELS[bench.provider].partition("/")[2]
    bench.server.models = [f"{model_id}-2026", "something-else"]
    with pytest.raises(ModelFailure) as caught:
        await bench.model.check()
    assert caught.value.failure_class is FailureClass.UNKNOWN_MODEL
    assert f"{model_id}-2026" in caught.value.message
    assert "something-else" not in caught.value.message


async def test_check_refuses_a_wrong_key(bench: Bench) -> None:
    bench.server.keys = ["the right one"]
    with pytest.raises(ModelFailure) as caught:
        await bench.model.check()
    assert caught.value.failure_class is FailureClass.AUTH


async def test_check_without_a_server(bench: Bench) -> None:
    bench.server.stop()
    with pytest.raises(ModelFailure) as caught:
        await bench.model.check()
    assert caught.value.failure_class is FailureClass.CONNECTION
