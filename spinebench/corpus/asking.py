"""The requests of a corpus: what each role is shown, with the material between marker lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from spinebench.agents.personas import Template
from spinebench.corpus.parts import Part
from spinebench.corpus.plan import Kind
from spinebench.corpus.replies import CheckReply, McqDraft, OpenDraft
from spinebench.models.protocol import ImagePart, ModelRequest
from spinebench.records import DecodingOptions
from spinebench.runs.packaged_prompts import marker_of, packaged_templates, request_for

DRAFTS: dict[Kind, type[McqDraft] | type[OpenDraft]] = {
    Kind.IMAGE_MCQ: McqDraft,
    Kind.IMAGE_OPEN: OpenDraft,
    Kind.TEXT_MCQ: McqDraft,
}
_LANGUAGES = {"en": "English", "zh": "Chinese (simplified characters)"}


@cache
def templates() -> dict[str, Template]:
    """The packaged prompts by name, each with the hash that stands in an item's provenance."""
    return packaged_templates("spinebench.corpus", "prompts.yaml")


def draft_template(kind: Kind) -> Template:
    """The prompt that asks for a draft of a kind."""
    return templates()[f"draft_{kind.value.replace('-', '_')}"]


def check_request(part: Part, decoding: DecodingOptions) -> ModelRequest:
    """Asks whether image and text agree."""
    text = templates()["check"].fill(marker=marker_of(part.material), material=part.material)
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
        marker=marker_of(part.material),
        material=part.material,
        rules_marker=marker_of(rules),
        rules=rules,
        draft_marker=marker_of(written),
        draft=written,
    )
    return _request(part, text, DRAFTS[kind], decoding)


def _draft_prompt(part: Part, kind: Kind) -> str:
    return draft_template(kind).fill(
        marker=marker_of(part.material), material=part.material, language=_LANGUAGES[part.language]
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
    return request_for(kind, text, decoding, images=images)
