from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.builder.records import Candidate, Quality, Stage, StandardImage
from spinebench.builder.selection import REASONS, Selected, select
from spinebench.builder.selection_plan import SelectionPlan
from spinebench.builder.selection_report import LabelSelection
from spinebench.builder.units import connected
from spinebench.records import ImageRef, Item, Task

LABELS = ("Healthy", "Osteophytes", "Spondylolisthesis", "Vertebral collapse", "Foraminal stenosis")
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")


def candidate(
    name: str,
    label: str = "Healthy",
    *,
    task: Task = Task.DIAGNOSIS,
    image: str | None = None,
    cluster: str | None = None,
    group: str | None = None,
    modality: str = "MRI",
) -> Candidate:
    image = image or name
    localization = task is Task.LOCALIZATION
    return Candidate(
        item=Item(
            id=name,
            benchmark="b",
            task=task,
            question="What is shown?",
            options=LEVELS if localization else LABELS,
            gold=(label,),
            images=(ImageRef(path=f"{image}.png"),),
            disease=None if localization else label,
            levels=(label,) if localization else (),
            modality=modality,
            source="s",
            cluster=cluster or f"s/{image}",
        ),
        image_id=image,
        group=group or image,
        labels=(label,),
        rows=("labels.csv:2",),
        template="en-1",
    )


def image_of(name: str, *, pixels: str | None = None, **quality: Any) -> StandardImage:
    figures = {
        "sharpness": 1.0,
        "contrast": 0.5,
        "exposure": 0.5,
        "dark": 0.0,
        "bright": 0.0,
        "shortest_side": 512,
    }
    hexes = (pixels or name).encode().hex().ljust(64, "0")[:64]
    return StandardImage(
        id=name,
        file=f"images/{hexes[:2]}/{hexes}.png",
        sha256=hexes,
        pixel_hash=hexes,
        picture_hash=hexes,
        width=512,
        height=512,
        source_sha256=hexes,
        source_width=512,
        source_height=512,
        transform="as is",
        quality=Quality.model_validate(figures | quality),
        group=name,
    )


def standard(candidates: list[Candidate], **changes: dict[str, Any]) -> dict[str, StandardImage]:
    return {one.image_id: image_of(one.image_id, **changes.get(one.image_id, {})) for one in candidates}


def of_labels(**counts: int) -> list[Candidate]:
    """So many items per label, named `Label-0`, `Label-1`, ..., each of a cluster of its own."""
    return [candidate(f"{label}-{i}", label) for label, n in counts.items() for i in range(n)]


def names(selected: Selected, split: str = "evaluation") -> list[str]:
    return [one.item.id for one in selected.splits[split]]


def taken(selected: Selected, split: str = "evaluation") -> dict[str, int]:
    return dict(Counter(one.item.disease or one.item.gold[0] for one in selected.splits[split]))


def row(selected: Selected, label: str, split: str = "evaluation") -> LabelSelection:
    (found,) = [one for one in selected.report.labels if one.label == label and one.split == split]
    return found


def test_by_default_everything_that_was_accepted_is_taken() -> None:
    pool = of_labels(Healthy=3, Osteophytes=5)
    selected = select(pool, standard(pool), SelectionPlan())
    assert taken(selected) == {"Healthy": 3, "Osteophytes": 5}
    assert selected.dropped == ()
    assert selected.report.lines() == []


# 10 wanted of 3 labels with 20, 20 and 2: equal shares are 4, 3, 3 (the odd one to the rarest). The rarest has 2;
# its 2 missing ones go to the others: 4 and 4.
@pytest.mark.parametrize(
    ("plan", "counts", "expected"),
    [
        pytest.param({}, (20, 20, 2), {"Healthy": 4, "Osteophytes": 4, "Spondylolisthesis": 2}, id="equal"),
        # Shares of 30, 10, 10 in 10: 6, 2, 2.
        pytest.param(
            {"balance": "proportional"},
            (30, 10, 10),
            {"Healthy": 6, "Osteophytes": 2, "Spondylolisthesis": 2},
            id="proportional",
        ),
        # No label above 4 of 10: the two of Healthy above it go to the others, one each.
        pytest.param(
            {"balance": "proportional", "cap": 0.4},
            (30, 10, 10),
            {"Healthy": 4, "Osteophytes": 3, "Spondylolisthesis": 3},
            id="proportional with cap",
        ),
        # Shares of 97, 2, 1 in 10 are 10, 0, 0; each has at least 1.
        pytest.param(
            {"balance": "proportional", "floor": 1},
            (97, 2, 1),
            {"Healthy": 8, "Osteophytes": 1, "Spondylolisthesis": 1},
            id="proportional with floor",
        ),
        # The cap leaves room for 4 + 1 + 1 only: the split is 4 short.
        pytest.param(
            {"cap": 0.4}, (30, 1, 1), {"Healthy": 4, "Osteophytes": 1, "Spondylolisthesis": 1}, id="cap"
        ),
    ],
)
def test_balance(plan: dict[str, Any], counts: tuple[int, int, int], expected: dict[str, int]) -> None:
    pool = of_labels(**dict(zip(("Healthy", "Osteophytes", "Spondylolisthesis"), counts, strict=True)))
    plan = {"splits": {"evaluation": {"diagnosis": 10}}} | plan
    assert taken(select(pool, standard(pool), SelectionPlan.model_validate(plan))) == expected


def test_the_report_says_what_was_asked_what_there_was_and_why_not() -> None:
    pool = [
        *of_labels(Healthy=10),
        candidate("o-1", "Osteophytes"),
        candidate("o-2", "Osteophytes"),  # too dull
        candidate("o-3", "Osteophytes", image="o-1-again"),  # the same pixels as o-1
        candidate("o-4", "Osteophytes", cluster="s/p"),
        candidate("o-5", "Osteophytes", cluster="s/p"),  # the patient has one already
    ]
    changes: dict[str, dict[str, Any]] = {"o-2": {"contrast": 0.1}, "o-1-again": {"pixels": "o-1"}}
    images = standard(pool, **changes)
    plan = SelectionPlan(
        splits={"evaluation": {Task.DIAGNOSIS: 10}}, min_contrast=0.2, max_per_cluster=1, seed=3
    )
    selected = select(pool, images, plan)
    found = row(selected, "Osteophytes")
    assert (found.asked, found.accepted, found.taken, found.short_by) == (5, 5, 2, 3)
    assert (found.too_poor, found.image_used, found.cluster_limit, found.not_needed) == (1, 1, 1, 0)
    assert row(selected, "Healthy").taken == 8
    assert selected.report.lines() == [
        "evaluation, diagnosis, Osteophytes: 2 of 5 (5 accepted, 1 of too poor quality, 1 over the limit per "
        "cluster, 1 on an image that is asked already)"
    ]
    reasons = Counter(one.reason for one in selected.dropped)
    assert reasons == {"too_poor": 1, "image_used": 1, "cluster_limit": 1, "not_needed": 2}
    assert all(one.stage is Stage.SELECT for one in selected.dropped)
    (poor,) = [one for one in selected.dropped if one.reason == "too_poor"]
    assert (poor.subject, poor.detail) == ("o-2", "contrast 0.1, expected at least 0.2")


def test_a_split_that_cannot_be_filled_says_by_how_much() -> None:
    pool = of_labels(Healthy=3)
    plan = SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: 5, Task.LOCALIZATION: 2}})
    selected = select(pool, standard(pool), plan)
    assert selected.report.lines() == [
        "evaluation, diagnosis: 3 of 5 items, 2 short",
        "evaluation, localization: 0 of 2 items, 2 short",
        "evaluation, diagnosis, Healthy: 3 of 5 (3 accepted)",
    ]


def test_nothing_accepted() -> None:
    selected = select([], {}, SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: 5}}, rest="train"))
    assert selected.splits == {"evaluation": (), "train": ()}
    assert selected.report.lines() == ["evaluation, diagnosis: 0 of 5 items, 5 short"]


@pytest.mark.parametrize(
    ("together", "why"),
    [
        pytest.param({"cluster": "s/p"}, "patient", id="cluster"),
        pytest.param({"group": "s/first"}, "near duplicates", id="near-duplicate group"),
    ],
)
def test_what_hangs_together_is_on_one_side(together: dict[str, Any], why: str) -> None:
    pool = [candidate(f"i{n}", **(together if n < 4 else {})) for n in range(8)]
    plan = SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: 3}}, rest="train")
    for seed in range(10):
        selected = select(pool, standard(pool), plan.model_copy(update={"seed": seed}))
        sides = [name for name in selected.splits for one in names(selected, name) if one < "i4"]
        assert len(set(sides)) <= 1, why


def test_equal_pixels_under_two_names_are_on_one_side_and_asked_once() -> None:
    pool = [candidate("a"), candidate("b"), candidate("c")]
    images = standard(pool, a={"pixels": "same"}, b={"pixels": "same"})
    plan = SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: 1}}, rest="train")
    for seed in range(10):
        selected = select(pool, images, plan.model_copy(update={"seed": seed}))
        assert len({"a", "b"} & {one.item.id for held in selected.splits.values() for one in held}) == 1


def test_an_image_is_asked_once_per_task_but_in_both_tasks() -> None:
    pool = [
        candidate("d1", "Osteophytes", image="x"),
        candidate("d2", "Foraminal stenosis", image="x"),
        candidate("l1", "L4/L5", image="x", task=Task.LOCALIZATION),
    ]
    selected = select(pool, standard(pool), SelectionPlan())
    assert Counter(one.item.task for one in selected.splits["evaluation"]) == {
        Task.DIAGNOSIS: 1,
        Task.LOCALIZATION: 1,
    }
    assert [one.reason for one in selected.dropped] == ["image_used"]


def test_the_second_task_prefers_patients_that_the_split_holds() -> None:
    pool = [candidate(f"d{n}", image=f"x{n}") for n in range(20)]
    pool += [candidate(f"l{n}", "L4/L5", image=f"x{n}", task=Task.LOCALIZATION) for n in range(20)]
    plan = SelectionPlan(
        splits={"evaluation": {Task.DIAGNOSIS: 5, Task.LOCALIZATION: 5}}, rest="train", seed=1
    )
    held = select(pool, standard(pool), plan).splits["evaluation"]
    assert len({one.item.cluster for one in held}) == 5


def test_the_best_share_is_within_each_modality() -> None:
    # Ten X-rays, all less sharp than the ten MRIs: half of each stay, the sharper ones.
    pool = [candidate(f"m{n}") for n in range(10)] + [candidate(f"x{n}", modality="X-ray") for n in range(10)]
    sharp = {
        one.item.id: (100.0 if one.item.modality == "MRI" else 0.0) + int(one.item.id[1]) for one in pool
    }
    images = standard(pool, **{name: {"sharpness": value} for name, value in sharp.items()})
    selected = select(pool, images, SelectionPlan(best_quantile=0.5))
    assert names(selected) == [f"{kind}{n}" for kind in "mx" for n in range(5, 10)]


def test_clearer_pictures_go_first() -> None:
    pool = of_labels(Healthy=40)
    images = standard(pool, **{f"Healthy-{n}": {"sharpness": float(n)} for n in range(40)})
    selected = select(pool, images, SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: 4}}))
    assert sorted(names(selected)) == [f"Healthy-{n}" for n in range(36, 40)]


def test_the_rest_is_held_to_the_limits_only_where_asked() -> None:
    pool = [candidate(f"i{n}", cluster="s/p" if n < 4 else None) for n in range(6)]
    images = standard(pool, i5={"contrast": 0.0})
    plan = SelectionPlan(splits={}, rest="train", min_contrast=0.1, max_per_cluster=2)
    assert len(names(select(pool, images, plan), "train")) == 6
    limited = select(pool, images, plan.model_copy(update={"limit_rest": True}))
    assert len(names(limited, "train")) == 3
    assert limited.report.dropped == {"cluster_limit": 2, "too_poor": 1}


def test_an_image_of_unknown_quality_fails_limits_but_not_their_absence() -> None:
    pool = [candidate("a")]
    assert names(select(pool, {}, SelectionPlan())) == ["a"]
    (dropped,) = select(pool, {}, SelectionPlan(min_contrast=0.1)).dropped
    assert dropped.reason == "too_poor"
    assert "not known" in dropped.detail


def test_positions_of_the_right_options_are_kept_even() -> None:
    # 50 with the right option first, 50 with it last, all alike otherwise: of 20, ten of each.
    pool = []
    for n in range(100):
        one = candidate(f"i{n:03}")
        options = LABELS if n < 50 else LABELS[1:] + LABELS[:1]
        pool.append(one.model_copy(update={"item": one.item.model_copy(update={"options": options})}))
    plan = SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: 20}}, seed=5)
    assert select(pool, standard(pool), plan).report.positions == {"evaluation/diagnosis": {"A": 10, "E": 10}}


@pytest.mark.parametrize(
    "plan",
    [
        {"splits": {}},
        {"splits": {"a": {}}, "rest": "a"},
        {"splits": {"a": {"diagnosis": 0}}},
        {"splits": {"": {}}},
        {"best_quantile": 0},
        {"unknown": 1},
    ],
    ids=str,
)
def test_plans_that_are_none(plan: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SelectionPlan.model_validate(plan)


def test_components() -> None:
    assert connected([]) == []
    assert connected([["a"], ["b"], ["a", "c"], [], ["c", "d"]]) == [0, 1, 0, 2, 0]


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Candidate], dict[str, StandardImage]]:
    n_images = draw(st.integers(1, 25))
    seed = draw(st.integers(0, 10_000))
    rng = random.Random(seed)
    pool = []
    for n in range(draw(st.integers(1, 60))):
        image = f"im{rng.randrange(n_images)}"
        task = rng.choice([Task.DIAGNOSIS, Task.LOCALIZATION])
        label = rng.choice(LEVELS if task is Task.LOCALIZATION else LABELS)
        cluster = f"s/p{int(image[2:]) // rng.choice([1, 3])}"
        group = f"im{int(image[2:]) // 5 * 5}" if rng.random() < 0.2 else image
        pool.append(candidate(f"i{n}", label, task=task, image=image, cluster=cluster, group=group))
    images = {
        f"im{n}": image_of(
            f"im{n}",
            pixels=f"px{n % max(1, n_images - 2)}",
            sharpness=rng.random(),
            contrast=rng.random(),
        )
        for n in range(n_images)
    }
    return pool, images


@settings(max_examples=120)
@given(
    pool=pools(),
    wanted=st.dictionaries(
        st.sampled_from([Task.DIAGNOSIS, Task.LOCALIZATION]), st.none() | st.integers(1, 20), max_size=2
    ),
    second=st.booleans(),
    rest=st.sampled_from([None, "train"]),
    limit_rest=st.booleans(),
    balance=st.sampled_from(["equal", "proportional"]),
    cap=st.none() | st.floats(0.1, 1),
    floor=st.integers(0, 3),
    limit=st.none() | st.integers(1, 3),
    min_contrast=st.sampled_from([0.0, 0.3]),
    best=st.sampled_from([0.4, 1.0]),
    seed=st.integers(0, 5),
)
def test_constraints_always_hold(
    pool: tuple[list[Candidate], dict[str, StandardImage]],
    wanted: dict[Task, int | None],
    second: bool,
    rest: str | None,
    limit_rest: bool,
    balance: str,
    cap: float | None,
    floor: int,
    limit: int | None,
    min_contrast: float,
    best: float,
    seed: int,
) -> None:
    candidates, images = pool
    splits = {"evaluation": wanted} | ({"validation": {Task.DIAGNOSIS: 3}} if second else {})
    plan = SelectionPlan.model_validate(
        {
            "splits": splits,
            "rest": rest,
            "limit_rest": limit_rest,
            "balance": balance,
            "cap": cap,
            "floor": floor,
            "max_per_cluster": limit,
            "min_contrast": min_contrast,
            "best_quantile": best,
            "seed": seed,
        }
    )
    selected = select(candidates, images, plan)

    # Each accepted item is in one split or in the ledger, once, with a known reason.
    placed = [one.item.id for held in selected.splits.values() for one in held]
    assert sorted([*placed, *(one.subject for one in selected.dropped)]) == sorted(
        one.item.id for one in candidates
    )
    assert {one.reason for one in selected.dropped} <= set(REASONS)
    # An image is asked once per task.
    asked = [
        (one.item.task, images[one.image_id].pixel_hash) for held in selected.splits.values() for one in held
    ]
    assert len(asked) == len(set(asked))
    # Nothing that hangs together is on two sides.
    for key in (
        lambda one: one.item.cluster,
        lambda one: one.group,
        lambda one: images[one.image_id].pixel_hash,
    ):
        sides: dict[str, set[str]] = {}
        for name, held in selected.splits.items():
            for one in held:
                sides.setdefault(key(one), set()).add(name)
        assert all(len(found) == 1 for found in sides.values())
    for name, held in selected.splits.items():
        limited = name in plan.splits or limit_rest
        if limited:
            assert all(images[one.image_id].quality.contrast >= min_contrast for one in held)
            if limit is not None:
                counts = Counter((one.item.task, one.item.cluster) for one in held)
                assert max(counts.values(), default=0) <= limit
        for task, n in plan.splits.get(name, {}).items():
            of_task = [one for one in held if one.item.task is task]
            assert n is None or len(of_task) <= n
            if n is not None and cap is not None:
                labels = Counter(one.item.gold for one in of_task)
                assert max(labels.values(), default=0) <= max(1, int(cap * n + 1e-9))
    # The account adds up.
    for found in selected.report.labels:
        parts = (
            found.taken
            + found.other_split
            + found.too_poor
            + found.image_used
            + found.cluster_limit
            + found.not_needed
        )
        assert parts == found.accepted
    # The order of the input says nothing.
    assert select(candidates[::-1], dict(reversed(images.items())), plan) == selected


@settings(max_examples=60)
@given(pool=pools(), n=st.integers(1, 30), seed=st.integers(0, 5))
def test_a_split_is_short_only_where_nothing_more_may_be_taken(
    pool: tuple[list[Candidate], dict[str, StandardImage]], n: int, seed: int
) -> None:
    candidates, images = pool
    plan = SelectionPlan(splits={"evaluation": {Task.DIAGNOSIS: n}}, max_per_cluster=2, seed=seed)
    selected = select(candidates, images, plan)
    (found,) = selected.report.tasks
    left = [one for one in selected.dropped if one.reason == "not_needed"]
    diagnoses = {one.item.id for one in candidates if one.item.task is Task.DIAGNOSIS}
    assert not (found.short_by and any(one.subject in diagnoses for one in left))
