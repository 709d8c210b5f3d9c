"""What is Google's own: generationConfig, thoughts, blocked prompts, quota wording."""

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

    def model(name: str = "google/gemini-3-test", **args: Any) -> ChatModel:
        made.append(create_model(name, args={"base_url": provider_server.url, **args}))
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


async def test_the_whole_body(make: Make, provider_server: ProviderServer) -> None:
    schema = {"type": "object", "properties": {"letter": {"type": "string"}}}
    await make().generate(
        ask(schema, temperature=0.2, top_p=0.9, max_tokens=300, seed=7, thinking_budget=500)
    )
    assert provider_server.last.body == {
        "contents": [{"role": "user", "parts": [{"text": "Which?"}]}],
        "generationConfig": {
            "temperature": 0.2,
            "topP": 0.9,
            "maxOutputTokens": 300,
            "seed": 7,
            "thinkingConfig": {"thinkingBudget": 500, "includeThoughts": True},
            "responseMimeType": "application/json",
            "responseJsonSchema": schema,
        },
    }


@pytest.mark.parametrize(
    ("name", "args", "decoding", "thinking"),
    [
        ("google/gemini-2.5-pro", {}, {}, {"includeThoughts": True}),
        ("google/gemini-2.0-flash", {}, {}, None),
        ("google/gemma-3-27b-it", {}, {}, None),
        ("google/gemini-2.5-pro", {"include_thoughts": False}, {}, None),
        ("google/gemma-9", {"include_thoughts": "true"}, {}, {"includeThoughts": True}),
        (
            "google/gemini-3-pro",
            {},
            {"reasoning_effort": "low"},
            {"thinkingLevel": "LOW", "includeThoughts": True},
        ),
        ("google/gemini-2.5-flash", {}, {"reasoning_effort": "none"}, {"thinkingBudget": 0}),
        ("google/gemini-2.5-flash", {}, {"thinking_budget": 0}, {"thinkingBudget": 0}),
    ],
    ids=["2.5", "2.0", "gemma", "unwanted", "wanted", "effort", "no effort", "no budget"],
)
async def test_thinking(
    make: Make,
    provider_server: ProviderServer,
    name: str,
    args: dict[str, Any],
    decoding: dict[str, Any],
    thinking: dict[str, Any] | None,
) -> None:
    await make(name, **args).generate(ask(**decoding))
    generation = provider_server.last.body.get("generationConfig", {})
    assert generation.get("thinkingConfig") == thinking


async def test_budget_and_effort_exclude_each_other(make: Make, provider_server: ProviderServer) -> None:
    with pytest.raises(ModelFailure, match="--reasoning-effort") as caught:
        await make().generate(ask(thinking_budget=500, reasoning_effort="low"))
    assert caught.value.failure_class is FailureClass.BAD_REQUEST
    assert provider_server.n_requests == 0


@pytest.mark.parametrize(("version", "path"), [(None, "/v1/"), ("v1beta", "/v1beta/")])
async def test_api_version(
    make: Make, provider_server: ProviderServer, version: str | None, path: str
) -> None:
    args = {} if version is None else {"api_version": version}
    await make(**args).generate(ask())
    assert provider_server.last.path == f"{path}models/gemini-3-test:generateContent"


async def test_extra_fields_join_the_generation_config(make: Make, provider_server: ProviderServer) -> None:
    extra = {"safetySettings": [{"category": "X", "threshold": "OFF"}], "generationConfig": {"topK": 5}}
    await make(extra_body=extra).generate(ask(temperature=0.5))
    body = provider_server.last.body
    assert body["safetySettings"] == extra["safetySettings"]
    assert body["generationConfig"]["topK"] == 5
    assert body["generationConfig"]["temperature"] == 0.5


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("SAFETY", FinishReason.FILTER),
        ("RECITATION", FinishReason.FILTER),
        ("PROHIBITED_CONTENT", FinishReason.FILTER),
        ("BLOCKLIST", FinishReason.FILTER),
        ("SPII", FinishReason.FILTER),
        ("LANGUAGE", FinishReason.OTHER),
        ("A_REASON_OF_THE_FUTURE", FinishReason.OTHER),
        (None, FinishReason.OTHER),
    ],
)
async def test_finish_reasons(
    make: Make, provider_server: ProviderServer, finish: str | None, expected: FinishReason
) -> None:
    candidate = {"content": {"parts": [{"text": "B"}]}, "finishReason": finish}
    provider_server.fault("raw", body={"candidates": [candidate]})
    reply = await make().generate(ask())
    assert (reply.text, reply.finish_reason) == ("B", expected)
    assert reply.refusal == (finish if expected is FinishReason.FILTER else None)


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "PROHIBITED_CONTENT", "IMAGE_SAFETY"])
async def test_a_blocked_prompt_is_a_reply(make: Make, provider_server: ProviderServer, reason: str) -> None:
    body = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 12}}
    provider_server.fault("raw", body=body)
    reply = await make().generate(ask())
    assert (reply.finish_reason, reply.refusal, reply.text) == (FinishReason.FILTER, reason, "")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (12, None)


async def test_all_tokens_spent_on_thoughts(make: Make, provider_server: ProviderServer) -> None:
    body = {
        "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 12, "thoughtsTokenCount": 99},
    }
    provider_server.fault("raw", body=body)
    reply = await make().generate(ask())
    assert (reply.text, reply.finish_reason) == ("", FinishReason.LENGTH)
    assert (reply.usage.output_tokens, reply.usage.reasoning_tokens) == (99, 99)


def rpc(status: int, state: str, message: str, **details: Any) -> dict[str, Any]:
    error: dict[str, Any] = {"code": status, "status": state, "message": message}
    if details:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **details}]
    return {"kind": "raw", "status": status, "body": {"error": error}}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            rpc(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota, please check your plan and billing details. "
                "Quota exceeded for metric: generate_content_requests, limit: 250, model: gemini-3-test",
            ),
            FailureClass.RATE_LIMIT,
        ),
        (
            rpc(
                429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: free_tier_requests, limit: 0, model: x"
            ),
            FailureClass.QUOTA,
        ),
        (rpc(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), FailureClass.QUOTA),
        (rpc(403, "PERMISSION_DENIED", "Billing is off", reason="BILLING_DISABLED"), FailureClass.QUOTA),
        (rpc(400, "INVALID_ARGUMENT", "API key not valid.", reason="API_KEY_INVALID"), FailureClass.AUTH),
        (rpc(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), FailureClass.AUTH),
        (rpc(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), FailureClass.PERMISSION),
        (
            rpc(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            FailureClass.PERMISSION,
        ),
        (
            rpc(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1, or is not supported"),
            FailureClass.UNKNOWN_MODEL,
        ),
        (rpc(503, "UNAVAILABLE", "The model is overloaded."), FailureClass.SERVER),
        (rpc(504, "DEADLINE_EXCEEDED", "Deadline expired."), FailureClass.SERVER),
        (rpc(400, "INVALID_ARGUMENT", "Unable to process input image."), FailureClass.BAD_REQUEST),
    ],
    ids=[
        "daily quota",
        "quota of nothing",
        "credits",
        "billing",
        "key",
        "old key",
        "leaked key",
        "place",
        "model",
        "overloaded",
        "deadline",
        "image",
    ],
)
async def test_errors_of_its_own(
    make: Make, provider_server: ProviderServer, fault: dict[str, Any], expected: FailureClass
) -> None:
    provider_server.fault(**fault)
    with pytest.raises(ModelFailure) as caught:
        await make().generate(ask())
    assert caught.value.failure_class is expected


async def test_vertex_settings_of_the_environment_do_not_send_images_elsewhere(
    make: Make, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
    await make().generate(ask())
    assert provider_server.n_requests == 1
