"""Distances in levels."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.evaluators.distance import CUTOFF, match_levels


@pytest.mark.parametrize(
    ("gold", "chosen", "distance", "within_one", "offset"),
    [
        pytest.param((2,), (2,), 0, 1, 0, id="same"),
        pytest.param((2,), (3,), 1, 1, 1, id="one down"),
        pytest.param((0,), (4,), 3, 0, None, id="beyond the cut-off"),
        pytest.param((0,), (3,), 3, 0, 3, id="at the cut-off"),
        pytest.param(
            (2, 3), (3, 4), 1, 1, 1, id="shifted by one: two pairs one off, not one hit and one three off"
        ),
        pytest.param((2, 3), (1, 2), 1, 1, -1, id="shifted up by one: likewise"),
        pytest.param((4,), (0, 1), 3, 0, -3, id="three off goes before four off"),
        pytest.param((2, 3), (3,), 1.5, 0.5, 0, id="one left over costs the cut-off"),
        pytest.param((1, 3), (2,), 2, 0.5, 0, id="a tie leans neither way"),
        pytest.param((2,), (), 3, 0, None, id="nothing chosen"),
        pytest.param((), (), 0, 1, None, id="nothing to choose"),
    ],
)
def test_matching(
    gold: tuple[int, ...], chosen: tuple[int, ...], distance: float, within_one: float, offset: float | None
) -> None:
    assert match_levels(gold, chosen) == pytest.approx((distance, within_one, offset))


level_sets = st.sets(st.integers(0, 4), min_size=1).map(lambda found: tuple(sorted(found)))


@given(level_sets, level_sets)
def test_distance_against_trying_every_matching(gold: tuple[int, ...], chosen: tuple[int, ...]) -> None:
    small, large = sorted((gold, chosen), key=len)
    best = min(
        sum(min(abs(a - b), CUTOFF) for a, b in zip(small, order, strict=True))
        for order in permutations(large, len(small))
    )
    expected = (best + CUTOFF * (len(large) - len(small))) / len(large)
    assert match_levels(gold, chosen).distance == pytest.approx(expected)


@given(level_sets, level_sets)
def test_upside_down_only_the_sign_of_the_offset_changes(
    gold: tuple[int, ...], chosen: tuple[int, ...]
) -> None:
    one = match_levels(gold, chosen)
    other = match_levels(tuple(sorted(4 - g for g in gold)), tuple(sorted(4 - c for c in chosen)))
    assert (one.distance, one.within_one) == pytest.approx((other.distance, other.within_one))
    assert (one.offset is None) == (other.offset is None)
    if one.offset is not None:
        assert one.offset == pytest.approx(-(other.offset or 0.0))
