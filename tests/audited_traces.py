"""Audited traces for tests: a reply to an item, extracted and graded as a run would."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from spinebench.audit_records import AuditTrace, FrameTrace, Pick
from spinebench.evaluators.extraction import extract
from spinebench.evaluators.scoring import grade
from spinebench.records import Answer, AnswerKey, AnswerStatus, ImageCondition, Item, Scored, Task

AT = datetime(2026, 1, 2, tzinfo=UTC)
DISEASES = ("Osteophytes", "Healthy", "Spondylolisthesis", "Foraminal stenosis", "Spinal Canal Stenosis")
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")


def audited(
    text: str,
    *,
    task: Task = Task.DIAGNOSIS,
    gold: tuple[str, ...] = ("Spondylolisthesis",),
    options: tuple[str, ...] | None = None,
    reasoning: str | None = None,
    persona: str = "surgeon",
    permutation: tuple[int, ...] | None = None,
    scored: bool = True,
    name: str = "answer",
    **item: Any,
) -> AuditTrace:
    """A reply to a diagnosis (or, with `task`, another item), its choice read from the text."""
    options = options or (LEVELS if task is Task.LOCALIZATION else DISEASES)
    order = permutation or tuple(range(len(options)))
    asked = Item(
        id="item", benchmark="b", task=task, question=item.pop("question", "What is shown?"), options=options,
        gold=gold, cluster="image", **item,
    )  # fmt: skip
    key = AnswerKey(
        item_id="item", model="sim/x", persona=persona, image_condition=ImageCondition.NORMAL,
        option_order="as_given", epoch=1,
    )  # fmt: skip
    extraction = extract(text, task=task, options=[options[place] for place in order])
    graded = grade(asked, extraction, permutation=order)
    drawn = FrameTrace(
        trace_id=f"run/{name}", run_id="run", model="sim/x", task=task, item_id="item", image="image",
        cluster="image", correct=graded.correct, outcome=graded.outcome.value,
        text_sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    )  # fmt: skip
    return AuditTrace(
        pick=Pick(trace=drawn, stratum="s", u=0.5, probability=0.5, by="specific"),
        item=asked,
        answer=Answer(
            key=key, run_id="run", status=AnswerStatus.ANSWERED, text=text, reasoning=reasoning,
            option_permutation=order, prompt_hash="0" * 64, at=AT,
        ),
        scored=Scored(key=key, run_id="run", extraction=extraction, grade=graded, at=AT) if scored else None,
    )  # fmt: skip
