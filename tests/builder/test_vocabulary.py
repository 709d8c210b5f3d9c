from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spinebench.builder.vocabulary import Vocabulary
from spinebench.terms import DISEASES

DEFAULT = Vocabulary.default()
DISCS = Vocabulary(
    diseases=("Disc herniation", "Foraminal stenosis", "Retrolisthesis", "Spondylolisthesis"),
    synonyms={"Disc herniation": ("herniated disc", "HNP"), "Healthy": ("unremarkable",)},
)


@pytest.mark.parametrize(
    ("vocabulary", "text", "label"),
    [
        (DEFAULT, "Spondylolysthesis", "Spondylolisthesis"),
        (DEFAULT, "left  subarticular STENOSIS", "Subarticular Stenosis"),
        (DEFAULT, "No finding", "Healthy"),
        (DEFAULT, "S shaped cervical spine", "sigmoid cervical vertebrae"),
        (DEFAULT, "spinal_canal_stenosis", "Spinal Canal Stenosis"),
        (DEFAULT, "Other lesions", None),
        (DEFAULT, "", None),
        (DISCS, "hnp", "Disc herniation"),
        (DISCS, "Neural foraminal narrowing", "Foraminal stenosis"),
        (DISCS, "retrolisthesis", "Retrolisthesis"),
        (DISCS, "anterolisthesis", "Spondylolisthesis"),
        (DISCS, "unremarkable", "Healthy"),
        (DISCS, "normal", "Healthy"),
        (DISCS, "Osteophytes", None),
        (Vocabulary(diseases=("Retrolisthesis",)), "Spondylolisthesis", None),
        (Vocabulary(diseases=("Scoliosis",), healthy="Normal"), "No finding", "Normal"),
    ],
)
def test_canonical(vocabulary: Vocabulary, text: str, label: str | None) -> None:
    assert vocabulary.canonical(text) == label


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Foraminal stenosis", "neural foraminal narrowing", True),
        ("Healthy", "normal", True),
        ("Scoliosis", "scoliosis ", True),
        ("Retrolisthesis", "Spondylolisthesis", False),
        ("Scoliosis", "Kyphosis", False),
    ],
)
def test_same(one: str, other: str, same: bool) -> None:
    assert DISCS.same(one, other) is same
    assert DISCS.same(other, one) is same


def test_first_and_names() -> None:
    assert DISCS.first("Modic", "Herniated disc", "Retrolisthesis") == "Disc herniation"
    assert DISCS.first("Modic") is None
    assert DISCS.names("Disc herniation") == ("disc herniation", "herniated disc", "hnp")
    assert "retrolisthesis" not in DISCS.names("Spondylolisthesis")
    assert DISCS.names("Scoliosis") == ("scoliosis",)


@given(st.sampled_from((*DISEASES, "Healthy")), st.sampled_from(("upper", "lower", "title")))
def test_every_name_of_a_label_leads_back_to_it(label: str, case: str) -> None:
    for name in DEFAULT.names(label):
        assert DEFAULT.canonical(getattr(name, case)()) == label


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"diseases": ()}, "at least 1"),
        ({"diseases": ("A", "a ")}, "'a '"),
        ({"diseases": ("A", "A")}, "each label once"),
        ({"diseases": ("A", "Healthy")}, "each label once"),
        ({"diseases": ("A", "B"), "synonyms": {"A": ("b",)}}, "'B'.*'A' and 'B'"),
        ({"diseases": ("A", "B"), "synonyms": {"A": ("x",), "B": ("X",)}}, "'X'"),
        ({"diseases": ("A",), "synonyms": {"B": ("x",)}}, r"synonyms of \['B'\]"),
        ({"diseases": ("A", " . ")}, "expected letters"),
    ],
)
def test_names_that_are_not_distinct(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Vocabulary.model_validate(fields)
