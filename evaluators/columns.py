"""Graded answers as numpy columns: the one form that the statistics read.

The source is the store's `graded` view as a `pyarrow.Table`, or any mapping of column names to sequences or to
columns that are decoded already. Texts become integer codes with a list of labels, so that 780,000 rows cost no Python
object each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spinebench.errors import DataError
from spinebench.evaluators.clustered import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Coded:
    """A text column: `labels[codes[i]]` is the value of row i, code -1 a missing one."""

    codes: IntArray
    labels: tuple[str, ...]

    def code(self, label: str) -> int:
        """Code of a label; -2, which no row has, if it does not occur."""
        return self.labels.index(label) if label in self.labels else -2

    def equals(self, label: str) -> BoolArray:
        return np.asarray(self.codes == self.code(label))

    def take(self, rows: IntArray) -> Coded:
        return Coded(self.codes[rows], self.labels)

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class CodedLists:
    """A column of lists of texts: row i holds `labels[codes[offsets[i]:offsets[i + 1]]]`; missing lists are
    empty.
    """

    offsets: IntArray
    codes: IntArray
    labels: tuple[str, ...]

    @property
    def lengths(self) -> IntArray:
        return np.diff(self.offsets)

    def take(self, rows: IntArray) -> CodedLists:
        """Some rows, with the labels that occur in them only."""
        lengths = self.lengths[rows]
        offsets = _offsets(lengths)
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        codes = self.codes[np.repeat(self.offsets[rows], lengths) + inside]
        used = np.bincount(codes, minlength=len(self.labels)) > 0
        labels = tuple(label for label, occurs in zip(self.labels, used.tolist(), strict=True) if occurs)
        return CodedLists(offsets, (np.cumsum(used) - 1)[codes], labels)

    def masks(self, bit_of: Mapping[str, int]) -> IntArray:
        """Each list as a set of bits; every label must have a bit below 63."""
        bits = np.array([1 << bit_of[label] for label in self.labels], dtype=np.int64)
        result = np.zeros(len(self.offsets) - 1, dtype=np.int64)
        filled = self.lengths > 0
        if filled.any():
            # Empty rows hold no elements, so the starts of the filled ones are each other's ends.
            result[filled] = np.bitwise_or.reduceat(bits[self.codes], self.offsets[:-1][filled])
        return result

    def firsts(self) -> IntArray:
        """Code of each list's first entry, -1 for an empty one."""
        result = np.full(len(self.offsets) - 1, -1, dtype=np.int64)
        filled = self.lengths > 0
        result[filled] = self.codes[self.offsets[:-1][filled]]
        return result


@dataclass(frozen=True)
class SharedLists:
    """A column of lists of which several rows have the same: row i holds list `at[i]`."""

    lists: CodedLists
    at: IntArray

    def __len__(self) -> int:
        return len(self.at)


class GradedColumns:
    """Columns of graded answers, decoded when asked for.

    Raises DataError when a column that is asked for without a default is missing, or columns differ in
    length.
    """

    def __init__(self, source: object) -> None:
        self._lists: dict[str, CodedLists] = {}
        table: Any = source
        self._arrow: Any = None
        if hasattr(source, "column_names"):
            self._arrow = table
            self._names = set(table.column_names)
            self.n: int = table.num_rows
            return
        if not isinstance(source, Mapping):
            raise DataError(
                f"graded answers of type {type(source).__name__!r}: expected a pyarrow.Table or a mapping of "
                "columns; query the store's 'graded' view"
            )
        self._mapping: Mapping[str, Any] = source
        self._names = set(source)
        lengths = {name: len(source[name]) for name in source}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"graded columns {lengths!r}: expected one length; give every column a value per row"
            )
        self.n = next(iter(lengths.values()), 0)

    def has(self, name: str) -> bool:
        return name in self._names

    def text(self, name: str, *, default: str | None = None) -> Coded:
        """A text column; with `default`, a missing column is that value throughout."""
        if not self._present(name, optional=default is not None):
            return Coded(np.zeros(self.n, dtype=np.int64), (str(default),))
        if self._arrow is not None:
            return _coded_arrow(self._arrow.column(name))
        values = self._mapping[name]
        return values if isinstance(values, Coded) else _coded(values)

    def flags(self, name: str, *, default: bool | None = None) -> BoolArray:
        """A boolean column, missing values False."""
        if not self._present(name, optional=default is not None):
            return np.full(self.n, bool(default))
        if self._arrow is not None:
            return np.equal(_arrow_numbers(self._arrow.column(name).cast("int8")), 1)
        values = self._mapping[name]
        if isinstance(values, np.ndarray) and values.dtype == np.bool_:
            return values
        return np.array([value is not None and bool(value) for value in values], dtype=bool)

    def numbers(self, name: str) -> FloatArray:
        """A numeric column, missing values NaN; all NaN if the column is missing."""
        if not self.has(name):
            return np.full(self.n, np.nan)
        if self._arrow is not None:
            return _arrow_numbers(self._arrow.column(name))
        return np.array(
            [np.nan if value is None else float(value) for value in self._mapping[name]], dtype=np.float64
        )

    def lists(self, name: str, rows: IntArray) -> CodedLists:
        """A column of lists of texts at some rows."""
        self._present(name, optional=False)
        shared = None if self._arrow is not None else self._mapping[name]
        if isinstance(shared, SharedLists):
            return shared.lists.take(shared.at[rows])
        if name not in self._lists:
            column = self._mapping[name] if self._arrow is None else self._arrow.column(name)
            self._lists[name] = _lists(column) if self._arrow is None else _lists_arrow(column)
        return self._lists[name].take(rows)

    def integers(self, name: str) -> tuple[IntArray, IntArray]:
        """A column of lists of whole numbers: the length of each row's list, and all numbers one after another."""
        self._present(name, optional=False)
        if self._arrow is not None:
            array = self._arrow.column(name).combine_chunks()
            lengths, values = _arrow_numbers(array.value_lengths()), _arrow_numbers(array.flatten())
            return np.nan_to_num(lengths).astype(np.int64), values.astype(np.int64)
        filled = [() if values is None else tuple(values) for values in self._mapping[name]]
        return (
            np.array([len(values) for values in filled], dtype=np.int64),
            np.array([value for values in filled for value in values], dtype=np.int64),
        )

    def _present(self, name: str, *, optional: bool) -> bool:
        if name in self._names:
            return True
        if optional:
            return False
        raise DataError(
            f"graded column {name!r}: expected it among {sorted(self._names)!r}; "
            "query the store's 'graded' view"
        )


def _coded(values: Iterable[Any]) -> Coded:
    index: dict[str, int] = {}
    codes = [-1 if value is None else index.setdefault(str(value), len(index)) for value in values]
    return Coded(np.array(codes, dtype=np.int64), tuple(index))


def _coded_arrow(column: Any) -> Coded:
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # more text than one array holds
        array = array.dictionary_encode().unify_dictionaries()
        codes = np.concatenate([_dictionary_codes(chunk) for chunk in array.chunks])
        return Coded(codes, tuple(map(str, array.chunk(0).dictionary.to_pylist())))
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return Coded(_dictionary_codes(array), tuple(map(str, array.dictionary.to_pylist())))


def _dictionary_codes(array: Any) -> IntArray:
    return np.nan_to_num(_arrow_numbers(array.indices), nan=-1.0).astype(np.int64)


def _arrow_numbers(values: Any) -> FloatArray:
    """Nulls as NaN. Read from the buffers: `to_numpy` and `fill_null` make pyarrow import pandas."""
    import pyarrow as pa

    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if len(array) == 0:
        return np.zeros(0)
    array = array.cast("float64")
    inside = slice(array.offset, array.offset + len(array))
    numbers = np.frombuffer(array.buffers()[1], dtype=np.float64)[inside]
    if array.null_count == 0:
        return numbers
    bits = np.frombuffer(array.buffers()[0], dtype=np.uint8)
    valid = np.unpackbits(bits, bitorder="little")[inside]
    return np.where(valid == 1, numbers, np.nan)


def _lists(column: Sequence[Any]) -> CodedLists:
    filled = [() if values is None else tuple(values) for values in column]
    coded = _coded(value for values in filled for value in values)
    sizes = np.array([len(values) for values in filled], dtype=np.int64)
    return CodedLists(_offsets(sizes), coded.codes, coded.labels)


def _lists_arrow(column: Any) -> CodedLists:
    array = column.combine_chunks()
    sizes = np.nan_to_num(_arrow_numbers(array.value_lengths()))
    coded = _coded_arrow(array.flatten())
    return CodedLists(_offsets(sizes.astype(np.int64)), coded.codes, coded.labels)


def _offsets(sizes: IntArray) -> IntArray:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
