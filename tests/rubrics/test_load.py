"""Rubrics by name and from files, and what is told of a file that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spinebench.errors import UsageError
from spinebench.records import Task
from spinebench.rubrics import SHIPPED, check_rubric, load_rubric, load_rubrics, rubrics_hash
from spinebench.rubrics.load import find_problems
from spinebench.rubrics.rubric_schema import SCHEMA_FILE, rubric_schema

GOOD = """\
id: own
version: "1"
title: Own rubric
language: no
source: our department
dimensions:
  - id: one
    name: One
    focus: What is looked at.
    scale: [1, 3, 5]
    anchors: {1: bad, 5: good}
"""

MODES = {
    "missed_finding", "invented_finding", "misread_view_or_modality", "wrong_level", "wrong_side", "wrong_structure",
    "knowledge_error", "logic_gap", "contradiction", "unsupported_certainty", "elimination_without_evidence",
    "broken_persona", "refusal",
}  # fmt: skip


def written(folder: Path, text: str | bytes, name: str = "own.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_shipped_rubrics_are_complete() -> None:
    reasoning, failures = load_rubrics()
    assert [one.id for one in reasoning.dimensions] == [
        "clinical_rationality", "visual_features", "spatial_reasoning",
    ]  # fmt: skip
    for dimension in reasoning.dimensions:
        assert dimension.scale == (1, 2, 3, 4, 5)
        assert set(dimension.anchors) == {1, 3, 5}
        assert dimension.applies_to(Task.DIAGNOSIS)
        assert dimension.applies_to(Task.LOCALIZATION)
    assert {mode.id for mode in failures.failure_modes} == MODES
    texts = [
        t for mode in failures.failure_modes for t in (mode.definition, mode.example, mode.counter_example)
    ]
    assert len(set(texts)) == 3 * len(MODES)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_files_have_nothing_wrong(name: str) -> None:
    path = SCHEMA_FILE.with_name(f"{name}.yaml")
    assert check_rubric(path) == []
    assert load_rubric(str(path)) == load_rubric(name)
    jsonschema.Draft202012Validator(rubric_schema()).validate(_as_json(path.read_text("utf-8")))


def _as_json(text: str) -> Any:
    """As editors see a YAML file: every key is text."""
    return json.loads(json.dumps(yaml.safe_load(text)))


def test_the_shipped_schema_is_current() -> None:
    jsonschema.Draft202012Validator.check_schema(rubric_schema())
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == rubric_schema(), (
        "write it again: python -m spinebench.rubrics.rubric_schema"
    )


def test_a_rubric_of_ones_own(tmp_path: Path) -> None:
    rubric = load_rubric(str(written(tmp_path, GOOD)))
    assert rubric.language == "no"  # YAML 1.1 would read: false
    assert rubric.dimensions[0].scale == (1, 3, 5)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        "# a comment\n$schema: rubric.schema.json\n" + GOOD,
        GOOD.replace("{1: bad, 5: good}", "\n      5: good\n      1: bad"),
        json.dumps({**yaml.safe_load(GOOD.replace("no", "'no'", 1)), "language": "no"}).replace(
            '"1":', '"1":'
        ),
    ],
    ids=["byte-order-mark", "crlf", "comment-and-schema", "other-order", "json"],
)
def test_layout_does_not_change_the_hash(tmp_path: Path, text: str) -> None:
    if text.startswith("{"):
        text = text.replace('{"1": "bad", "5": "good"}', '{1: "bad", 5: "good"}')
    assert (
        load_rubric(str(written(tmp_path, text))).hash
        == load_rubric(str(written(tmp_path, GOOD, "other.yaml"))).hash
    )


def test_a_changed_word_changes_the_hash(tmp_path: Path) -> None:
    changed = load_rubric(str(written(tmp_path, GOOD.replace("bad", "poor"))))
    plain = load_rubric(str(written(tmp_path, GOOD)))
    assert changed.hash != plain.hash
    assert rubrics_hash((changed, plain)) != rubrics_hash((plain, changed))


def test_an_alias_may_share_a_scale(tmp_path: Path) -> None:
    text = GOOD.replace("scale: [1, 3, 5]", "scale: &levels [1, 3, 5]") + (
        "  - id: two\n    name: Two\n    focus: f\n    scale: *levels\n    anchors: {1: a, 5: b}\n"
    )
    assert load_rubric(str(written(tmp_path, text))).dimensions[1].scale == (1, 3, 5)


WRONG: dict[str, tuple[str, str, int | None, str, list[str]]] = {
    # what is replaced, by what, line, path, what the message holds
    "unknown key": ("title: Own rubric", "titel: x", 3, "titel", ["expected a known key", "'title'"]),
    "unknown key in a dimension": ("focus: What", "fokus: What", 9, "dimensions[one].fokus", ["'focus'"]),
    "missing key": ("title: Own rubric\n", "", 1, "title", ["add 'title: ...'"]),
    "missing in a dimension": ("    name: One\n", "", 7, "dimensions[one].name", ["expected a value"]),
    "number for text": ('"1"', "1.0", 2, "version", ["1.0", "found a number", "quotes"]),
    "text for a number": ("[1, 3, 5]", "['1', 3, 5]", 10, "dimensions[one].scale[0]", ['"1"', "without quotes"]),
    "decimals": ("[1, 3, 5]", "[1, 3.5, 5]", 10, "dimensions[one].scale[1]", ["3.5", "whole number"]),
    "true for a number": ("[1, 3, 5]", "[true, 3, 5]", 10, "dimensions[one].scale[0]", ["true or false"]),
    "no list": ("[1, 3, 5]", "5", 10, "dimensions[one].scale", ["expected a list", "found a number"]),
    "order": ("[1, 3, 5]", "[5, 3, 1]", 10, "dimensions[one].scale", ["ascending", "[1, 3, 5]"]),
    "value twice": ("[1, 3, 5]", "[1, 1, 5]", 10, "dimensions[one].scale", ["different values"]),
    "one value": ("[1, 3, 5]", "[1]", 10, "dimensions[one].scale", ["two values or more"]),
    "huge number": ("[1, 3, 5]", "[1, 3, " + "9" * 40 + "]", 10, "dimensions[one].scale[2]", ["whole number"]),
    "anchor off the scale": ("{1: bad, 5", "{1: bad, 4: x, 5", 11, "dimensions[one].anchors.4", ["[1, 3, 5]"]),
    "end without anchor": ("{1: bad, 5: good}", "{1: bad}", 11, "dimensions[one].anchors", ["text for 5"]),
    "empty anchor": ("5: good", "5: ''", 11, "dimensions[one].anchors.5", ["white space"]),
    "anchor as text": ("{1: bad", "{'1': bad", 11, "dimensions[one].anchors.1", ["without quotes"]),
    "anchor that is a word": ("{1: bad", "{low: bad, 1: b", 11, "dimensions[one].anchors.low", ["whole number"]),
    "anchors as a list": ("{1: bad, 5: good}", "[bad, good]", 11, "dimensions[one].anchors", ["found a list"]),
    "blank text": ("What is looked at.", "'  '", 9, "dimensions[one].focus", ["white space"]),
    "no text": ("What is looked at.", "''", 9, "dimensions[one].focus", ["found none"]),
    "nothing": (" What is looked at.", "", 9, "dimensions[one].focus", ["found nothing"]),
    "id": ("id: one", "id: One!", 7, "dimensions[0].id", ['"One!"', "small letters"]),
    "language": ("language: no", "language: English", 4, "language", ["'en'"]),
    "key twice": ("source:", "title: again\nsource:", 5, "title", ["second time", "line 3"]),
    "a date": ("title: Own rubric", "title: !!timestamp 2025-01-01", 3, "title", ["tag 'timestamp'"]),
    "code": ("title: Own rubric", "title: !!python/name:os.system x", 3, "title", ["expected text or a number"]),
    "a list as key": ("source:", "? [a]\n: b\nsource:", 5, "", ["expected a name as key"]),
    "not YAML": ("[1, 3, 5]", "[1, 3, 5", 11, "", ["expected YAML", "column"]),
    "a task": ("    anchors", "    tasks: [localisation]\n    anchors", 11, "dimensions[one].tasks[0]",
               ["did you mean 'localization'"]),
    "weight 0": ("    anchors", "    weight: 0\n    anchors", 11, "dimensions[one].weight", ["greater than 0"]),
    "weight text": ("    anchors", "    weight: '2'\n    anchors", 11, "dimensions[one].weight", ["without quotes"]),
    "weight nan": ("    anchors", "    weight: .nan\n    anchors", 11, "dimensions[one].weight", ["number"]),
    "weight infinite": ("    anchors", "    weight: .inf\n    anchors", 11, "dimensions[one].weight", ["finite"]),
    "id twice": ("", "  - {id: one, name: n, focus: f, scale: [1, 2], anchors: {1: a, 2: b}}\n", 12,
                 "dimensions[one].id", ["each id once", "dimensions[0]"]),
    "entry that is none": ("", "  - just text\n", 12, "dimensions[1]", ["keys and values", "found text"]),
    "no dimensions": (GOOD[GOOD.index("dimensions") :], "dimensions: []\n", 1, "", ["'failure_modes' or both"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "path", "holds"), WRONG.values(), ids=WRONG)
def test_exactly_what_is_wrong(
    tmp_path: Path, old: str, new: str, line: int | None, path: str, holds: list[str]
) -> None:
    text = GOOD.replace(old, new, 1) if old else GOOD + new
    file = written(tmp_path, text)
    problems = find_problems(file)
    hits = [one for one in problems if one.path == path and all(part in str(one) for part in holds)]
    assert hits, [str(one) for one in problems]
    assert hits[0].line == line
    assert str(hits[0]).startswith(f"own.yaml, line {line}: ")
    with pytest.raises(UsageError, match=r"own\.yaml"):
        load_rubric(str(file))


@pytest.mark.parametrize("name", ["comment", "safety", "packet_id", "score", "mode_wrong_level"])
def test_a_dimension_is_not_called_as_a_column_of_ratings(tmp_path: Path, name: str) -> None:
    (problem,) = find_problems(written(tmp_path, GOOD.replace("id: one", f"id: {name}")))
    assert (problem.line, problem.path) == (7, f"dimensions[{name}].id")
    assert problem.message.startswith("expected an id that ")


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("title:", "titel:").replace("{1: bad, 5: good}", "{2: bad}").replace('"1"', "1")
    told = check_rubric(written(tmp_path, text))
    lines = [one.line or 0 for one in find_problems(tmp_path / "own.yaml")]
    assert lines == sorted(lines)
    for part in ("titel", "title", "version", "anchors.2", "text for 1", "text for 5"):
        assert any(part in one for one in told), part


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty file"),
    "only a comment": (b"# later\n", "empty file"),
    "a list": (b"- a\n- b\n", "expected keys and values"),
    "a word": (b"reasoning", "expected keys and values"),
    "latin-1": ("title: Rückenmark".encode("latin-1"), "UTF-8"),
    "binary": (bytes(range(256)), "UTF-8"),
    "NUL": (b"id: a\x00b", "expected YAML"),
    "two documents": (GOOD.encode() + b"---\n" + GOOD.encode(), "expected YAML"),
    "too large": (b"#" + b"x" * 1_000_001, "1,000,000 bytes"),
    "deep": (b"[" * 2_000, "expected YAML"),
    "a circle": (b"id: &a [*a]\n", "circle"),
    "a bomb": (
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(8)
        ),
        "aliases",
    ),
}


@pytest.mark.parametrize(("content", "holds"), FILES.values(), ids=FILES)
def test_files_that_are_no_rubric(tmp_path: Path, content: bytes, holds: str) -> None:
    told = check_rubric(written(tmp_path, content))
    assert len(told) >= 1
    assert holds in told[0]


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "no such file" in check_rubric(tmp_path / "none.yaml")[0]
    assert "directory" in check_rubric(tmp_path)[0]


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("resoning", "did you mean 'reasoning'"),
        ("failure-modes", "'failure_modes'"),
        ("qqq", "path of a file"),
    ],
)
def test_an_unknown_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, holds: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=holds):
        load_rubric(name)


def test_two_rubrics_with_one_dimension(tmp_path: Path) -> None:
    first = str(written(tmp_path, GOOD))
    second = str(written(tmp_path, GOOD.replace("id: own", "id: other"), "b.yaml"))
    with pytest.raises(UsageError, match="dimension 'one'"):
        load_rubrics((first, second))
    assert len(load_rubrics((first, "reasoning"))) == 2
