"""Near duplicates: all pairs are found, groups are chains of pairs, and the threshold parts copies from others."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from spinebench.benchmarks.picture_hash import NEAR_BITS, distances, image_hash, picture_hash
from spinebench.builder.near_duplicates import NearPair, near_duplicate_groups, near_pairs
from spinebench.errors import DataError
from tests.builder.trees import picture

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images"


def with_bits(*bits: int) -> str:
    """A hash whose bits of these numbers (1 to 255) are set."""
    value = sum(1 << (255 - bit) for bit in set(bits))
    return f"{value:064x}"


def test_pairs_and_chains() -> None:
    # b is 3 bits from a, c 3 bits from b and so 6 from a; d is far from all.
    ids = ["b", "a", "d", "c"]
    hashes = [with_bits(1, 2, 3), with_bits(), with_bits(*range(100, 200)), with_bits(*range(1, 7))]
    assert list(near_pairs(ids, hashes, max_bits=3)) == [NearPair("a", "b", 3), NearPair("b", "c", 3)]
    assert near_duplicate_groups(ids, hashes, max_bits=3) == {"b": "a", "a": "a", "d": "d", "c": "a"}
    assert near_duplicate_groups(ids, hashes, max_bits=2) == {one: one for one in ids}
    assert near_duplicate_groups(ids, hashes, max_bits=255) == dict.fromkeys(ids, "a")


@pytest.mark.parametrize("n", [0, 1])
def test_few(n: int) -> None:
    ids = ["x"][:n]
    assert near_duplicate_groups(ids, [with_bits()] * n, max_bits=24) == {one: one for one in ids}
    assert list(near_pairs(ids, [with_bits()] * n, max_bits=24)) == []


def test_equal_hashes_are_one_group_at_no_bits() -> None:
    assert near_duplicate_groups(["q", "p"], [with_bits(9)] * 2, max_bits=0) == {"q": "p", "p": "p"}


@pytest.mark.parametrize("wrong", ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64])
def test_what_is_no_hash_is_named(wrong: str) -> None:
    with pytest.raises(DataError, match="of image 'bad': expected 64 hex digits"):
        near_duplicate_groups(["ok", "bad"], ["0" * 64, wrong], max_bits=1)


@given(st.lists(st.sets(st.integers(1, 12), max_size=6), max_size=12), st.integers(0, 6))
def test_groups_are_the_chains_of_all_pairs(sets: list[set[int]], max_bits: int) -> None:
    ids = [f"i{n}" for n in range(len(sets))]
    hashes = [with_bits(*bits) for bits in sets]
    expected = {one: one for one in ids}
    pairs = {
        (f"i{a}", f"i{b}") for a, b in combinations(range(len(sets)), 2) if len(sets[a] ^ sets[b]) <= max_bits
    }
    for _ in ids:  # spread the smaller name along every pair until nothing changes
        for one, other in pairs:
            expected[one] = expected[other] = min(expected[one], expected[other])
    found = {tuple(sorted((pair.id, pair.other))) for pair in near_pairs(ids, hashes, max_bits=max_bits)}
    assert found == {tuple(sorted(pair)) for pair in pairs}
    assert near_duplicate_groups(ids, hashes, max_bits=max_bits) == expected


def test_pairs_across_blocks() -> None:
    """More hashes than a block holds (256 x 4,096), with near ones at both ends, and a flood of alike ones."""
    rng = np.random.default_rng(1)
    random = rng.integers(0, 256, (4500, 32), dtype=np.uint8)
    random[:, 0] &= 0x7F
    random[4499] = random[0]
    random[4499, 31] ^= 0b111
    random[4200:4400] = random[7]
    random[4200:4400, 5] = np.arange(200)
    hashes = [row.tobytes().hex() for row in random]
    ids = [f"{n:05d}" for n in range(4500)]
    groups = near_duplicate_groups(ids, hashes, max_bits=NEAR_BITS)
    assert groups["04499"] == "00000"
    assert {groups[one] for one in ids[4200:4400]} == {"00007"}
    assert len(set(groups.values())) == 4500 - 1 - 200
    order = rng.permutation(4500)
    shuffled = near_duplicate_groups([ids[n] for n in order], [hashes[n] for n in order], max_bits=NEAR_BITS)
    assert shuffled == groups


def pictures() -> dict[str, Image.Image]:
    """Pictures of different patients: drawn ones, and real ones where they are."""
    found = {f"drawn {n}": Image.fromarray(picture(n, "Healthy", height=320, width=320)) for n in range(10)}
    if REAL.is_dir():
        for file in sorted(REAL.glob("mri_spider/*_t2.png")):
            found[file.name] = Image.open(file).convert("L")
    return found


def changed(image: Image.Image, how: str) -> Image.Image:
    match how:
        case "half the size":
            return image.resize((image.width // 2, image.height // 2))
        case "jpeg":
            sink = io.BytesIO()
            image.save(sink, "JPEG", quality=40)
            return Image.open(sink)
        case "dark":
            return ImageEnhance.Brightness(image).enhance(0.8)
        case _:
            return ImageEnhance.Contrast(image).enhance(0.7)


@pytest.mark.parametrize("how", ["half the size", "jpeg", "dark", "contrast"])
def test_a_copy_is_near_and_another_patient_is_not(how: str) -> None:
    found = pictures()
    own = [image_hash(image) for image in found.values()]
    copies = [image_hash(changed(image, how)) for image in found.values()]
    bits = distances(own, copies)
    assert bits.diagonal().max() <= NEAR_BITS
    bits[np.diag_indices(len(own))] = 255
    assert bits.min() > NEAR_BITS


def test_the_hash_of_a_decoded_picture_is_that_of_its_file() -> None:
    sink = io.BytesIO()
    image = Image.fromarray(picture(3, "Healthy"))
    image.save(sink, "PNG")
    assert image_hash(image) == picture_hash(sink.getvalue())
