"""Packaged prompts, and the requests for one JSON object that are made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

import yaml

from spinebench.agents.personas import Template
from spinebench.models.protocol import ImagePart, JsonSchema, Message, ModelRequest, TextPart
from spinebench.records import DecodingOptions, Record
from spinebench.runs.json_replies import schema_of


def packaged_templates(package: str, file: str) -> dict[str, Template]:
    """The texts under `templates` of a package's YAML file by name, each with its hash."""
    data = yaml.safe_load(files(package).joinpath(file).read_text("utf-8"))
    return {
        name: Template(text=text.strip("\n"), hash=hashlib.sha256(text.strip("\n").encode()).hexdigest())
        for name, text in data["templates"].items()
    }


def marker_of(text: str) -> str:
    """A name that the text between two such lines cannot hold, as it is made from its hash."""
    return f"MATERIAL-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def request_for(
    kind: type[Record], text: str, decoding: DecodingOptions, *, images: Sequence[ImagePart] = ()
) -> ModelRequest:
    """Asks for one JSON object of the fields of `kind`; images stand before the text."""
    return ModelRequest(
        messages=(Message(role="user", parts=(*images, TextPart(text=text))),),
        decoding=decoding,
        json_schema=JsonSchema(name=kind.__name__, schema=schema_of(kind)),
    )
