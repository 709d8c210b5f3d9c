"""A benchmark of real slices with their real gradings, and an exam on it. The encoder's weights are random."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from spinebench.benchmarks.load import load_benchmark
from spinebench.cli.app import run_app
from spinebench.records import Task
from tests.builder.review_builds import simulate
from tests.builder.tiny_siglip import build_tiny_siglip2

SPIDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images" / "mri_spider"
DISEASES = [
    "Disc space narrowing",
    "Disc herniation",
    "Disc bulging",
    "Modic changes",
    "Endplate changes",
    "Disc degeneration",
    "Spondylolisthesis",
]


@pytest.mark.slow
@pytest.mark.skipif(not SPIDER.is_dir(), reason="the real SPIDER slices are not beside this checkout")
def test_from_real_gradings_to_an_exam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tiny_siglip2(tmp_path / "tiny-siglip2")
    plan = {
        "seed": 3,
        "vocabulary": {"diseases": DISEASES},
        "sources": [{"kind": "spider", "folder": str(SPIDER)}],
        "embed": {"encoder": {"model": "tiny-siglip2", "simulated": True}},
        "review": {"reviewers": ["anna"], "simulated": ["anna"]},
        "package": {"name": "real-slices"},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    out = tmp_path / "build"
    command = ["build", "benchmark", str(tmp_path / "plan.yaml"), "--out", str(out), "--display", "none"]
    assert run_app(command) == 0
    simulate(out, wrong=0)
    assert run_app(command) == 0

    items = load_benchmark(out / "package" / "local" / "evaluation.jsonl").items
    by_task = {task: [item for item in items if item.task is task] for task in Task}
    # 24 slices of 12 patients, every one with a finding at a lumbar level.
    assert len(by_task[Task.LOCALIZATION]) == 24
    assert by_task[Task.DIAGNOSIS]
    assert {item.cluster for item in items} <= {f"spider/{n}" for n in range(1, 260)}
    # Patient 12 in radiological_gradings.csv: discs 2 (herniated, narrowed, bulging) and so on up to disc 7; the levels
    # asked for are those of L1 to S1 with any grade that counts, which the gradings of this patient name.
    rows = [line.split(",") for line in (SPIDER / "radiological_gradings.csv").read_text().splitlines()[1:]]
    names = {1: "L5/S1", 2: "L4/L5", 3: "L3/L4", 4: "L2/L3", 5: "L1/L2"}
    for item in by_task[Task.LOCALIZATION]:
        patient = item.cluster.removeprefix("spider/")
        graded = {
            names[int(row[1])]
            for row in rows
            if row[0] == patient
            and int(row[1]) in names
            and (any(int(grade) > 0 for grade in row[2:9]) or int(row[9]) >= 4)
        }
        assert set(item.gold) == graded, patient

    monkeypatch.setenv("SPINEBENCH_WORKSPACE", str(tmp_path / "workspace"))
    file = str(out / "package" / "local" / "evaluation.jsonl")
    assert run_app(["data", "check", file]) == 0
    capsys.readouterr()
    code = run_app(["run", "-b", file, "-m", "baseline/random", "--display", "none", "--json"])
    assert code == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any("baseline/random" in json.dumps(one) for one in told)
    # SPIDER is CC BY 4.0: its images may be given on.
    assert len(list((out / "package" / "release" / "images").rglob("*.png"))) == 24
