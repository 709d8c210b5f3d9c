"""Accuracy where several levels can be right: sets, calls, levels and distances."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from spinebench.errors import DataError
from spinebench.evaluators.answers import Answers, first_rows, mixed_codes
from spinebench.evaluators.baselines import Baseline, LevelSets, localization_baselines
from spinebench.evaluators.clustered import FloatArray, IntArray, Part, combined_mean
from spinebench.evaluators.distance import CUTOFF, match_levels
from spinebench.evaluators.estimate import Estimate, Rate
from spinebench.evaluators.levels import disc_position, positions, vertebra_position
from spinebench.evaluators.proportions import Bounds
from spinebench.evaluators.rates import (
    OutcomeRate,
    TaskAccuracy,
    chance_corrected,
    mean,
    not_answered,
    share,
)
from spinebench.records import Outcome, Record
from spinebench.terms import canonical_level, fold

OUTCOMES = (
    Outcome.EXACT,
    Outcome.MISSED_LEVELS,
    Outcome.EXTRA_LEVELS,
    Outcome.SHIFTED,
    Outcome.MIXED,
    Outcome.DISJOINT,
    Outcome.NOT_ANSWERED,
)
_EMPTY = "no localization questions"
_MAX_LEVELS = 62
"""Level sets are kept as bits of one 64-bit integer."""


class Calls(Record):
    """Levels called too many and too few, over the answered questions."""

    extra_levels: int
    missed_levels: int
    over_called: int
    """Answers with at least one extra level."""
    under_called: int
    """Answers with at least one missed level."""
    n_answered: int
    n_called: int
    n_gold: int
    """Levels named and gold levels of the answered questions."""


class LevelRates(Record):
    """How one level fares. `of_asked` takes an unanswered question as wrong, for both figures."""

    level: str
    sensitivity: Rate
    specificity: Rate


class LevelDistances(Record):
    """How far off in levels; made only when asked for."""

    cutoff: int
    distance: Rate
    """Mean over answers of the mean distance per level, 0 to the cut-off (unanswered: the cut-off)."""
    within_one: Rate
    """Mean over answers of the share of gold levels met within one level."""
    offset: Estimate
    """Mean signed offset of matched levels, caudal positive, over answers with a match."""
    uniform_shifts: Rate
    """Share of answers with all levels off by the same number."""


class LocalizationSummary(TaskAccuracy):
    """Localization answers of one group. Right is the exact set of levels, chance the uniform non-empty subset."""

    precision: Rate
    """Mean over answers of tp / |named|, an empty or missing answer 0. The benchmark publishes no definition.
    """
    recall: Rate
    f1: Rate
    jaccard: Rate
    outcomes: tuple[OutcomeRate, ...]
    calls: Calls | None
    """None, like `levels` empty, where the options are more than 62 different texts."""
    levels: tuple[LevelRates, ...]
    distances: LevelDistances | None
    """None unless asked for, and where the options are not levels of one chain."""


@dataclass(frozen=True)
class _Sets:
    """Gold, chosen and offered levels of each answer as bit sets; no names where there are too many."""

    names: tuple[str, ...]
    chain: tuple[int, ...] | None
    """Positions of the names; None where they are not levels of one chain."""
    gold: IntArray
    chosen: IntArray
    offered: IntArray
    n_offered: IntArray

    def members(self, mask: int) -> list[int]:
        return [bit for bit in range(len(self.names)) if mask >> bit & 1]


def summarize_localization(
    answers: Answers, *, distances: bool = False, level: float = 0.95
) -> LocalizationSummary:
    """All figures of a group's localization answers (no other task among them, at least one answer)."""
    sets = _sets(answers)
    accuracy = _accuracy(answers, _baselines(answers, sets), level)

    def outcome_rate(outcome: Outcome) -> OutcomeRate:
        if outcome is Outcome.NOT_ANSWERED:
            rate = not_answered("localization", answers, level=level, empty=_EMPTY)
        else:
            rate = share(
                f"localization {outcome}", answers, answers.has_outcome(outcome), level=level, empty=_EMPTY
            )
        return OutcomeRate(outcome=outcome, among="all", rate=rate)

    return LocalizationSummary(
        accuracy=accuracy.accuracy,
        baselines=accuracy.baselines,
        chance_corrected=accuracy.chance_corrected,
        precision=_set_score("precision", answers, level),
        recall=_set_score("recall", answers, level),
        f1=_set_score("f1", answers, level),
        jaccard=_set_score("jaccard", answers, level),
        outcomes=tuple(outcome_rate(outcome) for outcome in OUTCOMES),
        calls=_calls(answers, sets),
        levels=_level_rates(answers, sets, level),
        distances=_distances(answers, sets, level) if distances else None,
    )


def localization_accuracy(answers: Answers, *, level: float = 0.95) -> TaskAccuracy:
    """Accuracy alone of a group's localization answers (no other task among them, at least one answer). The columns
    of what was chosen are not needed."""
    return _accuracy(answers, _baselines(answers, _sets(answers, with_chosen=False)), level)


def _accuracy(answers: Answers, baselines: tuple[Baseline, ...], level: float) -> TaskAccuracy:
    accuracy = share("localization accuracy (exact set)", answers, answers.correct, level=level, empty=_EMPTY)
    chance = next((one.accuracy for one in baselines if one.name == "uniform non-empty subset"), None)
    return TaskAccuracy(
        accuracy=accuracy,
        baselines=baselines,
        chance_corrected=chance_corrected(accuracy.of_asked, chance, "uniform non-empty subset"),
    )


def _set_score(name: str, answers: Answers, level: float) -> Rate:
    values = answers.columns.numbers(name)[answers.rows]
    if np.isnan(values[answers.answered]).any():
        raise DataError(
            f"graded column {name!r}: expected a number for every answered localization question; "
            "grade the run again with 'spinebench score'"
        )
    return mean(f"localization {name}", answers, values, level=level, empty=_EMPTY)


def _sets(answers: Answers, *, with_chosen: bool = True) -> _Sets:
    """The sets of each answer; without `chosen` nothing is chosen, which the baselines do not look at."""
    columns = answers.columns
    gold = columns.lists("gold", answers.rows)
    offered = columns.lists("options", answers.rows) if columns.has("options") else gold
    # What can be chosen is offered; where nobody says what was, the levels seen stand for it.
    with_chosen = with_chosen or not columns.has("options")
    chosen = columns.lists("chosen", answers.rows) if with_chosen else gold
    name_of = {text: _name(text) for text in (*gold.labels, *chosen.labels, *offered.labels)}
    names = sorted(set(name_of.values()), key=_place)
    if len(names) > _MAX_LEVELS:
        none = np.zeros(len(answers), dtype=np.int64)
        return _Sets((), None, none, none, none, none)
    bit_of = {text: names.index(name) for text, name in name_of.items()}
    return _Sets(
        names=tuple(names),
        chain=positions(names),
        gold=gold.masks(bit_of),
        chosen=np.where(answers.answered & with_chosen, chosen.masks(bit_of), 0),
        offered=offered.masks(bit_of),
        n_offered=offered.lengths,
    )


def _name(text: str) -> str:
    return canonical_level(text) or text.strip()


def _place(name: str) -> tuple[int, str]:
    """Levels cranial to caudal, then other texts by name."""
    for read in (disc_position, vertebra_position):
        position = read(name)
        if position is not None:
            return (position, name)
    return (_MAX_LEVELS, fold(name))


def _calls(answers: Answers, sets: _Sets) -> Calls | None:
    if not sets.names:
        return None
    where = answers.answered
    gold, chosen = sets.gold[where], sets.chosen[where]
    extra, missed = np.bitwise_count(chosen & ~gold), np.bitwise_count(gold & ~chosen)
    return Calls(
        extra_levels=int(extra.sum(dtype=np.int64)),
        missed_levels=int(missed.sum(dtype=np.int64)),
        over_called=int((extra > 0).sum()),
        under_called=int((missed > 0).sum()),
        n_answered=int(where.sum()),
        n_called=int(np.bitwise_count(chosen).sum(dtype=np.int64)),
        n_gold=int(np.bitwise_count(gold).sum(dtype=np.int64)),
    )


def _level_rates(answers: Answers, sets: _Sets, level: float) -> tuple[LevelRates, ...]:
    found = []
    for bit, name in enumerate(sets.names):
        affected = (sets.gold >> bit & 1).astype(bool)
        spared = (sets.offered >> bit & 1).astype(bool) & ~affected
        called = (sets.chosen >> bit & 1).astype(bool)
        found.append(
            LevelRates(
                level=name,
                sensitivity=share(
                    f"sensitivity at {name}",
                    answers.take(affected),
                    called[affected],
                    level=level,
                    empty=f"no question with {name} among the gold levels",
                ),
                specificity=share(
                    f"specificity at {name}",
                    answers.take(spared),
                    ~called[spared],
                    level=level,
                    empty=f"no question offering {name} without its being gold",
                ),
            )
        )
    return tuple(found)


def _distances(answers: Answers, sets: _Sets, level: float) -> LevelDistances | None:
    chain = sets.chain
    if chain is None or not sets.names:
        return None
    inverse = mixed_codes([sets.gold, sets.chosen])
    distinct = np.stack([sets.gold, sets.chosen], axis=1)[first_rows(inverse)]
    matches = [
        match_levels(
            tuple(chain[bit] for bit in sets.members(gold)), tuple(chain[bit] for bit in sets.members(chosen))
        )
        for gold, chosen in distinct.tolist()
    ]

    def per_answer(values: list[float]) -> FloatArray:
        return np.array(values, dtype=np.float64)[inverse]

    offset = per_answer([np.nan if match.offset is None else match.offset for match in matches])
    matched = answers.answered & ~np.isnan(offset)
    return LevelDistances(
        cutoff=CUTOFF,
        distance=mean(
            "level distance",
            answers,
            per_answer([match.distance for match in matches]),
            unanswered=float(CUTOFF),
            limits=Bounds(0.0, float(CUTOFF)),
            level=level,
            empty=_EMPTY,
        ),
        within_one=mean(
            "share of gold levels met within one level",
            answers,
            per_answer([match.within_one for match in matches]),
            level=level,
            empty=_EMPTY,
        ),
        offset=combined_mean(
            "mean signed level offset, caudal positive",
            (Part(offset[matched], answers.cluster[matched]),),
            level=level,
            limits=Bounds(-float(CUTOFF), float(CUTOFF)),
            denominators=answers.denominators(),
            empty="no answer with a level near enough to a gold level",
        ),
        uniform_shifts=share(
            "share of uniform shifts",
            answers,
            answers.has_outcome(Outcome.SHIFTED),
            level=level,
            empty=_EMPTY,
        ),
    )


def _baselines(answers: Answers, sets: _Sets) -> tuple[Baseline, ...]:
    """Over the distinct items; where options are not known, all levels seen are taken as offered."""
    if not sets.names:
        return ()
    first = first_rows(answers.item)
    sizes = sets.n_offered if answers.columns.has("options") else np.full(len(answers), len(sets.names))
    counts: Counter[tuple[frozenset[str], int]] = Counter()
    gold_of, size_of = sets.gold[first], sizes[first]
    kind = mixed_codes([gold_of, size_of])
    of_kind = first_rows(kind)
    tally = zip(gold_of[of_kind].tolist(), size_of[of_kind].tolist(), np.bincount(kind).tolist(), strict=True)
    for gold, size, count in tally:
        counts[frozenset(sets.names[bit] for bit in sets.members(gold)), size] += count
    return localization_baselines(LevelSets(counts))
