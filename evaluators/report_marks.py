"""Where a text marks headings: Markdown, bold lines, numbers, brackets, tables, tags, JSON keys, plain lines."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from spinebench.evaluators.report_headings import LONGEST, Meaning, read_heading


@dataclass(frozen=True, slots=True)
class Mark:
    """A line or key that may be a heading."""

    start: int
    end: int
    """Half-open range of the heading with its marks; its text begins at `end`."""
    style: str
    """Headings of one style stand beside each other: `#2` is Markdown of level 2, `{1` a key of JSON at depth 1."""
    meaning: Meaning
    whole: bool
    """True where the heading has its line to itself."""
    stop: int | None = None
    """End of what it heads, where the text says so itself (closing tag, end of a JSON value)."""


_LINE = re.compile(r"[^\r\n\u2028\u2029]+")
_THOUGHT = re.compile(r"<(think|thinking)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_QUOTE = re.compile(r"[\s>]{0,40}")
_HASHES = re.compile(r"(#{1,6})\s*([^#\s].*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"\s{0,3}(={3,}|-{3,})\s*$")
_BOLD = re.compile(r"(\*{1,3}|_{2,3})(?=[^\s*_])(.{1,120}?)\1[ \t]*(?:[:：.。]|[–—-](?=\s|$))?[ \t]*")
_BRACKET = re.compile(
    r"(?:【(?P<a>[^【】]{1,80})】|〖(?P<b>[^〖〗]{1,80})〗|《(?P<d>[^《》]{1,80})》|\[(?P<c>[^\[\]]{1,80})\](?!\()|"
    r"(?P<f>[=~*-]{2,6})\s(?P<e>[^=~]{1,80}?)\s(?P=f))[ \t]*[:：]?[ \t]*"
)
_BULLET = re.compile(r"(?:[-*+•●▪◦‣·]|\d{1,2}[.)])[ \t]+(?=\S)")
_NUMBER = re.compile(
    r"(?:(?:section|part|step|chapter|item)\s{0,3}(?:\d{1,2}|[ivx]{1,5}|[a-h])\s{0,3}[:.)\-–—：、]\s{0,3}|"
    r"第\s?[一二三四五六七八九十\d]{1,3}\s?(?:部分|节|章|项|段|点)?\s?[:：、.．]?\s{0,3}|"
    r"[（(](?:\d{1,2}|[一二三四五六七八九十]{1,2}|[a-h]|[ivx]{1,4})[)）]\s{0,3}|"
    r"[一二三四五六七八九十]{1,2}\s?[、.．:：]\s{0,3}|[①-⑩❶-❿]\s{0,3}|"
    r"\d{1,2}(?:[.．]\d{1,2}){1,2}[a-h]?[.)、:：．）]?\s{1,3}|\d{1,2}(?:[.．]\d{1,2}){0,2}[a-h]?\s?[.)、:：．）]\s{0,3}|"
    r"(?:[ivx]{1,5}|[a-h]\d?)[.)、．:]\s{1,3})",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"([^:：|]{2,80}?)\s{0,3}(?:[:：]|[–—-](?=\s))[ \t]*")
_TABLE = re.compile(r"\|\s{0,20}([^|\n]{2,80}?)\s{0,20}\|[ \t]*")
_DECORATION = re.compile(r"^[\s*_`~#>\"“”]+|[\s*_`~#:：\"“”]+$")
_TAG = re.compile(
    r"<(?:h(?P<level>[1-6])\b[^<>]{0,200}>\s{0,20}(?P<head>(?:[^<>]|</?(?:b|strong|em|i|u|span)\b[^<>]{0,100}>){1,160})</h(?P=level)>|"
    r"(?P<bold>b|strong)>\s{0,20}(?P<strong>[^<>]{1,120})</(?P=bold)>\s{0,3}[:：]?|"
    r"(?P<name>[a-zA-Z][\w-]{1,60})(?P<attributes>[^<>]{0,200})>)",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"</([a-zA-Z][\w-]{0,60})\s{0,3}>")
_ATTRIBUTE = re.compile(
    r"(?:title|name|heading|label|id|class)\s?=\s?[\"']([^\"']{1,100})[\"']", re.IGNORECASE
)
_ANY_TAG = re.compile(r"<[^<>]{0,100}>")
_JSON_OPENING = re.compile(r"\{\s*\"")
_TITLES = frozenset(
    {"section", "title", "heading", "name", "section title", "section name", "部分", "标题", "章节"}
)
_JSON_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*(?:\"|\Z)|[{}\[\],:]", re.DOTALL)


def find_marks(text: str) -> list[Mark]:
    """Everything that may be a heading, in order. Linear in the length of the text."""
    keys = _in_json(text)
    if len({section for key in keys for section in key.meaning.sections if key.meaning.sure}) >= 2:
        return keys
    thoughts = [match.span() for match in _THOUGHT.finditer(text)] if "<think" in text.casefold() else []
    marks = [*_in_lines(text), *_in_tags(text)]
    if thoughts:
        starts = [low for low, _ in thoughts]
        marks = [mark for mark in marks if not _inside(mark.start, thoughts, starts)]
    marks.sort(key=lambda mark: (mark.start, -mark.end))
    return marks


def _inside(at: int, spans: list[tuple[int, int]], starts: list[int]) -> bool:
    position = bisect_left(starts, at + 1) - 1
    return position >= 0 and at < spans[position][1]


def _clean(label: str) -> str:
    return _DECORATION.sub("", label)


def _in_lines(text: str) -> Iterator[Mark]:
    previous: tuple[int, str] | None = None
    for match in _LINE.finditer(text):
        line, start = match.group(), match.start()
        indent = _QUOTE.match(line)
        offset = indent.end() if indent else 0
        body = line[offset : offset + 2 * LONGEST]
        if not body:
            previous = None
            continue
        whole_line = len(line) - offset <= 2 * LONGEST
        underline = _UNDERLINE.match(line)
        if underline is not None:
            if previous is not None:
                label = _clean(previous[1])
                meaning = read_heading(label)
                if meaning.sections and meaning.exact:
                    style = "#1" if underline.group(1)[0] == "=" else "#2"
                    yield Mark(previous[0], match.end(), style, meaning, whole=True)
            previous = None
            continue
        previous = (start + offset, body) if len(body) <= LONGEST else None
        mark = _in_line(body, start + offset, whole_line)
        if mark is not None:
            yield mark


def _in_line(body: str, start: int, whole_line: bool) -> Mark | None:
    """The heading that a line begins with. `body`: its beginning, without indentation."""

    def mark(end: int, style: str, meaning: Meaning, rest: str) -> Mark:
        return Mark(start, start + end, style, meaning, whole=whole_line and not rest.strip(" \t*_"))

    hashes = _HASHES.match(body) if whole_line and body[0] == "#" else None
    if hashes is not None:
        style = f"#{len(hashes.group(1))}"
        meaning = read_heading(_clean(_without_number(_clean(hashes.group(2)))))
        if not meaning.exact and (cut := _before_colon(body, hashes.start(2))):
            return Mark(start, start + cut[0], style, cut[1], whole=True)
        return mark(len(body), style, meaning, "")
    if body[0] == "|":
        cell = _TABLE.match(body)
        if cell is None:
            return None
        named = read_heading(_clean(_without_number(_clean(cell.group(1)))))
        return mark(cell.end(), "|", named, "|") if named.known and named.sure else None
    at = 0
    bullet = _BULLET.match(body)
    if bullet is not None and _BOLD.match(body, bullet.end()):
        at = bullet.end()
    number = _NUMBER.match(body, at)
    if number is not None:
        at = number.end()
    for pattern, style in ((_BOLD, "**"), (_BRACKET, "[")):
        found = pattern.match(body, at)
        if found is None:
            continue
        label = next(
            group for group in found.groups()[::-1] if group is not None and not set(group) <= set("*_=~-")
        )
        meaning = read_heading(_clean(_without_number(_clean(label))))
        if not meaning.exact and (cut := _before_colon(body, found.start())) and cut[0] < found.end():
            return mark(cut[0], style, cut[1], body[cut[0] :])
        if meaning.known and meaning.sure:
            return mark(found.end(), style, meaning, body[found.end() :])
    style = "1." if number is not None else ":"
    meaning = read_heading(_clean(body[at:])) if whole_line else Meaning()
    if meaning.known and meaning.exact and not (style == ":" and meaning.plain):
        return mark(len(body), style, meaning, "")
    plain = _PLAIN.match(body, at)
    if plain is not None:
        meaning = read_heading(_clean(plain.group(1)))
        if meaning.known and meaning.exact and not meaning.plain:
            return mark(plain.end(), style, meaning, body[plain.end() :])
    return None


def _before_colon(body: str, at: int) -> tuple[int, Meaning] | None:
    """End and meaning of a heading that goes on after a colon with its text: `Diagnosis: disc herniation`."""
    number = _NUMBER.match(body, at)
    plain = _PLAIN.match(body, number.end() if number else at)
    if plain is None:
        return None
    meaning = read_heading(_clean(_without_number(_clean(plain.group(1)))))
    return (plain.end(), meaning) if meaning.known and meaning.exact else None


def _without_number(label: str) -> str:
    number = _NUMBER.match(label)
    return label[number.end() :] if number else label


def _in_tags(text: str) -> Iterator[Mark]:
    if "<" not in text:
        return
    closing: defaultdict[str, list[int]] = defaultdict(list)
    for match in _CLOSING.finditer(text):
        closing[match.group(1).casefold()].append(match.start())
    for match in _TAG.finditer(text):
        level, head, strong, name = match.group("level", "head", "strong", "name")
        if level:
            meaning = read_heading(_clean(_without_number(_clean(_ANY_TAG.sub("", head)))))
            yield Mark(match.start(), match.end(), f"#{level}", meaning, whole=True)
        elif strong:
            meaning = read_heading(_clean(_without_number(_clean(strong))))
            if meaning.known and meaning.sure:
                after = text[match.end() : match.end() + 40].lstrip(" \t")
                whole = not after or after[0] in "\r\n<"
                yield Mark(match.start(), match.end(), "**", meaning, whole=whole)
        elif name:
            ends = closing.get(name.casefold())
            if not ends:
                continue
            attribute = _ATTRIBUTE.search(match.group("attributes"))
            meaning = read_heading(_clean(_without_number(attribute.group(1)))) if attribute else Meaning()
            if not meaning.known:
                meaning = read_heading(name.replace("-", " ").replace("_", " "))
            position = bisect_left(ends, match.end())
            if meaning.known and position < len(ends):
                yield Mark(match.start(), match.end(), "<", meaning, whole=True, stop=ends[position])


def _in_json(text: str) -> list[Mark]:
    """Keys of JSON that name a section or audience, with the range of their values; tolerates a text cut off."""
    opening = _JSON_OPENING.search(text)
    if opening is None:
        return []
    before = text[: opening.start()].rstrip()
    start = len(before) - 1 if before.endswith("[") else opening.start()
    found: list[tuple[int, int, int, Meaning, int]] = []
    """Start and end of a key, its depth, its meaning, the end of its value."""
    depth = 0
    last: re.Match[str] | None = None
    titled = False
    keys: dict[int, tuple[int, int, Meaning]] = {}
    titles: dict[int, tuple[int, int, Meaning]] = {}
    """Of objects that name their section in a value: `{"section": "Diagnosis", "text": ...}`."""

    def close(at: int, kept: dict[int, tuple[int, int, Meaning]]) -> None:
        key = kept.pop(depth, None)
        if key is not None:
            found.append((key[0], key[1], depth, key[2], at))

    for token in _JSON_TOKEN.finditer(text, start):
        sign = token.group()
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            close(token.start(), keys)
            close(token.start(), titles)
            depth -= 1
            if depth <= 0 and not text[token.end() : token.end() + 40].lstrip(", \t\r\n").startswith("{"):
                break
        elif sign == ",":
            close(token.start(), keys)
        elif sign == ":" and last is not None and depth not in keys and len(last.group()) <= LONGEST + 2:
            label = last.group()[1:-1].replace("_", " ")
            titled = label.casefold() in _TITLES
            meaning = read_heading(_without_number(label))
            if meaning.known:
                keys[depth] = (last.start(), token.end(), meaning)
            last = None
            continue
        elif titled and len(sign) <= LONGEST + 2:
            meaning = read_heading(_without_number(_clean(sign[1:-1])))
            if meaning.known and meaning.exact:
                titles[depth] = (token.start(), token.end(), meaning)
        titled = False
        last = token if sign[0] == '"' else None
    for kept in (keys, titles):
        for level in sorted(kept, reverse=True):
            depth = level
            close(len(text), kept)
    found.sort()
    return [
        Mark(start, end, "{" + str(level), meaning, whole=True, stop=stop)
        for start, end, level, meaning, stop in found
    ]
