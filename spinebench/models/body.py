"""Request bodies as bytes: JSON is encoded once, with the base64 of each image put in place afterwards.

Passing a 270 kB string through an SDK's transforms and `json.dumps` costs more CPU than the rest of the call.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from spinebench.models.protocol import ImagePart, ModelFailure
from spinebench.records import FailureClass

_MARK = f"image-bytes-{secrets.token_hex(16)}-"


def mark(index: int) -> str:
    """What stands in a body for the base64 of image `index`. Random per process: no text can hold it."""
    return f"{_MARK}{index:06d}"


def encode(body: Mapping[str, Any], images: Sequence[bytes]) -> bytes:
    """The body as JSON, each `mark(i)` replaced by `images[i]`, which is base64 already."""
    raw = json.dumps(body, separators=(",", ":")).encode("ascii")
    if not images:
        return raw
    pieces: list[bytes] = []
    position = 0
    for index, image in enumerate(images):
        head, token, _ = raw[position:].partition(mark(index).encode("ascii"))
        assert token, "images stand in the body in the order of their marks"
        pieces += [head, image]
        position += len(head) + len(token)
    pieces.append(raw[position:])
    return b"".join(pieces)


def image_base64(part: ImagePart) -> bytes:
    """The image's bytes as base64.

    Raises `ModelFailure` of class `image` where the file is gone or is not the one that was prepared.
    """
    try:
        data = part.read()
    except OSError as error:
        raise ModelFailure(
            FailureClass.IMAGE, f"prepared image {part.file.name!r}: cannot be read ({error.strerror})"
        ) from None
    if len(data) != part.image.n_bytes:
        raise ModelFailure(
            FailureClass.IMAGE,
            f"prepared image {part.file.name!r}: expected {part.image.n_bytes} bytes, found {len(data)}",
        )
    return base64.b64encode(data)


def read_json(raw: bytes | str) -> dict[str, Any]:
    """The JSON object of a reply. Raises `ModelFailure` of class `malformed` for anything else."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        start = raw[:80] if isinstance(raw, str) else raw[:80].decode("utf-8", "replace")
        raise ModelFailure(
            FailureClass.MALFORMED, f"reply of {len(raw)} bytes is not JSON, it starts {start!r}"
        ) from None
    if not isinstance(value, dict):
        raise ModelFailure(FailureClass.MALFORMED, f"reply is a JSON {type(value).__name__}, not an object")
    return value


def whole_number(value: object) -> int | None:
    """A token count; None for anything that is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text_or_none(value: object) -> str | None:
    """A non-empty string; None for anything else."""
    return value if isinstance(value, str) and value else None


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    return value if isinstance(value, dict) else {}
