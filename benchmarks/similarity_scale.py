"""How long the similarities of a whole benchmark take: time and memory of one matrix product in blocks.

    python benchmarks/similarity_scale.py [--images 40000] [--dimension 1152] [--json FILE]

Twelve diseases with 200 images each stand in the library. Vectors are random, kept as Parquet as the builder keeps
them; what is measured begins with the files and ends with every record. Needs 0.2 GB of disk for the full size,
removed afterwards. The load of the machine by others is told beside the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from spinebench.builder.embedding import SHARD_SIZE, Embeddings, keep_vectors
from spinebench.builder.encoders import EncoderSpec
from spinebench.builder.library import Library, LibraryClass
from spinebench.builder.records import Quality, StandardImage
from spinebench.builder.similarity import similarities

N_DISEASES, PER_DISEASE = 12, 200
_QUALITY = Quality(sharpness=0.1, contrast=0.5, exposure=0.4, dark=0.0, bright=0.0, shortest_side=512)


def image(number: int) -> StandardImage:
    """An image whose hashes follow from its number; every tenth is a near duplicate of the one before."""
    pixels = hashlib.sha256(str(number).encode()).hexdigest()
    return StandardImage(
        id=f"synthetic/{number:06}",
        file=f"images/{pixels[:2]}/{pixels}.png",
        sha256=pixels,
        pixel_hash=pixels,
        picture_hash=pixels,
        width=512,
        height=512,
        source_sha256=pixels,
        source_width=512,
        source_height=512,
        transform="none",
        quality=_QUALITY,
        group=f"synthetic/{number - (number % 10 == 9):06}",
    )


def write_vectors(folder: Path, images: list[StandardImage], dimension: int, seed: int) -> None:
    """Random vectors, as the builder keeps an encoder's."""
    vectors = np.random.default_rng(seed).standard_normal((len(images), dimension), dtype=np.float32)
    spec = EncoderSpec(model="random", simulated=True)
    keep_vectors(folder, [one.pixel_hash for one in images], vectors, spec, fingerprint="0" * 64)


def library_of(images: list[StandardImage], seed: int) -> Library:
    """`PER_DISEASE` images of each disease, drawn from all."""
    drawn = np.random.default_rng(seed).permutation(len(images))[: N_DISEASES * PER_DISEASE].tolist()

    def one(label: str, numbers: list[int]) -> LibraryClass:
        names = tuple(sorted(images[number].id for number in numbers))
        return LibraryClass(
            label=label, images=names, n_available=len(names), n_groups=len(names), n_clusters=len(names)
        )

    diseases = tuple(one(f"disease {at}", drawn[at::N_DISEASES]) for at in range(N_DISEASES))
    return Library(seed=seed, per_disease=PER_DISEASE, diseases=diseases, healthy=one("Healthy", []))


def measure(folder: Path, n_images: int, dimension: int, seed: int) -> dict[str, float]:
    """All figures; the vectors are written by a child, so that the peak of memory is that of the comparison."""
    images = [image(number) for number in range(n_images)]
    child = os.fork()
    if child == 0:
        write_vectors(folder, images, dimension, seed)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("the vectors could not be written")
    library = library_of(images, seed)
    per_mb = 1e6 if sys.platform == "darwin" else 1e3
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb
    load = os.getloadavg()[0]
    cpu, wall = time.process_time(), time.perf_counter()
    n_records = sum(1 for _ in similarities(Embeddings.load(folder), library, images))
    return {
        "images": n_records,
        "library": N_DISEASES * PER_DISEASE,
        "dimension": dimension,
        "shard_size": SHARD_SIZE,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "rss_before_mb": before,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mb,
        "vectors_mb": sum(file.stat().st_size for file in folder.glob("*.parquet")) / 1e6,
        "load_before": load,
        "load_after": os.getloadavg()[0],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--dimension", type=int, default=1152)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.images, options.dimension, options.seed)
    figures["cores"] = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    )
    for name, value in figures.items():
        print(f"{name:32} {value:12,.2f}")
    record = {
        "benchmark": "similarity_scale",
        "simulated": True,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **{name: round(value, 2) for name, value in figures.items()},
    }
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
