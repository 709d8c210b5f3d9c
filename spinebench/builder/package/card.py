"""The benchmark card as a record: `card.json`. `card_text` makes `card.md` of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from spinebench.builder.package.licences import CombinedTerms, SourceFacts, combined_terms
from spinebench.builder.package.plan import PackagePlan
from spinebench.builder.records import Candidate, Dropped
from spinebench.evaluators.chance import random_subset, select_all
from spinebench.records import Item, JsonValue, Record, Sha256, Task

FEW: Final = 20
"""Items of a label in a split: with fewer, the card warns."""
_SIMULATED: Final = frozenset({"simulated", "n_simulated", "simulated_reviewers", "n_simulated_reviewers"})
INTENDED: Final = (
    "Measuring how well multimodal models answer questions about spine images, against chance and against each other.",
    "Finding out which diseases, levels, modalities and sources a model fails on.",
)
NOT_INTENDED: Final = (
    "Clinical decisions about patients, or evidence that a model is fit for them.",
    "Training or tuning a model whose results on this benchmark are then reported.",
    "Identifying persons, or linking images with other data about them.",
)


class SplitCounts(Record):
    """One split: its files and what they hold."""

    name: str
    native: str | None
    released: str | None
    n_items: int
    n_by_task: dict[str, int]
    n_clusters: int
    n_images: int
    """Different images."""
    items_hash: Sha256
    """Of the native items, as `spinebench data hash` prints it."""


class ClassCount(Record):
    """Items of one label in one split, of one source and modality."""

    split: str
    task: str
    label: str
    """Gold label of a diagnosis; the disease of a localization, `not stated` where it states none."""
    source: str
    modality: str
    n_items: int
    n_clusters: int


class DroppedCount(Record):
    """How many things a stage dropped for one reason."""

    stage: str
    source: str
    reason: str
    n: int


class ChanceLevel(Record):
    """Expected score of answering without looking, as the mean over the items of a split and task."""

    split: str
    task: str
    n_items: int
    random: float
    """Diagnosis: one option at random, 1/options. Localization: a random non-empty subset, exact match."""
    constant: float
    """Share of the most frequent gold answer: always giving that one."""
    constant_answer: tuple[str, ...]
    select_all_jaccard: float | None = None
    """Localization only: Jaccard index of choosing every level."""


class ImageCounts(Record):
    """Different images of all splits."""

    n: int
    n_included: int
    """Copied into the release."""
    n_pointed: int
    """To be restored from the sources."""
    by_source: dict[str, int]


class BenchmarkCard(Record):
    """`card.json`."""

    name: str
    version: str
    title: str
    description: str
    creators: tuple[str, ...]
    citation: str | None
    simulated: tuple[str, ...]
    """What of the benchmark is simulated: places in the reports, or `images`; empty where nothing is."""
    splits: tuple[SplitCounts, ...]
    images: ImageCounts
    classes: tuple[ClassCount, ...]
    gold_positions: dict[str, dict[str, int]]
    """Task -> letter -> items of which it is right, all splits together."""
    chance: tuple[ChanceLevel, ...]
    dropped: tuple[DroppedCount, ...]
    n_dropped: int
    """Lines of `ledger.jsonl`."""
    reports: dict[str, JsonValue]
    """What each stage reports: settings, encoder, review, selection, audit, as handed over."""
    limits: tuple[str, ...]
    intended_use: tuple[str, ...]
    not_intended: tuple[str, ...]
    licences: tuple[SourceFacts, ...]
    terms: CombinedTerms


def benchmark_card(
    splits: Mapping[str, Sequence[Candidate]],
    *,
    counts: Sequence[SplitCounts],
    images: ImageCounts,
    sources: Sequence[SourceFacts],
    plan: PackagePlan,
    ledger: Sequence[Dropped],
    reports: Mapping[str, JsonValue],
) -> BenchmarkCard:
    """The card of a benchmark; every figure in it is counted from the arguments."""
    items = {name: [one.item for one in split] for name, split in splits.items()}
    simulated = simulated_parts(reports)
    if any(item.metadata.get("simulated") is True for split in items.values() for item in split):
        simulated = ("images", *simulated)
    classes = tuple(_classes(items))
    return BenchmarkCard(
        name=plan.name,
        version=plan.version,
        title=plan.title or plan.name,
        description=plan.description,
        creators=plan.creators,
        citation=plan.citation,
        simulated=simulated,
        splits=tuple(counts),
        images=images,
        classes=classes,
        gold_positions=_gold_positions(items),
        chance=tuple(_chance(items)),
        dropped=tuple(_dropped(ledger)),
        n_dropped=len(ledger),
        reports=dict(reports),
        limits=(
            *found_by_audit(reports.get("audit")),
            *_limits(classes, simulated, images, plan),
            *plan.limits,
        ),
        intended_use=(*INTENDED, *plan.intended_use),
        not_intended=(*NOT_INTENDED, *plan.not_intended),
        licences=tuple(sources),
        terms=combined_terms(sources),
    )


def simulated_parts(reports: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Places in the reports that say that something is simulated, e.g. `encoder.simulated`; sorted."""
    found = set()

    def look(value: JsonValue, at: str) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                if key in _SIMULATED and one and one not in ("false", "no"):
                    found.add(f"{at}.{key}".lstrip("."))
                else:
                    look(one, f"{at}.{key}".lstrip("."))
        elif isinstance(value, list | tuple):
            for one in value:
                look(one, at)

    look(dict(reports), "")
    return tuple(sorted(found))


def found_by_audit(report: JsonValue) -> tuple[str, ...]:
    """In sentences, what an audit's report (`audit.AuditReport` as JSON) holds against the benchmark."""
    if not isinstance(report, dict):
        return ()
    found = [
        f"Shortcut: {one.get('baseline')} alone scores {one.get('score')} ({one.get('measure')}, "
        f"chance {one.get('chance')}) on {one.get('task')} of {one.get('split')}."
        for one in _objects(report.get("shortcuts"))
        if one.get("shortcut") is True
    ]
    found += [
        f"Check not passed: {one.get('name')}. {one.get('detail') or ''}".strip()
        for one in _objects(report.get("checks"))
        if one.get("passed") is False
    ]
    return tuple(found)


def _objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list | tuple) else []


def label_of(item: Item) -> str:
    """What the class table counts an item under."""
    return item.disease or "not stated"


def _classes(items: Mapping[str, Sequence[Item]]) -> list[ClassCount]:
    numbers: Counter[tuple[str, ...]] = Counter()
    clusters: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for split, members in items.items():
        for item in members:
            key = (split, item.task.value, label_of(item), item.source or "–", item.modality or "–")
            numbers[key] += 1
            clusters[key].add(item.cluster)
    return [
        ClassCount(
            split=key[0],
            task=key[1],
            label=key[2],
            source=key[3],
            modality=key[4],
            n_items=n,
            n_clusters=len(clusters[key]),
        )
        for key, n in sorted(numbers.items())
    ]


def _gold_positions(items: Mapping[str, Sequence[Item]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for members in items.values():
        for item in members:
            letters = [chr(ord("A") + i) for i, option in enumerate(item.options) if option in item.gold]
            counts[item.task.value].update(letters)
    return {task: dict(sorted(letters.items())) for task, letters in sorted(counts.items())}


def _chance(items: Mapping[str, Sequence[Item]]) -> list[ChanceLevel]:
    levels = []
    for split, members in items.items():
        for task in (Task.DIAGNOSIS, Task.LOCALIZATION):
            chosen = [item for item in members if item.task is task]
            if not chosen:
                continue
            several = task is Task.LOCALIZATION
            answers = Counter(tuple(sorted(item.gold)) for item in chosen)
            answer, n = min(answers.items(), key=lambda entry: (-entry[1], entry[0]))
            sizes = [(len(item.options), len(item.gold)) for item in chosen]
            levels.append(
                ChanceLevel(
                    split=split,
                    task=task.value,
                    n_items=len(chosen),
                    random=round(
                        fmean(random_subset(*one).exact if several else 1 / one[0] for one in sizes), 6
                    ),
                    constant=round(n / len(chosen), 6),
                    constant_answer=answer,
                    select_all_jaccard=round(fmean(select_all(*one).jaccard for one in sizes), 6)
                    if several
                    else None,
                )
            )
    return levels


def _dropped(ledger: Sequence[Dropped]) -> list[DroppedCount]:
    counts = Counter((one.stage, one.source or "–", one.reason) for one in ledger)
    order = {stage: i for i, stage in enumerate(type(ledger[0].stage))} if ledger else {}
    return [
        DroppedCount(stage=stage.value, source=source, reason=reason, n=n)
        for (stage, source, reason), n in sorted(
            counts.items(), key=lambda one: (order[one[0][0]], *one[0][1:])
        )
    ]


def _limits(
    classes: Sequence[ClassCount], simulated: Sequence[str], images: ImageCounts, plan: PackagePlan
) -> list[str]:
    limits = []
    if simulated:
        limits.append(
            f"Simulated: {', '.join(simulated)}. Figures that rest on it say nothing about real data."
        )
    sizes: Counter[tuple[str, str, str]] = Counter()
    for one in classes:
        sizes[one.split, one.task, one.label] += one.n_items
    few = [f"{label} ({task}, {split}: {n})" for (split, task, label), n in sorted(sizes.items()) if n < FEW]
    if few:
        limits.append(f"Fewer than {FEW} items, so that accuracy by label is uncertain: {', '.join(few)}.")
    limits += _tied(classes)
    if images.n_pointed:
        limits.append(
            f"{images.n_pointed} of {images.n} images are not in the release: they are restored from one's own copy of "
            "the sources."
        )
    if "released" in plan.formats:
        limits.append(
            "The released format has no field for the cluster: it is read as the RSNA study that the path names, "
            "otherwise as the image. Use the native file where patients have several images."
        )
    limits.append(
        "Labels are those of the sources, with their errors; a reviewer sees one picture, not the study."
    )
    limits.append("Text burned into pixels is not looked for.")
    return limits


def _tied(classes: Sequence[ClassCount]) -> list[str]:
    """Diagnosis labels that one modality or source alone provides, where the split has several."""
    found = []
    for what in ("modality", "source"):
        for split in sorted({one.split for one in classes}):
            rows = [one for one in classes if one.split == split and one.task == Task.DIAGNOSIS.value]
            if len({getattr(one, what) for one in rows}) < 2:
                continue
            values: dict[str, set[str]] = defaultdict(set)
            for one in rows:
                values[one.label].add(getattr(one, what))
            tied = [f"{label} ({next(iter(of))})" for label, of in sorted(values.items()) if len(of) == 1]
            if tied:
                found.append(
                    f"Split {split}: labels of one {what} only, which narrows the answer: {', '.join(tied)}."
                )
    return found
