"""Both benchmarks' tables, replayed by name."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from spinebench.errors import UsageError
from spinebench.evaluators.published.cells import Replay
from spinebench.evaluators.published.level_aware import replay_level_aware
from spinebench.evaluators.published.pathology import replay_pathology
from spinebench.evaluators.published.tables import level_aware_tables, pathology_table

BENCHMARKS: MappingProxyType[str, Callable[[], Replay]] = MappingProxyType(
    {
        "pathology": lambda: replay_pathology(pathology_table()),
        "level-aware": lambda: replay_level_aware(level_aware_tables()),
    }
)


def replay(benchmark: str) -> Replay:
    """Recompute the derived cells of one benchmark's published tables and name those that contradict them."""
    if benchmark not in BENCHMARKS:
        raise UsageError(f"benchmark {benchmark!r}: expected one of {list(BENCHMARKS)!r}; name one of them")
    return BENCHMARKS[benchmark]()
