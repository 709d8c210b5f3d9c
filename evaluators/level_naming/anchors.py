"""One vertebra as people write it: `L4`, `Th 12`, `lumbar 4`, `fifth lumbar`, `腰4`, `第四腰椎`.

All patterns run on folded text (lower case, NFKC). Every alternative is bounded, so time is linear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from spinebench.evaluators.level_naming.chain import is_vertebra, last_of_region

_REGION = MappingProxyType(
    {
        **{"c": "C", "t": "T", "th": "T", "d": "T", "l": "L", "s": "S"},
        **{"cervical": "C", "thoracic": "T", "dorsal": "T", "lumbar": "L", "sacral": "S"},
        **{"颈": "C", "胸": "T", "腰": "L", "骶": "S"},
    }
)
_ENGLISH_ORDINALS = MappingProxyType(
    {
        word: number
        for number, words in enumerate(
            (
                ("first", "1st"),
                ("second", "2nd"),
                ("third", "3rd"),
                ("fourth", "4th"),
                ("fifth", "5th"),
                ("sixth", "6th"),
                ("seventh", "7th"),
                ("eighth", "8th"),
                ("ninth", "9th"),
                ("tenth", "10th"),
                ("eleventh", "11th"),
                ("twelfth", "12th"),
            ),
            1,
        )
        for word in words
    }
)
_CHINESE_NUMERALS = MappingProxyType(
    {char: number for number, char in enumerate("一二三四五六七八九十", 1)} | {"十一": 11, "十二": 12}
)

UNIT = (
    r"(?:mm|cm|ml|mg|kg|m\b|%|°|degrees?\b|times?\b|x\b|years?\b|months?\b|weeks?\b|days?\b|hours?\b|views?\b"
    r"|个|年|月|天|日|周|次(?!之)|处|枚|级|岁|小时|分|例|余|度)"
)
"""What makes a number a measure, a count or a date."""

_LATIN = re.compile(r"(th|[ctlsd])(\. ?|[ -])?(1[0-2]|[1-9])(?!\d|\.\d|,\d{3}|:\d{2}|°|%)")
_WORD = re.compile(
    r"(cervical|thoracic|dorsal|lumbar|sacral)(?: (?:vertebrae|vertebra|vertebral bod(?:y|ies)"
    r"|segments?|levels?|dis[ck]s?))?"
    rf" ?-?(?:no\. ?|#)?(1[0-2]|[1-9])(?!\d|\.\d| ?{UNIT}|[a-z]| (?:levels|vertebrae|dis[ck]s"
    rf"|segments|patients|cases|images|nodes|roots|nerves)\b)"
)
_ORDINAL_WORD = "|".join(_ENGLISH_ORDINALS)
_ORDINAL = re.compile(
    rf"(?:{_ORDINAL_WORD})(?:(?:, | and |, and | or | to | through | ?- ?| ?/ ?"
    rf"|-to-)(?:the )?(?:{_ORDINAL_WORD})){{0,11}}"
    r" (cervical|thoracic|dorsal|lumbar|sacral)\b"
    r"(?= (?:vertebra|bod|segment|level|dis[ck]|inter|nerve|root|spinous|transverse|pedicle"
    r"|lamina|facet|endplate|motion)|[-.,;:)\]?!]|\s*$| (?:is|was|are|were|and|has|shows)\b)"
)
_ORDINAL_PART = re.compile(rf"{_ORDINAL_WORD}")
_NUMERAL = r"(?:1[0-2]|[1-9](?!\d)|十[一二]?|[一二三四五六七八九])"
_CHINESE = re.compile(rf"([颈胸腰骶])椎?体? ?(第)?({_NUMERAL})(?:节|椎(?!间|管|旁|板|弓))?")
_CHINESE_ORDINAL = re.compile(
    rf"第({_NUMERAL}(?:节?(?:(?:[、,和与及至到/~-]|以及)第?|第){_NUMERAL}){{0,11}})节?个?([颈胸腰骶])(?=椎|神经|间"
    rf"|$)椎?(?!间|管|旁|病)"
)
_CHINESE_PART = re.compile(_NUMERAL)
_AFTER_NUMERAL = re.compile(
    r"[、/~,.。;:)\-至到和与及]|\s*$|椎|间|水平|节|棘|横突|神经|根|[颈胸腰骶][椎一二三四五六七八九十\d]|[一二三四五六七八九十]|压缩|骨折|滑脱|受"
)
_NOT_AFTER_CHINESE = re.compile(rf" ?{UNIT}|\.\d|\d|层|片|区|组")
START = re.compile(
    r"(?<![a-z0-9])(?:th|[ctlsd])(?:\. ?|[ -])?\d|[颈胸腰骶]椎?体? ?第?[一二三四五六七八九十\d]"
    r"|第[一二三四五六七八九十\d]"
    rf"|\b(?:cervical|thoracic|dorsal|lumbar|sacral)[a-z ]{{0,18}} ?-?(?:no\. ?|#)?\d"
    rf"|\b(?:{_ORDINAL_WORD})\b"
    r"|lumbo-?sacral|odontoid|\bdens\b|atlanto-?axial|\batlas\b|\baxis (?:vertebra|body)|齿状?突|寰|枢椎|腰骶"
)
"""Where a vertebra may begin."""
_NAMED = (
    (re.compile(r"lumbo-?sacral (?:junction|dis[ck]|level|interspace|joint|segment)"), ("L5", "S1")),
    (re.compile(r"腰骶(?=椎间盘|间隙|关节|交界|连接|间盘)"), ("L5", "S1")),
    (re.compile(r"atlanto-?axial(?: joint)?|寰枢(?:椎|关节|间)?"), ("C1", "C2")),
    (re.compile(r"odontoid(?: process| peg)?|dens|齿状?突|枢椎|axis (?:vertebra|body)"), ("C2",)),
    (re.compile(r"(?<=the )atlas(?! of)\b|atlas(?= (?:vertebra|fracture|ring|arch))|寰椎"), ("C1",)),
)
_BEFORE = re.compile(r"(?:pd|anti|il|cd|np|hla|type|class|grade|ctla|'|[=^×*])-? ?$|(?:\b[a-z]{1,2}/|°)$")


@dataclass(frozen=True, slots=True)
class Part:
    """One vertebra where it is named, and how."""

    name: str
    """C1 to C7, T1 to T12, L1 to L6, S1 to S5; C8, which only a root can be."""
    start: int
    end: int
    letter: bool = True
    """Written with a region of its own; False for the `5` of `L4/5`."""
    link: str = ""
    """What joins it to the part before, see `expressions`."""
    dorsal: bool = False
    """Written with D, which stands for much else."""


def read_anchor(text: str, place: int, capital: bool) -> tuple[Part, ...]:
    """The vertebrae named at `place` with a region of their own; none if there is no name.

    `capital`: the character there was written as a capital, which `L 4` and `T-12` need.
    """
    for pattern, names in _NAMED:
        match = pattern.match(text, place)
        if match is not None:
            links = ("", "/")
            return tuple(
                Part(name, *match.span(), link=link) for name, link in zip(names, links, strict=False)
            )
    return (
        read_latin(text, place, capital)
        or _word(text, place)
        or _ordinal(text, place)
        or read_chinese(text, place)
        or _chinese_ordinal(text, place)
    )


def read_latin(text: str, place: int, capital: bool) -> tuple[Part, ...]:
    """`L4`, `L 4`, `L.4`, `Th12`, `D5`."""
    match = _LATIN.match(text, place)
    if match is None or (match[2] and not capital) or _BEFORE.search(text, max(0, place - 8), place):
        return ()
    if match[2] == "-" and match[1] in "ts" and match[3] == "1":
        return ()  # per tesla, per second
    end = match.end()
    follows = text[end : end + 1]
    if "a" <= follows <= "z" and not (_LATIN.match(text, end) and match[2] is None):
        return ()
    part = _part(match[1], int(match[3]), place, end)
    return (part,) if part is not None else ()


def _word(text: str, place: int) -> tuple[Part, ...]:
    match = _WORD.match(text, place)
    part = None if match is None else _part(match[1], int(match[2]), *match.span())
    return () if part is None else (part,)


def _ordinal(text: str, place: int) -> tuple[Part, ...]:
    match = _ORDINAL.match(text, place)
    if match is None:
        return ()
    found: list[Part] = []
    for one in _ORDINAL_PART.finditer(text, place, match.start(1)):
        joint = text[found[-1].end : one.start()] if found else ""
        part = _part(match[1], _ENGLISH_ORDINALS[one.group()], *one.span(), link=_plain_link(joint))
        if part is None:
            return ()
        found.append(part)
    last = found[-1]
    found[-1] = Part(last.name, last.start, match.end(), link=last.link)
    return tuple(found)


def read_chinese(text: str, place: int) -> tuple[Part, ...]:
    """`腰4`, `颈椎5`, `腰椎第4节`, `腰五`, `腰四五`."""
    match = _CHINESE.match(text, place)
    if match is None or _NOT_AFTER_CHINESE.match(text, match.end()):
        return ()
    numeral = match[3]
    if not numeral[0].isdigit() and not _AFTER_NUMERAL.match(text, match.end(3)):
        return ()
    part = _part(match[1], _number(numeral), *match.span())
    if part is None:
        return ()
    found = [part]
    while not numeral[0].isdigit():  # 腰四五: the numerals follow each other
        more = _CHINESE_PART.match(text, found[-1].end)
        if more is None or more.group()[0].isdigit() or not _AFTER_NUMERAL.match(text, more.end()):
            break
        part = _part(match[1], _number(more.group()), *more.span(), link="/")
        if part is None:
            break
        found.append(part)
    return tuple(found)


def _chinese_ordinal(text: str, place: int) -> tuple[Part, ...]:
    match = _CHINESE_ORDINAL.match(text, place)
    if match is None:
        return ()
    found: list[Part] = []
    for one in _CHINESE_PART.finditer(text, match.start(1), match.end(1)):
        joint = text[found[-1].end : one.start()] if found else ""
        part = _part(match[2], _number(one.group()), *one.span(), link=_plain_link(joint))
        if part is None:
            return ()
        found.append(part)
    first, last = found[0], found[-1]
    found[-1] = Part(last.name, last.start, match.end(), link=last.link)
    found[0] = Part(first.name, place, found[0].end)
    return tuple(found)


def _plain_link(joint: str) -> str:
    """`-`, `to`, `/` or `,` for what stands between two ordinals."""
    joint = joint.strip()
    if joint in {"-", "~"}:
        return "-"
    if any(word in joint for word in ("to", "through", "至", "到")):
        return "to"
    return "/" if joint == "/" else ","


def inherited(before: Part, number: int, start: int, end: int, link: str) -> Part | None:
    """The `5` of `L4/5`, the `1` of `L5/1`, as a vertebra; None where there is none of that number."""
    region = before.name[0]
    name = f"{region}{number}"
    if number == 1 and last_of_region(before.name):
        name = {"C": "T1", "T": "L1", "L": "S1"}[region]
    if not is_vertebra(name) or (name == "L6" and (before.name != "L5" or link not in {"/", "-"})):
        return None
    return Part(name, start, end, letter=False, link=link)


def _number(numeral: str) -> int:
    return int(numeral) if numeral[0].isdigit() else _CHINESE_NUMERALS[numeral]


def _part(region: str, number: int, start: int, end: int, *, link: str = "") -> Part | None:
    name = f"{_REGION[region]}{number}"
    if not is_vertebra(name) and name != "C8":
        return None
    return Part(name, start, end, link=link, dorsal=region == "d")
