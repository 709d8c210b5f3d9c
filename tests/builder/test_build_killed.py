"""A build that is killed while it standardizes goes on, and gives the bytes of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from spinebench.builder.records import Stage
from tests.builder import trees

N_STUDIES = 15
N_IMAGES = 8 * N_STUDIES


@pytest.mark.slow
def test_kill_9_while_standardizing(tmp_path: Path) -> None:
    trees.write_rsna(tmp_path / "rsna", N_STUDIES)
    plan = {
        "sources": [{"kind": "rsna", "folder": "rsna"}],
        "severity": "published",
        "items": {"missing_similarities": "random"},
        "review": {"reviewers": ["anna"], "simulated": ["anna"]},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    command = [sys.executable, "-m", "spinebench", "build", "benchmark", "plan.yaml", "--display", "none"]
    journal = tmp_path / "killed" / "standardize" / "journal.jsonl"
    process = subprocess.Popen(
        [*command, "--out", "killed"], cwd=tmp_path, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (journal.exists() and journal.stat().st_size):
            assert process.poll() is None, "it ended before anything was in its journal"
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done_before = journal.read_bytes().count(b"\n")
    assert 0 < done_before < N_IMAGES
    pictures = {
        file: file.stat().st_mtime_ns for file in (tmp_path / "killed/standardize/images").rglob("*.png")
    }
    first = journal.read_bytes().split(b"\n")[0]

    # What a kill within the writing of a list leaves, which takes luck to meet.
    halves = [tmp_path / "killed" / name for name in ("import/.images.jsonl.a1.part", ".build.json.b2.part")]
    for half in halves:
        half.write_bytes(b'{"id": "rs')

    for out in ("killed", "whole"):
        subprocess.run([*command, "--out", out], cwd=tmp_path, check=True, capture_output=True)
    assert not [half for half in halves if half.exists()]
    kept = {file: file.stat().st_mtime_ns for file in pictures if file.exists()}
    # What its journal held was not done again; of the others a picture may have been on disk already.
    same = sum(kept.get(file) == made for file, made in pictures.items())
    assert same >= done_before
    assert journal.read_bytes().split(b"\n")[0] == first or first in journal.read_bytes()
    for stage in (Stage.IMPORT, Stage.STANDARDIZE, Stage.ITEMS):
        killed, whole = (
            {
                str(file.relative_to(tmp_path / out)): file.read_bytes()
                for file in sorted((tmp_path / out / stage.value).rglob("*"))
                if file.is_file()
            }
            for out in ("killed", "whole")
        )
        assert {name.partition("/")[2]: data for name, data in killed.items()} == {
            name.partition("/")[2]: data for name, data in whole.items()
        }
