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
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    BenchmarkInfo,
    Extraction,
    FinishReason,
    Grade,
    ImageCondition,
    ImageRef,
    Item,
    JournalEntry,
    Outcome,
    RunSpec,
    Scored,
    SentImage,
    Task,
    Usage,
)
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from spinebench.store.journal import Journal, encode
from spinebench.store.rebuild import rebuild
from spinebench.terms import DISEASES, HEALTHY, LEVELS

N_MODELS = 12
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HASH = "0" * 64


def item(number: int) -> Item:
    """A diagnosis item, or every third time a localization item."""
    image = (ImageRef(path=f"study{number // 3:06}/{number}.png", sha256=HASH),)
    if number % 3 == 2:
        gold = LEVELS[number % 5 : number % 5 + 2]
        return Item(
            id=f"item-{number:06}", benchmark="scale", task=Task.LOCALIZATION, question="Which levels?",
            gold=gold, options=LEVELS, images=image, levels=gold, modality="MRI", source="drawn",
            cluster=f"study{number // 3}",
        )  # fmt: skip
    disease = DISEASES[number % len(DISEASES)]
    return Item(
        id=f"item-{number:06}", benchmark="scale", task=Task.DIAGNOSIS, question="Which disease?",
        gold=(disease,), options=(disease, HEALTHY, *DISEASES[-3:]), images=image, disease=disease,
        modality="X-ray", source="drawn", cluster=f"study{number // 3}",
    )  # fmt: skip


def entry(of: Item, model: str, run_id: str, *, right: bool, text: str) -> JournalEntry:
    """An answered and scored entry, as a run writes it."""
    key = AnswerKey(
        item_id=of.id, model=model, persona="surgeon", image_condition=ImageCondition.NORMAL,
        option_order="as_given", epoch=1,
    )  # fmt: skip
    diagnosis = of.task is Task.DIAGNOSIS
    chosen = of.gold if right else (of.options[1],)
    image = SentImage(
        source_path=of.images[0].path, source_sha256=HASH, sha256=HASH, media_type="image/png", width=512,
        height=512, n_bytes=200_000, transform="as_is",
    )  # fmt: skip
    right_outcome = Outcome.CORRECT_DISEASE if diagnosis else Outcome.EXACT
    wrong_outcome = Outcome.DISEASE_MISSED if diagnosis else Outcome.MIXED
    return JournalEntry(
        answer=Answer(
            key=key, run_id=run_id, status=AnswerStatus.ANSWERED, text=text, finish_reason=FinishReason.STOP,
            option_permutation=(0, 1, 2, 3, 4), images=(image,), prompt_hash=HASH, request_hash=HASH,
            response_id="resp-1", provider_model=model, usage=Usage(input_tokens=900, output_tokens=450,
            cost_usd=0.01), latency_s=1.5, attempts=1, at=NOW,
        ),
        scored=Scored(
            key=key, run_id=run_id, at=NOW,
            extraction=Extraction(
                letters=("A",), status=AnswerStatus.ANSWERED, rule="closing", span=(0, 20), version="1"
            ),
            grade=Grade(
                correct=right, chosen=chosen, gold=of.gold, outcome=right_outcome if right else wrong_outcome,
                precision=None if diagnosis else float(right), recall=None if diagnosis else float(right),
                f1=None if diagnosis else float(right), jaccard=None if diagnosis else float(right),
                confused_with=HEALTHY if diagnosis and not right else None, version="1",
            ),
        ),
    )  # fmt: skip


def spec(run_id: str, n_items: int, models: tuple[str, ...]) -> RunSpec:
    """The run's description."""
    return RunSpec(
        run_id=run_id, created_at=NOW, models=models, personas=("surgeon",), option_orders=("as_given",),
        image_conditions=(ImageCondition.NORMAL,), n_items=n_items, n_planned=n_items * len(models),
        simulated=True, benchmark=BenchmarkInfo(
            name="scale", format="native-jsonl", path="scale.jsonl", n_items=n_items, n_by_task={},
            n_clusters=1, items_hash=HASH, simulated=True,
        ),
        seed=0, digest=HASH, digest_parts={}, plan={}, versions={},
    )  # fmt: skip


def write_journal(
    path: Path, items: list[Item], models: tuple[str, ...], run_id: str, text_bytes: int
) -> None:
    """The journal's lines, by filling real entries in: written the slow way they would take longer than the
    test."""
    generator = random.Random(0)
    words = [
        "disc",
        "space",
        "L4/L5",
        "canal",
        "narrowing",
        "signal",
        "posterior",
        "no",
        "osteophyte",
        "foramen",
    ]
    words += [f"{generator.getrandbits(24):x}" for _ in range(4000)]
    prose = " ".join(generator.choices(words, k=1_500_000))
    with path.open("wb", buffering=1 << 20) as file:
        for of in items:
            forms = [
                encode(entry(of, "@M", run_id, right=right, text="@T")).decode() for right in (True, False)
            ]
            for rank, model in enumerate(models):
                start = generator.randrange(len(prose) - text_bytes)
                form = forms[generator.random() > 0.3 + 0.05 * rank]
                text = prose[start : start + text_bytes]
                file.write(form.replace('"@M"', f'"{model}"').replace('"@T"', f'"{text}"').encode())


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
    entries = [entry(item(number), "m", "r", right=True, text="x" * text_bytes) for number in range(n)]
    cpu, wall = time.process_time(), time.perf_counter()
    for start in range(0, n, batch):
        journal.append(entries[start : start + batch])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    journal.close()
    return {"append_cpu_ms": cpu / n * 1e3, "append_wall_ms": wall / n * 1e3}


def measure(folder: Path, answers: int, text_bytes: int) -> dict[str, float]:
    """All figures; seconds unless the name says otherwise."""
    models = tuple(f"sim/model-{rank:02}" for rank in range(N_MODELS))
    items = [item(number) for number in range(answers // N_MODELS)]
    workspace = Workspace(folder / "workspace")
    run = workspace.create_run(spec("scale", len(items), models), items)
    write_journal(run.journal.path, items, models, run.run_id, text_bytes)
    figures = append_cost(folder, text_bytes)
    figures["answers"] = len(items) * N_MODELS
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
            [entry(of, "later", "scale", right=True, text="x" * text_bytes) for of in items[:1000]]
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
