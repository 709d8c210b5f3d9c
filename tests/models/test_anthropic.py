"""What is Anthropic's own: thinking, API versions, system texts, stop reasons."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.models.protocol import ChatModel, JsonSchema, Message, ModelFailure, ModelRequest, TextPart
from spinebench.models.registry import create_model
from spinebench.records import DecodingOptions, FailureClass, FinishReason

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

Make = Callable[..., ChatModel]


@pytest.fixture
async def make(provider_server: ProviderServer, provider_keys: dict[str, str]) -> AsyncIterator[Make]:
    made: list[ChatModel] = []

    def model(**args: Any) -> ChatModel:
        made.append(create_model("anthropic/claude-test", args={"base_url": provider_server.url, **args}))
        return made[-1]

    yield model
    for each in made:
        await each.aclose()


def ask(schema: Any = None, **decoding: Any) -> ModelRequest:
    return ModelRequest(
        messages=(Message(role="user", parts=(TextPart(text="Which?"),)),),
        decoding=DecodingOptions(**decoding),
        json_schema=None if schema is None else JsonSchema(name="verdict", schema=schema),
    )


async def test_the_plain_body(make: Make, provider_server: ProviderServer) -> None:
    await make().generate(ask())
    assert provider_server.last.body == {
        "model": "claude-test",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Which?"}]}],
        "max_tokens": 8192,
    }


SUMMARIZED = {"display": "summarized"}


@pytest.mark.parametrize(
    ("args", "decoding", "fields"),
    [
        ({}, {"max_tokens": 50}, {"max_tokens": 50}),
        (
            {},
            {"thinking_budget": 2000},
            {
                "max_tokens": 10192,
                "thinking": {"type": "enabled", "budget_tokens": 2000, **SUMMARIZED},
            },
        ),
        ({}, {"thinking_budget": 0}, {"thinking": {"type": "disabled"}}),
        ({}, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({}, {"reasoning_effort": "high"}, {"output_config": {"effort": "high"}}),
        ({"thinking": "adaptive"}, {}, {"thinking": {"type": "adaptive", **SUMMARIZED}}),
        (
            {"thinking": "adaptive"},
            {"reasoning_effort": "xhigh"},
            {"thinking": {"type": "adaptive", **SUMMARIZED}, "output_config": {"effort": "xhigh"}},
        ),
        ({}, {"temperature": 1, "thinking_budget": 1024}, {"temperature": 1.0}),
    ],
    ids=[
        "limit",
        "budget",
        "no budget",
        "no effort",
        "effort",
        "adaptive",
        "adaptive effort",
        "temperature 1",
    ],
)
async def test_decoding(
    make: Make,
    provider_server: ProviderServer,
    args: dict[str, Any],
    decoding: dict[str, Any],
    fields: dict[str, Any],
) -> None:
    await make(**args).generate(ask(**decoding))
    body = provider_server.last.body
    assert {name: body.get(name) for name in fields} == fields


@pytest.mark.parametrize(
    ("args", "decoding", "named"),
    [
        ({}, {"seed": 1}, "--model-seed"),
        ({}, {"reasoning_effort": "minimal"}, "--reasoning-effort"),
        ({}, {"thinking_budget": 100}, "--thinking-budget"),
        ({}, {"thinking_budget": 4000, "max_tokens": 4000}, "--max-tokens"),
        ({}, {"thinking_budget": 4000, "temperature": 0}, "--temperature"),
        ({"thinking": "adaptive"}, {"temperature": 0.5}, "--temperature"),
        ({"thinking": "adaptive"}, {"thinking_budget": 4000}, "--thinking-budget"),
    ],
    ids=["seed", "minimal", "small budget", "budget above limit", "hot thinking", "hot adaptive", "both"],
)
async def test_what_the_protocol_cannot_do_is_refused_before_the_call(
    make: Make,
    provider_server: ProviderServer,
    args: dict[str, Any],
    decoding: dict[str, Any],
    named: str,
) -> None:
    with pytest.raises(ModelFailure) as caught:
        await make(**args).generate(ask(**decoding))
    assert caught.value.failure_class is FailureClass.BAD_REQUEST
    assert named in caught.value.message
    assert provider_server.n_requests == 0


async def test_sampling_goes_out_under_the_version_that_takes_it(
    make: Make, provider_server: ProviderServer
) -> None:
    model = make()
    versions = []
    for decoding in ({}, {"temperature": 0.0}, {"top_p": 0.5}):
        await model.generate(ask(**decoding))
        versions.append(provider_server.last.headers["anthropic-version"])
    assert versions[0] > "2026", "without sampling, the SDK's own version"
    assert versions[1:] == ["2023-06-01", "2023-06-01"]
    await make(api_version="2026-10-21").generate(ask(temperature=0.0))
    assert provider_server.last.headers["anthropic-version"] == "2026-10-21", "an explicit version wins"
    assert provider_server.last.body["temperature"] == 0.0


async def test_json_schema_and_effort_share_their_field(make: Make, provider_server: ProviderServer) -> None:
    schema = {
        "type": "object",
        "properties": {"letter": {"type": "string"}},
        "required": ["letter"],
        "additionalProperties": False,
    }
    await make().generate(ask(schema, reasoning_effort="low"))
    config = provider_server.last.body["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["type"] == "json_schema"
    assert config["format"]["schema"]["properties"] == {"letter": {"type": "string"}}
    assert schema["required"] == ["letter"], "the caller's schema is left alone"


@pytest.mark.parametrize(
    "schema", [{}, {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}]
)
async def test_a_schema_beyond_the_subset_is_refused_before_the_call(
    make: Make, provider_server: ProviderServer, schema: dict[str, Any]
) -> None:
    with pytest.raises(ModelFailure, match="json_output=prompt") as caught:
        await make().generate(ask(schema))
    assert caught.value.failure_class is FailureClass.BAD_REQUEST
    assert provider_server.n_requests == 0
    await make(json_output="prompt").generate(ask(schema))
    assert provider_server.n_requests == 1


async def test_several_system_texts_stand_apart_from_the_turns(
    make: Make, provider_server: ProviderServer
) -> None:
    messages = (
        Message(role="system", parts=(TextPart(text="one"), TextPart(text="two"))),
        Message(role="user", parts=(TextPart(text="Which?"),)),
    )
    await make().generate(ModelRequest(messages=messages))
    body = provider_server.last.body
    assert [block["text"] for block in body["system"]] == ["one", "two"]
    assert [message["role"] for message in body["messages"]] == ["user"]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("refusal", FinishReason.REFUSAL),
        ("pause_turn", FinishReason.OTHER),
        ("something_new", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
async def test_stop_reasons(
    make: Make, provider_server: ProviderServer, stop: str | None, expected: FinishReason
) -> None:
    body = {"content": [{"type": "text", "text": "B"}], "stop_reason": stop}
    provider_server.fault("raw", body=body)
    reply = await make().generate(ask())
    assert (reply.text, reply.finish_reason) == ("B", expected)


async def test_blocks_are_put_together_byte_for_byte(make: Make, provider_server: ProviderServer) -> None:
    content = [
        {"type": "thinking", "thinking": "first", "signature": "x"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "My final "},
        {"type": "thinking", "thinking": "second", "signature": "x"},
        {"type": "a_block_of_the_future"},
        {"type": "text", "text": "option: [B]\n"},
        "not even an object",
    ]
    provider_server.fault("raw", body={"content": content, "stop_reason": "end_turn"})
    reply = await make().generate(ask())
    assert reply.text == "My final option: [B]\n"
    assert reply.reasoning == "first\n\nsecond"


async def test_the_cache_counts_as_input(make: Make, provider_server: ProviderServer) -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300}
    provider_server.fault("raw", body={"content": [], "stop_reason": "end_turn", "usage": usage})
    got = (await make().generate(ask())).usage
    assert (got.input_tokens, got.cached_input_tokens, got.output_tokens) == (325, 20, None)


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (402, {"type": "billing_error", "message": "pay"}, FailureClass.QUOTA),
        (
            400,
            {"type": "invalid_request_error", "message": "Your credit balance is too low"},
            FailureClass.QUOTA,
        ),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "You have reached your specified API usage limits.",
            },
            FailureClass.QUOTA,
        ),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "stopped",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
            FailureClass.QUOTA,
        ),
        (404, {"type": "not_found_error", "message": "model: claude-test"}, FailureClass.UNKNOWN_MODEL),
        (
            400,
            {"type": "invalid_request_error", "message": "messages.0: image exceeds 5 MB"},
            FailureClass.BAD_REQUEST,
        ),
    ],
    ids=["402", "credit", "usage limit", "spend limit", "model", "image"],
)
async def test_errors_of_its_own(
    make: Make, provider_server: ProviderServer, status: int, error: dict[str, Any], expected: FailureClass
) -> None:
    provider_server.fault("raw", status=status, body={"type": "error", "error": error})
    with pytest.raises(ModelFailure) as caught:
        await make().generate(ask())
    assert caught.value.failure_class is expected


async def test_keys_of_other_tools_in_the_environment_are_ignored(
    make: Make,
    provider_server: ProviderServer,
    provider_keys: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-another-tool")
    await make().generate(ask())
    assert "token-of-another-tool" not in str(provider_server.last.headers)
    assert provider_server.last.headers["authorization"] == f"Bearer {provider_keys['ANTHROPIC_API_KEY']}"
