"""Rubrics with sections: the report rubric, what is told of wrong ones, and hashes that stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from spinebench.evaluators.published.tables import level_aware_tables
from spinebench.records import Task
from spinebench.rubrics import Dimension, Rubric, load_rubric
from spinebench.rubrics.load import find_problems

PLAIN = """\
id: own
version: "1"
title: Own rubric
language: en
source: our department
dimensions:
  - id: one
    name: One
    focus: What is looked at.
    scale: [1, 2]
    anchors: {1: bad, 2: good}
"""
SECTIONS = "sections:\n  - {id: first, name: First}\n  - {id: second, name: Second, weight: 2}\n"
TWO = """\
  - id: two
    name: Two
    focus: What else is looked at.
    section: second
    scale: [1, 2]
    anchors: {1: bad, 2: good}
"""
GOOD = SECTIONS + PLAIN.replace("    scale", "    section: first\n    scale") + TWO


def written(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "hash_"),
    [
        ("reasoning", "6fdc4a12f8e763b9f6ab966d0f5d1f1a00ccaac122d79adea43edcb6c46bdbc0"),
        ("failure_modes", "021ff8229e716579e8b2d996029f4bed4fb1fe20135afa7333c869fb298adc79"),
    ],
)
def test_rubrics_in_use_keep_their_hash_and_content(name: str, hash_: str) -> None:
    rubric = load_rubric(name)
    assert rubric.hash == hash_  # as audits stored it before there were sections
    content = rubric.model_dump(mode="json")
    assert "sections" not in content
    assert all("section" not in one for one in content["dimensions"])
    assert Rubric.model_validate(content) == rubric


def test_the_report_rubric_has_the_sections_of_the_published_tables() -> None:
    rubric = load_rubric("spinemed_report")
    found = {
        section.id.upper(): tuple(one.id.upper() for one in rubric.dimensions_of(section.id))
        for section in rubric.sections
    }
    assert found == level_aware_tables().sections
    assert {section.weight for section in rubric.sections} == {1.0}
    for dimension in rubric.dimensions:
        assert dimension.scale == (1, 2, 3, 4, 5)
        assert set(dimension.anchors) == {1, 2, 3, 4, 5}
        assert dimension.weight == 1.0
        assert [task for task in Task if dimension.applies_to(task)] == [Task.REPORT]
    texts = [text for dimension in rubric.dimensions for text in dimension.anchors.values()]
    assert len(set(texts)) == 50
    assert Rubric.model_validate(rubric.model_dump(mode="json")).hash == rubric.hash


def test_sections_and_their_weights(tmp_path: Path) -> None:
    rubric = load_rubric(str(written(tmp_path, GOOD)))
    assert [(one.id, one.weight) for one in rubric.sections] == [("first", 1.0), ("second", 2.0)]
    assert [one.id for one in rubric.dimensions_of("second")] == ["two"]
    assert rubric.dimensions_of("third") == ()
    heavier = load_rubric(str(written(tmp_path, GOOD.replace("weight: 2", "weight: 3"))))
    assert heavier.hash != rubric.hash


WRONG: dict[str, tuple[str, int, str, str]] = {
    "unknown section": (GOOD.replace("section: second", "section: secnd"), 19, "dimensions[two].section",
                        "did you mean 'second'?"),
    "a section without dimension": (GOOD.replace("section: second", "section: first"), 3, "sections[second].id",
                                    "expected a dimension with this section"),
    "a dimension without section": (GOOD.replace("    section: second\n", ""), 16, "dimensions[two]",
                                    "add 'section: first'"),
    "no sections at all": (GOOD.removeprefix(SECTIONS), 10, "dimensions[one].section", "there are no 'sections'"),
    "a section twice": (GOOD.replace("id: second, name", "id: first, name"), 3, "sections[first].id", "each id once"),
    "section weight 0": (GOOD.replace("weight: 2", "weight: 0"), 3, "sections[second].weight", "greater than 0"),
    "unknown key": (GOOD.replace("weight: 2", "wieght: 2"), 3, "sections[second].wieght", "did you mean 'weight'?"),
    "a number": (GOOD.replace("section: second", "section: 2"), 19, "dimensions[two].section", "found a number"),
    "no list": (GOOD.replace(SECTIONS, "sections: first\n"), 1, "sections", "expected a list"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "path", "holds"), WRONG.values(), ids=WRONG)
def test_exactly_what_is_wrong(tmp_path: Path, text: str, line: int, path: str, holds: str) -> None:
    problems = find_problems(written(tmp_path, text))
    hits = [one for one in problems if one.path == path and holds in one.message]
    assert [one.line for one in hits] == [line], [str(one) for one in problems]


@pytest.mark.parametrize(
    ("sections", "section", "holds"),
    [
        ([], "a", "expected 'sections' with it"),
        ([{"id": "a", "name": "A"}], "b", "expected one of a"),
        ([{"id": "a", "name": "A"}], None, "expected one of a"),
        ([{"id": "a", "name": "A"}, {"id": "b", "name": "B"}], "a", "section 'b': expected a dimension"),
    ],
)
def test_the_records_themselves_refuse_it(
    sections: list[dict[str, str]], section: str | None, holds: str
) -> None:
    dimension = Dimension(
        id="d", name="D", focus="f", scale=(1, 2), anchors={1: "a", 2: "b"}, section=section
    )
    with pytest.raises(ValidationError, match=holds):
        Rubric.model_validate(
            {"id": "r", "version": "1", "title": "t", "language": "en", "source": "s",
             "sections": sections, "dimensions": [dimension.model_dump()]}
        )  # fmt: skip
