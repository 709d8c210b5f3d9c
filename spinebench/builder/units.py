"""Which things hang together: connected components over shared names."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence


def connected(names: Sequence[Iterable[Hashable]]) -> list[int]:
    """The component of each thing, from 0 by first appearance; things that share a name are in one, also by way of
    others. A thing without any name stands alone. Empty: []."""
    if not names:
        return []
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    index: dict[Hashable, int] = {}
    things: list[int] = []
    named: list[int] = []
    for thing, own in enumerate(names):
        for name in own:
            things.append(thing)
            named.append(len(names) + index.setdefault(name, len(index)))
    size = len(names) + len(index)
    graph = coo_array((np.ones(len(things), dtype=np.int8), (things, named)), shape=(size, size))
    _, found = connected_components(graph, directed=False)
    number: dict[int, int] = {}
    return [number.setdefault(int(one), len(number)) for one in found[: len(names)]]
