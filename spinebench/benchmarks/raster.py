"""Reads the structure of PNG and JPEG files without decoding pixels: size, layout, completeness, metadata.

It tells whether a file can be sent as it is, and removes metadata without touching the coded pixels.
Sources: PNG Specification, third edition (W3C 2025), sections 5 and 11; ITU-T T.81 (1992), annex B.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final, Literal

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE: Final = b"\xff\xd8\xff"

_PNG_KEPT: Final = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"cICP",
        b"sBIT",
        b"pHYs",
    }
)
"""Chunks that say how the pixels are to be shown. All others are metadata."""
_PNG_CHANNELS: Final = {0: "grey", 2: "rgb", 3: "palette", 4: "grey+alpha", 6: "rgb+alpha"}

_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES: Final = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
)
_COMMON_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended sequential and progressive: what every reader of JPEG decodes."""
_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class StructureError(ValueError):
    """A file that is not what its first bytes promise; `truncated` where it ends too early or is damaged."""

    def __init__(self, message: str, *, truncated: bool = False) -> None:
        super().__init__(message)
        self.truncated = truncated


@dataclass(frozen=True, slots=True)
class Note:
    """A piece of metadata found in a file: what kind, under which name, with which text."""

    kind: Literal["exif", "text", "other"]
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Raster:
    """What a PNG or JPEG file holds, from its headers."""

    media_type: Literal["image/png", "image/jpeg"]
    width: int
    height: int
    layout: str
    """`rgb`, `grey`, `palette`, `grey+alpha`, `rgb+alpha`, `cmyk`, or `rgb?` for unusual component ids."""
    bits: int
    plain: bool
    """True for 8-bit RGB (or YCbCr) that every reader decodes, without transparency."""
    notes: tuple[Note, ...]
    """Metadata, in file order; what stands behind the end of the image is one of kind `other`."""
    kept: tuple[tuple[int, int], ...]
    """Byte ranges that make up the file without its metadata."""

    @property
    def exif(self) -> bytes | None:
        """The first EXIF block, as a TIFF structure."""
        return next((note.data for note in self.notes if note.kind == "exif"), None)

    def stripped(self, data: bytes) -> bytes:
        """The file without metadata: the same pixels, coded by the same bytes."""
        return b"".join(data[start:end] for start, end in self.kept)


def read_raster(data: bytes) -> Raster | None:
    """The structure of a complete PNG or JPEG file; None for anything else. Raises `StructureError`."""
    if data.startswith(PNG_SIGNATURE):
        return _png(data)
    if data.startswith(JPEG_SIGNATURE):
        return _jpeg(data)
    return None


def _png(data: bytes) -> Raster:
    view = memoryview(data)
    at = len(PNG_SIGNATURE)
    kept = [(0, at)]
    notes: list[Note] = []
    width = height = bits = colour = -1
    transparent = coded = False
    while True:
        if at + 12 > len(data):
            raise StructureError("ends before its last chunk", truncated=True)
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise StructureError(f"ends within its {_chunk_name(kind)} chunk", truncated=True)
        if zlib.crc32(view[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise StructureError(f"has a damaged {_chunk_name(kind)} chunk", truncated=True)
        if width < 0:
            if kind != b"IHDR" or length != 13:
                raise StructureError("has no header chunk")
            width, height, bits, colour = struct.unpack_from(">IIBB", data, at + 8)
            if colour not in _PNG_CHANNELS or bits not in {1, 2, 4, 8, 16} or not width or not height:
                raise StructureError("has a header of impossible values")
        transparent |= kind == b"tRNS"
        coded |= kind == b"IDAT"
        if kind in _PNG_KEPT:
            if kept[-1][1] == at:
                kept[-1] = (kept[-1][0], end)
            else:
                kept.append((at, end))
        elif not kind[0] & 0x20:
            raise StructureError(f"has an unknown critical chunk {_chunk_name(kind)}")
        else:
            notes.append(_png_note(kind, data[at + 8 : end - 4]))
        at = end
        if kind == b"IEND":
            break
    if not coded:
        raise StructureError("has no pixel data", truncated=True)
    if at < len(data):
        notes.append(Note("other", "data behind the image", data[at:]))
    layout = _PNG_CHANNELS[colour]
    return Raster(
        media_type="image/png",
        width=width,
        height=height,
        layout=layout + ("+alpha" if transparent and "alpha" not in layout else ""),
        bits=bits,
        plain=layout == "rgb" and bits == 8 and not transparent,
        notes=tuple(notes),
        kept=tuple(kept),
    )


def _chunk_name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace")


def _png_note(kind: bytes, data: bytes) -> Note:
    match kind:
        case b"eXIf":
            return Note("exif", "eXIf", data)
        case b"tEXt" | b"zTXt" | b"iTXt":
            keyword, _, rest = data.partition(b"\0")
            return Note("text", keyword.decode("latin-1"), _png_text(kind, rest))
        case _:
            return Note("other", _chunk_name(kind), data)


def _png_text(kind: bytes, rest: bytes) -> bytes:
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _inflate(rest[1:])
    compressed = rest[:1] == b"\1"
    text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return _inflate(text) if compressed else text


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, 1 << 16)  # enough to judge; a bomb stays folded
    except zlib.error:
        return b""


def _jpeg(data: bytes) -> Raster:
    at = 2
    kept = [(0, 2)]
    notes: list[Note] = []
    frame: tuple[int, int, int, int, bytes] | None = None  # marker, bits, height, width, component ids
    adobe: int | None = None
    scanned = False
    while True:
        marker, start = _marker(data, at)
        if marker == 0xD9:
            kept = _extend(kept, start, start + 2)
            at = start + 2
            break
        if marker in _STANDALONE:
            at = start + 2
            kept = _extend(kept, start, at)
            continue
        if start + 4 > len(data):
            raise StructureError("ends within a segment", truncated=True)
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        if end > len(data):
            raise StructureError("ends within a segment", truncated=True)
        body = data[start + 4 : end]
        if marker in _FRAMES and frame is None:
            if len(body) < 6 or len(body) < 6 + 3 * body[5]:
                raise StructureError("has a damaged frame header")
            frame = (marker, body[0], *struct.unpack_from(">HH", body, 1), body[6 : 6 + 3 * body[5] : 3])
        if marker == 0xDA:
            scanned = True
            behind = _SCAN_END.search(data, end)
            if behind is None:
                raise StructureError("ends within its pixel data", truncated=True)
            end = behind.start()
        note = _jpeg_note(marker, body)
        if note is None:
            kept = _extend(kept, start, end)
            if marker == 0xEE and len(body) >= 12:
                adobe = body[11]
        else:
            notes.append(note)
        at = end
    if frame is None or not scanned:
        raise StructureError("has no pixel data", truncated=True)
    if at < len(data):
        notes.append(Note("other", "data behind the image", data[at:]))
    marker, bits, height, width, ids = frame
    if not width or not height:
        raise StructureError("has no size in its header")
    layout = {1: "grey", 3: "rgb", 4: "cmyk"}.get(len(ids), "rgb?")
    # Three components are YCbCr unless an Adobe marker says RGB, or their ids spell it.
    usual = adobe == 1 or (adobe is None and ids != b"RGB")
    return Raster(
        media_type="image/jpeg",
        width=width,
        height=height,
        layout=layout,
        bits=bits,
        plain=layout == "rgb" and bits == 8 and marker in _COMMON_FRAMES and usual,
        notes=tuple(notes),
        kept=tuple(kept),
    )


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The next marker's code and where its last 0xFF stands; fill bytes before it are passed over."""
    if at + 2 > len(data):
        raise StructureError("ends before its end marker", truncated=True)
    if data[at] != 0xFF:
        raise StructureError("has a damaged segment", truncated=True)
    while at + 1 < len(data) and data[at + 1] == 0xFF:
        at += 1
    if at + 2 > len(data):
        raise StructureError("ends before its end marker", truncated=True)
    return data[at + 1], at


def _extend(kept: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    if kept[-1][1] == start:
        return [*kept[:-1], (kept[-1][0], end)]
    return [*kept, (start, end)]


def _jpeg_note(marker: int, body: bytes) -> Note | None:
    """The metadata that a segment holds; None for a segment that belongs to the picture."""
    if marker == 0xFE:
        return Note("text", "comment", body)
    if not 0xE0 <= marker <= 0xEF:
        return None
    if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) == 14 and body[12:14] == b"\0\0":
        return None  # with a thumbnail it is longer: that one goes
    if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
        return None
    if marker == 0xEE and body.startswith(b"Adobe"):
        return None
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        return Note("exif", "EXIF", body[6:])
    if marker == 0xE1 and body.startswith(b"http://ns.adobe.com/x"):
        return Note("text", "XMP", body.partition(b"\0")[2])
    if marker == 0xED:
        return Note("text", "IPTC", body)
    return Note("other", f"APP{marker - 0xE0}", body)
