"""Speed and memory of an exam against a bare SDK loop and inspect_ai, side by side in one run.

A loopback server answers at once or after 200 ms; items have 200 KB images; 64 calls are in flight. Every
contender is a process of its own, measured by the kernel (CPU of user and system, peak memory) from start to end.
The order alternates, each cell is measured several times, the median counts.

Usage: python benchmarks/exam_overhead.py [--repeats 3] [--skip-inspect] [--output FILE]
inspect_ai is installed into a virtual environment of its own under .bench/, unless --inspect-python names one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
IN_FLIGHT = 64
SIZES = (500, 2000)
DELAYS_MS = (0, 200)


@dataclass(frozen=True)
class Measured:
    """One process from start to end."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    asking_s: float | None


def write_benchmark(folder: Path, n: int) -> Path:
    """n diagnosis records in the released format, each with a JPEG of about 200 KB of its own."""
    import numpy as np
    from PIL import Image

    (folder / "images").mkdir(parents=True, exist_ok=True)
    records = []
    rng = np.random.default_rng(7)
    for index in range(n):
        path = folder / "images" / f"{index:05d}.jpg"
        if not path.exists():
            coarse = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
            picture = np.asarray(
                Image.fromarray(coarse).resize((640, 640), Image.Resampling.BICUBIC), dtype=np.int16
            )
            picture = picture + rng.integers(-40, 40, picture.shape, dtype=np.int16)
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path, quality=82)
        records.append(
            {
                "image": f"images/{index:05d}.jpg",
                "question": f"Which finding does the lateral view of study {index} show?",
                "task": "spine_disease_classification",
                "options": [
                    "Healthy",
                    "Osteophytes",
                    "Disc space narrowing",
                    "Spondylolisthesis",
                    "Vertebral collapse",
                ],
                "answers": "Osteophytes",
            }
        )
    path = folder / f"bench-{n}.json"
    path.write_text(json.dumps(records), "utf-8")
    return path


def measure(command: list[str], env: dict[str, str], cwd: Path) -> Measured:
    """Run a process; CPU and peak memory of it and its children as the kernel counts them."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, env=env, cwd=cwd, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode()
        if process.returncode != 0:
            err.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{text[-2000:]}\n{err.read().decode()[-4000:]}")
    asking = next((json.loads(line) for line in text.splitlines() if line.startswith('{"asking_s"')), None)
    return Measured(
        wall_s=wall,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        asking_s=None if asking is None else asking["asking_s"],
    )


def asking_seconds(workspace: Path) -> float:
    """Wall seconds from the first question of the workspace's only run to its last answer on disk."""
    (status,) = workspace.glob("runs/*/status.json")
    record = json.loads(status.read_text("utf-8"))
    began, ended = (datetime.fromisoformat(record[name]) for name in ("started_at", "updated_at"))
    assert record["n_done"] == record["n_planned"], record
    return (ended - began).total_seconds()


def contenders(inspect_python: Path | None) -> list[str]:
    return ["bare", "spinebench", *(["inspect_ai"] if inspect_python else [])]


def command(name: str, benchmark: Path, url: str, scratch: Path, inspect_python: Path | None) -> list[str]:
    if name == "bare":
        return [sys.executable, str(HERE / "exam" / "bare_loop.py"), str(benchmark), url, str(IN_FLIGHT)]
    if name == "spinebench":
        return [
            sys.executable, "-m", "spinebench", "run", "-b", str(benchmark), "-m", "openai-compatible/loopback",
            "-M", f"base_url={url}", "--max-connections", str(IN_FLIGHT), "--display", "none", "--no-reuse",
            "--workspace", str(scratch / "workspace"),
        ]  # fmt: skip
    assert inspect_python is not None
    return [
        str(inspect_python.parent / "inspect"), "eval", str((HERE / "exam" / "inspect_task.py").relative_to(ROOT)),
        "--model", "openai/loopback", "--max-connections", str(IN_FLIGHT), "--display", "none",
        "--log-dir", str(scratch / "logs"), "--max-samples", str(IN_FLIGHT), "-M", "responses_api=false",
    ]  # fmt: skip


def inspect_environment() -> Path:
    """The interpreter of an own environment with inspect_ai, made once."""
    folder = ROOT / ".bench" / "inspect"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "inspect").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "inspect-ai", "openai"], check=True)
    return python


def median_of(values: list[float]) -> float:
    return statistics.median(values)


def run_all(repeats: int, inspect_repeats: int, inspect_python: Path | None) -> dict[str, object]:
    folder = ROOT / ".bench" / "exam-data"
    files = {n: write_benchmark(folder, n) for n in SIZES}
    cells: dict[tuple[str, int, int], list[Measured]] = {}
    for delay in DELAYS_MS:
        server = subprocess.Popen(
            [sys.executable, str(HERE / "loopback_server.py"), "--delay-ms", str(delay)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        try:
            for n in SIZES:
                for repeat in range(repeats):
                    names = contenders(inspect_python if repeat < inspect_repeats else None)
                    random.Random(repeat).shuffle(names)
                    for name in names:
                        scratch = Path(tempfile.mkdtemp(prefix="spinebench-bench-"))
                        env = {
                            **os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url,
                            "SPINE_BENCHMARK": str(files[n]), "NO_COLOR": "1",
                        }  # fmt: skip
                        try:
                            done = measure(command(name, files[n], url, scratch, inspect_python), env, ROOT)
                            if name == "spinebench":
                                done = replace(done, asking_s=asking_seconds(scratch / "workspace"))
                        finally:
                            shutil.rmtree(scratch)
                        cells.setdefault((name, delay, n), []).append(done)
                        print(
                            f"{name:11} {delay:3} ms {n:5} items: wall {done.wall_s:6.1f} s, CPU {done.cpu_s:6.1f} s, "
                            f"{done.cpu_s / n * 1e3:5.1f} ms/item, peak {done.peak_mb:4.0f} MB",
                            flush=True,
                        )
        finally:
            server.kill()
            server.wait()
    return summary(cells, inspect_python is not None)


def summary(cells: dict[tuple[str, int, int], list[Measured]], with_inspect: bool) -> dict[str, object]:
    """Medians per cell and the ratios that the product promises."""
    small, large = SIZES

    def mid(name: str, delay: int, n: int, what: str) -> float:
        return median_of([getattr(one, what) for one in cells[(name, delay, n)]])

    def marginal(name: str, delay: int, what: str) -> float:
        return (mid(name, delay, large, what) - mid(name, delay, small, what)) / (large - small)

    names = ["bare", "spinebench", *(["inspect_ai"] if with_inspect else [])]
    table = [
        {
            "contender": name, "delay_ms": delay, "items": n, "wall_s": mid(name, delay, n, "wall_s"),
            "cpu_s": mid(name, delay, n, "cpu_s"), "cpu_ms_per_item": mid(name, delay, n, "cpu_s") / n * 1e3,
            "asking_s": None if name == "inspect_ai" else mid(name, delay, n, "asking_s"),
            "peak_mb": mid(name, delay, n, "peak_mb"), "repeats": len(cells[(name, delay, n)]),
        }
        for name in names for delay in DELAYS_MS for n in SIZES
    ]  # fmt: skip
    ratios: dict[str, object] = {
        "cpu_per_item_vs_bare": {
            f"{n} items, whole process": mid("spinebench", 0, n, "cpu_s") / mid("bare", 0, n, "cpu_s")
            for n in SIZES
        }
        | {"marginal item": marginal("spinebench", 0, "cpu_s") / marginal("bare", 0, "cpu_s")},
        "throughput_at_200_ms_vs_bare": {
            f"{n} items, while asking": mid("bare", 200, n, "asking_s")
            / mid("spinebench", 200, n, "asking_s")
            for n in SIZES
        }
        | {
            f"{n} items, whole process": mid("bare", 200, n, "wall_s") / mid("spinebench", 200, n, "wall_s")
            for n in SIZES
        }
        | {"marginal item": marginal("bare", 200, "wall_s") / marginal("spinebench", 200, "wall_s")},
        "peak_memory_2000_vs_500": {
            name: mid(name, 0, large, "peak_mb") / mid(name, 0, small, "peak_mb") for name in names
        },
    }
    if with_inspect:
        ratios["cpu_per_item_vs_inspect"] = {
            f"{n} items, whole process": mid("spinebench", 0, n, "cpu_s") / mid("inspect_ai", 0, n, "cpu_s")
            for n in SIZES
        } | {"marginal item": marginal("spinebench", 0, "cpu_s") / marginal("inspect_ai", 0, "cpu_s")}
        ratios["end_to_end_vs_inspect"] = {
            f"{n} items, {delay} ms": mid("spinebench", delay, n, "wall_s")
            / mid("inspect_ai", delay, n, "wall_s")
            for n in SIZES
            for delay in DELAYS_MS
        }
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "in_flight": IN_FLIGHT,
        "cells": table,
        "ratios": ratios,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--inspect-repeats", type=int, help="fewer for the slowest contender; default: as --repeats"
    )
    parser.add_argument("--skip-inspect", action="store_true")
    parser.add_argument(
        "--inspect-python", type=Path, help="interpreter of an environment that has inspect_ai"
    )
    parser.add_argument("--output", type=Path, help="write the result as JSON")
    options = parser.parse_args()
    python = None if options.skip_inspect else options.inspect_python or inspect_environment()
    result = run_all(options.repeats, options.inspect_repeats or options.repeats, python)
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", "utf-8")
