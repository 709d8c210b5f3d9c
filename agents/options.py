"""The order in which options are put before the model, and how they are written."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Sequence

from spinebench.errors import UsageError

AS_GIVEN = "as_given"


def letters(n: int) -> tuple[str, ...]:
    """The letters of n options, A first. Raises `UsageError` above 26."""
    if n > len(string.ascii_uppercase):
        raise UsageError(f"number of options {n!r}: expected at most 26; split the item")
    return tuple(string.ascii_uppercase[:n])


def permutation(order: str, *, item_id: str, n_options: int) -> tuple[int, ...]:
    """presented[i] = options[permutation[i]] for an option order.

    `as_given`: identity; `shuffled:<seed>`: by a generator seeded with SHA-256(seed | item id), so that an
    item's order depends on nothing else; `rotation:<k>`: the options moved k places up, first ones last.
    """
    indices = list(range(n_options))
    kind, _, value = order.partition(":")
    if order == AS_GIVEN:
        return tuple(indices)
    if kind == "shuffled" and value.lstrip("-").isdigit():
        seed = hashlib.sha256(f"{int(value)}|{item_id}".encode()).digest()
        random.Random(seed).shuffle(indices)
        return tuple(indices)
    if kind == "rotation" and value.isdigit():
        k = int(value) % n_options if n_options else 0
        return tuple(indices[k:] + indices[:k])
    raise UsageError(
        f"option order {order!r}: expected as_given, shuffled:<seed> or rotation:<k>; correct it"
    )


def presented(options: Sequence[str], order: Sequence[int]) -> tuple[str, ...]:
    """The option texts in the order the model sees them."""
    return tuple(options[index] for index in order)


def written(options: Sequence[str]) -> str:
    """`A: ..., B: ...` as the persona prompts show them."""
    return ", ".join(f"{letter}: {text}" for letter, text in zip(letters(len(options)), options, strict=True))
