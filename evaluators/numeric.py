"""Numbers as they are given: lists, arrays, tables of pandas, with any of the usual marks of a missing value."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinebench.errors import UsageError


def as_numbers(values: object, what: str, shape: str) -> NDArray[np.float64]:
    """An array of its own, NaN for None, NaN, pandas' NA and masked cells, whatever its shape.

    Raises `UsageError` for what is no number, saying `what` it is and what `shape` was expected.
    """
    try:
        cells = np.asarray(values)
        if isinstance(values, np.ma.MaskedArray):
            cells = np.where(np.ma.getmaskarray(values), np.nan, cells)
        if cells.dtype.kind == "O":
            flat = [math.nan if _is_missing(cell) else float(cell) for cell in cells.ravel()]
            return np.array(flat, dtype=np.float64).reshape(cells.shape)
        if cells.dtype.kind in "cmM":
            raise TypeError(f"{cells.dtype} is no kind of score")
        return np.array(cells, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{what} {shown(values)}: expected numbers, {shape}; mend what is not a number ({error})"
        ) from None


def shown(value: object) -> str:
    """A value in a message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _is_missing(cell: object) -> bool:
    # pandas.NA is known by its type's name: pandas need not be there.
    return cell is None or cell is np.ma.masked or type(cell).__name__ in ("NAType", "NaTType")
