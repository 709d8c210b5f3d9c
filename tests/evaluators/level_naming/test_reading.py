"""The levels that a text names.

What is expected is written as `L4/L5 left; -L3/L4; L5 root`: levels in the order of the text, a mark for the standing
(none: asserted, `?` uncertain, `-` negated, `=` normal, `<` prior, `@` mentioned), the kind of a root, the side.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.reading import Mention, named_levels
from spinebench.evaluators.level_naming.standing import Standing

MARKS = {
    Standing.ASSERTED: "",
    Standing.UNCERTAIN: "?",
    Standing.NEGATED: "-",
    Standing.NORMAL: "=",
    Standing.PRIOR: "<",
    Standing.MENTIONED: "@",
}


def written(mentions: tuple[Mention, ...]) -> str:
    return "; ".join(
        MARKS[one.standing]
        + one.level
        + (" root" if one.kind is Kind.ROOT else "")
        + (f" {one.side}" if one.side else "")
        for one in mentions
    )
