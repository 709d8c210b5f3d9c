"""The exam graph as LangGraph's development server opens it (`langgraph dev`, see langgraph.json).

It sits one item at a time, given as input. The model is `SPINEBENCH_DEV_MODEL` (default: the random baseline), the
benchmark whose items and images it may use `SPINEBENCH_DEV_BENCHMARK`; without one, items carry no images.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import gettempdir

from spinebench.agents.exam import ExamGraph, exam_graph
from spinebench.agents.images import ImageSource, NoImages
from spinebench.benchmarks import ImagePolicy, ImageStore, load_benchmark
from spinebench.models.registry import create_model
from spinebench.records import Item
from spinebench.runs.images import BenchmarkImages


def exam() -> ExamGraph:
    """A compiled exam graph, built from the environment."""
    items: tuple[Item, ...] = ()
    images: ImageSource = NoImages()
    path = os.environ.get("SPINEBENCH_DEV_BENCHMARK")
    if path:
        benchmark = load_benchmark(Path(path))
        items = benchmark.items
        cache = Path(gettempdir()) / "spinebench-dev-images"
        store = ImageStore(benchmark.image_root, cache_dir=cache, policy=ImagePolicy())
        images = BenchmarkImages(benchmark, store, seed=0)
    model = create_model(os.environ.get("SPINEBENCH_DEV_MODEL", "baseline/random"), items=lambda: items)
    return exam_graph(model, images=images)
