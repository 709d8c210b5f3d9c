"""Traces that say which model wrote them, and traces that only seem to."""

from __future__ import annotations

import pytest

from spinebench.evaluators.self_naming import named_models

NAMED = {
    "as a family": ("As GPT-4o, I see a slip.", "openai/gpt-5", ("As GPT-4o",)),
    "I am": ("I am Claude 4.5 and I see a slip.", "anthropic/x", ("I am Claude 4.5",)),
    "curly apostrophe": ("I\u2019m Gemini.", "google/x", ("I\u2019m Gemini.",)),
    "a model called": ("I'm a model called Qwen2.5-VL", "local/x", ("I'm a model called Qwen2.5-VL",)),
    "who made it": ("I was trained by Google DeepMind.", "google/x", ("trained by Google DeepMind",)),
    "its own id": ("[gpt-5.2] The disc is low.", "openai/gpt-5.2-2026-01-01", ("gpt-5.2",)),
    "its own id otherwise spelt": ("Signed, Qwen 3 VL", "local/models/qwen3-vl", ("Qwen 3 VL",)),
}


@pytest.mark.parametrize(("text", "model", "found"), NAMED.values(), ids=NAMED)
def test_named(text: str, model: str, found: tuple[str, ...]) -> None:
    assert named_models(text, model=model) == found


ORDINARY = (
    "",
    "As a surgeon I am sure that the L4 body has slipped on L5.",
    "This is a T2 image; as seen at L4-L5, I am confident. The claude is not meant.",
    "Claudication is typical. As claudication shows, the canal is narrow.",
    "I am steady, strong and a reader of images.",
    "The implant was made by Stryker. As grading goes, this is grade 2.",
)


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize(
    "model", ["sim/steady", "openai/gpt-5", "local/strong", "baseline/first", "x/7b", "sim/l4-reader"]
)
def test_ordinary_reasoning_names_nothing(text: str, model: str) -> None:
    assert named_models(text, model=model) == ()
