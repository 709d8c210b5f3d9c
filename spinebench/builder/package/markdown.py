"""Texts that others wrote, as plain text of a Markdown page, and tables of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_ACTIVE: Final = re.compile(r"([\\`*_\[\]<>|#~])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def plain(value: object) -> str:
    """One line in which nothing is markup: what Markdown or HTML would act on is escaped."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    return (
        _ACTIVE.sub(r"\\\1", _CONTROL.sub(" ", str(value)).strip())
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table; `none` in place of a table without rows."""
    body = [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows]
    if not body:
        return ["none"]
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *body]
