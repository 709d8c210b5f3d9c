"""Documents, and models that reply to what a corpus asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.servers.wire import Received, Reply

MCQ = {
    "question": "Which change of the disc does the image show?",
    "options": ["Extrusion at L4/L5", "Protrusion at L3/L4", "Sequester at L5/S1", "No change"],
    "answer": "Extrusion at L4/L5",
    "explanation": "The text names an extrusion at this level.",
    "subspecialty": "degenerative",
}
OPEN = {
    "question": "Write a report on the image.",
    "history": "Leg pain for six weeks.",
    "examination": "",
    "reference": "The disc at L4/L5 is extruded.",
    "key_facts": ["Disc extrusion at L4/L5"],
    "subspecialty": "",
}


def picture(path: Path, seed: int, *, side: int = 128) -> None:
    """A smooth random picture; another seed gives one that looks different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (32, 32), dtype=np.uint8)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)


def document(n: int = 1, *, first: int = 1) -> str:
    """A chapter of `n` numbered figures, each with a caption and a paragraph that names it."""
    parts = ["# A chapter"]
    for number in range(first, first + n):
        parts += [
            f"![](images/{number}.png)",
            f"Figure {number}. Sagittal T2 image, case {number} of the series.",
            f"As Fig. {number} shows, the disc of case {number} at L4/L5 is extruded to the caudal side.",
        ]
    return "\n\n".join(parts) + "\n"


def role_of(text: str) -> str:
    """What a prompt asks for: check, mcq, open, revise or again."""
    if "Your reply cannot be used" in text:
        return "again"
    if "Revise the draft" in text:
        return "revise-open" if "key_facts" in text.rpartition("Draft:")[2] else "revise-mcq"
    if "Say whether the text" in text:
        return "check"
    return "draft-open" if "open task" in text else "draft-mcq"


def author(**changed: object) -> Callable[[Received], Reply | str]:
    """A provider's answers by role; `changed` gives another reply (a value for JSON, or a text) for some of them."""
    replies: dict[str, Any] = {
        "check": {"agree": True, "reason": "Both are of a disc."},
        "draft-mcq": MCQ, "revise-mcq": MCQ, "draft-open": OPEN, "revise-open": OPEN,
    } | {name.replace("_", "-"): value for name, value in changed.items()}  # fmt: skip

    def answer(request: Received) -> Reply | str:
        reply = replies[role_of(request.text)]
        if callable(reply):
            reply = reply(request.text)
        return reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)

    return answer
