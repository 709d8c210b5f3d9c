from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spinebench.benchmarks.native import write_native
from spinebench.cli.app import run_app
from tests.builder.audit_items import diagnoses
from tests.builder.test_audit_shortcuts import healthy_in_xray_only


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).integers(0, 255, (40, 30), dtype=np.uint8)
    Image.fromarray(grey).resize((120, 160)).convert("RGB").save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, start in (("test", 0), ("train", 100)):
        items, _ = diagnoses(30, prefix=name)
        for at in range(30):
            picture(tmp_path / f"{name}{at}.png", start + at)
        write_native(tmp_path / f"{name}.jsonl", items)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


def test_a_clean_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["build", "audit", str(folder / "test.jsonl"), "--out", str(folder / "audit.json")]) == 0
    shown = capsys.readouterr().out
    for title in ("Splits", "Classes", "Chance", "Without the picture", "Checks"):
        assert title in shown
    report = json.loads((folder / "audit.json").read_text())
    assert report["n_images_with_facts"] == report["n_images"] == 30


def test_a_benchmark_with_a_simulated_part_is_not_said_to_be_drawn(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {"simulated": True, "simulated_parts": ["encoder"]}
    (folder / "test.meta.json").write_text(json.dumps(parts))
    assert run_app(["build", "audit", str(folder / "test.jsonl"), "--no-pictures"]) == 0
    assert (
        "SIMULATED: its images are drawn, or it was made with a simulated encoder" in capsys.readouterr().err
    )


def test_leakage_between_files_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    splits = ["--split", f"evaluation={folder / 'test.jsonl'}", "--split", f"train={folder / 'train.jsonl'}"]
    assert run_app(["build", "audit", *splits, "--json"]) == 0
    assert all(one["passed"] for one in told(capsys)["checks"] if one["ends_build"])
    # A smaller copy of an evaluation image under another name in the training split.
    with Image.open(folder / "test3.png") as image:
        image.resize((60, 80)).save(folder / "train7.png")
    assert run_app(["build", "audit", *splits, "--json"]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith(
        "Mend the cause in the benchmark, or name what is known with --allow"
    )
    failed = [one for one in json.loads(said.out)["checks"] if one["ends_build"] and not one["passed"]]
    assert [one["name"] for one in failed] == ["shared_near_duplicates"]
    assert "test3.png = train7.png" in failed[0]["detail"]
    assert run_app(["build", "audit", *splits, "--allow", "shared_near_duplicates"]) == 0


def test_a_shortcut_ends_with_1_unless_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items, _ = diagnoses(300, plant=healthy_in_xray_only)
    file = tmp_path / "planted.jsonl"
    write_native(file, items)
    command = ["build", "audit", str(file), "--no-pictures", "--baseline", "modality"]
    assert run_app(command) == 1
    assert "failed: shortcut:modality" in capsys.readouterr().err
    assert run_app([*command, "--allow", "shortcut:modality"]) == 0


def test_images_that_cannot_be_read_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "test4.png").write_bytes(b"no picture")
    (folder / "test5.png").unlink()
    assert run_app(["build", "audit", str(folder / "test.jsonl")]) == 0
    said = capsys.readouterr().err
    assert "test4.png" in said
    assert "test5.png" in said
    assert "2 of 30 images could not be read" in said


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param([], 2, "expected a file", id="no file"),
        pytest.param(["--split", "x"], 2, "expected name=file", id="no name"),
        pytest.param(["none.jsonl"], 3, "none.jsonl", id="no such file"),
        pytest.param(["none.jsonl", "--fail", "all"], 2, "expected one of", id="no check"),
    ],
)
def test_wrong_calls(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["build", "audit", *arguments]) == code
    assert message in capsys.readouterr().err
