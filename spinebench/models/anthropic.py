"""Anthropic messages through the official SDK.

As for OpenAI, the SDK's client does keys, headers, transport and errors, and its typed `create()` is passed
over.

API versions: `2026-10-21`, which SDK 2 sends, refuses `temperature` and `top_p` with HTTP 400 even at their
defaults. A request with either goes out under `2023-06-01`, which takes them on models that sample; any other
under the SDK's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import anthropic
import httpx2

from spinebench.models.body import encode, image_base64, mapping, mark, read_json, text_or_none, whole_number
from spinebench.models.failures import (
    http_failure,
    is_filtered,
    rate_limit_headers,
    read_error,
    transport_failure,
)
from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import JsonSchema, Message, ModelFailure, ModelReply, ModelRequest, TextPart
from spinebench.models.registry import ModelContext
from spinebench.models.remote import RemoteModel, bad_request, filtered_reply, listed_ids, vendor_access
from spinebench.models.settings import RemoteSettings, read_settings
from spinebench.models.transport import Endpoint
from spinebench.records import DecodingOptions, FailureClass, FinishReason, Usage

_VENDOR_URL = "https://api.anthropic.com"
_SAMPLING_VERSION = "2023-06-01"
_DEFAULT_MAX_TOKENS = 8192
"""The protocol wants a limit. Room for the answer; a thinking budget is added to it."""
_LEAST_BUDGET = 1024
"""Least thinking budget, by the vendor's reference."""


class AnthropicSettings(RemoteSettings):
    """`-M` options of `anthropic/...`."""

    thinking: Literal["adaptive"] | None = None
    """`adaptive`: the model decides how much to think. A fixed budget is `--thinking-budget`."""
    api_version: str | None = None
    """The `anthropic-version` header; None: see the module's description."""


def create(model_id: str, *, context: ModelContext) -> AnthropicChat:
    """A model of Anthropic. Key: ANTHROPIC_API_KEY.

    Address: `-M base_url`, ANTHROPIC_BASE_URL, or the vendor's own.
    """
    settings = read_settings(AnthropicSettings, context)
    endpoint, key = vendor_access(
        settings, context, provider="anthropic", variable="ANTHROPIC_BASE_URL", url=_VENDOR_URL
    )
    return AnthropicChat(
        context.name,
        model_id,
        endpoint=endpoint,
        key=key,
        settings=settings,
    )


class AnthropicChat(RemoteModel):
    """A chat model that speaks Anthropic messages."""

    def __init__(
        self, name: str, model_id: str, *, endpoint: Endpoint, key: str, settings: AnthropicSettings
    ) -> None:
        vendor = "anthropic" if endpoint.base_url == _VENDOR_URL else None
        super().__init__(name, model_id, endpoint=endpoint, vendor=vendor, settings=settings)
        self._settings = settings
        self._config["default_max_tokens"] = _DEFAULT_MAX_TOKENS
        self._client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=endpoint.base_url,
            max_retries=0,
            http_client=self._http,
            open_telemetry=False,
        )

    # ------------------------------------------------------------ one attempt

    async def generate(self, request: ModelRequest) -> ModelReply:
        """One attempt. Raises `ModelFailure`."""
        body, images = self._body(request)
        return await self._post(body, images)

    async def _post(self, body: dict[str, Any], images: list[bytes]) -> ModelReply:
        headers = {"Content-Type": "application/json", **self._version_header(body)}
        try:
            response = await self._client.post(
                "/v1/messages",
                content=encode(body, images),
                cast_to=httpx2.Response,
                options={"headers": headers},
            )
        except anthropic.APIStatusError as error:
            said = read_error(error.status_code, error.response.content, error.response.headers)
            if is_filtered(said):
                return filtered_reply(said)
            raise http_failure(said, sent=body.keys()) from None
        except anthropic.APIConnectionError as error:
            raise transport_failure(error.__cause__ or error, origin=self._endpoint.origin) from None
        return _reply(read_json(response.content), rate_limit_headers(response.headers))

    def _version_header(self, body: Mapping[str, Any]) -> dict[str, str]:
        version = self._settings.api_version
        if version is None and not body.keys().isdisjoint(("temperature", "top_p", "top_k")):
            version = _SAMPLING_VERSION
        return {} if version is None else {"anthropic-version": version}

    # ------------------------------------------------------------ request

    def _body(self, request: ModelRequest) -> tuple[dict[str, Any], list[bytes]]:
        images: list[bytes] = []
        in_prompt = self._settings.json_output == "prompt"
        messages = ask_for_json(request) if in_prompt else request.messages
        body: dict[str, Any] = {
            "model": self._model_id,
            "messages": [_message(message, images) for message in messages if message.role != "system"],
            **self._decoding(request.decoding),
        }
        system = [part for message in messages if message.role == "system" for part in message.parts]
        if system:
            texts = [part.text for part in system if isinstance(part, TextPart)]
            if len(texts) != len(system):
                raise bad_request(f"{self._name}: expected text only in system messages, found an image")
            body["system"] = [{"type": "text", "text": text} for text in texts]
        if request.json_schema is not None and not in_prompt:
            schema = self._schema(request.json_schema)
            output_config = body.get("output_config", {})
            body["output_config"] = {**output_config, "format": {"type": "json_schema", "schema": schema}}
        return {**body, **self._settings.extra_body}, images

    def _schema(self, schema: JsonSchema) -> dict[str, Any]:
        """The schema in the vendor's subset: objects closed, other constraints put into descriptions."""
        try:
            return anthropic.transform_schema(schema.schema_)
        except (ValueError, TypeError, AssertionError) as error:
            # The SDK asserts where it meets a list of types.
            raise bad_request(
                f"{self._name}, JSON schema {schema.name!r}: not in the subset that the provider takes ({error}); "
                "set -M json_output=prompt"
            ) from None

    def _decoding(self, decoding: DecodingOptions) -> dict[str, Any]:
        if decoding.seed is not None:
            raise bad_request(f"{self._name}: the protocol has no seed; drop --model-seed")
        fields = {"temperature": decoding.temperature, "top_p": decoding.top_p}
        body: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        thinking = self._thinking(decoding)
        if thinking is not None:
            body["thinking"] = thinking
        effort = decoding.reasoning_effort
        if effort == "minimal":
            raise bad_request(
                f"{self._name}, --reasoning-effort 'minimal': expected none, low, medium, high or xhigh"
            )
        if effort is not None and effort != "none":
            body["output_config"] = {"effort": effort}
        budget = decoding.thinking_budget or 0
        body["max_tokens"] = decoding.max_tokens or budget + _DEFAULT_MAX_TOKENS
        if budget and budget >= body["max_tokens"]:
            raise bad_request(
                f"{self._name}, --thinking-budget {budget}: expected less than --max-tokens "
                f"{decoding.max_tokens}, which limits thinking and answer together"
            )
        return body

    def _thinking(self, decoding: DecodingOptions) -> dict[str, Any] | None:
        """The thinking configuration, checked against the rules of the vendor's reference."""
        budget = decoding.thinking_budget
        adaptive = self._settings.thinking == "adaptive"
        if budget is not None and adaptive:
            raise bad_request(f"{self._name}: expected either --thinking-budget or -M thinking=adaptive")
        if budget == 0 or (budget is None and not adaptive and decoding.reasoning_effort == "none"):
            return {"type": "disabled"}
        if budget is None and not adaptive:
            return None
        if budget is not None and budget < _LEAST_BUDGET:
            raise bad_request(
                f"{self._name}, --thinking-budget {budget}: expected 0 or at least {_LEAST_BUDGET}"
            )
        if decoding.temperature not in (None, 1.0):
            raise bad_request(
                f"{self._name}, --temperature {decoding.temperature:g}: expected 1 while the model thinks; "
                "drop --temperature or the thinking"
            )
        # Without `display`, newer models leave the thinking out of the reply.
        if adaptive:
            return {"type": "adaptive", "display": "summarized"}
        return {"type": "enabled", "budget_tokens": budget, "display": "summarized"}

    # ------------------------------------------------------------ check

    async def _is_described(self) -> bool:
        description = await self._get(f"/v1/models/{self._model_id}")
        # Servers of OpenAI's protocol describe models under the same path, and may know no /v1/messages.
        return self._own_address or description.get("type") == "model"

    async def _listed(self) -> tuple[str, ...]:
        return listed_ids(await self._get("/v1/models?limit=1000"))

    async def _ping(self) -> None:
        messages = [{"role": "user", "content": "ping"}]
        body = {"model": self._model_id, "max_tokens": 1, "messages": messages}
        await self._post({**body, **self._settings.extra_body}, [])

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            response = await self._client.get(path, cast_to=httpx2.Response)
        except anthropic.APIStatusError as error:
            said = read_error(error.status_code, error.response.content, error.response.headers)
            raise http_failure(said) from None
        except anthropic.APIConnectionError as error:
            raise transport_failure(error.__cause__ or error, origin=self._endpoint.origin) from None
        return read_json(response.content)


def _message(message: Message, images: list[bytes]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            blocks.append({"type": "text", "text": part.text})
            continue
        source = {"type": "base64", "media_type": part.image.media_type, "data": mark(len(images))}
        blocks.append({"type": "image", "source": source})
        images.append(image_base64(part))
    return {"role": message.role, "content": blocks}


_FINISH_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "refusal": FinishReason.REFUSAL,
}


def _reply(reply: Mapping[str, Any], rate_limit: dict[str, str]) -> ModelReply:
    if reply.get("type") == "error":
        error = mapping(reply.get("error"))
        raise ModelFailure(FailureClass.SERVER, f"error in a reply with HTTP 200: {error.get('message')}")
    blocks = reply.get("content")
    if not isinstance(blocks, list):
        raise ModelFailure(FailureClass.MALFORMED, f"reply without content, it has {sorted(reply)[:8]}")
    texts = [str(mapping(block).get("text") or "") for block in blocks if _kind(block) == "text"]
    thoughts = [str(mapping(block).get("thinking") or "") for block in blocks if _kind(block) == "thinking"]
    finish = _FINISH_REASONS.get(str(reply.get("stop_reason")), FinishReason.OTHER)
    refusal = None
    if finish is FinishReason.REFUSAL:
        details = mapping(reply.get("stop_details"))
        refusal = text_or_none(details.get("explanation")) or text_or_none(details.get("category"))
    return ModelReply(
        text="".join(texts),
        reasoning="\n\n".join(thoughts) or None,
        finish_reason=finish,
        refusal=refusal,
        usage=_usage(mapping(reply.get("usage"))),
        provider_model=text_or_none(reply.get("model")),
        response_id=text_or_none(reply.get("id")),
        rate_limit=rate_limit,
    )


def _kind(block: object) -> object:
    return mapping(block).get("type")


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Total input is what is new plus what was written to and read from the prompt cache."""
    fresh = whole_number(usage.get("input_tokens"))
    read = whole_number(usage.get("cache_read_input_tokens"))
    written = whole_number(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=whole_number(usage.get("output_tokens")),
        reasoning_tokens=whole_number(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
        cached_input_tokens=read,
    )
