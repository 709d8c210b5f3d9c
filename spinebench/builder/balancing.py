"""Order of options and choice of wordings that say nothing about the right answer: counts are even, labels apart.

Everything rests on one fact: in a sequence that runs through 0 to n - 1 again and again, the values in any stretch
differ by at most one in number. Things are put in the order of their labels, so that every label is a stretch.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_SWAPS: Final = 12
"""Tries per item; enough that the place of one option says nothing about that of another."""

Key = tuple[str, ...]
"""What a thing is balanced over, most important part first: every beginning of a key is a stretch."""


def spread(keys: Sequence[Key], ties: Sequence[str], n: int, *, start: int = 0) -> list[int]:
    """One of n values for each thing, as even as numbers allow.

    Over all things, and over those whose keys begin alike, the counts of any two values differ by at most one. Within
    equal keys `ties` decide, so they have to be hashes. [] for no things.
    """
    values = [0] * len(keys)
    for rank, place in enumerate(_order(keys, ties)):
        values[place] = (start + rank) % n
    return values


def option_places(
    labels: Sequence[str],
    strata: Sequence[Key],
    healthy: Sequence[bool],
    ties: Sequence[str],
    n: int,
    *,
    seed: str,
) -> list[tuple[int, int]]:
    """For each diagnosis of n options the place of the right option and that of Healthy, which are one for a healthy
    image.

    Counts of the right option's places differ by at most one over all items, within each label, and within each
    stratum (a beginning of its key) of a label; those of Healthy by at most one over the diseased items and within
    each label, hence by at most two over all items. Beyond that, which pairs of places occur is left to the seed.
    """
    keys = [(str(int(well)), label, *more) for well, label, more in zip(healthy, labels, strata, strict=True)]
    rng = random.Random(seed)
    gold = spread(keys, ties, n, start=rng.randrange(n))
    shift = rng.randrange(1, n)
    well = [place if is_well else (place + shift) % n for place, is_well in zip(gold, healthy, strict=True)]
    _mix(well, gold, labels, [place for place, is_well in enumerate(healthy) if not is_well], n, rng)
    return list(zip(gold, well, strict=True))


def level_orders(golds: Sequence[Key], ties: Sequence[str], n: int, *, seed: str) -> list[tuple[int, ...]]:
    """For each localization an order of n levels: place -> level.

    Over all items, and over those of the same gold levels, the numbers of times that a level stands in any two places
    differ by at most one. Each five items in a row (for five levels) are rotations of one order; which order is drawn
    anew wherever that leaves the counts as they are.
    """
    rng = random.Random(seed)
    order = _order(golds, ties)
    ranks: list[
        list[int]
    ] = []  # each: things that are rotated together, a whole number of turns but the last
    left: list[int] = []
    for start, end in _stretches([golds[place] for place in order]):
        whole = end - (end - start) % n
        ranks += [order[at : at + n] for at in range(start, whole, n)]
        left += order[whole:end]
    ranks += _turns(left, golds, n)
    found: list[tuple[int, ...]] = [()] * len(golds)
    for together in ranks:
        base = list(range(n))
        rng.shuffle(base)
        for at, place in enumerate(together):
            turn = at % n
            found[place] = tuple(base[turn:] + base[:turn])
    return found


def _turns(left: Sequence[int], golds: Sequence[Key], n: int) -> list[list[int]]:
    """What is left of every gold set, cut after whole turns wherever no gold set is torn."""
    cuts = [at for at in range(n, len(left), n) if golds[left[at - 1]] != golds[left[at]]]
    return [list(left[start:end]) for start, end in pairwise([0, *cuts, len(left)]) if start < end]


def _stretches(values: Sequence[Key]) -> list[tuple[int, int]]:
    starts = [at for at, value in enumerate(values) if at == 0 or value != values[at - 1]]
    return list(pairwise([*starts, len(values)]))


def _order(keys: Sequence[Key], ties: Sequence[str]) -> list[int]:
    return sorted(range(len(keys)), key=lambda place: (keys[place], ties[place]))


def _mix(
    values: list[int],
    fixed: Sequence[int],
    labels: Sequence[str],
    places: Sequence[int],
    n: int,
    rng: random.Random,
) -> None:
    """Exchange values between random pairs of `places`, never onto the fixed one, each label's counts staying even."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for place in places:
        counts[labels[place]][values[place]] += 1
    if len(places) < 2:
        return
    members: dict[str, list[int]] = defaultdict(list)
    for place in places:
        members[labels[place]].append(place)
    for turn in range(_SWAPS * len(places)):
        one = places[rng.randrange(len(places))]
        # Every other time within the label: exchanges between labels seldom leave both even.
        among = members[labels[one]] if turn % 2 else places
        other = among[rng.randrange(len(among))]
        a, b = values[one], values[other]
        if a == b or fixed[one] == b or fixed[other] == a:
            continue
        if labels[one] != labels[other]:
            moves = ((counts[labels[one]], a, b), (counts[labels[other]], b, a))
            if not all(_stays_even(count, away, to, n) for count, away, to in moves):
                continue
            for count, away, to in moves:
                count[away] -= 1
                count[to] += 1
        values[one], values[other] = b, a


def _stays_even(count: Counter[int], away: int, to: int, n: int) -> bool:
    after = [count[value] - (value == away) + (value == to) for value in range(n)]
    return max(after) - min(after) <= 1
