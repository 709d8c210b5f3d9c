"""Agreement weights between the values of a scale: 1 on the diagonal, less the further apart two values are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.ratings import FloatArray

WeightsName = Literal["identity", "linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar"]
Weights = WeightsName | Sequence[Sequence[float]] | NDArray[np.float64]
"""A name, or a square matrix in the order of the scale."""


def weights_name(weights: Weights) -> str:
    """The name under which a result states its weights."""
    return weights if isinstance(weights, str) else "custom"


def weight_matrix(weights: Weights, scale: tuple[float, ...]) -> FloatArray:
    """Weights by distance of the declared values, not of their positions (Gwet 2014, Handbook, table 3.6).

    With c the values, identity is 1 for equal values else 0; linear 1 - |c_k - c_l| / range; quadratic its square;
    radical its root; ordinal 1 - C(m, 2) / C(q, 2), where m counts the values from k to l, both included; ratio,
    circular and bipolar after the same table. Raises `UsageError` for an unknown name, a matrix of another size, or
    ratio weights on a scale with a value below 0.
    """
    if not isinstance(weights, str):
        return _custom(weights, len(scale))
    if weights not in get_args(WeightsName):
        raise UsageError(
            f"weights {weights!r}: expected one of {', '.join(get_args(WeightsName))}; name one of them"
        )
    c = np.asarray(scale)
    gap = np.abs(c[:, None] - c[None, :])
    place = np.arange(len(c))
    match weights:
        case "identity":
            distance = (gap > 0).astype(float)
        case "linear":
            distance = gap
        case "quadratic":
            distance = gap**2
        case "radical":
            distance = np.sqrt(gap)
        case "ordinal":
            apart = np.abs(place[:, None] - place[None, :]) + 1
            distance = apart * (apart - 1) / 2
        case "ratio":
            if c[0] < 0:
                raise UsageError(
                    f"scale {scale!r}: expected no value below 0 for ratio weights; use quadratic weights"
                )
            distance = (gap / np.where(gap > 0, c[:, None] + c[None, :], 1.0)) ** 2
        case "circular":
            distance = np.sin(math.pi * gap / (c[-1] - c[0] + 1)) ** 2
        case "bipolar":
            total = c[:, None] + c[None, :]
            room = (total - 2 * c[0]) * (2 * c[-1] - total)
            distance = gap**2 / np.where(gap > 0, room, 1.0)
    return np.asarray(1 - distance / distance.max(), dtype=np.float64)


def _custom(weights: Sequence[Sequence[float]] | FloatArray, size: int) -> FloatArray:
    matrix = np.asarray(weights, dtype=np.float64)
    if (
        matrix.shape != (size, size)
        or not np.isfinite(matrix).all()
        or (np.diag(matrix) != 1).any()
        or (matrix > 1).any()
        or (matrix < 0).any()
        or not np.allclose(matrix, matrix.T)
    ):
        raise UsageError(
            f"weights of shape {matrix.shape!r}: expected a symmetric {size} x {size} matrix from 0 to 1 with 1 on "
            "the diagonal; one row per value of the scale"
        )
    return matrix
