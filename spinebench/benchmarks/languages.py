"""The language of an item, and the items of some languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spinebench.errors import UsageError
from spinebench.records import LANGUAGE, Item

if TYPE_CHECKING:
    from spinebench.benchmarks.benchmark import Benchmark


def is_in(item: Item, languages: Sequence[str]) -> bool:
    """Whether an item's language is one of these or a region of one; an item that states none is in no language."""
    own = (item.language or "").casefold()
    return any(own == one.casefold() or own.startswith(f"{one.casefold()}-") for one in languages)


def not_in(items: Sequence[Item], languages: Sequence[str]) -> UsageError:
    """The error for items of which none is in these languages: says which there are."""
    found = Counter(item.language or "not stated" for item in items)
    there = ", ".join(f"{name} ({n})" for name, n in found.most_common(5)) or "no items"
    return UsageError(
        f"language {', '.join(languages)!r}: expected a language that items state, there are {there}; "
        "name one of them, or leave --language out"
    )


def only_in(benchmark: Benchmark, languages: Sequence[str]) -> Benchmark:
    """A benchmark of the items in these languages; the whole for none named. Its info is of what is left.

    Raises `UsageError` for something that is no language, and where no item is left.
    """
    from spinebench.benchmarks.benchmark import items_hash

    for one in languages:
        if re.match(LANGUAGE, one) is None or one.endswith("\n"):
            raise UsageError(f"language {one!r}: expected en, zh, or one with a region; name one of these")
    if not languages:
        return benchmark
    items = tuple(item for item in benchmark.items if is_in(item, languages))
    if not items:
        raise not_in(benchmark.items, languages)
    ids = {item.id for item in items}
    info = benchmark.info.model_copy(
        update={
            "n_items": len(items),
            "n_by_task": dict(sorted(Counter(item.task.value for item in items).items())),
            "n_clusters": len({item.cluster for item in items}),
            "items_hash": items_hash(items),
        }
    )
    return replace(
        benchmark,
        info=info,
        items=items,
        duplicates=tuple(group for group in benchmark.duplicates if ids.issuperset(group)),
    )
