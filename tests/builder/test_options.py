"""Wrong options and their order: by hand for single images, as properties for whole benchmarks."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.builder.balancing import level_orders, option_places, spread
from spinebench.builder.options import Choice, Chooser, ItemPolicy, TooFew, asked_disease, seeded
from spinebench.builder.records import Similarities
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from spinebench.records import Task
from tests.builder.labelled import sha, similar

FIVE = Vocabulary(diseases=("Hernia", "Bulge", "Slip", "Edema", "Spur"))
FIGURES = similar(
    "a/1", {"Hernia": 0.9, "Bulge": (0.2, 0.8), "Slip": (0.5, 0.6), "Edema": (0.4, 0.7), "Spur": (0.3, 0.9)}
)


def choose(
    truth: str = "Hernia",
    *,
    excluded: dict[str, str] | None = None,
    figures: Similarities | None = FIGURES,
    vocabulary: Vocabulary = FIVE,
    seed: int = 0,
    **policy: Any,
) -> Choice | TooFew:
    chooser = Chooser(ItemPolicy(**policy), vocabulary, seed=seed)
    return chooser.choose("pixels", truth, excluded or {}, figures, name="a/1")


@pytest.mark.parametrize(
    ("truth", "policy", "expected"),
    [
        # Means: Slip .5, Edema .4, Spur .3, Bulge .2.
        pytest.param("Hernia", {}, ("Hernia", "Healthy", "Slip", "Edema", "Spur"), id="three-most-similar-by-mean"),
        # Maxima: Spur .9, Bulge .8, Edema .7, Slip .6.
        pytest.param("Hernia", {"statistic": "maximum"}, ("Hernia", "Healthy", "Spur", "Bulge", "Edema"), id="maximum"),
        # The figure of the truth itself (.9) does not matter when another one is the truth.
        pytest.param("Slip", {}, ("Slip", "Healthy", "Hernia", "Edema", "Spur"), id="another-truth"),
        pytest.param("Healthy", {}, ("Healthy", "Hernia", "Slip", "Edema", "Spur"), id="healthy-gets-four"),
        pytest.param("Hernia", {"n_distractors": 1}, ("Hernia", "Healthy", "Slip"), id="fewer"),
    ],
)  # fmt: skip
def test_the_most_similar_other_diseases(
    truth: str, policy: dict[str, Any], expected: tuple[str, ...]
) -> None:
    choice = choose(truth, **policy)
    assert isinstance(choice, Choice)
    assert choice.options == expected
    assert choice.provenance["statistic"] == policy.get("statistic", "mean")
    assert choice.provenance["encoder"] == "tiny"


def test_the_figures_stand_beside_the_choice() -> None:
    choice = choose()
    assert isinstance(choice, Choice)
    assert choice.provenance["similarities"] == {
        "Hernia": 0.9,
        "Slip": 0.5,
        "Edema": 0.4,
        "Spur": 0.3,
        "Bulge": 0.2,
    }
    assert list(choice.provenance["similarities"]) == ["Hernia", "Slip", "Edema", "Spur", "Bulge"]


def test_what_is_excluded_gives_way_to_the_next() -> None:
    choice = choose(excluded={"Slip": "true"})
    assert isinstance(choice, Choice)
    assert choice.options == ("Hernia", "Healthy", "Edema", "Spur", "Bulge")
    assert choice.provenance["excluded"] == {"Slip": "true"}


def test_too_few_are_said_with_the_reason() -> None:
    choice = choose(excluded={"Slip": "true", "Edema": "study"})
    assert choice == TooFew("2 of 3 other diseases are left; not offered: Edema (study), Slip (true)")
    lone = choose(figures=similar("a/1", {"Hernia": 0.9, "Slip": 0.5}))
    assert isinstance(lone, TooFew)
    assert "without a similarity: Bulge, Edema, Spur" in lone.detail


@pytest.mark.parametrize(
    "figures",
    [
        similar("a/1", {"Hernia": 1, "Slip": 0.5, "Edema": float("nan"), "Spur": 0.4, "Bulge": 0.3}),
        Similarities(
            id="a/1",
            encoder="tiny",
            diseases=(
                *similar("a/1", {"Hernia": 1, "Slip": 0.5, "Spur": 0.4, "Bulge": 0.3}).diseases,
                *similar("a/1", {"Edema": 0.9}, n=0).diseases,
            ),
        ),
    ],
    ids=["not-a-number", "no-images-in-the-library"],
)
def test_a_disease_without_a_figure_is_no_option(figures: Similarities) -> None:
    choice = choose(figures=figures)
    assert isinstance(choice, Choice)
    assert choice.options == ("Hernia", "Healthy", "Slip", "Spur", "Bulge")


def test_no_similarities_at_all() -> None:
    with pytest.raises(DataError, match="image 'a/1': expected its similarities"):
        choose(figures=None)
    choice = choose(figures=None, missing_similarities="random")
    assert isinstance(choice, Choice)
    assert choice.provenance["drawn_by_seed"] == list(choice.options[2:])
    drawn = {choice.options[2:]}
    for seed in range(20):
        other = choose(figures=None, missing_similarities="random", seed=seed)
        assert isinstance(other, Choice)
        drawn.add(other.options[2:])
    assert len(drawn) > 5


def test_random_fills_up_after_the_known_ones() -> None:
    choice = choose(figures=similar("a/1", {"Slip": 0.1}), missing_similarities="random")
    assert isinstance(choice, Choice)
    assert choice.options[2] == "Slip"
    assert choice.provenance["drawn_by_seed"] == list(choice.options[3:])


def test_ties_are_broken_by_the_seed_and_not_by_the_order() -> None:
    equal = similar("a/1", {"Hernia": 0.9, "Bulge": 0.5, "Slip": 0.5000000001, "Edema": 0.5, "Spur": 0.5})
    left_out = Counter()  # type: Counter[str]
    for seed in range(200):
        choice = choose(figures=equal, seed=seed)
        assert isinstance(choice, Choice)
        again = choose(figures=equal.model_copy(update={"diseases": equal.diseases[::-1]}), seed=seed)
        assert isinstance(again, Choice)
        assert again.options == choice.options
        left_out.update({"Bulge", "Slip", "Edema", "Spur"} - set(choice.options))
    # 200 draws of one of four: 50 expected, 5 standard deviations are 31. Slip is larger by less than is printed.
    assert all(19 <= left_out[disease] <= 81 for disease in ("Bulge", "Slip", "Edema", "Spur"))


def test_options_that_mean_the_same_never_stand_together() -> None:
    # The benchmark's own table knows both for one label, though this vocabulary calls them two.
    double = Vocabulary(
        diseases=("Foraminal stenosis", "Neural foraminal narrowing", "Normal spine", "Slip", "Edema", "Spur")
    )
    figures = similar(
        "a/1",
        {
            "Foraminal stenosis": 0.9,
            "Neural foraminal narrowing": 0.8,
            "Normal spine": 0.7,
            "Slip": 0.3,
            "Edema": 0.2,
            "Spur": 0.1,
        },
    )
    as_truth = choose("Foraminal stenosis", figures=figures, vocabulary=double)
    assert isinstance(as_truth, Choice)
    assert as_truth.options == ("Foraminal stenosis", "Healthy", "Slip", "Edema", "Spur")
    as_wrong = choose("Spur", figures=figures, vocabulary=double)
    assert isinstance(as_wrong, Choice)
    assert as_wrong.options == ("Spur", "Healthy", "Foraminal stenosis", "Slip", "Edema")


@pytest.mark.parametrize(
    ("label", "severity", "absent"),
    [
        ("Spinal Canal Stenosis", "Normal/Mild", True),
        ("Spinal Canal Stenosis", "normal/mild ", True),
        ("Spinal Canal Stenosis", "Mild", False),
        ("Pfirrman grade", "1", True),
        ("Modic", "1", False),
        ("Modic", "0", True),
        ("Modic", None, False),
    ],
)
def test_what_says_that_a_finding_is_absent(label: str, severity: str | None, absent: bool) -> None:
    assert ItemPolicy().is_absent(label, severity) is absent


def test_which_of_several_diseases_is_asked_for() -> None:
    counts = {"Bulge": 9, "Slip": 2, "Spur": 2}
    rare = {asked_disease(["Bulge", "Slip", "Spur"], counts, "p", ItemPolicy(), seed) for seed in range(30)}
    assert rare == {"Slip", "Spur"}
    by_seed = ItemPolicy(asked="seeded")
    drawn = {asked_disease(["Bulge", "Slip", "Spur"], counts, sha(str(n)), by_seed, 0) for n in range(30)}
    assert drawn == {"Bulge", "Slip", "Spur"}


@pytest.mark.parametrize("tasks", [[], ["report"], ["diagnosis", "diagnosis"]])
def test_a_policy_is_checked(tasks: list[str]) -> None:
    with pytest.raises(ValueError, match="tasks"):
        ItemPolicy(tasks=tuple(Task(one) for one in tasks))


def even(counts: Counter[Any], values: int, most: int = 1) -> bool:
    found = [counts[value] for value in range(values)]
    return max(found) - min(found) <= most


labels_of = st.lists(st.sampled_from(["Healthy", "Hernia", "Bulge", "Slip", "Spur"]), max_size=80)


@settings(max_examples=60)
@given(labels=labels_of, n=st.integers(1, 17), seed=st.integers(0, 99))
def test_spread_is_even_over_all_and_within_every_label(labels: list[str], n: int, seed: int) -> None:
    ties = [seeded(seed, str(place)) for place in range(len(labels))]
    values = spread([(label,) for label in labels], ties, n, start=seed)
    assert even(Counter(values), n)
    for label in set(labels):
        assert even(Counter(value for value, own in zip(values, labels, strict=True) if own == label), n)


@settings(max_examples=60)
@given(
    labels=labels_of, n=st.integers(3, 6), seed=st.integers(0, 99), sources=st.randoms(use_true_random=False)
)
def test_places_of_the_right_option_and_of_healthy(
    labels: list[str], n: int, seed: int, sources: Any
) -> None:
    ties = [seeded(seed, str(place)) for place in range(len(labels))]
    strata = [(sources.choice(["MRI", "X-ray"]),) for _ in labels]
    healthy = [label == "Healthy" for label in labels]
    places = option_places(labels, strata, healthy, ties, n, seed=str(seed))
    assert even(Counter(gold for gold, _ in places), n)
    assert even(Counter(well for _, well in places), n, most=2)
    assert even(Counter(well for (_, well), is_well in zip(places, healthy, strict=True) if not is_well), n)
    for (gold, well), is_well in zip(places, healthy, strict=True):
        assert (gold == well) is is_well
    for label in set(labels):
        own = [pair for pair, other in zip(places, labels, strict=True) if other == label]
        assert even(Counter(gold for gold, _ in own), n)
        assert even(Counter(well for _, well in own), n)
        for modality in ("MRI", "X-ray"):
            some = [
                pair[0]
                for pair, other, stratum in zip(places, labels, strata, strict=True)
                if other == label and stratum == (modality,)
            ]
            assert even(Counter(some), n)


def test_the_place_of_healthy_says_nothing_about_the_right_one() -> None:
    # 2,000 diseased items, 20 pairs of different places: 100 of each expected, 5 standard deviations are 49.
    labels = [f"disease {place % 7}" for place in range(2000)]
    ties = [sha(str(place)) for place in range(2000)]
    pairs = Counter(option_places(labels, [()] * 2000, [False] * 2000, ties, 5, seed="0"))
    assert len(pairs) == 20
    assert all(51 <= n <= 149 for n in pairs.values())


gold_sets = st.lists(st.sampled_from([("1",), ("2",), ("1", "2"), ("0", "3", "4"), ("4",)]), max_size=70)


@settings(max_examples=60)
@given(golds=gold_sets, seed=st.integers(0, 99))
def test_levels_are_even_over_places(golds: list[tuple[str, ...]], seed: int) -> None:
    ties = [seeded(seed, str(place)) for place in range(len(golds))]
    orders = level_orders(golds, ties, 5, seed=str(seed))
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    groups: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for gold, order in zip(golds, orders, strict=True):
        groups["all"].append(order)
        groups[gold].append(order)
    for some in groups.values():
        for level in range(5):
            assert even(Counter(order.index(level) for order in some), 5)


def test_orders_of_levels_vary() -> None:
    ties = [sha(str(place)) for place in range(1000)]
    orders = level_orders([("1",), ("2", "3")] * 500, ties, 5, seed="0")
    # 200 orders drawn out of 24 circles of five rotations each: all 120 are expected to come up.
    assert len(set(orders)) > 100
