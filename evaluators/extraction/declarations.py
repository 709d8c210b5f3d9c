"""Declarations: places where a reply announces its answer, and what it announces there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from spinebench.evaluators.extraction.choice import NEGATION_BEFORE, ChoiceReader, Kind, Reading
from spinebench.evaluators.extraction.languages import OTHER_LANGUAGES
from spinebench.evaluators.extraction.phrases import (
    ANSWER,
    CLOSING_LINE,
    ClosingPhrases,
    compiled,
)
from spinebench.evaluators.extraction.text import ANSWER_CLOSE, ANSWER_OPEN, BOXED, PlainText


class Rule(StrEnum):
    """Every id that `Extraction.rule` may hold when the rules, not a model, read the text."""

    # answered
    CLOSING_LINE = "closing_line"
    BOXED = "boxed"
    ANSWER_TAG = "answer_tag"
    JSON = "json"
    ANSWER_PHRASE = "answer_phrase"
    CHOICE_PHRASE = "choice_phrase"
    OPTION_TEXT = "option_text"
    ALL_OPTIONS = "all_options"
    CONCLUSION = "conclusion"
    BARE_CHOICE = "bare_choice"
    NAMED_OPTION = "named_option"
    # no_answer
    EMPTY = "empty"
    NONE_OF_THE_OPTIONS = "none_of_the_options"
    # refused
    REFUSAL = "refusal"
    # unparsed, with the reason
    OUTSIDE_OPTIONS = "outside_options"
    SEVERAL_OPTIONS = "several_options"
    LETTER_TEXT_CONFLICT = "letter_text_conflict"
    HEDGED = "hedged"
    RANGE = "range"
    UNREADABLE = "unreadable"


class _Form(IntEnum):
    """How strictly the place behind an announcement is read."""

    CLOSING = 0  # a colon there promises an answer: if none can be read, none is taken from earlier text
    PHRASE = 1
    FOREIGN = 2
    VERB = 3
    VALUE = 4  # inside \boxed{}, a tag or a JSON string
    PREDICATE = 5  # "B is the correct answer": the letter stands before
    PLACE = 6  # the match ends where the answer begins, whatever joins them


@dataclass(frozen=True)
class Declaration:
    """What a reply declares at one place."""

    rule: Rule
    reading: Reading
    start: int
    """Where the announcement begins."""


@dataclass(frozen=True)
class Head:
    """A place where the reply may announce its answer."""

    start: int
    end: int
    form: _Form
    rule: Rule


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
    r"(?:\b(?:incorrect|wrong|least|other|another|alternative|second|2nd|third|next|previous"
    r"|earlier|initial|initially|first|original|preliminary|tentative|sample|example"
    r"|not|no|never|eliminate\w*|excluded?|former|(?<!only )possible|(?<!only )potential|reject\w*"
    r"|your|whose|each|every|any|either|which|what|question|expected|intended|reference|some|many"
    r"|ruled out|model|student'?s?|their|his|her)"
    r"|n't)\s+(?:(?:the|a|an|that|this|is|most|correct|best|final|as)\s+){0,3}$",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|suppose|supposing|assume|assuming|unless|were)\b[^.,;:!?\n]{0,60}$", re.IGNORECASE
)
_GLUE = (
    r"[\s,:;\"'(\[-]*(?:(?:the|this|exact|closing|final|following|phrase|line|words?"
    r"|form)[\s:\"']+){0,4}[\"'(\[]*$"
)
_EXAMPLE = re.compile(
    r"(?:\bfor\s(?:example|instance)|\be\.\s?g\.?|\bexamples?(?=\s?[:(\"'])|\bsuch as|\bz\.\s?b\."
    r"|\bzum beispiel"
    r"|\bpar exemple|\bpor (?:ejemplo|exemplo)|\bad esempio|\bнапример|例如|比如|例えば|예를 들어|예(?=:))"
    + _GLUE,
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:\b(?:end|finish|conclude|close|begin|start|reply|respond|answer)\s(?:(?:it|this|your\s\w+"
    r"|the\s\w+|on a new line)\s)?"
    r"(?:with|as|by writing|using)(?:\s(?:exactly|only))?|\b(?:must|should|please|to)\s(?:write"
    r"|print|output|state|say|type|use)(?:\s(?:exactly|only))?"
    r"|\b(?:of|in) the (?:\w+\s)?form(?:at)?(?:\sof)?|\bformat(?:ted)?(?: as| like)?|\btemplate"
    r"|\blike this)" + _GLUE,
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:i|i'll|i'm|let me|we|my|here(?:'s| is| are))\b", re.IGNORECASE)
_EXAMPLE_BEHIND = re.compile(
    r"[\s.\"')\]]{0,4}(?:\(?(?:as|is|was)\s(?:just\s|only\s)?an?\s(?:example|placeholder|template)"
    r"|\(?for (?:example|instance)\b|\(example\))",
    re.IGNORECASE,
)
_LISTING = re.compile(r"\s?(?:options|choices)\s?:", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:i|we)\s(?:(?:would|will|shall|can|must|therefore|thus|am|are|have|do|hereby|now|then"
    r"|finally|confidently)\s){0,3}"
    r"(?:(?:choose|select|pick|opt\sfor|vote\sfor|settle\son|settled\son|chosen|selected|choosing"
    r"|selecting|picking|answer|conclude)|go(?:ing)?\swith)\b(?:\sthat\sit\sis)?"
    r"|\bi'(?:ll|d|m|ve)\s(?:\w+ly\s)?(?:go(?:ing)?\swith|choose|choosing|select|selecting"
    r"|selected|chosen|pick|picking|opt\sfor|answer)\b",
    re.IGNORECASE,
)
_PREDICATE = re.compile(
    r"\b(?:is|are|would be|remains|must be|represents|seems to be|appears to be)\s(?:therefore\s"
    r"|thus\s|clearly\s|likely\s|probably\s|indeed\s|hence\s){0,2}(?:the|my|our)\s"
    r"(?:(?:most|only|single|overall|final)\s){0,2}(?:correct|right|best|appropriate|likely"
    r"|accurate|plausible|suitable|consistent|probable|closest|final|true)(?:\s\w+)?\s"
    r"(?:answers?|options?|choices?|diagnosis|responses?|ones?|match|fit|statement|selection)\b"
    r"|\b(?:is|are)\s(?:my|our)\s(?:final\s|chosen\s)?(?:answers?|options?|choices?|selection)\b"
    r"|(?:が正解|が正しい|が最も適切|이 정답|가 정답|是正确的?答案|是正确选项|为正确答案|是最佳答案)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(?:^|[\s,(\[])[(\[]?(?:(?:option|choice|answer"
    r"|letter)s?\s)?[(\[]?([A-Z])[)\]]?(?=[\s.:,)\]-]|[^\x00-\u0dff]|$)",
    re.IGNORECASE,
)
_JSON_KEY = re.compile(
    r"[\"'](?:my[_ -]?)?(?:final[_ -]?|correct[_ -]?|selected[_ -]?|chosen[_ -]?|best[_ -]?)?"
    r"(?:answers?|option|choices?|letters?|selection|selected|prediction|predicted|diagnosis"
    r"|response|result|final)"
    r"(?:[_ -]?(?:letters?|choices?|options?|answers?))?[\"']\s?:\s?(?P<list>\[)?",
    re.IGNORECASE,
)
_JSON_OPTIONS = re.compile(
    r"[\"'](?:my[_ -]?)?(?:final|correct|selected|chosen)[_ -]?options[\"']\s?:\s?(?P<list>\[)?",
    re.IGNORECASE,
)
_MAX_HEADS = 1500
"""Announcements examined per reply, from its end: a bound on time for hostile text."""


_CUES = {
    CLOSING_LINE[0]: ("final",),
    CLOSING_LINE[1]: ("my ", "our "),
    ANSWER[0]: ("answer",),
    ANSWER[1]: ("ans",),
}
"""Fragments without which a pattern cannot match: a cheap test before the search."""


def announcements(plain: PlainText, phrases: ClosingPhrases) -> list[Head]:
    """Where the reply may announce its answer, last place first."""
    text = plain.text
    heads: list[Head] = []

    def add(patterns: tuple[str, ...], form: _Form, rule: Rule) -> None:
        for pattern in patterns:
            if pattern in _CUES and not any(cue in plain.flat for cue in _CUES[pattern]):
                continue
            heads.extend(Head(m.start(), m.end(), form, rule) for m in compiled(pattern).finditer(text))

    if phrases.patterns == CLOSING_LINE:
        add(CLOSING_LINE, _Form.CLOSING, Rule.CLOSING_LINE)
    else:
        for pattern in phrases.patterns:
            for m in compiled(pattern).finditer(text):
                end = m.end()
                if m.re.groups and m.group(m.re.groups) is not None:
                    end = m.start(m.re.groups)
                heads.append(Head(m.start(), end, _Form.PLACE, Rule.CLOSING_LINE))
        if phrases.generic:
            add(CLOSING_LINE, _Form.CLOSING, Rule.ANSWER_PHRASE)
    if phrases.generic:
        add(ANSWER, _Form.PHRASE, Rule.ANSWER_PHRASE)
        spoken = tuple(language.pattern for language in OTHER_LANGUAGES if language.may_occur(plain.flat))
        add(spoken, _Form.FOREIGN, Rule.ANSWER_PHRASE)
        heads.extend(Head(m.start(), m.end(), _Form.VERB, Rule.CHOICE_PHRASE) for m in _VERB.finditer(text))
        heads.extend(
            Head(m.start(), m.end(), _Form.PREDICATE, Rule.ANSWER_PHRASE) for m in _PREDICATE.finditer(text)
        )
        for mark, rule in ((BOXED, Rule.BOXED), (ANSWER_OPEN, Rule.ANSWER_TAG)):
            heads.extend(Head(m.start(), m.end(), _Form.VALUE, rule) for m in re.finditer(mark, text))
        for key in (_JSON_KEY, _JSON_OPTIONS) if '"' in text or "'" in text else ():
            heads.extend(Head(m.start(), m.end(), _Form.VALUE, Rule.JSON) for m in key.finditer(text))
    heads.sort(key=lambda head: (head.end, -head.form), reverse=True)
    return heads[:_MAX_HEADS]


def declarations(plain: PlainText, reader: ChoiceReader, heads: Sequence[Head]) -> Iterator[Declaration]:
    """Declarations, last first. Announcements that turn out to announce nothing are left out."""
    for head in heads:
        reading = _read(plain, reader, head)
        if reading is not None and not _EXAMPLE_BEHIND.match(plain.text, reading.end):
            yield Declaration(head.rule, reading, head.start)


def without_examples(plain: PlainText, heads: Sequence[Head]) -> PlainText:
    """The text with every announcement that is quoted as an example blanked out, at the same places."""
    quoted = [
        head
        for head in heads
        if head.form in {_Form.CLOSING, _Form.PLACE, _Form.PHRASE} and _is_example(plain.text, head)
    ]
    if not quoted:
        return plain
    chars = list(plain.text)
    for head in quoted:
        end = _sentence_end(plain.text, head.end)
        chars[head.start : end] = " " * (end - head.start)
    return PlainText("".join(chars), plain.starts, plain.ends)


def _is_example(text: str, head: Head) -> bool:
    """Whether the announcement is quoted: an example, or the instruction that asked for it."""
    before = text[max(0, head.start - 90) : head.start]
    if _EXAMPLE.search(before):
        return True
    asked = _INSTRUCTION.search(before)
    return asked is not None and _OWN.search(_SENTENCE_START.split(before[: asked.start()])[-1]) is None


_SENTENCE_START = re.compile(r"[.!?]\s|\n")


def _read(plain: PlainText, reader: ChoiceReader, head: Head) -> Reading | None:
    text = plain.text
    before = text[max(0, head.start - 90) : head.start]
    if _is_example(text, head):
        return None
    match head.form:
        case _Form.VALUE:
            return _value(text, reader, head)
        case _Form.PREDICATE:
            return _subject(text, reader, head)
        case _Form.VERB:
            return _decisive(reader.read(head.end, lower=False))
        case _Form.PLACE:
            return _place(text, reader, head)
        case _Form.FOREIGN:
            link = _FOREIGN_LINK.match(text, head.end)
            if link is None:
                return None
            return _decisive(reader.read(link.end(), lower=link.group("mark") is not None))
        case _:
            return _phrase(text, reader, head, before)


def _decisive(reading: Reading) -> Reading | None:
    """A reading that says something; None where nothing is declared."""
    if reading.kind in {Kind.UNREADABLE, Kind.TEMPLATE, Kind.WITHDRAWN}:
        return None
    return reading


def _phrase(text: str, reader: ChoiceReader, head: Head, before: str) -> Reading | None:
    if _NOT_ITS_OWN.search(before) or _SUPPOSED.search(before):
        return None
    closing = head.form is _Form.CLOSING
    if not closing and _LISTING.match(text, head.end):
        return None
    direct = re.compile(r"\s?[\[(]\s?[A-Z][\])]").match(text, head.end)
    link = _LINK.match(text, head.end)
    if direct is not None:
        return _decisive(reader.read(head.end))
    if link is None:
        if closing:
            straight = re.compile(r"\s[A-Z](?=\s?(?:$|[.\n]))", re.MULTILINE).match(text, head.end)
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
    mark = link.group("mark") is not None
    if link.group("line") is not None and not _heads_line(text, head.start):
        return None
    reading = reader.read(link.end(), lower=mark)
    if reading.kind is Kind.NAMES and link.group("line") is not None:
        return None
    if reading.kind is not Kind.UNREADABLE:
        return reading if reading.kind not in {Kind.TEMPLATE, Kind.WITHDRAWN} else None
    stop = _sentence_end(text, link.end())
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
    stop = _sentence_end(text, head.end)
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
    if re.compile(r"[^.!?\n]{0,40}\?").match(text, head.end):
        return None
    reading = reader.read(named[0].start(1))
    if reading.kind is Kind.OUTSIDE or reading.kind is Kind.CONFLICT:
        return reading
    return (
        Reading(Kind.LETTERS, named[0].start(1), head.end, reading.letters)
        if reading.kind is Kind.LETTERS
        else None
    )


def _sentence_end(text: str, start: int) -> int:
    """End of the sentence or line that `start` lies in, at most 300 characters on."""
    match = re.compile(r"\s?[^\n]{0,300}?(?:[.!?](?=\s|$)|\n|$)", re.MULTILINE).match(text, start)
    return min(len(text), start + 300) if match is None else match.end()
