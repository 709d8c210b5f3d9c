"""The exam graph's state: plain JSON throughout, images by reference, never by bytes."""

from __future__ import annotations

from typing import Any, TypedDict

Json = dict[str, Any]


class ExamInput(TypedDict, total=False):
    """What the graph is called with. Only `item` is required."""

    item: Json
    """An `Item` as JSON."""
    persona: str
    """Name of a persona given to `exam_graph`; default: the first one."""
    image_condition: str
    """`normal` (default), `blank`, `none` or `swapped`."""
    option_order: str
    """`as_given` (default), `shuffled:<seed>` or `rotation:<k>`."""
    epoch: int
    """Counts from 1 (default)."""


class ExamState(ExamInput, total=False):
    """What the nodes add."""

    # compose
    permutation: list[int]
    prompt: str
    prompt_hash: str
    images: list[Json]
    """Each a `SentImage` as JSON, with `file`, where its bytes lie."""
    # ask
    request_hash: str | None
    reply: Json | None
    failures: list[Json]
    attempts: int
    usage: Json
    latency_s: float | None
    reused: bool
    turns: list[Json]
    """Of a consultation: each a `Turn` as JSON."""
    status: str
    """`AnswerStatus` as far as the reply alone tells."""
    # extract, extract_by_model
    extraction: Json
    extractor_usage: Json | None
    # grade
    grade: Json


class ExamOutput(ExamState, total=False):
    """The whole state: a user's own graph may read any of it."""
