"""What all graphs that ask a model have in common: the prompt of an item, its images, the call, its status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spinebench.agents.images import ImageSource, NoImages
from spinebench.agents.options import AS_GIVEN, permutation
from spinebench.agents.personas import PERSONAS, Persona, load_persona
from spinebench.agents.prompt_text import prompt_text
from spinebench.agents.state import ExamState, Json
from spinebench.errors import DataError, UsageError
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.protocol import ChatModel, ImagePart, Message, ModelRequest, RequestTag, TextPart
from spinebench.records import (
    AnswerStatus,
    DecodingOptions,
    Failure,
    FailureClass,
    FinishReason,
    ImageCondition,
    Item,
    SentImage,
    Usage,
)


class Asking:
    """The nodes `compose` and `ask`, bound to what they work with. Each takes the state and returns what it adds."""

    def __init__(
        self,
        examinee: ChatModel,
        *,
        gateway: Gateway | None,
        images: ImageSource | None,
        personas: Mapping[str, Persona] | None,
        decoding: DecodingOptions | None,
    ) -> None:
        self.examinee = examinee
        self.gateway = gateway or Gateway(GatewayPolicy())
        self._images = images or NoImages()
        self._personas = dict(personas) if personas else {name: load_persona(name) for name in PERSONAS}
        self._decoding = decoding or DecodingOptions()

    async def compose(self, state: ExamState) -> ExamState:
        """Order the options, fill the persona's template, prepare the images."""
        item = Item.model_validate(state["item"])
        template = self.persona(state).template(item.task)
        order = permutation(state.get("option_order", AS_GIVEN), item_id=item.id, n_options=len(item.options))
        composed: ExamState = {
            "permutation": list(order),
            "prompt": prompt_text(template, item, order),
            "prompt_hash": template.hash,
            "images": [],
            "failures": [],
        }
        try:
            parts = await self._images.show(item, ImageCondition(state.get("image_condition", "normal")))
        except DataError as error:
            failure = Failure(
                failure_class=FailureClass.IMAGE, message=str(error)[:2000], attempt=1, at=datetime.now(UTC)
            )
            return {**composed, "failures": [failure.model_dump(mode="json")]}
        composed["images"] = [
            {**part.image.model_dump(mode="json"), "file": str(part.file)} for part in parts
        ]
        return composed

    async def ask(self, state: ExamState) -> ExamState:
        """Put the question to the examinee, through the gateway. Nothing is sent if composing failed."""
        if state["failures"]:
            return NOT_SENT
        call = await self.gateway.call(self.examinee, self.request(state), role="examinee")
        return {
            "reply": None if call.reply is None else call.reply.model_dump(mode="json"),
            "status": reply_status(call).value,
            "request_hash": call.request_hash,
            "failures": [failure.model_dump(mode="json") for failure in call.failures],
            "attempts": call.attempts,
            "usage": call.usage.model_dump(mode="json"),
            "latency_s": call.latency_s,
            "reused": call.reused,
        }

    def persona(self, state: ExamState) -> Persona:
        """The persona that the state names. Raises `UsageError` for another."""
        name = state.get("persona", next(iter(self._personas)))
        try:
            return self._personas[name]
        except KeyError:
            raise UsageError(
                f"persona {name!r}: expected one of {', '.join(self._personas)}; "
                "name one of these, or give it to the graph as personas=..."
            ) from None

    def tag(self, state: ExamState) -> RequestTag:
        """Which question the state asks."""
        return RequestTag(
            item_id=state["item"]["id"],
            persona=self.persona(state).name,
            image_condition=ImageCondition(state.get("image_condition", "normal")),
            option_permutation=tuple(state["permutation"]),
            epoch=state.get("epoch", 1),
        )

    def request(self, state: ExamState, *following: Message) -> ModelRequest:
        """The composed prompt with its images as the first message, then whatever was said since."""
        parts: list[TextPart | ImagePart] = [TextPart(text=state["prompt"])]
        parts += [_image_part(entry) for entry in state["images"]]
        return ModelRequest(
            messages=(Message(role="user", parts=tuple(parts)), *following),
            decoding=self._decoding,
            tag=self.tag(state),
        )


NOT_SENT: ExamState = {
    "reply": None,
    "status": AnswerStatus.ERROR.value,
    "request_hash": None,
    "attempts": 0,
}
"""What stands in the state where composing failed and nothing was sent."""


def reply_status(call: Call) -> AnswerStatus:
    """What the reply alone tells: `answered` means that there is a complete text to extract from."""
    reply = call.reply
    if reply is None:
        return AnswerStatus.ERROR
    if reply.finish_reason is FinishReason.FILTER:
        return AnswerStatus.FILTERED
    if reply.finish_reason is FinishReason.REFUSAL or (reply.refusal and not reply.text.strip()):
        return AnswerStatus.REFUSED
    if reply.finish_reason is FinishReason.LENGTH:
        return AnswerStatus.TRUNCATED
    return AnswerStatus.ANSWERED if reply.text.strip() else AnswerStatus.NO_ANSWER


def usage_of(state: ExamState) -> Usage:
    """Usage of the examinee's calls; empty where nothing was sent."""
    usage: dict[str, Any] | None = state.get("usage")
    return Usage() if usage is None else Usage.model_validate(usage)


def _image_part(entry: Json) -> ImagePart:
    image = SentImage.model_validate({key: value for key, value in entry.items() if key != "file"})
    return ImagePart(image=image, file=Path(entry["file"]))
