"""What every chat model takes and gives: a typed request in, a typed reply or one classified failure out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import ConfigDict, Field

from spinebench.records import (
    DecodingOptions,
    Failure,
    FailureClass,
    FinishReason,
    ImageCondition,
    JsonValue,
    Record,
    SentImage,
    Usage,
    digest,
)

RETRYABLE = frozenset(
    {
        FailureClass.RATE_LIMIT,
        FailureClass.SERVER,
        FailureClass.CONNECTION,
        FailureClass.TIMEOUT,
        FailureClass.MALFORMED,
    }
)
"""Classes where the same request may succeed later."""

FATAL = frozenset(
    {
        FailureClass.AUTH,
        FailureClass.PERMISSION,
        FailureClass.UNKNOWN_MODEL,
        FailureClass.QUOTA,
    }
)
"""Classes that no other item would escape: the run stops instead of failing item by item."""


class TextPart(Record):
    """A piece of text."""

    kind: Literal["text"] = "text"
    text: str


class ImagePart(Record):
    """A reference to the bytes of a prepared image. The bytes are read when the request is sent."""

    kind: Literal["image"] = "image"
    image: SentImage
    file: Path = Field(exclude=True)
    """File that holds exactly the bytes of `image.sha256`; no part of the request's identity."""

    def read(self) -> bytes:
        """The bytes to send."""
        return self.file.read_bytes()


class Message(Record):
    """One turn. Providers' system prompts are messages with role `system`, first in the list."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[TextPart | ImagePart, ...]

    @property
    def text(self) -> str:
        """The text parts, joined by blank lines."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, TextPart))


class RequestTag(Record):
    """Which question a request asks, for simulated, baseline and recorded models.

    It holds no gold answer, provider adapters never send it, and it is no part of the request hash.
    """

    item_id: str
    role: Literal["examinee", "extractor", "judge"] = "examinee"
    persona: str = "none"
    image_condition: ImageCondition = ImageCondition.NORMAL
    option_permutation: tuple[int, ...] = ()
    """presented[i] = options[permutation[i]]; empty: as given."""
    epoch: int = 1
    """Of an answer; the repeat of a judge."""
    trace_id: str | None = None
    """The trace that a judge is asked about."""


class JsonSchema(Record):
    """A JSON schema the reply has to follow."""

    name: str
    schema_: dict[str, JsonValue] = Field(alias="schema")

    model_config = ConfigDict(populate_by_name=True)


class ModelRequest(Record):
    """One call: messages with image references, decoding options, optional JSON schema."""

    messages: tuple[Message, ...]
    decoding: DecodingOptions = DecodingOptions()
    json_schema: JsonSchema | None = None
    tag: RequestTag | None = None

    def hash(self, model: str) -> str:
        """SHA-256 over all that can change the reply of `model`: texts, image digests, decoding, schema.

        Epochs differ in nothing else, nor do items whose image is not shown; both are draws of their own, so item
        and epoch are part of it.
        """
        messages = [
            {
                "role": message.role,
                "parts": [
                    part.text if isinstance(part, TextPart) else {"sha256": part.image.sha256}
                    for part in message.parts
                ],
            }
            for message in self.messages
        ]
        schema = None if self.json_schema is None else self.json_schema.schema_
        draw = None if self.tag is None else [self.tag.item_id, self.tag.epoch]
        return digest([model, messages, self.decoding.model_dump(exclude_none=True), schema, draw])


class ModelReply(Record):
    """What a model gave back, unedited."""

    text: str
    """Empty where the model gave none (refusal, filter, all tokens spent on reasoning)."""
    reasoning: str | None = None
    finish_reason: FinishReason
    refusal: str | None = None
    """The provider's own refusal text or filter category, where it reports one."""
    usage: Usage = Usage()
    """Without cost: prices are the gateway's."""
    provider_model: str | None = None
    response_id: str | None = None
    rate_limit: dict[str, str] = Field(default_factory=dict)
    """Rate-limit headers, lower case, as received."""


class ModelFailure(Exception):
    """One failed attempt, classified once, by the adapter that met it."""

    def __init__(
        self,
        failure_class: FailureClass,
        message: str,
        *,
        status_code: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure_class = failure_class
        self.message = message
        self.status_code = status_code
        self.retry_after_s = retry_after_s
        """Seconds the provider asked to wait (Retry-After or its variants); None if it did not."""

    @property
    def retryable(self) -> bool:
        return self.failure_class in RETRYABLE

    def record(self, attempt: int) -> Failure:
        """As a stored record."""
        return Failure(
            failure_class=self.failure_class,
            message=self.message[:2000],
            attempt=attempt,
            status_code=self.status_code,
            retryable=self.retryable,
            at=datetime.now(UTC),
        )


@runtime_checkable
class ChatModel(Protocol):
    """A multimodal chat model behind one provider account.

    `generate` makes exactly one attempt (SDK retries switched off): it returns a reply, also for refusals,
    filter stops and truncation, or raises `ModelFailure`. It holds no retry, cache or price logic.
    """

    @property
    def name(self) -> str:
        """Canonical model string, `provider/id`."""
        ...

    @property
    def account(self) -> str:
        """What shares a rate limit, e.g. `openai` or `http://127.0.0.1:8000`; never a key."""
        ...

    @property
    def host(self) -> str | None:
        """Host that requests leave this machine for; None if nothing leaves it."""
        ...

    @property
    def simulated(self) -> bool:
        """True for simulated examinees: labelled wherever their figures appear. A baseline is no simulation."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """Settings that can change an answer (base URL, dtype, revision ...): part of the run digest."""
        ...

    async def generate(self, request: ModelRequest) -> ModelReply: ...

    async def check(self) -> None:
        """Verify key, permission and model id with the cheapest call there is; raises `ModelFailure`."""
        ...

    async def aclose(self) -> None: ...
