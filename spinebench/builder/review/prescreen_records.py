"""What a model may say of an item before persons read it: remarks and an order of attention, never a decision."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, Literal

from spinebench.agents.personas import Template
from spinebench.models.gateway import Gateway
from spinebench.records import Record, Sha256
from spinebench.runs.packaged_prompts import packaged_templates
from spinebench.runs.steps import Steps

PRESCREEN: Final = "prescreen.jsonl"
"""Journal of the pre-screen, in the folder of the review; its parts are hashes of items."""
_WAY_ON: Final = "call the same 'spinebench build review prescreen' again"


class PrescreenReply(Record):
    """What the model is asked to reply."""

    supported: Literal["yes", "no", "unsure"]
    """Whether the picture supports the marked answer."""
    also_right: tuple[str, ...]
    """Letters of other options that are right as well."""
    quality: Literal["good", "limited", "poor"]
    """Of the picture, for answering this question."""
    text_in_picture: Literal["none", "harmless", "identifying"]
    """Text burned into the picture: side marks and scales are harmless."""
    remark: str


class PrescreenRemark(Record):
    """The reply on one item, read. It has no field that decides anything."""

    item_hash: Sha256
    model: str
    reply: PrescreenReply

    @property
    def suspicion(self) -> int:
        """0 to 10, for an order of attention only, by weights of our own: no support 4 (unsure 1), another option right
        3, identifying text 2, poor picture 1."""
        one = self.reply
        return (
            {"no": 4, "unsure": 1, "yes": 0}[one.supported]
            + (3 if one.also_right else 0)
            + (2 if one.text_in_picture == "identifying" else 0)
            + (1 if one.quality == "poor" else 0)
        )

    def texts(self) -> tuple[str, ...]:
        """The remarks in words, for a reviewer who has decided already."""
        one = self.reply
        said = [
            {
                "no": "The picture does not support the marked answer.",
                "unsure": "Unsure about the marked answer.",
            }.get(one.supported),
            f"Also right: {', '.join(one.also_right)}." if one.also_right else None,
            None if one.quality == "good" else f"Picture: {one.quality}.",
            None if one.text_in_picture == "none" else f"Text in the picture: {one.text_in_picture}.",
            one.remark.strip() or None,
        ]
        return tuple(text for text in said if text)


@cache
def templates() -> dict[str, Template]:
    """The packaged prompts, `prescreen` and `again`, with their hashes."""
    return packaged_templates("spinebench.builder.review", "prescreen_prompt.yaml")


def prescreen_steps(folder: Path, *, gateway: Gateway | None = None) -> Steps:
    """The stored replies in the folder of a review; without a gateway they are read only."""
    again = templates()["again"]
    return Steps(folder / PRESCREEN, what="pre-screen", way_on=_WAY_ON, again=again, gateway=gateway)


def read_remarks(folder: Path) -> dict[str, PrescreenRemark]:
    """Item hash -> the last remark on it; replies that could not be used give none."""
    return {
        entry.part: PrescreenRemark(
            item_hash=entry.part, model=entry.model, reply=PrescreenReply.model_validate(entry.value)
        )
        for entry in prescreen_steps(folder).journal.read()
        if entry.value is not None and entry.problem is None
    }
