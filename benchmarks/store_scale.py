"""How the store bears many answers: time and memory to load them, and the time of the questions asked of
them.

    python benchmarks/store_scale.py [--answers 780000] [--text-bytes 2048] [--json FILE]

Writes a synthetic run of twelve models, loads its journal, and prints a table. Needs about 5 GB of disk for
the full size; everything is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from synthetic_runs import answers, entry, items, run_spec

from spinebench.records import Item, JournalEntry
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from spinebench.store.journal import Journal
from spinebench.store.rebuild import rebuild

N_MODELS = 12


def write_journal(
    path: Path, asked: list[Item], models: tuple[str, ...], run_id: str, text_bytes: int
) -> None:
    """The journal of a run of these models."""
    with path.open("wb", buffering=1 << 20) as file:
        for one in answers(asked, models, run_id, text_bytes=text_bytes):
            file.write(one.line)


def timed(call: Callable[[], object], times: int = 1) -> float:
    """Median wall seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def append_cost(folder: Path, text_bytes: int, n: int = 4096, batch: int = 64) -> dict[str, float]:
    """CPU and wall milliseconds per appended answer, serialization and sync included."""
    journal = Journal(folder / "append.jsonl", JournalEntry)
    entries = [entry(one, "r", "A", model="m", text="x" * text_bytes) for one in items(n)]
    cpu, wall = time.process_time(), time.perf_counter()
    for start in range(0, n, batch):
        journal.append(entries[start : start + batch])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    journal.close()
    return {"append_cpu_ms": cpu / n * 1e3, "append_wall_ms": wall / n * 1e3}


def measure(folder: Path, n_answers: int, text_bytes: int) -> dict[str, float]:
    """All figures; seconds unless the name says otherwise."""
    models = tuple(f"sim/model-{rank:02}" for rank in range(N_MODELS))
    asked = items(n_answers // N_MODELS)
    workspace = Workspace(folder / "workspace")
    run = workspace.create_run(run_spec("scale", asked, models), asked)
    write_journal(run.journal.path, asked, models, run.run_id, text_bytes)
    figures = append_cost(folder, text_bytes)
    figures["answers"] = len(asked) * N_MODELS
    figures["journal_mb"] = run.journal.path.stat().st_size / 1e6
    cpu = time.process_time()
    figures["load_s"] = timed(lambda: ingest(workspace))
    figures["load_cpu_s"] = time.process_time() - cpu
    per_mb = 1e6 if sys.platform == "darwin" else 1e3
    figures["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb
    figures["database_mb"] = workspace.database.path.stat().st_size / 1e6
    figures["load_nothing_new_s"] = timed(lambda: ingest(workspace), 3)
    for name in ("results", "confusion", "outcomes", "runs", "failures", "usage"):
        figures[f"{name}_s"] = timed(lambda name=name: workspace.query(name), 5)  # type: ignore[misc]
    figures["results_one_model_graded_s"] = timed(
        lambda: workspace.query("graded", run_id="scale", model=models[0]), 3
    )
    page = lambda: workspace.query("page", run_id="scale", model=models[3], size=50, skip=5000)  # noqa: E731
    figures["page_of_50_s"] = timed(page, 3)
    answer_id = workspace.sql("SELECT answer_id FROM answers LIMIT 1").column(0)[0].as_py()
    figures["one_trace_s"] = timed(lambda: workspace.query("trace", run_id="scale", answer_id=answer_id), 3)
    figures["done_keys_s"] = timed(run.done_keys)
    with run.lock():
        run.journal.append(
            [entry(of, "scale", "A", model="later", text="x" * text_bytes) for of in asked[:1000]]
        )
    figures["load_1000_more_s"] = timed(lambda: ingest(workspace))
    figures["rebuild_s"] = timed(lambda: rebuild(workspace))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=780_000)
    parser.add_argument("--text-bytes", type=int, default=2048)
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    parser.add_argument("--folder", type=Path, help="where to put the temporary files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(Path(folder), options.answers, options.text_bytes)
    figures["cores"] = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    )
    for name, value in figures.items():
        print(f"{name:32} {value:12,.3f}")
    record = {"benchmark": "store_scale", "python": platform.python_version(), **figures}
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    else:
        sys.stdout.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
