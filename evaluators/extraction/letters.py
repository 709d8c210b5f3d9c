"""Reading letters that are given as letters: the reply of an extractor that was asked for nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from spinebench.evaluators.extraction.engine import task_of
from spinebench.evaluators.extraction.options import option_set
from spinebench.records import MULTIPLE_ANSWER_TASKS, JsonValue, Task

_NONE = frozenset({"", "NONE", "NULL", "N/A", "NA", "[]"})


def read_letters(
    value: JsonValue, *, task: Task | str, options: Sequence[str] | Mapping[str, str]
) -> tuple[str, ...] | None:
    """The sorted letters of `"B"`, `["A", "C"]`, `"A, C"` or `"[A, C]"`, strictly.

    An empty tuple for an explicit none (`"NONE"`, `""`, `[]`, None). None where the value is anything else: a
    letter outside the options, free text, or several letters for a single-answer task.
    """
    known = frozenset(option_set(options).letters)
    multiple = task_of(task) in MULTIPLE_ANSWER_TASKS
    if value is None:
        return ()
    if isinstance(value, str):
        text = value.strip().upper()
        if text in _NONE:
            return ()
        parts = re.split(r"\s*(?:,|;|&|\bAND\b)\s*", text.strip("[](){} ."))
    elif isinstance(value, list | tuple):
        if not all(isinstance(part, str) for part in value):
            return None
        parts = [part.strip().upper().strip("[]().") for part in value]
        if [part for part in parts if part not in _NONE] == []:
            return ()
    else:
        return None
    letters = tuple(sorted(set(parts)))
    if not set(letters) <= known or (len(letters) > 1 and not multiple):
        return None
    return letters
