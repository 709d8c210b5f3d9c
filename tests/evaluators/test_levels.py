"""Spinal levels on one chain."""

from __future__ import annotations

import pytest

from spinebench.evaluators.levels import disc_position, positions, vertebra_position
from spinebench.terms import LEVELS


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("C1/C2", 0),
        ("C7-T1", 6),
        ("T12/L1", 18),
        ("l4-5", 22),
        ("L5/S1", 23),
        ("L5-1", 23),
        ("L3/L5", None),
        ("L4", None),
        ("Healthy", None),
        ("", None),
    ],
)
def test_disc_position(text: str, position: int | None) -> None:
    assert disc_position(text) == position


def test_vertebra_position() -> None:
    assert [vertebra_position(text) for text in ("C1", "T1", "S1", "L6", "L4/L5")] == [0, 7, 24, None, None]


def test_the_lumbar_levels_are_neighbours() -> None:
    assert positions(LEVELS) == (19, 20, 21, 22, 23)


def test_discs_and_vertebrae_have_no_common_chain() -> None:
    assert positions(("L4", "L4/L5")) is None
    assert positions(("L4/L5", "left")) is None
    assert positions(()) == ()
