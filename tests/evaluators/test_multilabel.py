"""Averages of set scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import UsageError
from spinebench.evaluators.multilabel import averages
from spinebench.evaluators.scoring import set_scores

rows = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.tuples(
            st.lists(st.booleans(), min_size=width, max_size=width),
            st.lists(st.booleans(), min_size=width, max_size=width),
        ),
        min_size=1,
        max_size=8,
    )
)


@given(rows)
def test_the_average_over_items_is_the_mean_of_item_scores(
    pairs: list[tuple[list[bool], list[bool]]],
) -> None:
    def members(flags: list[bool]) -> list[str]:
        return [str(i) for i, flag in enumerate(flags) if flag]

    scores = [set_scores(members(chosen), members(gold)) for gold, chosen in pairs]
    found = averages([gold for gold, _ in pairs], [chosen for _, chosen in pairs], average="samples")
    assert (found.precision, found.recall, found.f1, found.jaccard) == pytest.approx(
        tuple(sum(column) / len(pairs) for column in zip(*scores, strict=True))
    )


def test_macro_and_micro_by_hand() -> None:
    # option 1: tp 1 fp 1; option 2: tp 1 fn 1; option 3: tp 0, nothing gold, nothing chosen
    gold, chosen = [[1, 1, 0], [0, 1, 0]], [[1, 1, 0], [1, 0, 0]]
    macro, micro = averages(gold, chosen, average="macro"), averages(gold, chosen, average="micro")
    assert macro.jaccard == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert averages(gold, chosen, average="macro", empty=0).jaccard == pytest.approx((1 / 2 + 1 / 2) / 3)
    assert (micro.precision, micro.recall, micro.jaccard) == pytest.approx((2 / 3, 2 / 3, 2 / 4))


def test_no_items_is_undefined_and_unequal_tables_are_refused() -> None:
    assert averages([[]], [[]], average="macro").f1 is None
    with pytest.raises(UsageError):
        averages([[1, 0]], [[1]], average="macro")
