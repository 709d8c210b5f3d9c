"""The builder's stages on a synthetic tree: CPU, wall and peak memory per stage, and what 70,000 images would take.

    python benchmarks/builder_scale.py [--images 5000] [--folder FOLDER] [--json FILE]

Trees come from `synthetic_sources.py` and are made once per folder. The encoder has the shape of a SigLIP2 base model
cut to two layers, with random weights: embedding is measured to show that the stage streams, not how fast a real
encoder is. Reviewers are simulated: every item is accepted. Extrapolation: per image of each stage, linear, but near
duplicates with the square of the number.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from synthetic_sources import make

STAGES = {
    "import": "import_labels",
    "standardize": "standardize_images",
    "embed": "embed_images",
    "items": "make_items",
    "review": "read_review",
    "select": "select_splits",
    "audit": "audit_splits",
    "package": "package_splits",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--folder", type=Path, default=None, help="Kept; default: a temporary one.")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--child", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        _child(options.child)
        return
    folder = options.folder or Path(tempfile.mkdtemp(prefix="spinebench-builder-"))
    try:
        found = measure(folder, options.images)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    text = json.dumps(found, indent=1)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")


def measure(folder: Path, images: int) -> dict[str, Any]:
    """Make the trees where they are missing, build, and return figures per stage."""
    if not (folder / "made.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "made.json").write_text(json.dumps(make(folder, images)))
        _encoder(folder / "encoder")
    counts = json.loads((folder / "made.json").read_text())
    plan = {
        "seed": 1,
        "sources": [{"kind": source, "folder": source} for source in counts],
        "severity": "published",
        "embed": {"encoder": {"model": "encoder", "simulated": True}},
        "review": {"reviewers": ["anna"], "double_share": 0, "simulated": ["anna"]},
        "select": {
            "splits": {"evaluation": {"diagnosis": images // 20, "localization": images // 40}},
            "rest": "train",
        },
        "audit": {"allow": ["shortcuts"]},
        "package": {"name": "scale"},
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    out = folder / "build"
    shutil.rmtree(out, ignore_errors=True)
    load = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, __file__, "--child", str(folder)], check=True, stdout=subprocess.PIPE, text=True
    )
    return {
        "benchmark": "builder_scale",
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "images": counts,
        **json.loads(done.stdout.splitlines()[-1]),
    }


def _child(folder: Path) -> None:
    """In a process of its own: build to the review, accept everything, build to the end; figures on stdout."""
    from spinebench.builder import building
    from spinebench.builder.plan import read_build_plan
    from spinebench.builder.record_files import read_records
    from spinebench.builder.records import Candidate, Stage
    from spinebench.builder.review.desk import Desks

    figures: dict[str, dict[str, float]] = {}

    def timed(name: str, work: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            before, began = _cpu(), time.monotonic()
            try:
                return work(*args, **kwargs)
            finally:
                one = figures.setdefault(name, {"cpu_s": 0.0, "wall_s": 0.0})
                one["cpu_s"] = round(one["cpu_s"] + _cpu() - before, 2)
                one["wall_s"] = round(one["wall_s"] + time.monotonic() - began, 2)
                one["peak_mb"] = _peak_mb()

        return run

    for stage, function in STAGES.items():
        setattr(building, function, timed(stage, getattr(building, function)))
    plan, out = read_build_plan(folder / "plan.yaml"), folder / "build"
    building.build_benchmark(plan, out)
    first = {name: dict(one) for name, one in figures.items()}
    desk = Desks(out).of("anna")
    assert desk is not None
    before, began = _cpu(), time.monotonic()
    candidates = list(read_records(out / Stage.ITEMS.value / "candidates.jsonl", Candidate))
    for number, one in enumerate(candidates):
        sent = {
            "key": f"anna-{number:08}",
            "item_id": one.item.id,
            "item_hash": one.hash(),
            "decision": "accept",
        }
        desk.take(sent, source="simulation")
    decisions = {"cpu_s": round(_cpu() - before, 2), "wall_s": round(time.monotonic() - began, 2)}
    figures.clear()
    report = building.build_benchmark(plan, out)
    again = {
        name: one for name, one in figures.items() if name in {"import", "standardize", "embed", "items"}
    }
    stages = {**first, **{name: one for name, one in figures.items() if name not in again}}
    assert report.finished, report
    before, began = _cpu(), time.monotonic()
    building.build_benchmark(plan, out)
    print(
        json.dumps(
            {
                "stages": stages,
                "stages_called_again": again,
                "whole_build_called_again": {
                    "cpu_s": round(_cpu() - before, 2), "wall_s": round(time.monotonic() - began, 2),
                },
                "peak_mb_of_a_worker": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
                "decisions": {"n": len(candidates), **decisions},
                "counts": {line.stage.value: line.counts for line in report.stages},
            }
        )
    )  # fmt: skip


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_mb() -> int:
    """Peak memory of this process alone: what `getrusage` says is taken over from the one that started it."""
    status = Path("/proc/self/status").read_text()
    return round(
        int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    )


def _encoder(folder: Path) -> None:
    import torch
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

    torch.manual_seed(0)
    layers = {"num_hidden_layers": 2}
    config = Siglip2Config(
        vision_config={**layers, "num_patches": 256}, text_config={**layers, "vocab_size": 256}
    )
    Siglip2Model(config).eval().save_pretrained(folder)
    Siglip2ImageProcessorPil(patch_size=16, max_num_patches=256).save_pretrained(folder)


if __name__ == "__main__":
    main()
