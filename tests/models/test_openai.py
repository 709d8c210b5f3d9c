"""What is OpenAI's own: fields of the body, reasoning of compatible servers, errors inside HTTP 200."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

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

Make = Callable[..., ChatModel]


@pytest.fixture
async def make(provider_server: ProviderServer, provider_keys: dict[str, str]) -> AsyncIterator[Make]:
    made: list[ChatModel] = []

    def model(name: str = "openai/gpt-test", **args: Any) -> ChatModel:
        made.append(create_model(name, args={"base_url": provider_server.openai_url, **args}))
        return made[-1]

    yield model
    for each in made:
        await each.aclose()


def ask(*parts: TextPart | ImagePart, schema: Any = None, **decoding: Any) -> ModelRequest:
    return ModelRequest(
        messages=(Message(role="user", parts=parts or (TextPart(text="Which?"),)),),
        decoding=DecodingOptions(**decoding),
        json_schema=None if schema is None else JsonSchema(name="verdict", schema=schema),
    )


def choice(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"kind": "raw", "body": {"choices": [{"message": message, "finish_reason": finish}], **more}}


DECODING: dict[str, Any] = {
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 300,
    "seed": 7,
    "reasoning_effort": "low",
}


async def test_decoding_options_under_openais_names(make: Make, provider_server: ProviderServer) -> None:
    await make().generate(ask(**DECODING))
    body = provider_server.last.body
    assert body == {
        "model": "gpt-test",
        "messages": [{"role": "user", "content": "Which?"}],
        "temperature": 0.2,
        "top_p": 0.9,
        "max_completion_tokens": 300,
        "seed": 7,
        "reasoning_effort": "low",
    }


async def test_compatible_servers_get_the_older_name(make: Make, provider_server: ProviderServer) -> None:
    await make("openai-compatible/org/model-7b").generate(ask(**DECODING))
    body = provider_server.last.body
    assert body["model"] == "org/model-7b"
    assert body["max_tokens"] == 300
    assert "max_completion_tokens" not in body
    model = make("openai-compatible/o-model", max_tokens_field="max_completion_tokens")
    await model.generate(ask(max_tokens=300))
    assert provider_server.last.body["max_completion_tokens"] == 300
    assert model.config["max_tokens_field"] == "max_completion_tokens"


async def test_openai_key_goes_to_no_stranger(
    make: Make, provider_server: ProviderServer, provider_keys: dict[str, str]
) -> None:
    await make("openai-compatible/m").generate(ask())
    assert provider_keys["OPENAI_API_KEY"] not in str(provider_server.last.headers)
    await make().generate(ask())
    assert provider_server.last.headers["authorization"] == f"Bearer {provider_keys['OPENAI_API_KEY']}"


async def test_image_detail(make: Make, provider_server: ProviderServer, make_image: Any) -> None:
    await make(image_detail="high").generate(ask(TextPart(text="Which?"), make_image()))
    part = provider_server.last.body["messages"][0]["content"][1]
    assert part["image_url"]["detail"] == "high"


STRICT = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "string"}}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (STRICT, True),
        (OPEN, False),
        ({**STRICT, "properties": {"a": OPEN}}, False),
        ({"type": "object"}, False),
    ],
    ids=["closed", "open", "open inside", "bare object"],
)
async def test_json_schema(
    make: Make, provider_server: ProviderServer, schema: dict[str, Any], strict: bool
) -> None:
    await make().generate(ask(schema=schema))
    assert provider_server.last.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "verdict", "schema": schema, "strict": strict},
    }


async def test_a_thinking_budget_is_refused_before_the_call(
    make: Make, provider_server: ProviderServer
) -> None:
    for name in ("openai/gpt-test", "openai-compatible/m"):
        with pytest.raises(ModelFailure, match="reasoning-effort") as caught:
            await make(name).generate(ask(thinking_budget=2000))
        assert caught.value.failure_class is FailureClass.BAD_REQUEST
    assert provider_server.n_requests == 0


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "B", "reasoning_content": "dark disc"}, "B", "dark disc"),
        ({"content": "B", "reasoning": "dark disc"}, "B", "dark disc"),
        ({"content": "<think>dark disc</think>\n\nB"}, "\n\nB", "dark disc"),
        ({"content": "dark disc</think>B"}, "B", "dark disc"),
        ({"content": "<think>never ends"}, "", "never ends"),
        ({"content": "B <think>no thought</think>"}, "B <think>no thought</think>", None),
        ({"content": [{"type": "text", "text": "B"}, {"type": "text", "text": "!"}]}, "B!", None),
        ({"content": None, "reasoning_content": "only thoughts"}, "", "only thoughts"),
        ({"content": "B", "reasoning_content": ""}, "B", None),
    ],
    ids=[
        "vLLM, DeepSeek",
        "OpenRouter",
        "tags",
        "opened by the template",
        "cut while thinking",
        "tag inside the answer",
        "list of parts",
        "no answer",
        "empty field",
    ],
)
async def test_reasoning_of_compatible_servers(
    make: Make, provider_server: ProviderServer, message: dict[str, Any], text: str, reasoning: str | None
) -> None:
    provider_server.fault(**choice({"role": "assistant", **message}))
    reply = await make("openai-compatible/m").generate(ask())
    assert (reply.text, reply.reasoning) == (text, reasoning)


async def test_openais_own_text_is_never_taken_apart(make: Make, provider_server: ProviderServer) -> None:
    provider_server.fault(**choice({"content": "<think>x</think>B"}))
    reply = await make().generate(ask())
    assert (reply.text, reply.reasoning) == ("<think>x</think>B", None)


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTER),
        ("tool_calls", FinishReason.OTHER),
        ("something_new", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
async def test_finish_reasons(
    make: Make, provider_server: ProviderServer, finish: str | None, expected: FinishReason
) -> None:
    provider_server.fault(**choice({"content": "B"}, finish))
    assert (await make().generate(ask())).finish_reason is expected


async def test_refusal_field(make: Make, provider_server: ProviderServer) -> None:
    provider_server.fault("refusal", message="I cannot read X-rays.")
    reply = await make().generate(ask())
    assert (reply.finish_reason, reply.refusal, reply.text) == (
        FinishReason.REFUSAL,
        "I cannot read X-rays.",
        "",
    )


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, (10, 5, None)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 45,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            (10, 35, 30),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 35,
                "total_tokens": 45,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            (10, 35, 30),
        ),
        (None, (None, None, None)),
        ({"prompt_tokens": "many", "completion_tokens": -1}, (None, None, None)),
    ],
    ids=["plain", "reasoning beside (xAI)", "reasoning within (OpenAI)", "absent", "nonsense"],
)
async def test_usage_is_never_guessed(
    make: Make, provider_server: ProviderServer, usage: Any, expected: tuple[Any, ...]
) -> None:
    provider_server.fault(**choice({"content": "B"}, usage=usage))
    got = (await make().generate(ask())).usage
    assert (got.input_tokens, got.output_tokens, got.reasoning_tokens) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": 429, "message": "upstream is busy"}}, FailureClass.RATE_LIMIT),
        ({"error": {"code": 402, "message": "no credits"}}, FailureClass.QUOTA),
        ({"error": {"message": "upstream broke"}}, FailureClass.SERVER),
        (
            {"choices": [{"error": {"code": 502, "message": "broke"}, "finish_reason": "error"}]},
            FailureClass.SERVER,
        ),
        ({"choices": [{"finish_reason": "stop"}]}, FailureClass.MALFORMED),
        ({"choices": [None]}, FailureClass.MALFORMED),
    ],
    ids=["429", "402", "no code", "in the choice", "no message", "null choice"],
)
async def test_errors_inside_http_200(
    make: Make, provider_server: ProviderServer, body: dict[str, Any], expected: FailureClass
) -> None:
    provider_server.fault("raw", body=body)
    with pytest.raises(ModelFailure) as caught:
        await make("openai-compatible/m").generate(ask())
    assert caught.value.failure_class is expected


async def test_a_rejected_option_is_named(make: Make, provider_server: ProviderServer) -> None:
    message = "Unsupported value: 'temperature' does not support 0.2 with this model."
    provider_server.fault(
        "raw",
        status=400,
        body={"error": {"message": message, "param": "temperature", "code": "unsupported_value"}},
    )
    with pytest.raises(ModelFailure) as caught:
        await make().generate(ask(temperature=0.2))
    assert caught.value.failure_class is FailureClass.BAD_REQUEST
    assert message in caught.value.message
    assert "--temperature" in caught.value.message
    assert provider_server.last.body["temperature"] == 0.2, "sent as asked for: nothing is dropped silently"


async def test_the_missing_key_of_a_compatible_server_is_explained(
    make: Make, provider_server: ProviderServer
) -> None:
    provider_server.fault("auth")
    with pytest.raises(ModelFailure, match="api_key_env"):
        await make("openai-compatible/m").generate(ask())


async def test_check_of_an_unlisted_name_asks_the_server(make: Make, provider_server: ProviderServer) -> None:
    await make("openai-compatible/any-name-llama-cpp-takes").check()
    assert provider_server.n_requests == 1
    assert provider_server.last.body["max_tokens"] == 16
