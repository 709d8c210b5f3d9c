"""The JSON object in a judge's reply: found tolerantly, never guessed, and never taken from the trace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from spinebench.evaluators.folding import fold
from spinebench.records import Record, canonical_json

_MARKS_AND_SPACE = re.compile(r"[\s\"'\\]+")
VERDICT_FIELDS = ("scores", "failure_modes", "claims")

_BEGINS_VERDICT = re.compile(r'\{\s*"(?:' + "|".join(VERDICT_FIELDS) + r')"\s*:')
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_OPENING = re.compile(r'\{\s*["}]')
"""What a JSON object begins with; the braces of a formula or of pseudo-code do not."""
_MOST_OPENINGS = 200
"""Openings that are tried; prose has a few, a reply with more is no verdict."""
_OTHER_QUOTES = re.compile(
    r"\{\s*['\u2018\u2019\u201c\u201d`]?(?:" + "|".join(VERDICT_FIELDS) + r")(?![\w\"])"
)
_TAGS = r"(?:seed:)?(?:think|thinking|thoughts?|reasoning|scratchpad)"
_THINKING = re.compile(rf"\s*(?:<{_TAGS}>|◁think▷|\[THINK\])", re.I)
_THOUGHT = re.compile(rf"</{_TAGS}>|◁/think▷|\[/THINK\]", re.I)
_FENCES = " \t\r\n\ufeff"


class Found(Record):
    """The one verdict of a reply, or why there is none."""

    value: dict[str, Any] | None = None
    problem: str | None = None


class _DuplicateField(ValueError):
    pass


def find_verdict(text: str, trace: Sequence[str]) -> Found:
    """The JSON object with a verdict's fields in a reply.

    Read: the bare object, one in a code fence or amid prose, a trailing comma, line breaks within strings. Thinking
    before the reply is no part of it: what is drafted there is not looked at. Not read, but named as the problem: no
    object, one cut off or broken, a field given twice, several that differ, other quotation marks than JSON's, the
    fields within another object. An object that stands in the trace (up to what `folding` disregards, quotation
    marks and white space) is the trace's and never the judge's.
    """
    text, thinking = _without_thinking(text)
    if thinking:
        return Found(problem="the reply ends within its thinking; close it and give the JSON object after it")
    verdicts: dict[str, dict[str, Any]] = {}
    copied = False
    within: str | None = None
    traces = [_squeezed(part) for part in trace]
    try:
        for raw, value in _objects(text):
            if value.keys().isdisjoint(VERDICT_FIELDS):
                within = within or _wrapper(value)
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
    if within is not None:
        return Found(problem=f"the fields stand within {within!r}; give them at the top of the JSON object")
    if _OTHER_QUOTES.search(text):
        return Found(
            problem='the object is no JSON: names and texts have to stand in straight double quotes (")'
        )
    return Found(problem="there is no JSON object with the fields that were asked for; reply with one")


def _objects(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Outermost JSON objects in their order, each with its text. Raises ValueError for a broken verdict."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_without_duplicates, parse_constant=_no_constant, strict=False
    )
    position = 0
    for _ in range(_MOST_OPENINGS):
        opening = _OPENING.search(text, position)
        if opening is None:
            return
        start = opening.start()
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


def _without_thinking(text: str) -> tuple[str, bool]:
    """The reply behind its thinking, and whether the thinking never ends.

    Thinking opens the reply, or the prompt has opened it and only its end is there. A tag behind the first brace or
    fence of a reply that opens otherwise is part of what is quoted.
    """
    opened = _THINKING.match(text)
    closed = _THOUGHT.search(text)
    if opened is not None:
        return (text, True) if closed is None else (text[closed.end() :], False)
    if closed is not None and text.lstrip(_FENCES)[:1] not in {"{", "[", "`"}:
        verdict = _BEGINS_VERDICT.search(text)
        if verdict is None or verdict.start() > closed.start() or _BEGINS_VERDICT.search(text, closed.end()):
            return text[closed.end() :], False
    return text, False


def _wrapper(value: dict[str, Any]) -> str | None:
    """The field of an object that holds a whole verdict, as an object or as text."""
    for name, inner in value.items():
        if isinstance(inner, dict) and name != "properties" and not inner.keys().isdisjoint(VERDICT_FIELDS):
            return name[:40]
        if isinstance(inner, str) and _BEGINS_VERDICT.match(inner):
            return name[:40]
    return None


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
    """Without white space and any quotation marks: a verdict in Python's spelling is the same verdict."""
    return _MARKS_AND_SPACE.sub("", fold(text).text)


def _where(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos} of the object"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
