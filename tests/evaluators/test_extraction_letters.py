"""The strict reader of letters that an extractor model was asked for."""

from __future__ import annotations

import pytest

from spinebench.evaluators.extraction import read_letters

OPTIONS = ("L4/L5", "L1/L2", "L5/S1")


@pytest.mark.parametrize(
    ("value", "letters"),
    [
        ("B", ("B",)),
        (" b ", ("B",)),
        ("[B]", ("B",)),
        (["B"], ("B",)),
        ("A, C", ("A", "C")),
        ("[C, A]", ("A", "C")),
        ("A and C", ("A", "C")),
        (["C", "A", "A"], ("A", "C")),
        ("NONE", ()),
        ("", ()),
        ([], ()),
        (["none"], ()),
        (None, ()),
        ("F", None),
        (["A", "F"], None),
        ("the first one", None),
        ("AC", None),
        (["A", 3], None),
        ({"A": True}, None),
        (2, None),
        (True, None),
    ],
)
def test_letters_are_read_strictly(value: object, letters: tuple[str, ...] | None) -> None:
    assert read_letters(value, task="localization", options=OPTIONS) == letters


def test_several_letters_are_nothing_clear_for_a_single_answer() -> None:
    assert read_letters(["A", "C"], task="diagnosis", options=OPTIONS) is None
    assert read_letters("C", task="diagnosis", options=OPTIONS) == ("C",)
