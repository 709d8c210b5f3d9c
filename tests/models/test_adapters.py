"""What the remote adapters send and what they make of replies, against the loopback provider."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from spinebench.models.protocol import (
    ImagePart,
    Message,
    ModelFailure,
    ModelRequest,
    TextPart,
)
from spinebench.models.registry import create_model
from spinebench.records import FailureClass, FinishReason
from tests.models.remote_models import MODELS, SCHEMA, Bench, ask, base_url

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

MakeImage = Callable[..., ImagePart]


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
