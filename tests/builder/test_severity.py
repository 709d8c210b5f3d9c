from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import pytest

from spinebench.builder.importers import Source, read_source
from spinebench.builder.records import Finding, Grading, LabelledImage
from spinebench.builder.severity import SeverityPolicy, SourcePolicy, judged, load_policy
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import UsageError
from tests.builder import trees


def found(disease: str | None, severity: str | None = None, level: str = "L4/L5", label: str = "") -> Finding:
    return Finding(
        label=label or disease or "Other", disease=disease, level=level, severity=severity, row="t.csv:2"
    )


def image(*findings: Finding, healthy: bool = False, study: tuple[Grading, ...] = ()) -> LabelledImage:
    return LabelledImage(
        id="s/a", source="s", path="a", findings=findings, healthy=healthy, study_gradings=study
    )


def policy(uncounted: Literal["healthy", "drop", "healthy_study"], *counts: str) -> SeverityPolicy:
    return SeverityPolicy(name="p", default=SourcePolicy(counts=counts or "all", uncounted=uncounted))


CLEAN = (Grading(label="Stenosis", severity="Mild"),)
ILL = (*CLEAN, Grading(label="Other", severity="Severe"))
GAP = (*CLEAN, Grading(label="Other"))


@pytest.mark.parametrize(
    ("given", "rule", "expected"),
    [
        (image(found("A", "Severe")), policy("drop", "severe"), ("A",)),
        (image(found("A", "Severe"), found("B", "Mild")), policy("healthy", "Severe"), ("A",)),
        (image(found("A")), policy("drop", "Severe"), ("A",)),
        (image(found("A", "Mild")), policy("drop", "Severe"), "severity_not_counted"),
        (image(found("A", "Mild")), policy("healthy", "Severe"), "Healthy"),
        (image(found("A", "Mild")), policy("drop"), ("A",)),
        (image(found("A", "Mild"), study=CLEAN), policy("healthy_study", "Severe"), "Healthy"),
        (image(found("A", "Mild"), study=ILL), policy("healthy_study", "Severe"), "study_not_healthy"),
        (image(found("A", "Mild"), study=GAP), policy("healthy_study", "Severe"), "study_not_graded"),
        (image(found("A", "Mild")), policy("healthy_study", "Severe"), "study_not_graded"),
        (image(found("A", "Mild"), found(None, "Severe")), policy("healthy", "Severe"), "no_label"),
        (image(found("A", "Mild"), found(None, "Mild")), policy("healthy", "Severe"), "Healthy"),
        (image(found("A", "Mild"), found("A", "Severe")), policy("healthy", "Severe"), "label_conflict"),
        (image(found("A", "Mild"), found("A", "Severe", "L5/S1")), policy("healthy", "Severe"), ("A",)),
        (image(healthy=True), policy("drop", "Severe"), "Healthy"),
        (image(found("A"), healthy=True), policy("healthy", "Severe"), "label_conflict"),
        (image(), policy("healthy"), "no_label"),
    ],
    ids=[
        "counts in any case", "one counts", "no severity counts", "drop", "healthy", "all", "clean study",
        "ill elsewhere", "gap elsewhere", "no gradings", "ill outside the vocabulary", "mild outside the vocabulary",
        "same place twice", "other place", "called healthy", "called healthy and ill", "nothing said",
    ],
)  # fmt: skip
def test_what_an_image_is(
    given: LabelledImage, rule: SeverityPolicy, expected: str | tuple[str, ...]
) -> None:
    kept, dropped = judged([given], rule)
    if kept:
        assert not dropped
        assert ("Healthy" if kept[0].healthy else kept[0].diseases) == expected
        assert not (kept[0].healthy and kept[0].diseases)
    else:
        assert [(one.subject, one.reason) for one in dropped] == [("s/a", expected)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Of four studies one is clean: its 8 instances. In each other one a single instance shows what counts.
        (
            "moderate-severe",
            {"Healthy": 8, "Spinal Canal Stenosis": 1, "Foraminal stenosis": 1, "Subarticular Stenosis": 1},
        ),
        # Every instance is a case: per study 1 of the canal, 2 of the foramina, 5 of the recesses.
        ("published", {"Spinal Canal Stenosis": 4, "Foraminal stenosis": 8, "Subarticular Stenosis": 20}),
    ],
)  # fmt: skip
def test_shipped_policies_on_rsna(name: str, expected: dict[str, int], tmp_path: Path) -> None:
    folder = trees.write_rsna(tmp_path, 4)
    imported = read_source(Source(kind="rsna", folder=str(folder), name="mine"), Vocabulary.default())
    kept, dropped = judged(imported.images, load_policy(name), {"mine": "rsna"})
    assert Counter("Healthy" if one.healthy else one.diseases[0] for one in kept) == expected
    assert len(kept) + len(dropped) == len(imported.images)
    if name == "moderate-severe":
        canal = next(one for one in kept if one.diseases == ("Spinal Canal Stenosis",))
        assert canal.levels() == ("L4/L5", "L5/S1")


def test_pfirrmann_grades_count_from_four(tmp_path: Path) -> None:
    folder = trees.write_spider(tmp_path, 2)
    words = Vocabulary(diseases=("Disc degeneration", "Disc space narrowing"))
    imported = read_source(Source(kind="spider", folder=str(folder)), words)
    kept, dropped = judged(imported.images, load_policy())
    assert not dropped
    assert [(one.id, one.healthy, one.levels("Disc degeneration")) for one in kept] == [
        ("spider/1_t1", True, ()),
        ("spider/1_t2", True, ()),
        ("spider/2_t1", False, ("L4/L5",)),
        ("spider/2_t2", False, ("L4/L5",)),
    ]


def test_own_policy_by_name_and_label(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nsources:\n  clinic:\n    counts: [2, 3]\n    labels: {Bulging: all}\n    uncounted: healthy\n"
    )
    rule = load_policy(file).of("clinic", "table")
    assert [rule.takes("Slip", grade) for grade in ("1", "2", None)] == [False, True, True]
    assert rule.takes("bulging", "1")
    assert load_policy(file).of("other").counts == "all"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: [", "expected YAML"),
        ("- a\n", "the file"),
        ("name: x\nsources: {rsna: {uncounted: maybe}}", "sources.rsna.uncounted"),
        ("name: x\nsevere: yes", "severe"),
        ("", "the file"),
    ],
)
def test_a_wrong_policy_file_names_the_field(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_policy(file)


def test_a_missing_policy_names_the_shipped_ones() -> None:
    with pytest.raises(UsageError, match="moderate-severe or published"):
        load_policy("strict")
