"""The audit of a benchmark: every check, from items and what is known of their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spinebench.builder.audit.composition import chance_levels, class_table, split_size
from spinebench.builder.audit.conflicts import ConflictCounts
from spinebench.builder.audit.facts import ImageFacts
from spinebench.builder.audit.leakage import NearOverlaps, overlaps
from spinebench.builder.audit.plan import SHORTCUT, AuditPlan, BaselineName, Check
from spinebench.builder.audit.positions import position_tables
from spinebench.builder.audit.questions import questions_of
from spinebench.builder.audit.report import (
    AuditReport,
    CheckResult,
    Conflicts,
    Overlap,
    PositionTable,
    ShortcutResult,
)
from spinebench.builder.audit.same_pictures import Pictures
from spinebench.builder.audit.shortcuts import shortcuts
from spinebench.records import Item, Task

_NAMED = 3
"""Examples in the line of a check; the report lists more."""


def audit_benchmark(
    splits: Mapping[str, Sequence[Item]],
    *,
    image_facts: Mapping[str, ImageFacts] | None = None,
    plan: AuditPlan,
) -> AuditReport:
    """Audit a benchmark by its splits (name -> items).

    `image_facts`: by `facts.facts_key`, or by image path where all splits share one folder. Without them copies are
    known by the digests that items declare, or by path, and near duplicates and metadata of files are not looked at.
    The order of items says nothing. An empty benchmark has an empty report, whose checks pass with 0 findings.
    """
    ordered = {split: sorted(items, key=lambda item: item.id) for split, items in splits.items()}
    pictures = Pictures(ordered, image_facts)
    groups = [
        questions
        for split, items in ordered.items()
        for task in Task
        if (questions := questions_of(split, task, items, image_facts, folds=plan.folds, seed=plan.seed))
        is not None
    ]
    found, skipped = shortcuts(groups, image_facts, plan)
    near, counts = NearOverlaps(list(ordered), pictures), ConflictCounts(ordered, pictures)
    for one, other in pictures.alike(plan.near_bits):
        near.add(one, other)
        counts.add_near(one, other)
    shared = overlaps(ordered, pictures) + near.overlaps()
    contradictions = counts.conflicts()
    positions = position_tables(ordered, seed=plan.seed)
    return AuditReport(
        splits=tuple(split_size(split, items, pictures) for split, items in ordered.items()),
        checks=_checks(plan, found, shared, contradictions, positions),
        shortcuts=found,
        skipped=skipped,
        overlaps=shared,
        conflicts=contradictions,
        positions=positions,
        classes=class_table(ordered),
        chance=chance_levels(ordered),
        n_images_with_facts=pictures.n_known,
        n_images=pictures.n,
    )


def _checks(
    plan: AuditPlan,
    found: Sequence[ShortcutResult],
    shared: Sequence[Overlap],
    contradictions: Conflicts,
    positions: Sequence[PositionTable],
) -> tuple[CheckResult, ...]:
    results = [_shortcut_check(plan, name, found) for name in BaselineName]
    results.append(_positions_check(plan, positions))
    kinds: tuple[tuple[Check, str], ...] = (
        (Check.SHARED_CLUSTERS, "clusters"),
        (Check.SHARED_IMAGES, "images"),
        (Check.SHARED_NEAR_DUPLICATES, "near_duplicates"),
        (Check.REPEATED_ITEMS, "items"),
    )
    for check, kind in kinds:
        own = [one for one in shared if one.kind == kind and one.n]
        detail = "; ".join(
            f"{one.n} in {one.one} and {one.other}, e.g. "
            + ", ".join(
                left if left == right else f"{left} = {right}" for left, right in one.examples[:_NAMED]
            )
            for one in own
        )
        results.append(_check(plan, check, sum(one.n for one in own), detail or "none"))
    conflict_kinds = (
        (Check.LABEL_CONFLICTS, "same_image", contradictions.n_same_image),
        (Check.NEAR_CONFLICTS, "near_duplicate", contradictions.n_near),
    )
    for check, kind, n in conflict_kinds:
        examples = [one for one in contradictions.examples if one.kind == kind][:_NAMED]
        detail = "; ".join(
            f"{one.images[0]}: {' + '.join(one.gold[0])} in {one.items[0]}, {' + '.join(one.gold[1])} in {one.items[1]}"
            for one in examples
        )
        results.append(_check(plan, check, n, detail or "none"))
    return tuple(results)


def _shortcut_check(plan: AuditPlan, name: BaselineName, found: Sequence[ShortcutResult]) -> CheckResult:
    own = [one for one in found if one.baseline is name]
    flagged = [one for one in own if one.shortcut]
    label = Check.LABEL_FREQUENCY.value if name is BaselineName.FREQUENCY else f"{SHORTCUT}{name.value}"
    detail = "; ".join(
        f"{one.split}, {one.task.value}: {one.measure} {one.score:.3f} against {max(one.chance, one.reference):.3f}"
        for one in flagged
    )
    return CheckResult(
        name=label,
        passed=not flagged,
        n=len(flagged),
        detail=detail or ("none" if own else "not tried"),
        ends_build=plan.ends_build(label),
    )


def _positions_check(plan: AuditPlan, positions: Sequence[PositionTable]) -> CheckResult:
    uneven = [one for one in positions if one.p_holm <= 1 - plan.level]
    detail = "; ".join(
        f"{one.split}, {one.task.value}{'' if one.label is None else ', ' + one.label}: "
        + ", ".join(f"{name} {n}" for name, n in one.right.items())
        for one in uneven
    )
    return _check(plan, Check.POSITIONS, len(uneven), detail or "none")


def _check(plan: AuditPlan, check: Check, n: int, detail: str) -> CheckResult:
    return CheckResult(
        name=check.value, passed=not n, n=n, detail=detail, ends_build=plan.ends_build(check.value)
    )
