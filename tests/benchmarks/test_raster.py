from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from spinebench.benchmarks.raster import StructureError, read_raster

Picture = Callable[..., bytes]


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    ("kind", "mode", "options", "layout", "plain"),
    [
        pytest.param("PNG", "RGB", {}, "rgb", True, id="png"),
        pytest.param("PNG", "L", {}, "grey", False, id="png grey"),
        pytest.param("PNG", "P", {}, "palette", False, id="png palette"),
        pytest.param("PNG", "1", {}, "grey", False, id="png one bit"),
        pytest.param("PNG", "RGBA", {}, "rgb+alpha", False, id="png alpha"),
        pytest.param("PNG", "LA", {}, "grey+alpha", False, id="png grey alpha"),
        pytest.param(
            "PNG", "RGB", {"transparency": (0, 0, 0)}, "rgb+alpha", False, id="png transparent colour"
        ),
        pytest.param("JPEG", "RGB", {}, "rgb", True, id="jpeg"),
        pytest.param("JPEG", "RGB", {"progressive": True}, "rgb", True, id="jpeg progressive"),
        pytest.param("JPEG", "RGB", {"restart_marker_blocks": 1}, "rgb", True, id="jpeg restart markers"),
        pytest.param("JPEG", "RGB", {"subsampling": 2, "optimize": True}, "rgb", True, id="jpeg 4:2:0"),
        pytest.param("JPEG", "RGB", {"keep_rgb": True}, "rgb", False, id="jpeg stored as rgb"),
        pytest.param("JPEG", "L", {}, "grey", False, id="jpeg grey"),
        pytest.param("JPEG", "CMYK", {}, "cmyk", False, id="jpeg cmyk"),
    ],
)
def test_structure(
    picture: Picture, kind: str, mode: str, options: dict[str, object], layout: str, plain: bool
) -> None:
    raster = read_raster(picture(kind, mode=mode, **options))
    assert raster is not None
    assert (raster.width, raster.height) == (40, 30)
    assert raster.media_type == f"image/{kind.lower()}"
    assert (raster.layout, raster.plain, raster.notes) == (layout, plain, ())


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_off_anywhere_is_noticed(picture: Picture, kind: str, fraction: float) -> None:
    data = picture(kind, size=(200, 200))
    with pytest.raises(StructureError) as caught:
        read_raster(data[: int(len(data) * fraction)])
    assert caught.value.truncated


def test_a_damaged_png_is_noticed(picture: Picture) -> None:
    data = bytearray(picture())
    data[60] ^= 1
    with pytest.raises(StructureError, match="damaged"):
        read_raster(bytes(data))


def test_no_picture_is_no_raster() -> None:
    assert read_raster(b"<!DOCTYPE html>") is None


@settings(max_examples=300)
@given(rest=st.binary(max_size=200), kind=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]))
def test_any_bytes_behind_a_signature_are_judged(rest: bytes, kind: bytes) -> None:
    try:
        raster = read_raster(kind + rest)
    except StructureError as error:
        assert str(error)  # noqa: PT017 - both ends are right, a crash is not
    else:
        assert raster is not None


def test_metadata_of_a_png_is_found_and_removed(picture: Picture) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Jane Roe")
    texts.add_text("Comment", "packed", zip=True)
    texts.add_itxt("Title", "été")
    exif = Image.Exif()
    exif[0x013B] = "Jane Roe"
    plain = picture()
    rich = picture(pnginfo=texts, exif=exif, dpi=(72, 72)) + b"behind"
    raster = read_raster(rich)
    assert raster is not None
    assert raster.plain
    assert [(note.kind, note.name) for note in raster.notes] == [
        ("text", "Author"),
        ("text", "Comment"),
        ("text", "Title"),
        ("exif", "eXIf"),
        ("other", "data behind the image"),
    ]
    assert [note.data for note in raster.notes[:3]] == [b"Jane Roe", b"packed", "été".encode()]
    stripped = raster.stripped(rich)
    again = read_raster(stripped)
    assert again is not None
    assert again.notes == ()
    assert pixels(stripped) == pixels(plain)
    assert b"Jane" not in stripped


def test_metadata_of_a_jpeg_is_found_and_removed(picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Jane Roe"
    plain = picture("JPEG")
    rich = picture("JPEG", exif=exif, comment=b"Jane", xmp=b"<x>Jane</x>", icc_profile=b"profile") + b"behind"
    raster = read_raster(rich)
    assert raster is not None
    assert {note.kind for note in raster.notes} == {"exif", "text", "other"}
    stripped = raster.stripped(rich)
    assert pixels(stripped) == pixels(plain)
    assert b"Jane" not in stripped
    assert b"ICC_PROFILE" in stripped
    assert b"JFIF" in stripped


def test_a_packed_text_is_not_unpacked_in_full(picture: Picture) -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 26)))
    data = picture()
    raster = read_raster(data[:33] + bomb + data[33:])
    assert raster is not None
    assert len(raster.notes[0].data) <= 1 << 16


def test_an_animated_png_keeps_its_first_frame(picture: Picture) -> None:
    sink = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (n, n, n)) for n in (10, 20)]
    frames[0].save(sink, "PNG", save_all=True, append_images=frames[1:])
    raster = read_raster(sink.getvalue())
    assert raster is not None
    stripped = raster.stripped(sink.getvalue())
    with Image.open(io.BytesIO(stripped)) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.getpixel((0, 0)) == (10, 10, 10)
