"""Text of models, files and people as HTML that can do nothing: escaped, marked, and with nothing hidden in it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from spinebench.evaluators.invisible import INVISIBLE, written_out
from spinebench.evaluators.quotes import find_quote

MarkKind = Literal["span", "quote"]
PART = 20_000
"""Characters that are shown at once."""
_SEARCHED = 200_000
"""Up to this length quotes are looked for up to spelling; in longer texts only word for word."""

STYLE = """<style>
.foreign-text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; direction: ltr;
  overflow: hidden; line-height: 1.55; font-size: 0.95rem; margin: 0; }
.foreign-text mark { color: inherit; padding: 0 1px; border-radius: 2px; }
.foreign-text mark.quote { background: rgba(86, 180, 233, 0.25); border-bottom: 2px solid #56b4e9; }
.foreign-text mark.span { background: rgba(230, 159, 0, 0.38); outline: 1.5px solid #e69f00; }
.foreign-text .unseen { font: 0.75em monospace; border: 1px solid #d55e00; border-radius: 3px; padding: 0 2px;
  unicode-bidi: isolate; }
</style>"""
_INVISIBLE_RUN = re.compile(f"(?:{INVISIBLE.pattern})+")


@dataclass(frozen=True, slots=True)
class Mark:
    """A half-open range of a text that is highlighted."""

    start: int
    end: int
    kind: MarkKind


def escaped(text: str) -> str:
    """HTML of a text: no character of it is markup, and invisible ones (controls, direction marks, zero width) are
    written out as ⟨U+202E⟩ in a frame."""
    pieces: list[str] = []
    done = 0
    for found in _INVISIBLE_RUN.finditer(text):
        pieces.append(html.escape(text[done : found.start()]))
        pieces.append(f'<span class="unseen">{written_out(found.group())}</span>')
        done = found.end()
    return "".join([*pieces, html.escape(text[done:])])


def marked(text: str, marks: Sequence[Mark] = (), *, first: int = 0, last: int | None = None) -> str:
    """A `pre` element with characters `first` to `last` (half-open) of a text; marks may overlap and lie outside."""
    last = len(text) if last is None else min(last, len(text))
    inside = [
        Mark(max(one.start, first), min(one.end, last), one.kind)
        for one in marks
        if one.start < last and one.end > first and one.start < one.end
    ]
    edges = sorted({first, last, *(one.start for one in inside), *(one.end for one in inside)})
    pieces = []
    for start, end in pairwise(edges):
        kinds = sorted({one.kind for one in inside if one.start <= start and one.end >= end}, reverse=True)
        piece = escaped(text[start:end])
        pieces.append(f'<mark class="{" ".join(kinds)}">{piece}</mark>' if kinds else piece)
    return f'<div class="foreign-text">{"".join(pieces)}</div>'


def quote_marks(quotes: Iterable[str], text: str) -> list[Mark]:
    """Where the quotes stand in a text; one that does not stand there has no mark."""
    found = []
    for quote in dict.fromkeys(quotes):
        if len(text) > _SEARCHED:
            place = text.find(quote) if quote else -1
            span = (place, place + len(quote)) if place >= 0 else None
        else:
            match = find_quote(quote, text)
            span = match.span if match.found else None
        if span is not None:
            found.append(Mark(*span, "quote"))
    return found


def n_parts(text: str) -> int:
    """How many parts of `PART` characters a text is shown in; at least 1."""
    return max(1, -(-len(text) // PART))


def part_of(place: int) -> int:
    """In which part (from 1) a character stands."""
    return place // PART + 1
