"""The level table: counts, denominators and intervals by hand."""

from __future__ import annotations

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.level_naming import (
    FindingOutcome,
    LevelFinding,
    LevelText,
    ModelLevels,
    Support,
    level_report,
)
from spinebench.evaluators.proportions import wilson

LEFT = (LevelFinding(level="L4/5", side="left"),)


def row(text: str | None, *, item: str = "1", cluster: str | None = None, model: str = "m") -> LevelText:
    return LevelText(model=model, item_id=item, cluster=cluster or item, text=text, reference=LEFT)


def only(rows: list[LevelText]) -> ModelLevels:
    (found,) = level_report(rows)
    return found


def test_counts_and_denominators() -> None:
    found = only(
        [
            row("Left L4/5 herniation.", item="1"),  # exact
            row("Right L4/5 herniation and bulge at L1/2.", item="2"),  # wrong side, one unsupported
            row("L4/5 herniation.", item="3"),  # side not said
            row("Left L3/4 herniation.", item="4"),  # within one, unsupported
            row(None, item="5"),  # missed, silent
            row("All levels look normal.", item="6"),  # missed, silent
        ]
    )
    assert (found.n_texts, found.n_silent, found.n_without_findings) == (6, 2, 0)
    counts = {outcome.value: found.outcomes[outcome].count for outcome in FindingOutcome}
    assert counts == {"exact": 1, "side_not_said": 1, "wrong_side": 1, "within_one": 1, "missed": 2}
    assert {one.n for one in found.outcomes.values()} == {6}
    assert sum(one.value or 0 for one in found.outcomes.values()) == pytest.approx(1)
    assert (found.exact_or_within_one.count, found.exact_or_within_one.n) == (4, 6)
    # With a side in the reference and in the text, at the same level: items 1 and 2.
    assert (found.wrong_side.count, found.wrong_side.n) == (1, 2)
    named = {support.value: found.support[support].count for support in Support}
    assert named == {"supported": 3, "bordering": 0, "unsupported": 2}
    assert (found.all_right.count, found.all_right.n) == (1, 6)


def test_wilson_where_every_item_is_its_own_cluster() -> None:
    found = only([row("Left L4/5 herniation." if i < 7 else "", item=str(i)) for i in range(10)])
    exact = found.outcomes[FindingOutcome.EXACT]
    assert exact.interval is not None
    assert exact.interval.method == "Wilson"
    bounds = wilson(7, 10)
    assert (exact.interval.low, exact.interval.high) == pytest.approx((bounds.low, bounds.high))


def test_a_cluster_widens_the_interval() -> None:
    """The same ten answers twice over: 20 texts, but only ten patients."""
    texts = ["Left L4/5 herniation." if i < 5 else "" for i in range(10)]
    twice = [row(text, item=f"{i}{copy}", cluster=str(i)) for i, text in enumerate(texts) for copy in "ab"]
    exact = only(twice).outcomes[FindingOutcome.EXACT]
    assert (exact.n, exact.n_clusters, exact.count) == (20, 10, 10)
    assert exact.interval is not None
    independent = wilson(10, 20)
    assert exact.interval.high - exact.interval.low > independent.high - independent.low
    assert exact.design_effect == pytest.approx(2 * 19 / 18)  # 10/9 (10 1^2) / 400 over 5 / 19 / 20


def test_one_row_per_model_in_their_order() -> None:
    found = level_report([row("L4/5", model="b"), row("L4/5", model="a"), row("L4/5", model="b", item="2")])
    assert [(one.model, one.n_texts) for one in found] == [("b", 2), ("a", 1)]


def test_nothing_to_count() -> None:
    assert level_report([]) == ()
    found = only([LevelText(model="m", item_id="1", cluster="1", text="", reference="")])
    assert found.outcomes[FindingOutcome.EXACT].value is None
    assert found.outcomes[FindingOutcome.EXACT].reason == "the references name no level"
    assert found.support[Support.UNSUPPORTED].reason == "the texts name no level"
    assert found.n_without_findings == 1
    assert found.all_right.count == 1


def test_denied_by_the_reference() -> None:
    reference = "Herniation at L4/5. No herniation at L5/S1."
    found = only(
        [LevelText(model="m", item_id="1", cluster="1", text="Bulge at L5/S1.", reference=reference)]
    )
    assert (found.denied.count, found.denied.n) == (1, 1)


def test_a_level_of_confidence_out_of_range() -> None:
    with pytest.raises(UsageError, match="confidence level"):
        level_report([row("L4/5")], level=95)
