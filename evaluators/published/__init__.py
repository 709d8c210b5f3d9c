"""The published tables of both benchmarks, replayed: every derived cell recomputed from the papers' own
formulas.
"""

from __future__ import annotations

from spinebench.evaluators.published.cells import CheckedCell, Contradiction, Replay
from spinebench.evaluators.published.replay import BENCHMARKS, replay

__all__ = ["BENCHMARKS", "CheckedCell", "Contradiction", "Replay", "replay"]
