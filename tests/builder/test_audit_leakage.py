from __future__ import annotations

from typing import Any

import pytest

from spinebench.builder.audit.auditing import audit_benchmark
from spinebench.builder.audit.facts import ImageFacts
from spinebench.builder.audit.plan import AuditPlan
from spinebench.builder.audit.positions import position_tables
from spinebench.builder.audit.report import AuditReport
from spinebench.records import ImageRef, Item, Task

FIVE = ("Healthy", "Osteophytes", "Spondylolisthesis", "Vertebral collapse", "Foraminal stenosis")
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")


def item(name: str, gold: str | tuple[str, ...] = "Healthy", **changes: Any) -> Item:
    several = isinstance(gold, tuple)
    fields: dict[str, Any] = {
        "id": name,
        "benchmark": "b",
        "task": Task.LOCALIZATION if several else Task.DIAGNOSIS,
        "question": f"What is shown ({name})?",
        "options": LEVELS if several else FIVE,
        "gold": gold if several else (gold,),
        "images": (ImageRef(path=f"{name}.png"),),
        "cluster": f"p-{name}",
    }
    return Item.model_validate(fields | changes)


def shows(path: str, sha256: str | None = None) -> tuple[ImageRef, ...]:
    return (ImageRef(path=path, sha256=sha256),)


def audited(splits: dict[str, list[Item]], facts: dict[str, ImageFacts] | None = None) -> AuditReport:
    return audit_benchmark(splits, image_facts=facts, plan=AuditPlan())


def shared(report: AuditReport) -> dict[str, int]:
    return {one.kind: one.n for one in report.overlaps if one.n}


HASH = "00" * 32
NEAR = "00" * 31 + "07"  # three bits away
FAR = "0f" * 32


@pytest.mark.parametrize(
    ("one", "other", "facts", "expected"),
    [
        pytest.param(item("a"), item("b"), None, {}, id="nothing"),
        pytest.param(item("a", cluster="p"), item("b", cluster="p"), None, {"clusters": 1}, id="patient"),
        pytest.param(
            item("a", images=shows("x.png")), item("b", images=shows("x.png")), None, {"images": 1}, id="path"
        ),
        pytest.param(
            item("a", images=shows("x.png", "1" * 64)),
            item("b", images=shows("y.png", "1" * 64)),
            None,
            {"images": 1},
            id="bytes",
        ),
        pytest.param(
            item("a", images=shows("x.png", "1" * 64)),
            item("b", images=shows("x.png", "2" * 64)),
            None,
            {},
            id="one path, other bytes",
        ),
        pytest.param(
            item("a"),
            item("b"),
            {
                name: ImageFacts(pixel_hash="same", sha256=digit * 64)
                for name, digit in (("a.png", "1"), ("b.png", "2"))
            },
            {"images": 1},
            id="pixels",
        ),
        pytest.param(
            item("a"),
            item("b"),
            {"a.png": ImageFacts(picture_hash=HASH), "b.png": ImageFacts(picture_hash=NEAR)},
            {"near_duplicates": 1},
            id="near duplicates",
        ),
        pytest.param(
            item("a"),
            item("b"),
            {"a.png": ImageFacts(picture_hash=HASH), "b.png": ImageFacts(picture_hash=HASH)},
            {"near_duplicates": 1},
            id="equal hashes of unequal pictures",
        ),
        pytest.param(
            item("a"),
            item("b"),
            {"a.png": ImageFacts(picture_hash=HASH), "b.png": ImageFacts(picture_hash=FAR)},
            {},
            id="unlike pictures",
        ),
        pytest.param(
            item("a", images=shows("x.png"), question="What?"),
            item("b", images=shows("x.png"), question=" what? ", options=FIVE[::-1]),
            None,
            {"images": 1, "items": 1},
            id="the same item",
        ),
    ],
)
def test_leakage(
    one: Item, other: Item, facts: dict[str, ImageFacts] | None, expected: dict[str, int]
) -> None:
    report = audited({"evaluation": [one], "train": [other]}, facts)
    assert shared(report) == expected
    names = {"clusters": "shared_clusters", "images": "shared_images", "items": "repeated_items"}
    names["near_duplicates"] = "shared_near_duplicates"
    assert {check.name for check in report.failed} >= {names[kind] for kind in expected}
    assert bool(report.failed) == bool(expected)


def test_one_path_in_two_folders_is_two_images_where_facts_say_so() -> None:
    splits = {"evaluation": [item("a", images=shows("x.png"))], "train": [item("b", images=shows("x.png"))]}
    facts = {"evaluation:x.png": ImageFacts(pixel_hash="1"), "train:x.png": ImageFacts(pixel_hash="2")}
    assert shared(audited(splits, facts)) == {}


def test_examples_name_both_sides() -> None:
    splits = {"evaluation": [item("a", cluster="p")], "train": [item("b", cluster="p")]}
    (check,) = audited(splits).failed
    assert (check.name, check.n, check.detail) == ("shared_clusters", 1, "1 in evaluation and train, e.g. p")


@pytest.mark.parametrize(
    ("one", "other", "conflicting"),
    [
        pytest.param(item("a", "Healthy"), item("b", "Osteophytes"), True, id="healthy and ill"),
        pytest.param(item("a", "Osteophytes"), item("b", "Osteophytes"), False, id="the same twice"),
        pytest.param(
            item("a", "Osteophytes"),
            item("b", "osteophyte", options=("Healthy", "osteophyte")),
            False,
            id="synonyms",
        ),
        pytest.param(
            item("a", "Osteophytes"),
            item("b", "Vertebral collapse"),
            True,
            id="one offers the other's answer",
        ),
        pytest.param(
            item("a", "Osteophytes", options=FIVE[:3]),
            item("b", "Vertebral collapse", options=("Healthy", "Vertebral collapse")),
            False,
            id="two findings, asked apart",
        ),
        pytest.param(item("a", ("L4/L5",)), item("b", ("L3/L4",)), True, id="levels"),
        pytest.param(
            item("a", ("L4/L5", "L5/S1")), item("b", ("L5/S1", "L4/L5")), False, id="levels in another order"
        ),
        pytest.param(
            item("a", ("L4/L5",), disease="Osteophytes"),
            item("b", ("L3/L4",), disease="Spondylolisthesis"),
            False,
            id="levels of two diseases",
        ),
        pytest.param(item("a", "Healthy"), item("b", ("L4/L5",)), False, id="two tasks"),
    ],
)
def test_label_conflicts(one: Item, other: Item, conflicting: bool) -> None:
    same = {name: ImageFacts(pixel_hash="same") for name in ("a.png", "b.png")}
    report = audited({"evaluation": [one, other]}, same)
    assert report.conflicts.n_same_image == conflicting
    assert {check.name for check in report.failed} == ({"label_conflicts"} if conflicting else set())
    near = {"a.png": ImageFacts(picture_hash=HASH), "b.png": ImageFacts(picture_hash=NEAR)}
    report = audited({"evaluation": [one], "train": [other]}, near)
    assert (report.conflicts.n_same_image, report.conflicts.n_near) == (0, conflicting)


def test_conflicts_across_splits_name_both_items() -> None:
    splits = {
        "evaluation": [item("a", "Healthy", images=shows("x.png"))],
        "train": [item("b", "Osteophytes", images=shows("x.png"))],
    }
    (conflict,) = audited(splits).conflicts.examples
    assert (conflict.items, conflict.splits) == (("a", "b"), ("evaluation", "train"))
    assert conflict.gold == (("Healthy",), ("Osteophytes",))


def test_a_flood_of_copies_is_counted_not_listed() -> None:
    # 600 copies of one picture, half Healthy, half Osteophytes: 300 x 300 contradictions.
    items = [item(f"i{n}", "Healthy" if n % 2 else "Osteophytes", images=shows("x.png")) for n in range(600)]
    found = audited({"evaluation": items}).conflicts
    assert found.n_same_image == 90_000
    assert len(found.examples) <= 50


def test_positions_by_hand() -> None:
    # 50 items of five options, the right one 30, 5, 5, 5, 5 times at A to E; expected 10 each:
    # (20^2 + 4 x 5^2) / 10 = 50, Pearson's chi-square with 4 degrees of freedom.
    items = []
    for place, n in enumerate((30, 5, 5, 5, 5)):
        options = [*FIVE[1:]]
        options.insert(place, "Healthy")
        items += [item(f"i{place}-{one}", "Healthy", options=options) for one in range(n)]
    whole, by_label = position_tables({"e": items}, seed=0)
    assert whole.statistic == pytest.approx(50)
    assert (whole.df, whole.method, whole.right["A"], whole.expected["A"]) == (4, "chi-square", 30, 10)
    assert whole.p < 1e-6
    assert by_label.label == "Healthy"


def test_positions_of_few_items_are_drawn() -> None:
    # Three items, all right at A: 1 / 25 of the orders have all three at one position.
    items = [item(f"i{n}") for n in range(3)]
    (table,) = position_tables({"e": items}, seed=0)
    assert table.method == "Monte Carlo"
    assert table.p == pytest.approx(1 / 25, abs=0.015)


def test_positions_of_several_right_options() -> None:
    # With all options right, positions are what they are: nothing to test, and no false alarm.
    items = [item(f"i{n}", LEVELS) for n in range(40)]
    (table,) = position_tables({"e": items}, seed=0)
    assert (table.df, table.p) == (0, 1)


def test_chance_and_classes() -> None:
    items = [item(f"h{n}", "Healthy", source="vindr", modality="X-ray") for n in range(3)]
    items += [item("o", "Osteophytes", source="rsna", modality="MRI", options=FIVE[:2])]
    items += [item("l", ("L4/L5",))]
    report = audited({"evaluation": items})
    accuracy = {one.name: one.accuracy for one in report.chance[0].baselines}
    # Random option: (3/5 + 1/2) / 4; best constant: Healthy in 3 of 4.
    assert accuracy["random option"] == pytest.approx((3 / 5 + 1 / 2) / 4)
    assert accuracy["best constant"] == 0.75
    levels = {one.name: one.accuracy for one in report.chance[1].baselines}
    assert levels["uniform non-empty subset"] == pytest.approx(1 / 31, abs=1e-6)
    rows = {(one.label, one.source, one.modality): one.n_items for one in report.classes}
    assert rows == {
        ("Healthy", "vindr", "X-ray"): 3,
        ("Osteophytes", "rsna", "MRI"): 1,
        ("L4/L5", None, None): 1,
    }
    assert report.splits[0].n_options == {"diagnosis": {"2": 1, "5": 3}, "localization": {"5": 1}}
