"""One plan over small trees of all four sources, from label files to an exam on the benchmark."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from spinebench.benchmarks.load import load_benchmark
from spinebench.builder.record_files import read_records
from spinebench.builder.records import Candidate, Dropped, LabelledImage, Stage
from spinebench.cli.app import run_app
from spinebench.records import Task
from tests.builder import trees
from tests.builder.damage import damage
from tests.builder.review_builds import simulate
from tests.builder.tiny_siglip import build_tiny_siglip, build_tiny_siglip2

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SOURCES = ("rsna", "vindr", "buu", "csxa")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trees with damage in each, two tiny checkpoints of random weights, and the plan."""
    folder = tmp_path_factory.mktemp("sources")
    trees.write_rsna(folder / "rsna", 6)
    trees.write_vindr(folder / "vindr", 18, 9)
    trees.write_buu(folder / "buu", 9)
    trees.write_csxa(folder / "csxa", 15)
    named = {source: sorted(damage(source, folder / source)) for source in SOURCES}
    (folder / "named.json").write_text(json.dumps(named))
    build_tiny_siglip2(folder / "tiny-siglip2")
    build_tiny_siglip(folder / "tiny-siglip")
    plan = {
        "seed": 7,
        "sources": [{"kind": source, "folder": source} for source in SOURCES],
        "embed": {
            "encoder": {"model": "tiny-siglip2", "simulated": True},
            "compare": [{"model": "tiny-siglip", "simulated": True}],
        },
        "review": {"reviewers": ["anna", "ben"], "adjudicator": "cora", "simulated": ["anna", "ben", "cora"]},
        "select": {
            "splits": {"evaluation": {"diagnosis": 30, "localization": 8}},
            "rest": "train",
            "max_per_cluster": 2,
        },
        "package": {"name": "small-spine"},
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    return folder


@pytest.fixture(scope="module")
def build(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished build."""
    out = tmp_path_factory.mktemp("build") / "b"
    finish(sources / "plan.yaml", out)
    return out


def finish(plan: Path, out: Path, *options: str) -> None:
    """Build to the review, let simulated reviewers decide, and build to the end."""
    command = ["build", "benchmark", str(plan), "--out", str(out), "--display", "none", *options]
    assert run_app(command) == 0
    assert not (out / "package").exists()
    simulate(out)
    assert run_app(command) == 0


def contents(folder: Path, parts: Sequence[str] = ("",)) -> dict[str, str]:
    """SHA-256 of every file below some folders."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for part in parts
        for file in sorted((folder / part).rglob("*"))
        if file.is_file()
    }


def dropped(build: Path, stage: Stage) -> list[Dropped]:
    return list(read_records(build / stage.value / "dropped.jsonl", Dropped))


def test_every_wrong_row_and_file_is_named(sources: Path, build: Path) -> None:
    expected = {
        (source, subject, reason)
        for source, rows in json.loads((sources / "named.json").read_text()).items()
        for subject, reason in rows
    }
    found = {(one.source, one.subject, one.reason) for one in dropped(build, Stage.IMPORT)}
    assert len(expected) > 40
    assert expected <= found
    # Nothing of the damage became an image: the trees' own are all that is there.
    images = {one.id for one in read_records(build / "import" / "images.jsonl", LabelledImage)}
    by_source = {source: sum(one.startswith(f"{source}/") for one in images) for source in SOURCES}
    # VinDr: 27 images, of which every ninth from the eighth on has only other lesions. RSNA: of six studies two grade
    # nothing, which are whole healthy ones (8 images each); of the others the images with what counts: study 1 and 5
    # one, study 2 one, study 3 one.
    assert by_source == {"rsna": 20, "vindr": 24, "buu": 18, "csxa": 15}


def test_data_check_accepts_it_and_models_sit_it(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPINEBENCH_WORKSPACE", str(tmp_path / "workspace"))
    local = build / "package" / "local"
    for name in ("evaluation.jsonl", "train.jsonl", "evaluation.json"):
        assert run_app(["data", "check", str(local / name)]) == 0, capsys.readouterr()
    capsys.readouterr()
    models = ["-m", "baseline/always-healthy", "-m", "baseline/select-all"]
    code = run_app(["run", "-b", str(local / "evaluation.jsonl"), *models, "--display", "none", "--json"])
    assert code == 0
    summaries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["model"] for one in summaries if "model" in one} >= {"baseline/always-healthy"}


def test_the_benchmark_keeps_its_promises(build: Path) -> None:
    local = build / "package" / "local"
    splits = {name: load_benchmark(local / f"{name}.jsonl").items for name in ("evaluation", "train")}
    evaluation = splits["evaluation"]
    labels = {
        one.item.id: set(one.labels) for one in read_records(build / "items" / "candidates.jsonl", Candidate)
    }
    corrected = json.loads((build / "review" / "report.json").read_text())["corrected"]
    for item in (*evaluation, *splits["train"]):
        assert set(item.gold) <= set(item.options)
        if item.task is Task.DIAGNOSIS:
            assert len(set(item.options)) == 5
            assert "Healthy" in item.options
            if item.id not in corrected:  # never an option that is also true of the image
                assert labels[item.id] & set(item.options) == set(item.gold)
        else:
            assert sorted(item.options) == ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]
    clusters = {name: {item.cluster for item in items} for name, items in splits.items()}
    assert not clusters["evaluation"] & clusters["train"]
    per_cluster = [item.cluster for item in evaluation if item.task is Task.DIAGNOSIS]
    assert max(per_cluster.count(one) for one in per_cluster) <= 2
    rejected = {one.subject for one in dropped(build, Stage.REVIEW)}
    assert rejected
    assert not rejected & {item.id for items in splits.values() for item in items}


def test_a_release_without_images_verifies_itself_and_says_what_is_simulated(build: Path) -> None:
    release = build / "package" / "release"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=release, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(release.rglob("*.png"))  # no licence of the four is known to allow copies
    card = (release / "card.md").read_text()
    assert "simulated" in card.casefold()
    assert str(build) not in card


def test_two_runs_of_one_seed_give_the_same_bytes(sources: Path, build: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    finish(sources / "plan.yaml", again, "--workers", "1")
    parts = [stage.value for stage in Stage if stage is not Stage.REVIEW]
    # The review holds journals with times; what came of it is the same.
    review = ["accepted.jsonl", "dropped.jsonl", "report.json"]
    assert contents(again, parts) == contents(build, parts)
    for name in review:
        assert (again / "review" / name).read_bytes() == (build / "review" / name).read_bytes()


def test_called_again_it_makes_nothing_anew(sources: Path, build: Path) -> None:
    made = {file: file.stat().st_mtime_ns for file in (build / "standardize" / "images").rglob("*.png")}
    stages = {
        stage: (build / stage / "stage.json").stat().st_mtime_ns
        for stage in ("standardize", "embed", "items")
    }
    before = contents(build, ["package"])
    assert run_app(["build", "benchmark", str(sources / "plan.yaml"), "--out", str(build)]) == 0
    assert {file: file.stat().st_mtime_ns for file in made} == made
    assert {stage: (build / stage / "stage.json").stat().st_mtime_ns for stage in stages} == stages
    assert contents(build, ["package"]) == before
