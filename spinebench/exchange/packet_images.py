"""Images as they go into a packet: the pixels a model was shown, and nothing else of the file."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PacketImage:
    """An image file without a name and without metadata."""

    data: bytes
    media_type: Literal["image/png", "image/jpeg"]
    width: int
    height: int

    @property
    def data_uri(self) -> str:
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


def pixels_only(data: bytes) -> PacketImage:
    """The same picture, with texts, EXIF, profiles, thumbnails and bytes behind its end left out.

    A JPEG that holds pixels only stays as it is, byte for byte; anything else is written anew as PNG, which
    loses nothing. Raises OSError (PIL) for bytes that are no image.
    """
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
        image.load()
        if image.format == "JPEG" and _bare_jpeg(data):
            return PacketImage(data, "image/jpeg", image.width, image.height)
        if image.mode.startswith(("I", "F")):
            raise OSError(f"it has more than 8 bits a channel ({image.mode})")
        mode = image.mode if image.mode in {"L", "RGB"} else "RGB"
        plain = image.convert(mode)
    bare = Image.frombytes(mode, plain.size, plain.tobytes())
    sink = io.BytesIO()
    bare.save(sink, "PNG", compress_level=6)
    return PacketImage(sink.getvalue(), "image/png", bare.width, bare.height)


_TABLES_AND_FRAMES = frozenset({0xC4, 0xDB, 0xDD, *range(0xC0, 0xC4)})
_JFIF, _ADOBE = 0xE0, 0xEE


def _bare_jpeg(data: bytes) -> bool:
    """Whether a JPEG holds only what decoding its pixels takes (ITU-T T.81, annex B), up to its last byte."""
    if not data.endswith(b"\xff\xd9") or data.count(b"\xff\xd9") != 1:
        return False
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, body = data[at + 1], data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:
            # Baseline: one scan, and only restart markers and stuffed bytes up to the end.
            rest = data[at:-2]
            return all(rest[place + 1] in {0, *range(0xD0, 0xD8)} for place in _marks(rest))
        plain_jfif = marker == _JFIF and body[:5] == b"JFIF\0" and len(body) == 14 and body[12:] == b"\0\0"
        plain_adobe = marker == _ADOBE and body[:5] == b"Adobe" and len(body) == 12
        if not (marker in _TABLES_AND_FRAMES or plain_jfif or plain_adobe):
            return False
    return False


def _marks(data: bytes) -> list[int]:
    found, at = [], data.find(b"\xff")
    while at >= 0 and at + 1 < len(data):
        found.append(at)
        at = data.find(b"\xff", at + 1)
    return found
