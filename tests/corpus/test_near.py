"""Near duplicates of texts and pictures."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from spinebench.benchmarks.near_texts import NEAR_OVERLAP, exact_form, near_texts, shingles
from spinebench.benchmarks.picture_hash import N_BITS, NEAR_BITS, distances, picture_hash
from tests.corpus_authors import picture


def _hash(image: Image.Image, **settings: object) -> str:
    data = BytesIO()
    image.save(data, "JPEG" if settings else "PNG", **settings)
    return picture_hash(data.getvalue())


@pytest.mark.parametrize("change", ["half", "jpeg", "brighter", "flatter"])
def test_a_copy_looks_alike(tmp_path: Path, change: str) -> None:
    picture(tmp_path / "a.png", 1)
    image = Image.open(tmp_path / "a.png")
    changed = {
        "half": lambda: _hash(image.resize((48, 48))),
        "jpeg": lambda: _hash(image, quality=40),
        "brighter": lambda: _hash(ImageEnhance.Brightness(image).enhance(1.1)),
        "flatter": lambda: _hash(ImageEnhance.Contrast(image).enhance(0.7)),
    }[change]()
    assert distances([_hash(image)], [changed])[0, 0] <= NEAR_BITS


def test_other_pictures_do_not(tmp_path: Path) -> None:
    for seed in range(6):
        picture(tmp_path / f"{seed}.png", seed)
    hashes = [picture_hash((tmp_path / f"{seed}.png").read_bytes()) for seed in range(6)]
    found = distances(hashes, hashes)
    assert found.max() <= N_BITS
    for one in range(6):
        assert found[one, one] == 0
        assert all(found[one, other] > NEAR_BITS for other in range(6) if other != one)


def test_damaged_pixels_are_an_error_of_the_file() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"no zlib") + chunk(b"IEND", b"")
    with pytest.raises(OSError, match=r"damaged|broken|truncated"):
        picture_hash(png)


def test_distance_counts_bits() -> None:
    assert distances(["00" * 32], ["00" * 31 + "07", "ff" + "00" * 31]).tolist() == [[3, 8]]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Which level? L4/L5", "which  level? L4-L5."), ("图１：腰椎", "图1:腰椎"), ("A – b", "a – B")],
)
def test_the_same_exact_form(one: str, other: str) -> None:
    assert exact_form(one) == exact_form(other)


@pytest.mark.parametrize(("one", "other"), [("> 5 mm", "< 5 mm"), ("L4/L5", "L5/S1"), ("+", "-")])
def test_another_exact_form(one: str, other: str) -> None:
    assert exact_form(one) != exact_form(other)


def test_overlap_by_hand() -> None:
    # Shingles of three words: {a b c, b c d, c d e} and {a b c, b c d, c d f}: 2 in common of 4.
    assert list(near_texts(["a b c d e"], ["a b c d f"])) == []
    # One word added at the end of seven: 5 in common of 6.
    assert list(near_texts(["a b c d e f g"], ["x y z", "a b c d e f g h"])) == [(0, 1, 5 / 6)]


def test_chinese_goes_by_characters() -> None:
    ((row, column, overlap),) = near_texts(["腰椎间盘突出最常见的节段"], ["腰椎间盘突出最常见的节段是"])
    assert (row, column) == (0, 0)
    assert overlap == pytest.approx(10 / 11)  # 12 characters give 10 shingles, 13 give 11


def test_nothing_to_compare() -> None:
    assert (
        list(near_texts([], ["a"])) == list(near_texts(["a"], [])) == list(near_texts(["..."], ["!"])) == []
    )


@given(
    st.lists(st.text(alphabet="ab 图椎", max_size=12), max_size=6),
    st.lists(st.text(alphabet="ab 图椎", max_size=12), max_size=6),
)
def test_as_counted_pair_by_pair(texts: list[str], others: list[str]) -> None:
    expected = {}
    for row, one in enumerate(map(shingles, texts)):
        for column, other in enumerate(map(shingles, others)):
            if one & other and (value := len(one & other) / len(one | other)) >= NEAR_OVERLAP:
                expected[row, column] = pytest.approx(value)
    assert {(row, column): value for row, column, value in near_texts(texts, others)} == expected
