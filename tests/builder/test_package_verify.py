"""The verifier that goes with a release: it runs alone, and it finds damage of every kind."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.builder.package import verify
from tests.builder.package_samples import a_build

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    _, folder = a_build(tmp_path_factory.mktemp("build")).package()
    return folder / "release"


@pytest.fixture
def release(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "release"))


def faults(release: Path) -> list[str]:
    checked = verify.Release(str(release))
    checked.check()
    return checked.faults


def sums_again(release: Path) -> None:
    """Checksums that fit, so that only what stands behind them can tell."""
    rows = [
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.relative_to(release).as_posix()}\n"
        for one in sorted(release.rglob("*"))
        if one.is_file() and one.name != "SHA256SUMS"
    ]
    (release / "SHA256SUMS").write_text("".join(rows), "utf-8")


def native(release: Path, **changes: Any) -> None:
    """Change the first question of the evaluation split; a value of None takes the field away."""
    edit_lines(release, "evaluation.jsonl", 0, changes)


def edit_lines(release: Path, name: str, index: int, changes: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in (release / name).read_text("utf-8").splitlines()]
    rows[index] = {key: value for key, value in (rows[index] | changes).items() if value is not None}
    (release / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def released(release: Path, **changes: Any) -> None:
    file = release / "evaluation.json"
    rows = json.loads(file.read_text("utf-8"))
    rows[0] |= changes
    file.write_text(json.dumps(rows), "utf-8")


def card(release: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = release / "card.json"
    value = json.loads(file.read_text("utf-8"))
    change(value)
    file.write_text(json.dumps(value), "utf-8")


def text(release: Path, name: str, old: str, new: str) -> None:
    content = (release / name).read_text("utf-8")
    assert old in content
    (release / name).write_text(content.replace(old, new, 1), "utf-8")


def test_a_whole_release_has_no_fault_and_needs_nothing_but_python(release: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=release, capture_output=True, text=True, env={}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 faults; ")
    elsewhere = subprocess.run(
        [sys.executable, "-I", "-S", str(release / "verify.py")], cwd="/", capture_output=True, text=True
    )
    assert elsewhere.stdout == done.stdout
    assert not list(release.rglob("*.pyc"))


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(verify.__file__).read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= set(sys.stdlib_module_names)


def test_damage_sets_the_exit_code_and_is_printed(release: Path) -> None:
    (release / "card.md").unlink()
    text(release, "LICENCES.md", "CC BY", "CC0")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=release, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "card.md: is listed in SHA256SUMS but is missing" in done.stdout
    assert "LICENCES.md: SHA-256 is " in done.stdout
    assert "2 faults" in done.stdout


IMAGE = "images/spider/0/0_t1.png"
FILES: list[tuple[str, Damage, str]] = [
    (
        "a byte of an image",
        lambda at: (at / IMAGE).write_bytes((at / IMAGE).read_bytes()[:-1] + b"\0"),
        IMAGE,
    ),
    ("an image gone", lambda at: (at / IMAGE).unlink(), IMAGE),
    ("a file more", lambda at: (at / "notes.txt").write_text("x"), "notes.txt"),
    ("an image more", lambda at: (at / "images/spider/9.png").write_bytes(b"x"), "images/spider/9.png"),
    ("checksums gone", lambda at: (at / "SHA256SUMS").unlink(), "SHA256SUMS: is missing"),
    ("checksums empty", lambda at: (at / "SHA256SUMS").write_text(""), "lists no file"),
    (
        "a line of the checksums",
        lambda at: text(at, "SHA256SUMS", "  card.md", " card.md"),
        "SHA256SUMS, line",
    ),
    (
        "a hash of the checksums",
        lambda at: text(at, "SHA256SUMS", "  verify.py", "  verify.pyc"),
        "verify.pyc",
    ),
    ("a path out", lambda at: text(at, "SHA256SUMS", "  card.md", "  ../card.md"), "leads out"),
    ("an absolute path", lambda at: text(at, "SHA256SUMS", "  card.md", "  /etc/passwd"), "leads out"),
    (
        "a line twice",
        lambda at: (at / "SHA256SUMS").write_text((at / "SHA256SUMS").read_text("utf-8") * 2),
        "listed twice",
    ),
    (
        "a restored image of other bytes",
        lambda at: put(at, "images/rsna/100/7/0.png", b"x"),
        "restored image has",
    ),
    ("the card gone", lambda at: (at / "card.json").unlink(), "card.json"),
    ("questions cut off", lambda at: cut(at, "train.jsonl"), "train.jsonl"),
    ("a file that is no text", lambda at: (at / "train.jsonl").write_bytes(b"\xff\xfe{"), "no UTF-8"),
]


def put(release: Path, name: str, data: bytes) -> None:
    (release / name).parent.mkdir(parents=True, exist_ok=True)
    (release / name).write_bytes(data)


def cut(release: Path, name: str) -> None:
    data = (release / name).read_bytes()
    (release / name).write_bytes(data[: len(data) - 30])


@pytest.mark.parametrize(("damage", "named"), [one[1:] for one in FILES], ids=[one[0] for one in FILES])
def test_damaged_files_are_found(release: Path, damage: Damage, named: str) -> None:
    damage(release)
    assert any(named in fault for fault in faults(release)), faults(release)


POINTED = "images/own/film_0.png"
CONTENT: list[tuple[str, Damage, str]] = [
    ("gold that is no option", lambda at: native(at, gold=["Kyphosis"]), "'gold' is 'Kyphosis'"),
    ("two golds of a diagnosis", lambda at: native(at, gold=["Healthy", "Osteophytes"]), "expected one option"),
    ("no gold", lambda at: native(at, gold=[]), "'gold' is []"),
    ("one option", lambda at: native(at, options=["Healthy"]), "two or more"),
    ("an option twice", lambda at: native(at, options=["Spinal Canal Stenosis", "healthy", "Healthy "]), "each once"),
    ("options that are no texts", lambda at: native(at, options=[1, 2]), "'options' is [1, 2]"),
    ("an empty question", lambda at: native(at, question="  "), "'question' is '  '"),
    ("a field gone", lambda at: native(at, task=None), "'task' is None"),
    ("an unknown task", lambda at: native(at, task="report"), "'task' is 'report'"),
    ("an unknown field", lambda at: native(at, answer="x"), "unknown field 'answer'"),
    ("an id twice", lambda at: native(at, id=last_id(at)), "stands at evaluation.jsonl, line 1 already"),
    ("no id", lambda at: native(at, id=None), "'id' is None"),
    ("an image of nowhere", lambda at: native(at, images=["images/no.png"]), "neither in SHA256SUMS nor pointed to"),
    ("an image out of the folder", lambda at: native(at, images=["../a.png"]), "expected a path in this folder"),
    ("an image of another hash", lambda at: native(at, images=[{"path": IMAGE, "sha256": "0" * 64}]), "is declared"),
    ("no image", lambda at: native(at, images=[]), "'images' is []"),
    ("a source without licence", lambda at: native(at, source="vindr"), "one of the card's licences"),
    ("another question", lambda at: native(at, question="What else?"), "does not hold the same questions"),
    ("a line that is no JSON", lambda at: text(at, "evaluation.jsonl", '{"id"', '{"id'), "line 1: is no JSON"),
    ("a key twice", lambda at: text(at, "evaluation.jsonl", '{"id"', '{"id": "x", "id"'), "written twice"),
    ("NaN", lambda at: text(at, "card.json", '"n_dropped": 3', '"n_dropped": NaN'), "NaN is no JSON number"),
    ("a list on a line", lambda at: text(at, "train.jsonl", "{", "[]\n{"), "expected a JSON object"),
    ("an answer of the released file", lambda at: released(at, answers="Kyphosis"), "'answers' is 'Kyphosis'"),
    ("a list for a diagnosis", lambda at: released(at, answers=["Healthy"]), "of a localization a list"),
    ("a task of the released file", lambda at: released(at, task="diagnosis"), "'task' is 'diagnosis'"),
    ("the released file is an object", lambda at: (at / "train.json").write_text("{}"), "expected a JSON list"),
    ("items of the card", lambda at: card(at, lambda one: one["splits"][0].update(n_items=8)), "has 8 items"),
    ("tasks of the card", lambda at: card(at, lambda one: one["splits"][0]["n_by_task"].clear()), "by task"),
    ("images of a split", lambda at: card(at, lambda one: one["splits"][1].update(n_images=1)), "1 images, found 6"),
    ("images of the card", lambda at: card(at, lambda one: one["images"].update(n_pointed=8)), "n_pointed is 8"),
    ("a card that is a list", lambda at: (at / "card.json").write_text("[]"), "expected a JSON object"),
    ("a card without splits", lambda at: card(at, lambda one: one.pop("splits")), "'splits' is None"),
    ("a split without files", lambda at: card(at, lambda one: one["splits"][0].update(native=None, released=None)),
     "names no file of questions"),
    ("a pointer gone", lambda at: drop_line(at, POINTED), f"image {POINTED} is neither"),
    ("a pointer twice", lambda at: twice(at), "pointed to twice"),
    ("a pointer without hash", lambda at: edit_lines(at, "pointers.jsonl", 0, {"sha256": "x"}), "64 hexadecimal"),
    ("a pointer out of the source", lambda at: edit_lines(at, "pointers.jsonl", 0, {"path": "/etc/passwd"}), "below"),
    ("a pointer out of the release", lambda at: edit_lines(at, "pointers.jsonl", 0, {"image": "../x"}), "'image' is"),
    ("a pointer of no size", lambda at: edit_lines(at, "pointers.jsonl", 0, {"width": 0}), "'width' is 0"),
    ("a pointer to another source", lambda at: edit_lines(at, "pointers.jsonl", 0, {"source": "spider"}), "pointed to"),
    ("a pointer to no source", lambda at: edit_lines(at, "pointers.jsonl", 0, {"source": "x"}), "card's licences"),
    ("a field more in a pointer", lambda at: edit_lines(at, "pointers.jsonl", 0, {"folder": "/x"}), "unknown field"),
    ("an image that may not be copied", lambda at: put(at, POINTED, b"x"), "pointed to and in SHA256SUMS"),
    ("a licence made wider", lambda at: card(at, narrower), "does not allow copies"),
    ("texts in an image", lambda at: add_text_chunk(at / IMAGE), "more than a picture: chunks tEXt"),
    ("bytes behind an image", lambda at: (at / IMAGE).write_bytes((at / IMAGE).read_bytes() + b"x"), "behind its end"),
    ("an image that is none", lambda at: (at / IMAGE).write_bytes(b"GIF89a"), "is no PNG"),
    ("an image that nobody shows", lambda at: put(at, "images/more.png", b"x"), "no question shows it"),
]  # fmt: skip


def last_id(release: Path) -> str:
    rows = (release / "train.jsonl").read_text("utf-8").splitlines()
    return str(json.loads(rows[0])["id"])


def drop_line(release: Path, image: str) -> None:
    file = release / "pointers.jsonl"
    rows = [line for line in file.read_text("utf-8").splitlines() if json.loads(line)["image"] != image]
    file.write_text("".join(f"{row}\n" for row in rows), "utf-8")


def twice(release: Path) -> None:
    file = release / "pointers.jsonl"
    file.write_text(file.read_text("utf-8") * 2, "utf-8")


def narrower(value: dict[str, Any]) -> None:
    for one in value["licences"]:
        one["redistribution"] = "no"


def add_text_chunk(file: Path) -> None:
    import struct
    import zlib

    data = file.read_bytes()
    body = b"tEXtPatient\0Jane Doe"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    file.write_bytes(data[:-12] + chunk + data[-12:])


@pytest.mark.parametrize(("damage", "named"), [one[1:] for one in CONTENT], ids=[one[0] for one in CONTENT])
def test_damage_behind_fitting_checksums_is_found(release: Path, damage: Damage, named: str) -> None:
    damage(release)
    sums_again(release)
    assert any(named in fault for fault in faults(release)), faults(release)


def test_links_are_faults(release: Path) -> None:
    os.symlink("/etc/hostname", release / "images" / "link.png")
    os.symlink("/", release / "away")
    found = faults(release)
    assert any("images/link.png: is a link" in one for one in found)
    assert any("away: is a link" in one for one in found)


def test_sums_again_alone_is_no_damage(release: Path) -> None:
    sums_again(release)
    assert faults(release) == []


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "../x", "images/a.png"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "path", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def scratch(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(whole, tmp_path_factory.mktemp("fuzz") / "release"))


@settings(max_examples=60)
@given(
    data=st.data(),
    name=st.sampled_from(["evaluation.jsonl", "pointers.jsonl", "card.json", "evaluation.json"]),
)
def test_no_value_of_a_field_ends_the_verifier(
    whole: Path, scratch: Path, data: st.DataObject, name: str
) -> None:
    """Whatever stands in a field: faults are listed, and never a traceback."""
    original = (whole / name).read_text("utf-8")
    lined = name.endswith(".jsonl")
    value = [json.loads(row) for row in original.splitlines()] if lined else json.loads(original)
    record = value if isinstance(value, dict) else value[0]
    field = data.draw(st.sampled_from(sorted(record)))
    record[field] = data.draw(ANY_JSON)
    rows = [json.dumps(one) + "\n" for one in value] if lined else [json.dumps(value)]
    changed = "".join(rows)
    (scratch / name).write_text(changed, "utf-8")
    found = faults(scratch)
    (scratch / name).write_text(original, "utf-8")
    assert found or changed == original
