"""The audit of a benchmark: every check, from items and what is known of their images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    Skipped,
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
    The order of items says nothing. What cannot be looked at (pictures that are not known, splits where only one has
    items, an empty benchmark) is a check not tried.
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
        checks=(
            *(_shortcut_check(plan, name, found, skipped) for name in BaselineName),
            _positions_check(plan, positions),
            *_shared_checks(plan, shared, pictures, sum(map(bool, ordered.values()))),
            *_conflict_checks(plan, contradictions, pictures),
        ),
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


def _shared_checks(
    plan: AuditPlan, shared: Sequence[Overlap], pictures: Pictures, n_splits: int
) -> Iterator[CheckResult]:
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
        near = check is Check.SHARED_NEAR_DUPLICATES
        not_tried = "only one split" if n_splits < 2 else _not_looked_at(pictures) if near else None
        partly = _partly_looked_at(pictures) if near else None
        yield _check(plan, check.value, sum(one.n for one in own), detail, not_tried=not_tried, partly=partly)


def _conflict_checks(plan: AuditPlan, contradictions: Conflicts, pictures: Pictures) -> Iterator[CheckResult]:
    kinds = (
        (Check.LABEL_CONFLICTS, "same_image", contradictions.n_same_image),
        (Check.NEAR_CONFLICTS, "near_duplicate", contradictions.n_near),
    )
    for check, kind, n in kinds:
        examples = [one for one in contradictions.examples if one.kind == kind][:_NAMED]
        detail = "; ".join(
            f"{one.images[0]}: {' + '.join(one.gold[0])} in {one.items[0]}, {' + '.join(one.gold[1])} in {one.items[1]}"
            for one in examples
        )
        near = check is Check.NEAR_CONFLICTS
        not_tried = _not_looked_at(pictures) if near else None if pictures.n else "no items"
        yield _check(
            plan,
            check.value,
            n,
            detail,
            not_tried=not_tried,
            partly=_partly_looked_at(pictures) if near else None,
        )


def _not_looked_at(pictures: Pictures) -> str | None:
    return None if pictures.n_known else "no picture could be looked at"


def _partly_looked_at(pictures: Pictures) -> str | None:
    left = pictures.n - pictures.n_known
    return f"{left} of {pictures.n} pictures could not be looked at" if left else None


def _shortcut_check(
    plan: AuditPlan, name: BaselineName, found: Sequence[ShortcutResult], skipped: Sequence[Skipped]
) -> CheckResult:
    own = [one for one in found if one.baseline is name]
    flagged = [one for one in own if one.shortcut]
    label = Check.LABEL_FREQUENCY.value if name is BaselineName.FREQUENCY else f"{SHORTCUT}{name.value}"
    detail = "; ".join(
        f"{one.split}, {one.task.value}: {one.measure} {one.score:.3f} against {max(one.chance, one.reference):.3f}"
        for one in flagged
    )
    left = "; ".join(
        f"{one.split}, {one.task.value}: {one.why}" for one in skipped if one.baseline in (None, name)
    )
    if not own and name not in plan.baselines:
        left = "not among the plan's baselines"
    return _check(
        plan,
        label,
        len(flagged),
        detail,
        not_tried=None if own else left or "no items",
        partly=f"not tried: {left}" if left else None,
    )


def _positions_check(plan: AuditPlan, positions: Sequence[PositionTable]) -> CheckResult:
    uneven = [one for one in positions if one.p_holm <= 1 - plan.level]
    detail = "; ".join(
        f"{one.split}, {one.task.value}{'' if one.label is None else ', ' + one.label}: "
        + ", ".join(f"{name} {n}" for name, n in one.right.items())
        for one in uneven
    )
    not_tried = None if positions else "no items"
    return _check(plan, Check.POSITIONS.value, len(uneven), detail, not_tried=not_tried)


def _check(
    plan: AuditPlan,
    name: str,
    n: int,
    detail: str,
    *,
    not_tried: str | None = None,
    partly: str | None = None,
) -> CheckResult:
    """`not_tried`: why there was nothing to look at; `partly`: what of it was not looked at, after the findings."""
    if not_tried is not None:
        return CheckResult(name=name, passed=None, n=0, detail=not_tried, ends_build=plan.ends_build(name))
    return CheckResult(
        name=name,
        passed=not n,
        n=n,
        detail="; ".join(part for part in (detail or "none", partly) if part),
        ends_build=plan.ends_build(name),
    )
