"""From labelled images to candidates: what is asked, what is dropped and why, and that nothing tells the answer."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.benchmarks.native import read_native
from spinebench.builder.items import Items, build_items
from spinebench.builder.options import ItemPolicy
from spinebench.builder.question_pool import QuestionPool
from spinebench.builder.records import Candidate, Grading, LabelledImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.records import Item, Task
from spinebench.terms import DISEASES, HEALTHY, LEVELS
from tests.builder.labelled import finding, hashed_similarities, image, shipped, standard_of

DEFAULT = Vocabulary.default()
SCS, FS, SAS, OST = "Spinal Canal Stenosis", "Foraminal stenosis", "Subarticular Stenosis", "Osteophytes"
ONE = Task.DIAGNOSIS, Task.LOCALIZATION


def built(
    *images: LabelledImage,
    pixels: Mapping[str, str] | None = None,
    group: Mapping[str, str] | None = None,
    vocabulary: Vocabulary = DEFAULT,
    languages: Sequence[str] = ("en",),
    pool: QuestionPool | None = None,
    seed: int = 0,
    **policy: Any,
) -> Items:
    return build_items(
        images,
        standard_of(*images, pixels=pixels or {}, group=group or {}),
        hashed_similarities(list(images), vocabulary),
        pool or shipped(*languages),
        ItemPolicy(**policy),
        vocabulary=vocabulary,
        benchmark="made",
        seed=seed,
    )


def of(items: Items, task: Task) -> list[Candidate]:
    return [one for one in items.candidates if one.item.task is task]


def reasons(items: Items) -> dict[str, str]:
    return {one.subject: one.reason for one in items.dropped}


def test_a_diagnosis() -> None:
    found = finding(SCS, "L4/L5", row="labels.csv:7")
    (one,) = of(built(image("1", found, study="s1", view="sagittal", region="lumbar")), Task.DIAGNOSIS)
    item = one.item
    assert len(item.options) == 5
    assert {SCS, HEALTHY} < set(item.options) <= {HEALTHY, *DISEASES}
    assert (item.gold, item.disease, item.levels) == ((SCS,), SCS, ())
    assert (item.modality, item.region, item.source, item.cluster, item.language) == (
        "MRI",
        "lumbar",
        "a",
        "a/s1",
        "en",
    )
    assert item.images[0].view == "sagittal"
    assert item.images[0].level is None
    assert item.metadata["builder"]["levels"] == ["L4/L5"]
    assert one.rows == ("labels.csv:7",)
    assert one.labels == (SCS,)
    assert item.metadata["builder"]["question"] == one.template
    assert len(one.provenance["similarities"]) == len(DISEASES)


def test_a_healthy_image() -> None:
    items = built(image("1"))
    (one,) = items.candidates
    assert (one.item.gold, one.item.disease, one.labels) == ((HEALTHY,), HEALTHY, (HEALTHY,))
    assert len(set(one.item.options) - {HEALTHY}) == 4
    assert one.rows == ("labels.csv:1",)
    assert items.dropped == ()  # there is nothing to be located, so nothing is dropped


def test_a_localization() -> None:
    above = finding(SCS, "T12/L1")
    items = built(
        image("1", finding(SCS, "L4/L5", row="x.csv:2"), finding(FS, "l3-l4", row="x.csv:3"), above)
    )
    (one,) = of(items, Task.LOCALIZATION)
    assert set(one.item.options) == set(LEVELS)
    assert one.item.gold == one.item.levels == ("L3/L4", "L4/L5")
    assert one.item.region == "lumbar"
    assert one.labels == (FS, SCS)
    assert one.rows == ("x.csv:2", "x.csv:3")
    assert one.provenance["levels_that_are_no_option"] == ["T12/L1"]
    assert one.item.disease in {FS, SCS}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        pytest.param(image("1", OST), "no_level", id="none"),
        pytest.param(image("1", finding(OST, "C5/C6")), "no_level", id="another-region's"),
        pytest.param(image("1", finding(OST, "L4/L5"), region="cervical"), "not_lumbar", id="region"),
        pytest.param(image("1", finding(OST, "L4/L5"), finding(SCS)), "levels_incomplete", id="one-without"),
    ],
)
def test_what_cannot_be_localized(case: LabelledImage, reason: str) -> None:
    items = built(case)
    assert reasons(items) == {"a/1": reason}
    assert items.dropped[0].detail.startswith("localization: ")
    assert len(of(items, Task.DIAGNOSIS)) == 1


def test_incomplete_levels_can_be_kept_and_are_said() -> None:
    case = image("1", finding(OST, "L4/L5"), finding(SCS))
    (one,) = of(built(case, incomplete_levels="note"), Task.LOCALIZATION)
    assert one.provenance["findings_without_level"] == [SCS]


def test_levels_that_are_not_surely_wrong() -> None:
    same = {"study": "s", "series": "3"}
    mild = finding(SCS, "L2/L3", severity="Mild", counts=False)
    absent = finding(SCS, "L1/L2", severity="Normal/Mild", counts=False)
    cases = (
        image("1", finding(SCS, "L4/L5"), mild, absent, **same),
        image("2", finding(SCS, "L3/L4"), **same),
        image("3", finding(SCS, "L5/S1"), study="s", series="4"),
    )
    noted = {one.image_id: one.provenance for one in of(built(*cases), Task.LOCALIZATION)}
    assert noted["a/1"] == {"levels_below_threshold": ["L2/L3"], "levels_elsewhere_in_series": ["L3/L4"]}
    assert noted["a/3"] == {}
    assert reasons(built(*cases, doubtful_levels="drop")) == {
        "a/1": "levels_doubtful",
        "a/2": "levels_doubtful",
    }


def test_a_near_duplicate_with_more_levels() -> None:
    cases = (image("1", finding(SCS, "L4/L5")), image("2", finding(SCS, "L4/L5"), finding(SCS, "L3/L4")))
    group = {"a/2": "a/1"}
    items = built(*cases, group=group)
    assert reasons(items) == {"a/1": "levels_incomplete"}
    assert "near duplicate 'a/2' has L3/L4" in items.dropped[0].detail
    kept = {
        one.image_id: one
        for one in of(built(*cases, group=group, incomplete_levels="note"), Task.LOCALIZATION)
    }
    assert kept["a/1"].provenance["levels_of_near_duplicates"] == ["L3/L4"]


def graded(severity: str) -> LabelledImage:
    """Stenosis of the canal, and of the foramen in a severity that does not count."""
    return image("1", SCS, finding(FS, severity=severity, counts=False))


def of_study(severity: str | None, label: str = FS) -> LabelledImage:
    return image("1", SCS, study_gradings=(Grading(label=label, severity=severity),))


@pytest.mark.parametrize(
    ("case", "policy", "excluded"),
    [
        pytest.param(image("1", SCS, FS), {"asked": "seeded"}, {"true"}, id="several-diseases"),
        pytest.param(graded("Mild"), {}, {"below_threshold"}, id="mild"),
        pytest.param(graded("Mild"), {"below_threshold": "keep"}, None, id="mild-kept"),
        pytest.param(graded("Normal/Mild"), {}, None, id="lowest-grade-is-absent"),
        pytest.param(of_study("Severe", "Left Neural Foraminal Narrowing"), {}, {"study"}, id="in-the-study"),
        pytest.param(of_study(None), {}, {"study"}, id="not-known-of-the-study"),
        pytest.param(of_study("Severe"), {"elsewhere_in_study": "keep"}, None, id="study-kept"),
        pytest.param(of_study("Normal/Mild"), {}, None, id="absent-in-the-study"),
    ],
)
def test_what_may_be_true_is_not_offered(
    case: LabelledImage, policy: dict[str, Any], excluded: set[str] | None
) -> None:
    # All eleven diseases but one are wanted: what is not excluded is offered.
    more = 9 if excluded else 10
    items = built(case, n_distractors=more, tasks=(Task.DIAGNOSIS,), **policy)
    (one,) = items.candidates
    offered = {FS, SCS} <= set(one.item.options)
    assert offered is (excluded is None)
    assert set(one.provenance.get("excluded", {}).values()) == (excluded or set())


def test_what_a_near_duplicate_has_is_not_offered() -> None:
    cases = (image("1", SCS, patient="p"), image("2", FS, patient="q"), image("3", OST, patient="r"))
    items = built(*cases, group={"a/2": "a/1"}, n_distractors=9, tasks=(Task.DIAGNOSIS,))
    by_image = {one.image_id: one for one in items.candidates}
    assert FS not in by_image["a/1"].item.options
    assert SCS not in by_image["a/2"].item.options
    assert by_image["a/1"].provenance["excluded"] == {FS: "near_duplicate"}
    assert by_image["a/1"].provenance["near_duplicates"] == ["a/2"]
    # One cluster for both, named after the smaller; the third keeps its own.
    assert [by_image[f"a/{n}"].item.cluster for n in (1, 2, 3)] == ["a/p", "a/p", "a/r"]
    assert [by_image[f"a/{n}"].group for n in (1, 2, 3)] == ["a/1", "a/1", "a/3"]


def test_clusters_are_joined_across_patients() -> None:
    # p1 - (near) - p2, p2 - (same patient) - p2, p2 - (same pixels) - p3: all one.
    cases = [image(str(n), SCS, patient=patient) for n, patient in enumerate(["p1", "p2", "p2", "p3", "p4"])]
    items = built(*cases, group={"a/1": "a/0"}, pixels={"a/3": "a/2"}, tasks=(Task.DIAGNOSIS,))
    assert {one.image_id: one.item.cluster for one in items.candidates} == {
        "a/0": "a/p1", "a/1": "a/p1", "a/2": "a/p1", "a/4": "a/p4"
    }  # fmt: skip
    assert reasons(items) == {"a/3": "same_picture"}


def test_images_of_the_same_pixels_are_one_picture_with_all_their_labels() -> None:
    cases = (image("1", finding(SCS, "L4/L5")), image("2", finding(FS, "L3/L4")))
    items = built(*cases, pixels={"a/2": "a/1"})
    diagnosis, localization = items.candidates
    assert reasons(items) == {"a/2": "same_picture"}
    assert diagnosis.labels == (FS, SCS)
    assert not {FS, SCS} <= set(diagnosis.item.options)
    assert localization.item.gold == ("L3/L4", "L4/L5")
    assert diagnosis.provenance["images_of_these_pixels"] == ["a/1", "a/2"]


@pytest.mark.parametrize("kind", ["pixels", "group"])
def test_healthy_and_ill_at_once(kind: str) -> None:
    alike = {"a/2": "a/1"}
    cases = (image("1", SCS), image("2"))
    items = built(*cases, pixels=alike) if kind == "pixels" else built(*cases, group=alike)
    assert items.candidates == ()
    assert set(reasons(items).values()) <= {"label_conflict", "same_picture"}
    assert reasons(items)["a/1"] == "label_conflict"
    assert set(reasons(items)) == {"a/1", "a/2"}


def test_an_image_without_a_label_or_a_picture_is_named() -> None:
    nothing = image("1", finding(None, label="Other lesions"))
    gone = image("2", SCS)
    items = build_items(
        [nothing, gone],
        standard_of(nothing),
        hashed_similarities([nothing, gone], DEFAULT),
        shipped(),
        ItemPolicy(),
        vocabulary=DEFAULT,
        benchmark="made",
        seed=0,
    )
    assert items.candidates == ()
    assert reasons(items) == {"a/1": "no_label", "a/2": "no_picture"}


def test_too_few_options_are_a_reason() -> None:
    two = Vocabulary(diseases=(SCS, FS, OST))
    items = built(image("1", SCS), vocabulary=two, tasks=(Task.DIAGNOSIS,))
    assert reasons(items) == {"a/1": "too_few_options"}
    assert "2 of 3 other diseases" in items.dropped[0].detail


def test_one_item_for_each_disease_or_for_the_rarest() -> None:
    cases = [image("1", SCS, FS), image("2", SCS), image("3", SCS)]
    (one,) = [one for one in built(*cases, tasks=(Task.DIAGNOSIS,)).candidates if one.image_id == "a/1"]
    assert one.item.gold == (FS,)
    assert one.provenance["asked"] == FS
    both = [
        one
        for one in built(*cases, tasks=(Task.DIAGNOSIS,), per_image="all").candidates
        if one.image_id == "a/1"
    ]
    assert {one.item.gold for one in both} == {(FS,), (SCS,)}
    assert len({one.item.id for one in both}) == 2
    assert all(not {FS, SCS} <= set(one.item.options) for one in both)


def test_the_readers_of_benchmarks_take_the_items() -> None:
    for one in built(*crowd(60), languages=("en", "zh")).candidates:
        fields = json.loads(one.item.model_dump_json(exclude_defaults=True))
        read = read_native(fields, default_benchmark="made")
        assert isinstance(read, Item), read
        assert read == one.item


def test_another_vocabulary() -> None:
    spider = Vocabulary(
        diseases=("Disc herniation", "Disc bulging", "Modic changes", "Disc narrowing", "Listhesis")
    )
    items = built(image("1", finding("disc-herniation", "L4/L5")), vocabulary=spider)
    assert of(items, Task.DIAGNOSIS)[0].item.gold == ("Disc herniation",)
    assert of(items, Task.LOCALIZATION)[0].item.gold == ("L4/L5",)


def crowd(n: int, seed: int = 1) -> list[LabelledImage]:
    """Images of mixed labels, sources and patients, some with several findings."""
    rng = random.Random(seed)
    found = []
    for number in range(n):
        ill = rng.random() < 0.8
        findings = [
            finding(rng.choice(DISEASES[:6]), level, counts=rng.random() < 0.9, severity="Mild")
            for level in rng.choices([*LEVELS, *LEVELS, None], k=rng.choice([1, 1, 2, 3]) if ill else 0)
        ]
        modality = rng.choice(["MRI", "X-ray"])
        found.append(
            image(
                f"{number:04}", *findings, modality=modality, patient=f"p{number // 3}", healthy=not findings
            )
        )
    return found


@settings(max_examples=15)
@given(n=st.integers(0, 60), seed=st.integers(0, 30), order=st.randoms(use_true_random=False))
def test_properties_of_a_benchmark(n: int, seed: int, order: random.Random) -> None:
    images = crowd(n, seed)
    items = built(*images, seed=seed, languages=("en", "zh"))
    other_way = list(images)
    order.shuffle(other_way)
    assert built(*other_way, seed=seed, languages=("en", "zh")).model_dump_json() == items.model_dump_json()
    by_id = {one.id: one for one in images}
    assert len({one.item.id for one in items.candidates}) == len(items.candidates)
    for one in items.candidates:
        labels = set(by_id[one.image_id].diseases)
        assert len(set(one.item.options)) == len(one.item.options) == 5
        if one.item.task is Task.DIAGNOSIS:
            assert len(set(one.item.options) & (labels or {HEALTHY})) == 1
            assert HEALTHY in one.item.options
            mild = {found.disease for found in by_id[one.image_id].findings if not found.counts}
            assert not mild & (set(one.item.options) - set(one.item.gold))
        else:
            assert set(one.item.options) == set(LEVELS)
            assert set(one.item.gold) == set(by_id[one.image_id].levels())
    # Every image is a diagnosis or named.
    asked = {one.image_id for one in of(items, Task.DIAGNOSIS)}
    assert asked | {one.subject for one in items.dropped if not one.detail.startswith("localization")} == set(
        by_id
    )


def spread_of(counts: Counter[Any], n: int) -> int:
    """Largest minus smallest count of n values, of which those that are not there count 0."""
    return max(counts.values()) - (min(counts.values()) if len(counts) == n else 0)


def test_nothing_but_the_picture_tells_the_answer() -> None:
    items = built(*crowd(900), languages=("en", "zh"))
    diagnoses, localizations = of(items, Task.DIAGNOSIS), of(items, Task.LOCALIZATION)
    places = Counter(one.item.options.index(one.item.gold[0]) for one in diagnoses)
    assert spread_of(places, 5) <= 1
    by_label: dict[str, Counter[int]] = defaultdict(Counter)
    for one in diagnoses:
        by_label[one.item.gold[0]][one.item.options.index(one.item.gold[0])] += 1
    assert all(spread_of(counts, 5) <= 1 for counts in by_label.values())
    levels: dict[str, Counter[int]] = defaultdict(Counter)
    for one in localizations:
        for level in one.item.options:
            levels[level][one.item.options.index(level)] += 1
    assert all(spread_of(counts, 5) <= 1 for counts in levels.values())
    for some in (diagnoses, localizations):
        assert spread_of(Counter(one.item.language for one in some), 2) <= 1
        for language, n_wordings in (("en", 16), ("zh", 14)):
            own = [one for one in some if one.item.language == language]
            assert spread_of(Counter(one.template for one in own), n_wordings) <= 1
            labels: dict[Any, Counter[str]] = defaultdict(Counter)
            for one in own:
                labels[one.item.gold].update([one.template])
            assert all(spread_of(counts, n_wordings) <= 1 for counts in labels.values())


def test_the_wording_does_not_tell_the_place_of_the_answer() -> None:
    # Fifteen wordings and five places share a divisor: in one order of the items, a wording would have one place only.
    whole = shipped()
    files = tuple(one.model_copy(update={"phrasings": one.phrasings[:15]}) for one in whole.files)
    diagnoses = of(built(*crowd(900), pool=whole.model_copy(update={"files": files})), Task.DIAGNOSIS)
    places: dict[str, set[int]] = defaultdict(set)
    for one in diagnoses:
        places[one.template].add(one.item.options.index(one.item.gold[0]))
    assert len(places) == 15
    assert all(len(found) == 5 for found in places.values())


def test_ids_stay_when_images_are_added() -> None:
    few = ids(built(*crowd(20), asked="seeded"))
    assert few < ids(built(*crowd(20), image("9999", SCS), asked="seeded"))
    assert ids(built(*crowd(20), seed=5, per_image="all")) == ids(built(*crowd(20), per_image="all"))


def ids(items: Items) -> set[str]:
    return {one.item.id for one in items.candidates}
