"""The requests for wordings: what the writer and the judge are shown, and what they reply."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from spinebench.agents.personas import Template
from spinebench.models.protocol import ModelRequest
from spinebench.records import DecodingOptions, Record, Task
from spinebench.runs.packaged_prompts import marker_of, packaged_templates, request_for

_LANGUAGES: Final = {"en": "English", "zh": "Chinese (simplified characters)"}


class WriterReply(Record):
    """New wordings."""

    phrasings: tuple[str, ...]


class JudgeReply(Record):
    """Whether a wording asks the same as the reference."""

    same: bool
    reason: str


@cache
def templates() -> dict[str, Template]:
    """The packaged prompts by name, each with the hash that stands in a pool that was written with it."""
    return packaged_templates("spinebench.builder", "question_prompts.yaml")


def write_request(
    reference: str, known: Sequence[str], n: int, *, task: Task, language: str, decoding: DecodingOptions
) -> ModelRequest:
    """Asks for n wordings of a question that are none of the known ones."""
    material = "\n".join((reference, *known))
    text = templates()["write"].fill(
        n=str(n),
        language=_named(language),
        rules=templates()[f"rules_{task.value}"].text,
        marker=marker_of(material),
        material=material,
    )
    return request_for(WriterReply, text, decoding)


def judge_request(reference: str, wording: str, *, language: str, decoding: DecodingOptions) -> ModelRequest:
    """Asks whether a wording asks exactly what the reference asks."""
    material = f"First: {reference}\nSecond: {wording}"
    text = templates()["judge"].fill(language=_named(language), marker=marker_of(material), material=material)
    return request_for(JudgeReply, text, decoding)


def _named(language: str) -> str:
    base, _, region = language.partition("-")
    return _LANGUAGES[base] if not region else f"{base} as written in {region} ({language})"
