"""The requests for wordings: what the writer and the judge are shown, and what they reply."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

from spinebench.agents.personas import Template
from spinebench.models.protocol import JsonSchema, Message, ModelRequest, TextPart
from spinebench.records import DecodingOptions, Record, Task
from spinebench.runs.json_replies import schema_of

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
    data = yaml.safe_load(files("spinebench.builder").joinpath("question_prompts.yaml").read_text("utf-8"))
    return {
        name: Template(text=text.strip("\n"), hash=hashlib.sha256(text.strip("\n").encode()).hexdigest())
        for name, text in data["templates"].items()
    }


def write_request(
    reference: str, known: Sequence[str], n: int, *, task: Task, language: str, decoding: DecodingOptions
) -> ModelRequest:
    """Asks for n wordings of a question that are none of the known ones."""
    material = "\n".join((reference, *known))
    text = templates()["write"].fill(
        n=str(n),
        language=_named(language),
        rules=templates()[f"rules_{task.value}"].text,
        marker=_marker(material),
        material=material,
    )
    return _request(text, WriterReply, decoding)


def judge_request(reference: str, wording: str, *, language: str, decoding: DecodingOptions) -> ModelRequest:
    """Asks whether a wording asks exactly what the reference asks."""
    material = f"First: {reference}\nSecond: {wording}"
    text = templates()["judge"].fill(language=_named(language), marker=_marker(material), material=material)
    return _request(text, JudgeReply, decoding)


def _request(text: str, kind: type[Record], decoding: DecodingOptions) -> ModelRequest:
    return ModelRequest(
        messages=(Message(role="user", parts=(TextPart(text=text),)),),
        decoding=decoding,
        json_schema=JsonSchema(name=kind.__name__, schema=schema_of(kind)),
    )


def _named(language: str) -> str:
    base, _, region = language.partition("-")
    return _LANGUAGES[base] if not region else f"{base} as written in {region} ({language})"


def _marker(text: str) -> str:
    """A name that the text between two such lines cannot hold, as it is made from its hash."""
    return f"MATERIAL-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
