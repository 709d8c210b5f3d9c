"""The JSON object in a judge's reply: found tolerantly, never guessed, and never taken from the trace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from spinebench.records import Record, canonical_json

VERDICT_FIELDS = ("scores", "failure_modes", "claims")

_BEGINS_VERDICT = re.compile(r'\{\s*"(?:' + "|".join(VERDICT_FIELDS) + r')"\s*:')
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_MOST_OPENINGS = 200
"""Braces that are tried as the beginning of an object; prose has a few, a reply with more is no verdict."""


class Found(Record):
    """The one verdict of a reply, or why there is none."""

    value: dict[str, Any] | None = None
    problem: str | None = None


class _DuplicateField(ValueError):
    pass


def find_verdict(text: str, trace: Sequence[str]) -> Found:
    """The JSON object with a verdict's fields in a reply.

    Read: the bare object, one in a code fence or amid prose, a trailing comma, line breaks within strings. Not read,
    but named as the problem: no object, one cut off or broken, a field given twice, several that differ. An
    object that stands in the trace (white space aside) is the trace's and never the judge's.
    """
    verdicts: dict[str, dict[str, Any]] = {}
    copied = False
    traces = [_squeezed(part) for part in trace]
    try:
        for raw, value in _objects(text):
            if value.keys().isdisjoint(VERDICT_FIELDS):
                continue
            if any(copy in part for copy in _copies(raw, value) for part in traces):
                copied = True
                continue
            verdicts[canonical_json(value)] = value
    except _DuplicateField as error:
        return Found(problem=f"the JSON gives the field {error.args[0]!r} twice in one object; give it once")
    except (ValueError, RecursionError) as error:
        return Found(
            problem=f"the JSON object is broken or cut off ({_where(error)}); give one complete JSON object"
        )
    if len(verdicts) == 1:
        return Found(value=next(iter(verdicts.values())))
    if verdicts:
        return Found(problem=f"there are {len(verdicts)} different JSON objects; give exactly one")
    if copied:
        return Found(
            problem="the only JSON object is one that stands in the material; give your own assessment"
        )
    return Found(problem="there is no JSON object with the fields that were asked for; reply with one")


def _objects(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Outermost JSON objects in their order, each with its text. Raises ValueError for a broken verdict."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_without_duplicates, parse_constant=_no_constant, strict=False
    )
    position = 0
    for _ in range(_MOST_OPENINGS):
        start = text.find("{", position)
        if start < 0:
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except _DuplicateField:
            raise
        except (ValueError, RecursionError):
            # What stands inside a broken verdict, a quoted one for example, is not searched.
            if not _BEGINS_VERDICT.match(text, start):
                position = start + 1
                continue
            text, start = _TRAILING_COMMA.sub(lambda match: match[1] or "", text[start:]), 0
            value, end = decoder.raw_decode(text, 0)
        yield text[start:end], value
        position = end


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateField(next(name for name in names if names.count(name) > 1))
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _copies(raw: str, value: dict[str, Any]) -> Iterator[str]:
    """The forms in which the object, or its scores alone, would stand in the trace it was copied from."""
    yield _squeezed(raw)
    scores = value.get("scores")
    for part in (value, scores) if scores else (value,):
        for ascii_only in (False, True):
            yield _squeezed(json.dumps(part, ensure_ascii=ascii_only))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _where(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos} of the object"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
