"""The request of a pre-screen, and what its reply may not say."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

from spinebench.benchmarks.paths import Folder
from spinebench.builder.records import Candidate, Stage
from spinebench.builder.review.prescreen_records import PrescreenReply, templates
from spinebench.builder.review.queue import letter_of
from spinebench.errors import DataError
from spinebench.models.protocol import ImagePart, ModelRequest
from spinebench.records import DecodingOptions, ImageRef, SentImage
from spinebench.runs.packaged_prompts import marker_of, request_for


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
    asked = templates()["prescreen"].fill(marker=marker_of(text), item=text)
    folder = Folder(build / Stage.STANDARDIZE.value)
    images = tuple(_part(image, folder) for image in candidate.item.images)
    return request_for(PrescreenReply, asked, decoding, images=images)


def problems_of_reply(reply: PrescreenReply, candidate: Candidate) -> tuple[str, ...]:
    """Letters of `also_right` have to be of options that are not marked."""
    item = candidate.item
    others = {letter_of(place) for place, option in enumerate(item.options) if option not in item.gold}
    return tuple(
        f"also_right names {letter[:20]!r}, which is no letter of an option that is not marked"
        for letter in reply.also_right
        if letter not in others
    )[:1]


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
