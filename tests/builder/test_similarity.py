"""The library that is drawn, and similarities to it: worked by hand, and against the plain loop."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.builder.library import (
    Library,
    LibrarySpec,
    draw_library,
    labels_of,
    write_library,
)
from spinebench.builder.records import SimilarDisease, StandardImage
from spinebench.builder.similarity import similarities, similarity_table
from spinebench.errors import DataError
from tests.builder.embedding_samples import kept, labelled, library_of, standard

# Unit vectors whose cosines can be read off: a.b = 0, a.c = b.d = 0.6, a.d = b.c = 0.8, c.d = 0.96.
A, B, C, D = (1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (0.8, 0.6)
LIBRARY = library_of({"first": ["a", "c"], "second": ["b", "d"]})


def figures(*found: tuple[str, float, float, int]) -> tuple[SimilarDisease, ...]:
    return tuple(
        SimilarDisease(disease=label, mean=mean, maximum=high, n=n) for label, mean, high, n in found
    )


@pytest.mark.parametrize(
    ("image", "vector", "exclude", "expected"),
    [
        # (1 + 0.6) / 2 and (0 + 0.8) / 2
        (standard("new"), A, "group", (("first", 0.8, 1.0, 2), ("second", 0.4, 0.8, 2))),
        # twice as long: cosines do not change
        (standard("new"), (2.0, 0.0), "group", (("first", 0.8, 1.0, 2), ("second", 0.4, 0.8, 2))),
        # itself in the library: c remains of the first disease
        (standard("a"), A, "group", (("first", 0.6, 0.6, 1), ("second", 0.4, 0.8, 2))),
        # other id and group, but the pixels of a
        (standard("new", pixels="a"), A, "group", (("first", 0.6, 0.6, 1), ("second", 0.4, 0.8, 2))),
        # a near duplicate of d: b remains of the second
        (standard("new", group="d"), A, "group", (("first", 0.8, 1.0, 2), ("second", 0.0, 0.0, 1))),
        # of the patient of b and d: nothing remains of the second
        (standard("sibling"), A, "cluster", (("first", 0.8, 1.0, 2),)),
        (standard("sibling"), A, "group", (("first", 0.8, 1.0, 2), ("second", 0.4, 0.8, 2))),
        # opposite: -1 and -0.6; 0 and -0.8
        (standard("new"), (-1.0, 0.0), "group", (("first", -0.8, -0.6, 2), ("second", -0.4, 0.0, 2))),
    ],
    ids=["new", "longer", "itself", "same pixels", "near duplicate", "patient", "other patient", "opposite"],
)
def test_mean_and_maximum_by_hand(
    tmp_path: Path, image: StandardImage, vector: Any, exclude: Any, expected: Any
) -> None:
    images = [standard(name) for name in "abcd"]
    known = {"a": A, "b": B, "c": C, "d": D}
    vectors = [*known.values(), vector]
    clusters = {"a": "p1", "c": "p2", "b": "p3", "d": "p3", "sibling": "p3", "new": "p4"}
    if image.id == "a":
        images, vectors = images[1:], vectors[1:]
    embeddings = kept(tmp_path, [*images, image], vectors)
    (found,) = (
        one
        for one in similarities(embeddings, LIBRARY, [*images, image], clusters=clusters, exclude=exclude)
        if one.id == image.id
    )
    assert (found.encoder, found.diseases) == ("by-hand", figures(*expected))


def test_an_image_of_two_diseases_stands_for_both_and_is_left_out_of_both(tmp_path: Path) -> None:
    images = [standard(name) for name in "abc"]
    library = library_of({"first": ["a", "c"], "second": ["b", "c"], "third": []})
    embeddings = kept(tmp_path, images, [A, B, C])
    found = {one.id: one.diseases for one in similarities(embeddings, library, images)}
    assert found["c"] == figures(("first", 0.6, 0.6, 1), ("second", 0.8, 0.8, 1))
    assert found["a"] == figures(("first", 0.6, 0.6, 1), ("second", 0.3, 0.6, 2))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_it_equals_the_plain_loop(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    numbers = st.integers(0, 4)
    images = [
        standard(f"i{at}", group=f"g{data.draw(numbers)}", pixels=f"x{data.draw(st.integers(0, 9))}")
        for at in range(n)
    ]
    clusters = {one.id: f"p{data.draw(numbers)}" for one in images}
    some = st.lists(st.sampled_from(images), unique_by=lambda one: one.id)
    classes = {f"d{at}": data.draw(some) for at in range(3)}
    seed = data.draw(st.integers(0, 99))
    by_pixels = {
        one.pixel_hash: row
        for one, row in zip(images, np.random.default_rng(seed).normal(size=(n, 5)), strict=True)
    }
    vectors = {
        one.id: by_pixels[one.pixel_hash] / np.linalg.norm(by_pixels[one.pixel_hash]) for one in images
    }
    exclude: Any = data.draw(st.sampled_from(["group", "cluster"]))
    embeddings = kept(
        tmp_path_factory.mktemp("e"),
        images,
        [by_pixels[one.pixel_hash] for one in images],
        shard_size=data.draw(st.integers(1, 5)),
    )
    library = library_of({label: [one.id for one in found] for label, found in classes.items()})
    table = similarity_table(
        embeddings,
        library.diseases,
        images,
        clusters=clusters,
        exclude=exclude,
        block=data.draw(st.integers(1, 4)),
    )
    for row, image in enumerate(images):
        for column, members in enumerate(classes.values()):
            cosines = [
                float(vectors[image.id] @ vectors[one.id])
                for one in members
                if one.group != image.group
                and one.pixel_hash != image.pixel_hash
                and (exclude == "group" or clusters[one.id] != clusters[image.id])
            ]
            assert table.n[row, column] == len(cosines)
            if cosines:
                assert table.mean[row, column] == pytest.approx(sum(cosines) / len(cosines), abs=2e-6)
                assert table.maximum[row, column] == pytest.approx(max(cosines), abs=2e-6)
            else:
                assert np.isnan([table.mean[row, column], table.maximum[row, column]]).all()


def test_figures_do_not_depend_on_blocks_and_shards(tmp_path: Path) -> None:
    images = [standard(f"i{at:03}") for at in range(90)]
    vectors = np.random.default_rng(5).normal(size=(90, 64))
    library = library_of(
        {"first": [one.id for one in images[:20]], "second": [one.id for one in images[20:50]]}
    )
    results = [
        list(
            similarities(
                kept(tmp_path / str(size), images, vectors, shard_size=size), library, images, block=block
            )
        )
        for size, block in ((90, 1024), (7, 1), (16, 5))
    ]
    assert results[0] == results[1] == results[2]
    assert [one.id for one in results[0]] == [one.id for one in images]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("abd", "image 'c' of the library: expected it among the 3 images"),
        ("abcde", "image 'e': expected a vector of 'by-hand'"),
    ],
    ids=["library not there", "not embedded"],
)
def test_what_is_missing_is_named(tmp_path: Path, names: str, said: str) -> None:
    embeddings = kept(tmp_path, [standard(name) for name in "abcd"], [A, B, C, D])
    with pytest.raises(DataError, match=said):
        list(similarities(embeddings, LIBRARY, [standard(name) for name in names]))


# ---------------------------------------------------------------- library


def draw(images: Any, *, per_disease: int = 3, seed: int = 1, diseases: Any = ("X", "Y")) -> Library:
    """`images`: (id, diseases, patient, group); no disease means healthy."""
    pictures = [standard(name, group=group) for name, _, _, group in images]
    labels = {
        name: labelled(name, *found, patient=patient, healthy=not found) for name, found, patient, _ in images
    }
    spec = LibrarySpec(per_disease=per_disease)
    return draw_library(pictures, labels, spec, diseases=diseases, healthy="Healthy", seed=seed)


SLICES = [(f"s{at}", ("X",), "slices", f"s{at}") for at in range(10)]
ALONE = [(f"p{at}", ("X",), f"p{at}", f"p{at}") for at in range(2)]


def test_a_patient_with_many_slices_does_not_fill_the_library() -> None:
    for seed in range(20):
        images = draw([*SLICES, *ALONE], seed=seed).diseases[0].images
        assert Counter(name[0] for name in images) == {"p": 2, "s": 1}
    # With more to draw than patients, a second slice is taken, and a third.
    images = draw([*SLICES, *ALONE], per_disease=5).diseases[0].images
    assert Counter(name[0] for name in images) == {"p": 2, "s": 3}


def test_near_duplicates_stand_there_once_also_over_patients() -> None:
    images = [(f"i{at}", ("X",), f"p{at}", f"g{at // 2}") for at in range(6)]
    for seed in range(20):
        (found, _) = draw(images, per_disease=6, seed=seed).diseases
        assert sorted(int(name[1:]) // 2 for name in found.images) == [0, 1, 2]
        assert (found.n_available, found.n_groups, found.n_clusters) == (6, 3, 6)


def test_fewer_than_asked_are_said() -> None:
    library = draw([*ALONE, ("h", (), None, "h")])
    assert [(one.label, len(one.images)) for one in library.short] == [("X", 2), ("Y", 0)]
    assert library.healthy.images == ("h",)
    assert [one.label for one in library.classes()] == ["X", "Y", "Healthy"]


def test_an_image_of_two_diseases_may_stand_for_each() -> None:
    library = draw([("both", ("X", "Y"), None, "both"), ("x", ("X",), None, "x")])
    assert [one.images for one in library.diseases] == [("both", "x"), ("both",)]


def test_a_draw_depends_on_seed_and_label_alone() -> None:
    many = [(f"i{at:02}", ("X",), f"p{at}", f"i{at}") for at in range(40)]
    first = draw(many).diseases[0]
    assert draw(list(reversed(many))).diseases[0] == first
    more = [*many, *((f"y{at}", ("Y",), f"q{at}", f"y{at}") for at in range(5))]
    assert draw(more).diseases[0] == first
    assert draw(many, seed=2).diseases[0].images != first.images
    # Every image has its turn: over 60 seeds of 3 out of 40, 4.5 times each on average, P(never) = 0.925^60 < 0.01.
    drawn = Counter(name for seed in range(60) for name in draw(many, seed=seed).diseases[0].images)
    assert len(drawn) >= 36
    assert max(drawn.values()) <= 15


def test_a_library_is_kept_whole(tmp_path: Path) -> None:
    library = draw([*SLICES, *ALONE])
    write_library(tmp_path, library)
    assert Library.model_validate_json((tmp_path / "library.json").read_bytes()) == library


def test_an_image_without_its_labels_is_named() -> None:
    with pytest.raises(DataError, match="image 'lost': expected its labels"):
        draw_library([standard("lost")], {}, LibrarySpec(), diseases=("X",), healthy="Healthy", seed=0)


def test_findings_below_the_policy_are_no_label() -> None:
    image = labelled("i", "X", healthy=True)
    mild = image.model_copy(
        update={"findings": tuple(one.model_copy(update={"counts": False}) for one in image.findings)}
    )
    assert labels_of(image, "Healthy") == ("X",)
    assert labels_of(mild, "Healthy") == ("Healthy",)
    assert labels_of(mild.model_copy(update={"healthy": False}), "Healthy") == ()
