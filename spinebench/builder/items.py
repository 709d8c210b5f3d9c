"""Items out of labelled pictures: what is asked, with which options in which order, in which words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from spinebench.builder.balancing import Key, level_orders, option_places, spread
from spinebench.builder.options import Chooser, ItemPolicy, TooFew, asked_disease, seeded
from spinebench.builder.pictures import Picture, Pictures, levels_of, not_offered, pictures_of
from spinebench.builder.question_pool import Phrasing, QuestionPool
from spinebench.builder.records import Candidate, Dropped, LabelledImage, Similarities, Stage, StandardImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.records import ImageRef, Item, JsonValue, Record, Task, digest
from spinebench.terms import LEVELS

LUMBAR = "lumbar"
_LUMBAR = "lumb"
"""Also of `lumbosacral` and `thoracolumbar`."""


class Items(Record):
    """What became of the images."""

    candidates: tuple[Candidate, ...]
    """By task, then by image."""
    dropped: tuple[Dropped, ...]
    """By image, then by reason. An image dropped from one task may be asked about in the other: `detail` names the
    task then."""


@dataclass(frozen=True)
class _Draft:
    """An item without its order of options and its wording."""

    task: Task
    picture: Picture
    disease: str
    """Asked for, or the vocabulary's `healthy`."""
    options: tuple[str, ...]
    """Diagnosis: the right one, `healthy`, then the others, most similar first. Localization: cranial to caudal."""
    gold: tuple[str, ...]
    rows: tuple[str, ...]
    provenance: dict[str, JsonValue]

    @property
    def label(self) -> str:
        """What places and wordings are balanced over."""
        return " + ".join(self.gold)

    @property
    def strata(self) -> Key:
        image = self.picture.first
        return (image.modality or "", image.source)

    @property
    def id(self) -> str:
        asked = self.disease if self.task is Task.DIAGNOSIS else ""
        return f"{self.task.value}-{digest([self.task.value, self.picture.pixels, asked])[:16]}"


def build_items(
    labelled: Sequence[LabelledImage],
    standard: Mapping[str, StandardImage],
    similarities: Mapping[str, Similarities],
    pool: QuestionPool,
    policy: ItemPolicy,
    *,
    vocabulary: Vocabulary,
    benchmark: str,
    seed: int,
) -> Items:
    """One candidate per picture and task (per disease with `per_image: all`), whatever order the images come in.

    `standard` and `similarities` are by image id. Ids are of the pixels, the task and the disease asked for, so they
    stay when images are added, unless another disease becomes the rarest of an image; orders and wordings are balanced
    over all items, so they may change.

    Dropped, beside what `pictures_of` drops: `too_few_options`; of localizations `not_lumbar`, `no_level`,
    `levels_incomplete`, `levels_doubtful`. Raises `DataError` for an image without similarities, where the policy asks
    for them, and `UsageError` for a task without wordings.
    """
    found = pictures_of(labelled, standard, vocabulary)
    dropped = list(found.dropped)
    candidates: list[Candidate] = []
    for task in sorted(policy.tasks, key=lambda task: task.value):
        drafts: list[_Draft] = []
        for one in _drafts(task, found, similarities, policy, vocabulary, seed):
            if isinstance(one, Dropped):
                dropped.append(one)
            else:
                drafts.append(one)
        candidates += _candidates(drafts, pool, vocabulary, benchmark=benchmark, seed=seed)
    return Items(
        candidates=tuple(candidates),
        dropped=tuple(sorted(dropped, key=lambda one: (one.subject, one.reason, one.detail))),
    )


def _drafts(
    task: Task,
    found: Pictures,
    similarities: Mapping[str, Similarities],
    policy: ItemPolicy,
    vocabulary: Vocabulary,
    seed: int,
) -> Iterable[_Draft | Dropped]:
    counts = Counter(disease for picture in found.pictures for disease in picture.diseases)
    chooser = Chooser(policy, vocabulary, seed=seed)
    for picture in found.pictures:
        asked = (
            vocabulary.healthy
            if picture.healthy
            else asked_disease(picture.diseases, counts, picture.pixels, policy, seed)
        )
        match task:
            case Task.DIAGNOSIS:
                all_of_it = policy.per_image == "all" and not picture.healthy
                for disease in picture.diseases if all_of_it else (asked,):
                    yield _diagnosis(picture, disease, found, similarities, chooser)
            case Task.LOCALIZATION:
                if not picture.healthy:
                    yield _localization(picture, asked, found, policy)
            case Task.KNOWLEDGE | Task.REPORT | Task.CONSULTATION:
                raise AssertionError(f"no items of the task {task.value}")
            case other:
                assert_never(other)


def _diagnosis(
    picture: Picture,
    disease: str,
    found: Pictures,
    similarities: Mapping[str, Similarities],
    chooser: Chooser,
) -> _Draft | Dropped:
    image = picture.first
    excluded = not_offered(picture, disease, chooser.policy, found, chooser.vocabulary)
    figures = next((similarities[one.id] for one in picture.images if one.id in similarities), None)
    choice = chooser.choose(picture.pixels, disease, excluded, figures, name=image.id)
    if isinstance(choice, TooFew):
        return _dropped(image, Task.DIAGNOSIS, "too_few_options", choice.detail)
    if picture.healthy:
        rows = [row for one in picture.images for row in one.rows]
    else:
        rows = [one.row for one in picture.findings if one.counts and one.disease == disease]
    return _Draft(
        task=Task.DIAGNOSIS,
        picture=picture,
        disease=disease,
        options=choice.options,
        gold=(disease,),
        rows=tuple(dict.fromkeys(rows)),
        provenance=choice.provenance,
    )


def _localization(picture: Picture, asked: str, found: Pictures, policy: ItemPolicy) -> _Draft | Dropped:
    image = picture.first

    def dropped(reason: str, detail: str) -> Dropped:
        return _dropped(image, Task.LOCALIZATION, reason, detail)

    region = next((one.region for one in picture.images if one.region), None)
    if region is not None and _LUMBAR not in region.casefold():
        return dropped("not_lumbar", f"is of the region {region!r}")
    gold = levels_of(picture.findings)
    if not gold:
        return dropped("no_level", "has no finding with a lumbar disc level")
    counting = [one for one in picture.findings if one.counts and one.disease]
    provenance: dict[str, JsonValue] = {}
    incomplete = []
    if without := sorted({one.label for one in counting if one.level is None}):
        incomplete.append(f"no level is given for {', '.join(without)}")
        provenance["findings_without_level"] = without
    alike = {
        level: other.id for other in picture.alike for level in levels_of(other.findings) if level not in gold
    }
    if alike:
        incomplete.append(
            "; ".join(f"its near duplicate {other!r} has {level}" for level, other in sorted(alike.items()))
        )
        provenance["levels_of_near_duplicates"] = sorted(alike)
    if incomplete and policy.incomplete_levels == "drop":
        return dropped("levels_incomplete", "; ".join(incomplete))
    doubtful = _doubtful(picture, gold, found, policy)
    if doubtful and policy.doubtful_levels == "drop":
        detail = "; ".join(
            f"{what.replace('_', ' ')}: {', '.join(levels)}" for what, levels in doubtful.items()
        )
        return dropped("levels_doubtful", detail)
    provenance |= doubtful
    named = levels_of(counting)
    if other_levels := sorted({one.level for one in counting if one.level and not levels_of([one])}):
        provenance["levels_that_are_no_option"] = other_levels
    return _Draft(
        task=Task.LOCALIZATION,
        picture=picture,
        disease=asked,
        options=LEVELS,
        gold=named,
        rows=tuple(dict.fromkeys(one.row for one in counting if levels_of([one]))),
        provenance=provenance,
    )


def _doubtful(
    picture: Picture, gold: Sequence[str], found: Pictures, policy: ItemPolicy
) -> dict[str, JsonValue]:
    """Levels that are offered and not right, and yet not surely wrong."""
    mild = [
        one.model_copy(update={"counts": True})
        for one in picture.findings
        if not one.counts and not policy.is_absent(one.label, one.severity)
    ]
    series: set[str] = set()
    for image in picture.images:
        if image.study and image.series:
            series |= found.series.get((image.source, image.study, image.series), frozenset())
    levels = {
        "levels_below_threshold": [level for level in levels_of(mild) if level not in gold],
        "levels_elsewhere_in_series": [level for level in LEVELS if level in series and level not in gold],
    }
    return {what: some for what, some in levels.items() if some}


def _candidates(
    drafts: Sequence[_Draft], pool: QuestionPool, vocabulary: Vocabulary, *, benchmark: str, seed: int
) -> list[Candidate]:
    if not drafts:
        return []
    wordings = _wordings(drafts, pool, seed)
    orders = _orders(drafts, vocabulary, seed)
    return [
        _candidate(draft, order, wording, language, vocabulary, benchmark)
        for draft, order, (language, wording) in zip(drafts, orders, wordings, strict=True)
    ]


def _wordings(drafts: Sequence[_Draft], pool: QuestionPool, seed: int) -> list[tuple[str, Phrasing]]:
    """A language and a wording for each, both spread evenly over all items and within every label.

    Each spread has hashes of its own to decide within a label, so that neither tells the place of the right option.
    """
    task = drafts[0].task
    languages = pool.languages
    keys = [(draft.label, *draft.strata) for draft in drafts]
    chosen = spread(keys, [seeded(seed, "language", draft.id) for draft in drafts], len(languages))
    found: list[tuple[str, Phrasing] | None] = [None] * len(drafts)
    for number, language in enumerate(languages):
        phrasings = sorted(
            pool.phrasings(task, language), key=lambda one: seeded(seed, "wording", task.value, one.id)
        )
        places = [place for place, value in enumerate(chosen) if value == number]
        ties = [seeded(seed, "wording", drafts[place].id) for place in places]
        values = spread([keys[place] for place in places], ties, len(phrasings))
        for place, value in zip(places, values, strict=True):
            found[place] = (language, phrasings[value])
    return [one for one in found if one is not None]


def _orders(drafts: Sequence[_Draft], vocabulary: Vocabulary, seed: int) -> list[tuple[str, ...]]:
    task = drafts[0].task
    ties = [seeded(seed, "order", draft.id) for draft in drafts]
    name = f"{seed} {task.value}"
    if task is Task.LOCALIZATION:
        orders = level_orders([draft.gold for draft in drafts], ties, len(LEVELS), seed=name)
        return [tuple(LEVELS[level] for level in order) for order in orders]
    healthy = [draft.picture.healthy for draft in drafts]
    labels, strata = [draft.label for draft in drafts], [draft.strata for draft in drafts]
    n_options = len(drafts[0].options)
    places = option_places(labels, strata, healthy, ties, n_options, seed=name)
    return [
        _placed(draft, gold, well, vocabulary.healthy, seed)
        for draft, (gold, well) in zip(drafts, places, strict=True)
    ]


def _placed(draft: _Draft, gold: int, well: int, healthy: str, seed: int) -> tuple[str, ...]:
    """The options of a diagnosis: the right one and Healthy at their places, the others by a seeded hash."""
    fixed = {gold: draft.gold[0], well: healthy}
    rest = iter(
        sorted(
            (one for one in draft.options if one not in fixed.values()),
            key=lambda one: seeded(seed, "place", draft.id, one),
        )
    )
    return tuple(fixed[place] if place in fixed else next(rest) for place in range(len(draft.options)))


def _candidate(
    draft: _Draft,
    options: tuple[str, ...],
    wording: Phrasing,
    language: str,
    vocabulary: Vocabulary,
    benchmark: str,
) -> Candidate:
    picture, image = draft.picture, draft.picture.first
    localizes = draft.task is Task.LOCALIZATION
    facts: dict[str, JsonValue] = {
        "image": image.id,
        "diseases": list(picture.diseases),
        "levels": list(levels_of(picture.findings)),
        "modality": image.modality,
        "region": image.region,
        "view": image.view,
        "sequence": image.sequence,
        "source": image.source,
        "study": image.study,
        "group": picture.group,
        "question": wording.id,
    }
    labels = (vocabulary.healthy,) if picture.healthy else picture.diseases
    more: dict[str, JsonValue] = {}
    if len(picture.images) > 1:
        more["images_of_these_pixels"] = [one.id for one in picture.images]
    if picture.alike:
        more["near_duplicates"] = [one.id for one in picture.alike]
    if picture.others:
        more["other_labels"] = list(picture.others)
    if len(picture.diseases) > 1:
        more["asked"] = draft.disease
    item = Item(
        id=draft.id,
        benchmark=benchmark,
        task=draft.task,
        question=wording.text,
        options=options,
        gold=tuple(option for option in options if option in draft.gold),
        images=(ImageRef(path=picture.standard.file, sha256=picture.standard.sha256, view=image.view),),
        disease=draft.disease,
        levels=draft.gold if localizes else (),
        modality=image.modality,
        region=image.region or (LUMBAR if localizes else None),
        source=image.source,
        cluster=picture.cluster,
        language=language,
        metadata={"builder": {name: value for name, value in facts.items() if value not in (None, [])}},
    )
    return Candidate(
        item=item,
        image_id=image.id,
        group=picture.group,
        labels=labels,
        rows=draft.rows,
        template=wording.id,
        provenance={**draft.provenance, **more},
    )


def _dropped(image: LabelledImage, task: Task, reason: str, detail: str) -> Dropped:
    return Dropped(
        stage=Stage.ITEMS,
        subject=image.id,
        reason=reason,
        detail=f"{task.value}: {detail}",
        source=image.source,
    )
