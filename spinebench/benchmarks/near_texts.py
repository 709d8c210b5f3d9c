"""Whether two texts say nearly the same: the overlap of their shingles, over all pairs at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

NEAR_OVERLAP: Final = 0.6
"""Jaccard overlap of shingles from which two texts count as near duplicates."""
_WORDS: Final = re.compile(r"[\u4e00-\u9fff]|[^\W_]+")
_JOINTS: Final = re.compile(r"(?<=\w)[-–—/](?=\w)")
_SHINGLE: Final = 3
_ROWS: Final = 256
"""Texts compared in one go: it bounds the memory."""


def exact_form(text: str) -> str:
    """Two texts of the same form are exact duplicates: case, width, spaces, joints and closing marks do not count.

    Signs do: `> 5 mm` is not `< 5 mm`.
    """
    folded = _JOINTS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split()).strip(" .,;:!?。、")


def normalized(text: str) -> str:
    """Words and Han characters in lower case with single spaces."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Three words, or Han characters, in a row; a shorter text is one shingle, an empty one has none."""
    words = normalized(text).split()
    if not words:
        return frozenset()
    return frozenset(tuple(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1)))


def near_texts(texts: Sequence[str], others: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Pairs (place in `texts`, place in `others`, Jaccard overlap) at or above `NEAR_OVERLAP`, exact, in order.

    The overlap is |A and B| / |A or B| of the sets of shingles (Broder 1997), computed for all pairs that share any.
    """
    import numpy as np
    from scipy.sparse import csr_array

    vocabulary: dict[tuple[str, ...], int] = {}

    def matrix(some: Sequence[str]) -> csr_array:
        columns: list[int] = []
        ends = [0]
        for text in some:
            columns += sorted(vocabulary.setdefault(one, len(vocabulary)) for one in shingles(text))
            ends.append(len(columns))
        ones = np.ones(len(columns), dtype=np.int32)
        width = max(1, len(vocabulary))
        return csr_array((ones, np.array(columns, dtype=np.int64), np.array(ends)), shape=(len(some), width))

    right, left = matrix(others), matrix(texts)
    right.resize((len(others), left.shape[1]))
    sizes_left, sizes_right = np.diff(left.indptr), np.diff(right.indptr)
    turned = right.T.tocsr()
    for start in range(0, len(texts), _ROWS):
        shared = (left[start : start + _ROWS] @ turned).tocoo()
        order = np.lexsort((shared.col, shared.row))
        rows, columns, both = shared.row[order] + start, shared.col[order], shared.data[order]
        overlap = both / (sizes_left[rows] + sizes_right[columns] - both)
        for row, column, value in zip(rows, columns, overlap, strict=True):
            if value >= NEAR_OVERLAP:
                yield int(row), int(column), float(value)
