"""Models held against each other on the same questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Literal

import numpy as np

from spinebench.errors import UsageError
from spinebench.evaluators.answers import Answers, mixed_codes, read_answers
from spinebench.evaluators.clustered import (
    Moments,
    Part,
    combined_mean,
    estimate_from_moments,
    few_clusters,
    proportion,
    t_p_value,
)
from spinebench.evaluators.columns import Coded
from spinebench.evaluators.estimate import FEW_CLUSTERS, Estimate, Interval, undefined
from spinebench.evaluators.matching import Matched, RightByModel, count_clusters, match_all, match_two
from spinebench.evaluators.multiplicity import p_adjust
from spinebench.evaluators.paired import CochranQ, McNemar, PairedTable, cochran_q, mcnemar, newcombe_paired
from spinebench.evaluators.proportions import Bounds
from spinebench.evaluators.ranks import ScoredTask, rank_intervals
from spinebench.records import Record, Task

Scope = Literal["diagnosis", "localization", "knowledge", "overall"]
_KEY = ("item_id", "persona", "image_condition", "option_order", "epoch", "model")


class ModelStanding(Record):
    """One model among the questions that all models were asked."""

    model: str
    accuracy: Estimate
    rank: float
    """1 is the highest accuracy; ties share the mean of their ranks."""
    rank_interval: Interval
    """Percentiles over resampled clusters."""


class PairComparison(Record):
    """Two models on the questions that both were asked."""

    first: str
    second: str
    n: int
    n_clusters: int
    only_first_asked: int
    """Questions of the first model without a partner: counted, not used."""
    only_second_asked: int
    table: PairedTable | None
    """None for `overall`, which is no count of items."""
    first_accuracy: float | None
    second_accuracy: float | None
    difference: Estimate
    """Accuracy of the first less that of the second."""
    mcnemar: McNemar | None
    t_statistic: float | None
    """Of the clustered test, on n_clusters - 1 degrees of freedom."""
    p_clustered: float | None
    p_value: float | None
    """The one to quote: mid-p McNemar, where questions share clusters the clustered t test."""
    test: Literal["mid-p McNemar", "cluster-robust t"]
    p_adjusted: float | None


class ScopeComparison(Record):
    """All models on one task, or overall."""

    scope: Scope
    n: int
    """Questions that all models were asked."""
    n_clusters: int
    standings: tuple[ModelStanding, ...]
    """Best first. Empty where no question was asked of all."""
    cochran_q: CochranQ | None
    """For more than two models, on the questions asked of all; it takes questions as independent."""
    pairs: tuple[PairComparison, ...]
    warnings: tuple[str, ...] = ()


class Comparison(Record):
    """Paired comparison of two or more models."""

    by: tuple[str, ...]
    models: tuple[str, ...]
    counted: Literal["asked", "answered"]
    """`asked`: unanswered is wrong; `answered`: questions that both (all) answered."""
    against: Literal["all", "best"]
    adjustment: str
    """Of the p-values of one scope."""
    seed: int
    n_resamples: int
    scopes: tuple[ScopeComparison, ...]
    warnings: tuple[str, ...] = ()


def compare(
    graded: object,
    models: Sequence[str] | None = None,
    *,
    by: Sequence[str] = ("model",),
    counted: Literal["asked", "answered"] = "asked",
    against: Literal["all", "best"] = "all",
    adjustment: str = "holm",
    seed: int = 0,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> Comparison:
    """Compare models question by question, per task and overall (mean of diagnosis and localization
    accuracy).

    `graded` is a pyarrow.Table or a mapping with the columns of the store's `graded` view. `models` names
    those to compare and their order; None: all, in order of appearance. `by` are the columns that make up a
    "model" (say ("model", "persona") or ("run_id",)); their values are joined with " | ". A question is
    matched by item, persona, image condition, option order, epoch and model, less the columns in `by`;
    questions without a partner are counted and left out. A question answered twice by one model counts once,
    by its last row, with a warning.

    Independent questions: mid-p McNemar and Newcombe's paired interval (method 10). Questions that share
    clusters, and overall: differences with cluster-robust t. More than two models: Cochran's Q, then all
    pairs or each against the best, p-values adjusted within a scope; rank intervals from `n_resamples` draws
    of clusters by one generator with `seed`. 0 draws: no ranking, which takes most of the time.

    Raises UsageError for an unknown or repeated model, for fewer than two, and for the best of no ranking;
    DataError for a missing column.
    """
    if not n_resamples and against == "best":
        raise UsageError(
            "0 resamples against 'best': expected a ranking to take the best from; give resamples"
        )
    answers = read_answers(graded)
    arms = _arms(answers, by)
    names = _chosen_models(arms, models, by)
    tables, warnings = _tables(answers, arms, names, by, counted)
    rng = np.random.default_rng(seed)
    scopes = [
        _compare_scope(scope, parts, names, against, adjustment, rng, n_resamples, level)
        for scope, parts in _scopes(tables)
    ]
    return Comparison(
        by=tuple(by),
        models=tuple(names),
        counted=counted,
        against=against,
        adjustment=adjustment,
        seed=seed,
        n_resamples=n_resamples,
        scopes=tuple(scopes),
        warnings=tuple(warnings),
    )


def _arms(answers: Answers, by: Sequence[str]) -> Coded:
    columns = [answers.columns.text(name) for name in by]
    codes = mixed_codes([column.codes for column in columns])
    labels: list[str] = []
    _, first = np.unique(codes, return_index=True)
    for row in first.tolist():
        parts = [column.labels[column.codes[row]] if column.codes[row] >= 0 else "none" for column in columns]
        labels.append(" | ".join(parts))
    return Coded(codes, tuple(labels))


def _chosen_models(arms: Coded, models: Sequence[str] | None, by: Sequence[str]) -> list[str]:
    if models is None:
        _, first = np.unique(arms.codes, return_index=True)
        names = [arms.labels[arms.codes[row]] for row in np.sort(first).tolist()]
    else:
        names = list(models)
    what = " | ".join(by)
    for name in names:
        if name not in arms.labels:
            raise UsageError(f"{what} {name!r}: expected one of {sorted(arms.labels)!r}; name one of them")
    if len(set(names)) != len(names) or len(names) < 2:
        raise UsageError(f"{what} {names!r}: expected two or more different ones to compare; name them")
    return names


def _tables(
    answers: Answers, arms: Coded, names: Sequence[str], by: Sequence[str], counted: str
) -> tuple[dict[Task, RightByModel], list[str]]:
    columns = answers.columns
    key_columns = [answers.item]
    for name in _KEY[1:]:
        if name not in by and columns.has(name):
            key_columns.append(columns.text(name).codes)
    keys = mixed_codes(key_columns)
    arm_of = np.full(len(arms.labels), -1, dtype=np.int64)
    for place, name in enumerate(names):
        arm_of[arms.labels.index(name)] = place
    arm = arm_of[arms.codes]
    tables: dict[Task, RightByModel] = {}
    repeats = 0
    for task in (Task.DIAGNOSIS, Task.LOCALIZATION, Task.KNOWLEDGE):
        rows = np.flatnonzero(answers.task.equals(task.value) & (arm >= 0))
        if not len(rows):
            continue
        _, first, question = np.unique(keys[rows], return_index=True, return_inverse=True)
        right = np.full((len(first), len(names)), np.nan)
        cell = question * len(names) + arm[rows]
        repeats += len(cell) - len(np.unique(cell))
        values = answers.correct[rows].astype(np.float64)
        if counted == "answered":
            values = np.where(answers.answered[rows], values, np.nan)
        right[question, arm[rows]] = values
        tables[task] = RightByModel(right, answers.cluster[rows][first])
    warnings = []
    if repeats:
        warnings.append(f"{repeats} answers repeat a question of the same model: the last one counts")
    return tables, warnings


def _scopes(tables: dict[Task, RightByModel]) -> list[tuple[Scope, list[RightByModel]]]:
    found: list[tuple[Scope, list[RightByModel]]] = []
    if Task.DIAGNOSIS in tables:
        found.append(("diagnosis", [tables[Task.DIAGNOSIS]]))
    if Task.LOCALIZATION in tables:
        found.append(("localization", [tables[Task.LOCALIZATION]]))
    if Task.KNOWLEDGE in tables:
        found.append(("knowledge", [tables[Task.KNOWLEDGE]]))
    if Task.DIAGNOSIS in tables and Task.LOCALIZATION in tables:
        found.append(("overall", [tables[Task.DIAGNOSIS], tables[Task.LOCALIZATION]]))
    return found


def _compare_scope(
    scope: Scope,
    tables: list[RightByModel],
    names: Sequence[str],
    against: str,
    adjustment: str,
    rng: np.random.Generator,
    n_resamples: int,
    level: float,
) -> ScopeComparison:
    everyone = [table.of(range(len(names))) for table in tables]
    complete = all(one.n == table.n > 0 for one, table in zip(everyone, tables, strict=True))
    match = match_all(tables) if complete else partial(match_two, tables)
    n, n_clusters = sum(table.n for table in everyone), count_clusters(everyone)
    warnings = []
    standings: list[ModelStanding] = []
    if not n_resamples:
        pass
    elif all(table.n for table in everyone):
        standings = _standings(scope, everyone, names, rng, n_resamples, level)
    else:
        warnings.append("no question was asked of all models: there is no ranking")
    q = None
    if len(names) > 2 and scope != "overall" and n:
        q = cochran_q(everyone[0].right)
        if n_clusters < n:
            warnings.append(
                "Cochran's Q takes questions as independent, but they share clusters: read the pairs"
            )
    pairs = [
        _pair(scope, match(first, second), names[first], names[second], level)
        for first, second in _pairings(names, standings, against)
    ]
    adjusted = p_adjust([pair.p_value for pair in pairs], adjustment)
    if n_clusters < FEW_CLUSTERS and n_clusters < n:
        warnings.append(few_clusters(n_clusters))
    return ScopeComparison(
        scope=scope,
        n=n,
        n_clusters=n_clusters,
        standings=tuple(standings),
        cochran_q=q,
        pairs=tuple(
            pair.model_copy(update={"p_adjusted": p}) for pair, p in zip(pairs, adjusted, strict=True)
        ),
        warnings=tuple(warnings),
    )


def _pairings(
    names: Sequence[str], standings: Sequence[ModelStanding], against: str
) -> list[tuple[int, int]]:
    if against == "best" and standings:
        best = names.index(standings[0].model)
        return [(best, other) for other in range(len(names)) if other != best]
    return list(combinations(range(len(names)), 2))


def _standings(
    scope: Scope,
    tables: list[RightByModel],
    names: Sequence[str],
    rng: np.random.Generator,
    n_resamples: int,
    level: float,
) -> list[ModelStanding]:
    ranks = rank_intervals(
        [ScoredTask(table.right, table.clusters) for table in tables],
        rng=rng,
        n_resamples=n_resamples,
        level=level,
    )
    found = []
    for place, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        label = f"{scope} accuracy of {name} on the questions asked of all"
        if len(tables) == 1:
            right = tables[0].right[:, place].astype(bool)
            accuracy = proportion(label, right, tables[0].clusters, level=level)
        else:
            parts = [Part(table.right[:, place], table.clusters, 1 / len(tables)) for table in tables]
            accuracy = combined_mean(label, parts, level=level)
        interval = Interval(
            low=rank.low, high=rank.high, level=level, method="percentiles over resampled clusters"
        )
        found.append(ModelStanding(model=name, accuracy=accuracy, rank=rank.rank, rank_interval=interval))
    return sorted(found, key=lambda standing: standing.rank)


def _pair(scope: Scope, matched: Matched, first: str, second: str, level: float) -> PairComparison:
    label = f"difference in {scope} accuracy, {first} less {second}"
    statistic = p_clustered = test = None
    if matched.found is None:
        difference = undefined(label, "no question was asked of both models", n=matched.n)
    else:
        difference = estimate_from_moments(
            label, matched.found, matched.means, level=level, limits=Bounds(-1.0, 1.0)
        )
        statistic, p_clustered = _clustered_test(matched.found)
    if matched.table is not None:
        test = mcnemar(matched.table.only_first, matched.table.only_second)
        difference = _with_newcombe(difference, matched.table, level)
    independent = test is not None and matched.n_clusters == matched.n
    of_first, of_second = matched.accuracies or (None, None)
    return PairComparison(
        first=first,
        second=second,
        n=matched.n,
        n_clusters=matched.n_clusters,
        only_first_asked=matched.unmatched[0],
        only_second_asked=matched.unmatched[1],
        table=matched.table,
        first_accuracy=of_first,
        second_accuracy=of_second,
        difference=difference,
        mcnemar=test,
        t_statistic=statistic,
        p_clustered=p_clustered,
        p_value=test.mid_p if independent and test is not None else p_clustered,
        test="mid-p McNemar" if independent else "cluster-robust t",
        p_adjusted=None,
    )


def _with_newcombe(difference: Estimate, table: PairedTable, level: float) -> Estimate:
    """Newcombe's interval in front where questions are independent, else beside the clustered one.

    Without variation between clusters a t interval has no width: then Newcombe's on as many questions as
    there are clusters takes its place.
    """
    counts = (table.both, table.only_first, table.only_second, table.neither)
    bounds = newcombe_paired(*counts, level=level)
    newcombe = Interval(low=bounds.low, high=bounds.high, level=level, method="Newcombe paired (method 10)")
    if difference.n_clusters == difference.n:
        return difference.model_copy(update={"interval": newcombe, "se": None, "warnings": ()})
    interval = difference.interval
    if difference.se is None:
        share = difference.n_clusters / difference.n
        wide = newcombe_paired(*(count * share for count in counts), level=level)
        interval = Interval(
            low=wide.low, high=wide.high, level=level, method="Newcombe paired (method 10) on clusters"
        )
    return difference.model_copy(update={"interval": interval, "other_intervals": (newcombe,)})


def _clustered_test(found: Moments) -> tuple[float | None, float | None]:
    """t and two-sided p of a mean difference of 0; no difference anywhere gives p = 1."""
    if found.variance > 0:
        statistic = found.value / math.sqrt(found.variance)
        return statistic, t_p_value(statistic, found.n_clusters - 1)
    return None, 1.0 if abs(found.value) < 1e-12 else None
