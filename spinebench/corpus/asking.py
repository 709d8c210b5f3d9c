"""The requests of a corpus: what each role is shown, with the material between marker lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from spinebench.agents.personas import Template
from spinebench.corpus.parts import Part
from spinebench.corpus.plan import Kind
from spinebench.corpus.replies import CheckReply, McqDraft, OpenDraft
from spinebench.models.protocol import ImagePart, JsonSchema, Message, ModelRequest, TextPart
from spinebench.records import DecodingOptions
from spinebench.runs.json_replies import schema_of

DRAFTS: dict[Kind, type[McqDraft] | type[OpenDraft]] = {
    Kind.IMAGE_MCQ: McqDraft,
    Kind.IMAGE_OPEN: OpenDraft,
    Kind.TEXT_MCQ: McqDraft,
}
_LANGUAGES = {"en": "English", "zh": "Chinese (simplified characters)"}


@cache
def templates() -> dict[str, Template]:
    """The packaged prompts by name, each with the hash that stands in an item's provenance."""
    data = yaml.safe_load(files("spinebench.corpus").joinpath("prompts.yaml").read_text("utf-8"))
    return {
        name: Template(text=text.strip("\n"), hash=hashlib.sha256(text.strip("\n").encode()).hexdigest())
        for name, text in data["templates"].items()
    }


def draft_template(kind: Kind) -> Template:
    """The prompt that asks for a draft of a kind."""
    return templates()[f"draft_{kind.value.replace('-', '_')}"]


def check_request(part: Part, decoding: DecodingOptions) -> ModelRequest:
    """Asks whether image and text agree."""
    text = templates()["check"].fill(marker=_marker(part.material), material=part.material)
    return _request(part, text, CheckReply, decoding)


def draft_request(part: Part, kind: Kind, decoding: DecodingOptions) -> ModelRequest:
    """Asks for a draft."""
    return _request(part, _draft_prompt(part, kind), DRAFTS[kind], decoding)


def revise_request(
    part: Part, kind: Kind, draft: McqDraft | OpenDraft, problems: Sequence[str], decoding: DecodingOptions
) -> ModelRequest:
    """Asks for the revision of a draft, with what rules found wrong with it."""
    rules = draft_template(kind).fill(
        marker="...", material="(the text above)", language=_LANGUAGES[part.language]
    )
    written = json.dumps(draft.model_dump(mode="json"), ensure_ascii=False, indent=1)
    text = templates()["revise"].fill(
        subject="the image or images of a figure" if part.images else "a question",
        problems="; ".join(problems) or "nothing",
        marker=_marker(part.material),
        material=part.material,
        rules_marker=_marker(rules),
        rules=rules,
        draft_marker=_marker(written),
        draft=written,
    )
    return _request(part, text, DRAFTS[kind], decoding)


def _draft_prompt(part: Part, kind: Kind) -> str:
    return draft_template(kind).fill(
        marker=_marker(part.material), material=part.material, language=_LANGUAGES[part.language]
    )


def _request(
    part: Part,
    text: str,
    kind: type[CheckReply] | type[McqDraft] | type[OpenDraft],
    decoding: DecodingOptions,
) -> ModelRequest:
    images = tuple(
        ImagePart(image=one.sent, file=Path(one.file)) for one in part.images if one.sent and one.file
    )
    return ModelRequest(
        messages=(Message(role="user", parts=(*images, TextPart(text=text))),),
        decoding=decoding,
        json_schema=JsonSchema(name=kind.__name__, schema=schema_of(kind)),
    )


def _marker(text: str) -> str:
    """A name that the text between two such lines cannot hold, as it is made from its hash."""
    return f"MATERIAL-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
