"""With which characters a pattern can begin, read from the pattern itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]  # how Python reads a pattern; tests alone use it
from typing import Any

_Beginning = tuple[str, bool]
"""Characters, and whether what may follow them is known."""


def beginnings(pattern: str, *, length: int) -> set[str]:
    """All beginnings of at most `length` characters; a shorter one is followed by anything."""
    return {text for text, _ in _of(_parser.parse(pattern, re.MULTILINE), length)}


def _of(items: Iterable[tuple[Any, Any]], length: int) -> set[_Beginning]:
    found: set[_Beginning] = {("", True)}
    for kind, value in items:
        if kind in {_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT}:
            continue
        found = _joined(found, _of_item(kind, value, length), length)
    return found


def _of_item(kind: Any, value: Any, length: int) -> set[_Beginning]:
    if kind is _constants.LITERAL:
        return {(chr(value), True)}
    if kind is _constants.SUBPATTERN:
        return _of(value[3], length)
    if kind is _constants.BRANCH:
        return set().union(*(_of(branch, length) for branch in value[1]))
    if kind in {_constants.MAX_REPEAT, _constants.MIN_REPEAT}:
        least, most, repeated = value
        once = _of(repeated, length)
        several = _joined(once, once, length) if most > 1 else set()
        return once | several | (set() if least else {("", True)})
    if kind is _constants.IN:
        return set().union(*(_of_class(*one) for one in value))
    return {("", False)}


def _of_class(kind: Any, value: Any) -> set[_Beginning]:
    if kind is _constants.LITERAL:
        return {(chr(value), True)}
    if kind is _constants.RANGE:
        return {(chr(code), True) for code in range(value[0], value[1] + 1)}
    if kind is _constants.CATEGORY and value is _constants.CATEGORY_SPACE:
        return {(" ", True)}
    return {("", False)}


def _joined(first: set[_Beginning], second: set[_Beginning], length: int) -> set[_Beginning]:
    joined: set[_Beginning] = set()
    for before, known in first:
        if not known or len(before) >= length:
            joined.add((before, False))
            continue
        for after, goes_on in second:
            text = (before + after)[:length]
            joined.add((text, goes_on and len(text) < length))
    return joined
