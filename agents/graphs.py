"""The graph that each task is asked by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from spinebench.agents.consultation import consultation_graph
from spinebench.agents.exam import ExamGraph, exam_graph
from spinebench.agents.images import ImageSource
from spinebench.agents.personas import Persona
from spinebench.agents.report import report_graph
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.records import DecodingOptions, Task


def task_graphs(
    tasks: Iterable[Task],
    examinee: ChatModel,
    *,
    gateway: Gateway,
    images: ImageSource,
    personas: Mapping[str, Persona],
    decoding: DecodingOptions,
    extractor: ChatModel | None = None,
    closing_phrases: Sequence[str] | None = None,
) -> dict[Task, ExamGraph]:
    """Task -> compiled graph, tasks with options sharing one; all take an `ExamInput` and give an `ExamState`."""
    exam = exam_graph(
        examinee,
        gateway=gateway,
        images=images,
        personas=personas,
        decoding=decoding,
        extractor=extractor,
        closing_phrases=closing_phrases,
    )
    found: dict[Task, ExamGraph] = {}
    for task in set(tasks):
        match task:
            case Task.DIAGNOSIS | Task.LOCALIZATION | Task.KNOWLEDGE:
                found[task] = exam
            case Task.REPORT | Task.CONSULTATION:
                build = report_graph if task is Task.REPORT else consultation_graph
                found[task] = build(
                    examinee, gateway=gateway, images=images, personas=personas, decoding=decoding
                )
            case _:
                assert_never(task)
    return found
