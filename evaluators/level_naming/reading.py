"""The levels that a text names: which, on which side, how they are spoken of, and where."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from spinebench.evaluators.folding import fold
from spinebench.evaluators.level_naming import vocabulary as words
from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.clauses import Clause, Sentence, Unit, clauses, sentences, units
from spinebench.evaluators.level_naming.expressions import Expression, expressions
from spinebench.evaluators.level_naming.not_levels import is_something_else, speaks_of_spine
from spinebench.evaluators.level_naming.sides import Side, sides
from spinebench.evaluators.level_naming.standing import Standing, spoken, standing

VERSION = "2"
"""Of the rules; it changes with every change that may read a text differently."""

_PLAIN = str.maketrans(
    "₀₁₂₃₄₅₆₇₈₉頸側雙兩間盤節無見與從體壓縮變狹神經損傷後餘異顯膽脫發現擬骶樑齒狀樞錐圓術釘複單鈣腫瘤轉移陳舊骨質疏鬆輕擠壞",
    "0123456789颈侧双两间盘节无见与从体压缩变狭神经损伤后余异显胆脱发现拟骶梁齿状枢锥圆术钉复单钙肿瘤转移陈旧骨质疏松轻挤坏",
)
"""Subscripts, and the traditional characters among the words that are looked for; one character each."""
_BEFORE_HEADING = re.compile(
    r"[\s#>*•|+\-]*(?:\(?\d{1,2}[.)、]\s?)?(?:(?P<at>at)(?: (?:the|levels?|of))* |(?:the |levels? "
    r"|disc |segment |findings?:? )*)"
)
_BEHIND_HEADING = re.compile(
    r"(?: ?\([^()\n]{0,30}\))?(?: ?(?:levels?|dis[ck]s?|segments?|disc space|intervertebral disc"
    r"|椎间盘|椎体|节段|水平|层面|间隙)){0,2} ?(?:[:|]|- |(?=\n|$))"
)
_BULLET = re.compile(r"\s*(?:[-*•+>|]|\d{1,2}[.)、]|\([a-z\d]\))")


@dataclass(frozen=True, slots=True)
class Mention:
    """One level where a text names it."""

    level: str
    """Canonical: `L4` of a vertebra or root, `L4/L5` of a disc."""
    kind: Kind
    side: Side | None
    """None where no side of the patient is said of it."""
    standing: Standing
    start: int
    end: int
    """Half-open range of the name in the text as it was written; the members of a range share it."""


def named_levels(text: str) -> tuple[Mention, ...]:
    """Every level that an English or Chinese text names, in the order of the text.

    Rules alone, no model: the same text gives the same mentions, in time linear in its length. Empty text: ().
    What is read and what is not: docs/level-awareness.md.
    """
    folded = fold(text, lines=True)
    plain = folded.text.translate(_PLAIN)

    def capital(place: int) -> bool:
        return place < len(plain) and text[folded.starts[place] : folded.ends[place]].isupper()

    seen = expressions(plain, capital)
    spine = bool(seen) and speaks_of_spine(plain, seen)
    taken = [one for one in seen if not is_something_else(plain, one, spine=spine)]
    if not taken:
        return ()
    offered = _offered(plain, taken)
    found: list[Mention] = []
    parts = _parsed(plain, taken, list(sentences(plain, taken, capital)))
    for i, (sentence, said) in enumerate(parts):
        named = [clause for clause in said if clause.units]
        if not named:
            continue
        below = _below(plain, parts, i, capital)
        if below:
            below = [(sentence, one) for one in said if one.start > named[0].start and not one.units] + below
        for clause in named:
            mine = spoken(plain, sentence, clause)
            tail = [(one, spoken(plain, at, one)) for at, one in below] if clause is named[0] else []
            for unit, side in zip(clause.units, sides(plain, clause, mine, tail), strict=True):
                how = standing(plain, sentence, clause, unit, mine, [one for _, one in tail])
                how = Standing.MENTIONED if unit.start in offered else how
                for level, kind, start, end in unit.levels:
                    found.append(Mention(level, kind, side, how, *folded.original(start, end)))
    return tuple(found)


_LABEL = re.compile(r"[\[(]?([a-j])[\]).:]+ ?$")
_FEWEST_OFFERED = 3


def _offered(text: str, taken: list[Expression]) -> set[int]:
    """Where the levels of a list of options begin: three or more labelled A, B, C ... one after the other."""
    found: set[int] = set()
    run: list[int] = []
    for one in taken:
        label = _LABEL.search(text, max(0, one.start - 5), one.start)
        if label is None or ord(label[1]) - ord("a") != len(run):
            run = []
        if label is not None and ord(label[1]) - ord("a") == len(run):
            run.append(one.start)
            if len(run) >= _FEWEST_OFFERED:
                found.update(run)
    return found


_Said = tuple[Sentence, list[Clause]]


def _parsed(text: str, taken: list[Expression], all_sentences: list[Sentence]) -> list[_Said]:
    starts = [one.start for one in taken]
    found: list[_Said] = []
    for sentence in all_sentences:
        low, high = bisect_left(starts, sentence.start), bisect_left(starts, sentence.end)
        said: list[Unit] = [unit for one in taken[low:high] for unit in units(text, sentence, one)]
        found.append((sentence, clauses(text, sentence, said)))
    return found


def _first(said: list[Clause]) -> Clause | None:
    return next((clause for clause in said if clause.units), None)


def _reach(text: str, part: _Said, capital: Callable[[int], bool]) -> Literal["heading", "topic"] | None:
    """Whether a sentence begins with a level that what follows is about too.

    A heading: `L4/5: ...`, a line of its own, `L4-5 Disc height is ...`. A topic: *At L4-5, there is ...*.
    """
    sentence, said = part
    clause = _first(said)
    if clause is None:
        return None
    unit = clause.units[0]
    before = _BEFORE_HEADING.fullmatch(text, sentence.start, unit.start)
    if before is None:
        return None
    behind = _BEHIND_HEADING.match(text, unit.end)
    line = text[max(0, sentence.start - 1) : sentence.start] in {"", "\n"}
    if behind or (line and text[unit.end : unit.end + 1] == " " and capital(unit.end + 1)):
        return "heading"
    return "topic" if before["at"] else None


_MOST_BELOW = 12
"""Sentences that a heading reaches at most."""


def _below(
    text: str, parts: list[_Said], place: int, capital: Callable[[int], bool]
) -> list[tuple[Sentence, Clause]]:
    """The clauses behind the first sentence that are about its level too.

    A heading stands over its line, or over the items below a line of its own, until the next heading; a topic over the
    sentences of its line until one names another level.
    """
    reach = _reach(text, parts[place], capital)
    if reach is None:
        return []
    sentence, said = parts[place]
    alone = not text[_last_unit_end(said) : sentence.end].strip(" :|\n") and sentence.ending == "\n"
    found: list[tuple[Sentence, Clause]] = []
    for later, clauses_ in parts[place + 1 : place + 1 + _MOST_BELOW]:
        if later.line != sentence.line and not (
            alone and (_BULLET.match(text, later.start) or later.line == sentence.line + 1)
        ):
            break
        if _reach(text, (later, clauses_), capital) is not None or words.ELSEWHERE.match(text, later.start):
            break
        named = [level for clause in clauses_ for unit in clause.units for level in unit.levels]
        if reach == "topic" and any(kind is not Kind.ROOT for _, kind, _, _ in named):
            break
        found += [(later, one) for one in clauses_]
    return found


def _last_unit_end(said: list[Clause]) -> int:
    return max(unit.end for clause in said for unit in clause.units)
