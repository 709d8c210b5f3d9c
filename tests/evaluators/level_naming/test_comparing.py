"""Named levels against a reference, by hand."""

from __future__ import annotations

import pytest

from spinebench.errors import DataError
from spinebench.evaluators.level_naming import (
    FindingOutcome,
    Kind,
    LevelComparison,
    LevelFinding,
    Side,
    Support,
    compare_levels,
)


def wanted(*levels: str) -> tuple[LevelFinding, ...]:
    """`L4/L5 left` as a finding."""
    found = []
    for level in levels:
        name, _, side = level.partition(" ")
        known: dict[str, Side] = {"left": "left", "right": "right", "both": "both"}
        found.append(LevelFinding(level=name, side=known.get(side)))
    return tuple(found)


def outcomes(compared: LevelComparison) -> dict[str, str]:
    return {one.level: one.outcome.value for one in compared.findings}


def supports(compared: LevelComparison) -> dict[str, str]:
    return {one.level: one.support.value for one in compared.named}


@pytest.mark.parametrize(
    ("text", "reference", "findings", "named"),
    [
        ("L4/5 herniation.", wanted("L4-5"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("L3/4 herniation.", wanted("L4/5"), {"L4/L5": "within_one"}, {"L3/L4": "unsupported"}),
        ("L2/3 herniation.", wanted("L4/5"), {"L4/L5": "missed"}, {"L2/L3": "unsupported"}),
        ("Left L4/5 herniation.", wanted("L4/5 left"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("Right L4/5 herniation.", wanted("L4/5 left"), {"L4/L5": "wrong_side"}, {"L4/L5": "supported"}),
        ("Bilateral L4/5 stenosis.", wanted("L4/5 left"), {"L4/L5": "wrong_side"}, {"L4/L5": "supported"}),
        ("L4/5 herniation.", wanted("L4/5 left"), {"L4/L5": "side_not_said"}, {"L4/L5": "supported"}),
        ("Left L4/5 herniation.", wanted("L4/5"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("Left L3/4 herniation.", wanted("L4/5 right"), {"L4/L5": "within_one"}, {"L3/L4": "unsupported"}),
        # Half a level: a vertebra at the disc is near it, and no invention.
        ("Oedema of L5.", wanted("L4/5"), {"L4/L5": "within_one"}, {"L5": "bordering"}),
        ("Bulge at L4/5.", wanted("L4"), {"L4": "within_one"}, {"L4/L5": "bordering"}),
        # L4/L5 is exact, so it cannot serve L3/L4 too.
        (
            "Bulge at L4/5.",
            wanted("L3/4", "L4/5"),
            {"L3/L4": "missed", "L4/L5": "exact"},
            {"L4/L5": "supported"},
        ),
        # Two levels off by one each: paired one to one.
        (
            "Bulges at L2/3 and L3/4.",
            wanted("L3/4", "L4/5"),
            {"L3/L4": "exact", "L4/L5": "missed"},
            {"L2/L3": "unsupported", "L3/L4": "supported"},
        ),
        (
            "Bulges at L1/2 and L5/S1.",
            wanted("L2/3", "L4/5"),
            {"L2/L3": "within_one", "L4/L5": "within_one"},
            {"L1/L2": "unsupported", "L5/S1": "unsupported"},
        ),
        ("No herniation at L4/5.", wanted("L4/5"), {"L4/L5": "missed"}, {}),
        ("No fracture at L4/5. L4/5 herniates.", wanted("L4/5"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("Possible bulge at L4/5.", wanted("L4/5"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("Left bulge at L4/5. Right bulge at L4/5.", wanted("L4/5 both"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("L4/5 bulge.", (), {}, {"L4/L5": "unsupported"}),
        ("", wanted("L4/5"), {"L4/L5": "missed"}, {}),
        (None, wanted("L4/5", "L5/S1"), {"L4/L5": "missed", "L5/S1": "missed"}, {}),
        ("腰4/5椎间盘突出，偏左", wanted("腰4-5 left"), {"L4/L5": "exact"}, {"L4/L5": "supported"}),
        ("Disc at C7-T1 narrowed.", wanted("C6/7"), {"C6/C7": "within_one"}, {"C7/T1": "unsupported"}),
        ("Fracture of S1.", wanted("L5"), {"L5": "within_one"}, {"S1": "unsupported"}),
    ],
)  # fmt: skip
def test_by_hand(
    text: str | None, reference: tuple[LevelFinding, ...], findings: dict[str, str], named: dict[str, str]
) -> None:
    compared = compare_levels(text, reference)
    assert outcomes(compared) == findings
    assert supports(compared) == named


def test_a_reference_text_is_read_by_the_same_rules() -> None:
    reference = "L3/4：未见突出。L4/5：椎间盘向左后突出。L1椎体正常。"
    compared = compare_levels("Herniation at L3/4 and at L4/5 on the left; fracture of L1.", reference)
    assert outcomes(compared) == {"L4/L5": "exact"}
    denied = {one.level: one.denied for one in compared.named}
    assert denied == {"L1": True, "L3/L4": True, "L4/L5": False}
    assert not compared.all_right
    assert compare_levels("左侧腰4/5椎间盘突出", reference).all_right


def test_roots_are_compared_only_where_asked_and_only_with_roots() -> None:
    reference = (LevelFinding(level="L5 root", side="left"), LevelFinding(level="L4/5"))
    text = "The L4/5 herniation compresses the left S1 nerve root."
    assert outcomes(compare_levels(text, reference)) == {"L4/L5": "exact"}
    compared = compare_levels(text, reference, kinds=frozenset(Kind))
    assert outcomes(compared) == {"L4/L5": "exact", "L5": "within_one"}
    assert supports(compared) == {"L4/L5": "supported", "S1": "unsupported"}


def test_most_pairs_then_the_nearest() -> None:
    """L3/L4 could serve L2/L3 or L4/L5; only if it serves L4/L5 is there a partner for both."""
    compared = compare_levels("Bulges at L1/2 and L3/4.", wanted("L2/3", "L4/5"))
    assert {one.level: one.named for one in compared.findings} == {"L2/L3": "L1/L2", "L4/L5": "L3/L4"}
    near = compare_levels("Bulges at L3/4 and L5/S1; oedema of L4.", wanted("L4/5"))
    assert [(one.named, one.distance) for one in near.findings] == [("L4", 0.5)]


@pytest.mark.parametrize(
    ("written", "level", "kind"),
    [
        ("L4-5", "L4/L5", Kind.DISC),
        ("l5s1", "L5/S1", Kind.DISC),
        ("腰4椎体", "L4", Kind.VERTEBRA),
        ("Th12", "T12", Kind.VERTEBRA),
        ("L5 root", "L5", Kind.ROOT),
        ("C8", "C8", Kind.ROOT),
        ("第五腰椎", "L5", Kind.VERTEBRA),
    ],
)
def test_a_finding_takes_any_spelling(written: str, level: str, kind: Kind) -> None:
    assert LevelFinding(level=written).key == (level, kind)


@pytest.mark.parametrize("written", ["L9", "L4, L5", "", "knee", "L2-L5"])
def test_a_finding_that_is_no_single_level(written: str) -> None:
    with pytest.raises(DataError, match="expected one vertebra or disc"):
        LevelFinding(level=written)


def test_outcomes_and_support_are_closed_sets() -> None:
    assert [one.value for one in FindingOutcome] == [
        "exact",
        "side_not_said",
        "wrong_side",
        "within_one",
        "missed",
    ]
    assert [one.value for one in Support] == ["supported", "bordering", "unsupported"]
