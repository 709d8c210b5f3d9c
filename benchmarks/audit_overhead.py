"""Speed and memory of an audit beside the exam whose traces it judges, against the same loopback server.

Two judges score every trace, with images of about 200 KB and 64 calls in flight; the server answers at once or after
200 ms. Each command is a process of its own, measured by the kernel from start to end. Then the commands that read an
audit, on the largest one, after two raters have been made up for 300 of its traces.

Usage: python benchmarks/audit_overhead.py [--repeats 3] [--output FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from exam_overhead import (
    DELAYS_MS,
    HERE,
    IN_FLIGHT,
    ROOT,
    SIZES,
    Measured,
    measure,
    median_of,
    write_benchmark,
)

JUDGES = ("openai-compatible/judge-a", "openai-compatible/judge-b")
N_RATED = 300
READING = ("show", "agree", "calibrate")
ENVIRONMENT = {**os.environ, "OPENAI_API_KEY": "none", "NO_COLOR": "1"}


@contextmanager
def server(delay_ms: int) -> Iterator[str]:
    """A loopback server; gives its address without a path."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "loopback_server.py"), "--delay-ms", str(delay_ms)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def spinebench(*arguments: str, workspace: Path) -> Measured:
    """One command, measured."""
    line = [sys.executable, "-m", "spinebench", *arguments, "--workspace", str(workspace)]
    return measure(line, ENVIRONMENT, ROOT)


def exam_and_audit(benchmark: Path, n: int, url: str, workspace: Path) -> dict[str, Measured]:
    """An exam of n items, and an audit of all its traces."""
    calling = ("--max-connections", str(IN_FLIGHT), "--display", "none", "--no-reuse")
    judges = [part for judge in JUDGES for part in ("--judge", judge)]
    return {
        "exam": spinebench(
            "run", "-b", str(benchmark), "-m", "openai-compatible/loopback", "-M", f"base_url={url}/v1", *calling,
            workspace=workspace,
        ),
        "audit": spinebench(
            "audit", "latest", *judges, "-M", f"base_url={url}/judge/v1", "--per-cell", str(n), "--mode", "specific",
            *calling, workspace=workspace,
        ),
    }  # fmt: skip


def rate(workspace: Path) -> None:
    """Ratings of two raters that nobody gave, at random."""
    from spinebench.audit_records import RatedDimension, Rating
    from spinebench.store import Workspace

    (folder,) = Workspace(workspace).audits()
    spec, rng = folder.spec(), random.Random(1)
    made = []
    for trace in list(folder.traces())[:N_RATED]:
        for rater in ("r1", "r2"):
            own = hashlib.sha256(f"{trace.trace_id} {rater}".encode()).hexdigest()
            scores = tuple(
                RatedDimension(dimension=dimension["id"], score=rng.choice((2, 3, 4, 5)))
                for rubric in spec.rubrics
                for dimension in rubric.get("dimensions") or ()
            )
            made.append(
                Rating(
                    rating_id=own, audit_id=folder.audit_id, rater=rater, packet_id=own[:12],
                    trace_id=trace.trace_id, dimensions=scores, rubric_hash=spec.rubric_hash, source="simulated",
                    at=datetime.now(UTC),
                )
            )  # fmt: skip
    folder.add_ratings(made)


def run_all(repeats: int) -> dict[str, object]:
    folder = ROOT / ".bench" / "exam-data"
    files = {n: write_benchmark(folder, n) for n in SIZES}
    cells: dict[tuple[str, int, int], list[Measured]] = {}
    for delay in DELAYS_MS:
        with server(delay) as url:
            for n in SIZES:
                for _ in range(repeats):
                    workspace = Path(tempfile.mkdtemp(prefix="spinebench-bench-")) / "workspace"
                    try:
                        found = exam_and_audit(files[n], n, url, workspace)
                        if (delay, n) == (0, max(SIZES)):
                            rate(workspace)
                            found["show"] = spinebench("audit", "--show", "latest", workspace=workspace)
                            for name in READING[1:]:
                                found[name] = spinebench(name, "latest", workspace=workspace)
                    finally:
                        shutil.rmtree(workspace.parent)
                    for name, one in found.items():
                        cells.setdefault((name, delay, n), []).append(one)
                        print(
                            f"{name:9} {delay:3} ms {n:5}: wall {one.wall_s:6.1f} s, CPU {one.cpu_s:6.1f} s, "
                            f"peak {one.peak_mb:4.0f} MB",
                            flush=True,
                        )
    return summary(cells)


def summary(cells: dict[tuple[str, int, int], list[Measured]]) -> dict[str, object]:
    """Medians per cell; CPU per judgement over CPU per exam item, and growth of memory."""
    small, large = SIZES

    def mid(name: str, delay: int, n: int, what: str) -> float:
        return float(median_of([getattr(one, what) for one in cells[(name, delay, n)]]))

    def cpu_ratio(delay: int, n: int) -> float:
        return mid("audit", delay, n, "cpu_s") / len(JUDGES) / mid("exam", delay, n, "cpu_s")

    def marginal(name: str, delay: int) -> float:
        return mid(name, delay, large, "cpu_s") - mid(name, delay, small, "cpu_s")

    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "in_flight": IN_FLIGHT,
        "judges": len(JUDGES),
        "cells": [
            {
                "command": name, "delay_ms": delay, "traces": n, "wall_s": mid(name, delay, n, "wall_s"),
                "cpu_s": mid(name, delay, n, "cpu_s"), "peak_mb": mid(name, delay, n, "peak_mb"),
                "repeats": len(cells[(name, delay, n)]),
            }
            for name, delay, n in cells
        ],
        "ratios": {
            "cpu_per_judgement_vs_exam_item": {
                f"{n} traces, {delay} ms, whole process": cpu_ratio(delay, n) for n in SIZES for delay in DELAYS_MS
            }
            | {
                f"one more, {delay} ms": marginal("audit", delay) / len(JUDGES) / marginal("exam", delay)
                for delay in DELAYS_MS
            },
            "peak_memory_2000_vs_500": {
                f"{name}, {delay} ms": mid(name, delay, large, "peak_mb") / mid(name, delay, small, "peak_mb")
                for name in ("exam", "audit")
                for delay in DELAYS_MS
            },
        },
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, help="write the result as JSON")
    options = parser.parse_args()
    text = json.dumps(run_all(options.repeats), indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", "utf-8")
