"""Declarations: places where a reply announces its answer, and what it announces there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spinebench.evaluators.extraction.announcements import (
    Form,
    Head,
    Rule,
    before_head,
    is_example,
    sentence_end,
)
from spinebench.evaluators.extraction.choice import ChoiceReader, Kind, Reading
from spinebench.evaluators.extraction.text import ANSWER_CLOSE, PlainText
from spinebench.evaluators.extraction.vocabulary import NEGATION_BEFORE


@dataclass(frozen=True)
class Declaration:
    """What a reply declares at one place."""

    rule: Rule
    reading: Reading
    start: int
    """Where the announcement begins."""


_GAP = (
    r"(?:\s(?:to|for|of|in|among|amongst|from|given|based|that|which|here|on|with|closest|out|as"
    r"|between|regarding|within|by|would|I)\b"
    r"(?P<gap>[^.;:!?\n=]{0,90}?)|,\s[^,.;:!?\n]{1,40},)?"
)
_LINK = re.compile(
    r"\s?(?:choice|option|letter|here|therefore|thus|now)?\s?(?:\([^()\n]{1,30}\)\s?)?"
    + _GAP
    + r"\s?(?:(?P<mark>[:|=]+>?|-{1,2}>|-(?=\s)|,(?=\s(?:is|are)\b))"
    r"|\b(?:would|should|must|will|has to|have to|appears? to|seems? to|is most likely to"
    r"|is likely to)\s(?:\w+ly\s)?be\b|\bis\b|\bare\b|\bremains?\b"
    r"|(?P<line>\n\n?)(?=\W{0,4}[A-Za-z](?:[\W_]|$)))",
    re.IGNORECASE,
)
_FOREIGN_LINK = re.compile(
    r"\s?(?:\([^()\n]{1,30}\)\s?)?[\"']?\s?(?:(?P<mark>[:|=]+|-(?=\s))|(?:是|为|為|应为|應為|应该是|應該是|選|选"
    r"|は|が|은|는|이|가|ist|sind|lautet|lauten|wäre|est|sont|serait|es|son|sería"
    r"|é|são|è|sono|e'|is|zijn|är|er|on|este|to|jest|je|это|является|являются|-|є|це|е|είναι|là"
    r"|adalah|ialah|คือ|هي|هو|است|ہے|היא|הוא|είναι)(?=[\W_]|[A-Z]|$)"
    r"|(?=\s?[\[(\"']?[A-Z](?![^\W_])))",
)
_NOT_ITS_OWN = re.compile(
    r"(?:\b(?:incorrect|wrong|least|false|invalid|unlikely|improbable|implausible|inappropriate|other|another|alternative|second|2nd|third|next|previous"
    r"|earlier|initial|initially|first|original|preliminary|tentative|sample|example"
    r"|not|no|never|eliminate\w*|excluded?|former|(?<!only )possible|(?<!only )potential|reject\w*"
    r"|your|whose|each|every|any|either|which|what|question|expected|intended|reference|some|many"
    r"|ruled out|model|student'?s?|their|his|her)"
    r"|n't)\s+(?:(?:the|a|an|that|this|is|most|correct|best|final|as|likely"
    r"|probable|plausible|suitable|appropriate|accurate|consistent|supported|fitting|possible)\s+){0,3}$",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|suppose|supposing|assume|assuming|unless|were)\b[^.,;:!?\n]{0,60}$", re.IGNORECASE
)
_WOULD = re.compile(r"\bwould\b", re.IGNORECASE)
_COUNTERFACTUAL = re.compile(
    r"\b(?:if(?!\s(?:i|we|you|one|forced|asked|pressed|required)\b)|unless|otherwise|suppos\w+|assuming"
    r"|in (?:that|which|such a) case|were it not"
    r"|without\s(?:the|this|these|that|those)(?!\s(?:\w+\s){0,2}(?:information|context|history|images?|data)))\b"
    r"|(?:^|[.!?,]\s|\n)(?:were|had)\s",
    re.IGNORECASE,
)
"""Makes `the answer would be A` in the same sentence a supposition; `if I had to choose` does not."""
_FOREIGN_NOT = re.compile(
    r"(?:\b(?:falsche|unwahrscheinlich(?:st)?e|unzutreffende|mauvaise|fausse|moins probable|menos probable"
    r"|meno probabile|incorrecta|errada|sbagliata|onjuiste|felaktiga)\s|错误的?|最不可能的?)$",
    re.IGNORECASE,
)
_EXAMPLE_BEHIND = re.compile(
    r"[\s.\"')\]]{0,4}(?:\(?(?:as|is|was)\s(?:just\s|only\s)?an?\s(?:example|placeholder|template)"
    r"|\(?for (?:example|instance)\b|\(example\))",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s?[\[(]\s?[A-Z][\])]")
_STRAIGHT = re.compile(r"\s[A-Z](?=\s?(?:$|[.\n]))", re.MULTILINE)
_ASKED = re.compile(r"[^.!?\n]{0,40}\?")
_LISTING = re.compile(r"\s?(?:options|choices)\s?:", re.IGNORECASE)
_SUBJECT = re.compile(
    r"(?:^|[\s,(\[]|[^\x00-\u0dff])[(\[]?(?:(?:option|choice|answer"
    r"|letter)s?\s)?[(\[]?([A-Z])[)\]]?(?=[\s.:,)\]-]|[^\x00-\u0dff]|$)",
    re.IGNORECASE,
)


def declarations(plain: PlainText, reader: ChoiceReader, heads: Iterable[Head]) -> Iterator[Declaration]:
    """Declarations, last first. Announcements that turn out to announce nothing are left out."""
    for head in heads:
        reading = _read(plain, reader, head)
        if reading is not None and not _EXAMPLE_BEHIND.match(plain.text, reading.end):
            yield Declaration(head.rule, reading, head.start)


def _read(plain: PlainText, reader: ChoiceReader, head: Head) -> Reading | None:
    text = plain.text
    if is_example(text, head):
        return None
    match head.form:
        case Form.VALUE:
            return _value(text, reader, head)
        case Form.PREDICATE:
            return _subject(text, reader, head)
        case Form.VERB:
            if _WOULD.search(text, head.start, head.end) and _counterfactual(text, head.start):
                return None
            return _decisive(reader.read(head.end, lower=False))
        case Form.PLACE:
            return _place(text, reader, head)
        case Form.FOREIGN:
            link = _FOREIGN_LINK.match(text, head.end)
            if link is None or _FOREIGN_NOT.search(text, max(0, head.start - 24), head.start):
                return None
            return _decisive(reader.read(link.end(), lower=link.group("mark") is not None))
        case _:
            return _phrase(text, reader, head)


def _counterfactual(text: str, start: int) -> bool:
    """Whether the sentence before a place supposes what is not so."""
    before = max(0, start - 200)
    begin = max(before, *(text.rfind(mark, before, start) + 1 for mark in (". ", "! ", "? ", "\n")))
    return _COUNTERFACTUAL.search(text[begin:start].lstrip()) is not None


def _decisive(reading: Reading) -> Reading | None:
    """A reading that says something; None where nothing is declared."""
    if reading.kind in {Kind.UNREADABLE, Kind.TEMPLATE, Kind.WITHDRAWN}:
        return None
    return reading


def _phrase(text: str, reader: ChoiceReader, head: Head) -> Reading | None:
    before, sentence = before_head(text, head)
    if _NOT_ITS_OWN.search(before, sentence) or _SUPPOSED.search(before, sentence):
        return None
    closing = head.form is Form.CLOSING
    if not closing and _LISTING.match(text, head.end):
        return None
    direct = _BRACKETED.match(text, head.end)
    link = _LINK.match(text, head.end)
    if direct is not None:
        return _decisive(reader.read(head.end))
    if link is None:
        if closing:
            straight = _STRAIGHT.match(text, head.end)
            if straight is not None:
                return _decisive(reader.read(head.end))
        undetermined = reader.read(head.end, lower=False)
        return undetermined if undetermined.kind is Kind.NONE else None
    if link.group("gap") and re.search(
        r"\b(?:not|never|reject\w*|exclud\w*|rul\w+ out|unlikely|eliminat\w+|wrong|incorrect|if)\b|n't",
        link.group("gap"),
        re.I,
    ):
        return None
    if _WOULD.search(text, link.start(), link.end()) and _counterfactual(text, head.start):
        return None
    mark = link.group("mark") is not None
    if link.group("line") is not None and not _heads_line(text, head.start):
        return None
    reading = reader.read(link.end(), lower=mark)
    if reading.kind is Kind.NAMES and link.group("line") is not None:
        return None
    if reading.kind is not Kind.UNREADABLE:
        return reading if reading.kind not in {Kind.TEMPLATE, Kind.WITHDRAWN} else None
    stop = sentence_end(text, link.end())
    found = reader.within(link.end(), stop, names=closing and mark)
    if found.kind is not Kind.UNREADABLE:
        return found
    if closing and mark and text[reading.end : stop].strip(" .\n"):
        return Reading(Kind.UNREADABLE, head.start, stop)
    return None


def _place(text: str, reader: ChoiceReader, head: Head) -> Reading | None:
    """Behind a pattern given by the caller."""
    reading = reader.read(head.end)
    if reading.kind is not Kind.UNREADABLE:
        return _decisive(reading)
    stop = sentence_end(text, head.end)
    found = reader.within(head.end, stop, names=True)
    return _decisive(found)


def _heads_line(text: str, start: int) -> bool:
    line = text[
        max(
            0,
            text.rfind("\n", max(0, start - 40), start) + 1
            if "\n" in text[max(0, start - 40) : start]
            else start - 40,
        ) : start
    ]
    return not line.strip(" ->0123456789.")


def _value(text: str, reader: ChoiceReader, head: Head) -> Reading | None:
    if head.rule is Rule.JSON:
        rest = text[head.end : head.end + 6].strip()
        if rest.startswith(("null", '""', "''", "]", "none", "None")):
            return Reading(Kind.NONE, head.start, head.end)
        if rest.startswith(("{", "true", "false")):
            return None
        quote = (
            text.find('"', head.end + 1)
            if rest.startswith('"') and "[" not in text[head.end - 1 : head.end]
            else -1
        )
        stop = quote if 0 <= quote < head.end + 400 else min(len(text), head.end + 400)
        reading = reader.read(head.end)
        if reading.kind is Kind.UNREADABLE and quote >= 0:
            reading = reader.within(head.end, stop, names=False)
        return _decisive(reading)
    if head.rule is Rule.ANSWER_TAG:
        close = text.find(ANSWER_CLOSE, head.end, head.end + 600)
        reading = reader.read(head.end)
        if reading.kind is Kind.UNREADABLE:
            stop = close if close >= 0 else min(len(text), head.end + 600)
            found = reader.within(head.end, stop, names=True)
            if found.kind is not Kind.UNREADABLE:
                return found
            if close >= 0 and text[head.end : close].strip():
                return Reading(Kind.UNREADABLE, head.start, close)
        return _decisive(reading)
    return _decisive(reader.read(head.end))


def _subject(text: str, reader: ChoiceReader, head: Head) -> Reading | None:
    """The one letter that the clause before "is the correct answer" speaks of."""
    start = max(0, head.start - 160)
    clause = text[start : head.start]
    cut = max(clause.rfind(mark) for mark in (". ", "! ", "? ", "\n", "; "))
    begin = start + cut + 1 if cut >= 0 else start
    named = [
        m
        for m in _SUBJECT.finditer(text, begin, head.start)
        if m.group(1).isupper() or "(" in m.group() or "option" in m.group().lower()
    ]
    letters = {m.group(1).upper() for m in named}
    if len(letters) != 1 or NEGATION_BEFORE.search(text[begin : named[0].start(1)]):
        return None
    if _SUPPOSED.search(text[max(0, begin - 1) : named[0].start(1)]):
        return None
    if _ASKED.match(text, head.end):
        return None
    reading = reader.read(named[0].start(1))
    if reading.kind is Kind.OUTSIDE or reading.kind is Kind.CONFLICT:
        return reading
    return (
        Reading(Kind.LETTERS, named[0].start(1), head.end, reading.letters)
        if reading.kind is Kind.LETTERS
        else None
    )
