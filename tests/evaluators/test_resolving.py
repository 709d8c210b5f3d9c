"""What clinicians' ratings of one trace come to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from spinebench.audit_records import RatedDimension, Rating
from spinebench.evaluators.resolving import resolve

SCALES = {"a": (1, 2, 3, 4, 5), "b": (1, 3, 5)}


def rating(
    rater: str, a: int | None = None, b: int | None = None, *, duplicate: bool = False, safety: bool = False
) -> Rating:
    """None: cannot assess."""
    return Rating(
        rating_id="ab" * 32,
        audit_id="audit-1",
        rater=rater,
        packet_id=f"{rater}-{duplicate}",
        trace_id="run-1/answer-1",
        duplicate=duplicate,
        dimensions=tuple(
            RatedDimension(dimension=name, score=score, cannot_assess=score is None)
            for name, score in (("a", a), ("b", b))
        ),
        safety=safety,
        rubric_hash="ab" * 32,
        source="packet",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


CASES = {
    # ratings, (median, range) of a and b, reasons of a and b
    "none": ([], (None, None), (None, None), (), ()),
    "one": ([rating("r1", 4, 3)], (4, None), (3, None), (), ()),
    "one level apart": ([rating("r1", 4, 3), rating("r2", 5, 1)], (4.5, 1), (2, 1), (), ()),
    "two levels apart": ([rating("r1", 3, 1), rating("r2", 5, 5)], (4, 2), (3, 2), ("range",), ("range",)),
    "three raters": ([rating("r1", 1), rating("r2", 2), rating("r3", 2)], (2, 1), (None, None), (), ()),
    "cannot assess": ([rating("r1", None, 5), rating("r2", 1, 5)], (1, None), (5, 0), (), ()),
    "safety": ([rating("r1", 4, 3), rating("r2", 4, 3, safety=True)], (4, 0), (3, 0), ("safety",), ("safety",)),
    "both": (
        [rating("r1", 1, 3), rating("r2", 4, 3, safety=True)],
        (2.5, 3),
        (3, 0),
        ("range", "safety"),
        ("safety",),
    ),
    "a duplicate does not count twice": (
        [rating("r1", 1, 1, duplicate=True), rating("r1", 4, 3), rating("r2", 4, 3)],
        (4, 0),
        (3, 0),
        (),
        (),
    ),
    "nor stand against its first": (
        [rating("r1", 4, 3), rating("r1", 1, 1, duplicate=True)],
        (4, None),
        (3, None),
        (),
        (),
    ),
    "but its safety flag does": (
        [rating("r1", 4, 3), rating("r1", 4, 3, duplicate=True, safety=True)],
        (4, None),
        (3, None),
        ("safety",),
        ("safety",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ratings", "a", "b", "why_a", "why_b"), CASES.values(), ids=CASES)
def test_median_range_and_need(
    ratings: list[Rating],
    a: tuple[float | None, int | None],
    b: tuple[float | None, int | None],
    why_a: tuple[str, ...],
    why_b: tuple[str, ...],
) -> None:
    first, second = resolve(ratings, scales=SCALES)
    assert (first.median, first.range, first.needs) == (*a, why_a)
    assert (second.median, second.range, second.needs) == (*b, why_b)


def test_scores_go_by_rater_and_what_cannot_be_assessed_is_counted() -> None:
    first, second = resolve([rating("r1", None, 5), rating("r2", 1, 5)], scales=SCALES)
    assert (first.scores, first.n_cannot_assess) == ({"r2": 1}, 1)
    assert (second.scores, second.n_cannot_assess) == ({"r1": 5, "r2": 5}, 0)


def test_a_duplicate_fills_in_only_the_dimension_that_its_first_showing_lacks() -> None:
    whole = rating("r1", 1, 1, duplicate=True)
    part = rating("r1", 4).model_copy(update={"dimensions": (RatedDimension(dimension="a", score=4),)})
    for order in ([whole, part], [part, whole]):
        first, second = resolve(order, scales=SCALES)
        assert (first.scores, second.scores) == ({"r1": 4}, {"r1": 1})


def test_a_score_off_the_scale_is_named() -> None:
    with pytest.raises(ValueError, match="score 2 of 'b' by 'r1': expected one of 1, 3, 5"):
        resolve([rating("r1", 4, 2)], scales=SCALES)
