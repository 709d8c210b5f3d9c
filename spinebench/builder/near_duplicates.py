"""Finds pictures that look alike among many, by the distance of their perceptual hashes: exactly, in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spinebench.benchmarks.picture_hash import N_BITS
from spinebench.builder.parallel import available_cores
from spinebench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORDS: Final = (N_BITS + 1) // 64
_ROWS: Final = 256
_COLUMNS: Final = 4096
"""Hashes that are compared at a time: a block of distances takes 1 MB and stays in a core's cache."""


@dataclass(frozen=True, slots=True, order=True)
class NearPair:
    """Two pictures that look alike; `id` is the smaller of the two."""

    id: str
    other: str
    bits: int
    """Bits in which their hashes differ."""


def near_pairs(ids: Sequence[str], hashes: Sequence[str], *, max_bits: int) -> Iterator[NearPair]:
    """All pairs whose hashes (`picture_hash`) differ in at most `max_bits` bits, block by block.

    Every pair is compared; none is left out by an index. The number of pairs may be the square of the pictures', so
    they are not gathered here. The order follows from the order of `ids`. Raises `DataError` for what is no hash.
    """
    import numpy as np

    words = _words(ids, hashes)
    for rows in range(0, len(ids), _ROWS):
        for columns in range(rows, len(ids), _COLUMNS):
            found = _distances(words, rows, columns)
            near = np.argwhere((found <= max_bits) & _above(rows, columns, found.shape))
            for row, column in near.tolist():
                first, second = sorted((ids[rows + row], ids[columns + column]))
                yield NearPair(first, second, int(found[row, column]))


def near_duplicate_groups(ids: Sequence[str], hashes: Sequence[str], *, max_bits: int) -> dict[str, str]:
    """Image id -> the smallest id of its group, for all images.

    Two images are in one group where a chain of images, each within `max_bits` of the next, leads from one to the
    other (single linkage): a split that keeps groups together then parts no two images that are near. Images of equal
    pixels have equal hashes and so always share a group. The result does not depend on the order of the
    images. Raises `DataError` for what is no hash, `AssertionError` where an id stands twice.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    assert len(set(ids)) == len(ids), "an id stands twice"
    if not ids:
        return {}
    # Equal hashes are one: a folder of 70,000 copies has one hash and no pairs.
    unique, group = np.unique(_words(ids, hashes), axis=1, return_inverse=True)
    words, n = np.ascontiguousarray(unique), unique.shape[1]
    label = np.arange(n)

    def near(rows: int) -> list[NDArray[np.intp]]:
        found = []
        for columns in range(rows, n, _COLUMNS):
            mask = _distances(words, rows, columns) <= max_bits
            if mask.any():
                # What is connected already says nothing new; in a block on the diagonal, each with itself.
                mask &= label[rows : rows + _ROWS, None] != label[None, columns : columns + _COLUMNS]
                if mask.any():
                    found.append(_spanning(mask, rows, columns))
        return found

    threads = available_cores()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, n, threads * _ROWS):
            rows = range(start, min(n, start + threads * _ROWS), _ROWS)
            if pairs := [part for parts in pool.map(near, rows) for part in parts]:
                one, other = label[np.concatenate(pairs)].T
                graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(n, n))
                label = connected_components(graph, directed=False)[1][label]
    smallest: dict[int, str] = {}
    of_image = label[group.ravel()].tolist()
    for one, belongs in zip(ids, of_image, strict=True):
        if belongs not in smallest or one < smallest[belongs]:
            smallest[belongs] = one
    return {one: smallest[belongs] for one, belongs in zip(ids, of_image, strict=True)}


def _words(ids: Sequence[str], hashes: Sequence[str]) -> NDArray[np.uint64]:
    """The hashes as 4 words of 64 bits x hashes."""
    import numpy as np

    assert len(ids) == len(hashes), "one hash for each id"
    for one, text in zip(ids, hashes, strict=True):
        if len(text) != (N_BITS + 1) // 4 or not set(text) <= set("0123456789abcdef"):
            raise DataError(
                f"picture hash {text[:80]!r} of image {one!r}: expected {(N_BITS + 1) // 4} hex digits; "
                "make it with picture_hash"
            )
    rows = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), _WORDS)
    return np.ascontiguousarray(rows.T)


def _distances(words: NDArray[np.uint64], rows: int, columns: int) -> NDArray[np.uint8]:
    """Differing bits, up to 256 rows x 4,096 columns; the first bit of a hash is always 0, so 255 is the most."""
    import numpy as np

    upper, lower = words[:, rows : rows + _ROWS, None], words[:, None, columns : columns + _COLUMNS]
    found: NDArray[np.uint8] = np.bitwise_count(upper[0] ^ lower[0])
    for word in range(1, _WORDS):
        found += np.bitwise_count(upper[word] ^ lower[word])
    return found


def _spanning(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.intp]:
    """Pairs of hashes that connect all that a block's near pairs connect, fewer than 256 + 4,096: where everything is
    alike, a block has a million near pairs."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    row, column = np.nonzero(mask)
    n_rows, n_nodes = mask.shape[0], sum(mask.shape)
    graph = coo_array((np.ones(len(row), np.int8), (row, column + n_rows)), shape=(n_nodes, n_nodes))
    label = connected_components(graph, directed=False)[1]
    first = np.unique(label, return_index=True)[1][label]
    place = np.concatenate([rows + np.arange(n_rows), columns + np.arange(mask.shape[1])])
    pairs = np.stack([place[first], place], axis=1)
    apart: NDArray[np.intp] = pairs[pairs[:, 0] != pairs[:, 1]]
    return apart


def _above(rows: int, columns: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where the column's image comes after the row's, so that each pair is taken once."""
    import numpy as np

    return (columns + np.arange(shape[1]))[None, :] > (rows + np.arange(shape[0]))[:, None]
