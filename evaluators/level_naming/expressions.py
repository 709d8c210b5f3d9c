"""Levels joined into one expression: pairs, ranges and lists, and what they mean.

- `L4/5`, `L4-L5`, `L5S1`, `L4 on L5`, `between L4 and L5`, `腰4、5间隙`: two neighbours are the disc between them.
  A hyphen or slash between neighbours that a word for the bone follows (*L4-L5 vertebral bodies*, *T12-L1 fracture*,
  腰4-5椎体) names the two vertebrae.
- `L2-L5`, `L2 to L5`: the vertebrae from one to the other, unless the nearest noun speaks of what lies between them
  (*disc*, *stenosis*, *fusion*, 椎间盘): then the discs. A bare *C3-C7* is five vertebrae: as it is written.
- `L3/4 to L5/S1`: every disc from the first to the last.
- `L3, L4 and L5`, `L3/4、4/5`: each of them. A bare number belongs to a list only where no measure or noun follows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spinebench.evaluators.level_naming.anchors import (
    START,
    UNIT,
    Part,
    inherited,
    read_anchor,
    read_chinese,
    read_latin,
)
from spinebench.evaluators.level_naming.chain import Kind, between, disc, first_below, neighbours

_LINK = re.compile(
    r" ?(?:(?P<slash>/|⁄|∕|_)|(?P<dash>-{1,2}|~|→)) ?"
    r"|(?P<to>(?:,? (?:down |up |all the way )?(?:to|through|thru|till"
    r"|until) (?:the )?(?:level of )?|-to-|至|到|→))"
    r"|(?P<on> (?:on|over|upon|onto|relative to|with respect to|in relation to) (?:the )?|相对于?)"
    r"|(?P<list>(?: ?(?:,|、|&|\+|;) ?|)(?: ?(?:and/or|and|or|as well as|以及|及|和|与|或|、) ?(?:the "
    r"|at |of |in )?|(?<=[,、&+;]) ?(?:at |the )?))"
    r"|(?P<none>)"
)
_STRENGTH = re.compile(r" ?(?:strength|power|in the (?:legs?|arms?)|muscle|肌力|级|out of)")
_NUMBER = re.compile(r"(1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])(?!\d|\.\d|[a-z])(?!" + rf" ?{UNIT})")
_ENDS_LIST = re.compile(
    r"\s*(?:$|[.;:)\]。、/~&]|,|-|and\b|or\b|to\b|through\b|和|及|与|或|至|到|椎|间|水平|节|棘|横突|神经"
    r"|vertebra|bod(?:y|ies)\b|levels?\b|segments?\b|dis[ck]s?\b|nerve|roots?\b|spinous"
    r"|transverse|pedicle|lamina|facet|fractur|compression|endplate)"
)
_PAIR_NUMBER = re.compile(r"(?:1[0-2]|[1-9]) ?[/-] ?(?:s ?)?(?:1[0-2]|[1-9])(?!\d|/|\.\d)")

_BONE_FOLLOWS = re.compile(
    r"[\s(]*(?:levels? )?(?:(?:acute|old|chronic|osteoporotic|pathologic\w*|mild|severe"
    r"|compression|wedge|burst|stable|anterior|posterior|superior|inferior) ){0,3}"
    r"(?:vertebrae\b|vertebral (?:bod|fract|compress|marrow|lesion|metast)|bod(?:y|ies)\b|fractur"
    r"|compression|wedg|burst|"
    r"(?:spinous|transverse) process|pedicles?\b|laminae?\b|椎体(?!间|后缘水平)|骨折|压缩|棘突|横突|椎弓根|椎板)"
)
_BONE_BEFORE = re.compile(
    r"(?:fractures?|vertebra(?:e|l bodies)|bodies) (?:at|of|in|involving|from) (?:the )?$"
)
_DISC_WORD = re.compile(
    r"dis[ck]s?\b|intervertebral|interbody|interspace|stenos|narrow|herniat|protru|extru|bulg"
    r"|desiccat|degenerat|spondylosis|foramin"
    r"|acdf|fusion|fused|discectomy|arthroplasty|motion segment|facet|canal|listhesis|间盘|间隙|狭窄|突出"
    r"|膨出|融合|椎间孔|退变|退行|小关节"
)
_BONE_WORD = re.compile(
    r"vertebra(?!l canal)|bod(?:y|ies)\b|fractur|laminectom|laminoplast|lamina|corpectom|pedicle"
    r"|spinous|transverse|screws?\b|metasta|hemangioma|haemangioma"
    r"|marrow|alignment|lordosis|kyphosis|wedg|compress|collaps|myelom|lesion|骨折|椎体(?!间)|棘突|椎板|椎弓"
    r"|横突|序列|曲度|血管瘤|转移|骨质"
)
_ROOT_FOLLOWS = re.compile(
    r"\s*(?:(?:exiting|traversing|spinal|exit|existing) )?(?:nerves?\b|roots?\b|nerve ?roots?\b"
    r"|radicul|dermatom|myotom|palsy|distribution|ganglion|脊?神经|神经根|根性|皮节)"
)
_ROOT_BEFORE = re.compile(
    r"(?:exiting|traversing|exits|nerve roots?(?: of)?|rami of|radiculopathy(?: at| of)?|root of"
    r"|dermatomes?(?: of)?) ?$|(?:出口|走行|行走|神经根)(?:根)?[(:]?$"
)
_ONE_DISC = re.compile(r" ?(?:intervertebral )?dis[ck]\b(?! ?(?:space )?(?:above|below))|(?:椎?间盘)")
_SPACE_FOLLOWS = re.compile(r" ?(?:之间|(?:椎体?)?间(?:隙|盘|孔)?| ?interspace| ?intervertebral| ?junction)")
_BETWEEN = re.compile(r"\bbetween (?:the )?$")
_WINDOW = 60
MOST = 20_000
"""Levels that are read of one text; no report names so many, and what comes behind them is not looked at."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One run of joined names, what it means, and where it stands in the folded text."""

    levels: tuple[tuple[str, Kind, int, int], ...]
    """Canonical level, kind, start and end, in the order of the text; the members of a range share their range."""
    parts: tuple[Part, ...]
    start: int
    end: int


def expressions(text: str, capital: Callable[[int], bool]) -> list[Expression]:
    """All expressions of a folded text, in order. `capital` tells whether a character was written as a capital."""
    found: list[Expression] = []
    place = count = 0
    while count < MOST and (match := START.search(text, place)):
        start = match.start()
        parts = read_anchor(text, start, capital(start))
        if not parts:
            place = max(start + 1, place + 1)
            continue
        parts = _joined(text, parts, capital)
        levels = _meaning(text, parts)
        place = parts[-1].end
        if levels:
            count += len(levels)
            found.append(Expression(tuple(levels), parts, parts[0].start, place))
    return found


def _joined(text: str, first: tuple[Part, ...], capital: Callable[[int], bool]) -> tuple[Part, ...]:
    parts = list(first)
    while True:
        last = parts[-1]
        match = _LINK.match(text, last.end)
        if match is None or match.lastgroup is None:
            break
        link = {"slash": "/", "dash": "-", "to": "to", "on": "on", "list": ",", "none": ""}[match.lastgroup]
        place = match.end()
        more: tuple[Part, ...] = ()
        if text[place : place + 1].isalpha():
            more = read_latin(text, place, capital(place)) or read_chinese(text, place)
            if link == "" and not more and text[place : place + 1] == "s":
                more = ()
        if not more and link != "":
            bare = _bare(text, parts, place, link)
            more = () if bare is None else (bare,)
        if not more:
            break
        head = more[0]
        parts.append(Part(head.name, head.start, head.end, head.letter, link, head.dorsal))
        parts += more[1:]
    return tuple(parts)


def _bare(text: str, parts: Sequence[Part], place: int, link: str) -> Part | None:
    """A number without a region behind a link, where it can be nothing but a vertebra."""
    match = _NUMBER.match(text, place)
    last = parts[-1]
    if match is None or last.name == "C8":
        return None
    numeral = match[1]
    if not numeral[0].isdigit():
        return _bare_numeral(text, last, match, link)
    if link == "on":
        return None
    if link in {"to", ","} and not _fits_a_list(text, parts, match, link):
        return None
    part = inherited(last, int(numeral), *match.span(), link)
    if part is None:
        return None
    if link == "," and len(parts) > 1 and parts[-1].link in {"/", "-"} and part.name == last.name:
        return part  # L3/4, 4/5: the list begins again with the lower vertebra
    if link == "/" and not neighbours(last.name, part.name):
        return None
    return part if between(last.name, part.name)[0] == last.name != part.name else None


def _bare_numeral(text: str, last: Part, match: re.Match[str], link: str) -> Part | None:
    numerals = {char: number for number, char in enumerate("一二三四五六七八九十", 1)} | {
        "十一": 11,
        "十二": 12,
    }
    part = inherited(last, numerals[match[1]], *match.span(), link)
    if part is None or not _ENDS_LIST.match(text, match.end()):
        return None
    return part if between(last.name, part.name)[0] == last.name != part.name else None


def _fits_a_list(text: str, parts: Sequence[Part], match: re.Match[str], link: str) -> bool:
    last = parts[-1]
    pair = _PAIR_NUMBER.match(text, match.start())
    if last.link in {"/", "-"}:
        return pair is not None and not _STRENGTH.match(text, pair.end()) and not _date_like(text, pair.end())
    if pair is not None and link == ",":
        return False
    return _ENDS_LIST.match(text, match.end()) is not None


def _date_like(text: str, end: int) -> bool:
    return re.match(r"[/-]\d|年|月|日", text[end : end + 2]) is not None


def _meaning(text: str, parts: Sequence[Part]) -> list[tuple[str, Kind, int, int]]:
    items: list[list[Part]] = []
    for part in parts:
        if part.link == "," or not items:
            items.append([part])
        else:
            items[-1].append(part)
    end = parts[-1].end
    singles = [item[0] for item in items if len(item) == 1]
    if len(singles) == len(items):
        return _of_singles(text, singles, end)
    found: list[tuple[str, Kind, int, int]] = []
    for item in items:
        found += _of_item(text, item, end)
    return found


def _of_singles(text: str, singles: Sequence[Part], end: int) -> list[tuple[str, Kind, int, int]]:
    """One vertebra or a list of them, with the noun before or behind: roots, discs, or the bones."""
    start = singles[0].start
    before = text[max(0, start - 40) : start]
    if _ROOT_FOLLOWS.match(text, end) or _ROOT_BEFORE.search(before):
        return [(part.name, Kind.ROOT, part.start, part.end) for part in singles]
    if len(singles) == 2:
        upper, lower = singles
        joined = _BETWEEN.search(before) or _SPACE_FOLLOWS.match(text, end)
        if joined and "C8" not in (upper.name, lower.name) and neighbours(upper.name, lower.name):
            return [(disc(upper.name, lower.name), Kind.DISC, upper.start, lower.end)]
    found: list[tuple[str, Kind, int, int]] = []
    one_disc = _ONE_DISC.match(text, end)
    for part in singles:
        below = None if part.name == "C8" else first_below(part.name)
        if part.name == "C8":
            found.append((part.name, Kind.ROOT, part.start, part.end))
        elif one_disc and below is not None:
            found.append((disc(part.name, below), Kind.DISC, part.start, part.end))
        else:
            found.append((part.name, Kind.VERTEBRA, part.start, part.end))
    return found


def _of_item(text: str, item: Sequence[Part], end: int) -> list[tuple[str, Kind, int, int]]:
    """One member of a list: a vertebra, a pair, a chain or a range."""
    if any(part.name == "C8" for part in item):
        return []
    first, last = item[0], item[-1]
    span = (first.start, last.end)
    if len(item) == 1:
        return [(first.name, Kind.VERTEBRA, *span)]
    links = [part.link for part in item[1:]]
    tight = any(link in {"/", "", "on"} for link in links)
    chain = all(neighbours(a.name, b.name) for a, b in pairwise(item))
    if links == ["on"] and not chain and neighbours(last.name, first.name):
        return [(disc(last.name, first.name), Kind.DISC, *span)]
    if "" in links and not chain:
        return []  # C6D6: run together, and no neighbours
    if all(link in {"/", "", "on"} for link in links) and not chain:
        if len(item) == 2 and neighbours(last.name, first.name):
            return [(disc(last.name, first.name), Kind.DISC, *span)]
        return [(part.name, Kind.VERTEBRA, part.start, part.end) for part in item]
    if chain and "to" not in links:
        ahead = text[max(0, first.start - 40) : first.start]
        bones = _BONE_FOLLOWS.match(text, end) is not None or (
            not tight and _BONE_BEFORE.search(ahead) is not None
        )
    else:
        bones = not tight and not _speaks_of_discs(text, first.start, end)
    chained = between(first.name, last.name)
    if bones:
        return [(name, Kind.VERTEBRA, *span) for name in chained]
    return [(disc(upper, lower), Kind.DISC, *span) for upper, lower in pairwise(chained)]


_CLAUSE_END = re.compile(r"[.;,。\n]| but | while ")


def _speaks_of_discs(text: str, start: int, end: int) -> bool:
    """Whether the nearest noun of the clause is one of discs; one before it must be three times as near."""
    behind = text[end : end + _WINDOW]
    cut = _CLAUSE_END.search(behind)
    behind = behind[: cut.start()] if cut else behind
    before = text[max(0, start - _WINDOW) : start]
    cuts = list(_CLAUSE_END.finditer(before))
    before = before[cuts[-1].end() :] if cuts else before
    later, earlier = _nearest(behind, first=True), _nearest(before, first=False)
    if later is None or (earlier is not None and 3 * (len(before) - earlier[0]) < later[0]):
        return earlier is not None and earlier[1]
    return later[1]


def _nearest(window: str, *, first: bool) -> tuple[int, bool] | None:
    """Place of the first or last word of discs (True) or bones (False) of the window; its end for the last."""
    hits = [(match.start() if first else match.end(), True) for match in _DISC_WORD.finditer(window)]
    hits += [(match.start() if first else match.end(), False) for match in _BONE_WORD.finditer(window)]
    if not hits:
        return None
    return min(hits) if first else max(hits)
