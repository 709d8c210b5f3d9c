from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.agents.options import permutation, presented, written
from spinebench.errors import UsageError


def test_as_given_is_the_identity() -> None:
    assert permutation("as_given", item_id="x", n_options=5) == (0, 1, 2, 3, 4)


def test_a_rotation_moves_the_first_options_to_the_end() -> None:
    order = permutation("rotation:2", item_id="x", n_options=5)
    assert presented(("a", "b", "c", "d", "e"), order) == ("c", "d", "e", "a", "b")


def test_over_all_rotations_each_option_stands_at_each_letter_once() -> None:
    orders = [permutation(f"rotation:{k}", item_id="x", n_options=5) for k in range(5)]
    assert [sorted(column) for column in zip(*orders, strict=True)] == [[0, 1, 2, 3, 4]] * 5


@given(seed=st.integers(-(2**31), 2**31), item_id=st.text(max_size=20), n=st.integers(0, 26))
def test_a_shuffle_is_a_permutation_and_depends_on_nothing_else(seed: int, item_id: str, n: int) -> None:
    first = permutation(f"shuffled:{seed}", item_id=item_id, n_options=n)
    assert sorted(first) == list(range(n))
    assert first == permutation(f"shuffled:{seed}", item_id=item_id, n_options=n)


def test_shuffles_differ_between_items() -> None:
    orders = {permutation("shuffled:1", item_id=f"item-{i}", n_options=5) for i in range(200)}
    assert len(orders) > 60  # of 120 possible ones; 200 draws leave about 23 unseen


@pytest.mark.parametrize("order", ["shuffle:1", "rotation:x", "rotation", "", "shuffled:"])
def test_an_unknown_order_is_refused(order: str) -> None:
    with pytest.raises(UsageError, match="option order"):
        permutation(order, item_id="x", n_options=5)


def test_options_are_written_with_letters() -> None:
    assert written(("Healthy", "Osteophytes")) == "A: Healthy, B: Osteophytes"
