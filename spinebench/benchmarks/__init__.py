"""Benchmark files and their images."""

from __future__ import annotations

from spinebench.benchmarks.benchmark import Benchmark
from spinebench.benchmarks.identifiers import IdentifierFinding
from spinebench.benchmarks.images import ImageStore, PreparedImage
from spinebench.benchmarks.load import load_benchmark
from spinebench.benchmarks.native import native_schema, write_native
from spinebench.benchmarks.preparing import ImagePolicy
from spinebench.benchmarks.problems import (
    BenchmarkFileError,
    ImageError,
    ImageProblem,
    InvalidRecord,
    RecordProblem,
)

__all__ = [
    "Benchmark",
    "BenchmarkFileError",
    "IdentifierFinding",
    "ImageError",
    "ImagePolicy",
    "ImageProblem",
    "ImageStore",
    "InvalidRecord",
    "PreparedImage",
    "RecordProblem",
    "load_benchmark",
    "native_schema",
    "write_native",
]
