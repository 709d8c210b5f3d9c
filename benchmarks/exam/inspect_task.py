"""The same questions as an inspect_ai task: image and prompt in, pattern-scored answer out."""

from __future__ import annotations

import json
import os
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
from inspect_ai.scorer import match
from inspect_ai.solver import generate

PROMPT = Path(__file__).with_name("prompt.txt").read_text("utf-8")


@task
def spine() -> Task:
    benchmark = Path(os.environ["SPINE_BENCHMARK"])
    records = json.loads(benchmark.read_text("utf-8"))
    samples = [
        Sample(
            input=[
                ChatMessageUser(
                    content=[
                        ContentText(text=PROMPT + record["question"] + str(record["options"])),
                        ContentImage(image=str(benchmark.parent / record["image"])),
                    ]
                )
            ],
            target="[B]",
            id=index,
        )
        for index, record in enumerate(records, 1)
    ]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=match(location="end"))
