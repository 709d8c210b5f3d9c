"""The learner of the baselines: a conditional logit over the options that an item offers, with a ridge penalty.

McFadden (1974): option o of item i has the score s = a[class of o] + x_i . B[:, class of o] + z_io . t, and is right
with probability exp(s) / sum over the item's options of exp(s). x_i are features of the item (its words, its
modality), z_io of the option in it (its position), a says how often a class is right where it is offered. The penalty
on B and t, half the sum of squares times a constant (le Cessie and van Houwelingen 1992), keeps rare features from
deciding; a is hardly held. It has no interactions: what two features tell only together is found where their pair is a
feature of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spinebench.evaluators.clustered import FloatArray, IntArray

_INTERCEPT = 0.01
"""Share of the penalty that the classes' own terms bear: none of them runs away where a class is never right."""
_STEPS = 20
_TIE = 1e-6


@dataclass(frozen=True)
class Choices:
    """Items of one kind, each a choice among classes."""

    offered: IntArray
    """Items x places: class of the option there, -1 where an item has no more options."""
    right: IntArray
    """Items: place of the right option; -1 where it is none of them."""
    n_classes: int

    def __len__(self) -> int:
        return len(self.right)


@dataclass(frozen=True)
class Features:
    """What a baseline may look at."""

    rows: Any
    """Distinct feature vectors of items, a sparse matrix of ones: distinct x features; None: no features."""
    row_of: IntArray
    """Items: their row in `rows`."""
    of_options: FloatArray | None = None
    """Items x places x features of options."""


@dataclass(frozen=True)
class _Distinct:
    """Items that are the same choice with the same features, counted together: most benchmarks have few."""

    choices: Choices
    features: Features
    index: IntArray
    """Items: which distinct one each is."""


def out_of_fold(choices: Choices, features: Features, folds: IntArray, *, penalty: float) -> FloatArray:
    """Probabilities, items x places, of each item by the model of all folds but its own; 0 where nothing is offered."""
    same = _distinct(choices, features)
    found = np.zeros(choices.offered.shape)
    order = _order(choices, features)
    for fold in range(int(folds.max()) + 1):
        test = np.flatnonzero(folds == fold)
        weights = np.bincount(same.index[folds != fold], minlength=len(same.choices)).astype(np.float64)
        fitted = _fit(same, weights, penalty)
        probabilities = fitted[same.index[test]]
        found[test[:, None], order[test]] = probabilities
    return found


def by_frequency(choices: Choices, folds: IntArray) -> FloatArray:
    """Shares, items x places, in proportion to how often each class is right in all folds but the item's own."""
    found = np.zeros(choices.offered.shape)
    classes = np.maximum(choices.offered, 0)
    known = choices.right >= 0
    right = classes[np.arange(len(choices)), np.maximum(choices.right, 0)]
    for fold in range(int(folds.max()) + 1):
        test = folds == fold
        counts = np.bincount(right[known & ~test], minlength=choices.n_classes) + 0.5
        found[test] = np.where(choices.offered[test] >= 0, counts[classes[test]], 0.0)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def share_of_hits(probabilities: FloatArray, right: IntArray) -> FloatArray:
    """Per item: 1 where the right place has the greatest probability, 1 / k where k places share it, else 0."""
    best = probabilities.max(axis=1, keepdims=True)
    among = probabilities >= best - _TIE
    hit = among[np.arange(len(right)), np.maximum(right, 0)] & (right >= 0)
    return np.where(hit, 1.0 / among.sum(axis=1), 0.0)


def _order(choices: Choices, features: Features) -> IntArray:
    """Places in the order they are compared in: by class where places themselves are no feature."""
    if features.of_options is not None:
        return np.broadcast_to(np.arange(choices.offered.shape[1]), choices.offered.shape)
    return np.argsort(choices.offered, axis=1, kind="stable")


def _distinct(choices: Choices, features: Features) -> _Distinct:
    order = _order(choices, features)
    offered = np.take_along_axis(choices.offered, order, axis=1)
    right = np.where(choices.right >= 0, (order == np.maximum(choices.right, 0)[:, None]).argmax(axis=1), -1)
    parts = [offered, right[:, None], features.row_of[:, None]]
    keys = np.concatenate(parts, axis=1).astype(np.float64)
    if features.of_options is not None:
        keys = np.concatenate([keys, features.of_options.reshape(len(keys), -1)], axis=1)
    keys = np.ascontiguousarray(keys) + 0.0  # no negative zeros: bytes are compared
    whole = keys.view(np.dtype((np.void, keys.dtype.itemsize * keys.shape[1]))).ravel()
    _, first, index = np.unique(whole, return_index=True, return_inverse=True)
    return _Distinct(
        choices=Choices(offered[first], right[first], choices.n_classes),
        features=Features(
            rows=features.rows,
            row_of=features.row_of[first],
            of_options=None if features.of_options is None else features.of_options[first],
        ),
        index=index.ravel(),
    )


def _fit(same: _Distinct, weights: FloatArray, penalty: float) -> FloatArray:
    """Probabilities of all distinct items by the model of those with weight; without any weight all alike."""
    from scipy.optimize import minimize

    model = _Model(same.choices, same.features, weights, penalty)
    start = np.zeros(model.size)
    if not weights.any():
        return model.probabilities(start)
    # Not L-BFGS-B: the threads of its BLAS took three quarters of the processor time here.
    found = minimize(
        model.loss,
        start,
        jac=True,
        hessp=model.curvature,
        method="Newton-CG",
        options={"maxiter": _STEPS, "xtol": 1e-3},
    )
    return model.probabilities(np.asarray(found.x))


class _Model:
    """Loss, gradient and probabilities over the distinct items."""

    def __init__(self, choices: Choices, features: Features, weights: FloatArray, penalty: float) -> None:
        self._features = features
        self._classes = np.maximum(choices.offered, 0)
        self._absent = choices.offered < 0
        self._n_classes = choices.n_classes
        self._weights = np.where(choices.right >= 0, weights, 0.0)
        self._right = (np.arange(len(choices)), np.maximum(choices.right, 0))
        self._n_rows: int = 0 if features.rows is None else features.rows.shape[0]
        self._n_features: int = 0 if features.rows is None else features.rows.shape[1]
        self._transposed = None if features.rows is None else features.rows.T.tocsr()
        self._n_option = 0 if features.of_options is None else features.of_options.shape[2]
        self._cells = features.row_of[:, None] * choices.n_classes + self._classes
        self._split = (choices.n_classes, choices.n_classes * (1 + self._n_features))
        self.size = self._split[1] + self._n_option
        self._penalties = np.full(self.size, penalty)
        self._penalties[: self._split[0]] *= _INTERCEPT

    def probabilities(self, params: FloatArray) -> FloatArray:
        scores = np.where(self._absent, -np.inf, self._scores(params))
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray(shares)

    def loss(self, params: FloatArray) -> tuple[float, FloatArray]:
        shares = self.probabilities(params)
        chosen = np.maximum(shares[self._right], 1e-300)
        value = -float(np.sum(self._weights * np.log(chosen)))
        value += 0.5 * float(np.sum(self._penalties * params**2))
        pulls = shares * self._weights[:, None]
        pulls[self._right] -= self._weights
        return value, self._gathered(pulls) + self._penalties * params

    def curvature(self, params: FloatArray, direction: FloatArray) -> FloatArray:
        """The matrix of second derivatives times a direction."""
        shares = self.probabilities(params)
        steps = self._scores(direction)
        steps = shares * (steps - np.sum(shares * steps, axis=1, keepdims=True))
        return self._gathered(steps * self._weights[:, None]) + self._penalties * direction

    def _scores(self, params: FloatArray) -> FloatArray:
        own, item, option = np.split(params, self._split)
        scores = own[self._classes]
        if self._features.rows is not None:
            by_row = self._features.rows @ item.reshape(self._n_features, self._n_classes)
            scores = scores + by_row.ravel()[self._cells]
        if self._features.of_options is not None:
            scores = scores + np.einsum("ijk,k->ij", self._features.of_options, option)
        return np.asarray(scores)

    def _gathered(self, pulls: FloatArray) -> FloatArray:
        """Values of items and places, summed into the parameters that the scores there are made of."""
        parts = [np.bincount(self._classes.ravel(), weights=pulls.ravel(), minlength=self._n_classes)]
        if self._transposed is not None:
            size = self._n_rows * self._n_classes
            by_cell = np.bincount(self._cells.ravel(), weights=pulls.ravel(), minlength=size)
            parts.append((self._transposed @ by_cell.reshape(self._n_rows, self._n_classes)).ravel())
        if self._features.of_options is not None:
            parts.append(np.einsum("ij,ijk->k", pulls, self._features.of_options))
        return np.concatenate(parts)
