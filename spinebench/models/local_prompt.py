"""From messages to a checkpoint's own prompt: what its chat template takes is found by trying it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import ImagePart, Message, ModelFailure, ModelRequest, TextPart
from spinebench.records import DecodingOptions, FailureClass

_PROBE = "spinebench probe"
_SYSTEM_PROBE = "spinebench system probe"


class TemplateError(Exception):
    """No form of message content that we know works with the chat template."""


@dataclass(frozen=True)
class Prompt:
    """One request, ready for the processor."""

    turns: tuple[dict[str, Any], ...]
    """Conversation in the form that the template takes; images are PIL images."""
    text: str
    """The prompt as rendered, with one placeholder per image."""
    images: tuple[Any, ...]
    template_options: dict[str, Any]
    control_tokens: tuple[str, ...]
    """Control tokens of the model that occur in the request's own texts, e.g. `<image>` in a question."""


class PromptWriter:
    """Writes prompts for one processor.

    - The order of texts and images within a message is kept, as far as the template keeps it.
    - A system message is folded into the first user message where the template refuses or drops it.
    - A template that takes plain text contents gets them, with the processor's image placeholders in place.
    - Without any template the prompt is the messages' texts and placeholders, separated by blank lines.
    """

    def __init__(self, processor: Any, *, chat_template: str | None = None) -> None:
        """Raises `TemplateError` where the template takes no form of message."""
        self._processor = processor
        self._tokenizer = getattr(processor, "tokenizer", processor)
        self.template = chat_template or _own_template(processor) or _own_template(self._tokenizer)
        self._placeholder = _placeholder(processor, self._tokenizer)
        self._control_tokens = _control_tokens(processor, self._tokenizer)
        self._as_parts = True
        self.takes_system = False
        self.switches = tuple(
            name
            for name in ("enable_thinking", "reasoning_effort")
            if self.template and name in self.template
        )
        """Reasoning controls that the template knows."""
        if self.template is not None:
            self._as_parts = self._probe_parts()
            self.takes_system = self._probe_system()

    def write(self, request: ModelRequest) -> Prompt:
        """Raises `ModelFailure`: `image` for an unreadable one, `bad_request` where the template refuses."""
        messages = ask_for_json(request)
        images = [
            _open(part) for message in messages for part in message.parts if isinstance(part, ImagePart)
        ]
        if images and self.template is not None and not self._as_parts and self._placeholder is None:
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                "the chat template takes no images and the processor has no placeholder",
            )
        options = self._template_options(request.decoding)
        turns = self._turns(messages, iter(images).__next__)
        own_texts = [
            part.text for message in messages for part in message.parts if isinstance(part, TextPart)
        ]
        found = tuple(token for token in self._control_tokens if any(token in text for text in own_texts))
        try:
            text = self._render(turns, options) if self.template is not None else self._plain(messages)
        except _template_faults() as error:
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"the chat template refuses the messages: {type(error).__name__}: {error}",
            ) from error
        return Prompt(tuple(turns), text, tuple(images), options, found)

    def _template_options(self, decoding: DecodingOptions) -> dict[str, Any]:
        effort = decoding.reasoning_effort
        if effort is None:
            return {}
        values: dict[str, Any] = {"enable_thinking": effort != "none", "reasoning_effort": effort}
        return {name: values[name] for name in self.switches}

    def _turns(self, messages: Sequence[Message], next_image: Callable[[], Any]) -> list[dict[str, Any]]:
        if not self.takes_system:
            messages = _fold_system(messages)
        turns: list[dict[str, Any]] = []
        for message in messages:
            content: list[dict[str, Any]] = [
                {"type": "text", "text": part.text}
                if isinstance(part, TextPart)
                else {"type": "image", "image": next_image()}
                for part in message.parts
            ]
            turns.append(
                {"role": message.role, "content": content if self._as_parts else self._flat(message)}
            )
        return turns

    def _flat(self, message: Message) -> str:
        pieces = (
            part.text if isinstance(part, TextPart) else self._placeholder or "" for part in message.parts
        )
        return "\n".join(piece for piece in pieces if piece)

    def _plain(self, messages: Sequence[Message]) -> str:
        return "\n\n".join(self._flat(message) for message in messages) + "\n"

    def _render(self, turns: Sequence[dict[str, Any]], options: dict[str, Any] | None = None) -> str:
        renderer = self._processor if hasattr(self._processor, "apply_chat_template") else self._tokenizer
        # The library rewrites the contents of the turns it is given.
        copies = [dict(turn) for turn in turns]
        prompt = renderer.apply_chat_template(
            copies,
            chat_template=self.template,
            add_generation_prompt=True,
            tokenize=False,
            **(options or {}),
        )
        return str(prompt)

    def _probe_parts(self) -> bool:
        """Whether contents go in as parts; False for plain text."""
        with_image: list[dict[str, Any]] = [{"type": "text", "text": _PROBE}, {"type": "image"}]
        faults: list[str] = []
        try:
            bare = self._render([{"role": "user", "content": with_image[:1]}])
            full = self._render([{"role": "user", "content": with_image}])
            # A template for plain text prints a list as Python would, or leaves the image out.
            if _PROBE in full and "'type'" not in full and full != bare:
                return True
            faults.append("list contents are printed, not read" if full != bare else "images are left out")
        except _template_faults() as error:
            faults.append(f"{type(error).__name__}: {error}")
        try:
            if _PROBE in self._render([{"role": "user", "content": _PROBE}]):
                return False
            faults.append("plain text is left out")
        except _template_faults() as error:
            faults.append(f"{type(error).__name__}: {error}")
        raise TemplateError(", ".join(faults))

    def _probe_system(self) -> bool:
        def content(text: str) -> Any:
            return [{"type": "text", "text": text}] if self._as_parts else text

        turns = [
            {"role": "system", "content": content(_SYSTEM_PROBE)},
            {"role": "user", "content": content(_PROBE)},
        ]
        try:
            prompt = self._render(turns)
        except _template_faults():
            return False
        return _SYSTEM_PROBE in prompt and _PROBE in prompt


def _fold_system(messages: Sequence[Message]) -> list[Message]:
    system = [part for message in messages if message.role == "system" for part in message.parts]
    turns = [message for message in messages if message.role != "system"]
    if not system:
        return turns
    for index, message in enumerate(turns):
        if message.role == "user":
            turns[index] = Message(role="user", parts=(*system, *message.parts))
            return turns
    return [Message(role="user", parts=tuple(system)), *turns]


def _open(part: ImagePart) -> Any:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(part.read())) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ModelFailure(
            FailureClass.IMAGE, f"prepared image {part.file.name!r} cannot be read: {error}"
        ) from error


def _own_template(owner: Any) -> str | None:
    template = getattr(owner, "chat_template", None)
    if isinstance(template, dict):
        template = template.get("default") or next(iter(template.values()), None)
    return template if isinstance(template, str) and template else None


def _placeholder(processor: Any, tokenizer: Any) -> str | None:
    """What a prompt writes where an image goes. Gemma's processors replace the begin-of-image token."""
    for owner, name in ((processor, "boi_token"), (processor, "image_token"), (tokenizer, "image_token")):
        token = getattr(owner, name, None)
        token = getattr(token, "content", token)
        if isinstance(token, str) and token:
            return token
    return None


def _control_tokens(processor: Any, tokenizer: Any) -> tuple[str, ...]:
    tokens = {str(token) for token in getattr(tokenizer, "all_special_tokens", ())}
    for added in getattr(tokenizer, "added_tokens_decoder", {}).values():
        if added.special:
            tokens.add(str(added.content))
    for name in ("image_token", "video_token", "audio_token", "boi_token"):
        for owner in (processor, tokenizer):
            token = getattr(owner, name, None)
            token = getattr(token, "content", token)
            if isinstance(token, str):
                tokens.add(token)
    return tuple(sorted(token for token in tokens if token.strip()))


def _template_faults() -> tuple[type[Exception], ...]:
    """What a Jinja template may raise on contents it was not written for."""
    import jinja2

    return (jinja2.TemplateError, TypeError, ValueError, KeyError, IndexError, AttributeError)
