"""Google's Gemini models through the official SDK (`google-genai`, Gemini API).

The request goes in as `extra_body`, which the SDK merges into the body as it stands, and the reply comes back
as the raw HTTP body. Both are public options; they spare CPU and show finish reasons that this SDK has
no name for yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import httpx2
from google import genai
from google.genai import errors, types

from spinebench.models.body import image_base64, mapping, read_json, text_or_none, whole_number
from spinebench.models.failures import (
    ErrorReply,
    http_failure,
    is_filtered,
    rate_limit_headers,
    read_error,
    transport_failure,
)
from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import Message, ModelFailure, ModelReply, ModelRequest, TextPart
from spinebench.models.registry import ModelContext
from spinebench.models.remote import RemoteModel, bad_request, filtered_reply, vendor_access
from spinebench.models.settings import RemoteSettings, read_settings
from spinebench.models.transport import Endpoint
from spinebench.records import DecodingOptions, FailureClass, FinishReason, Usage

_VENDOR_URL = "https://generativelanguage.googleapis.com"
_THINKERS = re.compile(r"^(?:models/)?gemini-(?:2\.5|[3-9]|\d\d)")
"""Models that think by default; older and other ones refuse the question for thoughts."""


class GoogleSettings(RemoteSettings):
    """`-M` options of `google/...`."""

    api_version: Literal["v1", "v1beta", "v1alpha"] | None = None
    """Version in the path; None: the SDK's default. Proxies often know only v1beta."""
    include_thoughts: bool | None = None
    """Ask for the thoughts; None: asked of Gemini 2.5 and later, and of any model with a budget or effort."""


def create(model_id: str, *, context: ModelContext) -> GoogleChat:
    """A Gemini model. Key: GOOGLE_API_KEY or GEMINI_API_KEY.

    Address: `-M base_url`, GOOGLE_GEMINI_BASE_URL, or the vendor's own.
    """
    settings = read_settings(GoogleSettings, context)
    endpoint, key = vendor_access(
        settings, context, provider="google", variable="GOOGLE_GEMINI_BASE_URL", url=_VENDOR_URL
    )
    return GoogleChat(
        context.name,
        model_id,
        endpoint=endpoint,
        key=key,
        settings=settings,
    )


class GoogleChat(RemoteModel):
    """A chat model that speaks Google's generateContent."""

    def __init__(
        self, name: str, model_id: str, *, endpoint: Endpoint, key: str, settings: GoogleSettings
    ) -> None:
        vendor = "google" if endpoint.base_url == _VENDOR_URL else None
        super().__init__(name, model_id, endpoint=endpoint, vendor=vendor, settings=settings)
        self._settings = settings
        # vertexai=False: GOOGLE_GENAI_USE_VERTEXAI in the environment would send the images elsewhere.
        self._client = genai.Client(
            vertexai=False,
            api_key=key,
            http_options=types.HttpOptions(
                base_url=endpoint.base_url,
                api_version=settings.api_version,
                httpx_async_client=self._http,
            ),
        )

    async def aclose(self) -> None:
        self._client.close()
        await super().aclose()

    # ------------------------------------------------------------ one attempt

    async def generate(self, request: ModelRequest) -> ModelReply:
        """One attempt. Raises `ModelFailure`."""
        return await self._post(self._body(request))

    async def _post(self, body: dict[str, Any]) -> ModelReply:
        config = types.GenerateContentConfig(
            should_return_http_response=True, http_options=types.HttpOptions(extra_body=body)
        )
        try:
            # The contents given here are replaced by those in the body; the SDK insists on some.
            answer = await self._client.aio.models.generate_content(
                model=self._model_id, contents="-", config=config
            )
        except errors.APIError as error:
            said = _error(error)
            if is_filtered(said):
                return filtered_reply(said)
            raise http_failure(said, sent=_sent(body), hint=self._version_hint(said)) from None
        except httpx2.RequestError as error:
            raise transport_failure(error, origin=self._endpoint.origin) from None
        raw = answer.sdk_http_response
        headers = dict(raw.headers or {}) if raw is not None else {}
        return _reply(read_json((raw.body or "") if raw is not None else ""), rate_limit_headers(headers))

    def _version_hint(self, error: ErrorReply) -> str | None:
        unset = self._settings.api_version is None and not self._own_address
        if unset and error.status in (404, 405):
            return "no such path on the server; set -M api_version=v1beta, or check -M base_url"
        return None

    # ------------------------------------------------------------ request

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        in_prompt = self._settings.json_output == "prompt"
        messages = ask_for_json(request) if in_prompt else request.messages
        body: dict[str, Any] = {
            "contents": [_content(message) for message in messages if message.role != "system"]
        }
        system = [part for message in messages if message.role == "system" for part in message.parts]
        if system:
            texts = [part.text for part in system if isinstance(part, TextPart)]
            if len(texts) != len(system):
                raise bad_request(f"{self._name}: expected text only in system messages, found an image")
            body["systemInstruction"] = {"parts": [{"text": text} for text in texts]}
        generation = self._generation(request.decoding)
        if request.json_schema is not None and not in_prompt:
            generation["responseMimeType"] = "application/json"
            generation["responseJsonSchema"] = request.json_schema.schema_
        for name, value in self._settings.extra_body.items():
            if name == "generationConfig" and isinstance(value, dict):
                generation |= value
            else:
                body[name] = value
        if generation:
            body["generationConfig"] = generation
        return body

    def _generation(self, decoding: DecodingOptions) -> dict[str, Any]:
        fields = {
            "temperature": decoding.temperature,
            "topP": decoding.top_p,
            "maxOutputTokens": decoding.max_tokens,
            "seed": decoding.seed,
            "thinkingConfig": self._thinking(decoding) or None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _thinking(self, decoding: DecodingOptions) -> dict[str, Any]:
        budget, effort = decoding.thinking_budget, decoding.reasoning_effort
        if budget is not None and effort is not None:
            raise bad_request(
                f"{self._name}: expected either --thinking-budget or --reasoning-effort, got both"
            )
        thinking: dict[str, Any] = {}
        if effort == "none":
            budget = 0
        elif effort is not None:
            thinking["thinkingLevel"] = effort.upper()
        if budget is not None:
            thinking["thinkingBudget"] = budget
        include = self._settings.include_thoughts
        if include is None:
            include = bool(_THINKERS.match(self._model_id)) or bool(thinking)
            include = include and budget != 0
        if include:
            thinking["includeThoughts"] = True
        return thinking

    # ------------------------------------------------------------ check

    async def _is_described(self) -> bool:
        try:
            model = await self._client.aio.models.get(model=self._model_id)
        except errors.APIError as error:
            raise http_failure(_error(error)) from None
        except httpx2.RequestError as error:
            raise transport_failure(error, origin=self._endpoint.origin) from None
        except ValueError as error:
            raise ModelFailure(FailureClass.MALFORMED, f"description of the model: {error}") from None
        actions = model.supported_actions
        if actions and "generateContent" not in actions:
            raise ModelFailure(
                FailureClass.UNKNOWN_MODEL,
                f"{self._model_id!r} does not answer questions, it is for {', '.join(actions)}",
            )
        # A proxy may describe models in another protocol's words, here or under another version than it answers.
        return self._own_address or model.name is not None

    async def _listed(self) -> tuple[str, ...]:
        try:
            page = await self._client.aio.models.list(config={"page_size": 1000})
        except errors.APIError as error:
            raise http_failure(_error(error)) from None
        except httpx2.RequestError as error:
            raise transport_failure(error, origin=self._endpoint.origin) from None
        except ValueError as error:
            raise ModelFailure(FailureClass.MALFORMED, f"list of models: {error}") from None
        return tuple((model.name or "").removeprefix("models/") for model in page.page)

    async def _ping(self) -> None:
        contents = [{"role": "user", "parts": [{"text": "ping"}]}]
        await self._post({"contents": contents, "generationConfig": {"maxOutputTokens": 16}})


def _content(message: Message) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"text": part.text})
        else:
            data = image_base64(part).decode("ascii")
            parts.append({"inlineData": {"mimeType": part.image.media_type, "data": data}})
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts}


def _error(error: errors.APIError) -> ErrorReply:
    response = error.response
    if isinstance(response, httpx2.Response):
        return read_error(error.code, response.content, response.headers)
    return read_error(error.code, json.dumps(error.details, default=str), {})


def _sent(body: Mapping[str, Any]) -> set[str]:
    """Names of the fields that can be what the provider complains about."""
    generation = mapping(body.get("generationConfig"))
    return {*body, *generation, *mapping(generation.get("thinkingConfig"))}


_FINISH_REASONS = {
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.LENGTH,
    "SAFETY": FinishReason.FILTER,
    "RECITATION": FinishReason.FILTER,
    "BLOCKLIST": FinishReason.FILTER,
    "PROHIBITED_CONTENT": FinishReason.FILTER,
    "SPII": FinishReason.FILTER,
    "IMAGE_SAFETY": FinishReason.FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.FILTER,
    "IMAGE_RECITATION": FinishReason.FILTER,
    "MODEL_ARMOR": FinishReason.FILTER,
    "ESCALATION": FinishReason.FILTER,
}


def _reply(reply: Mapping[str, Any], rate_limit: dict[str, str]) -> ModelReply:
    candidates = reply.get("candidates")
    candidate = mapping(candidates[0]) if isinstance(candidates, list) and candidates else {}
    blocked = mapping(reply.get("promptFeedback"))
    reason = text_or_none(candidate.get("finishReason"))
    if not candidate and not blocked.get("blockReason"):
        raise ModelFailure(FailureClass.MALFORMED, f"reply without candidates, it has {sorted(reply)[:8]}")
    parts = mapping(candidate.get("content")).get("parts")
    rows = [mapping(part) for part in parts] if isinstance(parts, list) else []
    texts = [str(part.get("text") or "") for part in rows if not part.get("thought")]
    thoughts = [str(part.get("text") or "") for part in rows if part.get("thought")]
    if candidate:
        finish = _FINISH_REASONS.get((reason or "").upper(), FinishReason.OTHER)
        why = text_or_none(candidate.get("finishMessage")) or reason
    else:
        finish = FinishReason.FILTER
        why = text_or_none(blocked.get("blockReasonMessage")) or text_or_none(blocked.get("blockReason"))
    return ModelReply(
        text="".join(texts),
        reasoning="".join(thoughts) or None,
        finish_reason=finish,
        refusal=why if finish is FinishReason.FILTER else None,
        usage=_usage(mapping(reply.get("usageMetadata"))),
        provider_model=text_or_none(reply.get("modelVersion")),
        response_id=text_or_none(reply.get("responseId")),
        rate_limit=rate_limit,
    )


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Google counts thoughts beside the candidates; here they are part of the output, as they are paid."""
    answer = whole_number(usage.get("candidatesTokenCount"))
    thoughts = whole_number(usage.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=whole_number(usage.get("promptTokenCount")),
        output_tokens=None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0),
        reasoning_tokens=thoughts,
        cached_input_tokens=whole_number(usage.get("cachedContentTokenCount")),
    )
