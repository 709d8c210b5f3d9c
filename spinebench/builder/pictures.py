"""What is true of a picture: the labels of all images of the same pixels, and what its near duplicates add."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spinebench.builder.options import ItemPolicy
from spinebench.builder.records import Dropped, Finding, LabelledImage, Stage, StandardImage
from spinebench.builder.units import connected
from spinebench.builder.vocabulary import Vocabulary
from spinebench.terms import canonical_level


@dataclass(frozen=True)
class Picture:
    """All images of the same pixels, as one thing to ask about."""

    images: tuple[LabelledImage, ...]
    """By id; items are named after the first."""
    standard: StandardImage
    group: str
    """Smallest id of an image that is of the same pixels or nearly alike."""
    cluster: str
    """Patient or study; one name for all clusters that near duplicates connect."""
    healthy: bool
    findings: tuple[Finding, ...]
    """Of all its images, each once, diseases in the vocabulary's spelling."""
    alike: tuple[LabelledImage, ...]
    """Near duplicates: images of the group that are of other pixels."""

    @property
    def first(self) -> LabelledImage:
        """The image that speaks for the picture."""
        return self.images[0]

    @property
    def pixels(self) -> str:
        return self.standard.pixel_hash

    @property
    def diseases(self) -> tuple[str, ...]:
        """Diseases that count, sorted."""
        return tuple(sorted({one.disease for one in self.findings if one.counts and one.disease}))

    @property
    def others(self) -> tuple[str, ...]:
        """Labels outside the vocabulary that count, as the source words them, sorted."""
        return tuple(sorted({one.label for one in self.findings if one.counts and not one.disease}))


@dataclass(frozen=True)
class Pictures:
    """The pictures that can be asked about, in the order of their ids, and what is known around them."""

    pictures: tuple[Picture, ...]
    dropped: tuple[Dropped, ...]
    series: Mapping[tuple[str, str, str], frozenset[str]]
    """(source, study, series) -> levels that count on any image of it."""
    labels: Mapping[tuple[str, str], str]
    """(source, label as worded there) -> disease."""


def pictures_of(
    labelled: Sequence[LabelledImage], standard: Mapping[str, StandardImage], vocabulary: Vocabulary
) -> Pictures:
    """One picture for all images of equal pixels.

    Dropped: `no_picture` (not standardized), `same_picture` (another image of these pixels speaks for it),
    `label_conflict` (it, or a near duplicate, is called healthy and ill), `no_label`.
    """
    ordered = sorted(labelled, key=lambda image: image.id)
    dropped = [
        _dropped(image, "no_picture", "has no standardized picture; the standardize stage says why")
        for image in ordered
        if image.id not in standard
    ]
    known = [_in_vocabulary(image, vocabulary) for image in ordered if image.id in standard]
    looks = [[("pixels", standard[one.id].pixel_hash), ("group", standard[one.id].group)] for one in known]
    groups = connected(looks)
    clusters = connected(
        [[*names, ("cluster", image.cluster)] for names, image in zip(looks, known, strict=True)]
    )
    cluster_names = _smallest(clusters, [image.cluster for image in known])
    group_names = _smallest(groups, [image.id for image in known])
    members: dict[int, list[LabelledImage]] = defaultdict(list)
    by_pixels: dict[str, list[int]] = defaultdict(list)
    for place, image in enumerate(known):
        members[groups[place]].append(image)
        by_pixels[standard[image.id].pixel_hash].append(place)
    pictures = []
    for places in by_pixels.values():
        images = tuple(known[place] for place in places)
        ids = {image.id for image in images}
        first = places[0]
        picture = Picture(
            images=images,
            standard=standard[images[0].id],
            group=group_names[groups[first]],
            cluster=cluster_names[clusters[first]],
            healthy=any(image.healthy for image in images),
            findings=tuple(dict.fromkeys(one for image in images for one in image.findings)),
            alike=tuple(image for image in members[groups[first]] if image.id not in ids),
        )
        dropped += [
            _dropped(image, "same_picture", f"has the pixels of {images[0].id!r}, which speaks for it")
            for image in images[1:]
        ]
        problem = _problem(picture)
        if problem is None:
            pictures.append(picture)
        else:
            dropped.append(_dropped(picture.first, *problem))
    return Pictures(
        tuple(sorted(pictures, key=lambda picture: picture.first.id)),
        tuple(dropped),
        series=_series(known),
        labels={
            (image.source, one.label): one.disease for image in known for one in image.findings if one.disease
        },
    )


def not_offered(
    picture: Picture, asked: str, policy: ItemPolicy, found: Pictures, vocabulary: Vocabulary
) -> dict[str, str]:
    """Disease -> why it may not be a wrong option: it is, or may be, true of the picture.

    `true`: it counts on the picture. `near_duplicate`: it counts on an image that is nearly alike.
    `below_threshold`: it is graded on one of them, neither absent nor counting. `study`: the study is graded for it,
    and it is not absent there, or unknown.
    """
    reasons: dict[str, str] = {}
    for disease in picture.diseases:
        reasons.setdefault(disease, "true")
    for image in picture.alike:
        for disease in image.diseases:
            reasons.setdefault(disease, "near_duplicate")
    if policy.below_threshold == "exclude":
        for one in _all_findings(picture):
            if one.disease and not one.counts and not policy.is_absent(one.label, one.severity):
                reasons.setdefault(one.disease, "below_threshold")
    if policy.elsewhere_in_study == "exclude":
        for image in picture.images:
            for grading in image.study_gradings:
                known = found.labels.get((image.source, grading.label)) or vocabulary.canonical(grading.label)
                if known in vocabulary.diseases and not policy.is_absent(grading.label, grading.severity):
                    reasons.setdefault(known, "study")
    reasons.pop(asked, None)
    return reasons


def levels_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Lumbar disc levels of the findings that count, cranial to caudal."""
    from spinebench.terms import LEVELS

    named = {canonical_level(one.level) for one in findings if one.counts and one.disease and one.level}
    return tuple(level for level in LEVELS if level in named)


def _all_findings(picture: Picture) -> Iterable[Finding]:
    yield from picture.findings
    for image in picture.alike:
        yield from image.findings


def _in_vocabulary(image: LabelledImage, vocabulary: Vocabulary) -> LabelledImage:
    """The image with each disease as the vocabulary spells it; one that it does not have is none."""
    findings = tuple(
        one if label == one.disease else one.model_copy(update={"disease": label})
        for one in image.findings
        for label in [None if one.disease is None else vocabulary.canonical(one.disease)]
    )
    findings = tuple(
        one.model_copy(update={"disease": None}) if one.disease == vocabulary.healthy else one
        for one in findings
    )
    return image if findings == image.findings else image.model_copy(update={"findings": findings})


def _problem(picture: Picture) -> tuple[str, str] | None:
    ill = picture.diseases
    if picture.healthy and ill:
        return "label_conflict", f"is called healthy, and {', '.join(ill)}"
    if not picture.healthy and not ill:
        return "no_label", "is neither called healthy nor has a disease that counts"
    for image in picture.alike:
        if picture.healthy and image.diseases:
            other = ", ".join(image.diseases)
            return "label_conflict", f"is called healthy, and its near duplicate {image.id!r} {other}"
        if ill and image.healthy:
            return (
                "label_conflict",
                f"is called {', '.join(ill)}, and its near duplicate {image.id!r} healthy",
            )
    return None


def _series(images: Iterable[LabelledImage]) -> dict[tuple[str, str, str], frozenset[str]]:
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for image in images:
        if image.study and image.series:
            found[image.source, image.study, image.series] |= set(levels_of(image.findings))
    return {name: frozenset(levels) for name, levels in found.items()}


def _smallest(components: Sequence[int], names: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for component, name in zip(components, names, strict=True):
        found[component] = min(name, found.get(component, name))
    return found


def _dropped(image: LabelledImage, reason: str, detail: str) -> Dropped:
    return Dropped(stage=Stage.ITEMS, subject=image.id, reason=reason, detail=detail, source=image.source)
