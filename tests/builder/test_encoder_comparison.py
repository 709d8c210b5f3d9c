"""Encoders side by side: cells and measures by hand, properties of the measures, the stage and its command."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from spinebench.builder.embed_stage import EMBED_FILES, EmbedSection, embed_inputs, embed_stage
from spinebench.builder.encoder_comparison import (
    Comparison,
    compare_encoders,
    load_comparison,
    write_comparison,
)
from spinebench.builder.encoder_measures import Pairs, average_precisions, separation
from spinebench.builder.encoders import EncoderSpec
from spinebench.builder.record_files import read_records
from spinebench.builder.records import LabelledImage, Similarities, StandardImage
from spinebench.builder.vocabulary import Vocabulary
from spinebench.cli.build_encoders import app
from spinebench.errors import DataError, UsageError
from tests.builder.embedding_samples import kept, labelled, library_of, standard, write_pictures

# Cosines: a.b = 0, a.c = b.d = 0.6, a.d = b.c = 0.8, c.d = 0.96. a and c show one disease, b and d the other.
VECTORS = {"a": (1.0, 0.0), "b": (0.0, 1.0), "c": (0.6, 0.8), "d": (0.8, 0.6)}
LIBRARY = library_of({"X": ["a", "c"], "Y": ["b", "d"]})


def four(**patients: str) -> dict[str, LabelledImage]:
    return {
        name: labelled(name, "X" if name in "ac" else "Y", patient=patients.get(name, name))
        for name in VECTORS
    }


def compared(
    folder: Path, labels: dict[str, LabelledImage], vectors: Any = VECTORS, **more: Any
) -> Comparison:
    images = [standard(name) for name in VECTORS]
    first = kept(folder / "first", images, [vectors[name] for name in VECTORS])
    return compare_encoders([first], LIBRARY, images, labels, seed=3, resamples=40, **more)


def test_cells_by_hand(tmp_path: Path) -> None:
    (encoder,) = compared(tmp_path, four()).encoders
    found = {(one.row, one.column): (one.mean, one.maximum, one.n) for one in encoder.cells}
    # a to X: c, 0.6; c to X: a, 0.6. a to Y: b 0, d 0.8, mean 0.4; c to Y: b 0.8, d 0.96, mean 0.88. Y alike.
    assert found == {
        ("X", "X"): (0.6, 0.6, 2),
        ("X", "Y"): (0.64, 0.88, 2),
        ("Y", "X"): (0.64, 0.88, 2),
        ("Y", "Y"): (0.6, 0.6, 2),
    }


def test_measures_by_hand(tmp_path: Path) -> None:
    (encoder,) = compared(tmp_path, four()).encoders
    for measures in encoder.measures:  # there is one source: both scopes are the same
        # Same disease: 0.6, 0.6. Different: 0, 0.8, 0.8, 0.96. Each 0.6 is above one of the four: 2 / 8.
        assert measures.auc.value == 0.25
        # Means 0.6 and 0.64; squares about them 0 and 0.4096 + 2 * 0.0256 + 0.1024 = 0.5632, over 6 - 2.
        assert measures.difference.value == pytest.approx(-0.04 / (0.5632 / 4) ** 0.5, abs=1e-6)
        # a: d no, c yes, b no: 1/2. c: d no, b no, a yes: 1/3. b as a, d as c.
        assert measures.retrieval.value == pytest.approx(5 / 12, abs=1e-6)
        assert measures.chance == pytest.approx(1 / 3, abs=1e-6)
        assert [(one.name, one.value) for one in measures.by_label] == [("X", 0.416667), ("Y", 0.416667)]
        assert (measures.retrieval.n, measures.retrieval.n_clusters, measures.auc.n) == (4, 4, 6)
        assert measures.auc.interval is not None
        assert measures.auc.interval.low <= 0.25 <= measures.auc.interval.high
        assert measures.auc.warnings == ("4 clusters, fewer than 30: the interval is rough",)


def test_images_of_one_patient_are_never_compared(tmp_path: Path) -> None:
    (encoder,) = compared(tmp_path, four(a="p", c="p")).encoders
    measures = encoder.measures[0]
    # Of the same disease b.d = 0.6 remains; the four others as they were: 1 / 4. b and d can be found, a and c not.
    assert (measures.auc.value, measures.auc.n, measures.auc.n_clusters) == (0.25, 5, 3)
    assert measures.retrieval.value == pytest.approx((1 / 2 + 1 / 3) / 2, abs=1e-6)
    assert measures.by_label[0].value is None
    assert measures.by_label[0].reason == "no query has an image of its disease in another cluster"


def test_an_encoder_that_knows_the_source_alone_stands_out_only_over_all_images(tmp_path: Path) -> None:
    places = {"x1": "X", "x2": "X", "s1": "S", "s2": "S", "y1": "Y", "y2": "Y", "t1": "T", "t2": "T"}
    labels = {
        name: labelled(name, disease, source="mri" if name[0] in "xs" else "film")
        for name, disease in places.items()
    }
    library = library_of({one: [name for name in places if places[name] == one] for one in "XSYT"})
    images = [standard(name) for name in places]
    vectors = [(1.0, 0.0) if name[0] in "xs" else (0.0, 1.0) for name in places]
    by_source = kept(tmp_path, images, vectors)
    (encoder,) = compare_encoders([by_source], library, images, labels, seed=1, resamples=40).encoders
    everywhere, within = encoder.measures
    # Four pairs of one disease, all of cosine 1. Of the 24 others the 8 within a source have 1, the 16 across 0.
    assert everywhere.auc.value == pytest.approx((4 * 16 + 4 * 8 / 2) / (4 * 24), abs=1e-6)
    assert within.auc.value == 0.5
    assert (within.difference.value, within.difference.reason) == (None, "cosines do not vary")
    # Within a source one of three others is of the disease; over all, one of the three that are alike.
    assert within.retrieval.value == within.chance == pytest.approx(1 / 3, abs=1e-6)
    assert (everywhere.retrieval.value, everywhere.chance) == pytest.approx((1 / 3, 1 / 7), abs=1e-6)


def test_the_leading_encoder_is_compared_on_the_same_queries(tmp_path: Path) -> None:
    images = [standard(name) for name in VECTORS]
    poor = kept(tmp_path / "poor", images, list(VECTORS.values()), name="poor")
    apart = {"a": (1, 0), "c": (1, 0.1), "b": (0, 1), "d": (0.1, 1)}
    good = kept(tmp_path / "good", images, [apart[name] for name in VECTORS], name="good")
    found = compare_encoders([poor, good], LIBRARY, images, four(), seed=3, resamples=40)
    assert [(one.scope, one.first, one.other) for one in found.leads] == [
        ("all", "good", "poor"),
        ("within source", "good", "poor"),
    ]
    # Good finds the other image of the disease first, always: 1 - 5/12.
    assert found.leads[0].difference.value == pytest.approx(7 / 12, abs=1e-6)
    assert found.encoders[1].measures[0].auc.value == 1


def test_healthy_is_a_class_of_the_comparison(tmp_path: Path) -> None:
    images = [standard(name) for name in VECTORS]
    labels = {
        name: labelled(name, *(("X",) if name in "ac" else ()), healthy=name in "bd") for name in VECTORS
    }
    library = library_of({"X": ["a", "c"], "Y": []}, healthy=["b", "d"])
    embeddings = kept(tmp_path, images, list(VECTORS.values()))
    (encoder,) = compare_encoders([embeddings], library, images, labels, seed=3, resamples=40).encoders
    cells = {(one.row, one.column): (one.mean, one.n) for one in encoder.cells}
    assert cells[("X", "Healthy")] == (0.64, 2)
    assert cells[("X", "Y")] == cells[("Y", "X")] == (None, 0)
    assert encoder.measures[0].auc.value == 0.25


# ---------------------------------------------------------------- properties


def drawn_pairs(data: st.DataObject) -> Pairs:
    n = data.draw(st.integers(2, 9))
    codes = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    labels, clusters = np.array(data.draw(codes)), np.array(data.draw(codes))
    heights = data.draw(st.lists(st.integers(-4, 4), min_size=n * n, max_size=n * n))
    cosine = np.triu(np.array(heights).reshape(n, n) / 4, 1)
    return Pairs(
        cosine=cosine + cosine.T,
        same=labels[:, None] == labels[None, :],
        counted=clusters[:, None] != clusters[None, :],
        clusters=clusters,
    )


@given(data=st.data())
def test_separation_equals_its_definition(data: st.DataObject) -> None:
    pairs = drawn_pairs(data)
    n = len(pairs.cosine)
    held = [(i, j) for i in range(n) for j in range(i) if pairs.counted[i, j]]
    same = [pairs.cosine[i, j] for i, j in held if pairs.same[i, j]]
    different = [pairs.cosine[i, j] for i, j in held if not pairs.same[i, j]]
    difference, auc = separation(pairs, seed=0, resamples=20)
    if not same or not different:
        assert (difference.value, auc.value) == (None, None)
        return
    wins = [1.0 if one > other else 0.5 if one == other else 0.0 for one in same for other in different]
    assert auc.value == pytest.approx(sum(wins) / len(wins))
    squares = np.var(same) * len(same) + np.var(different) * len(different)
    if len(held) > 2 and squares > 1e-12:
        spread = (squares / (len(held) - 2)) ** 0.5
        assert difference.value == pytest.approx((np.mean(same) - np.mean(different)) / spread)
    else:
        assert difference.value is None


@given(data=st.data())
def test_average_precision_equals_its_definition(data: st.DataObject) -> None:
    pairs = drawn_pairs(data)
    found, share = average_precisions(pairs)
    for query in range(len(pairs.cosine)):
        others = [at for at in range(len(pairs.cosine)) if pairs.counted[query, at]]
        relevant = [at for at in others if pairs.same[query, at]]
        if not relevant:
            assert np.isnan(found[query])
            continue
        # The precision at the rank of each relevant image, where all of its cosine are already in.
        precisions = []
        for one in relevant:
            in_front = [at for at in others if pairs.cosine[query, at] >= pairs.cosine[query, one]]
            precisions.append(sum(pairs.same[query, at] for at in in_front) / len(in_front))
        assert found[query] == pytest.approx(np.mean(precisions))
        assert share[query] == pytest.approx(len(relevant) / len(others))


def test_intervals_hold_what_many_clusters_say() -> None:
    """Vectors of two diseases that overlap: the interval of 60 clusters holds the AUC of 600 others."""

    def pairs(n: int, seed: int) -> Pairs:
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 2
        vectors = rng.normal(size=(n, 8)) + labels[:, None] * 0.9
        vectors -= vectors.mean(axis=0)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        apart = ~np.eye(n, dtype=np.bool_)
        return Pairs(vectors @ vectors.T, labels[:, None] == labels[None, :], apart, np.arange(n))

    _, truth = separation(pairs(600, 0), seed=0, resamples=2)
    _, few = separation(pairs(60, 1), seed=0, resamples=200)
    assert truth.value is not None
    assert few.interval is not None
    assert few.interval.low < truth.value < few.interval.high
    assert few.interval.high - few.interval.low < 0.2


# ---------------------------------------------------------------- stage and command


SAMPLES = "tests.builder.embedding_samples"
VOCABULARY = Vocabulary(diseases=("X", "Y", "Z"))


def section(**changed: Any) -> EmbedSection:
    tones = EncoderSpec(model="tones", factory=f"{SAMPLES}:Tones")
    other = EncoderSpec(model="others/tones2", factory=f"{SAMPLES}:Tones", simulated=True)
    return EmbedSection(**{"encoder": tones, "compare": (other,), "resamples": 20, **changed})


@pytest.fixture
def pictures(tmp_path: Path) -> list[StandardImage]:
    return write_pictures(tmp_path / "standardize", 12)


def staged(build: Path, pictures: list[StandardImage], some: EmbedSection, order: int = 1) -> dict[str, int]:
    labels = {
        one.id: labelled(one.id, *(("X",), ("Y",), ("X", "Y"), ())[at % 4], healthy=at % 4 == 3)
        for at, one in enumerate(pictures)
    }
    folder = build / "embed"
    folder.mkdir(parents=True, exist_ok=True)
    root = build.parent / "standardize"
    return embed_stage(folder, pictures[::order], labels, root, some, vocabulary=VOCABULARY, seed=5)


def test_the_stage_gives_the_same_bytes_in_any_order(tmp_path: Path, pictures: list[StandardImage]) -> None:
    counts = staged(tmp_path / "one", pictures, section())
    staged(tmp_path / "two", pictures, section(), order=-1)
    one, two = (tmp_path / name / "embed" for name in ("one", "two"))
    files = sorted(file.relative_to(one) for file in one.rglob("*") if file.is_file())
    assert {str(name) for name in files} >= {*EMBED_FILES, "similarities-tones2.jsonl"}
    assert files == sorted(file.relative_to(two) for file in two.rglob("*") if file.is_file())
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
        assert str(tmp_path).encode() not in (one / name).read_bytes()
    assert counts == {
        "images": 12,
        "pictures": 12,
        "encoders": 2,
        "library images": 12,  # X and Y are each of 6 images
        "diseases with fewer than asked": 3,
        "diseases without an image": 1,
    }
    found = {one.id: one for one in read_records(one / "similarities.jsonl", Similarities)}
    assert len(found) == 12
    # p00 is of X alone: five others of X, all six of Y; of Z there is none.
    assert [(one.disease, one.n) for one in found["p00"].diseases] == [("X", 5), ("Y", 6)]


def test_an_encoder_no_longer_named_leaves_no_similarities(
    tmp_path: Path, pictures: list[StandardImage]
) -> None:
    staged(tmp_path / "one", pictures, section())
    staged(tmp_path / "one", pictures, section(compare=()))
    assert not list((tmp_path / "one" / "embed").glob("similarities-*"))


def test_what_decides_the_stage_has_no_path_in_it(tmp_path: Path) -> None:
    found = json.dumps(embed_inputs(section()))
    assert "others/" not in found
    assert len({json.dumps(embed_inputs(one)) for one in (section(), section(exclude="cluster"))}) == 2
    other = section(encoder=section().encoder.model_copy(update={"model": "tones3", "name": "tones"}))
    assert json.dumps(embed_inputs(other)) != found


@pytest.mark.parametrize(
    "changed",
    [
        {"compare": (EncoderSpec(model="elsewhere/Tones"),)},
        {"library": {"per_disease": 0}},
        {"exclude": "study"},
        {"encoder": {"model": "m", "factory": "no attribute"}},
        {"encoder": {"model": "m", "name": "../out"}},
    ],
    ids=["same name", "no library", "unknown exclusion", "factory", "name"],
)
def test_a_wrong_section_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        section(**changed)


def test_the_command_shows_tables_measures_and_that_weights_are_random(
    tmp_path: Path, pictures: list[StandardImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    build = tmp_path / "build"
    staged(build, pictures, section())
    said = CliRunner().invoke(app, [str(build), "--csv", str(tmp_path / "table.csv")])
    assert said.exit_code == 0, said.output
    for text in (
        "tones: mean cosine",
        "tones2 (simulated): mean cosine",
        "retrieval mAP",
        "within source",
        "The weights of tones2 are random",
    ):
        assert text in said.output
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    cells = [cell for one in load_comparison(build / "embed").encoders for cell in one.cells]
    assert len(lines) == len(cells) == 2 * 4 * 4
    assert [(one["images_of"], one["library_of"]) for one in lines[:2]] == [("X", "X"), ("X", "Y")]
    assert float(lines[0]["mean"]) == cells[0].mean
    assert {(one["encoder"], one["simulated"]) for one in lines} == {("tones", "false"), ("tones2", "true")}


def test_the_command_shows_one_image(tmp_path: Path, pictures: list[StandardImage]) -> None:
    build = tmp_path / "build"
    staged(build, pictures, section())
    said = CliRunner().invoke(app, [str(build), "--image", "p00", "--json"])
    records = [json.loads(line) for line in said.stdout.splitlines()]
    assert [(one["id"], one["encoder"], one["simulated"]) for one in records] == [
        ("p00", "tones", False),
        ("p00", "tones2", True),
    ]
    assert all("tones2 are random" in one["note"] for one in records)
    shown = CliRunner().invoke(app, [str(build), "--image", "p00", "--statistic", "maximum"])
    assert f"{records[0]['diseases'][0]['maximum']:.3f}" in shown.output
    assert "tones2 (simulated)" in shown.output
    whole = json.loads(CliRunner().invoke(app, [str(build), "--json"]).stdout)
    assert whole.pop("type") == "encoders"
    assert Comparison.model_validate(whole) == load_comparison(build / "embed")


def test_the_command_names_what_is_not_there(tmp_path: Path, pictures: list[StandardImage]) -> None:
    build = tmp_path / "build"
    missing = CliRunner().invoke(app, [str(build)])
    assert isinstance(missing.exception, DataError)
    assert "the stage embed makes it" in str(missing.exception)
    staged(build, pictures, section())
    unknown = CliRunner().invoke(app, [str(build), "--image", "nobody"])
    assert isinstance(unknown.exception, UsageError)
    nowhere = CliRunner().invoke(app, [str(build), "--csv", str(tmp_path / "no" / "table.csv")])
    assert isinstance(nowhere.exception, UsageError)


def test_a_comparison_is_kept_with_its_table(tmp_path: Path) -> None:
    comparison = compared(tmp_path, four())
    write_comparison(tmp_path, comparison)
    assert load_comparison(tmp_path) == comparison
    assert (tmp_path / "comparison.csv").read_text().splitlines()[:2] == [
        "encoder,simulated,images_of,library_of,mean,maximum,n_images",
        "by-hand,false,X,X,0.600000,0.600000,2",
    ]
