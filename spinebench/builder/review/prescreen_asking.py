"""The request of a pre-screen and how its reply is read."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from spinebench.agents.personas import Template
from spinebench.benchmarks.paths import Folder
from spinebench.builder.records import Candidate, Stage
from spinebench.builder.review.prescreen_records import PrescreenReply
from spinebench.builder.review.queue import letter_of
from spinebench.errors import DataError
from spinebench.models.protocol import ImagePart, JsonSchema, Message, ModelRequest, TextPart
from spinebench.records import DecodingOptions, ImageRef, SentImage
from spinebench.store.journal import explain

_THOUGHT: Final = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?</\1>|\A.*?</think>", re.DOTALL)
_MOST_OPENINGS: Final = 50


@cache
def templates() -> dict[str, Template]:
    """The packaged prompts, `prescreen` and `again`, with their hashes."""
    data = yaml.safe_load(
        files("spinebench.builder.review").joinpath("prescreen_prompt.yaml").read_text("utf-8")
    )
    return {
        name: Template(text=text.strip("\n"), hash=hashlib.sha256(text.strip("\n").encode()).hexdigest())
        for name, text in data.items()
    }


def item_text(candidate: Candidate) -> str:
    """The item as the model reads it: question, lettered options, the marked answer."""
    item = candidate.item
    options = [f"{letter_of(place)}: {text}" for place, text in enumerate(item.options)]
    marked = [letter_of(place) for place, text in enumerate(item.options) if text in item.gold]
    return "\n".join(
        [f"Question: {item.question}", *options, f"Marked as right: {', '.join(marked) or 'none'}"]
    )


def prescreen_request(candidate: Candidate, build: Path, decoding: DecodingOptions) -> ModelRequest:
    """The call for one item, with its pictures. Raises `DataError` where one is not there or was changed."""
    text = item_text(candidate)
    marker = f"ITEM-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    asked = templates()["prescreen"].fill(marker=marker, item=text)
    folder = Folder(build / Stage.STANDARDIZE.value)
    images = tuple(_part(image, folder) for image in candidate.item.images)
    return ModelRequest(
        messages=(Message(role="user", parts=(*images, TextPart(text=asked))),),
        decoding=decoding,
        json_schema=JsonSchema(name="PrescreenReply", schema=PrescreenReply.model_json_schema()),
    )


def asked_again(request: ModelRequest, reply: str, problem: str) -> ModelRequest:
    """The same request with the reply and why it cannot be used."""
    turns = (
        Message(role="assistant", parts=(TextPart(text=reply),)),
        Message(role="user", parts=(TextPart(text=templates()["again"].fill(problem=problem)),)),
    )
    return request.model_copy(update={"messages": (*request.messages, *turns)})


def read_reply(text: str, candidate: Candidate) -> PrescreenReply | str:
    """The one JSON object of a reply, or why there is none that can be used.

    Thinking before it is skipped; of several objects the fields asked for have to be in exactly one form. Letters of
    `also_right` have to be of options that are not marked.
    """
    text = _THOUGHT.sub("", text, count=1)
    decoder = json.JSONDecoder(strict=False)
    found: dict[str, PrescreenReply] = {}
    problem, at = "there is no JSON object", 0
    for _ in range(_MOST_OPENINGS):
        at = text.find("{", at)
        if at < 0:
            break
        try:
            value, at = decoder.raw_decode(text, at)
            one = PrescreenReply.model_validate_json(json.dumps(value))
        except ValidationError as error:
            problem = f"the JSON object does not have the fields that were asked for ({explain(error)})"
        except (ValueError, RecursionError):
            problem, at = "the JSON object is broken or cut off", at + 1
        else:
            found[one.model_dump_json()] = one
    if len(found) != 1:
        return f"there are {len(found)} different JSON objects" if found else problem
    (reply,) = found.values()
    item = candidate.item
    others = {letter_of(place) for place, option in enumerate(item.options) if option not in item.gold}
    if unknown := [letter for letter in reply.also_right if letter not in others]:
        return f"also_right names {unknown[0][:20]!r}, which is no letter of an option that is not marked"
    return reply


def _part(image: ImageRef, folder: Folder) -> ImagePart:
    from PIL import Image

    place = folder.locate(image.path)
    data = place.read()
    sha256 = hashlib.sha256(data).hexdigest()
    if image.sha256 is not None and image.sha256 != sha256:
        raise DataError(
            f"image {image.path!r}: expected the bytes that the item was made from (SHA-256 {image.sha256[:12]}...), "
            f"found {sha256[:12]}...; standardize the images again"
        )
    try:
        with Image.open(BytesIO(data)) as picture:
            width, height, kind = *picture.size, picture.format
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"image {image.path!r}: expected a picture, found {error}; standardize the images again"
        ) from error
    if kind not in {"PNG", "JPEG"}:
        raise DataError(
            f"image {image.path!r}: expected PNG or JPEG, found {kind}; standardize the images again"
        )
    sent = SentImage(
        source_path=image.path,
        source_sha256=sha256,
        sha256=sha256,
        media_type="image/png" if kind == "PNG" else "image/jpeg",
        width=width,
        height=height,
        n_bytes=len(data),
        transform="as_is",
    )
    return ImagePart(image=sent, file=place.file)
