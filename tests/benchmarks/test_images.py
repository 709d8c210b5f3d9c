from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spinebench.benchmarks import ImageError, ImagePolicy, ImageProblem, ImageStore, PreparedImage
from spinebench.errors import UsageError
from spinebench.records import ImageRef

Picture = Callable[..., bytes]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


@pytest.fixture
def store(root: Path, tmp_path: Path) -> ImageStore:
    return ImageStore(root, cache_dir=tmp_path / "cache")


def opened(prepared: PreparedImage) -> Image.Image:
    """The sent file, after checking that its record tells the truth."""
    data = prepared.file.read_bytes()
    assert hashlib.sha256(data).hexdigest() == prepared.image.sha256
    assert len(data) == prepared.image.n_bytes
    image = Image.open(io.BytesIO(data))
    image.load()
    assert (image.width, image.height) == (prepared.image.width, prepared.image.height)
    assert f"image/{str(image.format).lower()}" == prepared.image.media_type
    assert image.mode == "RGB"
    assert not image.getexif()
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_plain_image_is_sent_as_it_is(root: Path, store: ImageStore, picture: Picture, kind: str) -> None:
    (root / "a").write_bytes(picture(kind))
    prepared = store.prepare(ImageRef(path="a"))
    assert prepared.file == (root / "a").resolve()
    assert prepared.image.transform == "as_is"
    assert prepared.image.source_sha256 == prepared.image.sha256
    assert prepared.image.source_path == "a"
    opened(prepared)


@pytest.mark.parametrize(
    ("kind", "mode", "options", "media_type", "transform"),
    [
        pytest.param("PNG", "L", {}, "image/png", "grey to rgb; png", id="grey png"),
        pytest.param("PNG", "P", {}, "image/png", "palette to rgb; png", id="palette"),
        pytest.param("PNG", "1", {}, "image/png", "grey to rgb; png", id="one bit"),
        pytest.param("PNG", "RGBA", {}, "image/png", "rgb+alpha over black to rgb; png", id="alpha"),
        pytest.param("PNG", "LA", {}, "image/png", "grey+alpha over black to rgb; png", id="grey alpha"),
        pytest.param("JPEG", "L", {}, "image/jpeg", "grey to rgb; jpeg own tables", id="grey jpeg"),
        pytest.param("JPEG", "CMYK", {}, "image/jpeg", "cmyk to rgb; jpeg 95", id="cmyk"),
    ],
)
def test_other_layouts_become_rgb(
    root: Path,
    store: ImageStore,
    picture: Picture,
    kind: str,
    mode: str,
    options: dict[str, object],
    media_type: str,
    transform: str,
) -> None:
    data = picture(kind, mode=mode, **options)
    (root / "a").write_bytes(data)
    prepared = store.prepare(ImageRef(path="a"))
    assert (prepared.image.media_type, prepared.image.transform) == (media_type, transform)
    with Image.open(io.BytesIO(data)) as source:
        expected = np.asarray(source.convert("RGB"), np.int16)
    difference = np.abs(np.asarray(opened(prepared), np.int16) - expected)
    assert difference.max() <= (0 if media_type == "image/png" else 6)


def test_transparent_pixels_become_black(root: Path, store: ImageStore) -> None:
    Image.new("RGBA", (4, 4), (200, 100, 50, 0)).save(root / "a.png")
    assert opened(store.prepare(ImageRef(path="a.png"))).getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("highest", "bits"), [(200, 8), (4095, 12), (2500, 12), (65535, 16), (40000, 16)], ids=str
)
def test_16_bit_grey_is_scaled_by_the_bits_in_use(
    root: Path, store: ImageStore, highest: int, bits: int
) -> None:
    values = np.linspace(0, highest, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(root / "a.png")
    prepared = store.prepare(ImageRef(path="a.png"))
    assert prepared.image.transform == f"grey {bits} of 16 bit to rgb; png"
    shown = np.asarray(opened(prepared))[..., 0]
    assert shown.max() == round(highest * 255 / (2**bits - 1))
    assert (np.diff(shown.ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("turn", [3, 6, 8])
def test_exif_rotation_is_applied(
    root: Path, store: ImageStore, picture: Picture, kind: str, turn: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    (root / "a").write_bytes(picture(kind, exif=exif))
    prepared = store.prepare(ImageRef(path="a"))
    image = opened(prepared)
    assert image.size == ((40, 30) if turn == 3 else (30, 40))
    assert f"exif orientation {turn}" in prepared.image.transform
    plain = Image.open(io.BytesIO(picture(kind)))
    way = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    expected = np.asarray(plain.transpose(way[turn]), np.int16)
    assert np.abs(np.asarray(image, np.int16) - expected).max() <= 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_metadata_does_not_leave(root: Path, store: ImageStore, picture: Picture, kind: str) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Jane Roe"
    exif[0x0112] = 1
    (root / "a").write_bytes(picture(kind, exif=exif))
    prepared = store.prepare(ImageRef(path="a"))
    assert prepared.image.transform.startswith("metadata removed (")
    assert b"Jane" not in prepared.file.read_bytes()
    with Image.open(io.BytesIO(picture(kind))) as plain:
        assert opened(prepared).tobytes() == plain.tobytes()


def test_unreadable_exif_costs_nothing_but_itself(root: Path, store: ImageStore, picture: Picture) -> None:
    data = picture("JPEG")
    body = b"Exif\0\0II*\0\xff\xff\xff\xff"
    (root / "a.jpg").write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    assert store.prepare(ImageRef(path="a.jpg")).image.transform == "metadata removed (EXIF)"


@pytest.mark.parametrize(
    ("policy", "kind", "media_type", "size", "transform"),
    [
        (ImagePolicy(longest_side=20), "PNG", "image/png", (20, 15), "resize 20x15; png"),
        (ImagePolicy(longest_side=20), "JPEG", "image/jpeg", (20, 15), "resize 20x15; jpeg 95"),
        (ImagePolicy(longest_side=40), "PNG", "image/png", (40, 30), "as_is"),
        (ImagePolicy(longest_side=None), "PNG", "image/png", (40, 30), "as_is"),
        (ImagePolicy(format="jpeg", jpeg_quality=80), "PNG", "image/jpeg", (40, 30), "jpeg 80"),
        (ImagePolicy(format="png"), "JPEG", "image/png", (40, 30), "png"),
        (ImagePolicy(format="jpeg"), "JPEG", "image/jpeg", (40, 30), "as_is"),
    ],
    ids=str,
)
def test_policy(
    root: Path,
    tmp_path: Path,
    picture: Picture,
    policy: ImagePolicy,
    kind: str,
    media_type: str,
    size: tuple[int, int],
    transform: str,
) -> None:
    (root / "a").write_bytes(picture(kind))
    prepared = ImageStore(root, cache_dir=tmp_path / "cache", policy=policy).prepare(ImageRef(path="a"))
    assert (prepared.image.media_type, prepared.image.transform) == (media_type, transform)
    assert opened(prepared).size == size


def header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"<!DOCTYPE html><html></html>", "not_an_image", id="html"),
        pytest.param(b"GIF89a" + bytes(40), "not_an_image", id="gif"),
        pytest.param(b"\xff\xd8\xff", "truncated", id="three bytes of jpeg"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "truncated", id="signature only"),
        pytest.param(header(60_000, 60_000), "too_large", id="bomb"),
        pytest.param(header(0, 10), "not_an_image", id="no width"),
        pytest.param(header(1000, 1000), "truncated", id="fewer pixels than promised"),
    ],
)
def test_what_is_no_usable_image(root: Path, store: ImageStore, content: bytes, problem: str) -> None:
    (root / "a.png").write_bytes(content)
    for attempt in (store.prepare, store.check, store.blank):
        with pytest.raises(ImageError, match=r"'a\.png'") as caught:
            attempt(ImageRef(path="a.png"))
        assert caught.value.problem is ImageProblem(problem)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_truncated_images(root: Path, store: ImageStore, picture: Picture, kind: str, mode: str) -> None:
    data = picture(kind, mode=mode, size=(300, 300))
    (root / "a").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError) as caught:
        store.prepare(ImageRef(path="a"))
    assert caught.value.problem is ImageProblem.TRUNCATED


def test_a_declared_hash_is_verified(root: Path, store: ImageStore, picture: Picture) -> None:
    (root / "a.png").write_bytes(picture())
    right = hashlib.sha256(picture()).hexdigest()
    assert store.prepare(ImageRef(path="a.png", sha256=right)).image.source_sha256 == right
    with pytest.raises(ImageError) as caught:
        store.prepare(ImageRef(path="a.png", sha256="0" * 64))
    assert caught.value.problem is ImageProblem.CHANGED


def test_conversions_are_kept_and_mended(root: Path, tmp_path: Path, picture: Picture) -> None:
    (root / "a.png").write_bytes(picture(mode="L"))
    (root / "b.png").write_bytes(picture(mode="L"))

    def prepare(path: str) -> PreparedImage:
        return ImageStore(root, cache_dir=tmp_path / "cache").prepare(ImageRef(path=path))

    first, other = prepare("a.png"), prepare("b.png")
    assert other.file == first.file
    assert (first.image.source_path, other.image.source_path) == ("a.png", "b.png")
    before = first.file.stat().st_mtime_ns
    assert prepare("a.png") == first
    assert first.file.stat().st_mtime_ns == before
    first.file.write_bytes(b"damaged")
    opened(prepare("a.png"))
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_changed_file_is_noticed_and_an_unchanged_one_not_read_again(
    root: Path, store: ImageStore, picture: Picture
) -> None:
    file = root / "a.png"
    file.write_bytes(picture())
    ref = ImageRef(path="a.png")
    first = store.prepare(ref)
    assert store.prepare(ref) is first
    status = file.stat()
    file.write_bytes(picture(size=(40, 31)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.prepare(ref).image.height == 31
    file.unlink()
    with pytest.raises(ImageError):
        store.prepare(ref)


def test_a_converted_file_that_vanished_is_made_again(
    root: Path, store: ImageStore, picture: Picture
) -> None:
    (root / "a.png").write_bytes(picture(mode="L"))
    first = store.prepare(ImageRef(path="a.png"))
    first.file.unlink()
    opened(store.prepare(ImageRef(path="a.png")))


def test_check_writes_nothing(root: Path, store: ImageStore, tmp_path: Path, picture: Picture) -> None:
    (root / "a.png").write_bytes(picture(mode="L"))
    sent = store.check(ImageRef(path="a.png"))
    assert not (tmp_path / "cache").exists()
    assert sent == store.prepare(ImageRef(path="a.png")).image


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_blank_image_is_grey_and_of_the_size_sent(
    root: Path, tmp_path: Path, picture: Picture, kind: str
) -> None:
    (root / "a").write_bytes(picture(kind))
    store = ImageStore(root, cache_dir=tmp_path / "cache", policy=ImagePolicy(longest_side=20))
    blank = store.blank(ImageRef(path="a"))
    image = opened(blank)
    assert image.size == (20, 15)
    assert image.getcolors() == [(300, (128, 128, 128))]
    assert (blank.image.source_path, blank.image.source_sha256) == (None, None)
    assert store.blank(ImageRef(path="a")) == blank


def test_a_cache_that_cannot_be_written_is_said(root: Path, tmp_path: Path, picture: Picture) -> None:
    (root / "a.png").write_bytes(picture(mode="L"))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="workspace"):
        ImageStore(root, cache_dir=tmp_path / "file").prepare(ImageRef(path="a.png"))


@pytest.mark.parametrize(
    "pattern", ["mri_spider/*.png", "mri_lumbar_mendeley/*.png", "xray_scoliosis/images/*.jpg"]
)
def test_real_images_are_sent_as_they_are(real_images: Path, tmp_path: Path, pattern: str) -> None:
    store = ImageStore(real_images, cache_dir=tmp_path)
    paths = sorted(path.relative_to(real_images).as_posix() for path in real_images.glob(pattern))
    assert paths
    for path in paths:
        ref = ImageRef(path=path)
        assert store.prepare(ref).image.transform == "as_is"
        assert store.identifiers(ref) == ()
