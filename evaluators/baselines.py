"""What the items of a benchmark give to one who does not look: analytic expectations, nothing is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spinebench.evaluators.answers import Answers, first_rows
from spinebench.evaluators.chance import (
    ChanceScores,
    fixed_set,
    one_random_option,
    random_subset,
    same_size_random,
    select_all,
)
from spinebench.evaluators.clustered import FloatArray
from spinebench.evaluators.columns import Coded, CodedLists
from spinebench.evaluators.taxonomy import disease_label
from spinebench.records import Record
from spinebench.terms import HEALTHY


class Baseline(Record):
    """Expected score of answering without looking, over the items named."""

    name: str
    accuracy: float
    """Expected share of items right; for localization the exact set."""
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    jaccard: float | None = None
    n_items: int
    answer: str | None = None
    """The constant answer, where the baseline is one."""


@dataclass(frozen=True)
class LevelSets:
    """Localization items in short: how often each (gold levels, number of options) occurs."""

    counts: Mapping[tuple[frozenset[str], int], int]

    @property
    def n_items(self) -> int:
        return sum(self.counts.values())


def diagnosis_baselines(answers: Answers) -> tuple[Baseline, ...]:
    """Random option, always Healthy, best constant answer and prior-matched, over the distinct items.

    Prior-matched draws from the distribution of the gold labels, restricted to the options offered. It and
    the random option need the `options` column; without them `n_options` gives the random option. The best
    constant answer is the most frequent label (ties: the first by name). Empty: ().
    """
    items = distinct_items(answers)
    labels = items.disease
    known = labels.codes >= 0
    n = len(items)
    if n == 0 or not known.any():
        return ()
    prior = np.bincount(labels.codes[known], minlength=len(labels.labels)) / n
    found: list[Baseline] = []
    if items.columns.has("options"):
        offered = items.columns.lists("options", items.rows)
        found.append(_random_option(offered.lengths.astype(np.float64)))
        found.append(
            Baseline(name="prior-matched", accuracy=_prior_matched(prior, labels, offered), n_items=n)
        )
    elif items.columns.has("n_options"):
        found.append(_random_option(items.columns.numbers("n_options")[items.rows]))
    best = min(range(len(prior)), key=lambda code: (-prior[code], labels.labels[code]))
    healthy = float(prior[labels.code(HEALTHY)]) if HEALTHY in labels.labels else 0.0
    found.append(Baseline(name="always Healthy", accuracy=healthy, n_items=n, answer=HEALTHY))
    found.append(
        Baseline(name="best constant", accuracy=float(prior[best]), n_items=n, answer=labels.labels[best])
    )
    return tuple(found)


def localization_baselines(items: LevelSets) -> tuple[Baseline, ...]:
    """Uniform non-empty subset, same-size random, select-all, random option, prior-matched and best constant
    set.

    Prior-matched draws a whole gold set from those of the items. The best constant is the set with the
    highest exact accuracy (ties: the higher F1, then the smaller set, then by name). Empty: ().
    """
    n = items.n_items
    if n == 0:
        return ()
    by_size: dict[str, Callable[[int, int], ChanceScores]] = {
        "uniform non-empty subset": random_subset,
        "same-size random": same_size_random,
        "select all": select_all,
        "random option": one_random_option,
    }
    found = []
    for name, scores in by_size.items():
        usable = {key: count for key, count in items.counts.items() if 1 <= len(key[0]) <= key[1]}
        if not usable:
            continue
        total = _mean((scores(size, len(gold)), count) for (gold, size), count in usable.items())
        found.append(_baseline(name, total, sum(usable.values())))
    gold_sets: Counter[frozenset[str]] = Counter()
    for (gold, _), count in items.counts.items():
        gold_sets[gold] += count
    constant = {
        chosen: _mean((fixed_set(chosen, gold), count) for gold, count in gold_sets.items())
        for chosen in gold_sets
    }
    prior = _mean((scores, gold_sets[chosen]) for chosen, scores in constant.items())
    found.append(_baseline("prior-matched", prior, n))
    best = max(
        constant,
        # Rounded: the order of a sum must not decide a tie.
        key=lambda chosen: (
            round(constant[chosen].exact, 12),
            round(constant[chosen].f1, 12),
            -len(chosen),
            sorted(chosen),
        ),
    )
    found.append(_baseline("best constant", constant[best], n, answer=" + ".join(sorted(best)) or "no level"))
    return tuple(found)


def distinct_items(answers: Answers) -> Answers:
    """One row per item: the first."""
    return answers.take(first_rows(answers.item))


def _random_option(sizes: FloatArray) -> Baseline:
    chances = np.divide(1.0, sizes, out=np.zeros(len(sizes)), where=sizes > 0)
    return Baseline(name="random option", accuracy=float(chances.mean()), n_items=len(sizes))


def _prior_matched(prior: FloatArray, labels: Coded, offered: CodedLists) -> float:
    index = {label: code for code, label in enumerate(labels.labels)}
    weight_of = np.array(
        [prior[index[name]] if (name := disease_label(text)) in index else 0.0 for text in offered.labels]
    )
    row_of = np.repeat(np.arange(len(offered.lengths)), offered.lengths)
    total = np.bincount(row_of, weights=weight_of[offered.codes], minlength=len(offered.lengths))
    own = np.where(labels.codes >= 0, prior[np.maximum(labels.codes, 0)], 0.0)
    return float(np.divide(own, total, out=np.zeros(len(own)), where=total > 0).mean())


def _mean(weighted: Iterable[tuple[ChanceScores, int]]) -> ChanceScores:
    pairs = list(weighted)
    total = sum(count for _, count in pairs)
    return ChanceScores(
        *(
            sum(scores[field] * count for scores, count in pairs) / total
            for field in range(len(ChanceScores._fields))
        )
    )


def _baseline(name: str, scores: ChanceScores, n_items: int, answer: str | None = None) -> Baseline:
    return Baseline(
        name=name,
        accuracy=scores.exact,
        precision=scores.precision,
        recall=scores.recall,
        f1=scores.f1,
        jaccard=scores.jaccard,
        n_items=n_items,
        answer=answer,
    )
