"""Where a reply may announce its answer, and which of these places only quote the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from spinebench.evaluators.extraction.languages import OTHER_LANGUAGES
from spinebench.evaluators.extraction.phrases import ANSWER, CLOSING_LINE, ClosingPhrases, compiled
from spinebench.evaluators.extraction.text import ANSWER_OPEN, BOXED, PlainText


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


class Form(IntEnum):
    """How strictly the place behind an announcement is read."""

    CLOSING = 0  # a colon there promises an answer: if none can be read, none is taken from earlier text
    PHRASE = 1
    FOREIGN = 2
    VERB = 3
    VALUE = 4  # inside \boxed{}, a tag or a JSON string
    PREDICATE = 5  # "B is the correct answer": the letter stands before
    PLACE = 6  # the match ends where the answer begins, whatever joins them


@dataclass(frozen=True)
class Head:
    """A place where the reply may announce its answer."""

    start: int
    end: int
    form: Form
    rule: Rule


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
    r"|\b(?:of|in) the (?:\w+\s)?form(?:at)?(?:\sof)?|\bformat(?:ted)?(?: as| like)?(?!\s?:?\n)|\btemplate"
    r"|\blike this)" + _GLUE,
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:i|i'll|i'm|let me|we|my|here(?:'s| is| are))\b", re.IGNORECASE)
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

    def add(patterns: tuple[str, ...], form: Form, rule: Rule) -> None:
        for pattern in patterns:
            if pattern in _CUES and not any(cue in plain.flat for cue in _CUES[pattern]):
                continue
            heads.extend(Head(m.start(), m.end(), form, rule) for m in compiled(pattern).finditer(text))

    if phrases.patterns == CLOSING_LINE:
        add(CLOSING_LINE, Form.CLOSING, Rule.CLOSING_LINE)
    else:
        for pattern in phrases.patterns:
            for m in compiled(pattern).finditer(text):
                end = m.end()
                if m.re.groups and m.group(m.re.groups) is not None:
                    end = m.start(m.re.groups)
                heads.append(Head(m.start(), end, Form.PLACE, Rule.CLOSING_LINE))
        if phrases.generic:
            add(CLOSING_LINE, Form.CLOSING, Rule.ANSWER_PHRASE)
    if phrases.generic:
        add(ANSWER, Form.PHRASE, Rule.ANSWER_PHRASE)
        spoken = tuple(language.pattern for language in OTHER_LANGUAGES if language.may_occur(plain.flat))
        add(spoken, Form.FOREIGN, Rule.ANSWER_PHRASE)
        heads.extend(Head(m.start(), m.end(), Form.VERB, Rule.CHOICE_PHRASE) for m in _VERB.finditer(text))
        heads.extend(
            Head(m.start(), m.end(), Form.PREDICATE, Rule.ANSWER_PHRASE) for m in _PREDICATE.finditer(text)
        )
        for mark, rule in ((BOXED, Rule.BOXED), (ANSWER_OPEN, Rule.ANSWER_TAG)):
            heads.extend(Head(m.start(), m.end(), Form.VALUE, rule) for m in re.finditer(mark, text))
        for key in (_JSON_KEY, _JSON_OPTIONS) if '"' in text or "'" in text else ():
            heads.extend(Head(m.start(), m.end(), Form.VALUE, Rule.JSON) for m in key.finditer(text))
    heads.sort(key=lambda head: (head.end, -head.form), reverse=True)
    return heads[:_MAX_HEADS]


def without_examples(plain: PlainText, heads: Sequence[Head]) -> PlainText:
    """The text with every announcement that is quoted as an example blanked out, at the same places."""
    quoted = [
        head
        for head in heads
        if head.form in {Form.CLOSING, Form.PLACE, Form.PHRASE} and is_example(plain.text, head)
    ]
    if not quoted:
        return plain
    chars = list(plain.text)
    for head in quoted:
        end = sentence_end(plain.text, head.end)
        chars[head.start : end] = " " * (end - head.start)
    return PlainText("".join(chars), plain.starts, plain.ends)


def is_example(text: str, head: Head) -> bool:
    """Whether the announcement is quoted: an example, or the instruction that asked for it."""
    before = text[max(0, head.start - 90) : head.start]
    if _EXAMPLE.search(before):
        return True
    asked = _INSTRUCTION.search(before)
    return asked is not None and _OWN.search(_SENTENCE_START.split(before[: asked.start()])[-1]) is None


_SENTENCE_START = re.compile(r"[.!?]\s|\n")


_SENTENCE = re.compile(r"\s?[^\n]{0,300}?(?:[.!?](?=\s|$)|\n|$)", re.MULTILINE)


def sentence_end(text: str, start: int) -> int:
    """End of the sentence or line that `start` lies in, at most 300 characters on."""
    match = _SENTENCE.match(text, start)
    return min(len(text), start + 300) if match is None else match.end()
