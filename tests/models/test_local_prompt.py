"""What a chat template takes is found out by trying it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinebench.models.local_prompt import PromptWriter, TemplateError
from spinebench.models.protocol import ImagePart, Message, ModelFailure, ModelRequest, TextPart
from spinebench.records import DecodingOptions, FailureClass

PLAIN_TEXT_TEMPLATE = (
    "{% for message in messages %}{{ '[' + message['role'] + '] ' + message['content'] + '\n' }}{% endfor %}"
    "[assistant] "
)
"""As language models have it: a list of parts cannot be added to a text."""
REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for message in messages %}{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<image>' }}|{% endfor %}{% endfor %}"
)
DROPS_SYSTEM = (
    "{% for message in messages if message['role'] != 'system' %}{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<image>' }}|{% endfor %}{% endfor %}"
)
ALTERNATES = (
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<image>' }}|{% endfor %}{% endfor %}"
)
THINKS = REFUSES_SYSTEM + "{% if enable_thinking is not defined or enable_thinking %}<think>\n{% endif %}"


@pytest.fixture(scope="module")
def processor(tiny_llava: Path) -> Any:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(tiny_llava)


def text(role: Any, *parts: str | ImagePart) -> Message:
    return Message(
        role=role, parts=tuple(TextPart(text=part) if isinstance(part, str) else part for part in parts)
    )


def test_the_checkpoints_own_template_keeps_the_order(
    processor: Any, draw_image: Callable[[int], ImagePart]
) -> None:
    writer = PromptWriter(processor)
    request = ModelRequest(
        messages=(text("system", "S"), text("user", "Q", draw_image(1), "R", draw_image(2)))
    )
    prompt = writer.write(request)
    assert writer.takes_system
    assert prompt.text == "<s><|system|>S\n<|end|><|user|>Q\n<image>\nR\n<image>\n<|end|><|assistant|>"
    assert [image.size for image in prompt.images] == [(40, 60), (40, 60)]


@pytest.mark.parametrize("template", [REFUSES_SYSTEM, DROPS_SYSTEM], ids=["refused", "dropped"])
def test_a_system_text_is_folded_into_the_first_question(processor: Any, template: str) -> None:
    writer = PromptWriter(processor, chat_template=template)
    request = ModelRequest(messages=(text("system", "S"), text("user", "Q")))
    assert not writer.takes_system
    assert writer.write(request).text == "S|Q|"


def test_a_template_for_plain_text_gets_placeholders(
    processor: Any, draw_image: Callable[[int], ImagePart]
) -> None:
    writer = PromptWriter(processor, chat_template=PLAIN_TEXT_TEMPLATE)
    request = ModelRequest(messages=(text("system", "S"), text("user", "Q", draw_image(1))))
    assert writer.write(request).text == "[system] S\n[user] Q\n<image>\n[assistant] "


def test_without_a_template_the_prompt_is_the_texts(
    tmp_path: Path, draw_image: Callable[[int], ImagePart]
) -> None:
    from transformers import AutoProcessor

    from tests.tiny_vlm import build_tiny_llava

    bare = AutoProcessor.from_pretrained(build_tiny_llava(tmp_path / "bare", chat_template=None))
    request = ModelRequest(messages=(text("system", "S"), text("user", "Q", draw_image(1))))
    assert PromptWriter(bare).write(request).text == "S\n\nQ\n<image>\n"


@pytest.mark.parametrize("template", ["no messages at all", "{{ nothing.here }}"], ids=["constant", "fails"])
def test_a_template_that_takes_nothing_is_refused(processor: Any, template: str) -> None:
    with pytest.raises(TemplateError):
        PromptWriter(processor, chat_template=template)


def test_what_the_template_refuses_is_the_requests_failure(processor: Any) -> None:
    writer = PromptWriter(processor, chat_template=ALTERNATES)
    with pytest.raises(ModelFailure, match="roles must alternate") as failed:
        writer.write(ModelRequest(messages=(text("user", "Q"), text("user", "R"))))
    assert failed.value.failure_class is FailureClass.BAD_REQUEST


@pytest.mark.parametrize(
    ("effort", "prompt"), [(None, "Q|<think>\n"), ("none", "Q|"), ("high", "Q|<think>\n")]
)
def test_reasoning_is_switched_where_the_template_can(processor: Any, effort: Any, prompt: str) -> None:
    writer = PromptWriter(processor, chat_template=THINKS)
    request = ModelRequest(messages=(text("user", "Q"),), decoding=DecodingOptions(reasoning_effort=effort))
    assert writer.switches == ("enable_thinking",)
    assert writer.write(request).text == prompt


@pytest.mark.parametrize("harm", ["gone", "broken"])
def test_an_unreadable_image_is_the_items_failure(
    processor: Any, draw_image: Callable[[int], ImagePart], harm: str
) -> None:
    image = draw_image(1)
    if harm == "gone":
        image.file.unlink()
    else:
        image.file.write_bytes(image.file.read_bytes()[:200])
    with pytest.raises(ModelFailure, match="cannot be read") as failed:
        PromptWriter(processor).write(ModelRequest(messages=(text("user", "Q", image),)))
    assert failed.value.failure_class is FailureClass.IMAGE


def test_control_tokens_in_a_question_are_noticed(processor: Any) -> None:
    found = PromptWriter(processor).write(ModelRequest(messages=(text("user", "is <image> </s> a tag?"),)))
    assert found.control_tokens == ("</s>", "<image>")
