"""Traces, rubrics and judges' replies for the tests of the audit graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spinebench.audit_records import AuditTrace, FrameTrace, Pick
from spinebench.errors import DataError
from spinebench.models.gateway import Gateway, GatewayPolicy
from spinebench.models.protocol import ImagePart, ModelReply
from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    Extraction,
    FinishReason,
    Grade,
    ImageCondition,
    ImageRef,
    Item,
    Outcome,
    Scored,
    SentImage,
    Task,
    Usage,
)
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DISEASES = ("Osteophytes", "Healthy", "Spondylolisthesis", "Vertebral collapse", "Foraminal stenosis")
TEXT = (
    "The posterior wall line is interrupted at L4/L5 and the upper body is displaced forwards.\n"
    "Disc height is kept. There is no collapse.\n\nMy final option: [C]"
)
EVIDENCE = "the upper body is displaced forwards"
SHA = "ab" * 32

RUBRIC = Rubric(
    id="reasoning",
    version="t1",
    title="Reasoning",
    language="en",
    source="written for these tests",
    dimensions=(
        Dimension(
            id="rationality",
            name="Rationality",
            focus="Is the logic sound?",
            scale=(1, 2, 3, 4, 5),
            anchors={1: "flawed", 3: "in part", 5: "sound"},
        ),
        Dimension(
            id="features",
            name="Features",
            focus="Are the findings seen?",
            scale=(1, 3, 5),
            anchors={1: "missed", 5: "all seen"},
        ),
        Dimension(
            id="spatial",
            name="Spatial",
            focus="Are levels right?",
            scale=(1, 2, 3, 4, 5),
            anchors={1: "wrong", 5: "exact"},
            tasks=(Task.LOCALIZATION,),
        ),
    ),
)
MODES = Rubric(
    id="modes",
    version="t1",
    title="Modes",
    language="en",
    source="written for these tests",
    failure_modes=tuple(
        FailureMode(id=name, name=name, definition=f"what {name} is", example="so", counter_example="not so")
        for name in ("missed_finding", "wrong_level")
    ),
)
RUBRICS = (RUBRIC, MODES)


class OneImage:
    """Shows the same bytes for every item."""

    def __init__(self, file: Path, *, sha256: str = SHA) -> None:
        file.write_bytes(b"\x89PNG-not-really" * 1000)
        self.file = file
        self.sha256 = sha256
        self.asked: list[tuple[str, ImageCondition]] = []

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        self.asked.append((item.id, condition))
        return (
            () if condition is ImageCondition.NONE else (ImagePart(image=sent(self.sha256), file=self.file),)
        )


class NoImageToday:
    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        raise DataError("image 'a.png': expected a file, there is none; restore it")


def sent(sha256: str = SHA) -> SentImage:
    return SentImage(
        source_path="secret/a.png",
        source_sha256=None,
        sha256=sha256,
        media_type="image/png",
        width=4,
        height=4,
        n_bytes=15000,
        transform="as_is",
    )


def trace(
    text: str = TEXT,
    *,
    reasoning: str | None = None,
    model: str = "openai/zebra-7000-2026-01-01",
    correct: bool = True,
    images: Sequence[str] = (SHA,),
    item: dict[str, Any] | None = None,
    permutation: Sequence[int] = (0, 1, 2, 3, 4),
    condition: ImageCondition = ImageCondition.NORMAL,
    name: str = "answer-1",
) -> AuditTrace:
    """A diagnosis whose gold is Spondylolisthesis, answered with `text`."""
    fields: dict[str, Any] = {
        "id": "d-1",
        "benchmark": "pathology",
        "task": Task.DIAGNOSIS,
        "question": "What is seen in this radiograph?",
        "options": DISEASES,
        "gold": ("Spondylolisthesis",),
        "images": (ImageRef(path="a.png"),),
        "cluster": "a.png",
    }
    asked = Item(**{**fields, **(item or {})})
    key = AnswerKey(
        item_id=asked.id,
        model=model,
        persona="file:confidential-persona",
        image_condition=condition,
        option_order="as_given",
        epoch=1,
    )
    return AuditTrace(
        pick=Pick(
            trace=FrameTrace(
                trace_id=f"run-1/{name}",
                run_id="run-1",
                model=model,
                task=asked.task,
                item_id=asked.id,
                image="a.png",
                cluster="a.png",
                correct=correct,
                outcome="correct_disease" if correct else "disease_confused",
                text_sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
            ),
            stratum=f"{asked.task}/{model}/{'correct' if correct else 'incorrect'}",
            u=0.25,
            probability=0.5,
            by="specific",
        ),
        item=asked,
        answer=Answer(
            key=key,
            run_id="run-1",
            status=AnswerStatus.ANSWERED,
            text=text,
            reasoning=reasoning,
            option_permutation=tuple(permutation),
            images=tuple(sent(one) for one in images),
            prompt_hash=SHA,
            provider_model="zebra-7000-2026-01-01",
            at=AT,
        ),
        scored=Scored(
            key=key,
            run_id="run-1",
            extraction=Extraction(letters=("C",), status=AnswerStatus.ANSWERED, version="1"),
            grade=Grade(
                correct=correct,
                chosen=("Spondylolisthesis",),
                gold=("Spondylolisthesis",),
                outcome=Outcome.CORRECT_DISEASE if correct else Outcome.DISEASE_CONFUSED,
                version="1",
            ),
            at=AT,
        ),
    )


def verdict(
    rationality: Any = 4,
    features: Any = 5,
    *,
    quotes: Sequence[str] = (EVIDENCE,),
    modes: Sequence[dict[str, Any]] = (),
    claims: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """A judge's reply to a diagnosis under `RUBRICS`."""
    return {
        "scores": [
            {
                "dimension": name,
                "quotes": list(quotes),
                "reason": "The step is named and used.",
                "score": score,
            }
            for name, score in (("rationality", rationality), ("features", features))
        ],
        "failure_modes": list(modes),
        "claims": list(claims),
    }


def reply(
    said: str | dict[str, Any], finish: FinishReason = FinishReason.STOP, *, refusal: str | None = None
) -> ModelReply:
    text = said if isinstance(said, str) else json.dumps(said)
    usage = Usage(input_tokens=1000, output_tokens=50)
    return ModelReply(text=text, finish_reason=finish, refusal=refusal, usage=usage)


def quick(**policy: Any) -> Gateway:
    return Gateway(GatewayPolicy(backoff_initial_s=0.001, **policy))
