"""OpenAI chat completions, at OpenAI itself or at any server that speaks them, through the official SDK.

The SDK's client does keys, headers, transport and errors. Its typed `create()` is passed over: bodies are
built as bytes and replies read as JSON, which takes about half of the CPU of `create()` with a 200 kB image.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Literal

import httpx2
import openai

from spinebench.errors import UsageError
from spinebench.models.body import encode, image_base64, mapping, mark, read_json, text_or_none, whole_number
from spinebench.models.failures import (
    ErrorReply,
    http_failure,
    is_filtered,
    rate_limit_headers,
    read_error,
    transport_failure,
)
from spinebench.models.keys import read_key
from spinebench.models.openai_fields import content_of, finish_reason_of, response_format, usage_of
from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import (
    Message,
    ModelFailure,
    ModelReply,
    ModelRequest,
    TextPart,
)
from spinebench.models.registry import ModelContext
from spinebench.models.remote import RemoteModel, bad_request, filtered_reply, listed_ids, vendor_access
from spinebench.models.settings import RemoteSettings, read_settings
from spinebench.models.thinking import split_thinking
from spinebench.models.transport import Endpoint
from spinebench.records import DecodingOptions, FailureClass, FinishReason

_VENDOR_URL = "https://api.openai.com/v1"
_NO_KEY = "none"
"""Sent to servers without keys: the SDK insists on some key, and OPENAI_API_KEY is not for strangers."""


class OpenAISettings(RemoteSettings):
    """`-M` options of `openai/...`."""

    image_detail: Literal["auto", "low", "high", "original"] | None = None
    """Resolution at which the provider looks at images; None: its default."""


class CompatibleSettings(OpenAISettings):
    """`-M` options of `openai-compatible/...`."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Name of the body's field for the token limit; Azure's reasoning models want the longer one."""


def create(model_id: str, *, context: ModelContext) -> OpenAIChat:
    """A model of OpenAI. Key: OPENAI_API_KEY.

    Address: `-M base_url`, OPENAI_BASE_URL, or the vendor's own.
    """
    settings = read_settings(OpenAISettings, context)
    endpoint, key = vendor_access(
        settings, context, provider="openai", variable="OPENAI_BASE_URL", url=_VENDOR_URL
    )
    return OpenAIChat(
        context.name,
        model_id,
        endpoint=endpoint,
        key=key,
        settings=settings,
        max_tokens_field="max_completion_tokens",
        compatible=False,
    )


def create_compatible(model_id: str, *, context: ModelContext) -> OpenAIChat:
    """A model of any server with the OpenAI protocol. `-M base_url` or OPENAI_BASE_URL says where it is.

    Without `-M api_key_env=NAME` no key is sent.
    """
    settings = read_settings(CompatibleSettings, context)
    base_url = settings.base_url or os.environ.get("OPENAI_BASE_URL")
    if not base_url:
        raise UsageError(
            f"model {context.name!r}: expected the address of its server; "
            "give it with -M base_url=http://127.0.0.1:8000/v1 or in OPENAI_BASE_URL"
        )
    key = (
        read_key((settings.api_key_env,), model=context.name, needed=not context.dry)
        if settings.api_key_env
        else _NO_KEY
    )
    return OpenAIChat(
        context.name,
        model_id,
        endpoint=Endpoint.parse(base_url, model=context.name),
        key=key,
        settings=settings,
        max_tokens_field=settings.max_tokens_field,
        compatible=True,
    )


class OpenAIChat(RemoteModel):
    """A chat model that speaks OpenAI chat completions."""

    def __init__(
        self,
        name: str,
        model_id: str,
        *,
        endpoint: Endpoint,
        key: str,
        settings: OpenAISettings,
        max_tokens_field: str,
        compatible: bool,
    ) -> None:
        own_address = endpoint.base_url == _VENDOR_URL and not compatible
        super().__init__(
            name,
            model_id,
            endpoint=endpoint,
            vendor="openai" if own_address else None,
            settings=settings,
        )
        self._settings = settings
        self._max_tokens_field = max_tokens_field
        self._compatible = compatible
        self._sent_key = key != _NO_KEY
        self._client = openai.AsyncOpenAI(
            api_key=key, base_url=endpoint.base_url, max_retries=0, http_client=self._http
        )

    # ------------------------------------------------------------ one attempt

    async def generate(self, request: ModelRequest) -> ModelReply:
        """One attempt. Raises `ModelFailure`."""
        body, images = self._body(request)
        return await self._post(body, images)

    async def _post(self, body: dict[str, Any], images: list[bytes]) -> ModelReply:
        try:
            response = await self._client.post(
                "/chat/completions",
                content=encode(body, images),
                cast_to=httpx2.Response,
                options={"headers": {"Content-Type": "application/json"}},
            )
        except openai.APIStatusError as error:
            said = read_error(error.status_code, error.response.content, error.response.headers)
            if is_filtered(said):
                return filtered_reply(said)
            raise self._failure(said, body) from None
        except openai.APIConnectionError as error:
            raise transport_failure(error.__cause__ or error, origin=self._endpoint.origin) from None
        return self._reply(response, body)

    def _failure(self, error: ErrorReply, body: Mapping[str, Any]) -> ModelFailure:
        hint = None
        if error.status == 401 and not self._sent_key:
            hint = "name the environment variable that holds the server's key with -M api_key_env=NAME"
        return http_failure(error, sent=body.keys(), hint=hint)

    # ------------------------------------------------------------ request

    def _body(self, request: ModelRequest) -> tuple[dict[str, Any], list[bytes]]:
        images: list[bytes] = []
        in_prompt = self._settings.json_output == "prompt"
        messages = ask_for_json(request) if in_prompt else request.messages
        body: dict[str, Any] = {
            "model": self._model_id,
            "messages": [self._message(message, images) for message in messages],
            **self._decoding(request.decoding),
        }
        if request.json_schema is not None and not in_prompt:
            body["response_format"] = response_format(request.json_schema)
        return {**body, **self._settings.extra_body}, images

    def _message(self, message: Message, images: list[bytes]) -> dict[str, Any]:
        # A lone text goes as a string: small servers know no part lists, and assistants' turns want none.
        if len(message.parts) == 1 and isinstance(message.parts[0], TextPart):
            return {"role": message.role, "content": message.parts[0].text}
        parts: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                parts.append({"type": "text", "text": part.text})
                continue
            url = {"url": f"data:{part.image.media_type};base64,{mark(len(images))}"}
            if self._settings.image_detail is not None:
                url["detail"] = self._settings.image_detail
            parts.append({"type": "image_url", "image_url": url})
            images.append(image_base64(part))
        return {"role": message.role, "content": parts}

    def _decoding(self, decoding: DecodingOptions) -> dict[str, Any]:
        if decoding.thinking_budget is not None:
            raise bad_request(
                f"{self._name}: the protocol has no thinking budget; use --reasoning-effort, "
                "or the server's own field with -M extra_body='{...}'"
            )
        fields = {
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            self._max_tokens_field: decoding.max_tokens,
            "seed": decoding.seed,
            "reasoning_effort": decoding.reasoning_effort,
        }
        return {name: value for name, value in fields.items() if value is not None}

    # ------------------------------------------------------------ reply

    def _reply(self, response: httpx2.Response, body: Mapping[str, Any]) -> ModelReply:
        reply = read_json(response.content)
        choices = reply.get("choices")
        choice = mapping(choices[0]) if isinstance(choices, list) and choices else {}
        # OpenRouter and others report an upstream's error inside an HTTP 200.
        error = mapping(reply.get("error")) or mapping(choice.get("error"))
        if error:
            status = whole_number(error.get("code")) or 500
            said = read_error(status, json.dumps({"error": error}), {})
            if is_filtered(said):
                return filtered_reply(said)
            raise self._failure(said, body)
        message = mapping(choice.get("message"))
        if not message:
            raise ModelFailure(
                FailureClass.MALFORMED, f"reply without choices[0].message, it has {sorted(reply)[:8]}"
            )
        text, reasoning = self._texts(message)
        refusal = text_or_none(message.get("refusal"))
        finish = finish_reason_of(choice.get("finish_reason"))
        if refusal is not None and finish is not FinishReason.FILTER:
            finish = FinishReason.REFUSAL
        return ModelReply(
            text=text,
            reasoning=reasoning,
            finish_reason=finish,
            refusal=refusal,
            usage=usage_of(mapping(reply.get("usage"))),
            provider_model=text_or_none(reply.get("model")),
            response_id=text_or_none(reply.get("id")),
            rate_limit=rate_limit_headers(response.headers),
        )

    def _texts(self, message: Mapping[str, Any]) -> tuple[str, str | None]:
        """Text and native reasoning of a message, apart."""
        text = content_of(message.get("content"))
        reasoning = text_or_none(message.get("reasoning_content")) or text_or_none(message.get("reasoning"))
        if reasoning is None and self._compatible:
            # Servers without a reasoning parser leave the model's own tags in the text.
            thought = split_thinking(text, lone_close=frozenset({"</think>"}))
            return thought.text, thought.reasoning
        return text, reasoning

    # ------------------------------------------------------------ check

    async def _is_described(self) -> bool:
        if not self._compatible:
            await self._get(f"/models/{self._model_id}")
            return True
        # Some servers take names that they do not list: llama.cpp any, LiteLLM by wildcard, Ollama untagged.
        return self._model_id in await self._listed()

    async def _listed(self) -> tuple[str, ...]:
        return listed_ids(await self._get("/models"))

    async def _ping(self) -> None:
        body = {
            "model": self._model_id,
            "messages": [{"role": "user", "content": "ping"}],
            self._max_tokens_field: 16,
            **self._settings.extra_body,
        }
        await self._post(body, [])

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            response = await self._client.get(path, cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            said = read_error(error.status_code, error.response.content, error.response.headers)
            raise self._failure(said, {}) from None
        except openai.APIConnectionError as error:
            raise transport_failure(error.__cause__ or error, origin=self._endpoint.origin) from None
        return read_json(response.content)
