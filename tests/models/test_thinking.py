"""Native reasoning comes apart from the answer, and nothing but its tags is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.models.thinking import THINKING_TAGS, Thought, opened_in, split_thinking

CLOSE = frozenset({"</think>"})


@pytest.mark.parametrize(
    ("raw", "options", "expected"),
    [
        pytest.param("B", {}, Thought("B", None, True), id="no tag"),
        pytest.param("", {}, Thought("", None, True), id="empty"),
        pytest.param(
            "<think>a\nb</think>\n\nB ", {}, Thought("\n\nB ", "a\nb", True), id="white space is kept"
        ),
        pytest.param("<think></think>B", {}, Thought("B", "", True), id="empty reasoning"),
        pytest.param("<think>cut", {}, Thought("", "cut", False), id="cut off"),
        pytest.param("\n<think>a</think>B", {}, Thought("B", "a", True), id="white space before"),
        pytest.param(
            "a</think>B", {"opened_by": "<think>"}, Thought("B", "a", True), id="opened by the prompt"
        ),
        pytest.param("a", {"opened_by": "<think>"}, Thought("", "a", False), id="opened by the prompt, cut"),
        pytest.param(
            "a</think>B", {}, Thought("a</think>B", None, True), id="lone closing tag of no vocabulary"
        ),
        pytest.param("a</think>B", {"lone_close": CLOSE}, Thought("B", "a", True), id="lone closing token"),
        pytest.param(
            "B. I write <think> here", {}, Thought("B. I write <think> here", None, True), id="in the answer"
        ),
        pytest.param(
            "say <think>x</think>",
            {"lone_close": CLOSE},
            Thought("say <think>x</think>", None, True),
            id="a pair in the answer",
        ),
        pytest.param(
            "<think>a</think>B</think>",
            {},
            Thought("B</think>", "a", True),
            id="the first closing tag counts",
        ),
        pytest.param("[THINK]a[/THINK]B", {}, Thought("B", "a", True), id="square brackets"),
    ],
)
def test_split(raw: str, options: dict[str, object], expected: Thought) -> None:
    assert split_thinking(raw, **options) == expected  # type: ignore[arg-type]  # a case table of keywords


@given(st.sampled_from(THINKING_TAGS), st.text(), st.text())
def test_nothing_is_lost(tags: tuple[str, str], reasoning: str, text: str) -> None:
    opening, closing = tags
    if closing in reasoning:
        return
    assert split_thinking(opening + reasoning + closing + text) == Thought(text, reasoning, True)


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [("user: hi\nassistant: <think>\n", "<think>"), ("<think> in the question", None), ("", None)],
)
def test_opened_in(prompt: str, tag: str | None) -> None:
    assert opened_in(prompt) == tag
