"""What takes a declaration back, supposes it, denies it, or stands behind the end of the turn."""

from __future__ import annotations

import pytest

from spinebench.evaluators.extraction import extract

OPTIONS = ["Healthy", "Osteophytes", "Foraminal stenosis", "Spinal Canal Stenosis", "Disc space narrowing"]
CLOSING = "My final option: [A]"
NEXT_TURN = "\n<|im_start|>user\nAnother\n<|im_start|>assistant\nMy final option: [C]"


def read(text: str) -> tuple[str, ...]:
    return extract(text, task="diagnosis", options=OPTIONS).letters


@pytest.mark.parametrize(
    "behind",
    [
        "\n\nOops, I meant [C].",
        "\n\nOn reflection, [C] is more accurate.",
        "\nEdit: [C]",
        ". No, [C].",
        " -> changed to [C]",
        ", or rather [C]",
        "\nSorry, that should be [C].",
        "\nOn second thought, C.",
        "\nI change my answer to [C].",
    ],
)
def test_a_correction_wins(behind: str) -> None:
    assert read(CLOSING + behind) == ("C",)


@pytest.mark.parametrize(
    "behind", ["\nActually, I am wrong about this.", "\nEdit: on second thoughts I am not sure."]
)
def test_a_declaration_taken_back_without_another_is_no_answer(behind: str) -> None:
    found = extract(CLOSING + behind, task="diagnosis", options=OPTIONS)
    assert (found.letters, found.rule) == ((), "hedged")


@pytest.mark.parametrize(
    "behind",
    [
        "\n\nNo, disc narrowing is not visible.",
        "\nThe spine is actually quite normal.",
        "\nNote: (C) is wrong.",
        "\nActually, [A] is what the image shows.",
    ],
)
def test_a_remark_behind_a_declaration_changes_nothing(behind: str) -> None:
    assert read(CLOSING + behind) == ("A",)


@pytest.mark.parametrize(
    "text",
    [
        "The least likely answer is A.",
        "The least probable answer is A.",
        "The most unlikely answer is A.",
        "The wrong answer is A.",
        "The answer is unlikely to be A.",
        "If the disc were normal, the answer would be A. But it is narrowed.",
        "Were the disc normal, the answer would be A. But it is narrowed.",
        "Without the narrowing, the answer would be A.",
    ],
)
def test_what_is_denied_or_supposed_is_not_chosen(text: str) -> None:
    assert read(text) == ()


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The most likely answer is A.", "A"),
        ("If I had to choose, my answer would be B.", "B"),
        ("Based on the image, the answer would be B.", "B"),
    ],
)
def test_a_cautious_choice_is_one(text: str, letter: str) -> None:
    assert read(text) == (letter,)


@pytest.mark.parametrize(
    "token", ["<|im_end|>", "<|eot_id|>", "<|end|>", "</s>", "<end_of_turn>", "<|endoftext|>"]
)
def test_text_behind_the_end_of_the_turn_is_not_this_answer(token: str) -> None:
    assert read(f"My final option: [B]{token}{NEXT_TURN}") == ("B",)


def test_an_end_of_turn_before_any_words_ends_nothing() -> None:
    assert read("<|im_end|>\n<|im_start|>assistant\nMy final option: [B]") == ("B",)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("选B。", "answered"),
        ("Ninguna de las anteriores.", "no_answer"),
        ("The image cannot be interpreted; no option can be determined.", "no_answer"),
        (
            "I am programmed to be a safe and harmless AI assistant. I am not a medical professional.",
            "refused",
        ),
        ("#", "no_answer"),
    ],
)
def test_status(text: str, status: str) -> None:
    assert extract(text, task="diagnosis", options=OPTIONS).status == status
