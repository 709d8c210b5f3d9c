"""The order in which one rater is shown traces: no image twice in a row, no model in a block, duplicates apart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

_TRIES = 60
_MENDED = 60
"""Longest list that is mended by swaps; in longer ones a random order fails only where every order does."""
_WEIGHTS = (10_000, 100, 1)
"""What a broken rule weighs: the same image in a row, a duplicate too near, the same model in a row."""


@dataclass(frozen=True, slots=True)
class Showing:
    """One place in a list, as far as the order is concerned."""

    trace_id: str
    model: str
    image: str
    duplicate: bool = False


def order_showings(
    new: Sequence[Showing], *, again: int, before: Sequence[Showing] = (), seed: str
) -> list[Showing]:
    """`new` in random order, with `again` of the rater's traces shown a second time.

    Two neighbours are never of one image, a duplicate stands a third of the list or more behind its first
    showing, and two neighbours are never of one model: wherever that can be had, and in this order where not
    all can. `before` is the list that stands in front and is not changed; its traces may be shown again too.
    The same arguments give the same order.
    """
    if not new:
        return []
    best: list[Showing] = []
    least: int | None = None
    length = len(before) + len(new) + again
    for attempt in range(_TRIES if length <= 400 else 12):
        chance = random.Random(f"{seed}|{attempt}")  # seeded: nothing global is touched
        tried = _laid_out(new, again, before, chance)
        cost = _cost([*before, *tried], start=len(before), length=length)
        if least is None or cost < least:
            best, least = tried, cost
        if cost <= _bound(tried):
            break
    return _mended(best, before, length) if least else best


def _laid_out(
    new: Sequence[Showing], again: int, before: Sequence[Showing], chance: random.Random
) -> list[Showing]:
    """One random order: at each place one of those that break the least, of the model with most left first
    where waiting longer would force a block."""
    length = len(before) + len(new) + again
    apart = length // 3
    first = {one.trace_id: place for place, one in enumerate(before) if not one.duplicate}
    taken = {one.trace_id for one in before if one.duplicate}
    pool = list(new)
    chance.shuffle(pool)
    # Those shown again have to be met early enough; the first places are kept for them.
    could = [one for one in before if not one.duplicate and one.trace_id not in taken and one.model]
    chance.shuffle(could)
    need = max(0, again - len(could))
    early = _spread(pool, need)
    repeats = [replace(one, duplicate=True) for one in (*early, *could)][:again]
    latest_first = max(0, length - apart - again - len(before))
    left = [*pool, *repeats]
    waiting = {one.trace_id for one in early}
    counts = Counter(one.model for one in left)
    order: list[Showing] = []
    last = before[-1] if before else None
    while left:
        place = len(before) + len(order)
        ready = [
            one for one in left
            if not one.duplicate or (one.trace_id in first and place - first[one.trace_id] >= apart)
        ] or left  # fmt: skip
        clean = [one for one in ready if last is None or one.image != last.image] or ready
        other = [one for one in clean if last is None or one.model != last.model] or clean
        heavy = [one for one in other if 2 * counts[one.model] > len(left)]
        choices = heavy or other
        if waiting and len(order) >= latest_first - len(waiting):
            choices = [one for one in other if one.trace_id in waiting and not one.duplicate] or choices
        chosen = choices[chance.randrange(len(choices))]
        left.remove(chosen)
        counts[chosen.model] -= 1
        if not chosen.duplicate:
            first[chosen.trace_id] = place
            waiting.discard(chosen.trace_id)
        order.append(chosen)
        last = chosen
    return order


def _spread(pool: Sequence[Showing], n: int) -> list[Showing]:
    """`n` of the pool, of the models that it has least of: showing them again makes no block."""
    counts = Counter(one.model for one in pool)
    rest, chosen = list(pool), list[Showing]()
    for _ in range(n):
        one = min(rest, key=lambda other: counts[other.model])
        counts[one.model] += 1
        rest.remove(one)
        chosen.append(one)
    return chosen


def _mended(order: list[Showing], before: Sequence[Showing], length: int) -> list[Showing]:
    """Swap pairs as long as that breaks less."""
    start = len(before)
    whole = [*before, *order]
    cost = _cost(whole, start=start, length=length)
    better = len(order) <= _MENDED
    while better and cost:
        better = False
        for one in range(start, len(whole)):
            if not _touches(whole, one, start, length):
                continue
            for other in range(start, len(whole)):
                whole[one], whole[other] = whole[other], whole[one]
                new = _cost(whole, start=start, length=length)
                if new < cost:
                    cost, better = new, True
                    break
                whole[one], whole[other] = whole[other], whole[one]
    return whole[start:]


def _touches(whole: Sequence[Showing], place: int, start: int, length: int) -> bool:
    """Whether the showing at a place has part in a broken rule."""
    near = [whole[at] for at in (place - 1, place + 1) if 0 <= at < len(whole)]
    here = whole[place]
    if any(here.image == one.image or here.model == one.model for one in near):
        return True
    return here.duplicate and _cost(whole, start=start, length=length) >= _WEIGHTS[1]


def _cost(whole: Sequence[Showing], *, start: int, length: int) -> int:
    images = models = near = 0
    for place in range(max(1, start), len(whole)):
        images += whole[place].image == whole[place - 1].image
        models += whole[place].model == whole[place - 1].model
    first = {one.trace_id: place for place, one in enumerate(whole) if not one.duplicate}
    for place in range(start, len(whole)):
        one = whole[place]
        near += one.duplicate and place - first.get(one.trace_id, place) < length // 3
    return images * _WEIGHTS[0] + near * _WEIGHTS[1] + models * _WEIGHTS[2]


def _bound(order: Sequence[Showing]) -> int:
    """A cost below which no order can come: of n showings, m of one kind, m - 1 - (n - m) meet at least."""
    n = len(order)
    images = max(Counter(one.image for one in order).values())
    models = max(Counter(one.model for one in order).values())
    return max(0, 2 * images - n - 1) * _WEIGHTS[0] + max(0, 2 * models - n - 1) * _WEIGHTS[2]
