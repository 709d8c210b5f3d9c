"""Where right options stand among the options, against every order being as likely as any other.

With g right of n options in random order, position k is right with probability g / n, and the indicators of the
positions have the covariance g / n (1 - g / n) n / (n - 1) (I - J / n), that of drawing without replacement. Items
are summed, and W = (O - E)' S+ (O - E) is referred to chi-square with the rank of S as degrees of freedom. Where every
item has one right option of equally many, W is Pearson's chi-square. With fewer than five expected anywhere, the
p-value is the share of seeded draws of orders with W at least as large, the observed one counted in (Davison and
Hinkley 1997, section 4.2).
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from spinebench.builder.audit.report import PositionTable
from spinebench.builder.selection_pool import label_of
from spinebench.evaluators.clustered import FloatArray, IntArray
from spinebench.evaluators.multiplicity import p_adjust
from spinebench.records import MULTIPLE_ANSWER_TASKS, Item, Task

_LEAST_EXPECTED = 5
_DRAWS = 2000
_LEAST_ITEMS = 10
"""Items that a label needs for a table of its own."""


def position_tables(splits: Mapping[str, Sequence[Item]], *, seed: int) -> tuple[PositionTable, ...]:
    """For each split and task the table over all labels, then one per label with enough items (of a task with one
    right answer)."""
    found: list[PositionTable] = []
    for split, items in splits.items():
        for task in Task:
            own = [item for item in items if item.task is task and item.gold and len(item.options) > 1]
            if not own:
                continue
            tables = [_table(split, task, None, own, seed)]
            if task is Task.DIAGNOSIS and task not in MULTIPLE_ANSWER_TASKS:
                labels = Counter(label_of(item) for item in own)
                tables += [
                    _table(split, task, label, [item for item in own if label_of(item) == label], seed)
                    for label in sorted(labels)
                    if labels[label] >= _LEAST_ITEMS
                ]
            adjusted = p_adjust([table.p for table in tables], "holm")
            found += [
                table.model_copy(update={"p_holm": round(p or 0.0, 6)})
                for table, p in zip(tables, adjusted, strict=True)
            ]
    return tuple(found)


def letter(position: int) -> str:
    """A for 0; a number from the 27th on."""
    return string.ascii_uppercase[position] if position < 26 else str(position + 1)


def _table(split: str, task: Task, label: str | None, items: Sequence[Item], seed: int) -> PositionTable:
    from scipy.stats import chi2

    kinds = Counter((len(item.options), len(set(item.gold) & set(item.options))) for item in items)
    width = max(size for size, _ in kinds)
    observed = np.zeros(width)
    for item in items:
        for text in set(item.gold):
            observed[item.options.index(text)] += 1
    expected, covariance = np.zeros(width), np.zeros((width, width))
    for (size, right), n in kinds.items():
        share = right / size
        expected[:size] += n * share
        scale = n * share * (1 - share) * size / (size - 1)
        covariance[:size, :size] += scale * (np.eye(size) - 1 / size)
    inverse = np.asarray(np.linalg.pinv(covariance, rcond=1e-9, hermitian=True), dtype=np.float64)
    rank = _rank(covariance)
    statistic = _distance(observed[None], expected, inverse)[0]
    if expected.min() >= _LEAST_EXPECTED:
        p, method = float(chi2.sf(statistic, rank)) if rank else 1.0, "chi-square"
    else:
        drawn = _distance(_drawn(kinds, width, seed), expected, inverse)
        p = float((1 + np.sum(drawn >= statistic - 1e-9)) / (_DRAWS + 1))
        method = "Monte Carlo"
    return PositionTable.model_validate(
        {
            "split": split,
            "task": task,
            "label": label,
            "right": {letter(at): int(n) for at, n in enumerate(observed)},
            "expected": {letter(at): round(float(n), 6) for at, n in enumerate(expected)},
            "statistic": round(float(statistic), 6),
            "df": rank,
            "p": round(p, 6),
            "p_holm": 1.0,
            "method": method,
        }
    )


def _rank(covariance: FloatArray) -> int:
    return int(np.linalg.matrix_rank(covariance, hermitian=True)) if covariance.any() else 0


def _distance(observed: FloatArray, expected: FloatArray, inverse: FloatArray) -> FloatArray:
    beyond = observed - expected
    return np.asarray(np.einsum("di,ij,dj->d", beyond, inverse, beyond))


def _drawn(kinds: Mapping[tuple[int, int], int], width: int, seed: int) -> FloatArray:
    """Counts by position of orders drawn at random, draws x positions."""
    rng = np.random.default_rng(seed)
    found = np.zeros((_DRAWS, width))
    for (size, right), n in sorted(kinds.items()):
        if right == 1:
            found[:, :size] += rng.multinomial(n, np.full(size, 1 / size), size=_DRAWS)
            continue
        for _ in range(n):
            order: IntArray = rng.random((_DRAWS, size)).argsort(axis=1)
            found[:, :size] += order < right
    return found
