"""Every rule of the rater design, on lists of every shape."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.audit_records import Assignment
from spinebench.errors import UsageError
from spinebench.rating.assigning import Rateable, assign, broken_rules, n_duplicates
from spinebench.rating.ordering import Showing, order_showings

AT = datetime(2026, 3, 4, tzinfo=UTC)


def grid(n_models: int, n_images: int) -> list[Rateable]:
    """Each of the models on each of the images."""
    return [
        Rateable(f"run-1/{model:02d}{image:04d}", f"openai/model-{model}", f"image-{image}")
        for model in range(n_models)
        for image in range(n_images)
    ]


def lists(traces: list[Rateable], raters: str = "ab", *, seed: int = 5, **options: Any) -> list[Assignment]:
    return assign(traces, list(raters), audit_id="audit-1", seed=seed, at=AT, **options)


def neighbours(one: Assignment, traces: list[Rateable], what: str) -> int:
    known = {trace.trace_id: trace for trace in traces}
    values = [getattr(known[shown.trace_id], what) for shown in one.traces]
    return sum(first == second for first, second in itertools.pairwise(values))


@pytest.fixture(scope="module")
def twelve_models() -> tuple[list[Rateable], list[Assignment]]:
    traces = grid(12, 10)
    return traces, lists(traces, "abcd", per_trace=2)


def test_the_usual_design_keeps_every_rule(twelve_models: tuple[list[Rateable], list[Assignment]]) -> None:
    traces, found = twelve_models
    assert [broken_rules(one, traces) for one in found] == [[], [], [], []]
    for one in found:
        assert neighbours(one, traces, "model") == 0
        assert neighbours(one, traces, "image") == 0
        assert max(Counter(shown.sitting for shown in one.traces).values()) <= 25
        assert [shown.position for shown in one.traces] == list(range(1, len(one.traces) + 1))
        assert [shown.sitting for shown in one.traces] == sorted(shown.sitting for shown in one.traces)


def test_the_work_is_shared_evenly(twelve_models: tuple[list[Rateable], list[Assignment]]) -> None:
    # 12 anchors for all four, the other 108 for two each: 12 + 108 * 2 / 4 = 66 distinct traces a rater.
    traces, found = twelve_models
    model_of = {trace.trace_id: trace.model for trace in traces}
    for one in found:
        distinct = {shown.trace_id for shown in one.traces}
        assert len(distinct) == 66
        per_model = Counter(model_of[trace_id] for trace_id in distinct)
        assert len(per_model) == 12
        assert max(per_model.values()) - min(per_model.values()) <= 4


def test_anchors_are_rated_by_all_and_spread_over_the_models(
    twelve_models: tuple[list[Rateable], list[Assignment]],
) -> None:
    traces, found = twelve_models
    sets = [{shown.trace_id for shown in one.traces if shown.anchor} for one in found]
    assert sets[0] == sets[1] == sets[2] == sets[3]
    model_of = {trace.trace_id: trace.model for trace in traces}
    assert set(Counter(model_of[trace_id] for trace_id in sets[0]).values()) == {1}
    assert len(sets[0]) == 12  # a tenth of 120


def test_raters_see_different_orders(twelve_models: tuple[list[Rateable], list[Assignment]]) -> None:
    _, (first, second, *_) = twelve_models
    both = {s.trace_id for s in first.traces} & {s.trace_id for s in second.traces}
    orders = [
        list(dict.fromkeys(s.trace_id for s in one.traces if s.trace_id in both)) for one in (first, second)
    ]
    assert orders[0] != orders[1]


def test_packet_ids_say_nothing(twelve_models: tuple[list[Rateable], list[Assignment]]) -> None:
    _, found = twelve_models
    ids = [shown.packet_id for one in found for shown in one.traces]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 12 and one.isalnum() for one in ids)
    for one in found:  # not even their order tells what is an anchor or a duplicate, or whose trace it is
        again = [shown for shown in one.traces if shown.duplicate]
        firsts = {shown.trace_id: shown.packet_id for shown in one.traces if not shown.duplicate}
        assert all(firsts[shown.trace_id] != shown.packet_id for shown in again)


cells = st.tuples(st.integers(1, 6), st.integers(1, 12)).filter(lambda pair: pair[0] * pair[1] >= 1)


@settings(max_examples=60)
@given(cells, st.integers(2, 5), st.integers(2, 3), st.integers(0, 2**32), st.sampled_from([0.05, 0.07, 0.1]))
def test_rules_hold_for_any_design(
    cell: tuple[int, int], n_raters: int, per_trace: int, seed: int, share: float
) -> None:
    traces = grid(*cell)
    raters = "abcde"[: max(n_raters, per_trace)]
    found = lists(traces, raters, seed=seed, per_trace=per_trace, duplicates=share)
    assert found == lists(
        list(reversed(traces)), raters[::-1], seed=seed, per_trace=per_trace, duplicates=share
    )
    model_of = {trace.trace_id: trace.model for trace in traces}
    times = Counter(shown.trace_id for one in found for shown in one.traces if not shown.duplicate)
    assert set(times) == {trace.trace_id for trace in traces}
    assert min(times.values()) >= per_trace
    for one in found:
        distinct = [shown.trace_id for shown in one.traces if not shown.duplicate]
        again = [shown.trace_id for shown in one.traces if shown.duplicate]
        assert len(set(distinct)) == len(distinct)
        assert len(set(again)) == len(again)
        if len(distinct) >= 10:
            assert 0.05 <= len(again) / len(distinct) <= 0.10
        else:
            assert not again
        place = {shown.trace_id: shown.position for shown in one.traces if not shown.duplicate}
        for shown in one.traces:
            if shown.duplicate and cell[1] > 3:
                assert shown.position - place[shown.trace_id] >= len(one.traces) // 3
        n_images = len({trace.image for trace in traces})
        most = max(Counter(image_of(traces, shown.trace_id) for shown in one.traces).values())
        if n_images >= 4 and 2 * most <= len(one.traces):
            assert neighbours(one, traces, "image") == 0
            models = Counter(model_of[shown.trace_id] for shown in one.traces)
            if len(models) >= 3 and 2 * max(models.values()) <= len(one.traces):
                assert neighbours(one, traces, "model") == 0
        assert max(Counter(shown.sitting for shown in one.traces).values()) <= 25


def image_of(traces: list[Rateable], trace_id: str) -> str:
    return next(trace.image for trace in traces if trace.trace_id == trace_id)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("123")), min_size=1, max_size=6, unique=True),
    st.integers(0, 1000),
)
def test_no_order_of_a_short_list_breaks_less(pairs: list[tuple[str, str]], seed: int) -> None:
    """Against all permutations: fewest repeated images first, then fewest repeated models."""

    def broken(order: tuple[tuple[str, str], ...]) -> tuple[int, int]:
        meets = list(itertools.pairwise(order))
        return sum(a[1] == b[1] for a, b in meets), sum(a[0] == b[0] for a, b in meets)

    found = order_showings([Showing("".join(pair), *pair) for pair in pairs], again=0, seed=str(seed))
    assert sorted((one.model, one.image) for one in found) == sorted(pairs)
    best = min(broken(order) for order in itertools.permutations(pairs))
    assert broken(tuple((one.model, one.image) for one in found)) == best


@settings(max_examples=40)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 1000))
def test_models_meet_only_as_often_as_they_must(sizes: list[int], seed: int) -> None:
    """Of n traces, m of one model: it follows itself at least m - 1 - (n - m) times, and no more."""
    new = [Showing(f"{m}-{k}", str(m), f"{m}-{k}") for m, size in enumerate(sizes) for k in range(size)]
    order = order_showings(new, again=0, seed=str(seed))
    met = sum(a.model == b.model for a, b in itertools.pairwise(order))
    assert met == max(0, 2 * max(sizes) - sum(sizes) - 1)


def test_a_single_model_is_said() -> None:
    traces = grid(1, 12)
    for one in lists(traces):
        said = broken_rules(one, traces)
        assert said == [
            f"{len(one.traces) - 1} times two traces of one model follow each other (all are of one model)"
        ]


def test_a_single_image_is_said() -> None:
    traces = grid(12, 1)
    (one, _) = lists(traces)
    assert any(
        "the same image follows itself (there are 1 images)" in said for said in broken_rules(one, traces)
    )


def test_too_few_traces_for_a_duplicate_is_said() -> None:
    traces = grid(3, 3)
    (one, _) = lists(traces)
    assert broken_rules(one, traces) == [
        "0 hidden duplicates in 9 traces, not 5 to 10 %: too few traces for one"
    ]


def test_calling_again_changes_nothing() -> None:
    traces = grid(4, 6)
    first = lists(traces)
    again = assign(traces, [], audit_id="audit-1", seed=99, at=datetime(2027, 1, 1, tzinfo=UTC),
                   earlier={one.rater: one for one in first})  # fmt: skip
    assert again == first


@pytest.mark.parametrize("anchors", [None, 0, 3])
def test_a_rater_who_comes_later_gets_anchors_and_a_share(anchors: int | None) -> None:
    traces = grid(4, 10)
    first = lists(traces, anchors=anchors)
    after = assign(
        traces,
        ["c"],
        audit_id="audit-1",
        seed=7,
        at=AT,
        anchors=anchors,
        earlier={one.rater: one for one in first},
    )
    assert after[:2] == first
    anchored = {shown.trace_id for shown in first[0].traces if shown.anchor}
    theirs = {shown.trace_id for shown in after[2].traces}
    assert anchored <= theirs
    assert len(theirs) == 27  # ceil(40 traces * 2 raters / 3)
    assert broken_rules(after[2], traces) == []


def test_traces_that_come_later_stand_behind_what_is_out() -> None:
    traces = grid(4, 10)
    first = lists(traces[:20])
    after = assign(traces, [], audit_id="audit-1", seed=7, at=AT, earlier={one.rater: one for one in first})
    for before, now in zip(first, after, strict=True):
        assert now.traces[: len(before.traces)] == before.traces
        assert now.seed == before.seed
        assert {shown.trace_id for shown in now.traces} == {trace.trace_id for trace in traces}
        assert len({shown.packet_id for shown in now.traces}) == len(now.traces)
        assert now.traces[len(before.traces)].sitting == before.traces[-1].sitting + 1
        assert neighbours(now, traces, "image") == 0
        n_distinct = len(traces)
        assert 0.05 <= sum(shown.duplicate for shown in now.traces) / n_distinct <= 0.10


@pytest.mark.parametrize(
    ("n", "share", "expected"),
    [(9, 0.07, 0), (10, 0.07, 1), (21, 0.05, 2), (100, 0.07, 7), (100, 0.1, 10), (14, 0.1, 1), (100, 0, 0)],
)
def test_number_of_duplicates(n: int, share: float, expected: int) -> None:
    assert n_duplicates(n, share) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"per_trace": 1}, "raters per trace 1"),
        ({"per_trace": 3}, "expected 3 or more"),
        ({"duplicates": 0.5}, "share of hidden duplicates 0.5"),
        ({"anchors": -1}, "anchors -1"),
    ],
)
def test_a_design_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        lists(grid(2, 5), **options)


def test_nothing_to_assign_gives_no_lists() -> None:
    assert lists([]) == []


def test_a_list_goes_through_json() -> None:
    (one, _) = lists(grid(3, 5))
    assert Assignment.model_validate(json.loads(one.model_dump_json())) == one
