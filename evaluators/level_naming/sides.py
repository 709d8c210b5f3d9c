"""Left, right and both: which side is said of which level of a clause."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Literal

from spinebench.evaluators.level_naming import vocabulary as words
from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.clauses import Clause, Unit
from spinebench.evaluators.level_naming.standing import Spoken

Side = Literal["left", "right", "both"]

_PICTURE = (
    r"(?:images?|pictures?|films?|screens?|slices?|scans?|photo\w*|frames?|figures?|panels?|viewer|reader|page"
    r"|display)"
)
_SIDE = re.compile(
    r"(?P<both>\b(?:bilateral(?:ly)?|both sides|either side|b/l)\b|\bboth (?:neural |lateral "
    r"|[clts]\d{1,2} )*(?:foram\w+|recess\w*|facets?|nerve|nerves|exiting|traversing|sides?"
    r"|subarticular|pedicles?|lamina\w*|pars)"
    r"|双侧|两侧|双边|左右(?:两|双)?侧|左右(?=椎间孔|侧隐窝|神经根)|双(?=椎间孔|侧隐窝|神经根|小关节))"
    r"|(?P<left>\b(?:left|lt\.)(?:-?sided|wards?)?(?![a-z])|\(l\)|左(?!右))"
    r"|(?P<right>\b(?:right|rt\.)(?:-?sided|wards?)?(?![a-z])|\(r\)|(?<!左)右)"
)
_LIMBS = (
    r"[ -]?(?:(?:lower|upper|posterior|anterior|medial|big|great|first|the|side|proximal"
    r"|distal) )*(?:legs?|arms?|hands?|foot|feet|thighs?|calf|hips?|buttocks?|knees?|ankles?"
    r"|shoulders?|limbs?|extremit\w*|toes?|groin|flank|quadrant"
    r"|kidneys?|thyroid|parotid|renal|adrenal|lungs?|pleura\w*|hepatic|ovar\w*|breast|ureter\w*"
    r"|femoral|femur|iliac (?:vessel|arter)\w*|atri\w+|ventric\w+|hemi-?(?:paresis|plegia))\b"
    r"|侧?(?:下肢|上肢|腿|臀|足|脚|手|臂|肩|踇|拇|小腿|大腿|膝|髋|肾|肺|肝|卵巢|输尿管|径|小指|趾|半身|肢)"
)
_NOT_AFTER = re.compile(
    rf"{_LIMBS}|(?:[ -](?:side|half|part|edge|border|margin|hand side|portion))?[ ,]*(?:of|in"
    rf"|on) (?:the|this|each) {_PICTURE}\b"
    rf"|[ -]{_PICTURE}\b|[ -]hand\b"
)
_RIGHT_ANSWER = re.compile(
    r" (?:answers?|options?|choices?|ones?|levels?|diagnos\w+|repl\w+|now|away|after|before|below"
    r"|above|behind|at|up|there|here|angles?|reasons?|approach|interpretation|conclusion)\b"
)
_LEFT_OVER = re.compile(
    r" (?:untreated|alone|out|behind|over|off|open|unchanged|intact|in place|in situ|the hospital"
    r"|unfused)\b|[.,;)]|$"
)
_STATES = re.compile(r"(?:\b(?:is|are|was|were|that's|all|you're|been|be|quite|exactly|get it) )$")
_DENIED = re.compile(
    r"(?:\bnot|rather than|instead of|than|no)(?: (?:on|at|to|the|of|significant)){0,3} $|(?:而非|不是|非)$"
)
_DOMINANCE = re.compile(
    r"(?:greater|more|worse|larger|less|>)(?: \w+){0,2} ?(?:than|>)?(?: the| on| on the)? $|[>] ?$"
)
_ATTACHED = re.compile(r"(?:侧|后|-sided| sided)? ?")


def marks(text: str, start: int, end: int) -> list[tuple[int, int, Side]]:
    """Every side of the patient that a range of the folded text names: start, end, side.

    Left out: sides of the picture, of limbs and of other organs, *right* for correct, *left* for remaining, and a
    side that is denied.
    """
    found: list[tuple[int, int, Side]] = []
    for match in _SIDE.finditer(text, start, end):
        side: Side = "both" if match["both"] else "left" if match["left"] else "right"
        before = text[max(start, match.start() - 40) : match.start()]
        if side != "both" and _NOT_AFTER.match(text, match.end()):
            continue
        if side == "right" and (
            _RIGHT_ANSWER.match(text, match.end())
            or (_STATES.search(before) and re.match(r"\s*(?:[.,:;!?]|$)", text[match.end() :][:3]))
        ):
            continue
        if side == "left" and _STATES.search(before) and _LEFT_OVER.match(text, match.end()):
            continue
        if _DENIED.search(before) and not _DOMINANCE.search(before):
            continue
        found.append((match.start(), match.end(), side))
    return found


def together(found: Sequence[Side]) -> Side | None:
    """One side for several: `both` where they differ; None for none."""
    distinct = set(found)
    return None if not distinct else distinct.pop() if len(distinct) == 1 else "both"


def sides(
    text: str, clause: Clause, said: Spoken, below: Sequence[tuple[Clause, Spoken]] = ()
) -> list[Side | None]:
    """The side of each unit of a clause, None where none is said.

    One unit takes what the clause says (and, for a heading, the clauses below it). Of several, a side before the
    first goes on until another is said (*left L3/4 and right L4/5*); otherwise each takes the side behind it (*L3/4 on
    the left and L4/5 on the right*), unless that side belongs to the next name (*L4/5 and right L5/S1*).
    """
    named = _of_findings(text, clause, said)
    if len(clause.units) == 1:
        extra = [one for place, what in below for one in _of_findings(text, place, what)]
        return [together([side for _, _, side in (*named, *extra)])]
    gaps = _gaps(text, clause.units, named)
    if gaps[0][0] is not None:
        result: list[Side | None] = []
        current: Side | None = None
        for gap, _ in gaps[:-1]:
            current = gap or current
            result.append(current)
        last = gaps[-1][0]
        if last is not None and gaps[-2][0] is None and len(set(result)) > 1:
            result[-1] = last
        return result
    return [_behind(text, clause.units, gaps, i) for i in range(len(clause.units))]


def _of_findings(text: str, clause: Clause, said: Spoken) -> list[tuple[int, int, Side]]:
    """The sides of a clause without those of which something is denied or called normal, where no level stands.

    *L4/5 protrusion, the right foramen is patent* says nothing of the right.
    """
    named = marks(text, clause.start, clause.end)
    if not named:
        return named
    commas = [match.start() for match in re.compile(",").finditer(text, clause.start, clause.end)]
    edges = [clause.start, *commas, clause.end]
    starts = [unit.start for unit in clause.units]

    def has_level(low: int, high: int) -> bool:
        return bisect_left(starts, low) < bisect_left(starts, high)

    @cache
    def tells(piece: int) -> bool:
        low, high = edges[piece], edges[min(piece + 1, len(edges) - 1)]
        if has_level(low, high):
            return True
        found = any(not said.denied(match.start()) for match in words.FINDING.finditer(text, low, high))
        return found or not (words.NORMAL.search(text, low, high) or words.denials(text, low, high))

    kept = []
    for mark in named:
        i = bisect_right(said.scopes, (mark[0], 1 << 62)) - 1
        if i >= 0 and mark[0] < said.scopes[i][1]:
            if has_level(*said.scopes[i]):
                kept.append(mark)
        elif tells(bisect_right(edges, mark[0]) - 1):
            kept.append(mark)
    return kept


def _gaps(
    text: str, units: Sequence[Unit], said: Sequence[tuple[int, int, Side]]
) -> list[tuple[Side | None, bool]]:
    """What is said before the first unit, between each two, and behind the last; and whether it leans to the next."""
    edges = [-1, *(unit.start for unit in units), len(text) + 1]
    found: list[tuple[Side | None, bool]] = []
    place = 0
    for high in edges[1:]:
        here: list[tuple[int, int, Side]] = []
        while place < len(said) and said[place][0] < high:
            here.append(said[place])
            place += 1
        leans = bool(here) and high <= len(text) and _ATTACHED.fullmatch(text, here[-1][1], high) is not None
        found.append((together([side for _, _, side in here]), leans))
    return found


def _behind(
    text: str, units: Sequence[Unit], gaps: Sequence[tuple[Side | None, bool]], i: int
) -> Side | None:
    if gaps[i][0] is not None and gaps[i][1]:
        return gaps[i][0]
    for j in range(i + 1, len(gaps)):
        side, leans = gaps[j]
        if side is None:
            continue
        if leans and j < len(units) and units[j].levels[0][1] is not Kind.ROOT:
            return gaps[i][0] if i else None
        return side
    if re.search(",", text[units[i - 1].end : units[i].start]) if i else True:
        return None
    earlier = [side for side, _ in gaps[: i + 1] if side is not None]
    return earlier[-1] if earlier else None
