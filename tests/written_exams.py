"""Benchmarks of reports with planted key facts, for tests of what is read from reports."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

PLAIN = {
    "section_missing": 0.0,
    "refused": 0.0,
    "truncated": 0.0,
    "unparsed": 0.0,
    "fact_missed": 0.0,
    "fact_level_off": 0.0,
    "fact_side_swapped": 0.0,
}
"""Model options of a simulated examinee that writes every report whole and every fact as it is."""


def report_items(n: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Report items without images: one fact with level and side each, every second one with a further one far off.

    English and Chinese in turn; two items of one patient in a row.
    """
    rng = random.Random(seed)
    items = []
    for number in range(n):
        side = rng.choice(["left", "right"])
        chinese = number % 4 >= 2
        if chinese:
            facts = [f"L4/L5椎间盘{'左' if side == 'left' else '右'}侧突出。"]
            further = f"L1/L2椎间盘{rng.choice('左右')}侧突出。"
        else:
            facts = [f"Disc protrusion at L4/L5, {side} paracentral."]
            further = f"Disc protrusion at L1/L2, {rng.choice(['left', 'right'])} foraminal."
        if number % 2:
            facts.append(further)
        items.append(
            {
                "id": f"r{number}",
                "task": "report",
                "question": "Write the report.",
                "case": {"history": "Pain in the leg.", "key_facts": facts},
                "reference": facts[0],
                "language": "zh" if chinese else "en",
                "cluster": f"p{number // 2}",
            }
        )
    return items


def write_items(path: Path, items: list[dict[str, Any]]) -> Path:
    """The items as native JSONL."""
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), "utf-8")
    return path
