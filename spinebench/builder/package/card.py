"""The benchmark card as a record: `card.json`. `card_text` makes `card.md` of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from spinebench.builder.audit.composition import chance_levels, class_table
from spinebench.builder.audit.report import ChanceLevels, ClassCount
from spinebench.builder.package.licences import CombinedTerms, SourceFacts, combined_terms
from spinebench.builder.package.plan import PackagePlan
from spinebench.builder.records import Candidate, Dropped
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


class DroppedCount(Record):
    """How many things a stage dropped for one reason."""

    stage: str
    source: str
    reason: str
    n: int


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
    """What of the benchmark is simulated: `images` and the names of reports that say so; empty where nothing is."""
    splits: tuple[SplitCounts, ...]
    images: ImageCounts
    classes: tuple[ClassCount, ...]
    """The label of a localization is the disease that it states, or `not stated`."""
    gold_positions: dict[str, dict[str, int]]
    """Task -> letter -> items of which it is right, all splits together."""
    chance: tuple[ChanceLevels, ...]
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
    candidates = [one for split in splits.values() for one in split]
    simulated = simulated_parts((item for split in items.values() for item in split), reports)
    classes = class_table(items, label=label_of)
    return BenchmarkCard(
        name=plan.name,
        version=plan.version,
        title=plan.title or plan.name,
        description=plan.description or _description(candidates, reports.get("encoder")),
        creators=plan.creators,
        citation=plan.citation,
        simulated=simulated,
        splits=tuple(counts),
        images=images,
        classes=classes,
        gold_positions=_gold_positions(items),
        chance=chance_levels(items),
        dropped=tuple(_dropped(ledger)),
        n_dropped=len(ledger),
        reports=dict(reports),
        limits=(
            *found_by_audit(reports.get("audit")),
            *_drawn(candidates),
            *_read_once(reports.get("review")),
            *_limits(classes, simulated, images, plan),
            *plan.limits,
        ),
        intended_use=(*INTENDED, *plan.intended_use),
        not_intended=(*NOT_INTENDED, *plan.not_intended),
        licences=tuple(sources),
        terms=combined_terms(sources),
    )


def simulated_parts(items: Iterable[Item], reports: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """`images` where an item says that it is simulated, then the names of the reports that say so anywhere; sorted."""
    images = any(item.metadata.get("simulated") is True for item in items)
    found = sorted(name for name, report in reports.items() if _says_simulated({name: report}))
    return ("images", *found) if images else tuple(found)


def _says_simulated(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return any(
            (key in _SIMULATED and bool(one) and one not in ("false", "no")) or _says_simulated(one)
            for key, one in value.items()
        )
    return isinstance(value, list | tuple) and any(map(_says_simulated, value))


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
    untried: dict[str, list[str]] = defaultdict(list)
    for one in _objects(report.get("checks")):
        if one.get("passed", False) is None:
            untried[str(one.get("detail"))].append(str(one.get("name")))
    found += [f"Not looked for ({why}): {', '.join(names)}." for why, names in untried.items()]
    return tuple(found)


def _objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list | tuple) else []


def label_of(item: Item) -> str:
    """What the class table counts an item under."""
    return item.disease or "not stated"


def _gold_positions(items: Mapping[str, Sequence[Item]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for members in items.values():
        for item in members:
            letters = [chr(ord("A") + i) for i, option in enumerate(item.options) if option in item.gold]
            counts[item.task.value].update(letters)
    return {task: dict(sorted(letters.items())) for task, letters in sorted(counts.items())}


def _dropped(ledger: Sequence[Dropped]) -> list[DroppedCount]:
    counts = Counter((one.stage, one.source or "–", one.reason) for one in ledger)
    order = {stage: i for i, stage in enumerate(type(ledger[0].stage))} if ledger else {}
    return [
        DroppedCount(stage=stage.value, source=source, reason=reason, n=n)
        for (stage, source, reason), n in sorted(
            counts.items(), key=lambda one: (order[one[0][0]], *one[0][1:])
        )
    ]


def _n_drawn(candidates: Sequence[Candidate]) -> tuple[int, int]:
    """Diagnoses that have wrong options drawn by the seed, and all diagnoses."""
    asked = [one for one in candidates if one.item.task is Task.DIAGNOSIS]
    return sum("drawn_by_seed" in one.provenance for one in asked), len(asked)


def _picked_by_simulation(encoder: JsonValue) -> bool:
    """Whether the encoder that picks wrong options, the first of an encoder's report, has random weights."""
    encoders = _objects(encoder.get("encoders")) if isinstance(encoder, dict) else []
    return bool(encoders) and encoders[0].get("simulated") is True


def _description(candidates: Sequence[Candidate], encoder: JsonValue) -> str:
    """What the benchmark is, where the plan does not say: its questions, and where wrong options come from."""
    drawn, n_asked = _n_drawn(candidates)
    if not n_asked:
        options = "the options are levels of the spine"
    elif not drawn and _picked_by_simulation(encoder):
        options = "the wrong options of a diagnosis were picked by a simulated encoder"
    elif not drawn:
        options = "the wrong options of a diagnosis are visually similar diseases"
    else:
        options = f"wrong options of {drawn} of {n_asked} diagnoses were drawn at random"
    return f"Multiple-choice questions on spine images; {options}."


def _drawn(candidates: Sequence[Candidate]) -> list[str]:
    """What of the wrong options need not be visually similar."""
    drawn, n_asked = _n_drawn(candidates)
    if not drawn:
        return []
    return [
        f"Wrong options of {drawn} of {n_asked} diagnoses were drawn at random, all or in part, for want of a "
        "similarity: they need not look like the picture."
    ]


def _read_once(review: JsonValue) -> list[str]:
    """Where no item was read by two: nothing is known about agreement."""
    agreement = review.get("agreement") if isinstance(review, dict) else None
    if not isinstance(agreement, dict) or agreement.get("n_double") != 0:
        return []
    return ["No item was read by two reviewers: how far reviewers agree is not known."]


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
            rows = [one for one in classes if one.split == split and one.task is Task.DIAGNOSIS]
            values: dict[str, set[str]] = defaultdict(set)
            for one in rows:
                values[one.label].add(getattr(one, what) or "–")
            if len(set().union(*values.values())) < 2:
                continue
            tied = [f"{label} ({next(iter(of))})" for label, of in sorted(values.items()) if len(of) == 1]
            if tied:
                found.append(
                    f"Split {split}: labels of one {what} only, which narrows the answer: {', '.join(tied)}."
                )
    return found
